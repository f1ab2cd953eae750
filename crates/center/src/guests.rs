//! Others in a conversation beside customer and agent: supervisors, and colleagues whom the agent asked in.
//!
//! ```text
//!           port open          answered              takes over, or the agent leaves
//! Opening ───────────► Ringing ─────────► Joined ────────────────────────────────────► the segment's agent
//!    │                    │ refused, 30 s    │ hangs up, dismissed, conversation over
//!    └────────────────────┴──────────────────┴──────────────────────────────────────► gone
//! ```
//!
//! Nothing that goes wrong with a guest touches the conversation. A guest belongs to the contact: when the agent
//! changes, the guests stay, and a whisper is for the new agent.

use std::net::SocketAddr;
use std::time::Duration;

use model::{
    Actor, AgentId, CallId, Cause, ContactId, Done, EndedBy, Event, GuestEnd, LegId, LegOrder, LegReport,
    MediaOp, MediaReport, Part, Refusal, Refused, RemoteMedia, SecureEnd, SegmentEnd, SegmentId, Supervision,
    Time,
};

use crate::call::{Call, Guest, GuestStage, Stage, Talk, Vacancy, Withdrawn};
use crate::machine::Center;
use crate::ring::codecs_like;

/// How long a guest's seat rings.
const RINGS: Duration = Duration::from_secs(30);
/// The most guests of one conversation.
const MOST_GUESTS: usize = 16;

