//! The phones: a process of its own that sends the audio of all legs, spread over the 20 ms as real phones
//! are, and checks what comes back.
//!
//! Each payload carries the moment at which it was sent, whose it is, and its number. What comes back must
//! come from the port of the other leg of the same call, unchanged and in order. The moment of arrival is
//! the kernel's, so that a slow reader adds nothing to the delay.

use std::io::{BufRead, Write};
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::time::{Duration, Instant, SystemTime};

use udp::{Arrived, Batch};

/// Sockets that the phones share: the side under test sees addresses, not processes.
const SOCKETS: usize = 8;
/// Phones that stand in a row on one socket, so that their packets go out together.
const ROW: usize = 16;
const PAYLOAD: usize = 160;
const HEADER: usize = 12;
const FRAME_NS: u64 = 20_000_000;
/// Delays are counted by the microsecond up to here.
const LONGEST_US: usize = 200_000;

/// Which socket a phone uses.
pub(crate) fn socket_of(phone: usize) -> usize {
    phone / ROW % SOCKETS
}

/// What a run gave.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outcome {
    pub(crate) sent: u64,
    pub(crate) received: u64,
    /// Came from elsewhere, changed, or out of order.
    pub(crate) wrong: u64,
    /// Delay in microseconds: median, 99 %, 99.9 %, the longest.
    pub(crate) delay_us: [u64; 4],
    /// Deviation of the spacing from 20 ms in microseconds, the same figures.
    pub(crate) spacing_us: [u64; 4],
    /// The furthest that the generator itself fell behind, in microseconds.
    pub(crate) behind_us: u64,
}

impl Outcome {
    pub(crate) fn print(&self) -> String {
        let join = |figures: [u64; 4]| figures.map(|figure| figure.to_string()).join(" ");
        let (delay, spacing) = (join(self.delay_us), join(self.spacing_us));
        format!("{} {} {} {delay} {spacing} {}", self.sent, self.received, self.wrong, self.behind_us)
    }

    pub(crate) fn read(line: &str) -> Option<Outcome> {
        let figures: Vec<u64> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>().ok()?;
        let four = |at: usize| figures.get(at..at + 4)?.try_into().ok();
        Some(Outcome {
            sent: *figures.first()?,
            received: *figures.get(1)?,
            wrong: *figures.get(2)?,
            delay_us: four(3)?,
            spacing_us: four(7)?,
            behind_us: *figures.get(11)?,
        })
    }
}

/// The body of the process: tells its ports, reads the legs' ports, runs, tells the outcome. `talk`: false
/// for phones that only listen.
pub(crate) fn run(seconds: u64, talk: bool) -> Result<(), Box<dyn std::error::Error>> {
    udp::make_room_for_files(crate::FILES);
    udp::pin_to_core(1);
    udp::hurry();
    let sockets: Vec<UdpSocket> =
        (0..SOCKETS).map(|_| UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))).collect::<Result<_, _>>()?;
    for socket in &sockets {
        udp::prepare(socket, 4 << 20)?;
    }
    let ports: Vec<String> =
        sockets.iter().map(|s| Ok(s.local_addr()?.port().to_string())).collect::<std::io::Result<_>>()?;
    println!("{}", ports.join(" "));
    std::io::stdout().flush()?;
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let legs: Vec<u16> = line.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let outcome = Phones::new(sockets, legs).converse(seconds, talk);
    println!("{}", outcome.print());
    Ok(())
}

struct Phones {
    sockets: Vec<UdpSocket>,
    legs: Vec<u16>,
    phone_of_port: Vec<usize>,
    /// The next number expected at each phone, and when the last packet came.
    next: Vec<u32>,
    last: Vec<u64>,
    inbox: Batch,
    outbox: Batch,
    delays: Histogram,
    spacings: Histogram,
    outcome: Outcome,
}

impl Phones {
    fn new(sockets: Vec<UdpSocket>, legs: Vec<u16>) -> Phones {
        let mut phone_of_port = vec![usize::MAX; 65_536];
        legs.iter().enumerate().for_each(|(phone, port)| phone_of_port[usize::from(*port)] = phone);
        if legs.first() == legs.last() {
            // One port for all: only the payload tells whom a packet is for.
            phone_of_port.fill(usize::MAX);
        }
        Phones {
            sockets,
            phone_of_port,
            next: vec![0; legs.len()],
            last: vec![0; legs.len()],
            legs,
            inbox: Batch::new(64),
            outbox: Batch::new(ROW),
            delays: Histogram::new(),
            spacings: Histogram::new(),
            outcome: Outcome::default(),
        }
    }

    fn converse(mut self, seconds: u64, talk: bool) -> Outcome {
        let (began, phones) = (Instant::now(), self.legs.len() as u64);
        let nanoseconds = || began.elapsed().as_nanos() as u64;
        let total = if talk { seconds * 50 * phones } else { 0 };
        let mut number = 0;
        while number < total || nanoseconds() < seconds * 1_000_000_000 {
            let now = nanoseconds();
            // Packet `number` is phone `number % phones`' next and due at its place in the 20 ms.
            let due = now * phones / FRAME_NS;
            if number < total.min(due) {
                let late = now.saturating_sub(number * FRAME_NS / phones) / 1000;
                self.outcome.behind_us = self.outcome.behind_us.max(late);
                let row = ROW as u64 - number % phones % ROW as u64;
                let count = (due.min(total) - number).min(row).min(phones - number % phones);
                self.send(number, count);
                number += count;
            } else {
                std::thread::sleep(Duration::from_micros(100));
            }
            self.receive();
        }
        // What is still under way.
        let until = nanoseconds() + 200_000_000;
        while nanoseconds() < until {
            self.receive();
            std::thread::sleep(Duration::from_millis(1));
        }
        self.outcome.delay_us = self.delays.figures();
        self.outcome.spacing_us = self.spacings.figures();
        self.outcome
    }

