//! One address that sends as much as it can: requests without a password, and RTP at every port of the center's.

use std::net::{SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::{Center, wait_for};

/// Where it comes from: this machine, and no trunk's address.
const SOURCE: [u8; 4] = [127, 0, 7, 1];
/// Messages of each kind that are sent at once, each [`PAUSE`]: 3,000 a second.
const AT_ONCE: usize = 30;
const PAUSE: Duration = Duration::from_millis(10);

/// A running flood; over when dropped.
#[derive(Debug)]
pub struct Flood {
    over: Arc<AtomicBool>,
    sent: Arc<[AtomicU64; 2]>,
    threads: Vec<JoinHandle<()>>,
}

impl Flood {
    /// Begins to flood a center.
    pub fn begin(center: &Center) -> Flood {
        let (over, sent) =
            (Arc::new(AtomicBool::new(false)), Arc::new([AtomicU64::new(0), AtomicU64::new(0)]));
        let sip: SocketAddr = center.sip().parse().expect("an address");
        let rtp = center.rtp_ports();
        let mut flood = Flood { over, sent, threads: Vec::new() };
        flood.send(0, move |from, number| (sip, request(from, number)));
        flood.send(1, move |_, number| (port(&rtp, number), packet(number)));
        flood
    }

    /// Waits until so many requests and so many RTP packets were sent.
    pub fn wait_for(&self, count: u64) {
        wait_for("the flood", || {
            self.sent.iter().all(|sent| sent.load(Ordering::Relaxed) >= count).then_some(())
        });
    }

    fn send(
        &mut self,
        kind: usize,
        message: impl Fn(SocketAddr, usize) -> (SocketAddr, Vec<u8>) + Send + 'static,
    ) {
        let (over, sent) = (Arc::clone(&self.over), Arc::clone(&self.sent));
        let socket = UdpSocket::bind((std::net::Ipv4Addr::from(SOURCE), 0)).expect("a port is free");
        let from = socket.local_addr().expect("it is bound");
        self.threads.push(std::thread::spawn(move || {
            let mut number = 0;
            while !over.load(Ordering::Relaxed) {
                for _ in 0..AT_ONCE {
                    let (to, bytes) = message(from, number);
                    // Closed ports are told to the sender; it goes on.
                    let _ = socket.send_to(&bytes, to);
                    number += 1;
                }
                sent[kind].store(number as u64, Ordering::Relaxed);
                std::thread::sleep(PAUSE);
            }
        }));
    }
}

impl Drop for Flood {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| _ = thread.join());
    }
}

/// A request that begins something, without credentials.
fn request(from: SocketAddr, number: usize) -> Vec<u8> {
    let method = ["INVITE", "REGISTER", "OPTIONS"][number % 3];
    format!(
        "{method} sip:8000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP {from};branch=z9hG4bKflood{number};rport\r\n\
         From: <sip:1001@flood>;tag=f\r\nTo: <sip:8000@127.0.0.1>\r\nCall-ID: flood-{number}\r\n\
         CSeq: 1 {method}\r\nContact: <sip:a@{from}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    .into_bytes()
}

/// The even ports in turn.
fn port(range: &RangeInclusive<u16>, number: usize) -> SocketAddr {
    let ports: Vec<u16> = range.clone().step_by(2).collect();
    SocketAddr::from(([127, 0, 0, 1], ports[number % ports.len()]))
}

/// 20 ms of noise in A-law, as a stream of one source.
fn packet(number: usize) -> Vec<u8> {
    let (sequence, timestamp) = ((number as u16).to_be_bytes(), (number as u32 * 160).to_be_bytes());
    let mut packet = [&[0x80, 8], &sequence[..], &timestamp, &[0xf1, 0x00, 0xd0, 0x0d]].concat();
    packet.extend((0..160_usize).map(|at| (at * 73 + number * 31) as u8));
    packet
}
