//! Which of many machines is due next.

use std::collections::{BTreeMap, BTreeSet};

use crate::Moment;

/// One deadline per key, and the earliest of all at hand.
#[derive(Debug, Clone)]
pub(crate) struct Schedule<K> {
    by_key: BTreeMap<K, Moment>,
    by_time: BTreeSet<(Moment, K)>,
}

impl<K: Ord + Clone> Schedule<K> {
    pub(crate) fn new() -> Schedule<K> {
        Schedule { by_key: BTreeMap::new(), by_time: BTreeSet::new() }
    }

    /// Sets, moves or (with `None`) removes the deadline of `key`.
    pub(crate) fn set(&mut self, key: &K, deadline: Option<Moment>) {
        if self.by_key.get(key).copied() == deadline {
            return;
        }
        if let Some(old) = self.by_key.remove(key) {
            self.by_time.remove(&(old, key.clone()));
        }
        if let Some(deadline) = deadline {
            self.by_key.insert(key.clone(), deadline);
            self.by_time.insert((deadline, key.clone()));
        }
    }

    pub(crate) fn next(&self) -> Option<Moment> {
        self.by_time.first().map(|(moment, _)| *moment)
    }

    /// Takes out one key whose deadline is not after `now`.
    pub(crate) fn pop_due(&mut self, now: Moment) -> Option<K> {
        let (moment, key) = self.by_time.first()?.clone();
        if moment > now {
            return None;
        }
        self.set(&key, None);
        Some(key)
    }
}
