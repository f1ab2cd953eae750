//! Others in a conversation beside customer and agent: supervisors, colleagues whom the agent asked in, and whom the
//! agent consults (`consult`).
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

mod calling;

use std::net::SocketAddr;
use std::time::Duration;

use model::{
    Actor, AgentId, Cause, ContactEvent, GuestEnd, LegId, LegOrder, MediaOp, Number, Part, Party, Personal,
    Refusal, RemoteMedia, SecureEnd, SegmentEnd, SegmentId, Side, Supervision,
};

use crate::consult::Consultation;
use crate::contact::{Contact, Guest, Vacancy};
use crate::context::Context;
use crate::leg::{LegEvent, Outside};
use crate::seat::codecs_like;
use crate::timers::Timer;

pub(crate) use calling::Invite;

/// How long a leg rings that is to join a conversation, or to have a customer.
pub(crate) const RINGS: Duration = Duration::from_secs(30);
/// The most guests of one conversation.
const MOST_GUESTS: usize = 16;

/// How somebody is called who is to join a conversation, or to have the customer.
#[derive(Debug, Clone)]
pub(crate) enum Callee {
    /// By the seat, which the distributor gave.
    Agent(AgentId),
    /// By trunks.
    Outside(Outside),
}

impl Contact {
    /// A guest's leg has something to say.
    pub(crate) fn guest_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing => self.guest_rings(cx, leg),
            LegEvent::Early(remote) => self.guest_early(cx, leg, remote),
            LegEvent::Changed(remote) => self.guest_changed(cx, leg, remote),
            LegEvent::Over(Cause::SignallingTimeout) => self.guest_gone(cx, leg, GuestEnd::Vanished),
            LegEvent::Over(_) => self.guest_gone(cx, leg, GuestEnd::HungUp),
            LegEvent::Silent(direction) => self.silent(cx, leg, direction),
            LegEvent::OneWay => self.guest_not_heard(cx, leg),
            LegEvent::Referred(_) => cx.refuse_referral(leg),
            LegEvent::Key(..) | LegEvent::Played(_) => {}
        }
    }

    /// The agent's phone hears that whom it called rings.
    fn guest_rings(&mut self, cx: &mut Context, leg: LegId) {
        let Some(talk) = self.talk() else { return };
        let is_consulted = talk.consultation.is_some_and(|consultation| consultation.guest == leg);
        if let Some(line) = talk.second_line.as_ref().filter(|_| is_consulted) {
            cx.order(line.leg, LegOrder::Ring);
        }
    }

    /// The network's tones or words of somebody outside who rings are for the agent who consults.
    fn guest_early(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        cx.media(self.call, MediaOp::Connect { leg, remote });
        let Some(guest) = self.talk_mut().and_then(|talk| talk.guest(leg)) else { return };
        if guest.part == Part::Consulted && !std::mem::replace(&mut guest.is_early, true) {
            self.arrange(cx);
        }
    }

    fn guest_changed(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let holds = cx.connect(self.call, leg, remote);
        let guest = self.talk_mut().and_then(|talk| talk.guest(leg));
        if guest.is_some_and(|guest| std::mem::replace(&mut guest.holds, holds) != holds) {
            self.arrange(cx);
        }
    }

    /// A guest whom others should hear is not heard.
    fn guest_not_heard(&mut self, cx: &mut Context, leg: LegId) {
        let Some(guest) = self.talk_mut().and_then(|talk| talk.guest(leg)) else { return };
        if guest.is_party() && guest.joined && !guest.holds {
            let agent = Some(guest.who.clone());
            cx.record(ContactEvent::OneWayAudio { contact: self.id, agent });
        }
    }

    /// Takes a guest out of the conversation from our side.
    pub(crate) fn dismiss_guest(&mut self, cx: &mut Context, leg: LegId, how: GuestEnd, by: Option<Actor>) {
        let Some(guest) = self.take_guest(cx, leg, as_cause(how)) else { return };
        self.let_guest_go(cx, &guest, how, by);
        self.arrange_without(cx, &guest);
    }

    /// Who never came changes nothing for those who talk; but an agent who waited for that one does not any more.
    fn arrange_without(&mut self, cx: &mut Context, guest: &Guest) {
        if guest.joined || guest.part == Part::Consulted {
            self.arrange(cx);
        }
    }

    /// The conversation is over, and so it is for all guests.
    pub(crate) fn dismiss_all(&mut self, cx: &mut Context) {
        let Some(talk) = self.talk_mut() else { return };
        talk.consultation = None;
        let guests = std::mem::take(&mut talk.guests);
        for guest in guests {
            self.let_guest_go(cx, &guest, GuestEnd::CallEnded, None);
        }
        self.drop_second_line(cx, Cause::HungUp);
    }

    /// The guest becomes the contact's agent, in a new segment, and the agent's leg is let go.
    pub(crate) fn promote_guest(&mut self, cx: &mut Context, leg: LegId, vacancy: Vacancy) {
        let cause = vacancy.cause();
        let Some(guest) = self.take_guest(cx, leg, cause) else { return };
        self.end_consultations(cx);
        let (contact, next) = (self.id, SegmentId::new(&mut cx.ids, cx.now));
        let Some(talk) = self.talk_mut() else { return };
        let (queue, by_caller, by_agent) = (talk.queue.clone(), talk.held_by_caller, guest.holds);
        let segment = std::mem::replace(&mut talk.segment, next);
        let before = std::mem::replace(&mut talk.agent, guest.who.clone());
        let old = std::mem::replace(&mut talk.leg, leg);
        (talk.phone_holds, talk.order_holds, talk.typing) = (by_agent, false, None);
        cx.legs.becomes_the_agents(leg, contact);
        self.arrange(cx);
        if vacancy.leg_is_over() {
            cx.is_gone(old);
        } else {
            cx.let_go(old, cause);
        }
        self.end_secure_input(cx, SecureEnd::CallEnded, None);
        let end = SegmentEnd { by: vacancy.ended_by(), cause };
        cx.record(ContactEvent::SegmentEnded { segment, contact, agent: before.clone(), end });
        self.resume_after_segment(cx);
        let (agent, how, by) = (guest.who, GuestEnd::BecameAgent, vacancy.commanded_by());
        cx.record_by(by, ContactEvent::GuestLeft { contact, guest: agent.clone(), how });
        cx.record(ContactEvent::SegmentStarted { segment: next, contact, agent, queue });
        for (by, holds) in [(Side::Customer, by_caller), (Side::Company, by_agent)] {
            if holds {
                cx.record(ContactEvent::HoldStarted { segment: next, contact, by });
            }
        }
        cx.segment_ended(before);
    }

    /// The agent who consulted somebody leaves: that one was there for the agent alone.
    fn end_consultations(&mut self, cx: &mut Context) {
        let consulted = self.talk().and_then(|talk| talk.consultation);
        if let Some(Consultation { guest, .. }) = consulted
            && let Some(guest) = self.take_guest(cx, guest, Cause::HungUp)
        {
            self.let_guest_go(cx, &guest, GuestEnd::CallEnded, None);
        }
        self.drop_second_line(cx, Cause::HungUp);
    }

    pub(crate) fn dial_guest(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        let codecs = codecs_like(self.remote.as_ref());
        let caller = self.caller.clone();
        let Some(talk) = self.talk_mut() else { return };
        let is_consulted = talk.guest(leg).is_some_and(|guest| guest.part == Part::Consulted);
        // Who is consulted speaks with the agent first, and sees that one.
        let shown = if is_consulted { number_of(&talk.agent) } else { caller };
        let display = talk.queue.to_string();
        cx.dial(leg, rtp, codecs, shown, display);
    }

    pub(crate) fn guest_answered(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let call = self.call;
        let Some(guest) = self.talk_mut().and_then(|talk| talk.guest(leg)) else { return };
        (guest.joined, guest.holds) = (true, cx.connect(call, leg, remote));
        let (part, who) = (guest.part, guest.who.clone());
        cx.timers.stop(Timer::Ring(leg));
        cx.record(ContactEvent::GuestJoined { contact: self.id, guest: who });
        match part {
            Part::Supervisor(Supervision::TakeOver) => {
                self.promote_guest(cx, leg, Vacancy::TakenOver(None));
            }
            Part::Consulted => {
                self.answer_second_line(cx);
                self.arrange(cx);
            }
            Part::Supervisor(Supervision::Listen | Supervision::Whisper | Supervision::Barge)
            | Part::Colleague => self.arrange(cx),
        }
    }

    /// A guest whose leg is over by itself.
    pub(crate) fn guest_gone(&mut self, cx: &mut Context, leg: LegId, how: GuestEnd) {
        let Some(guest) = self.take_guest(cx, leg, as_cause(how)) else { return };
        cx.record(ContactEvent::GuestLeft { contact: self.id, guest: guest.who.clone(), how });
        cx.is_gone(leg);
        self.arrange_without(cx, &guest);
    }

    /// Hangs up, or withdraws, a guest that is in the conversation's table no more.
    fn let_guest_go(&self, cx: &mut Context, guest: &Guest, how: GuestEnd, by: Option<Actor>) {
        cx.record_by(by, ContactEvent::GuestLeft { contact: self.id, guest: guest.who.clone(), how });
        cx.let_go(guest.leg, Cause::HungUp);
    }

    /// Takes a guest out of the table; with whom the agent consulted the second line ends, for this cause.
    pub(crate) fn take_guest(&mut self, cx: &mut Context, leg: LegId, cause: Cause) -> Option<Guest> {
        let talk = self.talk_mut()?;
        let guest = talk.take(leg)?;
        if talk.consultation.take_if(|consultation| consultation.guest == leg).is_some() {
            self.drop_second_line(cx, cause);
        }
        Some(guest)
    }
}

