//! A media thread: sockets, orders and the 20 ms clock, in one loop that never waits for anything else.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use audio::g711::Law;
use audio::rtp::RtpPacket;
use crossbeam_channel::{Receiver, Sender, TryRecvError};
use model::{ClipId, LegId, MediaOp, MediaOrder, MediaReport, PlayId, PlayMode, RecordingSpec, RemoteMedia};

use crate::Map;
use crate::Settings;
use crate::clock::{Clock, TICK, samples};
use crate::counters::{Tally, add, shift};
use crate::leg::{Kind, LONGEST, Leg};
use crate::os::{Inbox, Poll, Waker};
use crate::outbox::Outbox;
use crate::player::Player;
use crate::ports::Ports;
use crate::recorder::Recorder;
use crate::tap::Channel;
use crate::writer::ToWriter;

/// What a thread is told.
#[derive(Debug)]
pub(crate) enum ToMedia {
    /// An order of the center.
    Order(MediaOrder),
    /// Close everything and end.
    Stop,
}

/// What a thread starts with.
#[derive(Debug)]
pub(crate) struct Setup {
    pub(crate) settings: Settings,
    pub(crate) ports: Ports,
    pub(crate) orders: Receiver<ToMedia>,
    pub(crate) waker: Arc<Waker>,
    pub(crate) reports: Sender<MediaReport>,
    pub(crate) rings: Vec<Sender<ToWriter>>,
    pub(crate) tally: Arc<Tally>,
}

/// A thread and all that it owns.
#[derive(Debug)]
pub(crate) struct Thread {
    settings: Settings,
    ports: Ports,
    orders: Receiver<ToMedia>,
    waker: Arc<Waker>,
    poll: Poll,
    /// Away only while its datagrams are handled.
    inbox: Option<Inbox>,
    clock: Clock,
    tick: u64,
    legs: Map<LegId, Leg>,
    recorder: Recorder,
    outbox: Outbox,
    tally: Arc<Tally>,
}

/// The token of the waker; no leg has it, for a leg's id is a positive `i64`.
const WAKER: u64 = u64::MAX;
/// Ticks made up for after a stall (200 ms); a longer one is a hole, for nobody wants old audio.
const CATCH_UP: u64 = 10;

impl Thread {
    pub(crate) fn new(setup: Setup) -> io::Result<Thread> {
        let Setup { settings, ports, orders, waker, reports, rings, tally } = setup;
        let poll = Poll::new()?;
        poll.watch(&*waker, WAKER)?;
        Ok(Thread {
            settings,
            ports,
            orders,
            waker,
            poll,
            inbox: Some(Inbox::new()),
            clock: Clock::new(),
            tick: 0,
            legs: Map::new(),
            recorder: Recorder::new(rings, tally.clone()),
            outbox: Outbox::new(reports, tally.clone()),
            tally,
        })
    }

