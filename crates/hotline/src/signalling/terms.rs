//! What holds for the calls of one endpoint, an agent's seat or a trunk.

use ::sip::Encryption;
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

impl Codecs {
    /// What may be negotiated.
    pub(super) fn allowed(&self) -> Vec<Codec> {
        match self {
            Codecs::Cheapest => Codec::ALL.to_vec(),
            Codecs::Listed(listed) => listed.clone(),
        }
    }

    /// The one to answer an offer with.
    pub(super) fn choose(&self, offered: &[Codec]) -> Option<Codec> {
        match self {
            Codecs::Cheapest => offered.iter().copied().min_by_key(|codec| !codec.is_g711()),
            Codecs::Listed(listed) => listed.iter().copied().find(|codec| offered.contains(codec)),
        }
    }

    /// What to offer, when `wished` would be best first: its first, if the endpoint speaks it, then the endpoint's own
    /// order.
    pub(super) fn offer(&self, wished: &[Codec]) -> Vec<Codec> {
        match self {
            Codecs::Cheapest => wished.to_vec(),
            Codecs::Listed(listed) => {
                let first = wished.first().filter(|first| listed.contains(first));
                let rest = listed.iter().filter(|codec| Some(*codec) != first);
                first.into_iter().chain(rest).copied().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_list_g711_is_chosen_in_the_peers_order_and_others_only_alone() {
        let any = Codecs::Cheapest;
        let choose = |offered: &[Codec]| any.choose(offered);
        assert_eq!(choose(&[Codec::Opus, Codec::Pcmu, Codec::Pcma]), Some(Codec::Pcmu));
        assert_eq!(choose(&[Codec::Opus, Codec::G722]), Some(Codec::Opus));
        assert_eq!(choose(&[]), None);
    }

    #[test]
    fn a_list_is_our_preference_and_a_limit() {
        let listed = Codecs::Listed(vec![Codec::G722, Codec::Pcma]);
        assert_eq!(listed.choose(&[Codec::Pcma, Codec::G722]), Some(Codec::G722));
        assert_eq!(listed.choose(&[Codec::Opus, Codec::Pcmu]), None);
        assert_eq!(listed.offer(&[Codec::Pcma, Codec::Opus]), [Codec::Pcma, Codec::G722]);
        assert_eq!(listed.offer(&[Codec::Opus]), [Codec::G722, Codec::Pcma]);
    }
}
