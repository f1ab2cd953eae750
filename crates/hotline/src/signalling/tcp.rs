//! TCP: one hub owns all connections; each connection has a task that reads and writes.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use sip::{Destination, Flow, Frame, Framer, Message, Transport};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::{Instant, timeout, timeout_at};

use super::shard::ShardInput;
use super::shard_of_call;

/// The most connections; further ones are closed at once.
const MAX_CONNECTIONS: usize = 4_096;
/// Messages that may wait for a slow reader; beyond that its connection is closed.
const WAITING: usize = 256;
/// How long a connection may take for one message, or for its first.
const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// How long making a connection may take.
const CONNECT_TIME: Duration = Duration::from_secs(4);
/// How long the refusal of a broken stream may take on its way out.
const GOOD_BYE: Duration = Duration::from_millis(500);

/// What the hub is told.
pub(super) enum HubInput {
    /// Send this, over the connection that there is, or over a new one.
    Send { shard: usize, destination: Destination, bytes: Vec<u8> },
    /// A connection was made.
    Connected { address: SocketAddr, stream: TcpStream },
    /// A connection could not be made.
    Failed { address: SocketAddr },
    /// A connection is gone; `serial` tells it from a later one with the same address.
    Closed { address: SocketAddr, serial: u64 },
}

struct Hub {
    own: mpsc::Sender<HubInput>,
    shards: Vec<mpsc::Sender<ShardInput>>,
    stopped: watch::Receiver<bool>,
    connections: BTreeMap<SocketAddr, (u64, mpsc::Sender<Vec<u8>>)>,
    /// What waits for a connection that is being made.
    connecting: BTreeMap<SocketAddr, Vec<(usize, Destination, Vec<u8>)>>,
    last_serial: u64,
}

/// Accepts and makes connections until the shell stops.
pub(super) async fn run(
    listener: TcpListener,
    mut inputs: mpsc::Receiver<HubInput>,
    own: mpsc::Sender<HubInput>,
    shards: Vec<mpsc::Sender<ShardInput>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut hub = Hub {
        own,
        shards,
        stopped: stopped.clone(),
        connections: BTreeMap::new(),
        connecting: BTreeMap::new(),
        last_serial: 0,
    };
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, address)) => hub.open(address, stream),
                Err(error) => {
                    // Out of file descriptors, most likely: accepting again at once would spin.
                    tracing::warn!(%error, "cannot accept SIP connections");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
            Some(input) = inputs.recv() => hub.handle(input),
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
            HubInput::Connected { address, stream } => {
                self.open(address, stream);
                for (shard, destination, bytes) in self.connecting.remove(&address).unwrap_or_default() {
                    self.send_over(address, shard, destination, bytes);
                }
            }
            HubInput::Failed { address } => {
                for (shard, destination, _) in self.connecting.remove(&address).unwrap_or_default() {
                    self.unreachable(shard, destination);
                }
            }
            HubInput::Closed { address, serial } => {
                if self.connections.get(&address).is_some_and(|(known, _)| *known == serial) {
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
                let _ = shard.send(ShardInput::Closed(address)).await;
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
        let sent = self.connections.get(&address).is_some_and(|(_, writer)| writer.try_send(bytes).is_ok());
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
        let own = self.own.clone();
        tokio::spawn(async move {
            let made = timeout(CONNECT_TIME, TcpStream::connect(address)).await;
            let input = match made {
                Ok(Ok(stream)) => HubInput::Connected { address, stream },
                Ok(Err(_)) | Err(_) => HubInput::Failed { address },
            };
            let _ = own.send(input).await;
        });
    }

    /// The shard may be waiting on us, so it is told by another task.
    fn unreachable(&self, shard: usize, destination: Destination) {
        if let Some(shard) = self.shards.get(shard).cloned() {
            tokio::spawn(async move {
                let _ = shard.send(ShardInput::Unreachable(destination)).await;
            });
        }
    }

    fn open(&mut self, address: SocketAddr, stream: TcpStream) {
        if self.connections.len() >= MAX_CONNECTIONS {
            tracing::warn!(%address, "SIP connection refused: too many");
            return;
        }
        self.last_serial += 1;
        let serial = self.last_serial;
        let (writer, waiting) = mpsc::channel(WAITING);
        self.connections.insert(address, (serial, writer));
        let connection = Connection { address, shards: self.shards.clone() };
        let (own, stopped) = (self.own.clone(), self.stopped.clone());
        tokio::spawn(async move {
            connection.run(stream, waiting, stopped).await;
            let _ = own.send(HubInput::Closed { address, serial }).await;
        });
    }
}

struct Connection {
    address: SocketAddr,
    shards: Vec<mpsc::Sender<ShardInput>>,
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
        let flow = Flow { transport: Transport::Tcp, source: self.address };
        while let Some(frame) = framer.poll_frame() {
            let (shard, input, whole) = match frame {
                Frame::Ping => {
                    if writer.write_all(b"\r\n").await.is_err() {
                        return false;
                    }
                    continue;
                }
                Frame::Message(message) => {
                    let shard = self.shard_of(&message);
                    (shard, ShardInput::Message { flow, message: Box::new(message) }, true)
                }
                Frame::Broken(malformed) => {
                    (0, ShardInput::Malformed { flow, malformed: Box::new(malformed) }, false)
                }
            };
            let Some(shard) = self.shards.get(shard) else { return false };
            if shard.send(input).await.is_err() || !whole {
                return false;
            }
        }
        true
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
