//! What the distributor decided, carried out: seats ring, are answered, are withdrawn.

use model::{
    CallId, Cause, Codec, ContactId, EndedBy, Event, LegId, LegOrder, LegReport, MediaOp, MediaReport,
    OfferId, OfferOutcome, Refusal, RemoteMedia, SegmentId, Time,
};

use crate::call::{Call, Customer, Ring, Stage, Talk, Vacancy, Withdrawn};
use crate::machine::Center;

impl Center {
    /// Logs what the distributor did and makes it so.
    pub(crate) fn follow_acd(&mut self, now: Time) {
        while let Some(output) = self.acd.poll_output() {
            match output {
                acd::Output::Entered { contact, queue, bonus_s, position } => {
                    self.record(now, Event::QueueEntered { contact, queue, bonus_s, position });
                }
                acd::Output::Left { contact, queue, reason, waited_ms } => {
                    self.record(now, Event::QueueLeft { contact, queue, reason, waited_ms });
                }
                acd::Output::Offer { offer, contact, queue, agent, score_s, idle_ms } => {
                    let (q, a) = (queue.clone(), agent.clone());
                    self.record(
                        now,
                        Event::OfferMade { offer, contact, queue: q, agent: a, score_s, idle_ms },
                    );
                    let leg = LegId::new(&mut self.ids, now);
                    self.ring(contact, Ring { offer, leg, agent, queue, rtp: None });
                }
                acd::Output::OfferEnded { offer, contact, agent, outcome } => {
                    self.record(now, Event::OfferEnded { offer, contact, agent, outcome });
                    match outcome {
                        OfferOutcome::TimedOut | OfferOutcome::CallerGone | OfferOutcome::AgentGone => {
                            self.withdraw(contact, offer);
                        }
                        OfferOutcome::Accepted | OfferOutcome::Refused(_) => {}
                    }
                }
                acd::Output::AgentChanged { agent, view, by } => {
                    let acd::AgentView { shift, activity, seat_online } = view;
                    self.record(now, Event::AgentChanged { agent, shift, activity, seat_online, by });
                }
            }
        }
    }

    fn ring(&mut self, contact: ContactId, new: Ring) {
        let Some(call) = self.contacts.get(&contact).copied() else { return };
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        if let Stage::InFlow { ring } = &mut customer.stage {
            let (leg, agent) = (new.leg, new.agent.clone());
            *ring = Some(new);
            self.legs.insert(leg, call);
            self.open_to_seat(call, leg, &agent);
        }
    }

    /// The offer is dead: the seat stops ringing, and its leg is only waited for.
    fn withdraw(&mut self, contact: ContactId, offer: OfferId) {
        let Some(call) = self.contacts.get(&contact).copied() else { return };
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        if let Stage::InFlow { ring } = &mut customer.stage
            && let Some(Ring { leg, rtp, .. }) = ring.take_if(|ring| ring.offer == offer)
        {
            self.release_leg(call, leg, offer, rtp.is_some());
        }
    }

    fn release_leg(&mut self, call: CallId, leg: LegId, offer: OfferId, dialled: bool) {
        self.legs.remove(&leg);
        self.releasing.insert(leg, Withdrawn::Offer(offer));
        self.media(call, MediaOp::Close { leg });
        if dialled {
            self.order(leg, LegOrder::HangUp(Cause::Cancelled));
        }
    }

    /// A withdrawn seat: whatever else it says, it is free when it has said its last.
    pub(crate) fn releasing_report(&mut self, now: Time, leg: LegId, report: LegReport) {
        match report {
            LegReport::Refused(_) | LegReport::Ended { .. } => self.released(now, leg),
            // An answer that crossed the withdrawal is hung up by the order already given.
            LegReport::Connected { .. }
            | LegReport::Ringing
            | LegReport::Changed { .. }
            | LegReport::Digit(_)
            | LegReport::Invited { .. } => {}
        }
    }

    /// A seat withdrawn before its port was open was never dialled: the port's report is its last.
    pub(crate) fn releasing_media(&mut self, now: Time, leg: LegId, report: &MediaReport) {
        match report {
            MediaReport::Opened { .. } | MediaReport::OpenFailed { .. } => self.released(now, leg),
            MediaReport::PlayEnded { .. }
            | MediaReport::Digit { .. }
            | MediaReport::Silent { .. }
            | MediaReport::OneWay { .. }
            | MediaReport::Closed { .. }
            | MediaReport::Strain { .. }
            | MediaReport::Sealed { .. }
            | MediaReport::RecordingFailed { .. }
            | MediaReport::Storage(_) => {}
        }
    }

    fn released(&mut self, now: Time, leg: LegId) {
        match self.releasing.remove(&leg) {
            Some(Withdrawn::Offer(offer)) => self.acd(now, acd::Input::OfferReleased(offer)),
            Some(Withdrawn::Guest(agent)) => self.acd(now, acd::Input::Disengaged(agent)),
            None => {}
        }
    }

