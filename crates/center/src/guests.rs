//! Others in a conversation beside customer and agent: supervisors, and colleagues whom the agent asked in.
//!
//! ```text
//!           port open          answered              takes over, or the agent leaves
//! Opening ───────────► Ringing ─────────► Joined ────────────────────────────────────► the segment's agent
//!    │                    │ refused, 30 s    │ hangs up, dismissed, conversation over
//!    └────────────────────┴──────────────────┴──────────────────────────────────────► gone
//! ```
//!
//! The distributor is asked for the seat (`Engage`) before there is a guest; it rings once the answer is yes.
//!
//! Nothing that goes wrong with a guest touches the conversation. A guest belongs to the contact: when the agent
//! changes, the guests stay, and a whisper is for the new agent.

use std::net::SocketAddr;
use std::time::Duration;

use model::{
    Actor, AgentId, Cause, CommandId, ContactEvent, GuestEnd, LegId, MediaOp, Part, Refused, RemoteMedia,
    SecureEnd, SegmentEnd, SegmentId, Side, Supervision,
};

use crate::command::Outcome;
use crate::contact::{Contact, Guest, Talk, Vacancy};
use crate::context::Context;
use crate::distributor::Asked;
use crate::leg::{LegEvent, Why};
use crate::seat::codecs_like;
use crate::timers::Timer;

/// How long a guest's seat rings.
const RINGS: Duration = Duration::from_secs(30);
/// The most guests of one conversation.
const MOST_GUESTS: usize = 16;

impl Contact {
    /// Asks the distributor for a seat that is to join the conversation.
    pub(crate) fn invite_guest(
        &mut self,
        cx: &mut Context,
        (id, by): (CommandId, Actor),
        seat: AgentId,
        part: Part,
    ) -> Result<Outcome, Refused> {
        let contact = self.id;
        let queue = self.conversation_with_room()?.queue.clone();
        cx.asked.insert(id, Asked::Guest { contact, by, seat: seat.clone(), part });
        cx.acd(acd::Input::Engage { id, agent: seat, contact, queue });
        Ok(Outcome::Asked)
    }

    fn conversation_with_room(&mut self) -> Result<&mut Talk, Refused> {
        let talk = self.conversation()?;
        if talk.guests.len() < MOST_GUESTS { Ok(talk) } else { Err(Refused::ConferenceFull) }
    }

    /// The distributor gave the seat: it rings, to join the conversation.
    pub(crate) fn ring_guest(
        &mut self,
        cx: &mut Context,
        by: Actor,
        seat: AgentId,
        part: Part,
    ) -> Result<(), Refused> {
        let (contact, call) = (self.id, self.call);
        let talk = self.conversation_with_room()?;
        cx.record_by(by, ContactEvent::GuestInvited { contact, guest: seat.clone().into(), part });
        let leg = cx.open_to_seat(call, seat.clone(), Why::Guest(contact));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
        talk.guests.push(Guest { leg, agent: seat, part, joined: false, holds: false });
        Ok(())
    }

