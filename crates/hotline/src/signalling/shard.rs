//! One shard: an endpoint, the legs of its Call-IDs, and the way of their reports to the center.

mod asking;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, TrySendError};
use model::{AgentId, Ids, LegId, LegOrder, LegReport};
use sip::{
    Destination, Endpoint, EndpointSettings, Event, Flow, Malformed, Message, Output, PingId, QueryId,
    Random, Request, SessionId, Transport,
};
use tokio::sync::{Notify, mpsc, oneshot, watch};

use super::carriers::{Carriers, Route};
use super::certified::Certified;
use super::keeper::{Errand, Outcome};
use super::legs::Leg;
use super::listen::Sockets;
use super::locals::Locals;
use super::names::Trunks;
use super::reach::Device;
use super::registrar::{Notice, Question, Reply};
use super::seen::Seen;
use super::streams::{HubInput, Peer};
use super::transfers::AgentCalls;
use super::{Clock, CurrentSettings, SignallingInput, Terms, translate};

/// Waiting reports beyond which those that may be dropped are.
const BACKLOG: usize = 10_000;
/// How soon waiting reports are tried again.
const RETRY: Duration = Duration::from_millis(10);

/// What comes from the network.
pub(super) enum ShardInput {
    Datagram {
        flow: Flow,
        bytes: Vec<u8>,
    },
    Message {
        flow: Flow,
        message: Box<Message>,
    },
    Malformed {
        flow: Flow,
        malformed: Box<Malformed>,
    },
    Unreachable(Destination),
    /// A connection with this peer is gone.
    Closed(Peer),
    /// Say that you are alive.
    Alive(oneshot::Sender<()>),
}

/// The shard's channels and its socket.
pub(super) struct Wires {
    /// What belongs to calls, trunks and registered devices.
    pub(super) first: mpsc::Receiver<ShardInput>,
    /// What strangers begin.
    pub(super) second: mpsc::Receiver<ShardInput>,
    pub(super) draining: Arc<AtomicBool>,
    pub(super) verdicts: mpsc::Receiver<Reply>,
    pub(super) notices: mpsc::Receiver<Notice>,
    /// What the keeper of gateways wants done; the first shard alone has some.
    pub(super) errands: mpsc::Receiver<Errand>,
    pub(super) orders: Receiver<(LegId, Box<LegOrder>)>,
    pub(super) notify: Arc<Notify>,
    pub(super) questions: mpsc::Sender<(usize, Question)>,
    pub(super) sockets: Sockets,
    pub(super) hub: mpsc::Sender<HubInput>,
}

pub(super) struct Shard<T> {
    pub(super) index: usize,
    pub(super) shards: usize,
    /// The addresses that peers reach us by.
    pub(super) locals: Locals,
    pub(super) endpoint: Endpoint,
    pub(super) random: Random,
    pub(super) ids: Ids,
    pub(super) clock: Clock,
    pub(super) seen: Seen,
    pub(super) trunks: Trunks,
    pub(super) settings: CurrentSettings,
    pub(super) legs: BTreeMap<LegId, Leg>,
    pub(super) sessions: BTreeMap<SessionId, LegId>,
    /// Inbound sessions whose sender is being judged.
    pub(super) unjudged: BTreeMap<SessionId, Unjudged>,
    pub(super) to_center: Sender<T>,
    pub(super) backlog: VecDeque<T>,
    /// What the audio of these legs last became, for which the backlog had no room: a hold must not be forgotten.
    pub(super) changes: BTreeMap<LegId, LegReport>,
    /// The calls of agents, of all shards.
    pub(super) agent_calls: Arc<AgentCalls>,
    /// Trunks' gateways, of all shards.
    pub(super) carriers: Arc<Carriers>,
    /// The certificates that peers showed.
    pub(super) certified: Certified,
    outcomes: mpsc::Sender<Outcome>,
    /// Questions to be sent to the registrar, and how many are open with it.
    pub(super) asking: VecDeque<Question>,
    open_questions: usize,
    /// Devices that were asked whether they can be reached.
    pings: BTreeMap<PingId, Device>,
    /// Gateways that were asked whether they live.
    asked_gateways: BTreeMap<PingId, Route>,
    /// REGISTERs, by trunk.
    registers: BTreeMap<QueryId, String>,
}

