//! Connections: one hub owns all of them; each has a task that reads and writes.
//!
//! ```text
//!  accepted ─► (TLS: handshake) ─► open ─ earns something ─► useful ─► rests too long, evicted, broken: closed
//!  of ours ── handshake before ──►  ▲
//! ```
//!
//! TLS is spoken with whoever connects to us, and by us with the gateways and registrars of trunks alone. Phones are
//! reached over the connection that they made (RFC 5626): they have no certificates that we could check.

mod connection;
mod handshake;
mod link;
mod messages;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sip::{Destination, Flow, Peek, Transport};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout};

use super::carriers::Carriers;
use super::certified::Certified;
use super::gate::{Gate, Lanes};
use super::shard::ShardInput;
use connection::Connection;
pub use handshake::{Handshakes, Shaken, Side};
pub(super) use link::{Link, accept};

/// The most connections. One more takes the place of the least useful: one that has earned nothing yet, of the source
/// that has most of those, the oldest of them.
const MAX_CONNECTIONS: usize = 4_096;
/// The most connections of one source, trunks apart.
const SHARE: usize = MAX_CONNECTIONS / 4;
/// The most of these that have earned nothing.
const UNPROVEN_SHARE: usize = 64;
/// How long a connection may take to earn something: a 2xx to more than OPTIONS, ringing, or a request of ours.
const UNPROVEN_TIME: Duration = Duration::from_secs(32);
/// How long a useful connection may rest. The longest registration is an hour, and its phone refreshes it before.
const USEFUL_TIME: Duration = Duration::from_secs(3_700);
/// How often connections that rest too long are looked for.
const SWEEP_EVERY: Duration = Duration::from_secs(1);
/// Messages that may wait for a slow reader; beyond that its connection is closed.
const WAITING: usize = 256;
/// The most TLS handshakes of one source at once, trunks apart.
const SHAKING_SHARE: usize = 16;
/// The most TLS handshakes at once.
const MAX_SHAKING: usize = 512;

/// The other end of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Peer {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
}

/// What the hub is told.
pub(super) enum HubInput {
    /// Send this, over the connection that there is, or over a new one.
    Send { shard: usize, destination: Destination, bytes: Vec<u8> },
    /// A peer made a connection.
    Accepted { flow: Flow, link: Link },
    /// We made a connection.
    Made { flow: Flow, link: Link },
    /// A connection could not be made.
    Failed(Peer),
    /// The handshake of a connection is over.
    Secured { peer: Peer, serial: u64 },
    /// Say that you are alive.
    Life(oneshot::Sender<()>),
    /// A keep-alive came by a connection.
    Alive { peer: Peer, serial: u64 },
    /// A connection is gone; `serial` tells it from a later one with the same peer.
    Closed { peer: Peer, serial: u64 },
}

/// What the hub and its connections share.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) own: mpsc::Sender<HubInput>,
    pub(super) shards: Vec<Lanes>,
    pub(super) gate: Arc<Gate>,
    pub(super) carriers: Arc<Carriers>,
    pub(super) certified: Certified,
    pub(super) handshakes: Handshakes,
    pub(super) stopped: watch::Receiver<bool>,
}

struct Hub {
    shared: Shared,
    connections: BTreeMap<Peer, Known>,
    /// What waits for a connection that is being made.
    connecting: BTreeMap<Peer, Vec<(usize, Destination, Vec<u8>)>>,
    last_serial: u64,
}

/// A connection as the hub knows it. Dropping it closes the connection.
struct Known {
    serial: u64,
    writer: mpsc::Sender<Vec<u8>>,
    /// The address or network that it counts for; `None` for trunks, which have no share.
    source: Option<IpAddr>,
    /// It earned something.
    useful: bool,
    /// Its handshake is not over.
    shaking: bool,
    /// It is closed then, unless it earns something before.
    until: Instant,
}

/// Keeps and makes connections until the shell stops.
pub(super) async fn run(mut inputs: mpsc::Receiver<HubInput>, shared: Shared) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut stopped = shared.stopped.clone();
    let mut hub = Hub { shared, connections: BTreeMap::new(), connecting: BTreeMap::new(), last_serial: 0 };
    loop {
        tokio::select! {
            Some(input) = inputs.recv() => hub.handle(input),
            _ = sweep.tick() => hub.sweep(),
            _ = stopped.changed() => {
                // Shards stop at the same signal and may just have written their last words.
                while let Ok(Some(input)) = timeout(Duration::from_millis(50), inputs.recv()).await {
                    hub.handle(input);
                }
                return;
            }
        }
    }
}

