//! A media thread: sockets, orders and the 20 ms clock, in one loop that never waits for anything else.

mod arriving;
mod hearing;
mod orders;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use archive::{Buffer, ToWriter};
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use model::{AudioReport, CallId, LegId, MediaOrder, MediaReport, Shortage};
use udp::{Poll, Timer, Waker, run_delay};

use crate::clock::{Clock, TICK, TICK_TIME, from_microseconds, samples};
use crate::conference::Conference;
use crate::counters::{Tally, add, shift};
use crate::ear::{Frame, LONGEST};
use crate::encodings::Encodings;
use crate::leg::{DATAGRAM, Leg};
use crate::outbox::Outbox;
use crate::ports::Ports;
use crate::prompts::Shelf;
use crate::recorder::Recorder;
use crate::settings::Settings;
use crate::strain::Strain;

/// A message to a media thread.
#[derive(Debug)]
pub(crate) enum ToMedia {
    /// An order of the center.
    Order(MediaOrder),
    /// Answer, as a sign of life.
    Ping(Sender<()>),
    /// Close everything and end.
    Stop,
}

/// What a thread starts with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) index: usize,
    pub(crate) settings: Settings,
    pub(crate) shelf: Arc<Shelf>,
    pub(crate) ports: Ports,
    pub(crate) orders: Receiver<ToMedia>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) reports: Sender<MediaReport>,
    pub(crate) rings: Vec<Sender<ToWriter>>,
    pub(crate) spares: Receiver<Buffer>,
    pub(crate) tally: Arc<Tally>,
}

/// A thread and all that it owns.
#[derive(Debug)]
pub(crate) struct Thread {
    index: usize,
    settings: Settings,
    shelf: Arc<Shelf>,
    ports: Ports,
    orders: Receiver<ToMedia>,
    waker: Arc<Waker>,
    poll: Poll,
    clock: Clock,
    timer: Timer,
    /// The clock when the thread last woke: datagrams that were waiting together have one time of arrival.
    now: u64,
    tick: u64,
    strain: Strain,
    /// The last judgement of [`Strain`].
    busy: bool,
    /// The shortage that was reported last.
    lacks: Option<Shortage>,
    /// Legs that got no port since this was last logged, and when that was.
    unported: u64,
    unported_told: Option<u64>,
    room: Room,
    legs: BTreeMap<LegId, Leg>,
    /// Legs with an ear, which are heard once a tick.
    listeners: Vec<LegId>,
    /// Legs whose peers send packets of another length since the last tick.
    respaced: Vec<LegId>,
    /// The conferences of calls; a call has at most one.
    conferences: BTreeMap<CallId, Conference>,
    encodings: Encodings,
    recorder: Recorder,
    outbox: Outbox,
    tally: Arc<Tally>,
}

/// Buffers that every packet passes through, so that none is allocated or cleared for a packet.
#[derive(Debug)]
pub(crate) struct Room {
    datagram: Box<[u8; DATAGRAM]>,
    samples: Box<[i16; LONGEST]>,
    frame: Box<Frame>,
    pub(crate) outgoing: Box<[u8; DATAGRAM]>,
}

/// The tokens of the waker and the timer; no leg has them, for a leg's id is a positive `i64`.
const WAKER: u64 = u64::MAX;
const TIMER: u64 = u64::MAX - 1;
/// The most ticks that are made up for after a stall (200 ms); after a longer stall the rest is a hole, because old
/// audio is of no use.
const CATCH_UP: u64 = 10;
/// Packets taken from a socket that is about to be closed (1 s).
const MOST_WAITING: usize = 50;
/// The timer ends every wait long before.
const LONGEST_WAIT: std::time::Duration = std::time::Duration::from_secs(1);

impl Thread {
    pub(crate) fn new(setup: Setup) -> io::Result<Thread> {
        let Setup { index, settings, shelf, ports, orders, waker, reports, rings, spares, tally } = setup;
        let poll = Poll::new()?;
        poll.watch(&*waker, WAKER)?;
        let clock = Clock::new();
        let timer = Timer::every(TICK_TIME)?;
        poll.watch(&timer, TIMER)?;
        Ok(Thread {
            index,
            settings,
            shelf,
            ports,
            orders,
            waker,
            poll,
            clock,
            timer,
            now: 0,
            tick: 0,
            strain: Strain::default(),
            busy: false,
            lacks: None,
            unported: 0,
            unported_told: None,
            room: Room {
                datagram: Box::new([0; DATAGRAM]),
                samples: Box::new([0; LONGEST]),
                frame: Box::default(),
                outgoing: Box::new([0; DATAGRAM]),
            },
            legs: BTreeMap::new(),
            listeners: Vec::new(),
            respaced: Vec::new(),
            conferences: BTreeMap::new(),
            encodings: Encodings::default(),
            recorder: Recorder::new(rings, spares, tally.recordings.clone()),
            outbox: Outbox::new(reports, tally.clone()),
            tally,
        })
    }

