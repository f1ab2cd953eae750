//! The distributor's settings.

use std::time::Duration;

use model::{AgentId, QueueName};
use serde::{Deserialize, Serialize};

/// Queues and agents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Config {
    /// Every queue; names are distinct.
    pub queues: Vec<QueueConfig>,
    /// Every agent; ids are distinct.
    pub agents: Vec<AgentConfig>,
}

/// One queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct QueueConfig {
    /// Its name.
    pub name: QueueName,
    /// How long a seat rings before the offer times out.
    pub offer_deadline: Duration,
    /// How long an agent writes up a call of this queue; zero for not at all.
    pub wrap_up: Duration,
}

/// One agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct AgentConfig {
    /// The agent's id.
    pub id: AgentId,
    /// The queues that the agent serves.
    pub queues: Vec<QueueName>,
    /// True when a shift begins ready, false when it begins on a break.
    pub starts_ready: bool,
    /// Unanswered offers in a row after which the agent is made not ready; 0 for never.
    pub miss_limit: u32,
    /// How long an agent who missed an offer is left alone.
    pub rest_after_miss: Duration,
}

/// How long the distributor waits for a withdrawn seat to say that it stopped ringing.
pub(crate) const RELEASE_GUARD: Duration = Duration::from_secs(35);
