//! The data of calls.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ivr::Session;
use model::{
    Actor, AgentId, ContactId, Digit, EndedBy, LegId, Number, OfferId, Part, PlayId, QueueName, RecordingId,
    RemoteMedia, Secret, SegmentId, Supervision, Time,
};

use crate::limits::{Line, Wait};
use crate::secure::Secure;

/// One call of the center.
#[derive(Debug)]
pub(crate) enum Call {
    /// A customer's.
    Customer(Box<Customer>),
    /// An agent's, to a feature code.
    Code(CodeCall),
}

/// A customer's call.
#[derive(Debug)]
pub(crate) struct Customer {
    pub(crate) contact: ContactId,
    pub(crate) leg: LegId,
    pub(crate) caller: Option<Number>,
    pub(crate) line: Line,
    pub(crate) session: Session,
    /// How long the caller may go on waiting.
    pub(crate) wait: Wait,
    /// What plays to the customer, if the session waits for its end.
    pub(crate) play: Option<PlayId>,
    /// The open recording; `None` once it failed in mid-call.
    pub(crate) recording: Option<RecordingId>,
    /// Why the recording leaves out what is said; empty while it does not.
    pub(crate) masks: BTreeSet<Mask>,
    /// Whether what the customer presses may be seen.
    pub(crate) secure: Secure,
    /// What was pressed in secret for an agent, until it is read.
    pub(crate) pressed: Option<Secret>,
    /// The customer's audio, once known.
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) stage: Stage,
    /// True once a person talked with the caller.
    pub(crate) talked: bool,
    /// The entry of this call in the table of timers.
    pub(crate) timer: Option<Time>,
    /// The last key that counted.
    pub(crate) last_key: Option<Key>,
}

/// Why a recording leaves out what is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Mask {
    /// A person wants it.
    Person,
    /// The customer presses what nobody may see.
    SecureInput,
}

/// A key of the customer.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Key {
    pub(crate) digit: Digit,
    pub(crate) way: KeyWay,
    pub(crate) at: Time,
}

/// How a key came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum KeyWay {
    /// By SIP INFO.
    Signalling,
    /// By RFC 4733 or as tones.
    Audio,
}

/// Some telephones sound a key and send it as INFO too; the second of the two comes within this time.
const SAME_PRESS: Duration = Duration::from_millis(500);

impl Key {
    /// True when the same key by the other way is the same press.
    pub(crate) fn is_also(&self, digit: Digit, way: KeyWay, now: Time) -> bool {
        self.digit == digit && self.way != way && now.since(self.at) < SAME_PRESS
    }
}

/// Where a customer's call is.
#[derive(Debug)]
pub(crate) enum Stage {
    /// The media port is being opened.
    Opening {
        /// The address of ours that the customer reached.
        local: IpAddr,
        /// Media threads that had none.
        tried: BTreeSet<usize>,
    },
    /// Our answer is on the way, until it is acknowledged.
    Answering {
        /// What was pressed meanwhile, for the flow.
        early: Vec<Digit>,
    },
    /// In the flow; waiting is part of it. A seat may ring.
    InFlow { ring: Option<Ring> },
    /// With an agent.
    Talking(Talk),
}

/// A seat that rings for a customer.
#[derive(Debug)]
pub(crate) struct Ring {
    pub(crate) offer: OfferId,
    pub(crate) leg: LegId,
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueName,
    /// Our RTP address for the seat, once its port is open and the seat is dialled.
    pub(crate) rtp: Option<SocketAddr>,
}

/// Customer and agent together.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) segment: SegmentId,
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueName,
    pub(crate) leg: LegId,
    /// When it was last arranged who hears whom.
    pub(crate) arranged_at: Time,
    pub(crate) held_by_agent: bool,
    pub(crate) held_by_caller: bool,
    /// Who else is in it or rings for it, in the order of invitation.
    pub(crate) guests: Vec<Guest>,
}

/// A supervisor or a colleague in a conversation.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) leg: LegId,
    pub(crate) agent: AgentId,
    pub(crate) part: Part,
    pub(crate) stage: GuestStage,
}

/// Where a guest is.
#[derive(Debug, Clone, Copy)]
pub(crate) enum GuestStage {
    /// The media port is being opened.
    Opening { until: Time },
    /// The seat rings.
    Ringing { until: Time },
    /// In the conversation.
    Joined { holds: bool },
}

impl GuestStage {
    /// When the guest was rung for long enough.
    pub(crate) fn due(self) -> Option<Time> {
        match self {
            GuestStage::Opening { until } | GuestStage::Ringing { until } => Some(until),
            GuestStage::Joined { .. } => None,
        }
    }

    pub(crate) fn is_joined(self) -> bool {
        matches!(self, GuestStage::Joined { .. })
    }

    /// True while the guest's device holds.
    pub(crate) fn holds(self) -> bool {
        matches!(self, GuestStage::Joined { holds: true })
    }
}

impl Guest {
    /// True for those whom the customer hears.
    pub(crate) fn is_party(&self) -> bool {
        match self.part {
            Part::Colleague | Part::Supervisor(Supervision::Barge | Supervision::TakeOver) => true,
            Part::Supervisor(Supervision::Listen | Supervision::Whisper) => false,
        }
    }
}

/// How the agent's place in a conversation became free for a guest.
#[derive(Debug)]
pub(crate) enum Vacancy {
    /// The agent hung up.
    Gone,
    /// Nothing was heard of the agent's device any more.
    Vanished,
    /// The agent's device did not answer, and its leg is over.
    Unanswering,
    /// The agent leaves by this one's command.
    Left(Actor),
    /// A supervisor takes over; who commanded it, unless that was told with the invitation.
    TakenOver(Option<Actor>),
}

impl Vacancy {
    pub(crate) fn ended_by(&self) -> EndedBy {
        match self {
            Vacancy::Gone | Vacancy::Left(_) => EndedBy::Agent,
            Vacancy::Vanished | Vacancy::Unanswering => EndedBy::Network,
            Vacancy::TakenOver(_) => EndedBy::Operator,
        }
    }

    pub(crate) fn leg_is_over(&self) -> bool {
        match self {
            Vacancy::Gone | Vacancy::Unanswering => true,
            Vacancy::Vanished | Vacancy::Left(_) | Vacancy::TakenOver(_) => false,
        }
    }

    pub(crate) fn commanded_by(self) -> Option<Actor> {
        match self {
            Vacancy::Gone | Vacancy::Vanished | Vacancy::Unanswering => None,
            Vacancy::Left(by) => Some(by),
            Vacancy::TakenOver(by) => by,
        }
    }
}

/// Whom a seat rang for that was withdrawn.
#[derive(Debug)]
pub(crate) enum Withdrawn {
    /// For the distributor's offer.
    Offer(OfferId),
    /// For a conversation that its agent was to join.
    Guest(AgentId),
}

impl Talk {
    /// True while this side, the caller's or the agent's, holds the other.
    pub(crate) fn is_held_by(&self, caller: bool) -> bool {
        if caller { self.held_by_caller } else { self.held_by_agent }
    }
}

/// An agent's call to a feature code.
#[derive(Debug)]
pub(crate) struct CodeCall {
    pub(crate) leg: LegId,
    /// The clip that tells how the command went.
    pub(crate) clip: &'static str,
    /// True once the port is open and our answer is on the way.
    pub(crate) answered: bool,
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) play: Option<PlayId>,
}
