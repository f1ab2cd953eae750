//! One leg: its life is the same whoever it belongs to.
//!
//! ```text
//!          port open; dialled, or our answer is sent      answered, acknowledged
//! Opening ───────────────────────────────────► Ringing ─────────────────────────► Up
//!    │                                            │                               │
//!    │            we let it go                    │                               │
//!    ├────────────────────────────────────────────┴───────────────────────────────┘
//!    ▼
//! Leaving ──► gone: nothing is awaited of the device and of the media any more
//! ```
//!
//! *Who* is at its other end and *why* it is there are values. What is reported of a leg becomes a [`Meaning`] for
//! whoever owns it, the contact or the call to a feature code; what comes in a stage in which it means nothing ends
//! here. Only this module orders legs to be opened, dialled, answered, hung up and closed.
//!
//! A seat that is let go before it answered is free when its device has said its last (before the port is open: when
//! the media have). A leg that was heard stays until its quality is measured.

use std::net::{IpAddr, SocketAddr};

use model::{
    AgentId, AudioReport, CallId, Cause, Codec, ContactId, Digit, Direction, Diversion, LegOrder, LegQuality,
    LegReport, Number, OfferId, Party, Personal, PlayId, QueueName, Referral, Refusal, RemoteMedia, Shortage,
    Target,
};

use crate::contact::KeyWay;

/// One leg.
#[derive(Debug)]
pub(crate) struct Leg {
    /// Selects the media thread.
    pub(crate) call: CallId,
    /// The address of ours that the peer reaches us by.
    pub(crate) on: Option<IpAddr>,
    pub(crate) who: Who,
    pub(crate) why: Why,
    /// The peer called us.
    pub(crate) is_inbound: bool,
    /// The distributor gave its agent for a conversation that has not become the agent's own: to be given back.
    pub(crate) is_engaged: bool,
    /// Who of the house sent the call on to it.
    pub(crate) diverted: Option<Diversion>,
    stage: Stage,
}

/// Who is at the other end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Who {
    Customer,
    /// A customer whom we call.
    CalledCustomer(Box<Outside>),
    Agent(AgentId),
    /// Somebody outside, whom we call.
    Outside(Box<Outside>),
}

/// How somebody outside is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Outside {
    /// As the dial plan leaves it.
    pub(crate) number: Personal<Number>,
    /// The trunks that carry it, the preferred first.
    pub(crate) trunks: Vec<String>,
    /// The number that is shown there.
    pub(crate) caller: Option<Personal<Number>>,
}

/// Why the leg is there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Why {
    /// The customer calls, or is called.
    Contact(ContactId),
    /// The agent who is to talk with a customer whom we call.
    Originator(ContactId),
    /// The distributor offers a contact.
    Offer { offer: OfferId, contact: ContactId, queue: QueueName },
    /// The seat answered the offer, with this audio; the distributor has not said yet that it was in time.
    Answered { offer: OfferId, contact: ContactId, remote: RemoteMedia },
    /// The contact's agent talks with the customer.
    Segment(ContactId),
    /// Somebody is to join a conversation, or is in it.
    Guest(ContactId),
    /// Somebody is to have the contact's customer, who is with nobody meanwhile.
    Taker(ContactId),
    /// The phone of an agent who gave the customer away hears how that ends.
    Giver(ContactId),
    /// A second call of the agent's phone, for a consultation.
    SecondLine(ContactId),
    /// An agent calls another, or is called, without a customer.
    Inside(CallId),
    /// An agent calls a feature code.
    FeatureCode,
}

/// Where a leg is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    /// The media port is being opened.
    Opening,
    /// The peer was dialled, or our answer is on the way.
    Ringing,
    /// Answered.
    Up,
    /// Over, but for what is awaited.
    Leaving(Awaited),
}

/// What is still to be reported of a leg that is over.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Awaited {
    /// The device's last word: until then its agent is not free.
    pub(crate) device: bool,
    /// What its audio was like.
    pub(crate) quality: bool,
}

/// What happens to any leg, for its owner.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum LegEvent {
    /// It rings there.
    Ringing,
    /// The network sends audio before the answer.
    Early(RemoteMedia),
    /// The phone wants its call to be with somebody else.
    Referred(Referral),
    /// It is over.
    Over(Cause),
    /// The peer changed its audio.
    Changed(RemoteMedia),
    /// A key was pressed.
    Key(Digit, KeyWay),
    /// A play came to its end.
    Played(PlayId),
    /// Nothing at all came of the peer, which was to do this.
    Silent(Direction),
    /// The other party hears nothing of the peer.
    OneWay,
}

