//! The registrar task: one owner of registrations, nonces, and of who guesses passwords.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};
use model::{AgentId, LegId};
use sip::{
    Answer, Destination, DigestServer, Flow, Moment, Random, Registrar, Request, RequestId, Secret,
    SessionId, Slowdown, Status, Uri,
};
use tokio::sync::{mpsc, oneshot, watch};

mod proof;
mod targets;

use super::gate::Registered;
use super::kept::Kept;
use super::locals::Locals;
use super::manners::Manners;
use super::reach::{Device, Reach};
use super::streams::Peer;
use super::{Clock, CurrentSettings, Settings, SignallingInput};
use crate::observer::Observer;
use proof::Failures;

/// How long a nonce may be used.
const NONCE_LIFETIME: Duration = Duration::from_secs(300);
/// The least time between two publishings.
const PUBLISH_EVERY: Duration = Duration::from_millis(200);
/// How soon seats are told again to a center that had no room.
const RETRY: Duration = Duration::from_millis(10);

/// A shard asks.
pub(super) enum Question {
    /// Carry out this REGISTER.
    Register { id: RequestId, request: Box<Request>, flow: Flow },
    /// Who sends this INVITE?
    Judge { session: SessionId, request: Box<Request>, flow: Flow },
    /// Where is this agent's seat?
    Contacts { leg: LegId, agent: AgentId },
    /// Which agents' seats are meant by these addresses of a redirect, and where are they?
    Redirected { leg: LegId, targets: Vec<Uri> },
    /// What came of a [`Notice::Ping`]. Not answered.
    Pinged { device: Device, reachable: bool },
    /// A connection is gone. Not answered.
    Closed(Peer),
    /// Say that you are alive. Answered by its own way.
    Alive(oneshot::Sender<()>),
}

impl Question {
    /// True for those that a [`Reply`] follows.
    pub(super) fn is_answered(&self) -> bool {
        match self {
            Question::Register { .. }
            | Question::Judge { .. }
            | Question::Contacts { .. }
            | Question::Redirected { .. } => true,
            Question::Pinged { .. } | Question::Closed(_) | Question::Alive(_) => false,
        }
    }
}

/// What shards are told without having asked.
#[derive(Debug)]
pub(super) enum Notice {
    /// Ask this device whether it can be reached.
    Ping { device: Device, destination: Destination },
    /// This device is registered no more, or cannot be reached.
    Gone(Device),
}

/// The answer.
pub(super) enum Reply {
    Registered { id: RequestId, answer: Answer },
    Judged { session: SessionId, judgement: Judgement },
    Contacts { leg: LegId, contacts: Vec<(String, Destination)> },
    Redirected { leg: LegId, found: Vec<(AgentId, Vec<(String, Destination)>)> },
}

/// Who somebody is.
pub(super) enum Judgement {
    /// That agent, proven.
    Agent(AgentId),
    /// Not known; to be answered so.
    Refuse(Answer),
}

/// Where the registrar says what others go by.
pub(super) struct Publishers {
    /// Whose messages are served first.
    pub(super) registered: watch::Sender<Registered>,
    /// What is kept over a restart.
    pub(super) kept: watch::Sender<Kept>,
}

pub(super) struct RegistrarTask<T> {
    publishers: Publishers,
    /// Something changed since the last publishing.
    changed: bool,
    published: Moment,
    /// When wrong passwords were logged last, and how many were not since.
    failures: Failures,
    registrar: Registrar,
    digest: DigestServer,
    slowdown: Slowdown,
    agents: BTreeMap<String, (AgentId, Secret)>,
    settings: CurrentSettings,
    manners: Manners,
    clock: Clock,
    observer: Observer,
    to_center: Sender<T>,
    /// Seats whose news the center had no room for; the latest of each, so no more than there are agents.
    backlog: VecDeque<(AgentId, Option<IpAddr>)>,
    reach: Reach,
    /// The addresses that peers reach us by.
    locals: Locals,
    /// The names that proven devices register under.
    names: BTreeSet<String>,
    /// By which of our addresses the center takes agents for reachable.
    online: BTreeMap<AgentId, Option<IpAddr>>,
    notices: Vec<mpsc::Sender<Notice>>,
    /// Notices for which a shard had no room; no more than there are devices, twice.
    unheeded: VecDeque<(usize, Notice)>,
}