/// What the agent's second line hears when whom it called is there no more.
fn as_cause(how: GuestEnd) -> Cause {
    match how {
        GuestEnd::Refused(refusal) => Cause::from(refusal),
        GuestEnd::HungUp
        | GuestEnd::Vanished
        | GuestEnd::Dismissed
        | GuestEnd::CallEnded
        | GuestEnd::BecameAgent
        | GuestEnd::TakesCustomer => Cause::HungUp,
    }
}

/// What a phone shows of somebody on the company's side: an agent's id is what is dialled for that one.
fn number_of(party: &Party) -> Option<Personal<Number>> {
    match party {
        Party::Agent(agent) => agent.as_str().parse().ok().map(Personal::new),
        Party::Outside(number) => Some(number.clone()),
    }
}

impl Contact {
    /// A seat or a number that rings has rung for long enough.
    pub(crate) fn rang_out(&mut self, cx: &mut Context, leg: LegId) {
        if self.called_for_long_enough(cx, leg) {
            return;
        }
        if self.taker().is_some_and(|taker| taker == leg) {
            cx.let_go(leg, Cause::Cancelled);
            self.taker_failed(cx, leg, Refusal::NoAnswer);
        } else {
            cx.let_go(leg, Cause::HungUp);
            self.guest_missed(cx, leg, Refusal::NoAnswer);
        }
    }
}
