//! Who hears whom in a conversation: a bridge of two, a conference with guests, or music for whoever is held.

use model::{
    CallId, ClipId, EndedBy, Event, LegId, MediaOp, Part, PlayId, PlayMode, Role, Supervision, Time,
};

use crate::call::{Call, Stage, Talk};
use crate::machine::Center;

/// What one side hears while the other holds.
const HOLD_MUSIC: &str = "music/default";

impl Center {
    /// One side holds or comes back: the other hears music, or the two hear each other again. A side holds
    /// when it wants nothing from us, whether or not it sends music of its own (RFC 3264 section 8.4).
    pub(crate) fn hold(&mut self, now: Time, call: CallId, by: EndedBy, holds: bool) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let contact = customer.contact;
        let Stage::Talking(talk) = &mut customer.stage else { return };
        let flag = if by == EndedBy::Agent { &mut talk.held_by_agent } else { &mut talk.held_by_caller };
        if std::mem::replace(flag, holds) == holds {
            return;
        }
        let segment = talk.segment;
        self.arrange(now, call);
        let event = if holds {
            Event::HoldStarted { segment, contact, by }
        } else {
            Event::HoldEnded { segment, contact, by }
        };
        self.record(now, event);
    }

    /// Has the media join who hears whom now. Ordered again after every change of who is there or holds.
    pub(crate) fn arrange(&mut self, now: Time, call: CallId) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let customer_leg = customer.leg;
        let Stage::Talking(talk) = &mut customer.stage else { return };
        talk.arranged_at = now;
        let (agent_leg, by_agent, by_caller) = (talk.leg, talk.held_by_agent, talk.held_by_caller);
        let members = talk.members(customer_leg);
        let parties = members.iter().filter(|(_, role)| *role == Role::Party).count();
        let alone = talk.guests.iter().all(|guest| !guest.stage.is_joined());
        if alone && !by_agent && !by_caller {
            self.media(call, MediaOp::Unbridge { leg: customer_leg });
            return self.media(call, MediaOp::Bridge { a: customer_leg, b: agent_leg });
        }
        if parties >= 2 {
            self.media(call, MediaOp::Confer { members });
        } else {
            self.media(call, MediaOp::Confer { members: Vec::new() });
            self.media(call, MediaOp::Unbridge { leg: customer_leg });
        }
        for (holds, leg) in [(by_caller, customer_leg), (by_agent, agent_leg)] {
            if holds {
                self.media(call, MediaOp::StopPlay { leg });
            } else if parties < 2 {
                let (play, clips) = (PlayId::new(&mut self.ids, now), vec![ClipId::from(HOLD_MUSIC)]);
                self.media(call, MediaOp::Play { leg, play, clips, mode: PlayMode::Loop });
            }
        }
    }
}

impl Talk {
    /// Who takes part in the conference, and how; whoever holds does not.
    fn members(&self, customer: LegId) -> Vec<(LegId, Role)> {
        let of_guest = |part| match part {
            Part::Supervisor(Supervision::Listen) => Role::Listener,
            Part::Supervisor(Supervision::Whisper) => Role::Whisperer { to: self.leg },
            Part::Supervisor(Supervision::Barge | Supervision::TakeOver) | Part::Colleague => Role::Party,
        };
        let two = [(customer, self.held_by_caller), (self.leg, self.held_by_agent)];
        let two = two.into_iter().filter(|(_, holds)| !holds).map(|(leg, _)| (leg, Role::Party));
        let guests = self.guests.iter().filter(|guest| guest.stage.is_joined() && !guest.stage.holds());
        two.chain(guests.map(|guest| (guest.leg, of_guest(guest.part)))).collect()
    }
}