/// The agents by the user part of their address.
fn by_user(settings: &Settings) -> BTreeMap<String, (AgentId, Secret)> {
    let agents = settings.agents.iter();
    agents.map(|(id, secret)| (id.as_str().to_owned(), (id.clone(), secret.clone()))).collect()
}

impl<T: From<SignallingInput> + Send + 'static> RegistrarTask<T> {
    pub(super) fn new(
        current: CurrentSettings,
        locals: Locals,
        random: Random,
        clock: Clock,
        to_center: Sender<T>,
        notices: Vec<mpsc::Sender<Notice>>,
        publishers: Publishers,
    ) -> Self {
        let settings = Arc::clone(&current.borrow());
        RegistrarTask {
            publishers,
            changed: false,
            published: Moment::from_ms(0),
            failures: Failures::default(),
            registrar: Registrar::new(settings.registrar.clone()),
            digest: DigestServer::new(&settings.realm, NONCE_LIFETIME, random),
            slowdown: Slowdown::new(),
            agents: by_user(&settings),
            settings: current,
            manners: Manners::default(),
            clock,
            observer: settings.observer.clone(),
            to_center,
            backlog: VecDeque::new(),
            reach: Reach::new(settings.pings),
            locals,
            names: BTreeSet::new(),
            online: BTreeMap::new(),
            notices,
            unheeded: VecDeque::new(),
        }
    }

    /// Takes back what the last run kept, of agents that there still are.
    pub(super) fn restore(&mut self, kept: Kept) {
        let now = self.clock.now();
        let (bindings, guesses) = kept.split(self.clock, &self.locals);
        for kept in bindings.into_iter().filter(|kept| self.agents.contains_key(&kept.user)) {
            self.registrar.restore(now, kept);
        }
        guesses.into_iter().for_each(|kept| self.slowdown.restore(now, kept));
        self.changed = true;
        self.follow_registrar();
    }

    /// Says what changed; not again within [`PUBLISH_EVERY`], for it is all said at once.
    fn publish(&mut self) {
        let now = self.clock.now();
        if self.changed && now >= self.published + PUBLISH_EVERY {
            self.publish_now(now);
        }
    }

    fn publish_now(&mut self, now: Moment) {
        (self.changed, self.published) = (false, now);
        let sources = self.registrar.keep(now).map(|kept| kept.flow.source).collect();
        self.publishers.registered.send_replace(Arc::new(sources));
        let (bindings, guesses) = (self.registrar.keep(now), self.slowdown.keep(now));
        if self.publishers.kept.receiver_count() > 0 {
            self.publishers.kept.send_replace(Kept::of(self.clock, bindings, guesses));
        }
    }

    pub(super) async fn run(
        mut self,
        mut questions: mpsc::Receiver<(usize, Question)>,
        replies: Vec<mpsc::Sender<Reply>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        loop {
            let wake = self.wake();
            tokio::select! {
                // Whoever asks after the settings were replaced is answered by the new ones.
                biased;
                _ = stopped.changed() => {
                    // Who registered a moment ago is known after the restart too.
                    return self.publish_now(self.clock.now());
                }
                Ok(()) = self.settings.changed() => self.settings_replaced(),
                question = questions.recv() => {
                    let Some((shard, question)) = question else { return };
                    let reply = self.answer(question);
                    if let (Some(shard), Some(reply)) = (replies.get(shard), reply) {
                        // A shard asks no more at once than fit here.
                        let _ = shard.try_send(reply);
                    }
                }
                () = tokio::time::sleep_until(wake) => {}
            }
            self.expire();
            self.follow_registrar();
            self.ask_devices();
            self.publish();
            self.tell_seats();
        }
    }

    /// Agents who are there no more lose their registrations; a changed password is asked for at the next request.
    fn settings_replaced(&mut self) {
        let settings = Arc::clone(&self.settings.borrow_and_update());
        let agents = by_user(&settings);
        for user in self.agents.keys().filter(|user| !agents.contains_key(*user)) {
            self.registrar.remove(user);
        }
        // The center hears of the seats of those who go before they are forgotten.
        self.follow_registrar();
        self.online.retain(|agent, _| agents.contains_key(agent.as_str()));
        self.agents = agents;
        self.reach.set_pings(self.clock.now(), settings.pings);
        self.changed = true;
    }

    fn wake(&self) -> tokio::time::Instant {
        if !self.backlog.is_empty() || !self.unheeded.is_empty() {
            return tokio::time::Instant::now() + RETRY;
        }
        let publishing = self.changed.then(|| self.published + PUBLISH_EVERY);
        let asked = [self.registrar.poll_timeout(), self.reach.poll_timeout(), publishing];
        match asked.into_iter().flatten().min() {
            Some(moment) => self.clock.instant(moment),
            None => tokio::time::Instant::now() + Duration::from_secs(3_600),
        }
    }

    /// Lets bindings end whose time is over, one of several of a user too.
    fn expire(&mut self) {
        let now = self.clock.now();
        let is_due = self.registrar.poll_timeout().is_some_and(|due| due <= now);
        self.registrar.handle_timeout(now);
        if is_due {
            self.reach.users().iter().for_each(|user| self.devices_changed(user, false));
        }
    }

    /// Users of whom the last binding ended, or the first came.
    fn follow_registrar(&mut self) {
        let mut changed = Vec::new();
        while let Some(change) = self.registrar.poll_output() {
            changed.push(change.user);
        }
        changed.iter().for_each(|user| self.devices_changed(user, false));
    }

    /// A user's bindings changed: devices that are gone stop ringing. `spoke`: by a REGISTER of the user's own.
    fn devices_changed(&mut self, user: &str, spoke: bool) {
        let now = self.clock.now();
        let living = self.registrar.bindings(now, user).iter().filter(|binding| binding.expires > now);
        let bindings = living.map(|binding| (binding.uri.to_string(), binding.destination())).collect();
        for device in self.reach.sync(now, user, bindings, spoke) {
            self.gone(device);
        }
        self.judge_seat(user);
    }

    fn gone(&mut self, device: Device) {
        for shard in 0..self.notices.len() {
            self.unheeded.push_back((shard, Notice::Gone(device.clone())));
        }
    }

    /// Asks the devices that are due whether they can be reached, and sends what shards are to know.
    fn ask_devices(&mut self) {
        let (ask, lost) = self.reach.due(self.clock.now());
        lost.into_iter().for_each(|device| self.unreachable(device));
        for (device, destination) in ask {
            self.unheeded.push_back((0, Notice::Ping { device, destination }));
        }
        while let Some((shard, notice)) = self.unheeded.pop_front() {
            let Some(sender) = self.notices.get(shard) else { continue };
            if let Err(mpsc::error::TrySendError::Full(notice)) = sender.try_send(notice) {
                return self.unheeded.push_front((shard, notice));
            }
        }
    }

    fn unreachable(&mut self, device: Device) {
        tracing::warn!(agent = device.user, "a registered device cannot be reached");
        self.judge_seat(&device.user);
        self.gone(device);
    }

    /// Tells the center when whether an agent has a device that can be reached has changed.
    fn judge_seat(&mut self, user: &str) {
        let Some((agent, _)) = self.agents.get(user) else { return };
        let local = self.seat_address(agent);
        if self.online.insert(agent.clone(), local).unwrap_or(None) != local {
            tracing::info!(%agent, online = local.is_some(), "seat");
            self.backlog.retain(|(waiting, _)| waiting != agent);
            self.backlog.push_back((agent.clone(), local));
        }
    }

    /// The address of ours that an agent's devices are reached by: where they have several, the first of those that we
    /// listen on.
    fn seat_address(&self, agent: &AgentId) -> Option<IpAddr> {
        let contacts = self.contacts(self.clock.now(), agent);
        let used = |local: &SocketAddr| contacts.iter().any(|(_, to)| to.local == *local);
        let first = self.locals.all().iter().find(|local| used(local)).map(SocketAddr::ip);
        first.or_else(|| contacts.first().map(|(_, to)| to.local.ip()))
    }

    fn tell_seats(&mut self) {
        while let Some((agent, local)) = self.backlog.pop_front() {
            let seat = SignallingInput::Seat { agent: agent.clone(), online: local.is_some(), local };
            if let Err(TrySendError::Full(_)) = self.to_center.try_send(seat.into()) {
                self.backlog.push_front((agent, local));
                return;
            }
        }
    }

    fn answer(&mut self, question: Question) -> Option<Reply> {
        let now = self.clock.now();
        Some(match question {
            Question::Register { id, request, flow } => {
                Reply::Registered { id, answer: self.register(now, &request, flow) }
            }
            Question::Judge { session, request, flow } => {
                let claimed = request.from().ok().and_then(|from| from.uri.user());
                let judgement = match self.judge(now, &request, flow, claimed) {
                    Ok(agent) => Judgement::Agent(agent),
                    Err(answer) => Judgement::Refuse(answer),
                };
                Reply::Judged { session, judgement }
            }
            Question::Contacts { leg, agent } => {
                Reply::Contacts { leg, contacts: self.contacts(now, &agent) }
            }
            Question::Redirected { leg, targets } => {
                let agents = targets.iter().filter_map(|target| self.meant(now, target));
                let found = agents.map(|agent| (agent.clone(), self.contacts(now, &agent))).collect();
                Reply::Redirected { leg, found }
            }
            Question::Pinged { device, reachable } => {
                if self.reach.answered(now, &device, reachable) {
                    if reachable {
                        tracing::info!(agent = device.user, "a registered device can be reached again");
                        self.judge_seat(&device.user);
                    } else {
                        self.unreachable(device);
                    }
                }
                return None;
            }
            Question::Closed(peer) => {
                let hit = self.reach.closed(now, peer);
                hit.into_iter().for_each(|device| self.unreachable(device));
                return None;
            }
            Question::Alive(answer) => {
                // Who asked may have gone.
                let _ = answer.send(());
                return None;
            }
        })
    }

    /// Where an agent's devices are that can be reached.
    fn contacts(&self, now: Moment, agent: &AgentId) -> Vec<(String, Destination)> {
        let bindings = self.registrar.bindings(now, agent.as_str()).iter();
        let living = bindings.filter(|binding| {
            let uri = binding.uri.to_string();
            binding.expires > now && self.reach.is_reachable(agent.as_str(), &uri)
        });
        living.map(|binding| (binding.uri.to_string(), binding.destination())).collect()
    }

    fn register(&mut self, now: Moment, request: &Request, flow: Flow) -> Answer {
        let Ok(to) = request.to() else { return Answer::new(Status::BAD_REQUEST) };
        if to.uri.as_sip().is_none() {
            return Answer::new(Status::BAD_REQUEST);
        }
        match self.judge(now, request, flow, to.uri.user()) {
            Ok(agent) => {
                self.changed = true;
                self.known_as(request);
                let answer = self.registrar.handle_register(now, agent.as_str(), request, flow);
                self.devices_changed(agent.as_str(), answer.status.is_success());
                answer
            }
            Err(answer) => answer,
        }
    }
}
