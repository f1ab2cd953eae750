//! What events say of agents, offers, guests, segments and recordings.

use serde::{Deserialize, Serialize};

use crate::{Cause, EndedBy, Refusal};

/// May the agent be given calls?
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shift {
    /// Signed out: the seat is not registered.
    SignedOut,
    /// Ready for calls.
    Ready,
    /// Signed in, not ready, with the reason.
    NotReady(NotReadyReason),
}

/// Why an agent is not ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotReadyReason {
    /// On a break.
    Break,
    /// Rang out too often in a row.
    NoAnswer,
    /// Declined too often in a row.
    Declined,
    /// Busy too often in a row.
    Busy,
    /// Not reached too often in a row.
    Unreachable,
}

/// What an agent does now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    /// Nothing.
    Idle,
    /// The seat rings.
    Offered,
    /// In a call.
    Talking,
    /// Writing up the last call.
    WrapUp,
}

/// Why a contact left a queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LeaveReason {
    /// An agent answered.
    Answered,
    /// The caller hung up.
    Abandoned,
    /// The flow took it elsewhere.
    Redirected,
    /// We ended the call: shutdown, failure.
    Ended,
}

/// How an offer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OfferOutcome {
    /// Answered.
    Accepted,
    /// The deadline passed.
    TimedOut,
    /// The device refused it.
    Refused(Refusal),
    /// The caller left first.
    CallerGone,
    /// The agent went away (break, sign-out) while it rang.
    AgentGone,
}

/// Why a guest is in a conversation no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GuestEnd {
    /// The guest hung up.
    HungUp,
    /// The seat did not answer.
    Refused(Refusal),
    /// Nothing was heard of the guest's device any more.
    Vanished,
    /// By command.
    Dismissed,
    /// The conversation ended.
    CallEnded,
    /// The guest is the segment's agent now.
    BecameAgent,
    /// The guest, who rings on, is to have the customer.
    TakesCustomer,
}

/// How a call of the flow to an extension ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DialEnd {
    /// Somebody talks with the customer.
    Answered,
    /// It is outside of the extension's hours.
    Closed,
    /// Nobody took the call, the last one for this reason; or there is no such extension.
    Unanswered(Refusal),
    /// Nobody took the call: the customer is in the queue, or at the message, that the extension names for that.
    PassedOn,
    /// The customer hung up before, or the call ended otherwise.
    CustomerGone,
}

/// Why a customer is in a parking slot no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ParkEnd {
    /// An agent picked the call up.
    PickedUp,
    /// Nobody did in time: the call goes back.
    TimedOut,
    /// The customer hung up, or the call ended otherwise.
    CallEnded,
}

/// How a secure input ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureEnd {
    /// The customer pressed the end key, or as many keys as were wanted.
    Complete,
    /// The flow got too few or too many keys, and asks no more.
    Incomplete,
    /// By command.
    Stopped,
    /// Its time was over.
    TimedOut,
    /// The conversation or the call ended.
    CallEnded,
}

/// Why a segment ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentEnd {
    /// Who ended it.
    pub by: EndedBy,
    /// Why.
    pub cause: Cause,
}

/// The life of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingState {
    /// Being written.
    Open,
    /// Whole, hashed, unchangeable.
    Sealed,
    /// Cut off by a crash or a disk; what there is was repaired and hashed.
    Damaged,
    /// Deleted by rule.
    Erased,
}