    /// Works until it gets [`ToMedia::Stop`].
    pub(crate) fn run(&mut self) {
        let mut ready = Vec::new();
        loop {
            let before = self.clock.microseconds();
            if let Err(error) = self.poll.wait(LONGEST_WAIT, &mut ready) {
                tracing::error!(%error, "waiting for packets failed");
            }
            let after = self.clock.microseconds();
            self.strain.waited(after.saturating_sub(before));
            self.now = from_microseconds(after);
            ready.iter().for_each(|token| self.handle_ready(*token));
            loop {
                match self.orders.try_recv() {
                    Ok(ToMedia::Order(order)) => self.handle_order(order),
                    // The channel has room for the one answer; the asker may have gone.
                    Ok(ToMedia::Ping(answer)) => _ = answer.try_send(()),
                    Ok(ToMedia::Stop) | Err(TryRecvError::Disconnected) => return self.stop(),
                    Err(TryRecvError::Empty) => break,
                }
            }
            self.tick_when_due();
        }
    }

    fn stop(&mut self) {
        let legs: Vec<LegId> = self.legs.keys().copied().collect();
        legs.into_iter().for_each(|leg| self.close(leg));
        self.recorder.finish(self.clock.now());
        self.outbox.send();
    }

    fn handle_ready(&mut self, token: u64) {
        match token {
            WAKER => return self.waker.rearm(),
            TIMER => return self.timer.rearm(),
            _ => {}
        }
        let Some(id) = i64::try_from(token >> 1).ok().and_then(LegId::from_number) else { return };
        let Some(leg) = self.legs.get_mut(&id) else { return };
        // One datagram a turn: a leg rarely has two, and if it has, the next poll names it again.
        if token & 1 == 1 {
            if let Ok((length, from)) = leg.pair.rtcp.recv_from(&mut *self.room.datagram) {
                let datagram = self.room.datagram.get_mut(..length).unwrap_or_default();
                if !leg.hear_rtcp(datagram, from, self.now, ntp_now()) {
                    add(&self.tally.packets_forged, 1);
                }
            }
        } else if let Ok((length, from)) = leg.receive(&mut *self.room.datagram) {
            self.handle_rtp(id, length, from);
        }
    }

    fn tick_when_due(&mut self) {
        let behind = (self.now / TICK).saturating_sub(self.tick);
        if behind > 1 {
            add(&self.tally.late_ticks, behind - 1);
        }
        if behind > CATCH_UP {
            self.tick += behind - CATCH_UP;
        }
        while self.tick * TICK <= self.now {
            let clock = self.tick * TICK;
            self.tick += 1;
            self.strain.ticked((self.now - clock) * 125);
            self.tick_legs(clock);
        }
    }

    fn tick_legs(&mut self, clock: u64) {
        let (now, timeout) = (self.now, samples(self.settings.silence_timeout));
        let one_way = samples(self.settings.one_way_after);
        self.equip_respaced();
        let mut sent = self.listen(clock);
        for (id, leg) in &mut self.legs {
            let ticked = leg.tick(clock, &mut self.encodings, &mut self.room.outgoing);
            sent += ticked.sent;
            if let Some(samples) = ticked.samples
                && let Some(tap) = self.recorder.tap(leg.recording)
            {
                tap.own_frame(&samples, clock);
            }
            if let Some(player) = ticked.ended {
                let play = player.play;
                self.outbox.push(MediaReport::Leg(*id, AudioReport::PlayEnded { play, finished: true }));
            }
            leg.loosen(now);
            if leg.poll_one_way(now, one_way) {
                add(&self.tally.one_way, 1);
                self.outbox.push(MediaReport::Leg(*id, AudioReport::OneWay));
            }
            let Some(link) = &mut leg.link else { continue };
            let direction = link.remote.direction;
            if link.poll_silent(now, timeout) {
                self.outbox.push(MediaReport::Leg(*id, AudioReport::Silent { direction }));
            }
            if now >= link.next_report {
                add(&self.tally.packets_lost, leg.report(now, ntp_now(), false));
            }
        }
        add(&self.tally.packets_out, sent);
        self.recorder.tick(now);
        if self.strain.is_due(now * 125) {
            self.strain.starved(run_delay() / 1000);
        }
        if let Some(busy) = self.strain.poll_change(now * 125, self.legs.len()) {
            self.busy = busy;
        }
        self.report_strain();
        self.outbox.send();
    }

    /// Reports what the thread lacks for more calls, when that changed.
    fn report_strain(&mut self) {
        let busy = self.busy.then_some(Shortage::Time);
        let lacks = if self.ports.are_used_up() { Some(Shortage::RtpPorts) } else { busy };
        let before = std::mem::replace(&mut self.lacks, lacks);
        if lacks == before {
            return;
        }
        shift(&self.tally.strained, i64::from(lacks.is_some()) - i64::from(before.is_some()));
        let (thread, legs) = (self.index, self.legs.len());
        match lacks {
            Some(Shortage::RtpPorts) => tracing::warn!(
                thread,
                legs,
                pairs = self.ports.count(),
                "a media thread has no room for more calls: its RTP ports are used up (ports in [rtp] of hotline.toml)"
            ),
            Some(Shortage::Time | Shortage::OpenFiles) => {
                tracing::warn!(thread, legs, "a media thread has no room for more calls: it is too busy")
            }
            None => tracing::info!(thread, "a media thread has room for more calls again"),
        }
        self.outbox.push(MediaReport::Strain { thread, lacks });
    }
}

/// Wall-clock time as RTCP writes it: seconds since 1900 in 32.32 bits.
fn ntp_now() -> u64 {
    const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    since.as_secs().wrapping_add(UNIX_EPOCH_IN_NTP) << 32 | fraction
}