impl Hub {
    fn handle(&mut self, input: HubInput) {
        match input {
            HubInput::Send { shard, destination, bytes } => self.send(shard, destination, bytes),
            HubInput::Accepted { flow, link } => self.accepted(flow, link),
            HubInput::Made { flow, link } => {
                let peer = Peer { transport: flow.transport, address: flow.source };
                self.open(flow, link);
                for (shard, destination, bytes) in self.connecting.remove(&peer).unwrap_or_default() {
                    self.send_over(peer, shard, destination, bytes);
                }
            }
            HubInput::Failed(peer) => {
                for (shard, destination, _) in self.connecting.remove(&peer).unwrap_or_default() {
                    self.unreachable(shard, destination);
                }
            }
            HubInput::Secured { peer, serial } => {
                if let Some(known) = self.known(peer, serial) {
                    known.shaking = false;
                }
            }
            // Who asked may have gone.
            HubInput::Life(answer) => _ = answer.send(()),
            HubInput::Alive { peer, serial } => {
                if let Some(known) = self.known(peer, serial).filter(|known| known.useful) {
                    known.until = Instant::now() + USEFUL_TIME;
                }
            }
            HubInput::Closed { peer, serial } => {
                if self.known(peer, serial).is_some() {
                    self.connections.remove(&peer);
                    self.closed(peer);
                }
            }
        }
    }

    fn known(&mut self, peer: Peer, serial: u64) -> Option<&mut Known> {
        self.connections.get_mut(&peer).filter(|known| known.serial == serial)
    }

    /// Whoever registered over this connection is to be reached another way, or not at all. One shard passes that on to
    /// the registrar.
    fn closed(&self, peer: Peer) {
        if let Some(shard) = self.shared.shards.first().cloned() {
            tokio::spawn(async move {
                let _ = shard.first.send(ShardInput::Closed(peer)).await;
            });
        }
    }

    fn send(&mut self, shard: usize, destination: Destination, bytes: Vec<u8>) {
        let transport = destination.transport;
        let otherwise = destination.otherwise.unwrap_or(destination.address);
        let peers = [destination.address, otherwise].map(|address| Peer { transport, address });
        let is_open = |peer: &Peer| self.connections.get(peer).is_some_and(|known| !known.shaking);
        match peers.into_iter().find(is_open) {
            Some(peer) => self.send_over(peer, shard, destination, bytes),
            None => self.connect(Peer { transport, address: otherwise }, shard, destination, bytes),
        }
    }

    fn send_over(&mut self, peer: Peer, shard: usize, destination: Destination, bytes: Vec<u8>) {
        let earns = earns(&bytes);
        let sent = self.connections.get_mut(&peer).is_some_and(|known| {
            if earns {
                (known.useful, known.until) = (true, Instant::now() + USEFUL_TIME);
            }
            known.writer.try_send(bytes).is_ok()
        });
        if !sent {
            // A peer that does not read is as good as gone.
            self.connections.remove(&peer);
            self.unreachable(shard, destination);
        }
    }

    fn connect(&mut self, peer: Peer, shard: usize, destination: Destination, bytes: Vec<u8>) {
        if self.connections.len() + self.connecting.len() >= MAX_CONNECTIONS {
            return self.unreachable(shard, destination);
        }
        let Some(way) = link::way_to(peer, &self.shared.carriers) else {
            return self.unreachable(shard, destination);
        };
        let waiting = self.connecting.entry(peer).or_default();
        waiting.push((shard, destination, bytes));
        match waiting.len() {
            1 => {}
            2..=WAITING => return,
            _ => {
                waiting.pop();
                return self.unreachable(shard, destination);
            }
        }
        let (shared, local) = (self.shared.clone(), destination.local);
        tokio::spawn(async move {
            let made = link::connect(peer, way, &shared.handshakes).await;
            let flow = Flow { transport: peer.transport, source: peer.address, local };
            let input = made.map_or(HubInput::Failed(peer), |link| HubInput::Made { flow, link });
            let _ = shared.own.send(input).await;
        });
    }

    /// The shard may be waiting on us, so it is told by another task.
    fn unreachable(&self, shard: usize, destination: Destination) {
        if let Some(shard) = self.shared.shards.get(shard).cloned() {
            tokio::spawn(async move {
                let _ = shard.first.send(ShardInput::Unreachable(destination)).await;
            });
        }
    }

