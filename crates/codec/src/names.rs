//! Codecs: their names, payload types and rates.

use std::fmt;
use std::str::FromStr;

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[cfg_attr(feature = "serde", derive(serde::Serialize, serde::Deserialize))]
pub enum Codec {
    /// G.711 μ-law, payload type 0 (RFC 3551 section 4.5.14).
    #[cfg_attr(feature = "serde", serde(rename = "PCMU"))]
    Pcmu,
    /// G.711 A-law, payload type 8 (RFC 3551 section 4.5.14).
    #[cfg_attr(feature = "serde", serde(rename = "PCMA"))]
    Pcma,
    /// G.722 at 64 kbit/s, payload type 9: audio at 16 kHz, but an RTP clock of 8000 (RFC 3551 section 4.5.2).
    #[cfg_attr(feature = "serde", serde(rename = "G722"))]
    G722,
    /// Opus (RFC 6716, 7587), here at 16 kHz mono.
    #[cfg_attr(feature = "serde", serde(rename = "opus"))]
    Opus,
    /// Plain 16-bit samples, big-endian, at 16 kHz (RFC 3551 section 4.5.11).
    #[cfg_attr(feature = "serde", serde(rename = "L16/16000"))]
    L16Wide,
    /// The same at 8 kHz.
    #[cfg_attr(feature = "serde", serde(rename = "L16"))]
    L16,
}

impl Codec {
    /// All of them, in our order of preference: G.711, which costs a bridge least, first.
    pub const ALL: [Codec; 6] =
        [Codec::Pcma, Codec::Pcmu, Codec::G722, Codec::Opus, Codec::L16Wide, Codec::L16];

    /// The name in configuration and in the event log.
    pub const fn name(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU",
            Codec::Pcma => "PCMA",
            Codec::G722 => "G722",
            Codec::Opus => "opus",
            Codec::L16Wide => "L16/16000",
            Codec::L16 => "L16",
        }
    }

    /// The payload type that needs no rtpmap (RFC 3551 table 4).
    pub const fn static_payload_type(self) -> Option<u8> {
        match self {
            Codec::Pcmu => Some(0),
            Codec::Pcma => Some(8),
            Codec::G722 => Some(9),
            Codec::Opus | Codec::L16Wide | Codec::L16 => None,
        }
    }

    /// The codec of a static payload type.
    pub fn of_payload_type(payload_type: u8) -> Option<Codec> {
        Codec::ALL.into_iter().find(|codec| codec.static_payload_type() == Some(payload_type))
    }

    /// The payload type that our offers give it: the static one, else one of the dynamic range (RFC 3551 section 3).
    pub const fn payload_type(self) -> u8 {
        match self {
            Codec::Pcmu => 0,
            Codec::Pcma => 8,
            Codec::G722 => 9,
            Codec::Opus => 96,
            Codec::L16Wide => 97,
            Codec::L16 => 98,
        }
    }

    /// Samples a second of its audio.
    pub const fn rate(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::L16 => 8000,
            Codec::G722 | Codec::Opus | Codec::L16Wide => 16_000,
        }
    }

    /// Samples of 20 ms.
    pub const fn frame(self) -> usize {
        self.rate() as usize / 50
    }

    /// RTP timestamp units a second. For G.722 8000, an old mistake that RFC 3551 keeps; for Opus always 48000.
    pub const fn clock(self) -> u32 {
        match self {
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16 => 8000,
            Codec::L16Wide => 16_000,
            Codec::Opus => 48_000,
        }
    }

    /// Encoding name, clock and, for Opus, its two channels, as `a=rtpmap` has them.
    pub const fn rtpmap(self) -> &'static str {
        match self {
            Codec::Pcmu => "PCMU/8000",
            Codec::Pcma => "PCMA/8000",
            Codec::G722 => "G722/8000",
            Codec::Opus => "opus/48000/2",
            Codec::L16Wide => "L16/16000",
            Codec::L16 => "L16/8000",
        }
    }

    /// The codec that an `a=rtpmap` names, in any case; a channel count of 1 may be given or left out.
    pub fn of_rtpmap(rtpmap: &str) -> Option<Codec> {
        let same = |codec: &Codec| {
            let plain = rtpmap.strip_suffix("/1").filter(|_| *codec != Codec::Opus).unwrap_or(rtpmap);
            plain.eq_ignore_ascii_case(codec.rtpmap())
        };
        Codec::ALL.into_iter().find(same)
    }

    /// Our own `a=fmtp` parameters (RFC 7587 section 6.1): in-band FEC is used, playback at 16 kHz at most.
    pub const fn fmtp(self) -> Option<&'static str> {
        match self {
            Codec::Opus => {
                Some("minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000")
            }
            Codec::Pcmu | Codec::Pcma | Codec::G722 | Codec::L16Wide | Codec::L16 => None,
        }
    }

    /// True for the two laws of G.711, between which a bridge translates byte by byte.
    pub const fn is_g711(self) -> bool {
        match self {
            Codec::Pcmu | Codec::Pcma => true,
            Codec::G722 | Codec::Opus | Codec::L16Wide | Codec::L16 => false,
        }
    }

    /// True when a bridge of the two passes packets on without decoding them.
    pub fn passes_to(self, other: Codec) -> bool {
        self == other || (self.is_g711() && other.is_g711())
    }
}

/// Not the name of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCodec;

impl fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a codec is PCMA, PCMU, G722, opus, L16/16000 or L16")
    }
}

impl std::error::Error for UnknownCodec {}

/// By [`Codec::name`], in any case.
impl FromStr for Codec {
    type Err = UnknownCodec;

    fn from_str(text: &str) -> Result<Codec, UnknownCodec> {
        Codec::ALL.into_iter().find(|codec| codec.name().eq_ignore_ascii_case(text)).ok_or(UnknownCodec)
    }
}
