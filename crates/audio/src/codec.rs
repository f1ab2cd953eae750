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

pub use ::codec::{Codec, LONGEST_MS, OpusFormat};

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
