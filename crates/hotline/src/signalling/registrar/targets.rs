//! Whom an address means that a phone redirects to: our own agents, and nobody else.

use model::AgentId;
use sip::{Host, Moment, Request, SipUri, Uri};

use super::super::SignallingInput;
use super::RegistrarTask;

/// Names under which devices know us that are remembered.
const NAMES: usize = 64;

impl<T: From<SignallingInput> + Send + 'static> RegistrarTask<T> {
    /// The agent at this address: by name at one of our hosts, or by the contact of a registered device. Where a call
    /// goes is never read from the address itself, but from the registrations of that agent.
    pub(super) fn meant(&self, now: Moment, target: &Uri) -> Option<AgentId> {
        let uri = target.as_sip()?;
        let named = target.user().filter(|_| self.is_our_host(&uri.host));
        let named = named.and_then(|user| self.agents.get(user.as_str()));
        let (agent, _) = named.or_else(|| self.at_device(now, uri))?;
        Some(agent.clone())
    }

    fn at_device(&self, now: Moment, uri: &SipUri) -> Option<&(AgentId, sip::Secret)> {
        let has_it =
            |user: &str| self.registrar.bindings(now, user).iter().any(|device| device.uri.same_as(uri));
        self.agents.iter().find(|(user, _)| has_it(user)).map(|(_, agent)| agent)
    }

    fn is_our_host(&self, host: &Host) -> bool {
        match host {
            Host::Ip(address) => self.locals.all().iter().any(|local| local.ip() == *address),
            Host::Name(name) => self.names.contains(&name.to_ascii_lowercase()),
        }
    }

    /// A device that proved its password calls us by this name.
    pub(super) fn known_as(&mut self, request: &Request) {
        let Ok(Uri::Sip(SipUri { host: Host::Name(name), .. })) = request.target() else { return };
        if self.names.len() < NAMES {
            self.names.insert(name.to_ascii_lowercase());
        }
    }
}
