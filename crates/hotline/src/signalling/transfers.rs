//! Transfers that agents' phones ask for (REFER), and to whom a phone is shown to be connected.
//!
//! A phone that consulted somebody on a second call names that call in its REFER (`Replaces`). The two calls may belong to
//! different shards, for a shard follows from the Call-ID: what agents' calls are called is in one table of all shards.
//! It is written once when an agent's call stands and once when it ends.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use model::{AgentId, LegId, LegReport, Number, Personal, Referral, ReferralState, Refusal};
use sip::{Host, Replaces, SessionId, Status, Uri};

use super::SignallingInput;
use super::legs::Stage;
use super::shard::Shard;

/// The calls of agents that stand, of all shards. Searched when an agent transfers, which is seldom.
#[derive(Default)]
pub(super) struct AgentCalls(Mutex<BTreeMap<LegId, AgentCall>>);

struct AgentCall {
    agent: AgentId,
    dialog: Replaces,
}

impl AgentCalls {
    fn insert(&self, leg: LegId, call: AgentCall) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(leg, call);
    }

    fn remove(&self, leg: LegId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&leg);
    }

    /// The leg that the agent's phone means.
    fn find(&self, agent: &AgentId, replaces: &Replaces) -> Option<LegId> {
        let calls = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_it = |call: &AgentCall| call.agent == *agent && replaces.names(&call.dialog);
        calls.iter().find(|(_, call)| is_it(call)).map(|(leg, _)| *leg)
    }
}

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    /// An agent's call stands: its phone may transfer it.
    pub(super) fn agent_call_stands(&mut self, id: LegId, session: SessionId) {
        let agent = self.legs.get(&id).and_then(|leg| leg.agent.clone());
        let (Some(agent), Some(dialog)) = (agent, self.endpoint.named(session)) else { return };
        self.endpoint.allow_referral(self.clock.now(), session, true);
        self.agent_calls.insert(id, AgentCall { agent, dialog });
    }

    /// A leg is over.
    pub(super) fn agent_call_ended(&self, leg: LegId, agent: Option<&AgentId>) {
        if agent.is_some() {
            self.agent_calls.remove(leg);
        }
    }

    /// A phone wants its call to be with somebody else.
    pub(super) fn referred(&mut self, session: SessionId, to: &Uri, replaces: Option<&Replaces>) {
        let Some(leg) = self.sessions.get(&session).copied() else { return };
        let agent = self.legs.get(&leg).and_then(|leg| leg.agent.clone());
        let other = replaces.map(|replaces| self.agent_calls.find(agent.as_ref()?, replaces));
        let number = to.user().filter(|_| self.is_here(to)).and_then(|user| user.parse::<Number>().ok());
        match (number, other) {
            (None, _) => self.end_referral(session, Status::NOT_FOUND),
            (Some(_), Some(None)) => self.end_referral(session, Status::NO_SUCH_CALL),
            (Some(number), other) => {
                tracing::info!(%leg, ?agent, attended = other.is_some(), "an agent's phone transfers its call");
                let referral = Referral { to: Personal::new(number), replaces: other.flatten() };
                self.report(leg, LegReport::Referred(referral));
            }
        }
    }

    /// True for an address that is not in numbers another machine's.
    fn is_here(&self, to: &Uri) -> bool {
        match to.as_sip().map(|uri| &uri.host) {
            Some(Host::Ip(ip)) => self.locals.all().iter().any(|local| local.ip() == *ip),
            Some(Host::Name(_)) | None => true,
        }
    }

    fn end_referral(&mut self, session: SessionId, status: Status) {
        self.endpoint.tell_referral(self.clock.now(), session, status, true);
    }

    /// Says how far a transfer has come. That it is being tried is said by the endpoint.
    pub(super) fn tell_referral(&mut self, leg: LegId, state: ReferralState) {
        let Some(session) = self.standing(leg) else { return };
        match state {
            ReferralState::Trying => {}
            ReferralState::Ringing => {
                self.endpoint.tell_referral(self.clock.now(), session, Status::RINGING, false);
            }
            ReferralState::Done => self.end_referral(session, Status::OK),
            ReferralState::Failed(refusal) => self.end_referral(session, status_of(refusal)),
        }
    }

    /// Shows a phone to whom it is connected.
    pub(super) fn show(&mut self, leg: LegId, number: Option<&Personal<Number>>, display: &str) {
        // A trunk is not shown who talks with its customers.
        let is_agents = self.legs.get(&leg).is_some_and(|leg| leg.agent.is_some());
        if let Some(session) = self.standing(leg).filter(|_| is_agents) {
            let number = number.map(|number| sip::user_part(number.reveal().as_str()));
            self.endpoint.show(self.clock.now(), session, number.as_deref(), display);
        }
    }

    fn standing(&self, leg: LegId) -> Option<SessionId> {
        match self.legs.get(&leg)?.stage {
            Stage::Inbound { session, .. } | Stage::Up { session } => Some(session),
            Stage::Asking { .. } | Stage::Ringing { .. } | Stage::Outside(_) => None,
        }
    }
}

/// What a phone is shown of a transfer that failed.
fn status_of(refusal: Refusal) -> Status {
    match refusal {
        Refusal::Busy => Status::BUSY_HERE,
        Refusal::Declined => Status::DECLINE,
        Refusal::NoAnswer => Status::TEMPORARILY_UNAVAILABLE,
        Refusal::Unreachable => Status::NOT_FOUND,
        Refusal::NoCommonCodec => Status::NOT_ACCEPTABLE_HERE,
        Refusal::Cancelled => Status::REQUEST_TERMINATED,
        Refusal::Failed => Status::SERVICE_UNAVAILABLE,
    }
}
