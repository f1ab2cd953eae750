//! The codecs of telephony behind one pair of types: PCMU, PCMA, G.722, Opus and L16.
//!
//! A [`Codec`] is a name with its facts; an [`Encoder`] makes packets of 20 ms; a [`Decoder`] reads packets of 10
//! to 60 ms and conceals missing ones, each by the best means that its codec has. Audio is 16-bit mono at the
//! codec's [`rate`](Codec::rate). After construction nothing is allocated.

mod decoder;
mod encoder;
#[cfg(test)]
mod tests;

pub use decoder::Decoder;
pub use encoder::Encoder;

use crate::g711::Law;

/// A codec as signalling names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Codec {
    /// G.711 μ-law (RFC 3551 section 4.5.14).
    Pcmu,
    /// G.711 A-law (RFC 3551 section 4.5.14).
    Pcma,
    /// G.722 at 64 kbit/s: audio at 16 kHz, but an RTP clock of 8000 (RFC 3551 section 4.5.2).
    G722,
    /// Opus (RFC 6716, 7587), here at 16 kHz mono.
    Opus,
    /// Plain 16-bit samples, big-endian, at 8 kHz (RFC 3551 section 4.5.11).
    L16,
    /// The same at 16 kHz.
    L16Wide,
}

/// The longest packet that is decoded, in milliseconds.
pub const LONGEST_MS: u32 = 60;
/// Samples of the longest packet at the highest rate.
pub const MOST_SAMPLES: usize = 960;

/// Why a payload was not decoded, or a frame not encoded.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    /// Not 10 to 60 ms of audio of this codec.
    #[error("{len} bytes are no packet of {}", codec.rtpmap())]
    Payload {
        /// The codec.
        codec: Codec,
        /// Bytes of the payload.
        len: usize,
    },
    /// The codec refuses what the payload says.
    #[error("broken payload of {}", codec.rtpmap())]
    Broken {
        /// The codec.
        codec: Codec,
        /// As the codec says it.
        #[source]
        reason: rusty_opus::Error,
    },
    /// The caller's buffer is too short.
    #[error("no room for {wanted} samples or bytes of {}", codec.rtpmap())]
    Room {
        /// The codec.
        codec: Codec,
        /// What was needed.
        wanted: usize,
    },
    /// A frame that is not 20 ms long.
    #[error("{samples} samples are no 20 ms of {}", codec.rtpmap())]
    Frame {
        /// The codec.
        codec: Codec,
        /// As there were.
        samples: usize,
    },
}

impl Codec {
    /// All of them, in our order of preference for telephones.
    pub const ALL: [Codec; 6] =
        [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus, Codec::L16Wide, Codec::L16];

