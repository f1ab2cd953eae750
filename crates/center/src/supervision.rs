//! Commands about guests: shift leaders who listen, whisper, barge in or take over; agents who ask a colleague in.

use model::{
    Actor, AgentId, Cause, CommandId, ContactEvent, ContactId, Done, GuestEnd, LegId, MoveTo, Part,
    PartyOrder, Refusal, Refused, Supervision, SupervisionOrder, Watched,
};

use crate::command::Outcome;
use crate::contact::{Contact, Vacancy};
use crate::context::Context;
use crate::leg::Why;
use crate::machine::Center;

impl Contact {
    /// Has a supervisor's seat join the conversation, or changes what a supervisor who is in it does.
    fn supervise(
        &mut self,
        cx: &mut Context,
        (id, by): (CommandId, Actor),
        seat: AgentId,
        how: Supervision,
    ) -> Result<Outcome, Refused> {
        let (contact, part) = (self.id, Part::Supervisor(how));
        let talk = self.conversation()?;
        let Some(guest) = talk.guests.iter_mut().find(|guest| guest.who.agent() == Some(&seat)) else {
            return self.invite(cx, (Some(id), by), MoveTo::Agent(seat), part, None);
        };
        if matches!(guest.part, Part::Colleague | Part::Consulted) {
            return Err(Refused::SeatBusy);
        }
        if std::mem::replace(&mut guest.part, part) == part {
            return Ok(Outcome::Done(Done::Obeyed));
        }
        let (leg, joined) = (guest.leg, guest.joined);
        cx.record_by(by.clone(), ContactEvent::GuestChanged { contact, guest: seat.into(), part });
        // Who still rings does what was said last, once there is an answer.
        if joined && how == Supervision::TakeOver {
            self.promote_guest(cx, leg, Vacancy::TakenOver(Some(by)));
        } else if joined {
            self.arrange(cx);
        }
        Ok(Outcome::Done(Done::Obeyed))
    }

    pub(crate) fn obey_about_parties(
        &mut self,
        cx: &mut Context,
        (id, by): (CommandId, Actor),
        order: PartyOrder,
    ) -> Result<Outcome, Refused> {
        self.conversation()?;
        match order {
            PartyOrder::Add { seat } => {
                self.invite(cx, (Some(id), by), MoveTo::Agent(seat), Part::Colleague, None)
            }
            PartyOrder::Remove { seat } => self.remove_party(cx, by, &seat).map(Outcome::Done),
            PartyOrder::Leave => self.leave_to_party(cx, by).map(Outcome::Done),
        }
    }

    fn remove_party(&mut self, cx: &mut Context, by: Actor, seat: &AgentId) -> Result<Done, Refused> {
        let guests = &self.conversation()?.guests;
        let found =
            guests.iter().find(|guest| guest.who.agent() == Some(seat) && guest.part == Part::Colleague);
        let leg = found.map(|guest| guest.leg).ok_or(Refused::NoGuest)?;
        self.dismiss_guest(cx, leg, GuestEnd::Dismissed, Some(by));
        Ok(Done::Obeyed)
    }

    /// The agent leaves, and the call goes on with whoever else talks in it.
    fn leave_to_party(&mut self, cx: &mut Context, by: Actor) -> Result<Done, Refused> {
        let leg = self.conversation()?.who_stays().ok_or(Refused::NoGuest)?;
        self.promote_guest(cx, leg, Vacancy::Left(by));
        Ok(Done::Obeyed)
    }

    /// A supervisor leaves by command; an error for who supervises nothing.
    fn end_supervision(&mut self, cx: &mut Context, by: Actor, leg: LegId) -> Result<Done, Refused> {
        let guests = self.talk().map(|talk| &talk.guests[..]).unwrap_or_default();
        let supervises =
            guests.iter().any(|guest| guest.leg == leg && matches!(guest.part, Part::Supervisor(_)));
        if !supervises {
            return Err(Refused::NoGuest);
        }
        self.dismiss_guest(cx, leg, GuestEnd::Dismissed, Some(by));
        Ok(Done::Obeyed)
    }
}