    fn send(&mut self, number: u64, count: u64) {
        let phones = self.legs.len() as u64;
        let first = (number % phones) as usize;
        let frame = (number / phones) as u32;
        let now = since_1970();
        for phone in first..first + count as usize {
            let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, self.legs[phone]);
            self.outbox.put(to, |room| {
                fill(room.first_chunk_mut()?, phone, frame, now);
                Some(HEADER + PAYLOAD)
            });
        }
        let sent = self.outbox.send(&self.sockets[socket_of(first)]);
        self.outcome.sent += sent as u64;
    }

    fn receive(&mut self) {
        for socket in 0..self.sockets.len() {
            loop {
                let more = self.inbox.receive(&self.sockets[socket]);
                for Arrived { bytes: datagram, source, at_ns: arrived } in self.inbox.arrived() {
                    let known = self.phone_of_port[usize::from(source.port())];
                    let phone = if known == usize::MAX { addressee(datagram) } else { known };
                    let judged = judge(datagram, phone, &mut self.next);
                    if let Some(last) = self.last.get_mut(phone) {
                        if *last > 0 {
                            self.spacings.count((arrived.saturating_sub(*last)).abs_diff(FRAME_NS));
                        }
                        *last = arrived;
                    }
                    match judged {
                        Judged::Right(sent) => {
                            self.outcome.received += 1;
                            self.delays.count(arrived.saturating_sub(sent));
                        }
                        Judged::Ours => self.outcome.received += 1,
                        Judged::Wrong => self.outcome.wrong += 1,
                    }
                }
                if !more {
                    break;
                }
            }
        }
    }
}

enum Judged {
    /// The counterpart's next packet, sent at this time.
    Right(u64),
    /// Silence or a prompt, made by the side under test.
    Ours,
    Wrong,
}

/// The two legs of a call are neighbours.
fn fill(datagram: &mut [u8; HEADER + PAYLOAD], phone: usize, frame: u32, now: u64) {
    let phone = phone as u32;
    datagram[0] = 0x80;
    datagram[1] = 8;
    datagram[2..4].copy_from_slice(&(frame as u16).to_be_bytes());
    datagram[4..8].copy_from_slice(&(frame.wrapping_mul(160)).to_be_bytes());
    datagram[8..12].copy_from_slice(&(phone + 1).to_be_bytes());
    datagram[12..20].copy_from_slice(&now.to_be_bytes());
    datagram[20..24].copy_from_slice(&phone.to_be_bytes());
    datagram[24..28].copy_from_slice(&frame.to_be_bytes());
    datagram[28..].fill(0x55 ^ phone as u8);
}

/// Whom a packet is for, by what it says.
fn addressee(datagram: &[u8]) -> usize {
    let whose = datagram.get(20..24).and_then(|bytes| bytes.try_into().ok()).map(u32::from_be_bytes);
    whose.map_or(usize::MAX, |whose| (whose ^ 1) as usize)
}

fn judge(datagram: &[u8], phone: usize, next: &mut [u32]) -> Judged {
    let Some(payload) = datagram.get(HEADER..HEADER + PAYLOAD).filter(|_| datagram.len() == HEADER + PAYLOAD)
    else {
        return Judged::Wrong;
    };
    let word =
        |at: usize| u32::from_be_bytes([payload[at], payload[at + 1], payload[at + 2], payload[at + 3]]);
    let (whose, number) = (word(8), word(12));
    let other = (phone ^ 1) as u32;
    if payload[16..].iter().any(|byte| *byte != 0x55 ^ other as u8) || whose != other {
        // A voice of ours is neither this phone's nor anybody's.
        let foreign = payload[16..].windows(2).all(|pair| pair[0] == pair[1]) && payload[16] != 0xd5;
        return if foreign { Judged::Wrong } else { Judged::Ours };
    }
    let Some(expected) = next.get_mut(phone) else { return Judged::Wrong };
    if number < *expected {
        return Judged::Wrong;
    }
    *expected = number + 1;
    Judged::Right(u64::from(word(0)) << 32 | u64::from(word(4)))
}

fn since_1970() -> u64 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos() as u64)
}

struct Histogram {
    counts: Vec<u64>,
}

impl Histogram {
    fn new() -> Histogram {
        Histogram { counts: vec![0; LONGEST_US + 1] }
    }

    fn count(&mut self, nanoseconds: u64) {
        let at = (nanoseconds / 1000).min(LONGEST_US as u64) as usize;
        self.counts[at] += 1;
    }

    /// Median, 99 %, 99.9 % and the longest.
    fn figures(&self) -> [u64; 4] {
        let total: u64 = self.counts.iter().sum();
        [0.5, 0.99, 0.999, 1.0].map(|share| {
            let wanted = (total as f64 * share).ceil() as u64;
            let mut seen = 0;
            let found = self.counts.iter().position(|count| {
                seen += count;
                seen >= wanted
            });
            found.unwrap_or(0) as u64
        })
    }
}
