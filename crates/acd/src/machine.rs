//! The machine: every input, and what follows from it.

mod offers;
mod settings;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::time::Duration;

use model::{
    Actor, AgentId, AgentOrder, CommandId, ContactId, Ids, LeaveReason, NotReadyReason, OfferId,
    OfferOutcome, QueueName, Refused, Time,
};

use crate::agent::{Agent, Before, Doing, Willing};
use crate::config::Config;
use crate::inout::{AgentView, Input, Output};
use crate::queue::{Place, Queue};
use crate::standing::{REMEMBERED, Standing};

/// The distributor. See the crate's documentation for the state chart.
#[derive(Debug, Clone)]
pub struct Acd {
    ids: Ids,
    queues: BTreeMap<QueueName, Queue>,
    agents: BTreeMap<AgentId, Agent>,
    contacts: BTreeMap<ContactId, Waiting>,
    /// The agent that each live offer rings at.
    offers: BTreeMap<OfferId, AgentId>,
    /// The agent whose device has yet to say that a dead offer stopped ringing.
    releasing: BTreeMap<OfferId, AgentId>,
    /// One entry for each agent whose state has a timeout.
    timers: BTreeSet<(Time, AgentId)>,
    outputs: VecDeque<Output>,
}

/// A contact in a queue.
#[derive(Debug, Clone)]
struct Waiting {
    queue: QueueName,
    since: Time,
    place: Place,
    offer: Option<OfferId>,
}

impl Acd {
    /// A distributor with everybody signed out. `ids` makes the offers' ids.
    pub fn new(config: Config, ids: Ids) -> Acd {
        let queue = |q: crate::QueueConfig| (q.name, Queue::new(q.offer_deadline, q.wrap_up));
        let agent = |a: crate::AgentConfig| (a.id.clone(), Agent::new(a));
        Acd {
            ids,
            queues: config.queues.into_iter().map(queue).collect(),
            agents: config.agents.into_iter().map(agent).collect(),
            contacts: BTreeMap::new(),
            offers: BTreeMap::new(),
            releasing: BTreeMap::new(),
            timers: BTreeSet::new(),
            outputs: VecDeque::new(),
        }
    }

    /// Remembers how agents stood before a restart, at `now`; those that are unknown are left out. Call it before the
    /// first [`Acd::handle`]. Nobody is signed in by it: that is for the seats.
    pub fn restore(&mut self, now: Time, standings: Vec<Standing>) {
        for Standing { agent, not_ready, did } in standings {
            if let Some(agent) = self.agents.get_mut(&agent) {
                let willing = not_ready.map_or(Willing::Ready, Willing::NotReady);
                agent.before = Some(Before { willing, did, until: now + REMEMBERED });
            }
        }
    }

    /// Takes an input; what follows is drained by [`Acd::poll_output`].
    pub fn handle(&mut self, now: Time, input: Input) {
        match input {
            Input::Enter { contact, queue, bonus_s, since } => self.enter(contact, queue, bonus_s, since),
            Input::Leave { contact, reason } => self.leave(now, contact, reason),
            Input::SeatOnline(agent) => self.seat_online(now, &agent),
            Input::SeatOffline(agent) => self.seat_offline(now, &agent),
            Input::Command { id, agent, order, by } => self.command(now, id, &agent, order, by),
            Input::OfferAnswered(offer) => self.answered(now, offer),
            Input::OfferRefused(offer, refusal) => self.refused(now, offer, refusal),
            Input::OfferReleased(offer) => self.released(now, offer),
            Input::SegmentEnded(agent) => self.segment_ended(now, &agent),
            Input::Engage { id, agent, contact, queue } => self.engage(id, &agent, contact, queue),
            Input::EngageIdle { id, of, contact, queue } => self.engage_idle(id, &of, contact, queue),
            Input::Disengaged(agent) => self.disengaged(now, &agent),
            Input::AskPosition(contact) => self.tell_position(contact),
            Input::ClockSet { by_ms } => self.ids.set_clock(by_ms),
            Input::Settings(config) => self.replace_settings(now, config),
        }
        self.dispatch(now);
    }

    /// Lets everything happen that is due at `now`.
    pub fn handle_timeout(&mut self, now: Time) {
        while let Some((due, _)) = self.timers.first()
            && *due <= now
            && let Some((_, agent)) = self.timers.pop_first()
        {
            self.agent_timeout(now, &agent);
        }
        self.dispatch(now);
    }

    /// The next thing that followed.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Acd::handle_timeout`] is due.
    pub fn poll_timeout(&self) -> Option<Time> {
        self.timers.first().map(|(due, _)| *due)
    }

    fn enter(&mut self, contact: ContactId, name: QueueName, bonus_s: u32, since: Time) {
        if self.contacts.contains_key(&contact) {
            return;
        }
        let Some(queue) = self.queues.get_mut(&name) else { return };
        let place = (since - Duration::from_secs(u64::from(bonus_s)), contact);
        queue.join(place);
        let position = queue.position(place);
        self.contacts.insert(contact, Waiting { queue: name.clone(), since, place, offer: None });
        self.outputs.push_back(Output::Entered { contact, queue: name, bonus_s, position });
    }

