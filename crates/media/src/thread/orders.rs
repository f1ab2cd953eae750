//! What the center orders: ports, peers, plays, bridges, recordings.

use std::io;
use std::net::{IpAddr, SocketAddr};

use model::{
    AudioReport, ClipId, Kept, LegId, MediaOp, MediaOrder, MediaReport, PlayId, PlayMode, RecordingReport,
    RecordingSpec, RemoteMedia, Shortage,
};

use super::{MOST_WAITING, Thread, ntp_now};
use crate::channel::Channel;
use crate::counters::{add, shift};
use crate::leg::Leg;
use crate::player::Player;

/// Samples of a second.
const SECOND: u64 = 8_000;

impl Thread {
    pub(super) fn handle_order(&mut self, order: MediaOrder) {
        match order.op {
            MediaOp::Open { leg, on } => self.open(leg, on),
            MediaOp::Connect { leg, remote } => self.connect(leg, remote),
            MediaOp::Play { leg, play, clips, mode } => self.play(leg, play, clips, mode),
            MediaOp::StopPlay { leg } => self.stop_play(leg),
            MediaOp::Bridge { a, b } => self.bridge(a, b),
            MediaOp::Unbridge { leg } => self.unbridge(leg),
            MediaOp::Confer { members } => self.confer(order.call, members),
            MediaOp::SendDigit { leg, digit } => {
                let refused = self.legs.get_mut(&leg).is_some_and(|leg| !leg.press(digit));
                if refused {
                    tracing::warn!(%leg, "too many keys wait to be sent; one was dropped");
                }
            }
            MediaOp::Shield { leg } => {
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.shield.raise();
                }
            }
            MediaOp::Unshield { leg } => {
                let now = self.clock.now();
                if let Some(leg) = self.legs.get_mut(&leg) {
                    leg.shield.lower(now);
                }
            }
            MediaOp::Close { leg } => self.close(leg),
            MediaOp::StartRecording(spec) => self.start_recording(spec),
            MediaOp::StopRecording { recording } => {
                let recorded = |(id, leg): (&LegId, &Leg)| {
                    (leg.recording == Some(recording)).then_some([Some(*id), leg.other])
                };
                let recorded = self.legs.iter().find_map(recorded).into_iter().flatten().flatten();
                recorded.for_each(|leg| self.drain(leg));
                let legs = self.legs.values_mut().filter(|leg| leg.recording == Some(recording));
                legs.for_each(|leg| leg.recording = None);
                self.recorder.stop(recording, self.clock.now());
            }
            MediaOp::PauseRecording { recording, by, reason } => {
                let now = self.clock.now();
                if let Some(tap) = self.recorder.tap(Some(recording)) {
                    tap.mask(now, by, reason);
                }
            }
            MediaOp::ResumeRecording { recording } => {
                let now = self.clock.now();
                if let Some(tap) = self.recorder.tap(Some(recording)) {
                    tap.unmask(now);
                }
            }
        }
    }

    fn open(&mut self, id: LegId, on: Option<IpAddr>) {
        if self.legs.contains_key(&id) {
            return tracing::warn!(leg = %id, "a leg that is open was ordered to open");
        }
        let (bind, advertised) = self.settings.address(on);
        let opened = self.ports.open(bind).and_then(|pair| {
            let token = (id.number() as u64) << 1;
            self.poll.watch(&pair.rtp, token)?;
            self.poll.watch(&pair.rtcp, token | 1)?;
            Ok(pair)
        });
        match opened {
            Ok(pair) => {
                let rtp = SocketAddr::new(advertised, pair.port);
                self.legs.insert(id, Leg::new(id, pair));
                shift(&self.tally.open_legs, 1);
                self.outbox.push(MediaReport::Leg(id, AudioReport::Opened { rtp }));
            }
            Err(error) => {
                let too_many = matches!(error.raw_os_error(), Some(libc::EMFILE | libc::ENFILE));
                let lacks = if too_many { Shortage::OpenFiles } else { Shortage::RtpPorts };
                self.no_port(&error, lacks);
                self.outbox.push(MediaReport::Leg(id, AudioReport::OpenFailed { lacks }));
            }
        }
        // Reported at once: orders come faster than ticks.
        self.report_strain();
    }

    /// Logs which limit kept a leg from a port, at most once a second.
    fn no_port(&mut self, error: &io::Error, lacks: Shortage) {
        self.unported += 1;
        let now = self.clock.now();
        if self.unported_told.is_some_and(|told| now.saturating_sub(told) < SECOND) {
            return;
        }
        self.unported_told = Some(now);
        let (thread, legs, refused) = (self.index, self.legs.len(), std::mem::take(&mut self.unported));
        if lacks == Shortage::OpenFiles {
            tracing::warn!(
                thread, legs, refused, %error,
                "a leg gets no RTP port: no more files may be open; raise LimitNOFILE= of the service (ulimit -n)"
            );
        } else {
            tracing::warn!(
                thread, legs, refused, pairs = self.ports.count(), %error,
                "a leg gets no RTP port: this thread's share is used up; give a larger range, ports in [rtp] of \
                 hotline.toml: two pairs a call, and a pair rests after it"
            );
        }
    }

    fn connect(&mut self, id: LegId, remote: RemoteMedia) {
        let now = self.clock.now();
        self.take_down_rest(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let (rests, sends) = (!remote.direction.receives(), remote.direction.sends());
        leg.connect(remote, now);
        let (own, other) = (leg.recording, leg.other);
        if let Some(tap) = self.recorder.tap(own).filter(|_| !sends) {
            tap.hold(Channel::Right, now);
        }
        self.equip([Some(id), other]);
        self.hear_early(id);
        if rests {
            if let Some(tap) = self.recorder.tap(own) {
                tap.hold(Channel::Left, now);
            }
            let others = other.and_then(|other| self.legs.get(&other)?.recording);
            self.rest(others, Channel::Right);
        }
    }

    pub(super) fn rest(&mut self, recording: Option<model::RecordingId>, channel: Channel) {
        if let Some(tap) = self.recorder.tap(recording) {
            tap.rest(channel);
        }
    }

    fn play(&mut self, id: LegId, play: PlayId, clips: Vec<ClipId>, mode: PlayMode) {
        self.stop_play(id);
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let player = self.shelf.with(|prompts| Player::new(prompts, play, &clips, mode, leg.music.as_ref()));
        leg.player = Some(player);
        let recording = leg.recording;
        self.rest(recording, Channel::Right);
    }

    pub(super) fn stop_play(&mut self, id: LegId) {
        let Some(leg) = self.legs.get_mut(&id) else { return };
        let Some(player) = leg.player.take() else { return };
        let play = player.play;
        leg.music = player.pause().or(leg.music.take());
        self.outbox.push(MediaReport::Leg(id, AudioReport::PlayEnded { play, finished: false }));
    }

    fn bridge(&mut self, a: LegId, b: LegId) {
        if a == b || !self.legs.contains_key(&a) || !self.legs.contains_key(&b) {
            return tracing::warn!(%a, %b, "a bridge needs two open legs of one call");
        }
        let now = self.clock.now();
        for (id, other) in [(a, b), (b, a)] {
            self.leave_conference(id);
            self.unbridge(id);
            self.take_down_rest(id);
            self.stop_play(id);
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.bridged(other, now);
            }
        }
        self.equip([Some(a), Some(b)]);
    }

    pub(super) fn unbridge(&mut self, id: LegId) {
        let Some(other) = self.legs.get(&id).and_then(|leg| leg.other) else { return };
        for id in [id, other] {
            self.take_down_rest(id);
        }
        for id in [id, other] {
            if let Some(leg) = self.legs.get_mut(&id) {
                leg.other = None;
            }
            let recording = self.legs.get(&id).and_then(|leg| leg.recording);
            self.rest(recording, Channel::Right);
        }
        self.equip([Some(id), Some(other)]);
    }

    /// Handles the datagrams in a leg's socket without waiting for more: they are the end of the call.
    fn drain(&mut self, id: LegId) {
        for _ in 0..MOST_WAITING {
            let Some(leg) = self.legs.get(&id) else { return };
            let Ok((length, from)) = leg.receive(&mut *self.room.datagram) else { break };
            self.handle_rtp(id, length, from);
        }
        self.take_down_rest(id);
    }

    pub(super) fn close(&mut self, id: LegId) {
        self.drain(id);
        self.stop_play(id);
        self.unbridge(id);
        self.leave_conference(id);
        let Some(mut leg) = self.legs.remove(&id) else {
            // A leg that got no port is closed too, and its owner waits for this report.
            return self.outbox.push(MediaReport::Leg(id, AudioReport::Closed { quality: None }));
        };
        self.listeners.retain(|listener| *listener != id);
        add(&self.tally.packets_lost, leg.report(self.clock.now(), ntp_now(), true));
        self.rest(leg.recording, Channel::Left);
        self.ports.close(leg.pair.port);
        shift(&self.tally.open_legs, -1);
        self.outbox.push(MediaReport::Leg(id, AudioReport::Closed { quality: leg.measured() }));
    }

    fn start_recording(&mut self, spec: RecordingSpec) {
        let recording = spec.recording;
        let Some(leg) = self.legs.get_mut(&spec.leg) else {
            let why = "the leg to be recorded is gone".to_owned();
            let kept = Kept::default();
            return self
                .outbox
                .push(MediaReport::Recording(recording, RecordingReport::Failed { why, kept }));
        };
        let before = leg.recording.replace(recording);
        let now = self.clock.now();
        if let Some(before) = before {
            self.recorder.stop(before, now);
        }
        self.recorder.start(spec, now);
    }
}
