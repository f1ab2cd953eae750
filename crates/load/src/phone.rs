//! What telephones have in common: a line with SIP and RTP, registering, and the packets of a voice with its keys.

mod line;
mod registration;
mod voice;

use audio::g711::Law;
use sip::Codec;

pub use line::{Account, Ear, Happened, Line, Sound};
pub(crate) use registration::{Progress, Registration};
pub(crate) use voice::{Frame, Voice};

/// The law of a codec, for telephones that offer the two laws of G.711 alone.
pub(crate) fn law(codec: Codec) -> Law {
    Law::of(codec).unwrap_or(Law::A)
}
