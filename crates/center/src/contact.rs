//! One contact: a visit of one customer, and everything that happens in it.

use std::collections::BTreeSet;
use std::time::Duration;

use ivr::Session;
use model::{
    Actor, CallId, Cause, ContactId, Digit, EndedBy, LegId, Number, Part, Party, Personal, PlayId, QueueName,
    RecordingId, Refusal, Refused, RemoteMedia, Secret, SegmentId, Side, Supervision, Time,
};

use crate::calling::Calling;
use crate::consult::{Consultation, SecondLine};
use crate::context::Context;
use crate::guests::Invite;
use crate::leg::{LegEvent, Why};
use crate::limits::{Line, Wait};
use crate::moving::Move;
use crate::parking::Parked;
use crate::secure::Secure;

/// A contact. The machine is spread over the modules that name what happens: `customer`, `calling`, `seat`, `guests`,
/// `arrange`, `consult`, `moving`, `parking`, `pause`, `secure`, `alive`, `limits`.
#[derive(Debug)]
pub(crate) struct Contact {
    pub(crate) id: ContactId,
    /// Selects the media thread.
    pub(crate) call: CallId,
    /// The customer's leg.
    pub(crate) leg: LegId,
    pub(crate) caller: Option<Personal<Number>>,
    /// The line that the customer called by.
    pub(crate) line: Option<Line>,
    pub(crate) session: Session,
    /// How long the caller may go on waiting.
    pub(crate) wait: Wait,
    /// What plays to the customer, if the session waits for its end.
    pub(crate) play: Option<PlayId>,
    /// The open recording; `None` before the answer, and once it failed in mid-call.
    pub(crate) recording: Option<RecordingId>,
    /// Why the recording leaves out what is said; empty while it does not.
    pub(crate) masks: BTreeSet<Mask>,
    /// Whether what the customer presses may be seen.
    pub(crate) secure: Secure,
    /// What was pressed in secret for an agent, until it is read.
    pub(crate) pressed: Option<Secret>,
    /// The customer's audio, once known.
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) place: Place,
    /// True once a person talked with the caller.
    pub(crate) talked: bool,
    /// How often the customer was given away.
    pub(crate) moves: u32,
    /// How often an agent was asked to have the customer back.
    pub(crate) returns: u32,
    /// The last key that counted.
    pub(crate) last_key: Option<Key>,
}

/// Where a contact is.
#[derive(Debug)]
pub(crate) enum Place {
    /// Its port is being opened.
    Opening {
        /// Media threads that had none.
        tried: BTreeSet<usize>,
    },
    /// Our answer is on the way, until it is acknowledged.
    Answering {
        /// What was pressed meanwhile, for the flow.
        early: Vec<Digit>,
    },
    /// We call the customer, who is with nobody.
    Calling(Box<Calling>),
    /// In the flow.
    InFlow,
    /// In the flow, and in a queue. A seat may ring.
    Waiting {
        queue: QueueName,
        since: Time,
        /// What the caller's score had at the beginning, in seconds.
        bonus_s: u32,
    },
    /// With an agent, or somebody outside to whom the customer was given.
    Talking(Talk),
    /// On the way from an agent to somebody else, who rings.
    Moving(Move),
    /// In a parking slot.
    Parked(Parked),
    /// Nowhere any more.
    Over,
}

/// Customer and agent together.
#[derive(Debug)]
pub(crate) struct Talk {
    pub(crate) segment: SegmentId,
    pub(crate) agent: Party,
    pub(crate) queue: QueueName,
    /// The customer's score when the agent answered, in seconds.
    pub(crate) score_s: u32,
    /// The agent's leg.
    pub(crate) leg: LegId,
    /// When it was last arranged who hears whom.
    pub(crate) arranged_at: Time,
    /// The agent's phone holds.
    pub(crate) phone_holds: bool,
    /// The agent holds by order.
    pub(crate) order_holds: bool,
    pub(crate) held_by_caller: bool,
    /// When a transfer of the agent's phone had failed and the customer was the agent's again, or still, and why that was.
    pub(crate) rejoined: Option<(Time, Refusal)>,
    /// What the agent has typed of a code.
    pub(crate) typing: Option<String>,
    /// The agent's last key that counted.
    pub(crate) last_key: Option<Key>,
    /// With whom the agent speaks, or is to speak, in private.
    pub(crate) consultation: Option<Consultation>,
    /// A second call of the agent's phone, to speak with that one by.
    pub(crate) second_line: Option<SecondLine>,
    /// Who else is in it or rings for it, in the order of invitation.
    pub(crate) guests: Vec<Guest>,
}

/// A supervisor or a colleague in a conversation, or rung for it.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) leg: LegId,
    pub(crate) who: Party,
    pub(crate) part: Part,
    /// True once the guest is in the conversation.
    pub(crate) joined: bool,
    /// The network sends audio of the guest's line already.
    pub(crate) is_early: bool,
    /// True while the guest's device holds.
    pub(crate) holds: bool,
    /// Of whom the agent consults: who is called in this one's place, if it does not come.
    pub(crate) further: Option<Box<Invite>>,
}

