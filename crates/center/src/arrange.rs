//! Who hears whom in a conversation: a bridge of two, a conference with guests, a talk aside with whom the agent
//! consults, or music for a leg that has nobody.

use model::{ClipId, ContactEvent, Event, LegId, MediaOp, Part, PlayMode, Role, Side, Supervision};

use crate::contact::{Contact, Talk};
use crate::context::Context;

/// What one side hears while the other holds.
pub(crate) const HOLD_MUSIC: &str = "music/default";
/// What an agent hears while whom that one called or consults rings.
pub(crate) const RING_BACK: &str = "music/ring-back";

/// How somebody holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hold {
    /// The customer, by the phone.
    Customer,
    /// The agent, by the phone.
    Phone,
    /// The agent, by order.
    Order,
}

impl Hold {
    fn side(self) -> Side {
        match self {
            Hold::Customer => Side::Customer,
            Hold::Phone | Hold::Order => Side::Company,
        }
    }
}

impl Contact {
    /// One side holds or comes back: the other hears music, or the two hear each other again. A side holds
    /// when it wants nothing from us, whether or not it sends music of its own (RFC 3264 section 8.4).
    pub(crate) fn hold(&mut self, cx: &mut Context, how: Hold, holds: bool) {
        let (contact, by) = (self.id, how.side());
        let Some(talk) = self.talk_mut() else { return };
        let before = talk.is_held_by(by);
        let flag = match how {
            Hold::Customer => &mut talk.held_by_caller,
            Hold::Phone => &mut talk.phone_holds,
            Hold::Order => &mut talk.order_holds,
        };
        *flag = holds;
        let after = talk.is_held_by(by);
        if before == after {
            return;
        }
        let segment = talk.segment;
        self.arrange(cx);
        cx.record(if after {
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
        let (agent_leg, by_caller) = (talk.leg, talk.held_by_caller);
        let (aside, by_agent) = (talk.aside(), talk.is_held_by(Side::Company));
        let is_with_customer = !by_agent && !talk.is_aside();
        let members = talk.members(customer_leg);
        let parties = members.iter().filter(|(_, role)| *role == Role::Party).count();
        let alone = talk.guests.iter().all(|guest| !guest.joined || guest.part == Part::Consulted);
        if alone && is_with_customer && !by_caller {
            cx.media(call, MediaOp::Unbridge { leg: customer_leg });
            cx.media(call, MediaOp::Bridge { a: customer_leg, b: agent_leg });
        } else {
            if parties >= 2 {
                cx.media(call, MediaOp::Confer { members });
            } else {
                cx.media(call, MediaOp::Confer { members: Vec::new() });
                cx.media(call, MediaOp::Unbridge { leg: customer_leg });
            }
            cx.music_unless(call, customer_leg, by_caller, parties >= 2);
            if !aside.uses(agent_leg) {
                cx.music_unless(call, agent_leg, by_agent, parties >= 2);
            }
        }
        cx.arrange_aside(call, aside);
    }
}

/// The talk aside, between the agent's line and whom the agent consults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Aside {
    /// There is none.
    None,
    /// The other one rings, or is not heard yet; the line that waits for it.
    Rings(LegId),
    /// The two hear each other.
    Speaks(LegId, LegId),
    /// The agent is with the customer; this one waits.
    Waits(LegId),
}

impl Aside {
    fn uses(self, line: LegId) -> bool {
        match self {
            Aside::Rings(of) | Aside::Speaks(of, _) => of == line,
            Aside::None | Aside::Waits(_) => false,
        }
    }
}

impl Context {
    /// Music for a leg that has nobody, nothing for one that holds or has somebody.
    fn music_unless(&mut self, call: model::CallId, leg: LegId, holds: bool, has_somebody: bool) {
        if holds {
            self.media(call, MediaOp::StopPlay { leg });
        } else if !has_somebody {
            self.play_round(call, leg, HOLD_MUSIC);
        }
    }

    /// Plays a clip of the house to a leg, round and round.
    pub(crate) fn play_round(&mut self, call: model::CallId, leg: LegId, clip: &str) {
        let (play, clips) = (self.new_play(), vec![ClipId::from(clip)]);
        self.media(call, MediaOp::Play { leg, play, clips, mode: PlayMode::Loop });
    }

    fn arrange_aside(&mut self, call: model::CallId, aside: Aside) {
        match aside {
            Aside::None => {}
            Aside::Rings(line) => {
                if self.legs.is_up(line) {
                    self.play_round(call, line, RING_BACK);
                }
            }
            Aside::Speaks(line, other) => self.media(call, MediaOp::Bridge { a: line, b: other }),
            Aside::Waits(other) => {
                self.media(call, MediaOp::Unbridge { leg: other });
                self.play_round(call, other, HOLD_MUSIC);
            }
        }
    }
}

impl Talk {
    /// Who takes part in the conversation with the customer, and how; not those who hold or speak aside.
    fn members(&self, customer: LegId) -> Vec<(LegId, Role)> {
        let of_guest = |part| match part {
            Part::Supervisor(Supervision::Listen) => Some(Role::Listener),
            Part::Supervisor(Supervision::Whisper) => Some(Role::Whisperer { to: self.leg }),
            Part::Supervisor(Supervision::Barge | Supervision::TakeOver) | Part::Colleague => {
                Some(Role::Party)
            }
            Part::Consulted => None,
        };
        let agent_is_there = !self.is_held_by(Side::Company) && !self.is_aside();
        let two = [(customer, !self.held_by_caller), (self.leg, agent_is_there)];
        let two = two.into_iter().filter(|(_, is_there)| *is_there).map(|(leg, _)| (leg, Role::Party));
        let guests = self.guests.iter().filter(|guest| guest.joined && !guest.holds);
        two.chain(guests.filter_map(|guest| Some((guest.leg, of_guest(guest.part)?)))).collect()
    }

    /// How the agent speaks aside.
    fn aside(&self) -> Aside {
        let Some(consultation) = self.consultation else { return Aside::None };
        let Some(guest) = self.guests.iter().find(|guest| guest.leg == consultation.guest) else {
            return Aside::None;
        };
        let (line, is_there) = match &self.second_line {
            Some(line) => (line.leg, line.is_up && !line.holds),
            None => (self.leg, consultation.is_aside && !self.is_held_by(Side::Company)),
        };
        let is_heard = (guest.joined || guest.is_early) && !guest.holds;
        match (is_heard, is_there) {
            (true, true) => Aside::Speaks(line, guest.leg),
            (true, false) => Aside::Waits(guest.leg),
            (false, true) => Aside::Rings(line),
            (false, false) => Aside::None,
        }
    }
}
