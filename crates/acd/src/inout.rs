//! What goes into the distributor and what comes out: plain serialisable values.

use model::{
    Activity, Actor, AgentId, AgentOrder, CommandId, ContactId, LeaveReason, OfferId, OfferOutcome,
    QueueName, Refusal, Refused, Shift, Time,
};
use serde::{Deserialize, Serialize};

use crate::config::Config;

/// What happened to the distributor.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Input {
    /// A contact joins a queue. `since` is now, or earlier when it returns to a place it had.
    Enter {
        /// The contact; it must not wait already.
        contact: ContactId,
        /// The queue; an unknown one is ignored.
        queue: QueueName,
        /// Seconds of virtual waiting to start with.
        bonus_s: u32,
        /// When its waiting began.
        since: Time,
    },
    /// A contact leaves its queue, unanswered.
    Leave {
        /// The contact.
        contact: ContactId,
        /// Why.
        reason: LeaveReason,
    },
    /// An agent's seat registered.
    SeatOnline(AgentId),
    /// An agent's seat has no registration any more.
    SeatOffline(AgentId),
    /// An order to an agent. Answered by [`Output::Answered`].
    Command {
        /// Comes back in the answer.
        id: CommandId,
        /// The agent.
        agent: AgentId,
        /// What the agent is to do.
        order: AgentOrder,
        /// Who commands.
        by: Actor,
    },
    /// The seat answered. [`Output::Joined`] follows, unless the offer is dead: then [`Output::OfferEnded`] was on its
    /// way, and the device must be hung up.
    OfferAnswered(OfferId),
    /// The seat refused.
    OfferRefused(OfferId, Refusal),
    /// The device of a withdrawn offer is free again.
    OfferReleased(OfferId),
    /// The agent's call is over.
    SegmentEnded(AgentId),
    /// An agent is to be called into a conversation from the queue, without an offer, whether ready for calls or not.
    /// Answered by [`Output::Answered`]: from a yes on the agent talks, until the segment ends or
    /// [`Input::Disengaged`].
    Engage {
        /// Comes back in the answer.
        id: CommandId,
        /// The agent.
        agent: AgentId,
        /// The conversation's contact.
        contact: ContactId,
        /// Its queue, whose wrap-up follows if the agent stays to the end as the contact's own.
        queue: QueueName,
    },
    /// The agent of a queue who has been idle longest is to be called into a conversation from another queue. Answered by
    /// [`Output::Engaged`], or [`Output::Answered`] when nobody is free; then as after `Engage`.
    EngageIdle {
        /// Comes back in the answer.
        id: CommandId,
        /// Whose agent.
        of: QueueName,
        /// The conversation's contact.
        contact: ContactId,
        /// Its queue, whose wrap-up follows.
        queue: QueueName,
    },
    /// The agent left that conversation, with nothing to write up.
    Disengaged(AgentId),
    /// Which position does a contact have? Answered by [`Output::Position`] if it waits.
    AskPosition(ContactId),
    /// The machine's clock was set forwards by this many ms, or backwards: the ids of offers go on by the new time.
    ClockSet {
        /// In ms.
        by_ms: i64,
    },
    /// Other queues and agents from now on; what holds for those that stay counts from the next decision.
    ///
    /// A queue that is not among them keeps its agents and its contacts, and takes those that a flow still sends to it.
    /// An agent who is not among them is offered nothing more, finishes the call and is then forgotten.
    Settings(Config),
}

/// What followed.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum Output {
    /// A contact has a place in a queue.
    Entered {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// Seconds it started with.
        bonus_s: u32,
        /// 1-based position.
        position: u32,
    },
    /// A contact is in no queue any more.
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
    /// Ring this agent's seat.
    Offer {
        /// The offer.
        offer: OfferId,
        /// For whom.
        contact: ContactId,
        /// From which queue.
        queue: QueueName,
        /// Whom to ring.
        agent: AgentId,
        /// The contact's score in seconds.
        score_s: u64,
        /// How long the agent had been idle, in milliseconds.
        idle_ms: u64,
    },
    /// An offer ended. Unless it was accepted or refused, the seat must now stop ringing.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// For whom it was.
        contact: ContactId,
        /// Who was rung.
        agent: AgentId,
        /// How it ended.
        outcome: OfferOutcome,
    },
    /// Customer and agent talk from now on: the offer was answered in time, and both have left queue and idleness. If
    /// one of them is gone by now, say so by [`Input::Disengaged`]; a contact that is still there must enter the queue
    /// again.
    Joined {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// The agent.
        agent: AgentId,
    },
    /// A waiting contact's position.
    Position {
        /// The contact.
        contact: ContactId,
        /// Its queue.
        queue: QueueName,
        /// 1-based.
        position: u32,
    },
    /// [`Input::EngageIdle`] found somebody.
    Engaged {
        /// Its id.
        id: CommandId,
        /// Who talks from now on.
        agent: AgentId,
    },
    /// What comes of [`Input::Command`] or [`Input::Engage`], and of [`Input::EngageIdle`] when nobody is free. Each is
    /// answered once.
    Answered {
        /// Its id.
        id: CommandId,
        /// Obeyed, or why not.
        result: Result<(), Refused>,
    },
    /// An agent's visible state changed.
    AgentChanged {
        /// The agent.
        agent: AgentId,
        /// The new state.
        view: AgentView,
        /// Who commanded it, if anybody.
        by: Option<Actor>,
    },
}

/// What others see of an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentView {
    /// May the agent work?
    pub shift: Shift,
    /// What does the agent do?
    pub activity: Activity,
    /// Is the seat registered?
    pub seat_online: bool,
}
