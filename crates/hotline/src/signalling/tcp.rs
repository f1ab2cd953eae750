//! TCP: one hub owns all connections; each connection has a task that reads and writes.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use sip::{Destination, Flow, Frame, Framer, Message, Peek, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::gate::{Gate, Lane, Lanes};
use super::shard::ShardInput;
use super::shard_of_call;

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
/// How long a connection may take for one message, or for its first.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// How long making a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(4);
/// How soon a source without a permit asks for one again.
const PERMIT_PAUSE: Duration = Duration::from_millis(50);
/// How long the refusal of a broken stream may take on its way out.
const GOOD_BYE: Duration = Duration::from_millis(500);

/// What the hub is told.
pub(super) enum HubInput {
    /// Send this, over the connection that there is, or over a new one.
    Send { shard: usize, destination: Destination, bytes: Vec<u8> },
    /// A connection was made, by us or by a peer who reached us at `local`.
    Connected { address: SocketAddr, local: SocketAddr, stream: TcpStream },
    /// A connection could not be made.
    Failed { address: SocketAddr },
    /// Say that you are alive.
    Life(oneshot::Sender<()>),
    /// A keep-alive came by a connection.
    Alive { address: SocketAddr, serial: u64 },
    /// A connection is gone; `serial` tells it from a later one with the same address.
    Closed { address: SocketAddr, serial: u64 },
}

struct Hub {
    own: mpsc::Sender<HubInput>,
    shards: Vec<Lanes>,
    stopped: watch::Receiver<bool>,
    gate: Arc<Gate>,
    connections: BTreeMap<SocketAddr, Known>,
    /// What waits for a connection that is being made.
    connecting: BTreeMap<SocketAddr, Vec<(usize, Destination, Vec<u8>)>>,
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
    /// It is closed then, unless it earns something before.
    until: Instant,
}

