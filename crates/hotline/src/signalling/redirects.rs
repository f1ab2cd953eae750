//! Where a seat's phone sends an offer on to, by 302 and its like.
//!
//! | the phone says | what follows |
//! |---|---|
//! | an own agent, by name or by the contact of a registered device | that agent's devices ring, in the same leg |
//! | an agent whose devices rang in this leg already | declined |
//! | anything else: a number, another host | declined; nothing is ever sent there |
//! | the limit of redirects of one leg is reached | declined |

use std::collections::BTreeSet;

use model::{AgentId, LegId, LegReport, mask};
use sip::{Destination, SessionId, Uri};

use super::SignallingInput;
use super::legs::{Leg, Stage};
use super::registrar::Question;
use super::shard::Shard;

/// What of redirects happened in a leg.
pub(super) struct Redirects {
    count: u32,
    /// Questions where the agents of a redirect are.
    open: u32,
    rang: BTreeSet<AgentId>,
}

impl Redirects {
    /// A leg that rings this agent's devices.
    pub(super) fn of(agent: &AgentId) -> Redirects {
        Redirects { count: 0, open: 0, rang: BTreeSet::from([agent.clone()]) }
    }

    /// Further devices may ring.
    pub(super) fn is_open(&self) -> bool {
        self.open > 0
    }

    /// The first agent that has a device and did not ring yet.
    fn choose(&mut self, found: Vec<Found>) -> Option<Found> {
        let chosen =
            found.into_iter().find(|(agent, contacts)| !contacts.is_empty() && !self.rang.contains(agent));
        if let Some((agent, _)) = &chosen {
            self.rang.insert(agent.clone());
        }
        chosen
    }
}

/// An agent, with the devices that can be reached.
type Found = (AgentId, Vec<(String, Destination)>);

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    /// A device answered by a redirect; its session's end follows.
    pub(super) fn redirected(&mut self, session: SessionId, targets: Vec<Uri>) {
        let Some(id) = self.sessions.get(&session).copied() else { return };
        let most = self.settings.borrow().redirects;
        let Some(Leg { stage: Stage::Ringing { wish, redirects, .. }, .. }) = self.legs.get_mut(&id) else {
            return;
        };
        if redirects.count >= most {
            tracing::warn!(leg = %id, agent = %wish.agent, most, "a phone's redirect is one too many: declined");
            return;
        }
        redirects.count += 1;
        redirects.open += 1;
        let named: Vec<String> = targets.iter().map(|uri| mask(&uri.user().unwrap_or_default())).collect();
        tracing::info!(leg = %id, agent = %wish.agent, targets = ?named, "a phone redirects an offer");
        self.asking.push_back(Question::Redirected { leg: id, targets });
    }

    /// The registrar knows which agents are meant.
    pub(super) fn redirect_resolved(&mut self, id: LegId, found: Vec<Found>) {
        let Some(Leg { stage: Stage::Ringing { wish, redirects, .. }, .. }) = self.legs.get_mut(&id) else {
            return;
        };
        redirects.open = redirects.open.saturating_sub(1);
        let mut wish = wish.clone();
        let rung = match redirects.choose(found) {
            Some((agent, contacts)) => {
                tracing::info!(leg = %id, from = %wish.agent, to = %agent, "an offer follows a phone's redirect");
                wish.agent = agent;
                self.ring_devices(id, &wish, contacts)
            }
            None => {
                let agent = wish.agent;
                tracing::warn!(leg = %id, %agent, "a phone redirects to none of the other agents: declined");
                Vec::new()
            }
        };
        let Some(Leg { stage: Stage::Ringing { forks, refusal, redirects, .. }, .. }) =
            self.legs.get_mut(&id)
        else {
            return;
        };
        forks.extend(rung);
        if forks.is_empty() && !redirects.is_open() {
            let refusal = *refusal;
            self.finish(id, LegReport::Refused(refusal));
        }
    }
}
