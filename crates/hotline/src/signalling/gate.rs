//! What is let in from the network, before anything of it is parsed.
//!
//! ```text
//!                    ┌─ a trunk's call, or a device that is registered ─► first lane
//!   peek ─► source ──┤
//!                    └─ stranger ─► budgets ─┬─ follow-up ────► first lane
//!                          (none left: drop) └─ anything new ─► second lane
//! ```
//!
//! A shard empties its first lane before it looks at the second. Drops are counted, and logged once a second at most.

use std::collections::HashSet;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sip::{Budgets, Flow, Moment, Overdrawn, Peek};
use tokio::sync::{mpsc, watch};

use super::Clock;
use super::carriers::Carriers;
use super::certified::Certified;
use super::names::Trunks;
use super::shard::ShardInput;

/// What a trunk may have, or a registered device, in multiples of a stranger's budget.
const TRUSTED: u64 = 10;
/// How often drops are logged.
const LOG_EVERY: Duration = Duration::from_secs(1);

/// The sources of living registrations, renewed by the registrar.
pub(super) type Registered = Arc<HashSet<SocketAddr>>;

/// The way into a shard.
#[derive(Clone)]
pub(super) struct Lanes {
    pub(super) first: mpsc::Sender<ShardInput>,
    pub(super) second: mpsc::Sender<ShardInput>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Lane {
    First,
    Second,
}

impl Lanes {
    pub(super) fn lane(&self, lane: Lane) -> &mpsc::Sender<ShardInput> {
        match lane {
            Lane::First => &self.first,
            Lane::Second => &self.second,
        }
    }
}

/// One gate for all readers.
pub(super) struct Gate {
    trunks: Trunks,
    certified: Certified,
    carriers: Arc<Carriers>,
    registered: watch::Receiver<Registered>,
    budgets: Mutex<Budgets>,
    clock: Clock,
    dropped: AtomicU64,
    logged: Mutex<Moment>,
}

impl Gate {
    pub(super) fn new(
        (trunks, carriers, certified): (Trunks, Arc<Carriers>, Certified),
        registered: watch::Receiver<Registered>,
        clock: Clock,
    ) -> Gate {
        Gate {
            trunks,
            certified,
            carriers,
            registered,
            budgets: Mutex::new(Budgets::new()),
            clock,
            dropped: AtomicU64::new(0),
            logged: Mutex::new(Moment::from_ms(0)),
        }
    }

    /// True for what comes from a trunk.
    pub(super) fn is_trunk(&self, flow: Flow) -> bool {
        let trunks = self.trunks.borrow();
        trunks.iter().any(|trunk| trunk.is_source(flow, &self.certified))
    }

    fn is_registered(&self, source: SocketAddr) -> bool {
        self.registered.borrow().contains(&source)
    }

    /// The lane of a message, or whose budget is used up.
    pub(super) fn lane(&self, flow: Flow, kind: Peek) -> Result<Lane, Overdrawn> {
        let (now, source) = (self.clock.now(), flow.source);
        let is_trunk = self.is_trunk(flow);
        // A trunk's calls are limited by the center, not here.
        if is_trunk && matches!(kind, Peek::Invite | Peek::FollowUp) {
            return Ok(Lane::First);
        }
        // What answers calls of ours, and goes on in them.
        if kind == Peek::FollowUp && self.carriers.is_gateway(source.ip()) {
            return Ok(Lane::First);
        }
        let mut budgets = self.budgets.lock().unwrap_or_else(PoisonError::into_inner);
        // Others may stand at a trunk's address: what they begin waits behind its calls.
        if is_trunk && kind != Peek::Register {
            budgets.take(now, source.ip(), kind, TRUSTED)?;
            return Ok(Lane::Second);
        }
        if self.is_registered(source) {
            // All devices behind one NAT share the follow-ups' budget of their address; it is ample.
            budgets.take(now, source.ip(), Peek::FollowUp, TRUSTED)?;
            return Ok(Lane::First);
        }
        budgets.take_of_stranger(now, source.ip(), kind)?;
        Ok(match kind {
            Peek::FollowUp => Lane::First,
            Peek::Invite | Peek::Register | Peek::Other | Peek::Noise => Lane::Second,
        })
    }

    /// Counts a message that was dropped.
    pub(super) fn dropped(&self, source: SocketAddr, kind: Peek, reason: &'static str) {
        let dropped = self.dropped.fetch_add(1, Ordering::Relaxed).saturating_add(1);
        let now = self.clock.now();
        let mut logged = self.logged.lock().unwrap_or_else(PoisonError::into_inner);
        if dropped > 1 && now.since(*logged) < LOG_EVERY {
            return;
        }
        *logged = now;
        tracing::warn!(%source, ?kind, reason, dropped, "SIP messages dropped; this is the latest of them");
    }

    /// Messages that were dropped since the start.
    pub(super) fn count(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }
}

/// The reason of a drop, for the log.
pub(super) fn reason(overdrawn: Overdrawn) -> &'static str {
    match overdrawn {
        Overdrawn::Source => "this source sends more than its budget",
        Overdrawn::Everybody => "unknown sources together send more than their budget",
    }
}