/// Accepts connections at one address until the shell stops.
pub(super) async fn accept(
    (listener, local): (TcpListener, SocketAddr),
    hub: mpsc::Sender<HubInput>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, address)) => {
                if hub.send(HubInput::Connected { address, local, stream }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting again at once would spin.
                tracing::warn!(%local, %error, "cannot accept SIP connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// Keeps and makes connections until the shell stops.
pub(super) async fn run(
    mut inputs: mpsc::Receiver<HubInput>,
    own: mpsc::Sender<HubInput>,
    shards: Vec<Lanes>,
    gate: Arc<Gate>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut sweep = tokio::time::interval(SWEEP_EVERY);
    let mut hub = Hub {
        own,
        gate,
        shards,
        stopped: stopped.clone(),
        connections: BTreeMap::new(),
        connecting: BTreeMap::new(),
        last_serial: 0,
    };
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
            HubInput::Connected { address, local, stream } => {
                self.open(address, local, stream);
                for (shard, destination, bytes) in self.connecting.remove(&address).unwrap_or_default() {
                    self.send_over(address, shard, destination, bytes);
                }
            }
            HubInput::Failed { address } => {
                for (shard, destination, _) in self.connecting.remove(&address).unwrap_or_default() {
                    self.unreachable(shard, destination);
                }
            }
            // Who asked may have gone.
            HubInput::Life(answer) => _ = answer.send(()),
            HubInput::Alive { address, serial } => {
                let known = self.connections.get_mut(&address);
                if let Some(known) = known.filter(|known| known.serial == serial && known.useful) {
                    known.until = Instant::now() + USEFUL_TIME;
                }
            }
            HubInput::Closed { address, serial } => {
                if self.connections.get(&address).is_some_and(|known| known.serial == serial) {
                    self.connections.remove(&address);
                    self.closed(address);
                }
            }
        }
    }

    /// Whoever registered over this connection is to be reached another way, or not at all. One shard passes that on to
    /// the registrar.
    fn closed(&self, address: SocketAddr) {
        if let Some(shard) = self.shards.first().cloned() {
            tokio::spawn(async move {
                let _ = shard.first.send(ShardInput::Closed(address)).await;
            });
        }
    }

    fn send(&mut self, shard: usize, destination: Destination, bytes: Vec<u8>) {
        let otherwise = destination.otherwise.unwrap_or(destination.address);
        let known = [destination.address, otherwise].into_iter().find(|to| self.connections.contains_key(to));
        match known {
            Some(address) => self.send_over(address, shard, destination, bytes),
            None => self.connect(otherwise, shard, destination, bytes),
        }
    }

    fn send_over(&mut self, address: SocketAddr, shard: usize, destination: Destination, bytes: Vec<u8>) {
        let earns = earns(&bytes);
        let sent = self.connections.get_mut(&address).is_some_and(|known| {
            if earns {
                (known.useful, known.until) = (true, Instant::now() + USEFUL_TIME);
            }
            known.writer.try_send(bytes).is_ok()
        });
        if !sent {
            // A peer that does not read is as good as gone.
            self.connections.remove(&address);
            self.unreachable(shard, destination);
        }
    }

    fn connect(&mut self, address: SocketAddr, shard: usize, destination: Destination, bytes: Vec<u8>) {
        if self.connections.len() + self.connecting.len() >= MAX_CONNECTIONS {
            return self.unreachable(shard, destination);
        }
        let waiting = self.connecting.entry(address).or_default();
        waiting.push((shard, destination, bytes));
        match waiting.len() {
            1 => {}
            2..=WAITING => return,
            _ => {
                waiting.pop();
                return self.unreachable(shard, destination);
            }
        }
        let (own, local) = (self.own.clone(), destination.local);
        tokio::spawn(async move {
            let made = timeout(CONNECT_TIME, TcpStream::connect(address)).await;
            let input = match made {
                Ok(Ok(stream)) => HubInput::Connected { address, local, stream },
                Ok(Err(_)) | Err(_) => HubInput::Failed { address },
            };
            let _ = own.send(input).await;
        });
    }

    /// The shard may be waiting on us, so it is told by another task.
    fn unreachable(&self, shard: usize, destination: Destination) {
        if let Some(shard) = self.shards.get(shard).cloned() {
            tokio::spawn(async move {
                let _ = shard.first.send(ShardInput::Unreachable(destination)).await;
            });
        }
    }

    fn open(&mut self, address: SocketAddr, local: SocketAddr, stream: TcpStream) {
        let source = (!self.gate.is_trunk(address)).then(|| sip::network_of(address.ip()));
        if !self.make_room(source) {
            // Dropping the stream closes it.
            return self.gate.dropped(address, Peek::Noise, "too many connections");
        }
        self.last_serial += 1;
        let serial = self.last_serial;
        let (writer, waiting) = mpsc::channel(WAITING);
        // A trunk has nothing to prove.
        let useful = source.is_none();
        let until = Instant::now() + if useful { USEFUL_TIME } else { UNPROVEN_TIME };
        self.connections.insert(address, Known { serial, writer, source, useful, until });
        let connection = Connection {
            address,
            local,
            serial,
            shards: self.shards.clone(),
            gate: Arc::clone(&self.gate),
            hub: self.own.clone(),
        };
        let (own, stopped) = (self.own.clone(), self.stopped.clone());
        tokio::spawn(async move {
            connection.run(stream, waiting, stopped).await;
            let _ = own.send(HubInput::Closed { address, serial }).await;
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
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for known in self.connections.values().filter(|known| !known.useful) {
            if let Some(source) = known.source {
                *counts.entry(source).or_default() += 1;
            }
        }
        let greediest = counts.into_iter().max_by_key(|(_, count)| *count).map(|(source, _)| source);
        let evicted = greediest.is_some() && self.evict(|known| !known.useful && known.source == greediest);
        // A trunk comes before the device that has rested longest.
        evicted || source.is_none() && self.evict(|known| known.source.is_some())
    }

    /// Closes the connection among those that `may` go whose time ends first; false when there is none.
    fn evict(&mut self, may: impl Fn(&Known) -> bool) -> bool {
        let candidates = self.connections.iter().filter(|(_, known)| may(known));
        let first = candidates.min_by_key(|(_, known)| known.until).map(|(address, _)| *address);
        first.is_some_and(|address| self.connections.remove(&address).is_some())
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

struct Connection {
    address: SocketAddr,
    /// By what the peer reaches us.
    local: SocketAddr,
    serial: u64,
    shards: Vec<Lanes>,
    gate: Arc<Gate>,
    hub: mpsc::Sender<HubInput>,
}

impl Connection {
    /// Until the peer closes, breaks the framing, dawdles over a message, or does not read.
    async fn run(
        self,
        stream: TcpStream,
        mut waiting: mpsc::Receiver<Vec<u8>>,
        mut stopped: watch::Receiver<bool>,
    ) {
        let _ = stream.set_nodelay(true);
        let (mut reader, mut writer) = stream.into_split();
        let mut framer = Framer::new();
        let mut buffer = vec![0; 8_192];
        let mut deadline = Some(Instant::now() + MESSAGE_TIME);
        loop {
            let limit = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
            tokio::select! {
                read = timeout_at(limit, reader.read(&mut buffer)) => {
                    let Ok(Ok(length @ 1..)) = read else { return };
                    framer.push(buffer.get(..length).unwrap_or(&[]));
                    if !self.frames(&mut framer, &mut writer).await {
                        return say_good_bye(&mut writer, &mut waiting).await;
                    }
                    deadline = match (framer.is_mid_message(), deadline) {
                        (false, _) => None,
                        (true, Some(deadline)) => Some(deadline),
                        (true, None) => Some(Instant::now() + MESSAGE_TIME),
                    };
                }
                message = waiting.recv() => {
                    let Some(message) = message else { return };
                    // Whom we have something to say to needs not speak first.
                    deadline = deadline.filter(|_| framer.is_mid_message());
                    let Ok(Ok(())) = timeout(MESSAGE_TIME, writer.write_all(&message)).await else { return };
                }
                _ = stopped.changed() => return say_good_bye(&mut writer, &mut waiting).await,
            }
        }
    }

    /// Hands on what is whole; false when the stream is broken.
    async fn frames(&self, framer: &mut Framer, writer: &mut tokio::net::tcp::OwnedWriteHalf) -> bool {
        let flow = Flow { transport: Transport::Tcp, source: self.address, local: self.local };
        while let Some(frame) = framer.poll_frame() {
            let (shard, kind, input, whole) = match frame {
                Frame::Ping => {
                    if writer.write_all(b"\r\n").await.is_err() {
                        return false;
                    }
                    // A full hub hears the next one.
                    let _ = self.hub.try_send(HubInput::Alive { address: self.address, serial: self.serial });
                    continue;
                }
                Frame::Message(message) => {
                    let shard = self.shard_of(&message);
                    let kind = message.peek();
                    (shard, kind, ShardInput::Message { flow, message: Box::new(message) }, true)
                }
                Frame::Broken(malformed) => {
                    (0, Peek::Noise, ShardInput::Malformed { flow, malformed: Box::new(malformed) }, false)
                }
            };
            let Some(shard) = self.shards.get(shard) else { return false };
            let lane = self.wait_for_permit(flow, kind).await;
            if shard.lane(lane).send(input).await.is_err() || !whole {
                return false;
            }
        }
        true
    }

    /// Waits until the source's budget has a permit again; the connection is not read meanwhile.
    async fn wait_for_permit(&self, flow: Flow, kind: Peek) -> Lane {
        loop {
            match self.gate.lane(flow, kind) {
                Ok(lane) => return lane,
                Err(_) => tokio::time::sleep(PERMIT_PAUSE).await,
            }
        }
    }

    fn shard_of(&self, message: &Message) -> usize {
        let call_id = message.headers().text("Call-ID").unwrap_or_default();
        shard_of_call(call_id.as_bytes(), self.shards.len())
    }
}

/// Writes what is on its way, for a moment.
async fn say_good_bye(writer: &mut tokio::net::tcp::OwnedWriteHalf, waiting: &mut mpsc::Receiver<Vec<u8>>) {
    let end = Instant::now() + GOOD_BYE;
    while let Ok(Some(message)) = timeout_at(end, waiting.recv()).await {
        if writer.write_all(&message).await.is_err() {
            return;
        }
    }
}
