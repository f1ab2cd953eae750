//! The four transaction machines of RFC 3261 section 17, with the accepted states of RFC 6026.
//!
//! | machine | states | timers |
//! |---|---|---|
//! | [`InviteClient`] | Calling → Proceeding → Completed or Accepted → Terminated | A, B, C, D, M |
//! | [`Client`] | Trying → Proceeding → Completed → Terminated | E, F, K |
//! | [`InviteServer`] | Proceeding → Completed → Confirmed, or Accepted → Terminated | Trying, G, H, I, L |
//! | [`Server`] | Trying → Proceeding → Completed → Terminated | J |
//!
//! Each takes `now` with every input and appends to a list of [`Step`]s. On a reliable transport nothing
//! is resent and the waits for stray copies are nought.

mod client;
mod invite_client;
mod invite_server;
mod server;

pub(crate) use client::Client;
pub(crate) use invite_client::InviteClient;
pub(crate) use invite_server::InviteServer;
pub(crate) use server::Server;

use std::time::Duration;

use crate::Response;

/// The round-trip estimate (RFC 3261 section 17.1.1.1).
pub(crate) const T1: Duration = Duration::from_millis(500);
/// The longest pause between copies of anything but an INVITE request.
pub(crate) const T2: Duration = Duration::from_secs(4);
/// How long a message may stay in the network.
pub(crate) const T4: Duration = Duration::from_secs(5);
/// 64 × T1: how long anything is tried.
pub(crate) const TRY_FOR: Duration = Duration::from_secs(32);

/// How long a provisional answer keeps a re-INVITE waiting: the timer C that section 16.6 gives proxies. A first
/// INVITE is as patient as its user.
pub(crate) const RING_FOR: Duration = Duration::from_secs(181);

/// What a machine wants done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Step {
    /// Put these bytes on the wire.
    Send(Vec<u8>),
    /// Show this response to the user of the transaction.
    Deliver(Box<Response>),
    /// Nobody answered (B, C, F), or nobody acknowledged (H).
    TimedOut,
    /// Forget the machine.
    Terminated,
}

/// The timers of RFC 3261 table 4, of RFC 6026, and the wait before a 100.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    A,
    B,
    C,
    D,
    E,
    F,
    G,
    H,
    I,
    J,
    K,
    L,
    M,
    Trying,
}

/// The running timers of one machine.
type Timers = crate::timers::Timers<Timer>;

/// Nought on a reliable transport.
fn unless_reliable(reliable: bool, wait: Duration) -> Duration {
    if reliable { Duration::ZERO } else { wait }
}

#[cfg(test)]
mod tests;