    fn leave(&mut self, now: Time, contact: ContactId, reason: LeaveReason) {
        let Some(waiting) = self.contacts.remove(&contact) else { return };
        if let Some(queue) = self.queues.get_mut(&waiting.queue) {
            queue.leave(waiting.place);
        }
        if let Some(offer) = waiting.offer {
            self.withdraw(now, offer, OfferOutcome::CallerGone);
        }
        let waited_ms = u64::try_from(now.since(waiting.since).as_millis()).unwrap_or(u64::MAX);
        self.outputs.push_back(Output::Left { contact, queue: waiting.queue, reason, waited_ms });
    }

    fn seat_online(&mut self, now: Time, id: &AgentId) {
        self.change(id, None, |agent| {
            if !agent.seat_online {
                agent.sign_in(now);
            }
        });
    }

    /// An offer that still rings is withdrawn: there is no device any more that could take it.
    fn seat_offline(&mut self, now: Time, id: &AgentId) {
        let ringing = self.ringing_at(id);
        self.change(id, None, |agent| {
            agent.seat_online = false;
            if matches!(agent.doing, Doing::WrapUp { .. } | Doing::Resting { .. }) {
                agent.doing = Doing::Idle { since: now };
            }
        });
        if let Some(offer) = ringing {
            self.withdraw(now, offer, OfferOutcome::AgentGone);
        }
    }

    /// Whether a command to an agent can be obeyed.
    fn may_command(&self, agent: &AgentId) -> Result<(), Refused> {
        match self.agents.get(agent) {
            None => Err(Refused::UnknownAgent),
            Some(agent) if !agent.seat_online => Err(Refused::SeatOffline),
            Some(_) => Ok(()),
        }
    }

    fn command(&mut self, now: Time, id: CommandId, agent: &AgentId, order: AgentOrder, by: Actor) {
        let result = self.may_command(agent);
        self.outputs.push_back(Output::Answered { id, result });
        match order {
            _ if result.is_err() => {}
            AgentOrder::Ready => self.ready(now, agent, by),
            AgentOrder::Break => self.take_break(now, agent, by),
        }
    }

    fn tell_position(&mut self, contact: ContactId) {
        let queue = self.contacts.get(&contact).map(|waiting| waiting.queue.clone());
        if let (Some(queue), Some(position)) = (queue, self.position(contact)) {
            self.outputs.push_back(Output::Position { contact, queue, position });
        }
    }

    fn ready(&mut self, now: Time, id: &AgentId, by: Actor) {
        self.change(id, Some(by), |agent| {
            let was_ready = agent.willing == Willing::Ready;
            agent.willing = Willing::Ready;
            agent.misses = 0;
            match agent.doing {
                // Saying "ready" twice must not cost an agent the place in the order.
                Doing::Idle { since } => {
                    agent.doing = Doing::Idle { since: if was_ready { since } else { now } };
                }
                Doing::Resting { .. } | Doing::WrapUp { .. } => agent.doing = Doing::Idle { since: now },
                Doing::Offered { .. } | Doing::Releasing { .. } | Doing::Talking { .. } => {}
            }
        });
    }

    fn take_break(&mut self, now: Time, id: &AgentId, by: Actor) {
        let ringing = self.ringing_at(id);
        self.change(id, Some(by), |agent| {
            agent.willing = Willing::NotReady(NotReadyReason::Break);
            if matches!(agent.doing, Doing::WrapUp { .. } | Doing::Resting { .. }) {
                agent.doing = Doing::Idle { since: now };
            }
        });
        if let Some(offer) = ringing {
            self.withdraw(now, offer, OfferOutcome::AgentGone);
        }
    }

    /// The offer that rings at an agent.
    fn ringing_at(&self, id: &AgentId) -> Option<OfferId> {
        match &self.agents.get(id)?.doing {
            Doing::Offered { offer, .. } => Some(*offer),
            Doing::Idle { .. }
            | Doing::Releasing { .. }
            | Doing::Resting { .. }
            | Doing::Talking { .. }
            | Doing::WrapUp { .. } => None,
        }
    }

    fn segment_ended(&mut self, now: Time, id: &AgentId) {
        let wrap_up = match self.agents.get(id).map(|agent| &agent.doing) {
            Some(Doing::Talking { queue, .. }) => {
                self.queues.get(queue).map_or(Duration::ZERO, |queue| queue.wrap_up)
            }
            Some(
                Doing::Idle { .. }
                | Doing::Offered { .. }
                | Doing::Releasing { .. }
                | Doing::Resting { .. }
                | Doing::WrapUp { .. },
            )
            | None => return,
        };
        self.change(id, None, |agent| {
            agent.doing = if wrap_up.is_zero() || !agent.seat_online {
                Doing::Idle { since: now }
            } else {
                Doing::WrapUp { until: now + wrap_up }
            };
        });
    }