/// What a report means.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Meaning {
    /// Its port is open: it can be dialled or answered.
    PortOpen(SocketAddr),
    /// There was no port for a leg that called us.
    NoPort(Shortage),
    /// It was answered, or our answer was acknowledged.
    Up(RemoteMedia),
    /// A leg that we dialled, or were to dial, will not be answered: it is over.
    Unanswered(Refusal),
    /// Something else for the owner.
    Event(LegEvent),
    /// Nothing, in this stage.
    Nothing,
    /// The device of a leg that we let go said its last word.
    DeviceFree,
    /// Its port is closed, and what its audio was like is known.
    Closed(Option<LegQuality>),
}

impl Why {
    /// The contact that the leg is there for.
    pub(crate) fn contact(&self) -> Option<ContactId> {
        match self {
            Why::Contact(contact)
            | Why::Originator(contact)
            | Why::Offer { contact, .. }
            | Why::Answered { contact, .. }
            | Why::Segment(contact)
            | Why::Guest(contact)
            | Why::Taker(contact)
            | Why::Giver(contact)
            | Why::SecondLine(contact) => Some(*contact),
            Why::Inside(_) | Why::FeatureCode => None,
        }
    }
}

impl Leg {
    /// A leg of a peer that calls us; its port is being opened.
    pub(crate) fn inbound(call: CallId, on: IpAddr, who: Who, why: Why) -> Leg {
        Leg {
            call,
            on: Some(on),
            who,
            why,
            is_inbound: true,
            is_engaged: false,
            diverted: None,
            stage: Stage::Opening,
        }
    }

    /// A leg that is to be dialled once its port, which is being opened, is open.
    pub(crate) fn outbound(call: CallId, on: Option<IpAddr>, who: Who, why: Why) -> Leg {
        Leg {
            call,
            on,
            who,
            why,
            is_inbound: false,
            is_engaged: false,
            diverted: None,
            stage: Stage::Opening,
        }
    }

