//! Who is let in: a trunk's calls and those of agents, as far as their terms allow.

use std::net::IpAddr;

use model::{Invited, LegId, Origin, Personal};
use sip::{Answer, Flow, OfferedAudio, Request, Security, SessionId, Status};

use super::legs::{Leg, Stage};
use super::registrar::Question;
use super::shard::{Shard, Unjudged};
use super::{Numbers, SignallingInput, Terms, Trunk, shard_of_leg, translate};

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    /// A call from a trunk is let in, except where only agents may call; anybody else has to be an agent.
    pub(super) fn invited(&mut self, session: SessionId, request: Box<Request>, flow: Flow) {
        let is_agents = self.is_for_agents(&request);
        let inside = |trunk: &&Trunk| trunk.is_source(flow, &self.certified);
        let trunk = self.trunks.borrow().iter().find(inside).filter(|_| !is_agents).cloned();
        match trunk.map(|trunk| (trunk.name.clone(), trunk.terms.clone())) {
            Some((name, terms)) => {
                self.let_in(session, (Origin::Trunk(name), flow), &request, &terms);
            }
            None => {
                self.unjudged.insert(session, Unjudged { request: request.clone(), flow });
                self.asking.push_back(Question::Judge { session, request, flow });
            }
        }
    }

    /// True of a call that an agent has to make: to a number of the house, or to one that is no entry for customers in the
    /// name of an agent, whose phone may have an address of a trunk's network.
    fn is_for_agents(&self, request: &Request) -> bool {
        let settings = self.settings.borrow();
        let Some(dialled) = Numbers::default().dialled(request) else { return false };
        let in_an_agents_name = || {
            let caller = Numbers::default().caller(request);
            caller
                .is_some_and(|name| settings.agents.iter().any(|(agent, _)| agent.as_str() == name.as_str()))
        };
        settings.inside.contains(&dialled) || !settings.entries.contains(&dialled) && in_an_agents_name()
    }

    /// Tells the center of a call, or the caller that it is not encrypted as it has to be or that there is no
    /// room for it.
    pub(super) fn let_in(
        &mut self,
        session: SessionId,
        (origin, flow): (Origin, Flow),
        request: &Request,
        terms: &Terms,
    ) {
        let now = self.clock.now();
        let sip_call_id = request.call_id().unwrap_or_default();
        let Some(dialled) = terms.numbers.dialled(request) else {
            return self.endpoint.refuse(now, session, &Answer::new(Status::NOT_FOUND));
        };
        let security = Security::answering(terms.srtp);
        let Ok(mut remote) = self.endpoint.secure(session, security, &terms.codecs.allowed()) else {
            tracing::debug!(?origin, ?terms, "a call offers nothing that its srtp and codecs allow");
            self.seen.because(&sip_call_id, "srtp_or_codecs_not_allowed");
            return self.endpoint.refuse(now, session, &translate::not_acceptable(terms.srtp));
        };
        if let Some(remote) = &mut remote {
            remote.codecs = terms.codecs.choose(&remote.codecs).into_iter().collect();
        }
        let leg = self.new_leg();
        let agent = match &origin {
            Origin::Agent(agent) => Some(agent.clone()),
            Origin::Trunk(_) => None,
        };
        let line = match &origin {
            Origin::Agent(_) => None,
            Origin::Trunk(name) => Some(self.carriers.came_in(name)),
        };
        let invited = Invited {
            source: flow.source.ip(),
            local: self.audio_address(flow, remote.as_ref()),
            origin,
            dialled,
            diverted: terms.numbers.diverted(request),
            caller: terms.numbers.caller(request).map(Personal::new),
            caller_name: translate::caller_name(request).map(Personal::new),
            remote: remote.and_then(|remote| translate::remote_media(&remote, self.endpoint.peer(session))),
            sip_call_id: translate::sip_call_id(request).into(),
        };
        self.hand_on();
        let has_room = self.backlog.is_empty()
            && self.to_center.try_send(SignallingInput::Invited(leg, Box::new(invited)).into()).is_ok();
        if !has_room {
            self.seen.because(&sip_call_id, "center_busy");
            return self.endpoint.refuse(now, session, &translate::busy());
        }
        self.seen.leg(leg, &sip_call_id);
        self.legs
            .insert(leg, Leg { ours: None, agent, line, stage: Stage::Inbound { session, sip_call_id } });
        self.sessions.insert(session, leg);
        self.endpoint.admit(now, session);
    }

    /// Our address for a caller's audio: the one that it called, or the first that its audio can reach.
    fn audio_address(&self, flow: Flow, remote: Option<&OfferedAudio>) -> IpAddr {
        let called = flow.local.ip();
        let wants_v4 = remote.map_or(called.is_ipv4(), |remote| remote.rtp.is_ipv4());
        if called.is_ipv4() == wants_v4 {
            return called;
        }
        self.locals.audio(wants_v4).map_or(called, |local| local.ip())
    }

    /// An id that leads orders back to this shard.
    fn new_leg(&mut self) -> LegId {
        loop {
            let leg = LegId::new(&mut self.ids, self.clock.time());
            if shard_of_leg(leg, self.shards) == self.index {
                return leg;
            }
        }
    }
}