impl Center {
    pub(crate) fn obey_about_supervision(
        &mut self,
        (id, by): (CommandId, Actor),
        order: SupervisionOrder,
    ) -> Result<Outcome, Refused> {
        match order {
            SupervisionOrder::Start { watched, seat, how } => {
                let contact = match watched {
                    Watched::Contact(contact) => contact,
                    Watched::Agent(agent) => self.contact_of_agent(&agent)?,
                };
                self.ordered(contact, |contact, cx| contact.supervise(cx, (id, by), seat, how))
            }
            SupervisionOrder::End { seat } => {
                let (contact, leg) = self.guest(&seat).ok_or(Refused::NoGuest)?;
                self.ordered(contact, |contact, cx| contact.end_supervision(cx, by, leg)).map(Outcome::Done)
            }
        }
    }

    /// A seat that rings to join a conversation stops: the agent is not registered any more.
    pub(crate) fn guest_offline(&mut self, agent: &AgentId) {
        if let Some((contact, leg)) = self.guest(agent).filter(|(_, leg)| !self.cx.legs.is_up(*leg)) {
            self.cx.let_go(leg, Cause::HungUp);
            self.with(contact, |contact, cx| contact.guest_missed(cx, leg, Refusal::Unreachable));
        } else if let Some((contact, leg)) = self.taker(agent) {
            self.cx.let_go(leg, Cause::Cancelled);
            self.with(contact, |contact, cx| {
                contact.taker_failed(cx, leg, Refusal::Unreachable);
                contact.originator_failed(cx, leg, Refusal::Unreachable);
            });
        }
    }

    /// The contact whose customer an agent's seat is rung to have, or is to be called for it, and that leg.
    fn taker(&self, agent: &AgentId) -> Option<(ContactId, LegId)> {
        let (leg, of) = self.cx.legs.of_agent(agent)?;
        match of.why {
            Why::Taker(contact) if !of.is_inbound => Some((contact, leg)),
            Why::Originator(contact) if !of.is_inbound && !of.is_up() => Some((contact, leg)),
            Why::Contact(_)
            | Why::Originator(_)
            | Why::Offer { .. }
            | Why::Answered { .. }
            | Why::Segment(_)
            | Why::Guest(_)
            | Why::Taker(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::Inside(_)
            | Why::FeatureCode => None,
        }
    }

    /// The contact that an agent talks with.
    pub(crate) fn contact_of_agent(&self, agent: &AgentId) -> Result<ContactId, Refused> {
        let is_known = || self.cx.config.acd.agents.iter().any(|known| known.id == *agent);
        match self.cx.legs.of_agent(agent).map(|(_, leg)| &leg.why) {
            Some(Why::Segment(contact)) => Ok(*contact),
            Some(
                Why::Contact(_)
                | Why::Originator(_)
                | Why::Offer { .. }
                | Why::Answered { .. }
                | Why::Guest(_)
                | Why::Taker(_)
                | Why::Giver(_)
                | Why::SecondLine(_)
                | Why::Inside(_)
                | Why::FeatureCode,
            )
            | None => Err(if is_known() { Refused::NotTalking } else { Refused::UnknownAgent }),
        }
    }

    /// The contact whose guest an agent is, or is rung to be, and the agent's leg.
    fn guest(&self, agent: &AgentId) -> Option<(ContactId, LegId)> {
        let (leg, of) = self.cx.legs.of_agent(agent)?;
        match of.why {
            Why::Guest(contact) => Some((contact, leg)),
            Why::Contact(_)
            | Why::Originator(_)
            | Why::Offer { .. }
            | Why::Answered { .. }
            | Why::Segment(_)
            | Why::Taker(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::Inside(_)
            | Why::FeatureCode => None,
        }
    }
}
