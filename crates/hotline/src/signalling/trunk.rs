//! Carriers' lines, and the networks they call from.

use std::net::IpAddr;
use std::str::FromStr;

use sip::{Flow, Transport};

use super::certified::Certified;
use super::{Outgoing, Terms};
use crate::tls::PeerName;

/// A carrier's line, known by the addresses it calls from.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name in configuration.
    pub name: String,
    /// The networks it calls from.
    pub sources: Vec<Network>,
    /// Names of hosts that it calls from; what they lead to is looked up again while the center runs.
    pub hosts: Vec<String>,
    /// Its calls come over TLS alone, by peers with a certificate for this name.
    pub client: Option<PeerName>,
    /// What the audio of its calls may be.
    pub terms: Terms,
    /// How calls of ours go out through it.
    pub outgoing: Outgoing,
}

impl Trunk {
    /// True when it calls from there. By WebSocket come browsers, whose address may be that of a proxy: none of them is a
    /// trunk.
    pub(super) fn is_source(&self, flow: Flow, certified: &Certified) -> bool {
        match flow.transport {
            Transport::Udp | Transport::Tcp | Transport::Tls => {
                self.sources.iter().any(|network| network.contains(flow.source.ip()))
                    && self.client.as_ref().is_none_or(|name| certified.is(flow, name))
            }
            Transport::Ws | Transport::Wss => false,
        }
    }
}

/// Where a trunk calls from, as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// An address or network.
    Network(Network),
    /// The name of a host.
    Host(String),
}

impl FromStr for Source {
    type Err = String;

    /// Reads a network, or a name such as `sip.carrier.example`.
    fn from_str(text: &str) -> Result<Source, String> {
        let is_label = |label: &str| {
            !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        let is_name = text.len() <= 253
            && text.split('.').all(is_label)
            && text
                .rsplit('.')
                .next()
                .is_some_and(|last| last.bytes().any(|byte| byte.is_ascii_alphabetic()));
        match text.parse::<Network>() {
            Ok(network) => Ok(Source::Network(network)),
            Err(_) if is_name => Ok(Source::Host(text.to_owned())),
            Err(wrong) => Err(format!("{wrong}, nor a host's name")),
        }
    }
}

/// An address with the number of leading bits that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Network {
    address: IpAddr,
    bits: u8,
}

impl Network {
    /// `address/bits`; `None` when there are more bits than the address has.
    pub fn new(address: IpAddr, bits: u8) -> Option<Network> {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        (bits <= longest).then_some(Network { address, bits })
    }

    /// One address alone.
    pub fn single(address: IpAddr) -> Option<Network> {
        let address = address.to_canonical();
        Network::new(address, if address.is_ipv4() { 32 } else { 128 })
    }

    /// True for addresses inside.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.address, address.to_canonical()) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => {
                let differing = u32::from(ours) ^ u32::from(theirs);
                differing.checked_shr(32 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => {
                let differing = u128::from(ours) ^ u128::from(theirs);
                differing.checked_shr(128 - u32::from(self.bits)).unwrap_or(0) == 0
            }
            (IpAddr::V4(_), IpAddr::V6(_)) | (IpAddr::V6(_), IpAddr::V4(_)) => false,
        }
    }
}

impl FromStr for Network {
    type Err = String;

    /// Reads `192.0.2.0/24`, `2001:db8::/32` or a single address.
    fn from_str(text: &str) -> Result<Network, String> {
        let wrong = || format!("{text:?} is not an address or network such as 192.0.2.0/24");
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits.parse().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| wrong())?;
        let longest = if address.is_ipv4() { 32 } else { 128 };
        Network::new(address, bits.unwrap_or(longest)).ok_or_else(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_are_networks_or_names() {
        assert!(matches!("192.0.2.0/24".parse(), Ok(Source::Network(_))));
        assert!(matches!("2001:db8::1".parse(), Ok(Source::Network(_))));
        assert_eq!("sip.carrier.example".parse(), Ok(Source::Host("sip.carrier.example".to_owned())));
        for wrong in ["", "192.0.2.0/33", "192.0.2.300", "a b", "sip..example", "x/24", "evil\r\nhost"] {
            assert!(wrong.parse::<Source>().is_err(), "{wrong}");
        }
    }
}