    pub(crate) fn is_up(&self) -> bool {
        self.stage == Stage::Up
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Leaving(_))
    }

    /// The agent at the other end, if it is one.
    pub(crate) fn agent(&self) -> Option<&AgentId> {
        match &self.who {
            Who::Agent(agent) => Some(agent),
            Who::Customer | Who::CalledCustomer(_) | Who::Outside(_) => None,
        }
    }

    /// Who is at the other end; `None`: the customer.
    pub(crate) fn party(&self) -> Option<Party> {
        match &self.who {
            Who::Customer | Who::CalledCustomer(_) => None,
            Who::Agent(agent) => Some(Party::Agent(agent.clone())),
            Who::Outside(outside) => Some(Party::Outside(outside.number.clone())),
        }
    }

    /// The order that dials it, once its port is open.
    pub(crate) fn dial(
        &mut self,
        rtp: SocketAddr,
        codecs: Vec<Codec>,
        caller: Option<Personal<Number>>,
        display: String,
    ) -> Option<LegOrder> {
        if self.is_inbound || self.stage != Stage::Opening {
            return None;
        }
        let (target, caller) = match &self.who {
            Who::Customer => return None,
            Who::Agent(agent) => (Target::Seat(agent.clone()), caller),
            Who::CalledCustomer(outside) | Who::Outside(outside) => {
                let Outside { number, trunks, caller } = (**outside).clone();
                (Target::Outside { number, trunks }, caller)
            }
        };
        self.stage = Stage::Ringing;
        let diverted = self.diverted.take();
        Some(LegOrder::Dial { call: self.call, target, rtp, codecs, caller, display, diverted })
    }

    /// The order that sends audio before the answer, once its port is open.
    pub(crate) fn progress(&self, rtp: SocketAddr, codec: Codec) -> Option<LegOrder> {
        (self.is_inbound && self.stage == Stage::Opening).then_some(LegOrder::Progress { rtp, codec })
    }

    /// The order that answers it, once its port is open.
    pub(crate) fn answer(&mut self, rtp: SocketAddr, codec: Codec) -> Option<LegOrder> {
        (self.stage == Stage::Opening).then(|| {
            self.stage = Stage::Ringing;
            LegOrder::Answer { rtp, codec }
        })
    }

    /// What the signalling shell's report means.
    pub(crate) fn signalled(&mut self, report: LegReport) -> Meaning {
        let (opening, ringing, up) =
            (self.stage == Stage::Opening, self.stage == Stage::Ringing, self.stage == Stage::Up);
        let inbound = self.is_inbound;
        let event = match report {
            LegReport::Refused(_) | LegReport::Ended { .. } if self.is_over() => return Meaning::DeviceFree,
            LegReport::Connected { remote } if ringing => {
                self.stage = Stage::Up;
                return Meaning::Up(remote);
            }
            LegReport::Refused(_) if up || inbound => LegEvent::Over(Cause::Failed),
            LegReport::Refused(refusal) => return Meaning::Unanswered(refusal),
            LegReport::Ended { cause } if up || inbound => LegEvent::Over(cause),
            LegReport::Ended { .. } => return Meaning::Unanswered(Refusal::Failed),
            LegReport::Changed { remote } if up || inbound && (opening || ringing) => {
                LegEvent::Changed(remote)
            }
            LegReport::Digit(digit) if ringing || up => LegEvent::Key(digit, KeyWay::Signalling),
            LegReport::Ringing if ringing && !inbound => LegEvent::Ringing,
            LegReport::Early { remote } if ringing && !inbound => LegEvent::Early(remote),
            LegReport::Referred(referral) if up => LegEvent::Referred(referral),
            LegReport::Ringing
            | LegReport::Early { .. }
            | LegReport::Referred(_)
            | LegReport::Connected { .. }
            | LegReport::Changed { .. }
            | LegReport::Digit(_) => return Meaning::Nothing,
        };
        Meaning::Event(event)
    }

    /// What the media's report means.
    pub(crate) fn measured(&self, report: &AudioReport) -> Meaning {
        let (opening, up) = (self.stage == Stage::Opening, self.stage == Stage::Up);
        let heard = up || self.stage == Stage::Ringing;
        let event = match *report {
            AudioReport::Opened { rtp } if opening => return Meaning::PortOpen(rtp),
            AudioReport::OpenFailed { lacks } if opening && self.is_inbound => {
                return Meaning::NoPort(lacks);
            }
            AudioReport::OpenFailed { .. } if opening => return Meaning::Unanswered(Refusal::Failed),
            AudioReport::Opened { .. } | AudioReport::OpenFailed { .. } if self.is_over() => {
                return Meaning::DeviceFree;
            }
            AudioReport::PlayEnded { play, finished: true } if !self.is_over() => LegEvent::Played(play),
            AudioReport::Digit(digit) if heard => LegEvent::Key(digit, KeyWay::Audio),
            AudioReport::Silent { direction } if !self.is_over() => LegEvent::Silent(direction),
            AudioReport::OneWay if up => LegEvent::OneWay,
            AudioReport::Closed { quality } => return Meaning::Closed(quality),
            AudioReport::Opened { .. }
            | AudioReport::OpenFailed { .. }
            | AudioReport::PlayEnded { .. }
            | AudioReport::Digit(_)
            | AudioReport::Silent { .. }
            | AudioReport::OneWay => return Meaning::Nothing,
        };
        Meaning::Event(event)
    }

    /// We let it go, for this cause: the order that ends it at its peer, if there is one to give.
    pub(crate) fn let_go(&mut self, cause: Cause) -> Option<LegOrder> {
        let inbound = self.is_inbound;
        let order = match self.stage {
            Stage::Opening if inbound => Some(LegOrder::Refuse(cause)),
            Stage::Ringing if inbound => Some(LegOrder::HangUp(cause)),
            Stage::Opening => None,
            Stage::Ringing => Some(LegOrder::HangUp(Cause::Cancelled)),
            Stage::Up => Some(LegOrder::HangUp(cause)),
            Stage::Leaving(_) => return None,
        };
        let device = !inbound && !self.is_up();
        self.stage = Stage::Leaving(Awaited { device, quality: self.is_judged() });
        order
    }

    /// Its peer is gone.
    pub(crate) fn is_gone(&mut self) {
        if !self.is_over() {
            self.stage = Stage::Leaving(Awaited { device: false, quality: self.is_judged() });
        }
    }

    /// True when the quality of its audio is recorded: of customers, and of all who were in a conversation.
    fn is_judged(&self) -> bool {
        match self.why {
            Why::Contact(_) => true,
            Why::Segment(_) | Why::Guest(_) | Why::Giver(_) | Why::SecondLine(_) => self.is_up(),
            Why::Originator(_)
            | Why::Offer { .. }
            | Why::Answered { .. }
            | Why::Taker(_)
            | Why::Inside(_)
            | Why::FeatureCode => false,
        }
    }

    /// What is still awaited of it; of a leg that is not over, nothing.
    pub(crate) fn awaited(&self) -> Awaited {
        match self.stage {
            Stage::Leaving(awaited) => awaited,
            Stage::Opening | Stage::Ringing | Stage::Up => Awaited::default(),
        }
    }

    /// Over, and nothing is awaited any more.
    pub(crate) fn is_done(&self) -> bool {
        self.stage == Stage::Leaving(Awaited::default())
    }

    /// Its device said its last word; true when that was awaited.
    pub(crate) fn device_spoke(&mut self) -> bool {
        match &mut self.stage {
            Stage::Leaving(awaited) => std::mem::take(&mut awaited.device),
            Stage::Opening | Stage::Ringing | Stage::Up => false,
        }
    }

    /// Its audio was measured; true when that was awaited.
    pub(crate) fn was_measured(&mut self) -> bool {
        match &mut self.stage {
            Stage::Leaving(awaited) => std::mem::take(&mut awaited.quality),
            Stage::Opening | Stage::Ringing | Stage::Up => false,
        }
    }
}

#[cfg(test)]
mod tests;
