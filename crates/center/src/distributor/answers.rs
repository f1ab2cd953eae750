//! What the distributor says to one contact, or to whoever asked, arrives where it belongs.

use std::time::Duration;

use model::{AgentId, CallId, Cause, CommandId, ContactId, Done, OfferId, QueueName, Refused, Reply};

use super::{Answer, Asked};
use crate::command::Outcome;
use crate::contact::Contact;
use crate::context::Context;
use crate::guests::{Callee, Invite};
use crate::machine::Center;
use crate::moving::Giving;

impl Center {
    /// Has what the distributor said arrive where it belongs.
    pub(crate) fn follow_distributor(&mut self) {
        self.cx.hear_distributor();
        while let Some(answer) = self.cx.answers.pop_front() {
            match answer {
                Answer::Joined { offer, contact, queue, agent } => self.joined(offer, contact, queue, agent),
                Answer::Position { contact, queue, position } => {
                    self.with(contact, |contact, cx| contact.tell_position(cx, &queue, position));
                }
                Answer::Answered { id, result } => self.answered(id, result.map(|()| None)),
                Answer::Engaged { id, agent } => self.answered(id, Ok(Some(agent))),
            }
        }
    }

    fn joined(&mut self, offer: OfferId, contact: ContactId, queue: QueueName, agent: AgentId) {
        let seat = self.cx.legs.answered(contact, offer);
        let waits = self.contacts.get(&contact).is_some_and(|contact| contact.waits());
        match seat {
            Some((leg, remote)) if waits => {
                self.with(contact, |contact, cx| contact.begin_to_talk(cx, leg, agent, queue, remote));
            }
            Some((leg, _)) => {
                self.cx.let_go(leg, Cause::HungUp);
                self.cx.acd(acd::Input::Disengaged(agent));
            }
            None => {
                self.cx.acd(acd::Input::Disengaged(agent));
                if waits {
                    self.with(contact, |contact, cx| contact.wait_again(cx, queue));
                }
            }
        }
    }

    /// The distributor's answer; with it the agent whom it found, where it was to find one.
    fn answered(&mut self, id: CommandId, result: Result<Option<AgentId>, Refused>) {
        let Some(asked) = self.cx.asked.remove(&id) else {
            return tracing::debug!(%id, "an answer to nobody");
        };
        let (result, found) = match result {
            Ok(found) => (Ok(()), found),
            Err(refused) => (Err(refused), None),
        };
        match asked {
            Asked::Command => self.reply(id, result),
            Asked::Code(leg) => self.with_code(leg, |code, cx| code.answered(cx, result.is_ok())),
            Asked::Guest { contact, seat, ring, invite } => {
                let seat = result.and_then(|()| found.or(seat).ok_or(Refused::NobodyFree));
                self.guest_asked(contact, seat, (*invite, ring));
            }
            Asked::Transfer { contact, seat, ring, giving } => {
                self.taker_asked(contact, result.map(|()| seat), (*giving, ring));
            }
            Asked::NextTaker { contact, seat, ring } => {
                let (was_given, callee) = (result.is_ok(), Callee::Agent(seat.clone()));
                let is_wanted =
                    self.with(contact, |contact, cx| contact.next_asked(cx, id, (callee, ring), result));
                self.give_back(seat, was_given && is_wanted != Some(true));
            }
            Asked::Back { contact, seat } => {
                let (was_given, agent) = (result.is_ok(), seat.clone());
                let is_wanted =
                    self.with(contact, |contact, cx| contact.agent_asked_back(cx, id, agent, result));
                self.give_back(seat, was_given && is_wanted != Some(true));
            }
            Asked::Call { contact, seat, is_command } => {
                let was_given = result.is_ok();
                let result = self.with(contact, |contact, cx| contact.agent_given(cx, result));
                let result = result.unwrap_or(Err(Refused::UnknownContact));
                self.give_back(seat, was_given && result.is_err());
                if is_command {
                    self.cx.reply(Reply { id, result: result.map(|()| Done::Placed(contact)) });
                }
            }
            Asked::PickUp { contact, seat } => {
                let ring = |contact: &mut Contact, cx: &mut Context, seat| contact.ring_pick_up(cx, seat);
                let result = result.and_then(|()| self.engaged(contact, seat, ring));
                self.reply(id, result);
            }
            Asked::Inside { call, seat } => self.inside_asked(id, call, result.map(|()| seat)),
            Asked::InsideIdle { call } => {
                let seat = result.and_then(|()| found.ok_or(Refused::NobodyFree));
                self.inside_asked(id, call, seat);
            }
            Asked::PickUpByPhone { contact, leg, seat } => {
                let was_given = result.is_ok();
                let is_wanted = self.with(contact, |contact, cx| contact.pick_up_given(cx, leg, result));
                self.give_back(seat, was_given && is_wanted != Some(true));
            }
        }
    }