    /// Samples a second of its audio.
    pub fn rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::L16 => 8000,
            Codec::G722 | Codec::Opus | Codec::L16Wide => 16_000,
        }
    }

    /// RTP units a second. G.722's 8000 is a mistake of history that RFC 3551 keeps; Opus always says 48000.
    pub fn clock(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 => 8000,
            Codec::L16Wide => 16_000,
            Codec::Opus => 48_000,
        }
    }

    /// Samples of 20 ms.
    pub fn frame(self) -> usize {
        self.rate() as usize / 50
    }

    /// The payload type that needs no rtpmap (RFC 3551 table 4).
    pub fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::Opus | Codec::L16 | Codec::L16Wide => None,
        }
    }

    /// The codec of a static payload type.
    pub fn of_payload_type(payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// Encoding name, clock and, for Opus, its two channels, as `a=rtpmap` has them.
    pub fn rtpmap(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU/8000",
            Codec::Pcma => "PCMA/8000",
            Codec::G722 => "G722/8000",
            Codec::Opus => "opus/48000/2",
            Codec::L16 => "L16/8000",
            Codec::L16Wide => "L16/16000",
        }
    }

    /// The codec that an `a=rtpmap` names, in any case; a channel count of 1 may be said or left out.
    pub fn of_rtpmap(rtpmap: &str) -> Option<Codec> {
        let named = |codec: &Codec| {
            let own = codec.rtpmap();
            let said = if own.matches('/').count() == 1 {
                rtpmap.strip_suffix("/1").unwrap_or(rtpmap)
            } else {
                rtpmap
            };
            said.eq_ignore_ascii_case(own)
        };
        Codec::ALL.into_iter().find(named)
    }

    /// What we say of ourselves in `a=fmtp` (RFC 7587 section 6.1): we use redundancy, and need no more than 16 kHz.
    pub fn fmtp(self) -> Option<&'static str> {
        match self {
            Codec::Opus => {
                Some("minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000")
            }
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 | Codec::L16Wide => None,
        }
    }

    /// Bytes of the longest payload that is decoded (60 ms; three frames of Opus at their longest).
    pub fn longest_payload(self) -> usize {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => 480,
            Codec::L16 => 960,
            // What fits an Ethernet frame; longer L16 and Opus packets are not sent by telephones.
            Codec::L16Wide | Codec::Opus => 1480,
        }
    }

    /// How long a payload lasts, in RTP units; `None` when it is no packet of 10 to 60 ms. For Opus 2.5 and 5 ms are
    /// taken too.
    pub fn duration(self, payload: &[u8]) -> Option<u32> {
        let len = u32::try_from(payload.len()).ok()?;
        let (units, least) = match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 => (len, 10),
            Codec::L16 | Codec::L16Wide if len % 2 == 0 => (len / 2, 10),
            Codec::L16 | Codec::L16Wide => return None,
            Codec::Opus => (opus_duration(payload)?, 2),
        };
        let ms = self.clock() / 1000;
        (least * ms..=LONGEST_MS * ms).contains(&units).then_some(units)
    }

    /// G.711 of a law.
    pub fn of_law(law: Law) -> Codec {
        match law {
            Law::Mu => Codec::Pcmu,
            Law::A => Codec::Pcma,
        }
    }

    fn law(self) -> Option<Law> {
        match self {
            Codec::Pcmu => Some(Law::Mu),
            Codec::Pcma => Some(Law::A),
            Codec::G722 | Codec::Opus | Codec::L16 | Codec::L16Wide => None,
        }
    }
}

/// What the peer wants of our Opus encoder (RFC 7587 section 6.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OpusFormat {
    /// Bits a second on average: 6,000 to 64,000.
    pub bitrate: u32,
    /// It uses redundancy.
    pub redundancy: bool,
    /// It wants nothing sent while there is silence.
    pub silence: bool,
}

/// Redundancy takes some 15 kbit/s of this; with it, it sounds as 24 kbit/s do without (PESQ 4.28 and 4.27).
const BITRATE: u32 = 40_000;

impl Default for OpusFormat {
    fn default() -> OpusFormat {
        OpusFormat { bitrate: BITRATE, redundancy: true, silence: false }
    }
}

impl OpusFormat {
    /// Reads the peer's `a=fmtp` parameters; unknown and broken ones are passed over, as section 6.1 wants.
    pub fn parse(fmtp: &str) -> OpusFormat {
        let mut format = OpusFormat { redundancy: false, ..OpusFormat::default() };
        for parameter in fmtp.split(';') {
            match parameter.split_once('=').map(|(name, value)| (name.trim(), value.trim())) {
                Some(("useinbandfec", value)) => format.redundancy = value == "1",
                Some(("usedtx", value)) => format.silence = value == "1",
                Some(("maxaveragebitrate", value)) => {
                    let most = value.parse().unwrap_or(format.bitrate);
                    format.bitrate = format.bitrate.min(most).clamp(6000, 64_000);
                }
                Some(_) | None => {}
            }
        }
        format
    }
}

/// How long an Opus packet lasts in units of 48 kHz (RFC 6716 sections 3.1 and 3.2); `None` when it has no or too many
/// frames.
fn opus_duration(payload: &[u8]) -> Option<u32> {
    let toc = *payload.first()?;
    let frame = match toc >> 3 {
        config @ 0..12 => [480, 960, 1920, 2880][usize::from(config % 4)],
        config @ 12..16 => [480, 960][usize::from(config % 2)],
        config => [120, 240, 480, 960][usize::from(config % 4)],
    };
    let frames = match toc & 3 {
        0 => 1,
        1 | 2 => 2,
        _ => u32::from(payload.get(1)? & 0x3f),
    };
    (frames > 0).then_some(frame * frames)
}
