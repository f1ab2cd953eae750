//! What simulated telephones have in common: registering, and the packets of a voice with its keys.

mod registration;
mod voice;

use audio::g711::Law;
use sip::AudioCodec;

pub(crate) use registration::{Progress, Registration};
pub(crate) use voice::{Frame, Voice};

/// The law of a codec. Simulated telephones offer the two laws of G.711 alone.
pub(crate) fn law(codec: AudioCodec) -> Law {
    if codec == AudioCodec::Pcmu { Law::Mu } else { Law::A }
}
