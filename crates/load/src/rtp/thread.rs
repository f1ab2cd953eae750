//! One thread of phones.

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddrV4;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use audio::rtp::RtpPacket;
use crossbeam_channel::{Receiver, Sender, TryRecvError, TrySendError};
use udp::{Batch, DATAGRAM};
use udp::{Poll, Timer, Waker, hurry, pin_to_core};

use super::super::leg::{Leg, Packet, Talk};
use super::super::voices::Voices;
use super::{Layout, Order, Port, Report, ThreadFigures};

/// Datagrams a system call.
const BATCH: usize = 64;
/// The length of a turn, in microseconds.
const TURN_US: u64 = 1_000;
/// Turns in a frame of 20 ms: a port sends in one of them.
const TURNS: u64 = 20;
/// Batches that one port, and looks at all ports, that one turn has time for: a flood must not stop what is due.
const BATCHES: usize = 16;
const ROUNDS: usize = 256;
const TIMER: u64 = 0;
const WAKER: u64 = 1;

/// Where orders come from.
pub(super) struct Ears {
    pub(super) orders: Receiver<Order>,
    pub(super) waker: Arc<Waker>,
}

/// Where reports go, in order; kept while there is no room.
pub(super) struct Mouth {
    reports: Sender<Report>,
    kept: VecDeque<Report>,
    listener: Arc<Waker>,
}

impl Mouth {
    pub(super) fn new(reports: Sender<Report>, listener: Arc<Waker>) -> Mouth {
        Mouth { reports, kept: VecDeque::new(), listener }
    }

    fn say(&mut self, report: Report) {
        self.kept.push_back(report);
    }

    fn flush(&mut self) {
        let some = !self.kept.is_empty();
        while let Some(report) = self.kept.pop_front() {
            if let Err(TrySendError::Full(report)) = self.reports.try_send(report) {
                self.kept.push_front(report);
                break;
            }
        }
        if some {
            self.listener.wake();
        }
    }
}

/// The thread's own.
pub(super) struct Thread {
    layout: Layout,
    voices: Arc<Voices>,
    ports: Vec<Port>,
    /// By slot; a port has `phones_per_port` neighbours.
    phones: Vec<Option<Leg>>,
    /// By port and the peer's address.
    by_source: BTreeMap<(usize, SocketAddrV4), usize>,
    /// By the time to leave and a number of its own.
    delayed: BTreeMap<(u64, u64), Delayed>,
    delays: u64,
    ears: Ears,
    mouth: Mouth,
    wakes: Poll,
    timer: Timer,
    sockets: Poll,
    clock: Clock,
    turn: u64,
    inbox: Batch,
    outbox: Batch,
    figures: ThreadFigures,
}

struct Delayed {
    slot: usize,
    leg: u32,
    packet: Packet,
}

impl Thread {
    pub(super) fn new(
        (layout, voices): (Layout, Arc<Voices>),
        phones: usize,
        ports: Vec<Port>,
        ears: Ears,
        mouth: Mouth,
    ) -> io::Result<Thread> {
        let (wakes, sockets) = (Poll::new()?, Poll::new()?);
        // Before the timer, so that it never comes before the turn that it is for.
        let clock = Clock { began: Instant::now(), began_unix_us: layout.began_unix_us };
        let timer = Timer::every(Duration::from_micros(TURN_US))?;
        wakes.watch(&timer, TIMER)?;
        wakes.watch(&*ears.waker, WAKER)?;
        for (token, port) in (0..).zip(&ports) {
            sockets.watch(&port.rtp, token)?;
        }
        Ok(Thread {
            layout,
            voices,
            ports,
            phones: (0..phones).map(|_| None).collect(),
            by_source: BTreeMap::new(),
            delayed: BTreeMap::new(),
            delays: 0,
            ears,
            mouth,
            wakes,
            timer,
            sockets,
            clock,
            turn: 0,
            inbox: Batch::new(BATCH),
            outbox: Batch::new(BATCH),
            figures: ThreadFigures::default(),
        })
    }

    /// Works until the orders end.
    pub(super) fn run(mut self, nth: usize) -> ThreadFigures {
        if self.layout.pinned {
            // A center's media threads begin at the last core.
            pin_to_core(nth + 1);
        }
        // A packet that waits for its own phone's turn must not count as the system's delay.
        hurry();
        let mut ready = Vec::new();
        loop {
            if self.wakes.wait(Duration::from_millis(20), &mut ready).is_err() {
                break;
            }
            self.timer.rearm();
            self.ears.waker.rearm();
            if !self.take_orders() {
                break;
            }
            self.send_what_is_due();
            self.receive(&mut ready);
            self.mouth.flush();
        }
        self.mouth.flush();
        self.figures
    }

