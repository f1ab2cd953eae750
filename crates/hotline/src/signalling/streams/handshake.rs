//! How many handshakes there were, and what came of them.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Counters of TLS handshakes since the start. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Handshakes(Arc<[[AtomicU64; 3]; 2]>);

/// Who began a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// The peer.
    Peer,
    /// We, to a gateway.
    Ours,
}

/// What came of a handshake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shaken {
    /// Both sides have keys.
    Done,
    /// One side refused the other, or what it said was no TLS.
    Failed,
    /// It took too long, or was given up for others.
    Late,
}

impl Side {
    /// Both.
    pub const ALL: [Side; 2] = [Side::Peer, Side::Ours];

    /// As in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Side::Peer => "in",
            Side::Ours => "out",
        }
    }
}

impl Shaken {
    /// All.
    pub const ALL: [Shaken; 3] = [Shaken::Done, Shaken::Failed, Shaken::Late];

    /// As in metrics.
    pub const fn name(self) -> &'static str {
        match self {
            Shaken::Done => "done",
            Shaken::Failed => "failed",
            Shaken::Late => "late",
        }
    }
}

impl Handshakes {
    pub(super) fn count(&self, side: Side, shaken: Shaken) {
        self.counter(side, shaken).fetch_add(1, Ordering::Relaxed);
    }

    /// How many there were.
    pub fn of(&self, side: Side, shaken: Shaken) -> u64 {
        self.counter(side, shaken).load(Ordering::Relaxed)
    }

    fn counter(&self, side: Side, shaken: Shaken) -> &AtomicU64 {
        let [[in_done, in_failed, in_late], [out_done, out_failed, out_late]] = &*self.0;
        match (side, shaken) {
            (Side::Peer, Shaken::Done) => in_done,
            (Side::Peer, Shaken::Failed) => in_failed,
            (Side::Peer, Shaken::Late) => in_late,
            (Side::Ours, Shaken::Done) => out_done,
            (Side::Ours, Shaken::Failed) => out_failed,
            (Side::Ours, Shaken::Late) => out_late,
        }
    }
}
