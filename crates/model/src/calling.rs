//! Calling a customer: who orders it, who talks, and in which order the two are called.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Number, Personal, QueueName, Time};

/// An order to call a customer. Done as [`crate::Done::Placed`] once it is known that the agent can talk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallOrder {
    /// The customer's number, as an agent would dial it.
    pub number: Personal<Number>,
    /// The agent who is to talk with the customer.
    pub agent: AgentId,
    /// Who is called first.
    pub first: First,
    /// For which queue; `None`: the first that the agent serves.
    pub queue: Option<QueueName>,
}

/// Who of the two is called first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum First {
    /// The agent, whose phone rings, or who dialled.
    Agent,
    /// The customer. The agent is kept free of other calls meanwhile.
    Customer,
}

/// Why a customer may not be called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct NotNow {
    /// The rule that forbids it.
    pub why: WhyNotNow,
    /// From when on it may be, if that is known.
    pub from: Option<Time>,
}

/// The rule by which a customer may not be called now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhyNotNow {
    /// The number is in the do-not-call list.
    DoNotCall,
    /// It is outside the hours in which customers are called.
    OutsideHours,
    /// The number was called as often today as it may be.
    TooManyAttempts,
    /// The number was called a short time ago.
    TooSoon,
}
