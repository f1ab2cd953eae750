//! The decoding and encoding of a leg's audio: an [`Ear`] decodes what the peer says, a [`Mouth`] encodes what the
//! peer hears.
//!
//! A bridge of two G.711 legs, or of two legs with one codec, needs neither: packets are forwarded as they came. An
//! [`Ear`] is made where audio must be decoded, a [`Mouth`] where it must be encoded. Each is made once, so that no
//! frame allocates.

use audio::FRAME;
use audio::codec::{CodecError, Encoder};
use audio::playout::{Payload, Playout};
use audio::resample::Resampler;
use audio::rtp::RtpPacket;
use model::{Codec, OpusFormat, RemoteMedia};

/// Longest payload taken or sent: an Ethernet frame's worth.
pub(crate) const LONGEST: usize = 1480;

/// Samples of 20 ms at the highest rate that we work at (16 kHz).
pub(crate) const WIDEST: usize = 2 * FRAME;

/// One frame of a peer, at its codec's rate and at 8 kHz.
#[derive(Debug, Clone)]
pub(crate) struct Frame {
    pub(crate) rate: u32,
    samples: [i16; WIDEST],
    narrow: [i16; FRAME],
}

impl Default for Frame {
    fn default() -> Frame {
        Frame { rate: audio::RATE, samples: [0; WIDEST], narrow: [0; FRAME] }
    }
}

impl Frame {
    /// At the codec's rate.
    pub(crate) fn samples(&self) -> &[i16] {
        self.samples.get(..self.rate as usize / 50).unwrap_or_default()
    }

    /// At 8 kHz.
    pub(crate) fn narrow(&self) -> &[i16; FRAME] {
        &self.narrow
    }
}

/// Decodes a peer's packets by way of a jitter buffer.
#[derive(Debug)]
pub(crate) struct Ear {
    codec: Codec,
    playout: Playout,
    down: Option<Resampler>,
}

impl Ear {
    pub(crate) fn new(codec: Codec, seed: u64) -> Result<Ear, CodecError> {
        let down = Resampler::new(codec.rate(), audio::RATE).filter(|_| codec.rate() != audio::RATE);
        Ok(Ear { codec, playout: Playout::new(codec, seed)?, down })
    }

    pub(crate) fn codec(&self) -> Codec {
        self.codec
    }

    pub(crate) fn push(&mut self, packet: &RtpPacket<'_>, payload: Payload, now: u64) {
        self.playout.push(packet, payload, now);
    }

    /// Fills `frame` with the audio of the tick that begins at `clock`.
    pub(crate) fn listen(&mut self, clock: u64, frame: &mut Frame) {
        frame.rate = self.codec.rate();
        self.playout.pull(clock, frame.samples.get_mut(..self.codec.frame()).unwrap_or_default());
        let samples = frame.samples.get(..self.codec.frame()).unwrap_or_default();
        match &mut self.down {
            Some(down) => {
                down.process(samples, &mut frame.narrow);
            }
            None => frame.narrow.iter_mut().zip(samples).for_each(|(narrow, sample)| *narrow = *sample),
        }
    }
}

/// Encodes audio for a peer.
#[derive(Debug)]
pub(crate) struct Mouth {
    codec: Codec,
    wish: OpusFormat,
    encoder: Encoder,
    /// Converts from the rate of the last frame to the codec's.
    resampler: Option<(u32, Resampler)>,
    room: [i16; WIDEST],
}

impl Mouth {
    pub(crate) fn new(remote: &RemoteMedia) -> Result<Mouth, CodecError> {
        let (codec, wish) = (remote.codec, remote.opus);
        let encoder = Encoder::new(codec, wish)?;
        Ok(Mouth { codec, wish, encoder, resampler: None, room: [0; WIDEST] })
    }

    /// Whether it encodes as the peer wants, after the peer's description changed.
    pub(crate) fn suits(&self, remote: &RemoteMedia) -> bool {
        self.codec == remote.codec && self.wish == remote.opus
    }

    /// Encodes 20 ms at `rate` into `payload`; returns the payload's length. `None` when nothing need be sent.
    pub(crate) fn say(&mut self, frame: &[i16], rate: u32, payload: &mut [u8]) -> Option<usize> {
        let samples = if rate == self.codec.rate() {
            frame
        } else {
            let (from, resampler) = match self.resampler.take() {
                Some((from, resampler)) if from == rate => (from, resampler),
                Some(_) | None => (rate, Resampler::new(rate, self.codec.rate())?),
            };
            let (_, resampler) = self.resampler.insert((from, resampler));
            let made = resampler.process(frame, &mut self.room);
            self.room.get(..made)?
        };
        let length = self.encoder.encode(samples, payload).ok()?;
        // RFC 6716 section 2.1.9: an Opus payload as short as this is silence, which the peer generates itself.
        let unsaid = self.codec == Codec::Opus && self.wish.silence && length <= 2;
        (!unsaid).then_some(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::{Sine, level_db};

    /// A tone through the mouth of a peer's phone and our ear, packet by packet.
    #[test]
    fn every_codec_carries_a_tone_from_mouth_to_ear() {
        for codec in Codec::ALL {
            let remote = RemoteMedia::new(([127, 0, 0, 1], 4000).into(), codec, model::Direction::Both);
            let (mut mouth, mut ear) = (Mouth::new(&remote).unwrap(), Ear::new(codec, 1).unwrap());
            let (mut sine, mut frame, mut heard) = (Sine::new(440.0, 8000), Frame::default(), Vec::new());
            for index in 0..100_u16 {
                let (mut samples, mut payload) = ([0; FRAME], [0; 1480]);
                sine.fill(&mut samples);
                let length = mouth.say(&samples, 8000, &mut payload).unwrap();
                let units = codec.clock() / 50;
                let timestamp = u32::from(index) * units;
                let payload = &payload[..length];
                let packet = RtpPacket {
                    marker: false,
                    payload_type: 96,
                    sequence: index,
                    timestamp,
                    ssrc: 1,
                    payload,
                };
                let clock = u64::from(index) * FRAME as u64;
                ear.push(&packet, Payload::Audio, clock);
                ear.listen(clock, &mut frame);
                heard.extend_from_slice(frame.narrow());
            }
            let (own, other) = (level_db(&heard[8000..], 440.0), level_db(&heard[8000..], 880.0));
            assert!((-16.0..-8.0).contains(&own) && other < -40.0, "{codec:?}: {own} {other}");
        }
    }
}
