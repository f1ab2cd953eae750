//! A connection of messages: each that comes is one of SIP, and so is each that goes (RFC 7118 section 5).

use std::time::Duration;

use sip::{Peek, parse_datagram};
use tokio::sync::mpsc;
use tokio::time::{Instant, timeout, timeout_at};

use super::HubInput;
use super::connection::{Connection, MESSAGE_TIME};
use crate::signalling::shard::ShardInput;

impl Connection {
    /// Until the peer closes, says what is no SIP, says nothing at first, or does not listen.
    pub(super) async fn exchange(&mut self, mut socket: api::Opened, mut waiting: mpsc::Receiver<Vec<u8>>) {
        let mut deadline = Some(Instant::now() + MESSAGE_TIME);
        let mut stopped = self.shared.stopped.clone();
        loop {
            let limit = deadline.unwrap_or_else(|| Instant::now() + Duration::from_secs(86_400));
            tokio::select! {
                heard = timeout_at(limit, socket.incoming.recv()) => {
                    let Ok(Some(bytes)) = heard else { return };
                    deadline = None;
                    if bytes.iter().all(u8::is_ascii_whitespace) {
                        // A keep-alive of RFC 5626, which some clients send here too.
                        self.is_alive();
                        if socket.outgoing.try_send("\r\n".into()).is_err() {
                            return;
                        }
                    } else if !self.message(&bytes).await {
                        return;
                    }
                }
                message = waiting.recv() => {
                    let Some(message) = message else { return };
                    deadline = None;
                    if super::earns(&message) {
                        socket.vouch.is_of_use();
                    }
                    let sent = timeout(MESSAGE_TIME, socket.outgoing.send(message.into())).await;
                    let Ok(Ok(())) = sent else { return };
                }
                _ = stopped.changed() => return,
            }
        }
    }

    /// Hands a message on; false when it was none.
    async fn message(&self, bytes: &[u8]) -> bool {
        let flow = self.flow;
        let (shard, kind, input, is_whole) = match parse_datagram(bytes) {
            Ok(message) => {
                let message = Box::new(message);
                (self.shard_of(&message), message.peek(), ShardInput::Message { flow, message }, true)
            }
            Err(malformed) => {
                let malformed = Box::new(malformed);
                (0, Peek::Noise, ShardInput::Malformed { flow, malformed }, false)
            }
        };
        self.hand_on(shard, kind, input).await && is_whole
    }

    /// The hub hears that the peer is there.
    pub(super) fn is_alive(&self) {
        // A full hub hears the next one.
        let _ = self.shared.own.try_send(HubInput::Alive { peer: self.peer, serial: self.serial });
    }
}