    /// The seat that is to join a conversation, or why it cannot; then the next one may.
    fn guest_asked(
        &mut self,
        contact: ContactId,
        seat: Result<AgentId, Refused>,
        (invite, ring): (Invite, Duration),
    ) {
        let (line, command, call) = (invite.line, invite.command, invite.clone());
        let rung = seat.and_then(|seat| {
            self.engaged(contact, seat, |contact, cx, seat| {
                contact.ring_guest(cx, call, Callee::Agent(seat), ring)
            })
        });
        let next = |refused| self.ordered(contact, |contact, cx| contact.call_next(cx, invite, refused));
        let refused = match rung.map(|()| Outcome::Done(Done::Obeyed)).or_else(next) {
            Ok(Outcome::Asked) => return,
            Ok(Outcome::Done(_)) => None,
            Err(refused) => Some(refused),
        };
        match (command.filter(|_| line.is_none()), refused) {
            (Some(id), refused) => self.reply(id, refused.map_or(Ok(()), Err)),
            (None, Some(refused)) => {
                self.with(contact, |contact, cx| contact.nobody_comes(cx, line, refused));
            }
            (None, None) => {}
        }
    }

    /// The seat that is to have the customer, or why it cannot; then the next one may.
    fn taker_asked(
        &mut self,
        contact: ContactId,
        seat: Result<AgentId, Refused>,
        (giving, ring): (Giving, Duration),
    ) {
        let (asker, give) = (giving.asker, giving.clone());
        let given = seat.and_then(|seat| {
            self.engaged(contact, seat, |contact, cx, seat| {
                contact.give_to_callee(cx, give, Callee::Agent(seat), ring)
            })
        });
        let next = |refused| self.ordered(contact, |contact, cx| contact.give_along(cx, giving, refused));
        match given.map(|()| Outcome::Asked).or_else(next) {
            Ok(outcome) => self.cx.say_given(asker, outcome),
            Err(refused) => {
                self.cx.not_transferred(asker, refused);
                self.with(contact, |contact, cx| contact.transfer_refused(cx, asker, refused));
            }
        }
    }

    /// The seat for a call between agents, or why there is none.
    fn inside_asked(&mut self, id: CommandId, call: CallId, seat: Result<AgentId, Refused>) {
        let is_wanted = self.with_inside(call, |inside, cx| inside.given(cx, id, seat.clone()));
        if let Ok(seat) = seat {
            self.give_back(seat, !is_wanted);
        }
    }

    fn reply(&mut self, id: CommandId, result: Result<(), Refused>) {
        self.cx.reply(Reply { id, result: result.map(|()| Done::Obeyed) });
    }

    /// The distributor gave an agent to a contact; free again if the contact has no use for that one by now.
    fn engaged(
        &mut self,
        contact: ContactId,
        seat: AgentId,
        act: impl FnOnce(&mut Contact, &mut Context, AgentId) -> Result<(), Refused>,
    ) -> Result<(), Refused> {
        let result = self.with(contact, |contact, cx| act(contact, cx, seat.clone()));
        let result = result.unwrap_or(Err(Refused::UnknownContact));
        self.give_back(seat, result.is_err());
        result
    }

    fn give_back(&mut self, seat: AgentId, is_unused: bool) {
        if is_unused {
            self.cx.acd(acd::Input::Disengaged(seat));
        }
    }
}