pub(super) struct Unjudged {
    pub(super) request: Box<Request>,
    pub(super) flow: Flow,
}

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    pub(super) fn new(
        (index, shards): (usize, usize),
        current: CurrentSettings,
        (locals, trunks, agent_calls): (Locals, Trunks, Arc<AgentCalls>),
        (carriers, certified, outcomes): (Arc<Carriers>, Certified, mpsc::Sender<Outcome>),
        mut random: Random,
        clock: Clock,
        to_center: Sender<T>,
    ) -> Shard<T> {
        let settings = Arc::clone(&current.borrow());
        let endpoint = EndpointSettings {
            local: locals.all().to_vec(),
            user_agent: settings.user_agent.clone(),
            max_sessions: settings.max_sessions,
            max_transactions: settings.max_sessions.saturating_mul(4),
        };
        let mut seed = [0; 32];
        seed.chunks_mut(8).for_each(|chunk| chunk.copy_from_slice(&random.draw().to_be_bytes()));
        let maker = settings.first_maker.wrapping_add(u16::try_from(index).unwrap_or(0));
        Shard {
            index,
            shards,
            locals,
            endpoint: Endpoint::new(endpoint, Random::new(seed)).with_patience(settings.patience),
            random,
            ids: Ids::new(maker),
            clock,
            seen: Seen::new(settings.observer.clone(), clock),
            trunks,
            agent_calls,
            carriers,
            certified,
            outcomes,
            settings: current,
            legs: BTreeMap::new(),
            sessions: BTreeMap::new(),
            unjudged: BTreeMap::new(),
            to_center,
            backlog: VecDeque::new(),
            changes: BTreeMap::new(),
            asking: VecDeque::new(),
            open_questions: 0,
            pings: BTreeMap::new(),
            asked_gateways: BTreeMap::new(),
            registers: BTreeMap::new(),
        }
    }

    /// Runs until the shell stops; orders given before that are still carried out.
    pub(super) async fn run(mut self, mut wires: Wires, mut stopped: watch::Receiver<bool>) {
        loop {
            let wake = self.wake();
            let mut stopping = false;
            tokio::select! {
                // Strangers come last. Orders and timers are seen to after each of them.
                biased;
                _ = stopped.changed() => stopping = true,
                Ok(()) = self.settings.changed() => {
                    let patience = self.settings.borrow_and_update().patience;
                    self.endpoint.set_patience(patience);
                }
                Some(reply) = wires.verdicts.recv() => self.hear(reply),
                Some(notice) = wires.notices.recv() => self.heed(notice),
                Some(errand) = wires.errands.recv() => self.run_errand(errand),
                Some(input) = wires.first.recv() => self.receive(input),
                () = wires.notify.notified() => {}
                Some(input) = wires.second.recv() => self.receive(input),
                () = tokio::time::sleep_until(wake) => {}
            }
            self.endpoint.set_draining(wires.draining.load(Ordering::Relaxed));
            while let Ok((leg, order)) = wires.orders.try_recv() {
                self.obey(leg, *order);
            }
            self.endpoint.handle_timeout(self.clock.now());
            self.flush(&wires).await;
            if stopping {
                return;
            }
        }
    }

    /// What the audio of an agent's calls may be.
    pub(super) fn terms_of(&self, agent: &AgentId) -> Terms {
        self.settings.borrow().seats.get(agent).cloned().unwrap_or_default()
    }

    fn wake(&self) -> tokio::time::Instant {
        let soon = tokio::time::Instant::now();
        if !self.backlog.is_empty() {
            return soon + RETRY;
        }
        match self.endpoint.poll_timeout() {
            Some(moment) => self.clock.instant(moment),
            None => soon + Duration::from_secs(3_600),
        }
    }

    fn receive(&mut self, input: ShardInput) {
        let now = self.clock.now();
        match input {
            ShardInput::Datagram { flow, bytes } => {
                self.seen.received(flow, &bytes);
                self.endpoint.handle_datagram(now, flow, &bytes);
            }
            ShardInput::Message { flow, message } => {
                self.seen.received(flow, &message.print());
                self.endpoint.handle_message(now, flow, *message);
            }
            ShardInput::Malformed { flow, malformed } => self.endpoint.handle_malformed(flow, *malformed),
            ShardInput::Unreachable(destination) => self.endpoint.handle_unreachable(now, destination),
            ShardInput::Closed(peer) => self.asking.push_back(Question::Closed(peer)),
            // Who asked may have gone.
            ShardInput::Alive(answer) => _ = answer.send(()),
        }
    }

    /// Carries out all that the endpoint wants, and hands on what waits.
    async fn flush(&mut self, wires: &Wires) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Event(event) => self.happened(event),
                Output::Send { destination, bytes } => {
                    self.seen.sent(destination, &bytes);
                    self.send(wires, destination, bytes).await;
                }
            }
        }
        while let Some(question) = self.asking.pop_front() {
            self.ask(wires, question);
        }
        self.hand_on();
    }

    async fn send(&mut self, wires: &Wires, destination: Destination, bytes: Vec<u8>) {
        match destination.transport {
            Transport::Udp => {
                // A datagram that cannot be sent is one that got lost: timers see to it.
                let Some(socket) = wires.sockets.of(destination.local) else { return };
                let mut sent = socket.send_to(&bytes, destination.address).await;
                if sent.is_err() {
                    // The error may be ICMP's word on another datagram, sent before.
                    sent = socket.send_to(&bytes, destination.address).await;
                }
                if let Err(error) = sent {
                    tracing::debug!(address = %destination.address, %error, "datagram not sent");
                }
            }
            Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
                let shard = self.index;
                let input = HubInput::Send { shard, destination, bytes };
                if wires.hub.try_send(input).is_err() {
                    self.endpoint.handle_unreachable(self.clock.now(), destination);
                }
            }
        }
    }

    /// Reports to the center, as far as it has room.
    pub(super) fn hand_on(&mut self) {
        while let Some(report) = self.backlog.pop_front() {
            if let Err(TrySendError::Full(report)) = self.to_center.try_send(report) {
                self.backlog.push_front(report);
                return;
            }
            if self.backlog.is_empty()
                && let Some((leg, change)) = self.changes.pop_first()
            {
                self.backlog.push_back(SignallingInput::Leg(leg, change).into());
            }
        }
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Invited { session, request, flow, .. } => self.invited(session, request, flow),
            Event::Register { id, request, flow } => {
                self.asking.push_back(Question::Register { id, request, flow });
            }
            Event::Ringing { session } => self.ringing(session),
            Event::Early { session, remote } => self.early(session, &remote),
            Event::Reason { session, cause } => self.reason_given(session, cause),
            Event::Redirected { session, targets } => self.redirected(session, targets),
            Event::Connected { session, remote } => self.connected(session, &remote),
            Event::Changed { session, remote } => {
                let remote = translate::remote_media(&remote, self.endpoint.peer(session));
                if let (Some(leg), Some(remote)) = (self.sessions.get(&session), remote) {
                    self.report(*leg, LegReport::Changed { remote });
                }
            }
            Event::Referred { session, to, replaces } => self.referred(session, &to, replaces.as_ref()),
            // The center sends no REFER.
            Event::Referral { .. } => {}
            Event::Digit { session, key } => {
                if let (Some(leg), Some(digit)) = (self.sessions.get(&session), model::Digit::from_char(key))
                {
                    self.report(*leg, LegReport::Digit(digit));
                }
            }
            Event::Ended { session, why } => self.ended(session, why),
            Event::Pinged { ping, reachable } => {
                if let Some(device) = self.pings.remove(&ping) {
                    self.asking.push_back(Question::Pinged { device, reachable });
                } else if let Some(route) = self.asked_gateways.remove(&ping) {
                    self.errand_done(Outcome::Pinged { route, reachable });
                }
            }
            Event::Answered { query, response } => {
                if let Some(trunk) = self.registers.remove(&query) {
                    self.errand_done(Outcome::Registered { trunk, response });
                }
            }
        }
    }

    /// The registrar has something to say of itself.
    fn heed(&mut self, notice: Notice) {
        match notice {
            Notice::Ping { device, destination } => {
                let (now, call_id) = (self.clock.now(), self.new_call_id());
                let ping = self.endpoint.ping(now, &device.uri, destination, &call_id);
                self.pings.insert(ping, device);
            }
            Notice::Gone(device) => self.device_gone(&device),
        }
    }

    fn run_errand(&mut self, errand: Errand) {
        let now = self.clock.now();
        match errand {
            Errand::Ping { route, destination } => {
                let (uri, call_id) = (route.key.gateway.uri(None), self.new_call_id());
                let ping = self.endpoint.ping(now, &uri, destination, &call_id);
                self.asked_gateways.insert(ping, route);
            }
            Errand::Register { trunk, request, destination } => {
                let query = self.endpoint.request(now, *request, destination);
                self.registers.insert(query, trunk);
            }
        }
    }

    /// The keeper takes a result that found no room for none.
    fn errand_done(&self, outcome: Outcome) {
        let _ = self.outcomes.try_send(outcome);
    }

    /// For the center, in order. Without room only the last change of each leg is kept, and no ringing and no keys.
    pub(super) fn report(&mut self, leg: LegId, report: LegReport) {
        let is_full = self.backlog.len() >= BACKLOG;
        if matches!(report, LegReport::Changed { .. }) && (is_full || self.changes.contains_key(&leg)) {
            self.changes.insert(leg, report);
            return;
        }
        if is_full && translate::may_be_dropped(&report) {
            return;
        }
        self.backlog.push_back(SignallingInput::Leg(leg, report).into());
    }
}
