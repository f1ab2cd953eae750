//! What customers and seats do when something happens to their calls, or when their time has come.

use std::time::Instant;

use sip::{
    Answer, Codec, Encryption, Ending, NoCommonAudio, OfferedAudio, Request, Security, SessionId, Status,
};

use super::super::customer::{Deed, Stage};
use super::super::leg::{Manner, Talk};
use super::super::plan::Expects;
use super::super::rtp::{Report, v4};
use super::super::seats::State;
use super::{Call, Exchange};

impl Exchange {
    /// Somebody calls a seat.
    pub(super) fn invited(&mut self, session: SessionId, request: &Request, remote: Option<OfferedAudio>) {
        let (now, leg) = (self.moment(), self.new_leg());
        let Ok(remote) = self.secured(session, remote) else {
            return self.answering.endpoint.refuse(now, session, &Answer::new(Status::NOT_ACCEPTABLE_HERE));
        };
        let user = request.target().ok().and_then(|uri| uri.user()).unwrap_or_default();
        let seat = self.office.seats.get_mut(&user).filter(|seat| seat.state == State::Free);
        let (Some(seat), Some(remote)) = (seat, remote) else {
            return self.answering.endpoint.refuse(now, session, &Answer::new(Status::BUSY_HERE));
        };
        let answers = Instant::now() + self.plan.answer_after;
        seat.state = State::Ringing { session, leg, answers, remote: Box::new(remote) };
        self.answering.endpoint.ring(now, session);
        self.at_seat.insert(session, user);
        let caller = request.from().ok().and_then(|from| from.uri.user()).unwrap_or_default();
        self.traces.callers.insert(leg, caller);
    }

    /// The caller's audio as the seat takes it: without SRTP in the plan as it is, else with keys.
    fn secured(
        &mut self,
        session: SessionId,
        remote: Option<OfferedAudio>,
    ) -> Result<Option<OfferedAudio>, NoCommonAudio> {
        let Some(suite) = self.plan.srtp else { return Ok(remote) };
        let security = Security::answering(Encryption::Required).preferring(suite, &mut self.random);
        self.answering.endpoint.secure(session, security, &Codec::ALL)
    }

    /// Refuses a call to a customer: customers only call.
    pub(super) fn refuse_a_call_to_a_customer(&mut self, session: SessionId) {
        self.dialling.endpoint.refuse(self.moment(), session, &Answer::new(Status::BUSY_HERE));
    }

    /// A customer's call stands, or its audio changed.
    pub(super) fn customer_connected(&mut self, session: SessionId, remote: &OfferedAudio) {
        let Some(customer) = self.customers.get_mut(&session) else { return };
        customer.answered(Instant::now(), &self.plan);
        let (phone, leg) = (customer.phone, customer.leg);
        self.talk(phone, leg, remote, self.plan.codec);
    }

    /// A seat's call stands, or its audio changed.
    pub(super) fn seat_connected(&mut self, session: SessionId, remote: &OfferedAudio) {
        let seat = self.at_seat.get(&session).and_then(|id| self.office.seats.get(id));
        if let Some(seat) = seat
            && let State::Talking { leg, .. } = seat.state
        {
            self.talk(seat.phone, leg, remote, self.plan.agent_codec);
        }
    }

    fn talk(&self, phone: usize, leg: u32, remote: &OfferedAudio, wanted: Codec) {
        let Some(address) = v4(remote.rtp).filter(|_| self.plan.allows(remote.rtp)) else {
            tracing::warn!(address = %remote.rtp, "audio may not go there, or is not IPv4: nothing is sent");
            return;
        };
        let first = remote.codecs.first().copied().unwrap_or(wanted);
        let codec = if remote.codecs.contains(&wanted) { wanted } else { first };
        let manner = match self.plan.manner {
            Manner::Signs if !codec.is_g711() => Manner::Stamps,
            planned @ (Manner::Signs | Manner::Stamps | Manner::Names) => planned,
        };
        let talk = Talk {
            leg,
            remote: address,
            codec,
            payload_type: remote.payload_type(codec),
            manner,
            telephone_event: remote.telephone_event,
            srtp: remote.keys.as_deref().cloned(),
        };
        self.phones.talk(phone, talk);
    }

