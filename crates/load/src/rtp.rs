//! The phones' audio: threads of their own, sockets that several phones may share, batches of datagrams.
//!
//! A thread wakes every millisecond. It sends what is due, and takes what arrived since; arrivals are timed by
//! the kernel, so that a late reader adds nothing to a delay.

mod thread;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV4, UdpSocket};
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use udp::Waker;

use super::leg::{Durations, LegFigures, Talk};
use super::net::Weather;
use super::voices::Voices;
use thread::Thread;
pub(super) use thread::since_1970_us;

/// Bound of each channel. A thread that the signalling gets ahead of makes it wait; a signalling that reads too
/// late makes a thread keep its reports.
const CHANNEL: usize = 16_384;
/// Bytes asked for each of a socket's buffers.
pub(super) const SOCKET_ROOM: i32 = 1 << 20;

/// What signalling orders.
#[derive(Debug)]
pub(super) enum Order {
    /// Talk, or go on elsewhere when the leg talks already.
    Talk { slot: usize, talk: Talk },
    /// Send keys (RFC 4733 numbers).
    Press { slot: usize, leg: u32, keys: Vec<u8> },
    /// End, and report.
    Close { slot: usize, leg: u32 },
}

/// A report of an audio thread.
#[derive(Debug)]
pub(super) enum Report {
    /// The leg hears somebody.
    Heard { leg: u32, whose: u32 },
    /// The leg is closed.
    Closed(Box<LegFigures>),
}

/// The totals of an audio thread.
#[derive(Debug, Clone, Default)]
pub(super) struct ThreadFigures {
    pub(super) durations: Durations,
    /// Datagrams from addresses that no call expects: late ones of calls that ended, mostly.
    pub(super) strays: u64,
    /// Datagrams of encrypted calls that were not made with the call's key.
    pub(super) not_authentic: u64,
    /// Datagrams that the kernel did not take.
    pub(super) unsent: u64,
    /// Talks whose peer's address is another's on the same port.
    pub(super) crowded: u64,
}

/// How the phones are laid out.
#[derive(Debug, Clone, Copy)]
pub(super) struct Layout {
    pub(super) ip: IpAddr,
    pub(super) phones: usize,
    pub(super) threads: usize,
    pub(super) phones_per_port: usize,
    pub(super) weather: Weather,
    /// Marks this run's packets.
    pub(super) run: u32,
    /// What stamps count from, in microseconds since 1970.
    pub(super) began_unix_us: u64,
    pub(super) pinned: bool,
}

/// All phones' audio.
#[derive(Debug)]
pub(super) struct Phones {
    threads: Vec<Line>,
    addresses: Vec<SocketAddr>,
    pub(super) reports: Receiver<Report>,
}

/// The way to one thread.
#[derive(Debug)]
struct Line {
    orders: Sender<Order>,
    waker: Arc<Waker>,
    thread: JoinHandle<ThreadFigures>,
}

impl Phones {
    /// Binds all ports and starts the threads; `listener` is woken when there are reports.
    pub(super) fn start(layout: Layout, voices: Voices, listener: &Arc<Waker>) -> io::Result<Phones> {
        let voices = Arc::new(voices);
        let (sender, reports) = bounded(CHANNEL);
        let mut threads = Vec::new();
        let mut addresses: Vec<Vec<SocketAddr>> = vec![Vec::new(); layout.threads];
        for (nth, addresses) in addresses.iter_mut().enumerate() {
            let phones = (layout.phones + layout.threads - 1 - nth) / layout.threads;
            let ports = bind(layout.ip, phones.div_ceil(layout.phones_per_port))?;
            for phone in 0..phones {
                let port =
                    ports.get(phone / layout.phones_per_port).ok_or(io::ErrorKind::AddrNotAvailable)?;
                addresses.push(port.rtp.local_addr()?);
            }
            let (orders, receiver) = bounded(CHANNEL);
            let waker = Arc::new(Waker::new()?);
            let ears = thread::Ears { orders: receiver, waker: Arc::clone(&waker) };
            let mouth = thread::Mouth::new(sender.clone(), Arc::clone(listener));
            let thread = Thread::new((layout, Arc::clone(&voices)), phones, ports, ears, mouth)?;
            let name = format!("load-rtp-{nth}");
            let thread = std::thread::Builder::new().name(name).spawn(move || thread.run(nth))?;
            threads.push(Line { orders, waker, thread });
        }
        let deal = |phone: usize| addresses.get(phone % layout.threads)?.get(phone / layout.threads).copied();
        let addresses = (0..layout.phones).filter_map(deal).collect();
        Ok(Phones { threads, addresses, reports })
    }

    /// Where a phone receives.
    pub(super) fn address(&self, phone: usize) -> Option<SocketAddr> {
        self.addresses.get(phone).copied()
    }

    pub(super) fn talk(&self, phone: usize, talk: Talk) {
        self.order(phone, |slot| Order::Talk { slot, talk });
    }

    pub(super) fn press(&self, phone: usize, leg: u32, keys: Vec<u8>) {
        self.order(phone, |slot| Order::Press { slot, leg, keys });
    }

    pub(super) fn close(&self, phone: usize, leg: u32) {
        self.order(phone, |slot| Order::Close { slot, leg });
    }

    fn order(&self, phone: usize, order: impl FnOnce(usize) -> Order) {
        let threads = self.threads.len();
        let Some(line) = self.threads.get(phone % threads.max(1)) else { return };
        // A thread lives until its orders end; it takes them every millisecond.
        if line.orders.send(order(phone / threads.max(1))).is_ok() {
            line.waker.wake();
        }
    }

    /// Ends all threads. Returns their figures, and the reports that were not read yet.
    pub(super) fn stop(self) -> (ThreadFigures, Vec<Report>) {
        let mut all = ThreadFigures::default();
        for Line { orders, waker, thread } in self.threads {
            drop(orders);
            waker.wake();
            let figures = thread.join().unwrap_or_default();
            all.durations.delay.add(&figures.durations.delay);
            all.durations.spacing.add(&figures.durations.spacing);
            all.durations.behind.add(&figures.durations.behind);
            all.strays += figures.strays;
            all.not_authentic += figures.not_authentic;
            all.unsent += figures.unsent;
            all.crowded += figures.crowded;
        }
        (all, self.reports.try_iter().collect())
    }
}

/// A port and its neighbour for RTCP, which is bound so that no other program receives the reports for it.
#[derive(Debug)]
struct Port {
    rtp: UdpSocket,
    _rtcp: UdpSocket,
}

/// Tries for one pair: the system names free ports, half of them odd.
const TRIES: usize = 200;

fn bind(ip: IpAddr, count: usize) -> io::Result<Vec<Port>> {
    (0..count).map(|_| bind_pair(ip)).collect()
}

fn bind_pair(ip: IpAddr) -> io::Result<Port> {
    for _ in 0..TRIES {
        let rtp = UdpSocket::bind((ip, 0))?;
        let port = rtp.local_addr()?.port();
        if port % 2 == 0
            && let Ok(rtcp) = UdpSocket::bind((ip, port + 1))
        {
            udp::prepare(&rtp, SOCKET_ROOM)?;
            return Ok(Port { rtp, _rtcp: rtcp });
        }
    }
    Err(io::Error::new(io::ErrorKind::AddrInUse, "no free pair of ports for a phone"))
}

/// An IPv4 address; the generator speaks no other.
pub(super) fn v4(address: SocketAddr) -> Option<SocketAddrV4> {
    match address {
        SocketAddr::V4(address) => Some(address),
        SocketAddr::V6(_) => None,
    }
}