    /// Works until it is told to stop.
    pub(crate) fn run(&mut self) {
        let mut ready = Vec::new();
        loop {
            if let Err(error) = self.poll.wait(self.clock.until_tick(self.tick), &mut ready) {
                tracing::error!(%error, "waiting for packets failed");
            }
            ready.iter().for_each(|token| self.handle_ready(*token));
            loop {
                match self.orders.try_recv() {
                    Ok(ToMedia::Order(order)) => self.handle_order(order),
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
        if token == WAKER {
            return self.waker.rearm();
        }
        let Some(id) = i64::try_from(token >> 1).ok().and_then(LegId::from_number) else { return };
        let Some(leg) = self.legs.get(&id) else { return };
        let control = token & 1 == 1;
        // The buffers leave the thread for as long as their datagrams are handled.
        let Some(mut inbox) = self.inbox.take() else { return };
        let count = inbox.receive(if control { &leg.pair.rtcp } else { &leg.pair.rtp });
        for (bytes, from) in inbox.datagrams(count) {
            if control {
                self.handle_rtcp(id, bytes, from);
            } else {
                self.handle_rtp(id, bytes, from);
            }
        }
        self.inbox = Some(inbox);
    }

    fn handle_rtcp(&mut self, id: LegId, datagram: &[u8], from: SocketAddr) {
        let now = self.clock.now();
        if let Some(leg) = self.legs.get_mut(&id) {
            leg.hear_rtcp(datagram, from, now);
        }
    }

    fn handle_rtp(&mut self, id: LegId, datagram: &[u8], from: SocketAddr) {
        let now = self.clock.now();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let judged = RtpPacket::parse(datagram)
            .ok()
            .and_then(|packet| leg.hear(&packet, from, now).map(|kind| (packet, kind)));
        let Some((packet, kind)) = judged else { return add(&self.tally.packets_ignored, 1) };
        add(&self.tally.packets_in, 1);
        let (recording, other) = (leg.recording, leg.other);
        if let Kind::Key(Some(digit)) = kind {
            self.outbox.push(MediaReport::Digit { leg: id, digit });
        }
        let mut decoded = [0; LONGEST];
        let speech = decode(&packet, kind, &mut decoded);
        if let Some(tap) = self.recorder.tap(recording) {
            match kind {
                Kind::Audio(_) => tap.packet(Channel::Left, &packet, speech, now),
                Kind::Key(_) => tap.key(Channel::Left, &packet, now),
                Kind::Unwanted => {}
            }
        }
        let Some(other) = other.and_then(|other| self.legs.get_mut(&other)) else { return };
        if other.player.is_none()
            && let Some(tap) = self.recorder.tap(other.recording)
        {
            match kind {
                Kind::Audio(_) => tap.packet(Channel::Right, &packet, speech, now),
                Kind::Key(_) => tap.key(Channel::Right, &packet, now),
                Kind::Unwanted => {}
            }
        }
        add(&self.tally.packets_out, u64::from(other.pass_on(&packet, kind, now)));
    }

    fn tick_when_due(&mut self) {
        let behind = (self.clock.now() / TICK).saturating_sub(self.tick);
        if behind > 1 {
            add(&self.tally.late_ticks, behind - 1);
        }
        if behind > CATCH_UP {
            self.tick += behind - CATCH_UP;
        }
        while self.clock.until_tick(self.tick).is_zero() {
            let clock = self.tick * TICK;
            self.tick += 1;
            self.tick_legs(clock);
        }
    }

    fn tick_legs(&mut self, clock: u64) {
        let (now, timeout) = (self.clock.now(), samples(self.settings.silence_timeout));
        let mut sent = 0;
        for (id, leg) in &mut self.legs {
            let ticked = leg.tick(clock);
            sent += ticked.sent;
            if let Some(samples) = ticked.samples
                && let Some(tap) = self.recorder.tap(leg.recording)
            {
                tap.own_frame(&samples, clock);
            }
            if let Some(player) = ticked.ended {
                let play = player.play;
                self.outbox.push(MediaReport::PlayEnded { leg: *id, play, finished: true });
            }
            let Some(link) = &mut leg.link else { continue };
            let direction = link.remote.direction;
            let quiet = now.saturating_sub(link.last_heard) >= timeout;
            if quiet && direction.receives() && !link.silence_told {
                link.silence_told = true;
                self.outbox.push(MediaReport::Silent { leg: *id, direction });
            }
            if now >= link.next_report {
                add(&self.tally.packets_lost, leg.report(now, ntp_now(), false));
            }
        }
        add(&self.tally.packets_out, sent);
        self.recorder.tick(now);
        self.outbox.send();
    }

    fn handle_order(&mut self, order: MediaOrder) {
        match order.op {
            MediaOp::Open { leg } => self.open(leg),
            MediaOp::Connect { leg, remote } => self.connect(leg, remote),
            MediaOp::Play { leg, play, clips, mode } => self.play(leg, play, clips, mode),
            MediaOp::StopPlay { leg } => self.stop_play(leg),
            MediaOp::Bridge { a, b } => self.bridge(a, b),
            MediaOp::Unbridge { leg } => self.unbridge(leg),
            MediaOp::SendDigit { leg, digit } => {
                let refused = self.legs.get_mut(&leg).is_some_and(|leg| !leg.press(digit));
                if refused {
                    tracing::warn!(%leg, "too many keys wait to be sent; one was dropped");
                }
            }
            MediaOp::Close { leg } => self.close(leg),
            MediaOp::StartRecording(spec) => self.start_recording(spec),
            MediaOp::StopRecording { recording } => {
                let legs = self.legs.values_mut().filter(|leg| leg.recording == Some(recording));
                legs.for_each(|leg| leg.recording = None);
                self.recorder.stop(recording, self.clock.now());
            }
        }
    }

    fn open(&mut self, id: LegId) {
        if self.legs.contains_key(&id) {
            return tracing::warn!(leg = %id, "a leg that is open was ordered to open");
        }
        let opened = self.ports.open(self.settings.bind_ip).and_then(|pair| {
            let token = (id.number() as u64) << 1;
            self.poll.watch(&pair.rtp, token)?;
            self.poll.watch(&pair.rtcp, token | 1)?;
            Ok(pair)
        });
        match opened {
            Ok(pair) => {
                let rtp = SocketAddr::new(self.settings.advertised_ip, pair.port);
                self.legs.insert(id, Leg::new(id, pair));
                shift(&self.tally.open_legs, 1);
                self.outbox.push(MediaReport::Opened { leg: id, rtp });
            }
            Err(error) => {
                self.outbox.push(MediaReport::OpenFailed { leg: id, why: error.to_string() });
            }
        }
    }

    fn connect(&mut self, id: LegId, remote: RemoteMedia) {
        let now = self.clock.now();
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let rests = !remote.direction.receives();
        leg.connect(remote, now);
        let (own, other) = (leg.recording, leg.other);
        if rests {
            self.rest(own, Channel::Left);
            let others = other.and_then(|other| self.legs.get(&other)?.recording);
            self.rest(others, Channel::Right);
        }
    }

    fn rest(&mut self, recording: Option<model::RecordingId>, channel: Channel) {
        if let Some(tap) = self.recorder.tap(recording) {
            tap.rest(channel);
        }
    }

    fn play(&mut self, id: LegId, play: PlayId, clips: Vec<ClipId>, mode: PlayMode) {
        self.stop_play(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let player = Player::new(&self.settings.prompts, play, clips, mode, leg.music.as_ref());
        leg.player = Some(player);
        let recording = leg.recording;
        self.rest(recording, Channel::Right);
    }

    fn stop_play(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(player) = leg.player.take() else { return };
        let play = player.play;
        leg.music = player.pause().or(leg.music.take());
        self.outbox.push(MediaReport::PlayEnded { leg: id, play, finished: false });
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        if a == b || !self.legs.contains_key(&a) || !self.legs.contains_key(&b) {
            return tracing::warn!(%a, %b, "a bridge needs two open legs of one call");
        }
        for (id, other) in [(a, b), (b, a)] {
            self.unbridge(id);
            self.stop_play(id);
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.other = Some(other);
            }
        }
    }

    fn unbridge(&mut self, id: LegId) {
        let Some(other) = self.legs.get_mut(&id).and_then(|leg| leg.other.take()) else { return };
        if let Some(other) = self.legs.get_mut(&other) {
            other.other = None;
        }
        for id in [id, other] {
            let recording = self.legs.get(&id).and_then(|leg| leg.recording);
            self.rest(recording, Channel::Right);
        }
    }

    fn close(&mut self, id: LegId) {
        self.stop_play(id);
        self.unbridge(id);
        let Some(mut leg) = self.legs.remove(&id) else { return };
        add(&self.tally.packets_lost, leg.report(self.clock.now(), ntp_now(), true));
        self.rest(leg.recording, Channel::Left);
        self.ports.close(leg.pair.port);
        shift(&self.tally.open_legs, -1);
    }

    fn start_recording(&mut self, spec: RecordingSpec) {
        let recording = spec.recording;
        let Some(leg) = self.legs.get_mut(&spec.leg) else {
            let why = "the leg to be recorded is gone".to_owned();
            return self.outbox.push(MediaReport::RecordingFailed { recording, why });
        };
        let before = leg.recording.replace(recording);
        let now = self.clock.now();
        if let Some(before) = before {
            self.recorder.stop(before, now);
        }
        self.recorder.start(spec, now);
    }
}

/// The audio of a packet as samples; empty when it holds none.
fn decode<'a>(packet: &RtpPacket<'_>, kind: Kind, samples: &'a mut [i16; LONGEST]) -> &'a [i16] {
    let law: Law = match kind {
        Kind::Audio(law) => law,
        Kind::Key(_) | Kind::Unwanted => return &[],
    };
    law.decode_into(packet.payload, samples);
    samples.get(..packet.payload.len()).unwrap_or_default()
}

/// Wall-clock time as RTCP writes it: seconds since 1900 in 32.32 bits.
fn ntp_now() -> u64 {
    const UNIX_EPOCH_IN_NTP: u64 = 2_208_988_800;
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let fraction = (u64::from(since.subsec_nanos()) << 32) / 1_000_000_000;
    since.as_secs().wrapping_add(UNIX_EPOCH_IN_NTP) << 32 | fraction
}
