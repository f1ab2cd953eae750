//! How agents stood before a restart.

use std::time::Duration;

use model::{AgentId, NotReadyReason, Time};
use serde::{Deserialize, Serialize};

/// How long after the start a seat may come back to its old state: the longest that a registration lasts. Whoever comes
/// later begins a new shift.
pub(crate) const REMEMBERED: Duration = Duration::from_secs(3_600);

/// How an agent stood who was signed in when the last run ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Standing {
    /// The agent.
    pub agent: AgentId,
    /// Why the agent was not ready; `None` for a ready one.
    pub not_ready: Option<NotReadyReason>,
    /// What the agent did.
    pub did: Did,
}

/// What an agent did when the last run ended. Its calls are over with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Did {
    /// Nothing, since then: the place in the order of idle time is kept.
    Idle {
        /// Not after the start.
        since: Time,
    },
    /// Missed an offer, and had no other since: is left alone for as long as after any.
    Missed {
        /// When the offer ended.
        at: Time,
    },
    /// Wrote up a call, or was in one and is to write it up.
    WrapUp {
        /// When it is over; in the past when it ended meanwhile.
        until: Time,
    },
}
