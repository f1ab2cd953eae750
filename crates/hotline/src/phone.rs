//! What telephones have in common: a line with SIP and RTP, registering, and the packets of a voice with its keys. [`run`] is the
//! softphone of the command line.

mod console;
mod line;
mod registration;
mod sound;
mod voice;

use audio::codec::Codec;
use audio::g711::Law;
use sip::AudioCodec;

pub use console::{Options, run};
pub(crate) use line::{Account, Happened, Line, Sound};
pub(crate) use registration::{Progress, Registration};
pub(crate) use voice::{Frame, Voice};

/// A codec of SIP as audio names it.
pub(crate) fn codec(codec: AudioCodec) -> Codec {
    match codec {
        AudioCodec::Pcmu => Codec::Pcmu,
        AudioCodec::Pcma => Codec::Pcma,
        AudioCodec::G722 => Codec::G722,
        AudioCodec::Opus => Codec::Opus,
        AudioCodec::L16Wide => Codec::L16Wide,
        AudioCodec::L16 => Codec::L16,
    }
}

/// The law of a codec, for telephones that offer the two laws of G.711 alone.
pub(crate) fn law(codec: AudioCodec) -> Law {
    if codec == AudioCodec::Pcmu { Law::Mu } else { Law::A }
}
