//! The ear of a phone whose counterpart's packets do not arrive as they were sent: it decodes some of them, until it
//! knows whose voice it is.
//!
//! ```text
//!   Listening ──a name──────────────────────► Resting (5 s) ──► Listening
//!       └──────2.5 s without one, where────► Resting (10 s) ──►
//!              stamps are to be expected
//! ```

use audio::codec::{Decoder, MOST_SAMPLES};
use sip::Codec;

use super::name::Listener;

/// Packets that are not listened to after a name: the ear is to be cheap.
const KNOWN: u32 = 250;
/// Packets without a name after which an ear that expects stamps rests, and how long.
const TRIED: u32 = 125;
const STRANGE: u32 = 500;

/// What one phone hears by decoding.
#[derive(Debug)]
pub(super) struct Ear {
    run: u32,
    /// Packets of the counterpart arrive as they were sent, as a rule: this is for prompts and for the exception.
    spares: bool,
    state: State,
    decoded: u64,
}

#[derive(Debug)]
enum State {
    Resting { packets: u32 },
    Listening(Box<Listening>),
}

#[derive(Debug)]
struct Listening {
    codec: Codec,
    decoder: Decoder,
    listener: Listener,
    packets: u32,
}

impl Ear {
    pub(super) fn new(run: u32, spares: bool) -> Ear {
        Ear { run, spares, state: State::Resting { packets: 0 }, decoded: 0 }
    }

    /// Packets decoded so far.
    pub(super) fn decoded(&self) -> u64 {
        self.decoded
    }

    /// A payload without a stamp arrived. A leg, when its name was heard to the end.
    pub(super) fn hear(&mut self, codec: Codec, payload: &[u8]) -> Option<u32> {
        if let State::Resting { packets } = &mut self.state {
            if let Some(fewer) = packets.checked_sub(1) {
                *packets = fewer;
                return None;
            }
            self.state = State::Listening(Box::new(Listening::begin(codec, self.run)?));
        }
        let State::Listening(listening) = &mut self.state else { return None };
        if listening.codec != codec {
            **listening = Listening::begin(codec, self.run)?;
        }
        self.decoded += 1;
        let name = listening.hear(payload);
        if name.is_some() {
            self.state = State::Resting { packets: KNOWN };
        } else if self.spares && listening.packets >= TRIED {
            self.state = State::Resting { packets: STRANGE };
        }
        name
    }
}

impl Listening {
    /// `None` when there is no decoder for the codec: the phone then hears nothing.
    fn begin(codec: Codec, run: u32) -> Option<Listening> {
        let decoder = Decoder::new(codec).ok()?;
        Some(Listening { codec, decoder, listener: Listener::new(run), packets: 0 })
    }

    fn hear(&mut self, payload: &[u8]) -> Option<u32> {
        self.packets += 1;
        let mut samples = [0; MOST_SAMPLES];
        // Comfort noise and what is damaged say nothing.
        let count = self.decoder.decode(payload, &mut samples).ok()?;
        let rate = self.decoder.codec().rate();
        let frames = samples.get(..count)?.chunks(self.decoder.codec().frame());
        frames.fold(None, |name, frame| self.listener.hear(frame, rate).or(name))
    }
}

#[cfg(test)]
mod tests {
    use super::super::name::Name;
    use super::super::voices::Voices;
    use super::*;

    const RUN: u32 = 7;

    /// What an ear hears of a leg whose packets are passed over by `lost`.
    fn heard(codec: Codec, leg: u32, packets: u32, spares: bool, lost: impl Fn(u32) -> bool) -> Vec<u32> {
        let (voices, name, mut ear) = (Voices::of(&[codec]), Name::of(RUN, leg), Ear::new(RUN, spares));
        let numbers = (0..packets).filter(|number| !lost(*number));
        numbers.filter_map(|number| ear.hear(codec, voices.payload(codec, name.place(number))?)).collect()
    }

    #[test]
    fn a_name_is_heard_in_every_codec() {
        for codec in Codec::ALL {
            for leg in [3, 0x0123_4567] {
                assert_eq!(heard(codec, leg, 125, false, |_| false), [leg], "{codec:?}");
            }
        }
    }

    #[test]
    fn a_lost_packet_in_twenty_does_no_harm() {
        for codec in Codec::ALL {
            assert_eq!(heard(codec, 99, 125, false, |number| number % 20 == 7), [99], "{codec:?}");
        }
    }

    #[test]
    fn a_known_voice_is_listened_to_again_after_a_while() {
        assert_eq!(heard(Codec::Pcma, 5, 700, false, |_| false), [5, 5, 5]);
    }

    #[test]
    fn an_ear_that_expects_stamps_does_not_decode_music_throughout() {
        let decoded = |spares| {
            let mut ear = Ear::new(RUN, spares);
            let silence = [audio::g711::Law::A.silence(); 160];
            assert!((0..625).all(|_| ear.hear(Codec::Pcma, &silence).is_none()));
            ear.decoded()
        };
        assert_eq!((decoded(true), decoded(false)), (125, 625));
    }
}