    fn engage(&mut self, id: CommandId, agent: &AgentId, contact: ContactId, queue: QueueName) {
        let result = self.may_engage(agent);
        self.outputs.push_back(Output::Answered { id, result });
        if result.is_ok() {
            self.change(agent, None, |agent| agent.doing = Doing::Talking { contact, queue });
        }
    }

    fn engage_idle(&mut self, id: CommandId, of: &QueueName, contact: ContactId, queue: QueueName) {
        let idle = match self.queues.get(of) {
            Some(queue) => queue.idle.first().map(|(_, agent)| agent.clone()).ok_or(Refused::NobodyFree),
            None => Err(Refused::UnknownQueue),
        };
        match idle {
            Ok(agent) => {
                self.outputs.push_back(Output::Engaged { id, agent: agent.clone() });
                self.change(&agent, None, |agent| agent.doing = Doing::Talking { contact, queue });
            }
            Err(refused) => self.outputs.push_back(Output::Answered { id, result: Err(refused) }),
        }
    }

    fn disengaged(&mut self, now: Time, id: &AgentId) {
        self.change(id, None, |agent| {
            if let Doing::Talking { .. } = agent.doing {
                agent.doing = Doing::Idle { since: now };
            }
        });
    }

    fn agent_timeout(&mut self, now: Time, id: &AgentId) {
        let Some(agent) = self.agents.get(id) else { return };
        match agent.doing {
            Doing::Idle { .. } | Doing::Talking { .. } => {}
            Doing::Offered { offer, .. } => self.withdraw(now, offer, OfferOutcome::TimedOut),
            Doing::Releasing { offer, .. } => self.released(now, offer),
            Doing::Resting { .. } | Doing::WrapUp { .. } => {
                self.change(id, None, |agent| agent.doing = Doing::Idle { since: now });
            }
        }
    }

    /// The one way to change an agent: keeps timers and idle lists right and reports what others can see.
    fn change(&mut self, id: &AgentId, by: Option<Actor>, edit: impl FnOnce(&mut Agent)) {
        let Some(agent) = self.agents.get_mut(id) else { return };
        let (view, since, timeout) = (agent.view(), agent.available_since(), agent.timeout());
        edit(agent);
        if let Some(due) = timeout {
            self.timers.remove(&(due, id.clone()));
        }
        if let Some(due) = agent.timeout() {
            self.timers.insert((due, id.clone()));
        }
        if since != agent.available_since() {
            for name in &agent.queues {
                let Some(queue) = self.queues.get_mut(name) else { continue };
                if let Some(since) = since {
                    queue.idle.remove(&(since, id.clone()));
                }
                if let Some(since) = agent.available_since() {
                    queue.idle.insert((since, id.clone()));
                }
            }
        }
        if view != agent.view() {
            let view = agent.view();
            self.outputs.push_back(Output::AgentChanged { agent: id.clone(), view, by });
        }
        self.forget_removed(id);
    }
}

/// What tests and tools look at. Whoever drives the machine asks by inputs: the machine may be on another node.
impl Acd {
    /// The agent's visible state; `None` for an unknown agent.
    pub fn agent(&self, agent: &AgentId) -> Option<AgentView> {
        self.agents.get(agent).map(Agent::view)
    }

    /// A waiting contact's 1-based position in its queue; `None` when it does not wait.
    pub fn position(&self, contact: ContactId) -> Option<u32> {
        let waiting = self.contacts.get(&contact)?;
        Some(self.queues.get(&waiting.queue)?.position(waiting.place))
    }

    /// True while the contact waits in a queue.
    pub fn waits(&self, contact: ContactId) -> bool {
        self.contacts.contains_key(&contact)
    }

    /// How many wait in a queue, those that a seat rings for among them.
    pub fn waiting(&self, queue: &QueueName) -> usize {
        self.queues.get(queue).map_or(0, Queue::len)
    }

    /// True when the offer still rings.
    pub fn is_live(&self, offer: OfferId) -> bool {
        self.offers.contains_key(&offer)
    }

    /// Whether an agent can be called into a conversation now, ready for calls or not.
    ///
    /// # Errors
    /// What [`Input::Engage`] would be refused with.
    pub fn may_engage(&self, agent: &AgentId) -> Result<(), Refused> {
        self.may_command(agent)?;
        match self.agents.get(agent).map(|agent| &agent.doing) {
            Some(Doing::Idle { .. } | Doing::Resting { .. } | Doing::WrapUp { .. }) => Ok(()),
            Some(Doing::Offered { .. } | Doing::Releasing { .. } | Doing::Talking { .. }) | None => {
                Err(Refused::SeatBusy)
            }
        }
    }
}

#[cfg(test)]
impl Acd {
    pub(crate) fn has_timer(&self, id: &AgentId) -> bool {
        self.timers.iter().any(|(_, agent)| agent == id)
    }

    pub(crate) fn is_releasing(&self, offer: OfferId) -> bool {
        self.releasing.contains_key(&offer)
    }
}
