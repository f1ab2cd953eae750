//! A peer's stream as 20 ms of audio a tick: jitter buffer, decoder, concealment, comfort noise and stretching
//! together.
//!
//! Packets of 10 to 60 ms go in, and each tick exactly one frame comes out, whatever the network did. Decoded audio
//! that was not played yet lies behind the last 15 ms that were, so that a pitch period can be left out or played twice
//! where they meet ([`crate::stretch`]). After construction nothing is allocated, but for what Opus does
//! ([`crate::codec`]).

use crate::RATE;
use crate::codec::{Codec, CodecError, Decoder, LONGEST_MS};
use crate::comfort::{Noise, NoiseMaker};
use crate::jitter::{Advice, Content, Counts, JitterBuffer, Pull, Pushed};
use crate::rtp::RtpPacket;
use crate::stretch;

/// Ticks between two stretches (100 ms), and when it is urgent.
const APART: u32 = 5;
const APART_URGENT: u32 = 2;
/// After this many ticks without a place that fits, any place is taken (half a second).
const PATIENCE: u32 = 25;

/// What a payload is, as its payload type says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Payload {
    /// Audio of the codec.
    Audio,
    /// Comfort noise (RFC 3389).
    Comfort,
    /// A telephone event (RFC 4733).
    Event,
}

/// What the newest part of a frame is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// Audio of the peer.
    Audio,
    /// Concealment of audio that is missing.
    Concealed,
    /// The peer is silent: noise as it described, or silence.
    Silence,
}

/// What one peer says, ready to be played or mixed.
#[derive(Debug)]
pub struct Playout {
    codec: Codec,
    buffer: JitterBuffer,
    decoder: Decoder,
    noise: Option<NoiseMaker>,
    seed: u64,
    /// The last [`stretch::longest`] samples played, then what is decoded.
    samples: Box<[i16]>,
    used: usize,
    newest: Heard,
    /// Ticks since the last stretch, and since advice began that could not be followed.
    since_stretch: u32,
    unheeded: u32,
    broken: u64,
}

impl Playout {
    /// For a stream of `codec`; `seed` makes the comfort noise of two streams differ.
    pub fn new(codec: Codec, seed: u64) -> Result<Playout, CodecError> {
        let rate = codec.rate();
        let (kept, longest) = (stretch::longest(rate), (rate * LONGEST_MS / 1000) as usize);
        // At most a frame and the stretch's need less one are there when the longest packet is decoded.
        let room = kept + codec.frame() + stretch::needed(rate) + longest + kept;
        Ok(Playout {
            codec,
            buffer: JitterBuffer::new(codec.clock(), codec.longest_payload()),
            decoder: Decoder::new(codec)?,
            noise: None,
            seed,
            samples: vec![0; room].into_boxed_slice(),
            used: kept,
            newest: Heard::Silence,
            since_stretch: 0,
            unheeded: 0,
            broken: 0,
        })
    }

    /// What the jitter buffer counted.
    pub fn counts(&self) -> Counts {
        self.buffer.counts()
    }

    /// The jitter buffer's wait in milliseconds.
    pub fn target_ms(&self) -> u32 {
        self.buffer.target_ms()
    }

    /// Payloads that came in time and that the codec refused; they were concealed.
    pub fn broken(&self) -> u64 {
        self.broken
    }

    /// Takes a packet that came at `now` (samples of 8 kHz).
    pub fn push(&mut self, packet: &RtpPacket<'_>, payload: Payload, now: u64) -> Pushed {
        let content = match payload {
            // No duration is no audio of this codec: the buffer refuses it.
            Payload::Audio => Content::Audio(self.codec.duration(packet.payload).unwrap_or(0)),
            Payload::Comfort => Content::Comfort,
            Payload::Event => Content::Event,
        };
        self.buffer.push(packet, content, now)
    }

    /// Fills `frame` (20 ms at the codec's rate) with what belongs to the tick that begins at `now`.
    pub fn pull(&mut self, now: u64, frame: &mut [i16]) -> Heard {
        let (rate, kept, wanted) = (self.codec.rate(), stretch::longest(self.codec.rate()), frame.len());
        let wanted = wanted.min(self.codec.frame());
        let advice = self.advice(now);
        // To leave something out, more than a frame must be known; only what waits already is taken for it.
        let known = if matches!(advice, Advice::Shrink { .. }) { stretch::needed(rate) } else { wanted };
        while self.used - kept < wanted || (self.used - kept < known && self.buffer.waiting() > 0) {
            self.refill(now);
        }
        self.follow(advice, kept, wanted);
        frame.fill(0);
        frame[..wanted].copy_from_slice(&self.samples[kept..kept + wanted]);
        self.samples.copy_within(wanted..self.used, 0);
        self.used -= wanted;
        self.newest
    }