    /// False when there will be no more.
    fn take_orders(&mut self) -> bool {
        loop {
            match self.ears.orders.try_recv() {
                Ok(Order::Talk { slot, talk }) => self.talk(slot, talk),
                Ok(Order::Press { slot, leg, keys }) => {
                    if let Some(phone) = self.phone(slot, leg) {
                        keys.into_iter().for_each(|key| phone.press(key));
                    }
                }
                Ok(Order::Close { slot, leg }) => self.close(slot, leg),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
    }

    fn phone(&mut self, slot: usize, leg: u32) -> Option<&mut Leg> {
        self.phones.get_mut(slot)?.as_mut().filter(|phone| phone.id() == leg)
    }

    fn port_of(&self, slot: usize) -> usize {
        slot / self.layout.phones_per_port
    }

    fn talk(&mut self, slot: usize, talk: Talk) {
        let port = self.port_of(slot);
        if let Some(old) = self.phone(slot, talk.leg).map(|phone| phone.remote()) {
            self.by_source.remove(&(port, old));
        }
        let before = self.by_source.insert((port, talk.remote), slot);
        self.figures.crowded += u64::from(before.is_some_and(|other| other != slot));
        match self.phone(slot, talk.leg) {
            Some(phone) => phone.change(talk),
            None => {
                let leg = Leg::new(talk, self.layout.run, self.layout.weather);
                if let Some(place) = self.phones.get_mut(slot) {
                    *place = Some(leg);
                }
            }
        }
    }

    fn close(&mut self, slot: usize, leg: u32) {
        let port = self.port_of(slot);
        let place =
            self.phones.get_mut(slot).filter(|place| place.as_ref().is_some_and(|phone| phone.id() == leg));
        let Some(mut phone) = place.and_then(Option::take) else { return };
        self.by_source.remove(&(port, phone.remote()));
        self.delayed.retain(|_, delayed| {
            let theirs = delayed.leg != leg;
            if !theirs {
                phone.give_up(&delayed.packet);
            }
            theirs
        });
        self.mouth.say(Report::Closed(Box::new(phone.close())));
    }

    fn send_what_is_due(&mut self) {
        let now = self.clock.monotonic_us();
        self.figures.durations.behind.count(now.saturating_sub(self.turn * TURN_US));
        while self.turn * TURN_US <= now {
            let ports = self.ports.len();
            let first = usize::try_from(self.turn % TURNS).unwrap_or(0);
            (first..ports).step_by(TURNS as usize).for_each(|port| self.send_port(port, now));
            self.turn += 1;
        }
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let Delayed { slot, packet, .. } = entry.remove();
            self.put(slot, &packet);
            self.flush(self.port_of(slot));
        }
    }

    /// The next packet of every phone on a port.
    fn send_port(&mut self, port: usize, now: u64) {
        let slots = port * self.layout.phones_per_port..(port + 1) * self.layout.phones_per_port;
        for slot in slots {
            let Some(phone) = self.phones.get_mut(slot).and_then(Option::as_mut) else { continue };
            let leg = phone.id();
            match phone.next_packet() {
                Some(packet) if packet.late_us == 0 => self.put(slot, &packet),
                Some(packet) => {
                    self.delays += 1;
                    self.delayed.insert((now + packet.late_us, self.delays), Delayed { slot, leg, packet });
                }
                None => {}
            }
            if self.outbox.is_full() {
                self.flush(port);
            }
        }
        self.flush(port);
    }

    fn put(&mut self, slot: usize, packet: &Packet) {
        let now = self.clock.stamp_us();
        let Some(phone) = self.phones.get_mut(slot).and_then(Option::as_mut) else { return };
        let remote = phone.remote();
        self.outbox.put(remote, |datagram| phone.print(packet, now, &self.voices, datagram));
    }

    fn flush(&mut self, port: usize) {
        let waiting = self.outbox.waiting();
        if let Some(port) = self.ports.get(port) {
            self.figures.unsent += (waiting - self.outbox.send(&port.rtp)) as u64;
        }
    }

    fn receive(&mut self, ready: &mut Vec<u64>) {
        for _ in 0..ROUNDS {
            if self.sockets.wait(Duration::ZERO, ready).is_err() || ready.is_empty() {
                return;
            }
            for token in &*ready {
                self.receive_port(usize::try_from(*token).unwrap_or(usize::MAX));
            }
        }
    }

    fn receive_port(&mut self, port: usize) {
        let Some(Port { rtp, .. }) = self.ports.get(port) else { return };
        for _ in 0..BATCHES {
            let more = self.inbox.receive(rtp);
            for arrived in self.inbox.arrived() {
                let slot = self.by_source.get(&(port, arrived.source));
                let Some(phone) = slot.and_then(|slot| self.phones.get_mut(*slot)?.as_mut()) else {
                    self.figures.strays += 1;
                    continue;
                };
                let mut room = [0; DATAGRAM];
                let Some(datagram) = phone.open(arrived.bytes, &mut room) else {
                    self.figures.not_authentic += 1;
                    continue;
                };
                let Ok(packet) = RtpPacket::parse(datagram) else {
                    self.figures.strays += 1;
                    continue;
                };
                let arrived_us = self.clock.of_unix_ns(arrived.at_ns);
                let durations = &mut self.figures.durations;
                if let Some(whose) = phone.hear(&packet, arrived_us, &self.voices, durations) {
                    self.mouth.say(Report::Heard { leg: phone.id(), whose });
                }
            }
            if !more {
                return;
            }
        }
    }
}

/// Turns go by monotonic time; stamps by the clock of 1970, which is the one that the kernel times arrivals by.
struct Clock {
    began: Instant,
    began_unix_us: u64,
}

impl Clock {
    fn monotonic_us(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_micros()).unwrap_or(u64::MAX)
    }

    /// Microseconds since the run began, for stamps.
    fn stamp_us(&self) -> u64 {
        since_1970_us().saturating_sub(self.began_unix_us)
    }

    fn of_unix_ns(&self, nanoseconds: u64) -> u64 {
        (nanoseconds / 1000).saturating_sub(self.began_unix_us)
    }
}

/// The clock that the kernel times arrivals by.
pub(crate) fn since_1970_us() -> u64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_micros()).unwrap_or(u64::MAX)
}
