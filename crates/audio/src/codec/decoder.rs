//! Decodes payloads to samples, and conceals missing ones.

use audio_codec::Decoder as _;
use audio_codec::g722::G722Decoder;
use rusty_opus::OpusDecoder;

use super::{Codec, CodecError, MOST_SAMPLES};
use crate::conceal::Concealer;
use crate::g711::Law;

/// 10 ms of Opus at 16 kHz.
const OPUS_STEP: usize = 160;

/// After a loss of 40 ms or more (in samples of 16 kHz) the G.722 decoder is reset: its old state predicts worse than
/// a fresh one, and clicks where a loud sound was lost and a quiet one follows.
const FORGETS: usize = 640;

/// Reads payloads of 10 to 60 ms in the order of their time, and conceals missing ones.
pub struct Decoder {
    codec: Codec,
    kind: Kind,
}

enum Kind {
    G711 { law: Law, concealer: Box<Concealer> },
    G722 { decoder: Box<G722Decoder>, concealer: Box<Concealer>, lost: usize },
    Opus { decoder: Box<OpusDecoder>, pcm: Box<[f32; MOST_SAMPLES]> },
    L16 { concealer: Box<Concealer> },
}

impl Decoder {
    /// A decoder.
    pub fn new(codec: Codec) -> Result<Decoder, CodecError> {
        let concealer = Box::new(Concealer::new(codec.rate()));
        let kind = match (Law::of(codec), codec) {
            (Some(law), _) => Kind::G711 { law, concealer },
            (None, Codec::G722) => Kind::G722 { decoder: Box::default(), concealer, lost: 0 },
            (None, Codec::Opus) => {
                let decoder = OpusDecoder::new(16_000, 1);
                let decoder = decoder.map_err(|reason| CodecError::Broken { codec, reason })?;
                Kind::Opus { decoder: Box::new(decoder), pcm: Box::new([0.0; MOST_SAMPLES]) }
            }
            (None, Codec::L16 | Codec::L16Wide | Codec::Pcmu | Codec::Pcma) => Kind::L16 { concealer },
        };
        Ok(Decoder { codec, kind })
    }

    /// The codec.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Decodes a payload at the start of `out`; returns the number of samples. After a concealed loss the beginning is
    /// blended with the concealment.
    pub fn decode(&mut self, payload: &[u8], out: &mut [i16]) -> Result<usize, CodecError> {
        let (codec, len) = (self.codec, payload.len());
        let duration = codec.duration(payload).ok_or(CodecError::Payload { codec, len })?;
        let wanted = (u64::from(duration) * u64::from(codec.rate()) / u64::from(codec.clock())) as usize;
        let out = out.get_mut(..wanted).ok_or(CodecError::Room { codec, wanted })?;
        match &mut self.kind {
            Kind::G711 { law, concealer } => {
                law.decode_into(payload, out);
                concealer.good(out);
            }
            Kind::G722 { decoder, concealer, lost } => {
                if std::mem::take(lost) >= FORGETS {
                    **decoder = G722Decoder::new();
                }
                decoder.decode_into(payload, out).map_err(|_| CodecError::Room { codec, wanted })?;
                concealer.good(out);
            }
            Kind::Opus { decoder, pcm } => {
                let made = decoder.decode(payload, wanted, &mut pcm[..wanted]);
                to_16_bit(made.map_err(|reason| CodecError::Broken { codec, reason })?, &**pcm, out);
            }
            Kind::L16 { concealer } => {
                for (sample, bytes) in out.iter_mut().zip(payload.chunks_exact(2)) {
                    *sample = i16::from_be_bytes([bytes[0], bytes[1]]);
                }
                concealer.good(out);
            }
        }
        Ok(wanted)
    }

    /// Skips a loss of `samples` samples before the payload `next`, without concealment. Returns `true` when `next`
    /// repeats the packet before it (only Opus does); `out` then holds that packet, which is as long as `next`.
    pub fn recover(&mut self, samples: usize, next: &[u8], out: &mut [i16]) -> bool {
        match &mut self.kind {
            Kind::G711 { .. } | Kind::L16 { .. } => false,
            Kind::G722 { lost, .. } => {
                *lost += samples;
                false
            }
            Kind::Opus { .. } => {
                self.conceal(Some(next), out);
                repeats(next)
            }
        }
    }

    /// Conceals `out.len()` missing samples (at most 60 ms). `next`: the payload that follows the missing audio, if it
    /// has come already; Opus repeats in it what was lost.
    pub fn conceal(&mut self, next: Option<&[u8]>, out: &mut [i16]) {
        match &mut self.kind {
            Kind::G711 { concealer, .. } | Kind::L16 { concealer } => concealer.lost(out),
            Kind::G722 { concealer, lost, .. } => {
                concealer.lost(out);
                *lost += out.len();
            }
            Kind::Opus { decoder, pcm } => {
                // Opus conceals in steps of 10 ms; a remainder of `out` stays silent.
                let wanted = out.len().min(MOST_SAMPLES) / OPUS_STEP * OPUS_STEP;
                let room = &mut pcm[..wanted];
                let repeats = |next: &&[u8]| Codec::Opus.duration(next) == u32::try_from(wanted * 3).ok();
                let made = match next.filter(repeats) {
                    _ if wanted == 0 => Ok(0),
                    Some(next) => decoder.decode_fec(next, wanted, room),
                    None => decoder.decode(&[], wanted, room),
                };
                // A decoder that has not decoded anything yet has nothing to continue: silence.
                to_16_bit(made.unwrap_or(0), &**pcm, out);
            }
        }
    }
}

/// Whether an Opus packet of one mono frame repeats the packet before it (RFC 6716 section 4.2.3): a bit after the
/// voice activity bits, one for each 20 ms.
fn repeats(payload: &[u8]) -> bool {
    let [toc, first, ..] = payload else { return false };
    let frames = match toc >> 3 {
        config @ 0..12 => [1, 1, 2, 3][usize::from(config % 4)],
        12..16 => 1,
        _ => return false,
    };
    let single_and_mono = toc & 0b111 == 0;
    single_and_mono && first >> (7 - frames) & 1 == 1
}

/// Converts the `made` samples of Opus to 16 bits; the rest of `out` is silence.
fn to_16_bit(made: usize, pcm: &[f32], out: &mut [i16]) {
    out.fill(0);
    for (sample, value) in out.iter_mut().zip(pcm.get(..made).unwrap_or_default()) {
        *sample = (value * 32_768.0).round_ties_even() as i16; // `as` saturates.
    }
}

impl std::fmt::Debug for Decoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Decoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}
