//! The media thread's part of a recording: a short window in which late packets still find their place, handed on to a
//! recording thread in pieces.
//!
//! Positions are samples of 8 kHz since the recording began; a wide recording has two of its own for each. Left is what
//! the customer sent, placed by RTP time; right is what they were sent: our own frames at their tick, a bridged party's
//! packets by RTP time.

#[cfg(test)]
mod recorded;
#[cfg(test)]
mod tests;

use std::ops::Range;

use archive::Buffer;
use audio::reader::Passage;
use audio::resample::Resampler;
use audio::rtp::RtpPacket;
use audio::timeline::{LONGEST_HOLE, close};
use model::{Actor, Gap};

use crate::channel::Channel;
use crate::ear::LONGEST;
use crate::spans::Spans;
use crate::track::Track;

/// How long audio waits for packets that come late (300 ms).
const WAIT: u64 = 2400;
/// What is handed on at once (400 ms). With [`WAIT`] it bounds what a kill can cost.
pub(crate) const PIECE: u64 = 3200;
/// Frames of a piece: recordings that began together hand on in different ticks.
const FRAMES: u64 = PIECE / audio::FRAME as u64;
/// Samples of 8 kHz that a window has when it hands on a piece, as a rule.
pub(crate) const ROOM: usize = (PIECE + WAIT + 2 * audio::FRAME as u64) as usize;
/// Audio placed further ahead than this is nonsense (2 s).
const AHEAD: u64 = 16_000;

/// An open recording.
#[derive(Debug)]
pub(crate) struct Tap {
    began: u64,
    emitted: u64,
    /// The length of the next piece. That of the first one depends on the recording's turn: recordings that began
    /// together hand on in different ticks.
    piece: u64,
    window: Buffer,
    /// An empty buffer for the window after the next piece; without one, a buffer is made then.
    spare: Buffer,
    /// Samples of the window for each position: 1 or 2.
    scale: usize,
    /// Converts narrow audio of each channel to the rate of a wide recording.
    up: Option<[Resampler; 2]>,
    left: Track,
    right: Track,
    spans: Spans,
}

impl Tap {
    /// A recording at `rate` that begins at `now`. `turn` counts recordings: neighbours take different ticks.
    pub(crate) fn new(now: u64, turn: u64, rate: u32) -> Tap {
        let up = || Resampler::new(audio::RATE, rate);
        let up = if rate == audio::RATE { None } else { up().zip(up()).map(<[Resampler; 2]>::from) };
        Tap {
            scale: if up.is_some() { 2 } else { 1 },
            up,
            piece: (turn % FRAMES + 1) * audio::FRAME as u64,
            began: now,
            emitted: 0,
            window: Buffer::new(),
            spare: Buffer::new(),
            left: Track::default(),
            right: Track::default(),
            spans: Spans::default(),
        }
    }

    /// Writes the audio of a packet.
    pub(crate) fn passage(&mut self, channel: Channel, passage: &Passage<'_>) {
        let (now, emitted) = (passage.arrived.saturating_sub(self.began), self.emitted);
        let end = self.track(channel).covered_until();
        if let Some(at) = self.track(channel).place(passage, now, emitted) {
            self.write_either(channel, at, (passage.samples, passage.codec.rate()), passage.narrow);
            end.filter(|end| *end < at).into_iter().for_each(|end| self.close_hole(channel, end..at));
        }
    }

    /// Writes what the customer hears of a conference in the tick of `clock`: the mix at its rate, and at 8 kHz.
    pub(crate) fn mixed(&mut self, mix: (&[i16], u32), narrow: &[i16], clock: u64) {
        if let Some(at) = clock.checked_sub(self.began) {
            self.write_either(Channel::Right, at, mix, narrow);
        }
    }

    /// Notes that the peer sent a key, or a description of its silence, instead of audio.
    pub(crate) fn key(&mut self, channel: Channel, packet: &RtpPacket<'_>, now: u64) {
        let now = now.saturating_sub(self.began);
        self.track(channel).key(packet, now);
    }

    /// Writes a frame of our own that belongs at `clock`.
    pub(crate) fn own_frame(&mut self, samples: &[i16], clock: u64) {
        if let Some(at) = clock.checked_sub(self.began) {
            self.write_narrow(Channel::Right, at, samples);
        }
    }

    /// Silence until the channel's next packet is no loss: the peer stops sending for a good reason, or another peer
    /// follows.
    pub(crate) fn rest(&mut self, channel: Channel) {
        self.track(channel).rest();
    }

    /// As [`Tap::rest`], when the session says that the peer sends nothing.
    pub(crate) fn hold(&mut self, channel: Channel, now: u64) {
        self.track(channel).rest();
        self.spans.hold(channel, now.saturating_sub(self.began));
    }

    /// Leaves out the audio from `now` on.
    pub(crate) fn mask(&mut self, now: u64, by: Actor, reason: String) {
        self.spans.mask(now.saturating_sub(self.began), by, reason);
    }

    /// Records again from `now` on.
    pub(crate) fn unmask(&mut self, now: u64) {
        self.spans.unmask(now.saturating_sub(self.began));
    }