impl Center {
    /// The conversation of a call, if there is one.
    pub(crate) fn talk(&mut self, call: CallId) -> Option<&mut Talk> {
        match self.calls.get_mut(&call)? {
            Call::Customer(customer) => match &mut customer.stage {
                Stage::Talking(talk) => Some(talk),
                Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } => None,
            },
            Call::Code(_) => None,
        }
    }

    /// Rings a seat, to have it join the conversation.
    pub(crate) fn invite_guest(
        &mut self,
        now: Time,
        by: Actor,
        call: CallId,
        seat: AgentId,
        part: Part,
    ) -> Result<Done, Refused> {
        self.acd.may_engage(&seat)?;
        let leg = LegId::new(&mut self.ids, now);
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else {
            return Err(Refused::UnknownContact);
        };
        let contact = customer.contact;
        let Stage::Talking(talk) = &mut customer.stage else { return Err(Refused::NotTalking) };
        if talk.guests.len() >= MOST_GUESTS {
            return Err(Refused::ConferenceFull);
        }
        let queue = talk.queue.clone();
        let stage = GuestStage::Opening { until: now + RINGS };
        talk.guests.push(Guest { leg, agent: seat.clone(), part, stage });
        self.legs.insert(leg, call);
        self.record(now, Event::GuestInvited { contact, guest: seat.clone(), part, by });
        self.acd(now, acd::Input::Engaged { agent: seat.clone(), contact, queue });
        self.open_to_seat(call, leg, &seat);
        self.rearm(call);
        Ok(Done::Obeyed)
    }

    /// True when the leg is a guest's.
    pub(crate) fn is_guest(&mut self, call: CallId, leg: LegId) -> bool {
        self.guest(call, leg).is_some()
    }

    /// A guest's leg reports.
    pub(crate) fn guest_report(&mut self, now: Time, call: CallId, leg: LegId, report: LegReport) {
        let Some(guest) = self.guest(call, leg) else { return };
        match (report, &mut guest.stage) {
            (LegReport::Connected { remote }, GuestStage::Ringing { .. }) => {
                self.guest_answered(now, call, leg, remote);
            }
            (LegReport::Changed { remote }, GuestStage::Joined { holds }) => {
                let held = std::mem::replace(holds, !remote.direction.sends());
                let changed = held == remote.direction.sends();
                self.media(call, MediaOp::Connect { leg, remote });
                if changed {
                    self.arrange(now, call);
                }
            }
            (LegReport::Refused(refusal), _) => self.guest_gone(now, call, leg, GuestEnd::Refused(refusal)),
            (LegReport::Ended { cause: Cause::SignallingTimeout }, _) => {
                self.guest_gone(now, call, leg, GuestEnd::Vanished);
            }
            (LegReport::Ended { .. }, _) => self.guest_gone(now, call, leg, GuestEnd::HungUp),
            (
                LegReport::Connected { .. }
                | LegReport::Changed { .. }
                | LegReport::Ringing
                | LegReport::Digit(_)
                | LegReport::Invited { .. },
                GuestStage::Opening { .. } | GuestStage::Ringing { .. } | GuestStage::Joined { .. },
            ) => {}
        }
    }

    /// The media report of a guest's leg.
    pub(crate) fn guest_media(&mut self, now: Time, call: CallId, leg: LegId, report: &MediaReport) {
        match report {
            MediaReport::Opened { rtp, .. } => self.dial_guest(call, leg, *rtp),
            MediaReport::OpenFailed { .. } => {
                self.guest_gone(now, call, leg, GuestEnd::Refused(Refusal::Failed));
            }
            MediaReport::Silent { direction, .. } => self.silent(now, call, leg, *direction),
            MediaReport::OneWay { .. } => self.guest_not_heard(now, call, leg),
            MediaReport::PlayEnded { .. }
            | MediaReport::Digit { .. }
            | MediaReport::Closed { .. }
            | MediaReport::Strain { .. }
            | MediaReport::Sealed { .. }
            | MediaReport::RecordingFailed { .. }
            | MediaReport::Storage(_) => {}
        }
    }

    /// A guest whom others should hear is not heard.
    fn guest_not_heard(&mut self, now: Time, call: CallId, leg: LegId) {
        let Some(guest) = self.guest(call, leg) else { return };
        if !guest.is_party() || !guest.stage.is_joined() || guest.stage.holds() {
            return;
        }
        let agent = Some(guest.agent.clone());
        if let Some(Call::Customer(customer)) = self.calls.get(&call) {
            let contact = customer.contact;
            self.record(now, Event::OneWayAudio { contact, agent });
        }
    }

    /// The seats of this agent that ring to join a conversation stop: the agent is not registered any more.
    pub(crate) fn guest_offline(&mut self, now: Time, agent: &AgentId) {
        let rings = |guest: &Guest| guest.agent == *agent && !guest.stage.is_joined();
        if let Some((call, leg)) = self.find_guest(rings) {
            self.dismiss_guest(now, call, leg, GuestEnd::Refused(Refusal::Unreachable), None);
        }
    }

    /// Guests who were rung for long enough.
    pub(crate) fn guests_timeout(&mut self, now: Time, call: CallId) {
        let Some(talk) = self.talk(call) else { return };
        let late = |guest: &&Guest| guest.stage.due().is_some_and(|due| due <= now);
        let late: Vec<LegId> = talk.guests.iter().filter(late).map(|guest| guest.leg).collect();
        for leg in late {
            self.dismiss_guest(now, call, leg, GuestEnd::Refused(Refusal::NoAnswer), None);
        }
    }

    /// Takes a guest out of the conversation from our side.
    pub(crate) fn dismiss_guest(
        &mut self,
        now: Time,
        call: CallId,
        leg: LegId,
        how: GuestEnd,
        by: Option<Actor>,
    ) {
        let Some(guest) = self.take_guest(call, leg) else { return };
        let was_there = guest.stage.is_joined();
        self.let_guest_go(now, call, guest, how, by);
        // Who never came changes nothing for those who talk.
        if was_there {
            self.arrange(now, call);
        }
        self.rearm(call);
    }

    /// The conversation is over, and so it is for all guests.
    pub(crate) fn dismiss_all(&mut self, now: Time, call: CallId) {
        let guests = self.talk(call).map(|talk| std::mem::take(&mut talk.guests)).unwrap_or_default();
        for guest in guests {
            self.let_guest_go(now, call, guest, GuestEnd::CallEnded, None);
        }
    }

    /// The guest becomes the contact's agent, in a new segment, and the agent's leg is let go.
    pub(crate) fn promote_guest(&mut self, now: Time, call: CallId, leg: LegId, vacancy: Vacancy) {
        let Some(guest) = self.take_guest(call, leg) else { return };
        let next = SegmentId::new(&mut self.ids, now);
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let contact = customer.contact;
        let Stage::Talking(talk) = &mut customer.stage else { return };
        let (queue, by_caller, by_agent) = (talk.queue.clone(), talk.held_by_caller, guest.stage.holds());
        let segment = std::mem::replace(&mut talk.segment, next);
        let before = std::mem::replace(&mut talk.agent, guest.agent.clone());
        let old = std::mem::replace(&mut talk.leg, leg);
        talk.held_by_agent = by_agent;
        self.arrange(now, call);
        self.let_agent_go(call, contact, old, &before, &vacancy);
        self.end_secure_input(now, call, SecureEnd::CallEnded, None);
        let end = SegmentEnd { by: vacancy.ended_by(), cause: Cause::HungUp };
        self.record(now, Event::SegmentEnded { segment, contact, agent: before.clone(), end });
        self.resume_after_segment(now, call);
        let (agent, how, by) = (guest.agent, GuestEnd::BecameAgent, vacancy.commanded_by());
        self.record(now, Event::GuestLeft { contact, guest: agent.clone(), how, by });
        self.record(now, Event::SegmentStarted { segment: next, contact, agent, queue });
        for (by, holds) in [(EndedBy::Caller, by_caller), (EndedBy::Agent, by_agent)] {
            if holds {
                self.record(now, Event::HoldStarted { segment: next, contact, by });
            }
        }
        self.acd(now, acd::Input::SegmentEnded(before));
        self.rearm(call);
    }

    fn let_agent_go(&mut self, call: CallId, contact: ContactId, leg: LegId, agent: &AgentId, why: &Vacancy) {
        self.legs.remove(&leg);
        if !why.leg_is_over() {
            self.order(leg, LegOrder::HangUp(Cause::HungUp));
        }
        self.closing.insert(leg, (contact, Some(agent.clone())));
        self.media(call, MediaOp::Close { leg });
    }

    /// Whoever can go on with the customer when the agent leaves: a colleague, or a supervisor who barged in.
    pub(crate) fn who_stays(&mut self, call: CallId) -> Option<LegId> {
        let stays = |guest: &&Guest| guest.is_party() && matches!(guest.stage, GuestStage::Joined { .. });
        self.talk(call)?.guests.iter().find(stays).map(|guest| guest.leg)
    }

    fn dial_guest(&mut self, call: CallId, leg: LegId, rtp: SocketAddr) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let (codecs, caller) = (codecs_like(customer.remote.as_ref()), customer.caller.clone());
        let Stage::Talking(talk) = &mut customer.stage else { return };
        let display = talk.queue.to_string();
        let Some(guest) = talk.guests.iter_mut().find(|guest| guest.leg == leg) else { return };
        if let GuestStage::Opening { until } = guest.stage {
            guest.stage = GuestStage::Ringing { until };
            let target = model::Target::Seat(guest.agent.clone());
            self.order(leg, LegOrder::Dial { call, target, rtp, codecs, caller, display });
        }
    }

    fn guest_answered(&mut self, now: Time, call: CallId, leg: LegId, remote: RemoteMedia) {
        let Some(guest) = self.guest(call, leg) else { return };
        guest.stage = GuestStage::Joined { holds: !remote.direction.sends() };
        let (part, agent) = (guest.part, guest.agent.clone());
        let Some(Call::Customer(customer)) = self.calls.get(&call) else { return };
        let contact = customer.contact;
        self.media(call, MediaOp::Connect { leg, remote });
        self.record(now, Event::GuestJoined { contact, guest: agent });
        match part {
            Part::Supervisor(Supervision::TakeOver) => {
                self.promote_guest(now, call, leg, Vacancy::TakenOver(None));
            }
            Part::Supervisor(Supervision::Listen | Supervision::Whisper | Supervision::Barge)
            | Part::Colleague => self.arrange(now, call),
        }
        self.rearm(call);
    }

    /// A guest whose leg is over by itself.
    fn guest_gone(&mut self, now: Time, call: CallId, leg: LegId, how: GuestEnd) {
        let Some(guest) = self.take_guest(call, leg) else { return };
        let Some(Call::Customer(customer)) = self.calls.get(&call) else { return };
        let contact = customer.contact;
        self.legs.remove(&leg);
        self.media(call, MediaOp::Close { leg });
        self.record(now, Event::GuestLeft { contact, guest: guest.agent.clone(), how, by: None });
        if guest.stage.is_joined() {
            self.closing.insert(leg, (contact, Some(guest.agent.clone())));
            self.arrange(now, call);
        }
        self.rearm(call);
        self.acd(now, acd::Input::Disengaged(guest.agent));
    }

    /// Hangs up, or withdraws, a guest that is in no table of the conversation any more.
    fn let_guest_go(&mut self, now: Time, call: CallId, guest: Guest, how: GuestEnd, by: Option<Actor>) {
        let Guest { leg, agent, stage, .. } = guest;
        let Some(Call::Customer(customer)) = self.calls.get(&call) else { return };
        let contact = customer.contact;
        self.legs.remove(&leg);
        self.record(now, Event::GuestLeft { contact, guest: agent.clone(), how, by });
        self.media(call, MediaOp::Close { leg });
        match stage {
            GuestStage::Joined { .. } => {
                self.closing.insert(leg, (contact, Some(agent.clone())));
                self.order(leg, LegOrder::HangUp(Cause::HungUp));
                self.acd(now, acd::Input::Disengaged(agent));
            }
            GuestStage::Ringing { .. } => {
                self.releasing.insert(leg, Withdrawn::Guest(agent));
                self.order(leg, LegOrder::HangUp(Cause::Cancelled));
            }
            GuestStage::Opening { .. } => _ = self.releasing.insert(leg, Withdrawn::Guest(agent)),
        }
    }

    fn guest(&mut self, call: CallId, leg: LegId) -> Option<&mut Guest> {
        self.talk(call)?.guests.iter_mut().find(|guest| guest.leg == leg)
    }

    fn take_guest(&mut self, call: CallId, leg: LegId) -> Option<Guest> {
        let talk = self.talk(call)?;
        let index = talk.guests.iter().position(|guest| guest.leg == leg)?;
        Some(talk.guests.remove(index))
    }
}