    /// The port for a seat is open: dial it.
    pub(crate) fn dial(&mut self, call: CallId, seat: LegId, address: std::net::SocketAddr) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let codecs = codecs_like(customer.remote.as_ref());
        let caller = customer.caller.clone();
        if let Stage::InFlow { ring: Some(ring) } = &mut customer.stage
            && ring.leg == seat
        {
            ring.rtp = Some(address);
            let target = model::Target::Seat(ring.agent.clone());
            // What the agent should know before answering: which queue, and which language to greet in.
            let display = format!("{} {}", ring.queue, customer.session.language());
            self.order(seat, LegOrder::Dial { call, target, rtp: address, codecs, caller, display });
        }
    }

    /// The seat that rings reports.
    pub(crate) fn ring_report(&mut self, now: Time, call: CallId, report: LegReport) {
        match report {
            LegReport::Connected { remote } => self.seat_answered(now, call, remote),
            LegReport::Refused(refusal) => self.seat_refused(now, call, refusal),
            LegReport::Ended { .. } => self.seat_refused(now, call, Refusal::Failed),
            LegReport::Ringing
            | LegReport::Changed { .. }
            | LegReport::Digit(_)
            | LegReport::Invited { .. } => {}
        }
    }

    pub(crate) fn seat_refused(&mut self, now: Time, call: CallId, refusal: Refusal) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let Some(Ring { offer, leg, .. }) = customer.take_ring() else { return };
        self.legs.remove(&leg);
        self.media(call, MediaOp::Close { leg });
        self.acd(now, acd::Input::OfferRefused(offer, refusal));
    }

    fn seat_answered(&mut self, now: Time, call: CallId, remote: RemoteMedia) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let Some(Ring { offer, leg, agent, queue, .. }) = customer.take_ring() else { return };
        let segment = SegmentId::new(&mut self.ids, now);
        let (contact, customer_leg) = (customer.contact, customer.leg);
        customer.talked = true;
        customer.play = None;
        customer.session.handle(now, ivr::Input::AgentJoined);
        customer.stage = Stage::Talking(Talk {
            segment,
            agent: agent.clone(),
            queue: queue.clone(),
            leg,
            arranged_at: now,
            guests: Vec::new(),
            held_by_agent: false,
            held_by_caller: false,
        });
        let agent_holds = !remote.direction.sends();
        let caller_holds = customer.remote.as_ref().is_some_and(|remote| !remote.direction.sends());
        self.media(call, MediaOp::Connect { leg, remote });
        self.media(call, MediaOp::Bridge { a: customer_leg, b: leg });
        self.acd(now, acd::Input::OfferAnswered(offer));
        self.record(now, Event::SegmentStarted { segment, contact, agent, queue });
        self.follow_session(now, call);
        // A caller may have put us on hold while waiting.
        self.hold(now, call, EndedBy::Caller, caller_holds);
        self.hold(now, call, EndedBy::Agent, agent_holds);
    }

    /// The agent's leg of a conversation reports.
    pub(crate) fn talk_report(&mut self, now: Time, call: CallId, report: LegReport) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let Stage::Talking(talk) = &mut customer.stage else { return };
        match report {
            LegReport::Ended { cause: Cause::SignallingTimeout } => self.agent_vanished(now, call),
            LegReport::Ended { cause } => self.agent_gone(now, call, cause),
            LegReport::Refused(_) => self.agent_gone(now, call, Cause::Failed),
            LegReport::Changed { remote } => {
                let (leg, holds) = (talk.leg, !remote.direction.sends());
                self.media(call, MediaOp::Connect { leg, remote });
                self.hold(now, call, EndedBy::Agent, holds);
            }
            LegReport::Digit(digit) => {
                let leg = customer.leg;
                self.media(call, MediaOp::SendDigit { leg, digit });
            }
            LegReport::Connected { .. } | LegReport::Ringing | LegReport::Invited { .. } => {}
        }
    }
}

impl Center {
    /// The agent's leg is over: the call too, unless somebody else talks with the customer.
    fn agent_gone(&mut self, now: Time, call: CallId, cause: Cause) {
        match self.who_stays(call) {
            Some(leg) => self.promote_guest(now, call, leg, Vacancy::Gone),
            None => self.end(now, call, cause, EndedBy::Agent),
        }
    }

    /// The agent's device does not answer any more.
    fn agent_vanished(&mut self, now: Time, call: CallId) {
        match self.who_stays(call) {
            Some(leg) => self.promote_guest(now, call, leg, Vacancy::Unanswering),
            None => self.end(now, call, Cause::SignallingTimeout, EndedBy::Network),
        }
    }
}

impl Customer {
    fn take_ring(&mut self) -> Option<Ring> {
        match &mut self.stage {
            Stage::InFlow { ring } => ring.take(),
            Stage::Opening { .. } | Stage::Answering { .. } | Stage::Talking(_) => None,
        }
    }
}

/// The caller's codec first, then those that a bridge translates to at the least cost.
pub(crate) fn codecs_like(remote: Option<&RemoteMedia>) -> Vec<Codec> {
    let mut codecs = Codec::ALL.to_vec();
    if let Some(remote) = remote {
        codecs.sort_by_key(|codec| (*codec != remote.codec, !codec.is_g711()));
    }
    codecs
}
