//! Which media thread carries a new call.
//!
//! A call's thread follows from its id ([`CallId::share`]), so a thread is chosen by drawing ids. A call goes to a
//! thread that has room; it is refused when none has, or when none of them had a port for it.

use std::collections::{BTreeMap, BTreeSet};

use model::{CallId, EndedBy, Ids, Shortage, Time};

use crate::contact::{Contact, Place};
use crate::context::Context;

/// Ids drawn for a call at most until a thread with room carries it: with 64 threads of which one has room, one
/// in three thousand calls does not find it.
const DRAWS: usize = 512;

/// The threads without room for more calls, and what each lacks.
#[derive(Debug, Default)]
pub(crate) struct Room {
    strained: BTreeMap<usize, Shortage>,
}

impl Room {
    /// What a thread lacks from now on; `None` when it has room.
    pub(crate) fn strained(&mut self, thread: usize, lacks: Option<Shortage>) {
        match lacks {
            Some(lacks) => _ = self.strained.insert(thread, lacks),
            None => _ = self.strained.remove(&thread),
        }
    }

    /// What keeps a new call out; `None` while one of so many threads has room. Where threads lack different things,
    /// the one that an operator can give more of is named.
    pub(crate) fn shortage(&self, threads: usize) -> Option<Shortage> {
        let full = self.strained.len() >= threads.max(1);
        full.then(|| self.strained.values().copied().max()).flatten()
    }

    /// The id of a call that a thread with room carries, none of those that were tried. `None` when there is none.
    fn call(&self, now: Time, ids: &mut Ids, threads: usize, tried: &BTreeSet<usize>) -> Option<CallId> {
        let fits = |thread: &usize| !self.strained.contains_key(thread) && !tried.contains(thread);
        (0..threads.max(1)).any(|thread| fits(&thread)).then_some(())?;
        let mut drawn = (0..DRAWS).map(|_| CallId::new(ids, now));
        drawn.find(|call| fits(&call.share(threads)))
    }
}

impl Context {
    /// The id of a new call, which a media thread with room carries where there is one.
    pub(crate) fn new_call(&mut self) -> CallId {
        let found = self.room.call(self.now, &mut self.ids, self.config.media_threads, &BTreeSet::new());
        found.unwrap_or_else(|| CallId::new(&mut self.ids, self.now))
    }
}

impl Contact {
    /// The thread of a call that is not answered yet had no port for it: another thread is asked, each once. The call
    /// is refused when none is left.
    pub(crate) fn try_elsewhere(&mut self, cx: &mut Context, lacks: Shortage) {
        let threads = cx.config.media_threads;
        let Place::Opening { tried } = &mut self.place else { return };
        tried.insert(self.call.share(threads));
        let Some(next) = cx.room.call(cx.now, &mut cx.ids, threads, tried) else {
            return self.end(cx, lacks.cause(), EndedBy::Center);
        };
        self.call = next;
        cx.reopen(self.leg, next);
    }
}