    /// The buffer's advice, when enough time has passed since it was last followed.
    fn advice(&mut self, now: u64) -> Advice {
        self.since_stretch = self.since_stretch.saturating_add(1);
        let waiting = self.used - stretch::longest(self.codec.rate());
        let advice = self.buffer.advice(now, waiting * RATE as usize / self.codec.rate() as usize);
        let apart = if matches!(advice, Advice::Shrink { urgent: true }) { APART_URGENT } else { APART };
        if self.since_stretch < apart { Advice::Keep } else { advice }
    }

    fn follow(&mut self, advice: Advice, kept: usize, wanted: usize) {
        let (rate, impatient) = (self.codec.rate(), self.unheeded >= PATIENCE);
        let changed = match advice {
            Advice::Keep => {
                self.unheeded = 0;
                return;
            }
            // What is left must still fill the frame.
            Advice::Shrink { .. } if self.used < kept + wanted + kept => 0,
            Advice::Shrink { urgent } => {
                let less = stretch::shrink(rate, &mut self.samples, kept, self.used, urgent || impatient);
                self.used -= less;
                less
            }
            Advice::Grow => {
                let more = stretch::grow(rate, &mut self.samples, kept, self.used, impatient);
                self.used += more;
                more
            }
        };
        self.unheeded += 1;
        if changed > 0 {
            (self.since_stretch, self.unheeded) = (0, 0);
        }
    }

    /// Adds what the jitter buffer gives next: at least a piece of concealment.
    fn refill(&mut self, now: u64) {
        let (rate, clock) = (self.codec.rate() as usize, self.codec.clock() as usize);
        let room = &mut self.samples[self.used..];
        let made = match self.buffer.pull(now) {
            Pull::Frame { payload, duration } => match self.decoder.decode(payload, room) {
                Ok(made) => {
                    self.newest = Heard::Audio;
                    made
                }
                Err(_) => {
                    self.broken += 1;
                    self.newest = Heard::Concealed;
                    conceal(&mut self.decoder, None, room, duration as usize * rate / clock)
                }
            },
            Pull::Conceal { duration, next } => {
                self.newest = Heard::Concealed;
                conceal(&mut self.decoder, next, room, (duration as usize * rate / clock).max(1))
            }
            Pull::Comfort { noise } => {
                if let Some(noise) = noise.and_then(Noise::parse) {
                    self.noise.get_or_insert_with(|| NoiseMaker::new(self.seed)).follow(noise);
                }
                self.newest = Heard::Silence;
                let made = conceal(&mut self.decoder, None, room, self.codec.frame());
                if let Some(noise) = &mut self.noise {
                    // The last audio fades by concealment while the noise sets in.
                    let mut more = [0; 320];
                    noise.fill(&mut more[..made.min(320)]);
                    crate::mix::mix(&mut room[..made], &more);
                }
                made
            }
        };
        self.used += made;
    }
}

