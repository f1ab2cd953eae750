//! Who hears whom in a conversation: a bridge of two, a conference with guests, or music for whoever is held.

use model::{ClipId, ContactEvent, Event, LegId, MediaOp, Part, PlayMode, Role, Side, Supervision};

use crate::contact::{Contact, Talk};
use crate::context::Context;

/// What one side hears while the other holds.
const HOLD_MUSIC: &str = "music/default";

impl Contact {
    /// One side holds or comes back: the other hears music, or the two hear each other again. A side holds
    /// when it wants nothing from us, whether or not it sends music of its own (RFC 3264 section 8.4).
    pub(crate) fn hold(&mut self, cx: &mut Context, by: Side, holds: bool) {
        let contact = self.id;
        let Some(talk) = self.talk_mut() else { return };
        let flag = match by {
            Side::Customer => &mut talk.held_by_caller,
            Side::Company => &mut talk.held_by_agent,
        };
        if std::mem::replace(flag, holds) == holds {
            return;
        }
        let segment = talk.segment;
        self.arrange(cx);
        cx.record(if holds {
            Event::Contact(ContactEvent::HoldStarted { segment, contact, by })
        } else {
            Event::Contact(ContactEvent::HoldEnded { segment, contact, by })
        });
    }

    /// Has the media join who hears whom now. Ordered again after every change of who is there or holds.
    pub(crate) fn arrange(&mut self, cx: &mut Context) {
        let (call, customer_leg) = (self.call, self.leg);
        let Some(talk) = self.talk_mut() else { return };
        talk.arranged_at = cx.now;
        let (agent_leg, by_agent, by_caller) = (talk.leg, talk.held_by_agent, talk.held_by_caller);
        let members = talk.members(customer_leg);
        let parties = members.iter().filter(|(_, role)| *role == Role::Party).count();
        let alone = talk.guests.iter().all(|guest| !guest.joined);
        if alone && !by_agent && !by_caller {
            cx.media(call, MediaOp::Unbridge { leg: customer_leg });
            return cx.media(call, MediaOp::Bridge { a: customer_leg, b: agent_leg });
        }
        if parties >= 2 {
            cx.media(call, MediaOp::Confer { members });
        } else {
            cx.media(call, MediaOp::Confer { members: Vec::new() });
            cx.media(call, MediaOp::Unbridge { leg: customer_leg });
        }
        for (holds, leg) in [(by_caller, customer_leg), (by_agent, agent_leg)] {
            if holds {
                cx.media(call, MediaOp::StopPlay { leg });
            } else if parties < 2 {
                let (play, clips) = (cx.new_play(), vec![ClipId::from(HOLD_MUSIC)]);
                cx.media(call, MediaOp::Play { leg, play, clips, mode: PlayMode::Loop });
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
            Part::Supervisor(Supervision::Barge | Supervision::TakeOver)
            | Part::Colleague
            | Part::Consulted => Role::Party,
        };
        let two = [(customer, self.held_by_caller), (self.leg, self.held_by_agent)];
        let two = two.into_iter().filter(|(_, holds)| !holds).map(|(leg, _)| (leg, Role::Party));
        let guests = self.guests.iter().filter(|guest| guest.joined && !guest.holds);
        two.chain(guests.map(|guest| (guest.leg, of_guest(guest.part)))).collect()
    }
}
