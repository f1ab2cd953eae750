//! What holds for the calls of one endpoint, an agent's seat or a trunk.

use std::fmt;
use std::str::FromStr;

use ::sip::{AudioCodec, Encryption};
use model::Codec;

use super::Numbers;

/// An endpoint's encryption, codecs and numbers.
#[derive(Debug, Clone, Default)]
pub struct Terms {
    /// Whether its calls are encrypted.
    pub srtp: Encryption,
    /// What it speaks.
    pub codecs: Codecs,
    /// How its numbers are read.
    pub numbers: Numbers,
}

/// The codecs of an endpoint.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Codecs {
    /// All that we have: the peer's first choice among those that cost a bridge least, which are G.711's.
    #[default]
    Cheapest,
    /// These, best first.
    Listed(Vec<Codec>),
}

/// A codec as configuration names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CodecName(pub Codec);

/// A name that is none of a codec.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownCodec;

impl fmt::Display for UnknownCodec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a codec is PCMA, PCMU, G722, opus, L16/16000 or L16")
    }
}

impl std::error::Error for UnknownCodec {}

impl FromStr for CodecName {
    type Err = UnknownCodec;

    fn from_str(text: &str) -> Result<CodecName, UnknownCodec> {
        let codec = match text.to_ascii_uppercase().as_str() {
            "PCMA" => Codec::Pcma,
            "PCMU" => Codec::Pcmu,
            "G722" => Codec::G722,
            "OPUS" => Codec::Opus,
            "L16/16000" => Codec::L16Wide,
            "L16" => Codec::L16,
            _ => return Err(UnknownCodec),
        };
        Ok(CodecName(codec))
    }
}

impl Codecs {
    /// What may be negotiated.
    pub(super) fn allowed(&self) -> Vec<AudioCodec> {
        match self {
            Codecs::Cheapest => AudioCodec::ALL.to_vec(),
            Codecs::Listed(listed) => listed.iter().copied().map(audio_codec).collect(),
        }
    }

    /// The one to answer an offer with.
    pub(super) fn choose(&self, offered: &[AudioCodec]) -> Option<AudioCodec> {
        match self {
            Codecs::Cheapest => offered.iter().copied().min_by_key(|choice| !codec(*choice).is_g711()),
            Codecs::Listed(listed) => {
                listed.iter().copied().map(audio_codec).find(|codec| offered.contains(codec))
            }
        }
    }

    /// What to offer, when `wished` would be best first: its first, if the endpoint speaks it, then the endpoint's own
    /// order.
    pub(super) fn offer(&self, wished: &[Codec]) -> Vec<AudioCodec> {
        let codecs: Vec<Codec> = match self {
            Codecs::Cheapest => wished.to_vec(),
            Codecs::Listed(listed) => {
                let first = wished.first().filter(|first| listed.contains(first));
                let rest = listed.iter().filter(|codec| Some(*codec) != first);
                first.into_iter().chain(rest).copied().collect()
            }
        };
        codecs.into_iter().map(audio_codec).collect()
    }
}

/// A codec of SIP as the center names it.
pub(super) fn codec(codec: AudioCodec) -> Codec {
    match codec {
        AudioCodec::Pcmu => Codec::Pcmu,
        AudioCodec::Pcma => Codec::Pcma,
        AudioCodec::G722 => Codec::G722,
        AudioCodec::Opus => Codec::Opus,
        AudioCodec::L16Wide => Codec::L16Wide,
        AudioCodec::L16 => Codec::L16,
    }
}

/// A codec of the center as SIP names it.
pub(super) fn audio_codec(codec: Codec) -> AudioCodec {
    match codec {
        Codec::Pcmu => AudioCodec::Pcmu,
        Codec::Pcma => AudioCodec::Pcma,
        Codec::G722 => AudioCodec::G722,
        Codec::Opus => AudioCodec::Opus,
        Codec::L16Wide => AudioCodec::L16Wide,
        Codec::L16 => AudioCodec::L16,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_g711_is_chosen_in_the_peers_order_and_others_only_alone() {
        let any = Codecs::Cheapest;
        let choose = |offered: &[AudioCodec]| any.choose(offered);
        assert_eq!(choose(&[AudioCodec::Opus, AudioCodec::Pcmu, AudioCodec::Pcma]), Some(AudioCodec::Pcmu));
        assert_eq!(choose(&[AudioCodec::Opus, AudioCodec::G722]), Some(AudioCodec::Opus));
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn a_list_is_our_preference_and_a_limit() {
        let listed = Codecs::Listed(vec![Codec::G722, Codec::Pcma]);
        assert_eq!(listed.choose(&[AudioCodec::Pcma, AudioCodec::G722]), Some(AudioCodec::G722));
        assert_eq!(listed.choose(&[AudioCodec::Opus, AudioCodec::Pcmu]), None);
        assert_eq!(listed.offer(&[Codec::Pcma, Codec::Opus]), [AudioCodec::Pcma, AudioCodec::G722]);
        assert_eq!(listed.offer(&[Codec::Opus]), [AudioCodec::G722, AudioCodec::Pcma]);
    }

    #[test]
    fn names_are_read_in_any_case_and_others_refused() {
        assert_eq!("Opus".parse(), Ok(CodecName(Codec::Opus)));
        assert_eq!("g729".parse::<CodecName>(), Err(UnknownCodec));
    }
}
