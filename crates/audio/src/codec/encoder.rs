//! Encodes samples to payloads.

use audio_codec::Encoder as _;
use audio_codec::g722::G722Encoder;
use rusty_opus::{Application, OpusEncoder};

use super::{Codec, CodecError, OpusFormat};
use crate::g711::Law;

/// Effort of Opus, 0 to 10: from 8 on it scores as libopus does (PESQ 4.27 at 24 kbit/s), at 5 it does not (4.05).
const OPUS_COMPLEXITY: i32 = 8;
/// The packet loss, in percent, that Opus' redundancy is tuned for.
const OPUS_LOSS: i32 = 10;

/// Makes one payload of each 20 ms.
pub struct Encoder {
    codec: Codec,
    kind: Kind,
}

enum Kind {
    G711(Law),
    G722(Box<G722Encoder>),
    Opus { encoder: Box<OpusEncoder>, pcm: Box<[f32; 320]> },
    L16,
}

impl Encoder {
    /// An encoder for `codec`. `format`: what the peer asked for; it matters to Opus only.
    pub fn new(codec: Codec, format: OpusFormat) -> Result<Encoder, CodecError> {
        let kind = match (Law::of(codec), codec) {
            (Some(law), _) => Kind::G711(law),
            (None, Codec::G722) => Kind::G722(Box::new(G722Encoder::new())),
            (None, Codec::Opus) => {
                let encoder = OpusEncoder::new(16_000, 1, Application::Voip);
                let mut encoder = encoder.map_err(|reason| CodecError::Broken { codec, reason })?;
                encoder.bitrate_bps = i32::try_from(format.bitrate).unwrap_or(i32::MAX);
                encoder.complexity = OPUS_COMPLEXITY;
                encoder.use_inband_fec = format.redundancy;
                encoder.packet_loss_perc = OPUS_LOSS;
                encoder.use_dtx = format.silence;
                Kind::Opus { encoder: Box::new(encoder), pcm: Box::new([0.0; 320]) }
            }
            (None, Codec::L16 | Codec::L16Wide | Codec::Pcmu | Codec::Pcma) => Kind::L16,
        };
        Ok(Encoder { codec, kind })
    }

    /// Encodes 20 ms at the codec's rate at the start of `payload`; returns its length. An Opus payload of 1 or 2 bytes
    /// is silence that need not be sent (RFC 6716 section 2.1.9).
    pub fn encode(&mut self, frame: &[i16], payload: &mut [u8]) -> Result<usize, CodecError> {
        let codec = self.codec;
        if frame.len() != codec.frame() {
            return Err(CodecError::Frame { codec, samples: frame.len() });
        }
        let wanted = match codec {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 160,
            Codec::L16 | Codec::L16Wide => 2 * frame.len(),
            Codec::Opus => 1,
        };
        if payload.len() < wanted {
            return Err(CodecError::Room { codec, wanted });
        }
        match &mut self.kind {
            Kind::G711(law) => {
                law.encode_into(frame, payload);
                Ok(wanted)
            }
            Kind::G722(encoder) => {
                encoder.encode_into(frame, payload).map_err(|_| CodecError::Room { codec, wanted })
            }
            Kind::Opus { encoder, pcm } => {
                pcm.iter_mut().zip(frame).for_each(|(pcm, sample)| *pcm = f32::from(*sample) / 32_768.0);
                let most = payload.len().min(codec.longest_payload());
                let room = payload.get_mut(..most).unwrap_or_default();
                encoder
                    .encode(&**pcm, frame.len(), room)
                    .map_err(|reason| CodecError::Broken { codec, reason })
            }
            Kind::L16 => {
                for (bytes, sample) in payload.chunks_exact_mut(2).zip(frame) {
                    bytes.copy_from_slice(&sample.to_be_bytes());
                }
                Ok(wanted)
            }
        }
    }
}

impl std::fmt::Debug for Encoder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Encoder").field("codec", &self.codec).finish_non_exhaustive()
    }
}