    /// A customer's call is over.
    pub(super) fn customer_ended(&mut self, session: SessionId, why: Ending) {
        let Some(customer) = self.customers.remove(&session) else { return };
        self.phones.close(customer.phone, customer.leg);
        self.idle.push_back(customer.phone);
        self.sessions.remove(&customer.leg);
        let outcome = customer.outcome(why, self.stopped);
        let answered = !matches!(customer.stage, Stage::Dialling { .. });
        let call = Call { leg: customer.leg, caller: customer.caller, outcome, answered };
        self.traces.calls.push(call);
    }

    /// A seat's call is over.
    pub(super) fn seat_ended(&mut self, session: SessionId) {
        let seat = self.at_seat.remove(&session).and_then(|id| self.office.seats.get_mut(&id));
        if let Some(seat) = seat {
            match std::mem::replace(&mut seat.state, State::Free) {
                State::Talking { leg, .. } => self.phones.close(seat.phone, leg),
                State::Ringing { .. } | State::Free => {}
            }
        }
    }

    /// Takes a report from an audio thread.
    pub(super) fn reported(&mut self, report: Report) {
        match report {
            Report::Heard { leg, whose } => {
                let wanted = match self.plan.expects {
                    Expects::Agent => whose != leg,
                    Expects::Echo => whose == leg,
                    Expects::Nobody => false,
                };
                let customer = self.sessions.get(&leg).and_then(|session| self.customers.get_mut(session));
                if let Some(customer) = customer.filter(|_| wanted) {
                    customer.heard(Instant::now(), &self.plan);
                }
            }
            Report::Closed(figures) => drop(self.traces.legs.insert(figures.leg, *figures)),
        }
    }

    /// Customers press and hang up, seats answer, when their time has come.
    pub(super) fn look_at_clocks(&mut self, now: Instant) {
        let mut leaving = Vec::new();
        for (session, customer) in &mut self.customers {
            match customer.poll(now, &self.plan) {
                Some(Deed::Press) => {
                    self.phones.press(customer.phone, customer.leg, self.plan.press.clone());
                }
                Some(Deed::HangUp) => leaving.push(*session),
                None => {}
            }
        }
        for session in leaving {
            self.dialling.endpoint.hang_up(self.moment(), session, None);
            self.drain();
        }
        for id in self.seats_that_answer(now) {
            self.answer(&id);
        }
    }

    fn seats_that_answer(&self, now: Instant) -> Vec<String> {
        let ringing = self.at_seat.values().filter(|id| {
            let state = self.office.seats.get(*id).map(|seat| &seat.state);
            matches!(state, Some(State::Ringing { answers, .. }) if *answers <= now)
        });
        ringing.cloned().collect()
    }

    fn answer(&mut self, id: &str) {
        let moment = self.moment();
        let Some(seat) = self.office.seats.get_mut(id) else { return };
        let State::Ringing { session, leg, remote, .. } = seat.state.clone() else { return };
        let Some(rtp) = self.phones.address(seat.phone) else { return };
        let phone = seat.phone;
        seat.state = State::Talking { session, leg };
        self.answering.endpoint.accept(moment, session, rtp, self.plan.agent_codec);
        // A person speaks upon taking the receiver, before the ACK.
        self.talk(phone, leg, &remote, self.plan.agent_codec);
        self.drain();
    }

    /// The run is over: everybody hangs up.
    pub(super) fn stop_all(&mut self) {
        if self.stopped {
            return;
        }
        self.stopped = true;
        let now = self.moment();
        self.customers.keys().for_each(|session| self.dialling.endpoint.hang_up(now, *session, None));
        self.at_seat.keys().for_each(|session| self.answering.endpoint.hang_up(now, *session, None));
        self.drain();
    }
}