/// What comes after a conversation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum After {
    /// The contact ends.
    End,
    /// The customer waits again, with this score in seconds.
    Queue { queue: QueueName, score_s: u32 },
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

impl Contact {
    /// A leg of this contact, which is not over, has something to say.
    pub(crate) fn leg_event(&mut self, cx: &mut Context, leg: LegId, why: &Why, event: LegEvent) {
        match why {
            Why::Contact(_) => self.customer_event(cx, event),
            Why::Originator(_) => self.originator_event(cx, leg, event),
            Why::Segment(_) => self.agent_event(cx, leg, event),
            Why::Guest(_) => self.guest_event(cx, leg, event),
            Why::Taker(_) => self.taker_event(cx, leg, event),
            Why::Giver(_) => self.giver_event(cx, leg, event),
            Why::SecondLine(_) => self.second_line_event(cx, leg, event),
            Why::Offer { .. } | Why::Answered { .. } | Why::Inside(_) | Why::FeatureCode => {}
        }
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.place, Place::Over)
    }

    pub(crate) fn waits(&self) -> bool {
        matches!(self.place, Place::Waiting { .. })
    }

    /// The conversation, if there is one.
    pub(crate) fn talk(&self) -> Option<&Talk> {
        if let Place::Talking(talk) = &self.place { Some(talk) } else { None }
    }

    pub(crate) fn talk_mut(&mut self) -> Option<&mut Talk> {
        if let Place::Talking(talk) = &mut self.place { Some(talk) } else { None }
    }

    /// The conversation that an order is about.
    pub(crate) fn conversation(&mut self) -> Result<&mut Talk, Refused> {
        self.talk_mut().ok_or(Refused::NotTalking)
    }
}

impl Talk {
    /// True while this side holds the other.
    pub(crate) fn is_held_by(&self, side: Side) -> bool {
        match side {
            Side::Customer => self.held_by_caller,
            Side::Company => self.phone_holds || self.order_holds,
        }
    }

    /// True while the agent speaks with somebody in private.
    pub(crate) fn is_aside(&self) -> bool {
        self.second_line.is_none() && self.consultation.is_some_and(|consultation| consultation.is_aside)
    }

    pub(crate) fn guest(&mut self, leg: LegId) -> Option<&mut Guest> {
        self.guests.iter_mut().find(|guest| guest.leg == leg)
    }

    /// Takes a guest out of the table.
    pub(crate) fn take(&mut self, leg: LegId) -> Option<Guest> {
        let index = self.guests.iter().position(|guest| guest.leg == leg)?;
        Some(self.guests.remove(index))
    }

    /// The guest who can go on with the customer when the agent leaves: a colleague, a supervisor who barged in, or whom the
    /// agent consults.
    pub(crate) fn who_stays(&self) -> Option<LegId> {
        let can = |guest: &&Guest| guest.joined && (guest.is_party() || guest.part == Part::Consulted);
        self.guests.iter().find(can).map(|guest| guest.leg)
    }
}

impl Guest {
    /// True for those whom the customer hears.
    pub(crate) fn is_party(&self) -> bool {
        match self.part {
            Part::Colleague | Part::Supervisor(Supervision::Barge | Supervision::TakeOver) => true,
            Part::Consulted | Part::Supervisor(Supervision::Listen | Supervision::Whisper) => false,
        }
    }
}

impl Key {
    /// True when the same key by the other way is the same press.
    pub(crate) fn is_also(&self, digit: Digit, way: KeyWay, now: Time) -> bool {
        self.digit == digit && self.way != way && now.since(self.at) < SAME_PRESS
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
    /// The agent gave the customer to whom was consulted, by this one's command or by phone.
    Transferred(Actor),
    /// A supervisor takes over; who commanded it, unless that was told with the invitation.
    TakenOver(Option<Actor>),
}

impl Vacancy {
    pub(crate) fn ended_by(&self) -> EndedBy {
        match self {
            Vacancy::Gone | Vacancy::Left(_) | Vacancy::Transferred(_) => EndedBy::Agent,
            Vacancy::Vanished | Vacancy::Unanswering => EndedBy::Network,
            Vacancy::TakenOver(_) => EndedBy::Operator,
        }
    }

    pub(crate) fn cause(&self) -> Cause {
        match self {
            Vacancy::Transferred(_) => Cause::Transferred,
            Vacancy::Gone
            | Vacancy::Vanished
            | Vacancy::Unanswering
            | Vacancy::Left(_)
            | Vacancy::TakenOver(_) => Cause::HungUp,
        }
    }

    pub(crate) fn leg_is_over(&self) -> bool {
        match self {
            Vacancy::Gone | Vacancy::Unanswering => true,
            Vacancy::Vanished | Vacancy::Left(_) | Vacancy::Transferred(_) | Vacancy::TakenOver(_) => false,
        }
    }

    pub(crate) fn commanded_by(self) -> Option<Actor> {
        match self {
            Vacancy::Gone | Vacancy::Vanished | Vacancy::Unanswering => None,
            Vacancy::Left(by) | Vacancy::Transferred(by) => Some(by),
            Vacancy::TakenOver(by) => by,
        }
    }
}
