//! An agent speaks with somebody in private while the customer hears music: by order, on the agent's own leg, or by a
//! second call of the agent's phone.
//!
//! ```text
//!            rung, by order or by a second line           answered
//! (nobody) ─────────────────────────────────► Rings ────────────────► Aside ◄── swap ──► with the customer
//!    ▲                                          │ refused, returned     │  │ join: a colleague in the conversation
//!    └──────────────────────────────────────────┴───────────────────────┘  │ complete: has the customer
//!                                                                          ▼
//!                                                       the segment's agent, or a `Move` while it rings
//! ```
//!
//! Whom the agent consults is a guest of the conversation with the part `Consulted`, in no room with the customer: a
//! recording of the customer hears nothing of it.

use std::net::{IpAddr, SocketAddr};

use model::{
    Actor, AgentId, Cause, CommandId, ContactEvent, ContactId, Done, GuestEnd, LegId, LegOrder, MoveEnd,
    MoveOrder, MoveTo, Number, Part, Personal, QueueName, Referral, ReferralState, Refusal, Refused,
    RemoteMedia, Slot,
};

use crate::arrange::Hold;
use crate::command::Outcome;
use crate::contact::{Contact, Vacancy};
use crate::context::Context;
use crate::dialling::Way;
use crate::leg::{Leg, LegEvent, Outside, Who, Why};
use crate::moving::Asker;

/// With whom an agent speaks in private.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Consultation {
    /// The guest's leg.
    pub(crate) guest: LegId,
    /// The agent's own leg is with the guest, not with the customer. Of no meaning with a second line.
    pub(crate) is_aside: bool,
}

/// A second call of the agent's phone.
#[derive(Debug, Clone)]
pub(crate) struct SecondLine {
    pub(crate) leg: LegId,
    /// Our port for it, once that is open.
    rtp: Option<SocketAddr>,
    /// What the phone offered; `None` when it offered nothing.
    remote: Option<RemoteMedia>,
    pub(crate) is_up: bool,
    pub(crate) holds: bool,
}

impl Contact {
    pub(crate) fn obey_about_moves(
        &mut self,
        cx: &mut Context,
        (id, by): (CommandId, Actor),
        order: MoveOrder,
    ) -> Result<Outcome, Refused> {
        self.conversation()?;
        let obeyed = Ok(Outcome::Done(Done::Obeyed));
        match order {
            MoveOrder::Hold => {
                self.hold(cx, Hold::Order, true);
                obeyed
            }
            MoveOrder::Retrieve => {
                self.hold(cx, Hold::Order, false);
                obeyed
            }
            MoveOrder::Consult(to) => self.consult(cx, (Some(id), by), to, None),
            MoveOrder::Swap => self.swap(cx).map(|()| Outcome::Done(Done::Obeyed)),
            MoveOrder::Join => self.join_consulted(cx, by).map(|()| Outcome::Done(Done::Obeyed)),
            MoveOrder::Return => self.end_consultation(cx, by).map(|()| Outcome::Done(Done::Obeyed)),
            MoveOrder::Complete => self.complete(cx, Asker::Command(id), by),
            MoveOrder::Transfer(to) => self.transfer(cx, Asker::Command(id), by, to),
            MoveOrder::Park => self.park(cx, by).map(|slot| Outcome::Done(Done::Parked(slot))),
        }
    }

    /// Rings whom the agent wants to speak with, by command or by phone; `line` is the agent's second call to that one, if it is
    /// by that.
    pub(crate) fn consult(
        &mut self,
        cx: &mut Context,
        (command, by): (Option<CommandId>, Actor),
        to: MoveTo,
        line: Option<LegId>,
    ) -> Result<Outcome, Refused> {
        let talk = self.conversation()?;
        if talk.consultation.is_some() {
            return Err(Refused::ConsultationGoesOn);
        }
        self.invite(cx, (command, by), to, Part::Consulted, line)
    }

    fn consulted(&mut self) -> Result<Consultation, Refused> {
        self.conversation()?.consultation.ok_or(Refused::NoConsultation)
    }

