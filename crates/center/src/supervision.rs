//! Commands about guests: shift leaders who listen, whisper, barge in or take over; agents who ask a colleague in.

use model::{
    Actor, AgentId, CallId, ContactId, Done, Event, GuestEnd, LegId, Part, Refused, Supervision, Time,
    Watched,
};

use crate::call::{Call, Guest, Stage, Vacancy};
use crate::machine::Center;

impl Center {
    /// Has a supervisor's seat join a conversation, or changes what a supervisor who is in it does.
    pub(crate) fn supervise(
        &mut self,
        now: Time,
        by: Actor,
        watched: Watched,
        seat: AgentId,
        how: Supervision,
    ) -> Result<Done, Refused> {
        let call = self.watched_call(watched)?;
        let part = Part::Supervisor(how);
        let Some(guest) =
            self.talk(call).and_then(|talk| talk.guests.iter_mut().find(|guest| guest.agent == seat))
        else {
            return self.invite_guest(now, by, call, seat, part);
        };
        if guest.part == Part::Colleague {
            return Err(Refused::SeatBusy);
        }
        if std::mem::replace(&mut guest.part, part) == part {
            return Ok(Done::Obeyed);
        }
        let (leg, joined) = (guest.leg, guest.stage.is_joined());
        if let Some(Call::Customer(customer)) = self.calls.get(&call) {
            let contact = customer.contact;
            self.record(now, Event::GuestChanged { contact, guest: seat, part, by: by.clone() });
        }
        // Who still rings does what was said last, once there is an answer.
        if joined && how == Supervision::TakeOver {
            self.promote_guest(now, call, leg, Vacancy::TakenOver(Some(by)));
        } else if joined {
            self.arrange(now, call);
        }
        Ok(Done::Obeyed)
    }

    pub(crate) fn end_supervision(&mut self, now: Time, by: Actor, seat: &AgentId) -> Result<Done, Refused> {
        let supervises = |guest: &Guest| guest.agent == *seat && guest.part != Part::Colleague;
        let (call, leg) = self.find_guest(supervises).ok_or(Refused::NoGuest)?;
        self.dismiss_guest(now, call, leg, GuestEnd::Dismissed, Some(by));
        Ok(Done::Obeyed)
    }

    /// The agent asks a colleague in.
    pub(crate) fn add_party(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
        seat: AgentId,
    ) -> Result<Done, Refused> {
        let (call, _) = self.conversation(contact, agent)?;
        self.invite_guest(now, by, call, seat, Part::Colleague)
    }

    pub(crate) fn remove_party(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
        seat: &AgentId,
    ) -> Result<Done, Refused> {
        let (call, _) = self.conversation(contact, agent)?;
        let colleague = |guest: &&Guest| guest.agent == *seat && guest.part == Part::Colleague;
        let found = self.talk(call).and_then(|talk| talk.guests.iter().find(colleague));
        let leg = found.map(|guest| guest.leg).ok_or(Refused::NoGuest)?;
        self.dismiss_guest(now, call, leg, GuestEnd::Dismissed, Some(by));
        Ok(Done::Obeyed)
    }

    /// The agent leaves, and the call goes on with whoever else talks in it.
    pub(crate) fn leave_to_party(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<Done, Refused> {
        let (call, _) = self.conversation(contact, agent)?;
        let leg = self.who_stays(call).ok_or(Refused::NoGuest)?;
        self.promote_guest(now, call, leg, Vacancy::Left(by));
        Ok(Done::Obeyed)
    }

    fn watched_call(&mut self, watched: Watched) -> Result<CallId, Refused> {
        match watched {
            Watched::Contact(contact) => self.conversation(contact, None).map(|(call, _)| call),
            Watched::Agent(agent) => {
                self.acd.agent(&agent).ok_or(Refused::UnknownAgent)?;
                let talks = |(call, of): (&CallId, &Call)| match of {
                    Call::Customer(customer) => match &customer.stage {
                        Stage::Talking(talk) if talk.agent == agent => Some(*call),
                        Stage::Opening { .. }
                        | Stage::Answering { .. }
                        | Stage::InFlow { .. }
                        | Stage::Talking(_) => None,
                    },
                    Call::Code(_) => None,
                };
                self.calls.iter().find_map(talks).ok_or(Refused::NotTalking)
            }
        }
    }

    pub(crate) fn find_guest(&self, wanted: impl Fn(&Guest) -> bool) -> Option<(CallId, LegId)> {
        self.calls.iter().find_map(|(call, of)| match of {
            Call::Customer(customer) => match &customer.stage {
                Stage::Talking(talk) => {
                    talk.guests.iter().find(|guest| wanted(guest)).map(|guest| (*call, guest.leg))
                }
                Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } => None,
            },
            Call::Code(_) => None,
        })
    }
}