/// Conceals `wanted` samples as far as there is room; returns how many.
fn conceal(decoder: &mut Decoder, next: Option<&[u8]>, room: &mut [i16], wanted: usize) -> usize {
    let wanted = wanted.min(room.len());
    decoder.conceal(next, &mut room[..wanted]);
    wanted
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::{Encoder, OpusFormat};
    use crate::level::dbov;
    use crate::tone::Sine;

    /// A voice of 110 Hz at the codec's rate.
    fn voice(codec: Codec, seconds: usize) -> Vec<i16> {
        let mut sum = vec![0; codec.rate() as usize * seconds];
        for (hertz, level) in [(110.0, 3000), (550.0, 4000), (1210.0, 2000)] {
            let mut part = vec![0; sum.len()];
            Sine::new(hertz * 8000.0 / f64::from(codec.rate()), level).fill(&mut part);
            crate::mix::mix(&mut sum, &part);
        }
        sum
    }

    fn payloads(codec: Codec, samples: &[i16]) -> Vec<Vec<u8>> {
        let mut encoder = Encoder::new(codec, OpusFormat::default()).expect("an encoder");
        let encode = |frame: &[i16]| {
            let mut payload = [0; 1480];
            let len = encoder.encode(frame, &mut payload).expect("a whole frame");
            payload[..len].to_vec()
        };
        samples.chunks_exact(codec.frame()).map(encode).collect()
    }

    /// Plays payloads that come at `at(index)`; `None` for lost ones.
    fn played(codec: Codec, payloads: &[Vec<u8>], at: impl Fn(usize) -> Option<u64>) -> (Vec<i16>, Playout) {
        let mut playout = Playout::new(codec, 1).expect("a playout");
        let (mut all, mut frame, mut next) = (Vec::new(), vec![0; codec.frame()], 0);
        for tick in 0..payloads.len() as u64 + 3 {
            while let Some(payload) =
                payloads.get(next).filter(|_| at(next).is_none_or(|at| at <= tick * 160))
            {
                let timestamp = next as u32 * (codec.clock() / 50);
                let sequence = next as u16;
                let packet =
                    RtpPacket { marker: false, payload_type: 9, sequence, timestamp, ssrc: 1, payload };
                if let Some(at) = at(next) {
                    playout.push(&packet, Payload::Audio, at);
                }
                next += 1;
            }
            playout.pull(tick * 160, &mut frame);
            all.extend_from_slice(&frame);
        }
        (all, playout)
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap_or(0)
    }

    #[test]
    fn each_codec_is_heard_at_its_level() {
        for codec in Codec::ALL {
            let samples = voice(codec, 2);
            let (heard, playout) =
                played(codec, &payloads(codec, &samples), |index| Some(index as u64 * 160));
            let settled = &heard[heard.len() / 4..heard.len() - 8 * codec.frame()];
            assert!((dbov(settled) - dbov(&samples)).abs() < 1.0, "{codec:?}: {} dBov", dbov(settled));
            let counts = playout.counts();
            assert_eq!((counts.played, counts.lost, playout.broken()), (100, 0, 0), "{codec:?}");
            assert!(counts.conceals <= 1, "{codec:?}: only after the end, {}", counts.conceals);
        }
    }

    #[test]
    fn clocks_that_are_apart_do_not_click() {
        for (codec, ppm) in [(Codec::Pcma, 200), (Codec::Pcma, -200), (Codec::G722, 200), (Codec::G722, -200)]
        {
            let samples = voice(codec, 200);
            let at = |index: usize| Some((index as i64 * 160 * (1_000_000 - ppm) / 1_000_000) as u64);
            let (heard, playout) = played(codec, &payloads(codec, &samples), at);
            let settled = &heard[codec.frame() * 10..heard.len() - codec.frame() * 10];
            let (step, usual) = (largest_step(settled), largest_step(&samples));
            assert!(step <= usual * 115 / 100, "{codec:?} {ppm}: {step}, usually {usual}");
            let counts = playout.counts();
            assert_eq!((counts.late, counts.lost, counts.discarded), (0, 0, 0), "{codec:?} {ppm}");
            assert!(counts.conceals <= 8, "{codec:?} {ppm}: only after the end, {}", counts.conceals);
        }
    }

    #[test]
    fn packets_of_10_to_60_ms_fill_every_tick() {
        let codec = Codec::Pcma;
        for ms in [10, 20, 30, 40, 50, 60] {
            let mut playout = Playout::new(codec, 1).expect("a playout");
            let payload = vec![0xd5 ^ 0x20; ms * 8];
            let (mut sent, mut frame, mut concealed) = (0, [0; 160], 0);
            for tick in 0..300 {
                while sent * ms <= tick * 20 {
                    let packet = RtpPacket {
                        marker: false,
                        payload_type: 8,
                        sequence: sent as u16,
                        timestamp: (sent * ms * 8) as u32,
                        ssrc: 1,
                        payload: &payload,
                    };
                    playout.push(&packet, Payload::Audio, (sent * ms * 8) as u64);
                    sent += 1;
                }
                concealed += u32::from(playout.pull(tick as u64 * 160, &mut frame) == Heard::Concealed);
            }
            assert_eq!(concealed, 0, "{ms} ms");
            assert!(frame.iter().all(|sample| *sample != 0), "{ms} ms");
        }
    }

    #[test]
    fn noise_follows_speech_without_a_hole() {
        let codec = Codec::Pcma;
        let mut playout = Playout::new(codec, 1).expect("a playout");
        let payloads = payloads(codec, &voice(codec, 1));
        let (mut frame, mut kinds, mut levels) = ([0; 160], Vec::new(), Vec::new());
        for tick in 0..100_u16 {
            let noise: &[u8] = &[40];
            let payload = payloads.get(usize::from(tick)).map_or(noise, Vec::as_slice);
            let kind = if payload == noise { Payload::Comfort } else { Payload::Audio };
            let timestamp = u32::from(tick) * 160;
            let packet =
                RtpPacket { marker: false, payload_type: 8, sequence: tick, timestamp, ssrc: 1, payload };
            if tick <= 50 {
                playout.push(&packet, kind, u64::from(timestamp));
            }
            kinds.push(playout.pull(u64::from(timestamp), &mut frame));
            levels.push(dbov(&frame));
        }
        assert_eq!(kinds[40], Heard::Audio);
        assert!(kinds[55..].iter().all(|kind| *kind == Heard::Silence));
        assert!(levels[70..].iter().all(|level| (-43.0..-37.0).contains(level)), "{levels:?}");
    }

    #[test]
    fn loss_and_broken_payloads_are_concealed() {
        let codec = Codec::Opus;
        let mut payloads = payloads(codec, &voice(codec, 2));
        let (heard, playout) =
            played(codec, &payloads, |index| (index % 10 != 5).then_some(index as u64 * 160));
        assert_eq!(playout.counts().lost, 10);
        assert!(heard.len() > 30_000);
        payloads.iter_mut().skip(30).step_by(7).for_each(|payload| payload.truncate(3));
        played(codec, &payloads, |index| Some(index as u64 * 160));
    }
}