    pub(crate) fn swap(&mut self, cx: &mut Context) -> Result<(), Refused> {
        let Consultation { guest, .. } = self.consulted()?;
        let talk = self.conversation()?;
        let is_here = talk.guest(guest).is_some_and(|guest| guest.joined) && talk.second_line.is_none();
        let consultation = talk.consultation.as_mut().filter(|_| is_here).ok_or(Refused::NoConsultation)?;
        consultation.is_aside = !consultation.is_aside;
        self.arrange(cx);
        Ok(())
    }

    pub(crate) fn join_consulted(&mut self, cx: &mut Context, by: Actor) -> Result<(), Refused> {
        let (contact, Consultation { guest, .. }) = (self.id, self.consulted()?);
        let talk = self.conversation()?;
        let guest = talk.guest(guest).filter(|guest| guest.joined).ok_or(Refused::NoConsultation)?;
        guest.part = Part::Colleague;
        let who = guest.who.clone();
        talk.consultation = None;
        let line = talk.second_line.take();
        if let Some(line) = line {
            cx.let_go(line.leg, Cause::HungUp);
        }
        cx.record_by(by, ContactEvent::GuestChanged { contact, guest: who, part: Part::Colleague });
        self.arrange(cx);
        Ok(())
    }

    pub(crate) fn end_consultation(&mut self, cx: &mut Context, by: Actor) -> Result<(), Refused> {
        let Consultation { guest, .. } = self.consulted()?;
        self.dismiss_guest(cx, guest, GuestEnd::Dismissed, Some(by));
        Ok(())
    }

    /// Whom the agent consults gets the customer. One who still rings gets the customer with the answer.
    pub(crate) fn complete(&mut self, cx: &mut Context, asker: Asker, by: Actor) -> Result<Outcome, Refused> {
        let Consultation { guest: leg, .. } = self.consulted()?;
        self.may_move_again()?;
        let contact = self.id;
        let talk = self.conversation()?;
        let agent = talk.agent.agent().cloned().ok_or(Refused::NotTalking)?;
        let guest = talk.guest(leg).ok_or(Refused::NoConsultation)?;
        let to = guest.who.clone().into();
        if !guest.joined {
            self.ring_on(cx, asker, by, leg);
            return Ok(Outcome::Asked);
        }
        self.moves += 1;
        cx.record_by(
            by.clone(),
            ContactEvent::TransferStarted { contact, agent: agent.clone(), to, attended: true },
        );
        if let Asker::Phone(phone) = asker {
            cx.order(phone, LegOrder::Referral(ReferralState::Done));
        }
        self.promote_guest(cx, leg, Vacancy::Transferred(by));
        self.show_customer(cx, leg);
        cx.record(ContactEvent::TransferEnded { contact, agent, how: MoveEnd::Done });
        Ok(Outcome::Done(Done::Moved(MoveEnd::Done)))
    }

    /// Shows the phone that has the customer now who that is.
    fn show_customer(&self, cx: &mut Context, leg: LegId) {
        if let Some(talk) = self.talk() {
            let display = self.display(&talk.queue);
            cx.order(leg, LegOrder::Show { number: self.caller.clone(), display });
        }
    }

    /// The agent's phone wants its call to be with somebody else (REFER).
    pub(crate) fn referred(&mut self, cx: &mut Context, leg: LegId, referral: &Referral) {
        let Some(agent) = self.talk().and_then(|talk| talk.agent.agent().cloned()) else { return };
        let to = cx.resolve(&agent, referral.to.reveal());
        let (by, asker) = (Actor::Agent(agent), Asker::Phone(leg));
        let result = match referral.replaces {
            Some(replaced) if self.has_lines(leg, replaced) => self.complete(cx, asker, by),
            Some(_) => Err(Refused::NoConsultation),
            None => match to {
                Some(to) if self.talk().is_some_and(|talk| talk.leg == leg) => {
                    self.transfer(cx, asker, by, to)
                }
                Some(_) => Err(Refused::NotTalking),
                None => Err(Refused::UnknownAgent),
            },
        };
        if let Err(refused) = result {
            cx.not_transferred(asker, refused);
            self.transfer_refused(cx, asker, refused);
        }
    }

    /// True when these are the two lines of the agent's phone, in either order.
    fn has_lines(&self, one: LegId, other: LegId) -> bool {
        let Some(talk) = self.talk() else { return false };
        let second = talk.second_line.as_ref().map(|line| line.leg);
        (Some(one) == second && other == talk.leg) || (one == talk.leg && Some(other) == second)
    }
}

