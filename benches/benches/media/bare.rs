//! The bare loop: receives, forwards and appends the same bytes, and knows nothing else. What it costs is the
//! floor for anybody.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use udp::Poll;
use udp::{Batch, DATAGRAM};

/// How sockets are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Design {
    /// A port per leg, connected to its peer, level-triggered, one receive and one send a packet.
    Connected,
    /// The same with sockets that hear everybody.
    PortPerLeg,
    /// A port per leg, edge-triggered, emptied by recvmmsg.
    PortPerLegMany,
    /// One port for all legs, recvmmsg and sendmmsg; legs told apart by whom they hear.
    OnePort,
}

/// Bytes written at once: 400 ms of two channels.
const BLOCK: usize = 12_800;

/// A running loop.
pub(crate) struct Bare {
    pub(crate) ports: Vec<u16>,
    stop: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

struct Leg {
    socket: UdpSocket,
    peer: SocketAddrV4,
}

struct Recording {
    file: File,
    buffer: Vec<u8>,
    written: u64,
}

impl Bare {
    /// Starts with the peers of all legs; neighbours are bridged.
    pub(crate) fn start(design: Design, peers: Vec<SocketAddrV4>, dir: &Path) -> std::io::Result<Bare> {
        let recordings = (0..peers.len().div_ceil(2))
            .map(|call| {
                let file = File::create(dir.join(format!("bare-{call}.raw")))?;
                Ok(Recording { file, buffer: Vec::with_capacity(BLOCK + DATAGRAM), written: 0 })
            })
            .collect::<std::io::Result<Vec<_>>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = stop.clone();
        let leg = |peer: &SocketAddrV4| {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
            socket.set_nonblocking(true)?;
            if design == Design::Connected {
                socket.connect(peer)?;
            }
            Ok(Leg { socket, peer: *peer })
        };
        let legs: Vec<Leg> = peers.iter().map(leg).collect::<std::io::Result<_>>()?;
        let port = |leg: usize| {
            Ok(legs[if design == Design::OnePort { 0 } else { leg }].socket.local_addr()?.port())
        };
        let ports = (0..legs.len()).map(port).collect::<std::io::Result<_>>()?;
        let run = move || {
            udp::pin_to_core(0);
            // As a media thread does.
            udp::hurry();
            match design {
                Design::Connected | Design::PortPerLeg => {
                    one_by_one(&legs, recordings, &stopped, design == Design::Connected);
                }
                Design::PortPerLegMany => many(&legs, recordings, &stopped),
                Design::OnePort => shared(&legs, recordings, &stopped),
            }
        };
        let thread = std::thread::Builder::new().name("bare".to_owned()).spawn(run)?;
        Ok(Bare { ports, stop, thread })
    }

    pub(crate) fn stop(self) {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.join().expect("the bare loop ends");
    }
}

/// The longest that a loop waits for a packet before it looks whether it is to stop.
const LONGEST_WAIT: Duration = Duration::from_millis(20);

fn poll() -> Poll {
    Poll::new().expect("an epoll can be made")
}

fn wait(poll: &Poll, ready: &mut Vec<u64>) {
    poll.wait(LONGEST_WAIT, ready).expect("an epoll can be waited for");
}

fn one_by_one(legs: &[Leg], mut recordings: Vec<Recording>, stop: &AtomicBool, connected: bool) {
    let poll = poll();
    for (token, leg) in legs.iter().enumerate() {
        poll.watch(&leg.socket, token as u64).expect("a socket can be watched");
    }
    let mut ready = Vec::new();
    let mut bytes = [0; DATAGRAM];
    while !stop.load(Ordering::Relaxed) {
        wait(&poll, &mut ready);
        for from in ready.iter().map(|token| *token as usize) {
            if let Ok((length, _)) = legs[from].socket.recv_from(&mut bytes) {
                let to = &legs[from ^ 1];
                // A packet that cannot leave is lost, and is seen to be.
                let _ = if connected {
                    to.socket.send(&bytes[..length])
                } else {
                    to.socket.send_to(&bytes[..length], to.peer)
                };
                recordings[from / 2].append(&bytes[..length]);
            }
        }
    }
}

fn many(legs: &[Leg], mut recordings: Vec<Recording>, stop: &AtomicBool) {
    let poll = poll();
    for (token, leg) in legs.iter().enumerate() {
        poll.watch_arrivals(&leg.socket, token as u64).expect("a socket can be watched");
    }
    let mut ready = Vec::new();
    let mut batch = Batch::new(4);
    while !stop.load(Ordering::Relaxed) {
        wait(&poll, &mut ready);
        for from in ready.iter().map(|token| *token as usize) {
            batch.receive(&legs[from].socket);
            for packet in batch.arrived() {
                let to = &legs[from ^ 1];
                let _ = to.socket.send_to(packet.bytes, to.peer);
                recordings[from / 2].append(packet.bytes);
            }
        }
    }
}

fn shared(legs: &[Leg], mut recordings: Vec<Recording>, stop: &AtomicBool) {
    let Some(Leg { socket, .. }) = legs.first() else { return };
    let poll = poll();
    poll.watch(socket, 0).expect("a socket can be watched");
    udp::prepare(socket, 4 << 20).expect("a socket can be given room");
    let mut ready = Vec::new();
    let mut batch = Batch::new(64);
    while !stop.load(Ordering::Relaxed) {
        wait(&poll, &mut ready);
        if ready.is_empty() {
            continue;
        }
        batch.receive(socket);
        batch.pass_on(socket, |bytes| {
            let ssrc = u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
            let from = ssrc as usize - 1;
            recordings[from / 2].append(bytes);
            legs[from ^ 1].peer
        });
    }
}

impl Recording {
    /// Each packet stands for 20 ms of one 16-bit channel: twice its payload.
    fn append(&mut self, packet: &[u8]) {
        let payload = &packet[12..];
        self.buffer.extend_from_slice(payload);
        self.buffer.extend_from_slice(payload);
        if self.buffer.len() >= BLOCK {
            self.file.write_all_at(&self.buffer, self.written).expect("the disk takes it");
            self.written += self.buffer.len() as u64;
            self.buffer.clear();
        }
    }
}
