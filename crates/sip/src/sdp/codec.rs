//! The codecs that we speak, and how session descriptions name them.

use super::{Media, attribute};

/// An audio codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AudioCodec {
    /// G.711 μ-law, payload type 0 (RFC 3551).
    Pcmu,
    /// G.711 A-law, payload type 8 (RFC 3551).
    Pcma,
    /// G.722 at 64 kbit/s, payload type 9 (RFC 3551 section 4.5.2).
    G722,
    /// Opus (RFC 7587).
    Opus,
    /// 16-bit samples at 16 kHz (RFC 3551 section 4.5.11).
    L16Wide,
    /// 16-bit samples at 8 kHz.
    L16,
}

impl AudioCodec {
    /// All of them: G.711 first, which costs a bridge least.
    pub const ALL: [AudioCodec; 6] = [
        AudioCodec::Pcma,
        AudioCodec::Pcmu,
        AudioCodec::G722,
        AudioCodec::Opus,
        AudioCodec::L16Wide,
        AudioCodec::L16,
    ];

    /// The payload type that our offers give it: its static one (RFC 3551 table 4), else one of ours.
    pub const fn payload_type(self) -> u8 {
        match self {
            AudioCodec::Pcmu => 0,
            AudioCodec::Pcma => 8,
            AudioCodec::G722 => 9,
            AudioCodec::Opus => 96,
            AudioCodec::L16Wide => 97,
            AudioCodec::L16 => 98,
        }
    }

    const fn is_static(self) -> bool {
        self.payload_type() < 96
    }

    /// Encoding name, clock and, for Opus, its two channels, as `a=rtpmap` has them.
    const fn rtpmap(self) -> &'static str {
        match self {
            AudioCodec::Pcmu => "PCMU/8000",
            AudioCodec::Pcma => "PCMA/8000",
            AudioCodec::G722 => "G722/8000",
            AudioCodec::Opus => "opus/48000/2",
            AudioCodec::L16Wide => "L16/16000",
            AudioCodec::L16 => "L16/8000",
        }
    }

    /// What we say of ourselves in `a=fmtp` (RFC 7587 section 6.1): we use redundancy, and need no more than 16 kHz.
    const fn parameters(self) -> Option<&'static str> {
        match self {
            AudioCodec::Opus => {
                Some("minptime=10;useinbandfec=1;maxplaybackrate=16000;sprop-maxcapturerate=16000")
            }
            AudioCodec::Pcmu
            | AudioCodec::Pcma
            | AudioCodec::G722
            | AudioCodec::L16Wide
            | AudioCodec::L16 => None,
        }
    }

    /// The codec that an `a=rtpmap` names, in any case; a channel count of 1 may be said or left out.
    fn named(rtpmap: &str) -> Option<AudioCodec> {
        let same = |codec: &AudioCodec| {
            let own = codec.rtpmap();
            let plain = rtpmap.strip_suffix("/1").filter(|_| *codec != AudioCodec::Opus).unwrap_or(rtpmap);
            plain.eq_ignore_ascii_case(own)
        };
        AudioCodec::ALL.into_iter().find(same)
    }
}

/// A codec with the number and the parameters that one description gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) codec: AudioCodec,
    pub(super) payload_type: u8,
    pub(super) parameters: Option<String>,
}

impl Format {
    /// As we offer it.
    pub(super) fn ours(codec: AudioCodec) -> Format {
        let parameters = codec.parameters().map(str::to_owned);
        Format { codec, payload_type: codec.payload_type(), parameters }
    }

    /// A format of an `m=` line, when it is a codec that we know. Its rtpmap decides; without one the number does, if
    /// it is a static one.
    pub(super) fn read(media: &Media, format: &str) -> Option<Format> {
        let payload_type: u8 = format.parse().ok().filter(|payload_type| *payload_type < 128)?;
        let value_of = |name| {
            attribute(&media.lines, name).find_map(|value| {
                let (number, value) = value.trim().split_once(' ')?;
                (number == format).then(|| value.trim())
            })
        };
        let codec = match value_of("rtpmap") {
            Some(rtpmap) => AudioCodec::named(rtpmap)?,
            None => AudioCodec::ALL
                .into_iter()
                .find(|codec| codec.is_static() && codec.payload_type() == payload_type)?,
        };
        Some(Format { codec, payload_type, parameters: value_of("fmtp").map(str::to_owned) })
    }

    /// Its attributes.
    pub(super) fn lines(&self) -> impl Iterator<Item = String> + use<> {
        let rtpmap = format!("rtpmap:{} {}", self.payload_type, self.codec.rtpmap());
        let fmtp =
            self.parameters.as_ref().map(|parameters| format!("fmtp:{} {parameters}", self.payload_type));
        std::iter::once(rtpmap).chain(fmtp)
    }
}
