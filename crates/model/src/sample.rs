//! What quality samples are drawn from.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Class, Language, QueueName, Time};

/// Which way a contact came about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// The customer called.
    Inbound,
    /// We called the customer.
    Outbound,
}

impl Way {
    /// As it is written.
    pub const fn word(self) -> &'static str {
        match self {
            Way::Inbound => "inbound",
            Way::Outbound => "outbound",
        }
    }
}

/// A frozen frame: which ended contacts with a sealed recording a sample is drawn from, in the order of their ids. All
/// limits hold at once; `None` limits nothing. With `until` in the past nothing that happens later belongs to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SampleFrame {
    /// Those that ended, and whose recording was sealed, then or before.
    pub until: Time,
    /// Those that arrived then or later.
    #[serde(default)]
    pub since: Option<Time>,
    /// Those whose last queue was this.
    #[serde(default)]
    pub queue: Option<QueueName>,
    /// Those whose last agent was this.
    #[serde(default)]
    pub agent: Option<AgentId>,
    /// Those that count as this.
    #[serde(default)]
    pub outcome: Option<Class>,
    /// Those that came about this way.
    #[serde(default)]
    pub direction: Option<Way>,
    /// Those whose last language was this.
    #[serde(default)]
    pub language: Option<Language>,
    /// Those of at least this many seconds from answer to end.
    #[serde(default)]
    pub shortest_s: Option<u32>,
    /// Those of at most this many seconds.
    #[serde(default)]
    pub longest_s: Option<u32>,
}

impl SampleFrame {
    /// Everything until then.
    pub fn until(until: Time) -> SampleFrame {
        SampleFrame {
            until,
            since: None,
            queue: None,
            agent: None,
            outcome: None,
            direction: None,
            language: None,
            shortest_s: None,
            longest_s: None,
        }
    }
}