    /// True when a piece is complete.
    pub(crate) fn has_piece(&self, now: u64) -> bool {
        let complete = now.saturating_sub(self.began).saturating_sub(WAIT);
        complete >= self.emitted.saturating_add(self.piece)
    }

    /// Gives it an empty buffer with room for its beginning.
    pub(crate) fn begin_in(&mut self, spare: Buffer) {
        self.window = spare;
    }

    /// Gives it an empty buffer with room for what follows the next piece.
    pub(crate) fn lend(&mut self, spare: Buffer) {
        self.spare = spare;
    }

    /// The next piece, when one is complete: its position and audio.
    pub(crate) fn poll_piece(&mut self, now: u64) -> Option<(u64, Buffer)> {
        if !self.has_piece(now) {
            return None;
        }
        let piece = std::mem::replace(&mut self.piece, PIECE);
        Some(self.take(piece))
    }

    /// Ends the recording: the rest of the audio in one piece, the total length, and the gaps.
    pub(crate) fn finish(mut self, now: u64) -> ((u64, Buffer), u64, Vec<Gap>) {
        let length = now.saturating_sub(self.began).max(self.emitted);
        let rest = self.take(length - self.emitted);
        let mut gaps = self.left.finish(0, length);
        gaps.extend(self.right.finish(1, length));
        gaps.extend(self.spans.finish(length));
        (rest, length, gaps)
    }

    fn take(&mut self, count: u64) -> (u64, Buffer) {
        let at = self.emitted;
        let length = usize::try_from(count).unwrap_or(0) * self.scale;
        if self.window.len() < length {
            self.window.resize(length, [0, 0]);
        }
        self.emitted = at.saturating_add(count);
        // The full buffer goes away with the piece; the little that remains is copied to the spare one.
        let mut next = std::mem::take(&mut self.spare);
        next.reserve(self.scale * ROOM);
        next.extend_from_slice(self.window.get(length..).unwrap_or_default());
        let mut piece = std::mem::replace(&mut self.window, next);
        piece.truncate(length);
        self.spans.blank(at, self.scale, &mut piece);
        (at, piece)
    }

    fn track(&mut self, channel: Channel) -> &mut Track {
        match channel {
            Channel::Left => &mut self.left,
            Channel::Right => &mut self.right,
        }
    }

    /// Writes audio at the recording's own rate where it has that rate, otherwise at 8 kHz.
    fn write_either(&mut self, channel: Channel, at: u64, own: (&[i16], u32), narrow: &[i16]) {
        let (samples, rate) = own;
        if rate as usize == audio::RATE as usize * self.scale {
            self.write(channel, at, samples);
        } else {
            self.write_narrow(channel, at, narrow);
        }
    }

    /// Writes audio at 8 kHz.
    fn write_narrow(&mut self, channel: Channel, at: u64, samples: &[i16]) {
        let Some(up) = &mut self.up else { return self.write(channel, at, samples) };
        let mut room = [0; 2 * LONGEST];
        let [left, right] = up;
        let up = match channel {
            Channel::Left => left,
            Channel::Right => right,
        };
        let made = up.process(samples, &mut room);
        self.write(channel, at, room.get(..made).unwrap_or_default());
    }

    /// Writes audio at the recording's rate.
    fn write(&mut self, channel: Channel, at: u64, samples: &[i16]) {
        let end = at.saturating_add((samples.len() / self.scale) as u64);
        if end <= self.emitted || end > self.emitted.saturating_add(AHEAD) {
            return;
        }
        self.spans.written(channel, at);
        // Audio before the window came too late and is left out.
        let scaled = |count: u64| usize::try_from(count).unwrap_or(0) * self.scale;
        let late = scaled(self.emitted.saturating_sub(at));
        let from = scaled(at.saturating_sub(self.emitted));
        let samples = samples.get(late..).unwrap_or_default();
        if self.window.len() < from + samples.len() {
            self.window.resize(from + samples.len(), [0, 0]);
        }
        let window = self.window.iter_mut().skip(from).zip(samples);
        match channel {
            Channel::Left => window.for_each(|([left, _], sample)| *left = *sample),
            Channel::Right => window.for_each(|([_, right], sample)| *right = *sample),
        }
    }

    /// Closes a hole of one or two samples between packets, which comes from following the peer's clock: silence in it
    /// would click.
    fn close_hole(&mut self, channel: Channel, hole: Range<u64>) {
        if hole.end - hole.start > LONGEST_HOLE {
            return;
        }
        let scale = self.scale;
        let index = |at: u64| {
            let index = usize::try_from(at.checked_sub(self.emitted)?).ok()?;
            Some(index * scale)
        };
        let (Some(first), Some(after)) = (index(hole.start), index(hole.end)) else { return };
        let sample = |index: usize| self.window.get(index).copied().map(|mut both| *channel.of(&mut both));
        let (Some(from), Some(to)) = (first.checked_sub(1).and_then(sample), sample(after)) else { return };
        for (slot, sample) in self.window.iter_mut().skip(first).zip(close(from, to, after - first)) {
            *channel.of(slot) = sample;
        }
    }
}