    /// A guest's leg has something to say.
    pub(crate) fn guest_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Changed(remote) => self.guest_changed(cx, leg, remote),
            LegEvent::Over(Cause::SignallingTimeout) => self.guest_gone(cx, leg, GuestEnd::Vanished),
            LegEvent::Over(_) => self.guest_gone(cx, leg, GuestEnd::HungUp),
            LegEvent::Silent(direction) => self.silent(cx, leg, direction),
            LegEvent::OneWay => self.guest_not_heard(cx, leg),
            LegEvent::Key(..) | LegEvent::Played(_) => {}
        }
    }

    fn guest_changed(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let holds = !remote.direction.sends();
        cx.media(self.call, MediaOp::Connect { leg, remote });
        let guest = self.talk_mut().and_then(|talk| talk.guest(leg));
        if guest.is_some_and(|guest| std::mem::replace(&mut guest.holds, holds) != holds) {
            self.arrange(cx);
        }
    }

    /// A guest whom others should hear is not heard.
    fn guest_not_heard(&mut self, cx: &mut Context, leg: LegId) {
        let Some(guest) = self.talk_mut().and_then(|talk| talk.guest(leg)) else { return };
        if guest.is_party() && guest.joined && !guest.holds {
            let agent = Some(guest.agent.clone().into());
            cx.record(ContactEvent::OneWayAudio { contact: self.id, agent });
        }
    }

    /// Takes a guest out of the conversation from our side.
    pub(crate) fn dismiss_guest(&mut self, cx: &mut Context, leg: LegId, how: GuestEnd, by: Option<Actor>) {
        let Some(guest) = self.take_guest(leg) else { return };
        self.let_guest_go(cx, &guest, how, by);
        // Who never came changes nothing for those who talk.
        if guest.joined {
            self.arrange(cx);
        }
    }

    /// The conversation is over, and so it is for all guests.
    pub(crate) fn dismiss_all(&mut self, cx: &mut Context) {
        let guests = self.talk_mut().map(|talk| std::mem::take(&mut talk.guests)).unwrap_or_default();
        for guest in guests {
            self.let_guest_go(cx, &guest, GuestEnd::CallEnded, None);
        }
    }

    /// The guest becomes the contact's agent, in a new segment, and the agent's leg is let go.
    pub(crate) fn promote_guest(&mut self, cx: &mut Context, leg: LegId, vacancy: Vacancy) {
        let Some(guest) = self.take_guest(leg) else { return };
        let (contact, next) = (self.id, SegmentId::new(&mut cx.ids, cx.now));
        let Some(talk) = self.talk_mut() else { return };
        let (queue, by_caller, by_agent) = (talk.queue.clone(), talk.held_by_caller, guest.holds);
        let segment = std::mem::replace(&mut talk.segment, next);
        let before = std::mem::replace(&mut talk.agent, guest.agent.clone());
        let old = std::mem::replace(&mut talk.leg, leg);
        talk.held_by_agent = by_agent;
        cx.legs.becomes_the_agents(leg, contact);
        self.arrange(cx);
        if vacancy.leg_is_over() {
            cx.is_gone(old);
        } else {
            cx.let_go(old, Cause::HungUp);
        }
        self.end_secure_input(cx, SecureEnd::CallEnded, None);
        let end = SegmentEnd { by: vacancy.ended_by(), cause: Cause::HungUp };
        cx.record(ContactEvent::SegmentEnded { segment, contact, agent: before.clone().into(), end });
        self.resume_after_segment(cx);
        let (agent, how, by) = (guest.agent, GuestEnd::BecameAgent, vacancy.commanded_by());
        cx.record_by(by, ContactEvent::GuestLeft { contact, guest: agent.clone().into(), how });
        cx.record(ContactEvent::SegmentStarted { segment: next, contact, agent: agent.into(), queue });
        for (by, holds) in [(Side::Customer, by_caller), (Side::Company, by_agent)] {
            if holds {
                cx.record(ContactEvent::HoldStarted { segment: next, contact, by });
            }
        }
        cx.acd(acd::Input::SegmentEnded(before));
    }

    pub(crate) fn dial_guest(&self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        if let Some(talk) = self.talk() {
            let display = talk.queue.to_string();
            cx.dial(leg, rtp, codecs_like(self.remote.as_ref()), self.caller.clone(), display);
        }
    }

    pub(crate) fn guest_answered(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let Some(guest) = self.talk_mut().and_then(|talk| talk.guest(leg)) else { return };
        (guest.joined, guest.holds) = (true, !remote.direction.sends());
        let (part, agent) = (guest.part, guest.agent.clone());
        cx.timers.stop(Timer::Ring(leg));
        cx.media(self.call, MediaOp::Connect { leg, remote });
        cx.record(ContactEvent::GuestJoined { contact: self.id, guest: agent.into() });
        match part {
            Part::Supervisor(Supervision::TakeOver) => {
                self.promote_guest(cx, leg, Vacancy::TakenOver(None));
            }
            Part::Supervisor(Supervision::Listen | Supervision::Whisper | Supervision::Barge)
            | Part::Colleague
            | Part::Consulted => self.arrange(cx),
        }
    }

    /// A guest whose leg is over by itself.
    pub(crate) fn guest_gone(&mut self, cx: &mut Context, leg: LegId, how: GuestEnd) {
        let Some(guest) = self.take_guest(leg) else { return };
        cx.record(ContactEvent::GuestLeft { contact: self.id, guest: guest.agent.into(), how });
        cx.is_gone(leg);
        if guest.joined {
            self.arrange(cx);
        }
    }

    /// Hangs up, or withdraws, a guest that is in the conversation's table no more.
    fn let_guest_go(&self, cx: &mut Context, guest: &Guest, how: GuestEnd, by: Option<Actor>) {
        cx.record_by(
            by,
            ContactEvent::GuestLeft { contact: self.id, guest: guest.agent.clone().into(), how },
        );
        cx.let_go(guest.leg, Cause::HungUp);
    }

    fn take_guest(&mut self, leg: LegId) -> Option<Guest> {
        let talk = self.talk_mut()?;
        let index = talk.guests.iter().position(|guest| guest.leg == leg)?;
        Some(talk.guests.remove(index))
    }
}
