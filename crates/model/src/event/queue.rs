//! Queues and offers. Every event of this group belongs to a contact.

use serde::{Deserialize, Serialize};

use crate::{AgentId, ContactId, LeaveReason, OfferId, OfferOutcome, QueueName};

/// What happened to a contact in a queue.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum QueueEvent {
    /// The contact joined a queue.
    #[serde(rename = "queue_entered")]
    Entered {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// Seconds of virtual waiting that it starts with.
        bonus_s: u32,
        /// 1-based place at that moment.
        position: u32,
    },
    /// The contact left a queue.
    #[serde(rename = "queue_left")]
    Left {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// Why.
        reason: LeaveReason,
        /// Real waiting in milliseconds.
        waited_ms: u64,
    },
    /// An agent's seat rings for a contact.
    OfferMade {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// The agent.
        agent: AgentId,
        /// The contact's score in seconds.
        score_s: u64,
        /// How long the agent had been idle, in milliseconds.
        idle_ms: u64,
    },
    /// An offer ended.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentId,
        /// How.
        outcome: OfferOutcome,
    },
}

impl QueueEvent {
    /// Whose visit it belongs to.
    pub fn contact(&self) -> ContactId {
        match self {
            QueueEvent::Entered { contact, .. }
            | QueueEvent::Left { contact, .. }
            | QueueEvent::OfferMade { contact, .. }
            | QueueEvent::OfferEnded { contact, .. } => *contact,
        }
    }
}
