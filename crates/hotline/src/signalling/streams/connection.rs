//! One connection: what it reads goes to the shards, what the hub gives it is written.

use std::io;
use std::time::Duration;

use sip::{Flow, Frame, Framer, Message, Peek};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::link::{self, Link};
use super::{HubInput, Peer, Shaken, Shared, Side};
use crate::signalling::gate::Lane;
use crate::signalling::shard::ShardInput;
use crate::signalling::shard_of_call;

/// How long a connection may take for one message, or for its first, and before that for its handshake.
pub(super) const MESSAGE_TIME: Duration = Duration::from_secs(10);
/// How soon a source without a permit asks for one again.
const PERMIT_PAUSE: Duration = Duration::from_millis(50);
/// How long the refusal of a broken stream may take on its way out.
const GOOD_BYE: Duration = Duration::from_millis(500);

pub(super) struct Connection {
    pub(super) peer: Peer,
    /// From whom, and by what address of ours.
    pub(super) flow: Flow,
    pub(super) serial: u64,
    pub(super) shared: Shared,
}

impl Connection {
    /// Until the peer closes, breaks the framing, dawdles over a message, or does not read.
    pub(super) async fn run(mut self, link: Link, mut waiting: mpsc::Receiver<Vec<u8>>) {
        match link {
            Link::Plain(stream) => {
                let _ = stream.set_nodelay(true);
                self.talk(stream.into_split(), waiting).await;
            }
            Link::Messages(socket) => self.exchange(socket, waiting).await,
            Link::Secure(stream) => self.talk(tokio::io::split(*stream), waiting).await,
            Link::Shaking(stream, server) => {
                let _ = stream.set_nodelay(true);
                let Some(stream) = self.shake(link::shake(stream, server), &mut waiting).await else {
                    return;
                };
                let certified = &self.shared.certified;
                let _shown = link::certificate(&stream).map(|it| certified.show(self.flow, it));
                self.talk(tokio::io::split(stream), waiting).await;
            }
        }
    }

    /// The handshake, which costs a permit as a REGISTER does.
    async fn shake<S>(
        &mut self,
        shaking: impl Future<Output = io::Result<S>>,
        waiting: &mut mpsc::Receiver<Vec<u8>>,
    ) -> Option<S> {
        let is_trunk = self.shared.gate.is_trunk(self.flow);
        let kind = if is_trunk { Peek::Invite } else { Peek::Register };
        let shaking = async {
            self.wait_for_permit(kind).await;
            shaking.await
        };
        let mut stopped = self.shared.stopped.clone();
        let shaken = tokio::select! {
            shaken = timeout(MESSAGE_TIME, shaking) => shaken.ok(),
            // Nothing is sent before its end: the hub closed the connection.
            _ = waiting.recv() => None,
            _ = stopped.changed() => None,
        };
        let (outcome, stream) = match shaken {
            Some(Ok(stream)) => (Shaken::Done, Some(stream)),
            Some(Err(error)) => {
                let Flow { source, local, .. } = self.flow;
                tracing::debug!(%source, %local, %error, "a TLS handshake failed");
                (Shaken::Failed, None)
            }
            None => (Shaken::Late, None),
        };
        self.shared.handshakes.count(Side::Peer, outcome);
        if stream.is_some() {
            let secured = HubInput::Secured { peer: self.peer, serial: self.serial };
            self.shared.own.send(secured).await.ok()?;
        }
        stream
    }

    async fn talk<R, W>(&mut self, (mut reader, mut writer): (R, W), mut waiting: mpsc::Receiver<Vec<u8>>)
    where
        R: AsyncRead + Unpin,
        W: AsyncWrite + Unpin,
    {
        let mut framer = Framer::new();
        let mut buffer = vec![0; 8_192];
        let mut deadline = Some(Instant::now() + MESSAGE_TIME);
        let mut stopped = self.shared.stopped.clone();
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
                    let Ok(Ok(())) = timeout(MESSAGE_TIME, write(&mut writer, &message)).await else { return };
                }
                _ = stopped.changed() => return say_good_bye(&mut writer, &mut waiting).await,
            }
        }
    }

    /// Hands on what is whole; false when the stream is broken.
    async fn frames(&self, framer: &mut Framer, writer: &mut (impl AsyncWrite + Unpin)) -> bool {
        let flow = self.flow;
        while let Some(frame) = framer.poll_frame() {
            let (shard, kind, input, whole) = match frame {
                Frame::Ping => {
                    if write(writer, b"\r\n").await.is_err() {
                        return false;
                    }
                    self.is_alive();
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
            if !self.hand_on(shard, kind, input).await || !whole {
                return false;
            }
        }
        true
    }

    /// Hands a message to its shard, once its source has a permit; false when the shell stopped.
    pub(super) async fn hand_on(&self, shard: usize, kind: Peek, input: ShardInput) -> bool {
        let Some(shard) = self.shared.shards.get(shard) else { return false };
        let lane = self.wait_for_permit(kind).await;
        shard.lane(lane).send(input).await.is_ok()
    }

    /// Waits until the source's budget has a permit again; the connection is not read meanwhile.
    async fn wait_for_permit(&self, kind: Peek) -> Lane {
        loop {
            match self.shared.gate.lane(self.flow, kind) {
                Ok(lane) => return lane,
                Err(_) => tokio::time::sleep(PERMIT_PAUSE).await,
            }
        }
    }

    pub(super) fn shard_of(&self, message: &Message) -> usize {
        let call_id = message.headers().text("Call-ID").unwrap_or_default();
        shard_of_call(call_id.as_bytes(), self.shared.shards.len())
    }
}

/// Puts all of it on the wire: TLS keeps what was not flushed.
async fn write(writer: &mut (impl AsyncWrite + Unpin), bytes: &[u8]) -> io::Result<()> {
    writer.write_all(bytes).await?;
    writer.flush().await
}

/// Writes what is on its way, and that nothing follows, for a moment.
async fn say_good_bye(writer: &mut (impl AsyncWrite + Unpin), waiting: &mut mpsc::Receiver<Vec<u8>>) {
    let end = Instant::now() + GOOD_BYE;
    while let Ok(Some(message)) = timeout_at(end, waiting.recv()).await {
        if write(writer, &message).await.is_err() {
            return;
        }
    }
    // Whether the peer hears it changes nothing.
    let _ = timeout_at(end, writer.shutdown()).await;
}