impl Context {
    /// To whom a number leads that this agent dials, or gives the customer to.
    pub(crate) fn resolve(&self, by: &AgentId, number: &Number) -> Option<MoveTo> {
        let is_outside = || self.config.dialling.way(Some(by), self.queues_of(by), number).is_ok();
        let outside = || is_outside().then(|| MoveTo::Outside(Personal::new(number.clone())));
        self.of_the_house(number).or_else(outside)
    }

    /// To whom of the house a number leads.
    pub(crate) fn of_the_house(&self, number: &Number) -> Option<MoveTo> {
        let agents = &self.config.acd.agents;
        if let Some(agent) = agents.iter().find(|agent| agent.id.as_str() == number.as_str()) {
            return Some(MoveTo::Agent(agent.id.clone()));
        }
        if let Some(queue) = self.config.extensions.get(number) {
            return Some(MoveTo::Queue(queue.clone()));
        }
        let is_listed = self.config.directory.get(number).is_some();
        is_listed.then(|| MoveTo::Extension(number.clone()))
    }

    /// The queues that an agent serves; none of one who is unknown.
    pub(crate) fn queues_of(&self, agent: &AgentId) -> &[QueueName] {
        let known = self.config.acd.agents.iter().find(|known| known.id == *agent);
        known.map_or(&[][..], |known| &known.queues)
    }

    /// The parked contact whose slot has this number.
    pub(crate) fn slot_of(&self, number: &Number) -> Option<ContactId> {
        self.slots.contact(Slot(number.as_str().parse().ok()?))
    }

    /// How a number outside is called for this one, if that one may: an agent may what the agent's queues may, everybody
    /// else what the queue of the contact may.
    pub(crate) fn way_outside(
        &self,
        by: &Actor,
        queue: &QueueName,
        number: &Personal<Number>,
    ) -> Result<Outside, Refused> {
        let (agent, queues) = match by {
            Actor::Agent(agent) => (Some(agent), self.queues_of(agent)),
            Actor::Token(_) | Actor::CommandLine | Actor::Flow | Actor::Schedule => {
                (None, std::slice::from_ref(queue))
            }
        };
        self.config.dialling.way(agent, queues, number.reveal()).map(Outside::from)
    }

    /// How a member of the directory is called who is a number outside: as everybody may.
    pub(crate) fn way_of_directory(&self, number: &Personal<Number>) -> Result<Outside, Refused> {
        self.config.dialling.way(None, &[], number.reveal()).map(Outside::from)
    }
}

impl From<Way> for Outside {
    fn from(Way { number, trunks, caller, is_emergency: _ }: Way) -> Outside {
        Outside { number, trunks, caller }
    }
}

/// What a phone is shown for a refusal.
pub(crate) fn as_refusal(refused: Refused) -> Refusal {
    match refused {
        Refused::SeatBusy | Refused::NobodyFree | Refused::ConferenceFull | Refused::ConsultationGoesOn => {
            Refusal::Busy
        }
        Refused::UnknownAgent
        | Refused::SeatOffline
        | Refused::UnknownQueue
        | Refused::UnknownExtension
        | Refused::UnknownNode => Refusal::Unreachable,
        Refused::Closed => Refusal::NoAnswer,
        Refused::NotAllowed | Refused::NotNow(_) | Refused::NotTheirContact | Refused::TooManyMoves => {
            Refusal::Declined
        }
        Refused::UnknownContact
        | Refused::NotRecorded
        | Refused::NotTalking
        | Refused::NoGuest
        | Refused::InputGoesOn
        | Refused::NoInput
        | Refused::NoConsultation
        | Refused::ParkingFull
        | Refused::EmptySlot
        | Refused::NoTrunk
        | Refused::Busy
        | Refused::ShuttingDown => Refusal::Failed,
    }
}

