//! What comes by UDP, and the closed ports that datagrams of ours met.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::Interest;
use tokio::net::UdpSocket;
use tokio::sync::watch;

use super::shard::ShardInput;
use super::{gate, shard_of_call};

/// Reads a socket until the shell stops.
pub(super) async fn read(
    (socket, local): (Arc<UdpSocket>, SocketAddr),
    (shards, gate): (Vec<gate::Lanes>, Arc<gate::Gate>),
    mut stopped: watch::Receiver<bool>,
) {
    let mut buffer = vec![0; 65_536];
    loop {
        let ready = tokio::select! {
            ready = socket.ready(Interest::READABLE | Interest::ERROR) => ready,
            _ = stopped.changed() => return,
        };
        if ready.is_ok_and(|ready| ready.is_error()) {
            hand_out_refusals((&socket, local), &shards);
        }
        let (length, source) = match socket.try_recv_from(&mut buffer) {
            Ok(received) => received,
            Err(error) => {
                // Else it is ICMP's word on something sent before; the socket goes on.
                if error.kind() != std::io::ErrorKind::WouldBlock {
                    hand_out_refusals((&socket, local), &shards);
                }
                continue;
            }
        };
        let bytes = buffer.get(..length).unwrap_or(&[]);
        let flow = sip::Flow { transport: sip::Transport::Udp, source, local };
        let kind = sip::peek(bytes);
        let lane = match gate.lane(flow, kind) {
            Ok(lane) => lane,
            Err(overdrawn) => {
                gate.dropped(source, kind, gate::reason(overdrawn));
                continue;
            }
        };
        let shard = shard_of_call(sip::peek_call_id(bytes).unwrap_or(b""), shards.len());
        let input = ShardInput::Datagram { flow, bytes: bytes.to_vec() };
        if shards.get(shard).is_some_and(|shard| shard.lane(lane).try_send(input).is_err()) {
            gate.dropped(source, kind, "signalling is overloaded");
        }
    }
}

/// Tells the shards of closed ports that datagrams of ours met: whatever waits for an answer from there waits in vain.
fn hand_out_refusals((socket, local): (&UdpSocket, SocketAddr), shards: &[gate::Lanes]) {
    let found = socket.try_io(Interest::ERROR, || {
        while let Some(address) = udp::next_refusal(socket) {
            let transport = sip::Transport::Udp;
            let destination = sip::Destination { transport, local, address, otherwise: None };
            for shard in shards {
                // Without room there, timers see to it.
                let _ = shard.first.try_send(ShardInput::Unreachable(destination));
            }
        }
        // The queue is empty: the socket is to be ready again with the next error.
        Err::<(), _>(std::io::ErrorKind::WouldBlock.into())
    });
    debug_assert!(found.is_err(), "the queue was emptied");
}
