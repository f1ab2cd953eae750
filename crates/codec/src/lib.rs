//! What both ends of an audio stream agree on: the codec, by its names, numbers and rates, and how packets are
//! protected.
//!
//! Signalling negotiates these, the audio library uses them, and the engine passes them from one to the other: all
//! three share these types.

#![forbid(unsafe_code)]

mod names;
mod opus;
mod payload;
mod srtp;
#[cfg(test)]
mod tests;

pub use names::{Codec, UnknownCodec};
pub use opus::OpusFormat;
pub use payload::LONGEST_MS;
pub use srtp::{Srtp, SrtpKey, SrtpSuite, UnknownSuite};