/// The second line.
impl Contact {
    /// The agent's phone makes a second call while it talks with this contact's customer: a consultation.
    pub(crate) fn consult_by_phone(
        &mut self,
        cx: &mut Context,
        (leg, local): (LegId, IpAddr),
        agent: &AgentId,
        to: MoveTo,
        remote: Option<RemoteMedia>,
    ) {
        let (call, contact) = (self.call, self.id);
        let Some(talk) = self.talk_mut() else { return cx.refuse(leg, Cause::UnknownNumber) };
        if talk.consultation.is_some() || talk.second_line.is_some() {
            return cx.refuse(leg, Cause::Busy);
        }
        let line = SecondLine { leg, rtp: None, remote, is_up: false, holds: false };
        talk.second_line = Some(line);
        cx.open(leg, Leg::inbound(call, local, Who::Agent(agent.clone()), Why::SecondLine(contact)));
        if let Err(refused) = self.consult(cx, (None, Actor::Agent(agent.clone())), to, Some(leg)) {
            self.drop_second_line(cx, Cause::from(as_refusal(refused)));
        }
    }

    /// The agent's phone hears that nobody will answer its second call, or that the other one has gone.
    pub(crate) fn drop_second_line(&mut self, cx: &mut Context, cause: Cause) {
        if let Some(line) = self.talk_mut().and_then(|talk| talk.second_line.take()) {
            cx.let_go(line.leg, cause);
        }
    }

    pub(crate) fn second_line_refused(&mut self, cx: &mut Context, leg: LegId, refused: Refused) {
        if self.second_line(leg).is_some() {
            self.drop_second_line(cx, Cause::from(as_refusal(refused)));
        }
    }

    /// There was no port for a call of an agent's phone: a second line, or one that was to pick up a customer.
    pub(crate) fn no_port_for_agents_call(&mut self, cx: &mut Context, leg: LegId, cause: Cause) {
        cx.let_go(leg, cause);
        if self.second_line(leg).is_some() {
            self.second_line_over(cx);
        } else {
            self.taker_failed(cx, leg, Refusal::Failed);
        }
    }

    fn second_line(&mut self, leg: LegId) -> Option<&mut SecondLine> {
        self.talk_mut()?.second_line.as_mut().filter(|line| line.leg == leg)
    }

    pub(crate) fn second_line_open(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        if let Some(line) = self.second_line(leg) {
            line.rtp = Some(rtp);
            self.answer_second_line(cx);
        }
    }

    /// Answers the agent's second call once our port is open and the other one has answered.
    pub(crate) fn answer_second_line(&mut self, cx: &mut Context) {
        let Some(talk) = self.talk_mut() else { return };
        let guest = talk.consultation.map(|consultation| consultation.guest);
        let has_answered = guest.and_then(|leg| talk.guest(leg)).is_some_and(|guest| guest.joined);
        let Some(line) = talk.second_line.as_ref().filter(|_| has_answered) else { return };
        if let Some(rtp) = line.rtp {
            cx.answer(line.leg, rtp, line.remote.as_ref());
        }
    }

    pub(crate) fn second_line_up(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let call = self.call;
        if let Some(line) = self.second_line(leg) {
            (line.is_up, line.holds) = (true, cx.connect(call, leg, remote));
            self.arrange(cx);
        }
    }

    pub(crate) fn second_line_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        let call = self.call;
        match event {
            LegEvent::Over(_) => {
                cx.is_gone(leg);
                if self.second_line(leg).is_some() {
                    self.second_line_over(cx);
                }
            }
            LegEvent::Changed(remote) => {
                let holds = cx.connect(call, leg, remote);
                let before = self.second_line(leg).map(|line| std::mem::replace(&mut line.holds, holds));
                if before.is_some_and(|before| before != holds) {
                    self.arrange(cx);
                }
            }
            LegEvent::Referred(referral) => self.referred(cx, leg, &referral),
            LegEvent::Silent(_) => cx.order(leg, LegOrder::Probe),
            LegEvent::Ringing
            | LegEvent::Early(_)
            | LegEvent::Key(..)
            | LegEvent::Played(_)
            | LegEvent::OneWay => {}
        }
    }

    /// The agent hung up the second line: nobody is consulted any more.
    fn second_line_over(&mut self, cx: &mut Context) {
        let Some(talk) = self.talk_mut() else { return };
        talk.second_line = None;
        if let Some(consultation) = talk.consultation {
            self.dismiss_guest(cx, consultation.guest, GuestEnd::Dismissed, None);
        }
    }
}
