//! Legs: what the center orders, what becomes of it, and the one end that each has.
//!
//! ```text
//! inbound   (judged) ── Invited ──► Inbound ── Connected ──► … ──► Ended
//! outbound  Dial ──► Asking (where?) ──► Ringing (all devices) ── Connected ──► Up ──► Ended
//!                        └───────────────────┴──────────────────────────────► Refused
//! ```
//!
//! [`Shard::finish`] is the only place that says `Ended` or `Refused`, and it forgets the leg.

use model::{
    AgentId, Cause, Codec, Diversion, LegId, LegOrder, LegReport, Number, Personal, Refusal, Target,
};
use sip::{Destination, Direction, Ending, LocalAudio, OfferedAudio, Security, SessionId};

use super::carriers::Line;
use super::outside::{Outward, Wanted};
use super::reach::Device;
use super::redirects::Redirects;
use super::registrar::Question;
use super::seen::reason_of_cause;
use super::shard::Shard;
use super::{SignallingInput, diversion, shard_of_call, translate};

/// A leg.
pub(super) struct Leg {
    /// The cause of our own order to end it.
    pub(super) ours: Option<Cause>,
    /// The agent at its other end, if it is one.
    pub(super) agent: Option<AgentId>,
    /// Its place on a trunk, if it has one.
    pub(super) line: Option<Line>,
    pub(super) stage: Stage,
}

pub(super) enum Stage {
    /// Theirs.
    Inbound { session: SessionId, sip_call_id: String },
    /// Ours; where the seat is, is being asked.
    Asking { wish: Wish },
    /// Ours; these devices ring. `refusal` is the weightiest that came.
    Ringing { wish: Wish, forks: Vec<Fork>, refusal: Refusal, told: bool, redirects: Redirects },
    /// Ours, to a number outside.
    Outside(Box<Outward>),
    /// Ours, answered.
    Up { session: SessionId },
}

/// A device that rings.
#[derive(Debug, Clone)]
pub(super) struct Fork {
    pub(super) session: SessionId,
    device: Device,
}

