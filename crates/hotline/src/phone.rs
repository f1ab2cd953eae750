//! What simulated telephones have in common: registering, and the packets of a voice with its keys.

mod registration;
mod voice;

use audio::g711::Law;
use sip::AudioCodec;

pub(crate) use registration::{Progress, Registration};
pub(crate) use voice::{Frame, Voice};

/// The payload type that a codec is sent as (RFC 3551 table 4).
pub(crate) fn payload_type(codec: AudioCodec) -> u8 {
    match codec {
        AudioCodec::Pcmu => 0,
        AudioCodec::Pcma => 8,
    }
}

/// The law behind a codec's name.
pub(crate) fn law(codec: AudioCodec) -> Law {
    match codec {
        AudioCodec::Pcmu => Law::Mu,
        AudioCodec::Pcma => Law::A,
    }
}
