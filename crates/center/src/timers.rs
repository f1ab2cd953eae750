//! What falls due by itself, by name.

use std::collections::{BTreeMap, BTreeSet};

use model::{ContactId, LegId, Time};

/// Something that happens by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    /// A contact's flow goes on.
    Flow(ContactId),
    /// A secure input is over, or the sound of its last key.
    SecureInput(ContactId),
    /// The caller has waited for as long as is allowed.
    Wait(ContactId),
    /// A customer has been parked for as long as is allowed.
    Parking(ContactId),
    /// An agent has typed no further key of a code for too long.
    Typing(ContactId),
    /// A seat has rung for long enough.
    Ring(LegId),
}

/// Each timer runs once at most.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    due: BTreeMap<Timer, Time>,
    in_order: BTreeSet<(Time, Timer)>,
}

impl Timers {
    /// Has the timer run out at `due` alone; with `None` it stops.
    pub(crate) fn set(&mut self, timer: Timer, due: Option<Time>) {
        self.stop(timer);
        if let Some(due) = due {
            self.due.insert(timer, due);
            self.in_order.insert((due, timer));
        }
    }

    pub(crate) fn stop(&mut self, timer: Timer) {
        if let Some(due) = self.due.remove(&timer) {
            self.in_order.remove(&(due, timer));
        }
    }

    /// When the next one runs out.
    pub(crate) fn next(&self) -> Option<Time> {
        self.in_order.first().map(|(due, _)| *due)
    }

    /// Takes one that ran out.
    pub(crate) fn due(&mut self, now: Time) -> Option<Timer> {
        let (_, timer) = self.in_order.first().copied().filter(|(due, _)| *due <= now)?;
        self.stop(timer);
        Some(timer)
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.due.is_empty() && self.in_order.is_empty()
    }

    #[cfg(test)]
    pub(crate) fn names(&self) -> impl Iterator<Item = &Timer> {
        self.due.keys()
    }
}
