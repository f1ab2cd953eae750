//! The voices of all phones, encoded ahead: every tone that a name is said in, in each codec that the run speaks.
//! A packet then costs a copy, whatever its codec.

use std::sync::OnceLock;

use audio::codec::{CodecError, Encoder, OpusFormat};
use sip::Codec;

use super::name::{self, HELD, Place, TONES};
use super::stamp;

/// The longest payload that is sent: L16 at 16 kHz.
pub(super) const LONGEST: usize = 640;

/// What phones say.
#[derive(Debug, Default)]
pub(super) struct Voices {
    /// In the order of [`Codec::ALL`]; those that a system forces on a phone are encoded when that happens.
    by_codec: [OnceLock<Vec<Vec<u8>>>; Codec::ALL.len()],
}

impl Voices {
    /// With these codecs ready.
    pub(super) fn of(codecs: &[Codec]) -> Voices {
        let voices = Voices::default();
        for codec in codecs {
            voices.payload(*codec, Place { tone: 0, frame: 0 });
        }
        voices
    }

    /// One frame of a tone. `None` when the codec's encoder refuses; the tone cannot be heard then.
    pub(super) fn payload(&self, codec: Codec, place: Place) -> Option<&[u8]> {
        let nth = Codec::ALL.iter().position(|other| *other == codec)?;
        let payloads = self.by_codec.get(nth)?.get_or_init(|| {
            encode(codec).unwrap_or_else(|error| {
                tracing::error!(%error, ?codec, "phones cannot speak this codec");
                Vec::new()
            })
        });
        payloads.get(place.tone * HELD + place.frame).map(Vec::as_slice)
    }
}

/// All frames of all tones; each tone by an encoder of its own, as if it was the first that is said.
fn encode(codec: Codec) -> Result<Vec<Vec<u8>>, CodecError> {
    let mut payloads = Vec::with_capacity(TONES * HELD);
    for tone in 0..TONES {
        let format = OpusFormat { redundancy: false, ..OpusFormat::default() };
        let mut encoder = Encoder::new(codec, format)?;
        let samples = name::frame(tone, codec.rate());
        for _ in 0..HELD {
            let mut payload = [0; LONGEST];
            let length = encoder.encode(&samples, &mut payload)?;
            let payload = payload.get(..length).unwrap_or_default();
            payloads.push(match codec {
                Codec::Opus => stamp::with_room_in_opus(payload),
                Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16Wide | Codec::L16 => payload.to_vec(),
            });
        }
    }
    Ok(payloads)
}