/// How a seat is to be called.
#[derive(Clone)]
pub(super) struct Wish {
    pub(super) agent: AgentId,
    rtp: std::net::SocketAddr,
    codecs: Vec<Codec>,
    caller: Option<Personal<Number>>,
    display: String,
    diverted: Option<Diversion>,
}

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    pub(super) fn obey(&mut self, leg: LegId, order: LegOrder) {
        let _span = tracing::info_span!("leg", %leg).entered();
        let now = self.clock.now();
        match order {
            LegOrder::Ring => {
                if let Some(session) = self.inbound(leg) {
                    self.endpoint.ring(now, session);
                }
            }
            LegOrder::Progress { rtp, codec } => {
                if let Some(session) = self.inbound(leg) {
                    self.endpoint.progress(now, session, rtp, codec);
                }
            }
            LegOrder::Answer { rtp, codec } => {
                if let Some(session) = self.inbound(leg) {
                    self.endpoint.accept(now, session, rtp, codec);
                }
            }
            LegOrder::Refuse(cause) => {
                if let Some(session) = self.inbound(leg) {
                    if let Some(Leg { stage: Stage::Inbound { sip_call_id, .. }, .. }) = self.legs.get(&leg) {
                        self.seen.because(sip_call_id, reason_of_cause(cause));
                    }
                    self.note_cause(leg, cause);
                    self.endpoint.refuse(now, session, &translate::refusal_answer(cause));
                }
            }
            LegOrder::Dial {
                call: _,
                target: Target::Seat(agent),
                rtp,
                codecs,
                caller,
                display,
                diverted,
            } => {
                self.dial(leg, Wish { agent, rtp, codecs, caller, display, diverted });
            }
            LegOrder::Dial {
                call: _,
                target: Target::Outside { number, trunks },
                rtp,
                codecs,
                caller,
                ..
            } => {
                self.dial_outside(leg, Wanted { number, trunks, rtp, codecs, caller });
            }
            LegOrder::Referral(state) => self.tell_referral(leg, state),
            LegOrder::Show { number, display } => self.show(leg, number.as_ref(), &display),
            LegOrder::Probe => self.probe(leg),
            LegOrder::HangUp(cause) => self.hang_up(leg, cause),
        }
    }

    fn inbound(&self, leg: LegId) -> Option<SessionId> {
        match self.legs.get(&leg)?.stage {
            Stage::Inbound { session, .. } => Some(session),
            Stage::Asking { .. } | Stage::Ringing { .. } | Stage::Outside(_) | Stage::Up { .. } => None,
        }
    }

    fn probe(&mut self, leg: LegId) {
        let now = self.clock.now();
        match self.legs.get(&leg).map(|leg| &leg.stage) {
            Some(Stage::Inbound { session, .. } | Stage::Up { session }) => {
                let session = *session;
                tracing::debug!(%leg, "nothing comes of a leg: its peer is asked whether it lives");
                self.endpoint.ask(now, session);
            }
            Some(Stage::Asking { .. } | Stage::Ringing { .. } | Stage::Outside(_)) | None => {}
        }
    }

    fn note_cause(&mut self, leg: LegId, cause: Cause) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.ours = Some(cause);
        }
    }

    fn dial(&mut self, leg: LegId, wish: Wish) {
        // A second Dial for a leg is an order to a leg that is not in that state: nothing.
        if self.legs.contains_key(&leg) {
            return;
        }
        let agent = wish.agent.clone();
        let stage = Stage::Asking { wish };
        self.legs.insert(leg, Leg { ours: None, agent: Some(agent.clone()), line: None, stage });
        self.asking.push_back(Question::Contacts { leg, agent });
    }

    /// Rings all devices of a seat at once.
    pub(super) fn ring_all(&mut self, leg: LegId, contacts: Vec<(String, Destination)>) {
        let Some(Leg { stage: Stage::Asking { wish }, .. }) = self.legs.get(&leg) else { return };
        let wish = wish.clone();
        let forks = self.ring_devices(leg, &wish, contacts);
        if forks.is_empty() {
            return self.finish(leg, LegReport::Refused(Refusal::Unreachable));
        }
        let redirects = Redirects::of(&wish.agent);
        if let Some(leg) = self.legs.get_mut(&leg) {
            let refusal = Refusal::Unreachable;
            leg.stage = Stage::Ringing { wish, forks, refusal, told: false, redirects };
        }
    }

    /// Rings these devices of the agent in `wish`.
    pub(super) fn ring_devices(
        &mut self,
        leg: LegId,
        wish: &Wish,
        contacts: Vec<(String, Destination)>,
    ) -> Vec<Fork> {
        let caller = wish.caller.as_ref().map_or("anonymous", |caller| caller.reveal().as_str());
        let caller = sip::user_part(caller);
        let (display, rtp) = (wish.display.clone(), wish.rtp);
        let terms = self.terms_of(&wish.agent);
        let codecs = terms.codecs.offer(&wish.codecs);
        let mut forks = Vec::new();
        // The port that is open for the call has one IP version.
        let reached = contacts.into_iter().filter(|(_, to)| to.local.is_ipv4() == rtp.is_ipv4());
        for (uri, destination) in reached {
            let audio = LocalAudio {
                rtp,
                codecs: codecs.clone(),
                direction: Direction::SendReceive,
                security: Security::offering(terms.srtp, &mut self.random),
                session_id: self.random.draw() >> 2,
                version: 1,
            };
            let (call_id, display, caller) = (self.new_call_id(), display.clone(), caller.clone());
            self.seen.leg(leg, &call_id);
            let named = uri.clone();
            let reliable = self.settings.borrow().prack;
            let credentials = None;
            let host = sip::Host::Ip(destination.local.ip());
            let diverted = wish.diverted.iter().map(|diverted| diversion::value(diverted, &host));
            let headers =
                diverted.fold(sip::Headers::new(), |headers, value| headers.with("Diversion", value));
            let domain = None;
            let dial = sip::Dial {
                call_id,
                uri,
                destination,
                caller,
                domain,
                display,
                audio,
                credentials,
                reliable,
                progress: None,
                headers,
            };
            let session = self.endpoint.dial(self.clock.now(), dial);
            self.sessions.insert(session, leg);
            forks.push(Fork { session, device: Device { user: wish.agent.as_str().to_owned(), uri: named } });
        }
        forks
    }

    /// A Call-ID whose answers come back to this shard.
    pub(super) fn new_call_id(&mut self) -> String {
        loop {
            let call_id = format!("{}{}", self.random.token(), self.random.token());
            if shard_of_call(call_id.as_bytes(), self.shards) == self.index {
                return call_id;
            }
        }
    }

    fn hang_up(&mut self, id: LegId, cause: Cause) {
        let now = self.clock.now();
        self.note_cause(id, cause);
        let Some(leg) = self.legs.get(&id) else { return };
        match &leg.stage {
            Stage::Inbound { session, .. } | Stage::Up { session } => {
                let session = *session;
                self.endpoint.hang_up(now, session, Some(translate::reason(cause)));
            }
            Stage::Asking { .. } => self.finish(id, LegReport::Refused(Refusal::Cancelled)),
            Stage::Ringing { forks, .. } => {
                for Fork { session, .. } in forks.clone() {
                    self.sessions.remove(&session);
                    self.endpoint.hang_up(now, session, None);
                }
                self.finish(id, LegReport::Refused(Refusal::Cancelled));
            }
            Stage::Outside(outward) => {
                if let Some(session) = outward.session() {
                    self.sessions.remove(&session);
                    self.endpoint.hang_up(now, session, None);
                }
                self.finish(id, LegReport::Refused(Refusal::Cancelled));
            }
        }
    }

    pub(super) fn ringing(&mut self, session: SessionId) {
        let Some(id) = self.sessions.get(&session).copied() else { return };
        if self.outside_is_heard(id) {
            return self.report(id, LegReport::Ringing);
        }
        if let Some(Leg { stage: Stage::Ringing { told, .. }, .. }) = self.legs.get_mut(&id)
            && !std::mem::replace(told, true)
        {
            self.report(id, LegReport::Ringing);
        }
    }

    /// The first device to answer has the call; the others hear that it was taken elsewhere.
    pub(super) fn connected(&mut self, session: SessionId, remote: &OfferedAudio) {
        let now = self.clock.now();
        let Some(id) = self.sessions.get(&session).copied() else { return };
        self.outside_is_heard(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        if matches!(leg.stage, Stage::Outside(_)) {
            leg.stage = Stage::Up { session };
        }
        if let Stage::Ringing { forks, .. } = &leg.stage {
            let others: Vec<SessionId> =
                forks.iter().map(|fork| fork.session).filter(|fork| *fork != session).collect();
            leg.stage = Stage::Up { session };
            for other in others {
                self.sessions.remove(&other);
                self.endpoint.hang_up(now, other, Some("SIP;cause=200;text=\"Call completed elsewhere\""));
            }
        }
        self.agent_call_stands(id, session);
        if let Some(remote) = translate::remote_media(remote, self.endpoint.peer(session)) {
            self.report(id, LegReport::Connected { remote });
        }
    }

    pub(super) fn ended(&mut self, session: SessionId, why: Ending) {
        self.unjudged.remove(&session);
        let Some(id) = self.sessions.remove(&session) else { return };
        self.session_over(id, session, why);
    }

    fn session_over(&mut self, id: LegId, session: SessionId, why: Ending) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let ours = leg.ours;
        match &mut leg.stage {
            Stage::Inbound { .. } | Stage::Up { .. } => {
                self.finish(id, LegReport::Ended { cause: translate::end_cause(why, ours) });
            }
            Stage::Asking { .. } => {}
            Stage::Outside(_) => self.attempt_over(id, why),
            Stage::Ringing { forks, refusal, redirects, .. } => {
                forks.retain(|fork| fork.session != session);
                let new = translate::refusal(why);
                if translate::weight(new) > translate::weight(*refusal) {
                    *refusal = new;
                }
                let refusal = *refusal;
                // 6xx: the person said no, on whichever device (RFC 3261 section 16.7, item 5).
                let everywhere = matches!(why, Ending::Refused(status) if status.code() >= 600);
                let rest = if everywhere { std::mem::take(forks) } else { Vec::new() };
                if everywhere || (forks.is_empty() && !redirects.is_open()) {
                    for Fork { session, .. } in rest {
                        self.sessions.remove(&session);
                        self.endpoint.hang_up(self.clock.now(), session, None);
                    }
                    self.finish(id, LegReport::Refused(refusal));
                }
            }
        }
    }

    /// A device is registered no more, or cannot be reached: wherever it rings, it rings in vain.
    pub(super) fn device_gone(&mut self, device: &Device) {
        let rings = |leg: &Leg| match &leg.stage {
            Stage::Ringing { forks, .. } => {
                forks.iter().find(|fork| fork.device == *device).map(|fork| fork.session)
            }
            Stage::Inbound { .. } | Stage::Asking { .. } | Stage::Outside(_) | Stage::Up { .. } => None,
        };
        let found: Vec<(LegId, SessionId)> =
            self.legs.iter().filter_map(|(id, leg)| Some((*id, rings(leg)?))).collect();
        for (id, session) in found {
            self.sessions.remove(&session);
            self.endpoint.hang_up(self.clock.now(), session, None);
            self.session_over(id, session, Ending::Unreachable);
        }
    }

    /// The one final report of a leg.
    pub(super) fn finish(&mut self, leg: LegId, report: LegReport) {
        if let Some(over) = self.legs.remove(&leg) {
            self.agent_call_ended(leg, over.agent.as_ref());
            self.changes.remove(&leg);
            self.report(leg, report);
        }
    }
}
