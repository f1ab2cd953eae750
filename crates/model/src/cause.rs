//! How a call can end, and whose doing it was: the one table.

use serde::{Deserialize, Serialize};

use crate::Refusal;

/// How a contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// Who ended it.
    pub by: EndedBy,
    /// Why.
    pub cause: Cause,
    /// What reports count it as.
    pub class: Class,
}

impl End {
    /// The end for a cause; how it counts follows from the cause and from how far the caller had come.
    pub fn new(cause: Cause, by: EndedBy, reached: Reached) -> End {
        End { by, cause, class: cause.class(reached) }
    }
}

/// How far a customer had come when the contact ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    /// The flow, and nobody is waited for.
    Flow,
    /// The customer waits in a queue.
    Queue,
    /// The customer talked to a person.
    Person,
    /// We called, and the customer did not answer.
    Called,
}

/// Who ended a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EndedBy {
    /// The customer.
    Caller,
    /// The agent.
    Agent,
    /// Hotline itself, by its flow or its limits.
    Center,
    /// An operator, by command or shutdown.
    Operator,
    /// The network between us and the peer.
    Network,
}

/// One of the two sides of a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Side {
    /// The customer's.
    #[serde(rename = "caller")]
    Customer,
    /// The company's: the agent's.
    #[serde(rename = "agent")]
    Company,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// A party hung up (BYE).
    HungUp,
    /// The caller gave up before we answered (CANCEL).
    Cancelled,
    /// The agent gave the customer to somebody else.
    Transferred,
    /// The flow came to its own end (a message and good-bye).
    FlowFinished,
    /// The flow failed and no person could be reached.
    FlowFailed,
    /// Nobody has that number.
    UnknownNumber,
    /// The peer offered no codec that we speak.
    NoCommonCodec,
    /// No room: every media thread is too busy.
    Overloaded,
    /// As many calls are in progress as there may be.
    CallsFull,
    /// No free pair of RTP ports.
    RtpPortsFull,
    /// As many files are open as the system allows.
    OpenFilesFull,
    /// The trunk has as many calls as it may have.
    TrunkFull,
    /// The address that the call came from has as many calls as it may have.
    SourceFull,
    /// The caller waited for as long as is allowed.
    WaitedOut,
    /// Whom we called is in another call.
    Busy,
    /// Whom we called said no.
    Declined,
    /// Whom we called did not answer.
    NoAnswer,
    /// Whom we called could not be reached.
    Unreachable,
    /// The number may not be dialled, or not by who dialled it.
    NotAllowed,
    /// The customer may not be called now: by hours, attempts or the do-not-call list.
    NotNow,
    /// We are shutting down and take no new calls, or the drain's limit was reached.
    ShuttingDown,
    /// The peer sent no audio for too long.
    MediaTimeout,
    /// The peer did not answer our signalling.
    SignallingTimeout,
    /// The process died in mid-call; found at the next start.
    Crashed,
    /// Something of ours failed.
    Failed,
}

impl From<Refusal> for Cause {
    fn from(refusal: Refusal) -> Cause {
        match refusal {
            Refusal::Busy => Cause::Busy,
            Refusal::Declined => Cause::Declined,
            Refusal::NoAnswer => Cause::NoAnswer,
            Refusal::Unreachable => Cause::Unreachable,
            Refusal::NoCommonCodec => Cause::NoCommonCodec,
            Refusal::Cancelled => Cause::Cancelled,
            Refusal::Failed => Cause::Failed,
        }
    }
}

impl Cause {
    fn class(self, reached: Reached) -> Class {
        match self {
            Cause::HungUp | Cause::Transferred | Cause::FlowFinished | Cause::ShuttingDown
                if reached == Reached::Person =>
            {
                Class::Answered
            }
            Cause::Busy
            | Cause::Declined
            | Cause::NoAnswer
            | Cause::Unreachable
            | Cause::NoCommonCodec
            | Cause::HungUp
            | Cause::Cancelled
                if reached == Reached::Called =>
            {
                Class::Unanswered
            }
            Cause::FlowFinished => Class::SelfService,
            Cause::HungUp | Cause::Transferred | Cause::Cancelled if reached == Reached::Flow => {
                Class::LeftEarly
            }
            Cause::HungUp | Cause::Transferred | Cause::Cancelled => Class::Abandoned,
            Cause::UnknownNumber
            | Cause::NoCommonCodec
            | Cause::Overloaded
            | Cause::CallsFull
            | Cause::RtpPortsFull
            | Cause::OpenFilesFull
            | Cause::TrunkFull
            | Cause::SourceFull
            | Cause::WaitedOut
            | Cause::Busy
            | Cause::Declined
            | Cause::NoAnswer
            | Cause::Unreachable
            | Cause::NotAllowed
            | Cause::NotNow
            | Cause::ShuttingDown => Class::Refused,
            Cause::FlowFailed
            | Cause::MediaTimeout
            | Cause::SignallingTimeout
            | Cause::Crashed
            | Cause::Failed => Class::Failed,
        }
    }
}

/// What reports count an ended contact as; each contact is exactly one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// A person talked with the caller.
    Answered,
    /// The caller gave up while waiting in a queue.
    Abandoned,
    /// The caller left before waiting for anybody: in the menu, or before we answered.
    LeftEarly,
    /// The flow gave the caller what they wanted.
    SelfService,
    /// We did not take the call.
    Refused,
    /// We called, and the customer did not answer.
    Unanswered,
    /// Something broke.
    Failed,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_hang_up_counts_by_how_far_the_caller_had_come() {
        assert_eq!(End::new(Cause::HungUp, EndedBy::Caller, Reached::Person).class, Class::Answered);
        assert_eq!(End::new(Cause::HungUp, EndedBy::Caller, Reached::Queue).class, Class::Abandoned);
        assert_eq!(End::new(Cause::HungUp, EndedBy::Caller, Reached::Flow).class, Class::LeftEarly);
        assert_eq!(End::new(Cause::HungUp, EndedBy::Agent, Reached::Called).class, Class::Unanswered);
        assert_eq!(End::new(Cause::Busy, EndedBy::Caller, Reached::Called).class, Class::Unanswered);
        assert_eq!(End::new(Cause::Crashed, EndedBy::Center, Reached::Person).class, Class::Failed);
    }
}