    fn accepted(&mut self, flow: Flow, link: Link) {
        let is_taken = link::is_gateways(flow, &self.shared.carriers);
        if is_taken {
            // Else our calls would go over a connection whose certificate nobody checked.
            return self.shared.gate.dropped(flow.source, Peek::Noise, "it has the address of a gateway");
        }
        self.open(flow, link);
    }

    fn open(&mut self, flow: Flow, link: Link) {
        let gate = &self.shared.gate;
        let source = (!gate.is_trunk(flow)).then(|| sip::network_of(flow.source.ip()));
        let shaking = link.is_shaking();
        if !(self.make_room(source) && (!shaking || self.make_room_for_handshake(source))) {
            // Dropping the link closes it.
            return self.shared.gate.dropped(flow.source, Peek::Noise, "too many connections");
        }
        self.last_serial += 1;
        let serial = self.last_serial;
        let peer = Peer { transport: flow.transport, address: flow.source };
        let (writer, waiting) = mpsc::channel(WAITING);
        // A trunk has nothing to prove.
        let useful = source.is_none();
        let until = Instant::now() + if useful { USEFUL_TIME } else { UNPROVEN_TIME };
        self.connections.insert(peer, Known { serial, writer, source, useful, shaking, until });
        let connection = Connection { peer, flow, serial, shared: self.shared.clone() };
        let own = self.shared.own.clone();
        tokio::spawn(async move {
            connection.run(link, waiting).await;
            let _ = own.send(HubInput::Closed { peer, serial }).await;
        });
    }
}

impl Hub {
    /// Closes what has rested too long.
    fn sweep(&mut self) {
        let now = Instant::now();
        self.connections.retain(|_, known| known.until > now);
    }

    /// Makes room for one more connection of `source`; false when there is none to be made.
    fn make_room(&mut self, source: Option<IpAddr>) -> bool {
        let of_source = |known: &Known| source.is_some() && known.source == source;
        let all = self.connections.values().filter(|known| of_source(known)).count();
        let unproven = self.connections.values().filter(|known| of_source(known) && !known.useful).count();
        if unproven >= UNPROVEN_SHARE || all >= SHARE {
            return self.evict(|known| of_source(known) && !known.useful);
        }
        if self.connections.len() < MAX_CONNECTIONS {
            return true;
        }
        // A trunk comes before the device that has rested longest.
        self.evict_of_greediest(|known| !known.useful)
            || source.is_none() && self.evict(|known| known.source.is_some())
    }

    /// The same for one more handshake.
    fn make_room_for_handshake(&mut self, source: Option<IpAddr>) -> bool {
        let of_source = |known: &Known| known.shaking && source.is_some() && known.source == source;
        if self.connections.values().filter(|known| of_source(known)).count() >= SHAKING_SHARE {
            return self.evict(of_source);
        }
        let all = self.connections.values().filter(|known| known.shaking).count();
        all < MAX_SHAKING || self.evict_of_greediest(|known| known.shaking)
    }

    /// Closes one of those that `may` go, of the source that has most of them; false when there is none.
    fn evict_of_greediest(&mut self, may: impl Fn(&Known) -> bool) -> bool {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for known in self.connections.values().filter(|known| may(known)) {
            if let Some(source) = known.source {
                *counts.entry(source).or_default() += 1;
            }
        }
        let greediest = counts.into_iter().max_by_key(|(_, count)| *count).map(|(source, _)| source);
        greediest.is_some() && self.evict(|known| may(known) && known.source == greediest)
    }

    /// Closes the connection among those that `may` go whose time ends first; false when there is none.
    fn evict(&mut self, may: impl Fn(&Known) -> bool) -> bool {
        let candidates = self.connections.iter().filter(|(_, known)| may(known));
        let first = candidates.min_by_key(|(_, known)| known.until).map(|(peer, _)| *peer);
        first.is_some_and(|peer| self.connections.remove(&peer).is_some())
    }
}

/// A message of ours that shows that its receiver is of use: a request (it is registered or in a call), or an answer
/// that only those get who may call or register. OPTIONS is answered to everybody.
fn earns(bytes: &[u8]) -> bool {
    let Some(answer) = bytes.strip_prefix(b"SIP/2.0 ") else { return true };
    let is_of_use = answer.first() == Some(&b'2') || answer.starts_with(b"18");
    let mut lines = bytes.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    is_of_use && !lines.any(|line| line.starts_with(b"CSeq:") && line.ends_with(b"OPTIONS"))
}
