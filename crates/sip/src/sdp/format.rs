//! Codecs in a session description.

use codec::Codec;

use super::{Media, attribute};

/// A codec with the number and the parameters that one description gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Format {
    pub(super) codec: Codec,
    pub(super) payload_type: u8,
    pub(super) parameters: Option<String>,
}

impl Format {
    /// As we offer it.
    pub(super) fn ours(codec: Codec) -> Format {
        let parameters = codec.fmtp().map(str::to_owned);
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
            Some(rtpmap) => Codec::of_rtpmap(rtpmap)?,
            None => Codec::of_payload_type(payload_type)?,
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
