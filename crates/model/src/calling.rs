//! Calling a customer: who orders it, who talks, and in which order the two are called.

use serde::{Deserialize, Serialize};

use crate::{AgentId, Number, Personal, QueueName};

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
