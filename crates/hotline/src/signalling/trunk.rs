//! Carriers' lines, and the networks they call from.

use std::net::IpAddr;
use std::str::FromStr;

use super::Terms;

/// A carrier's line, known by the addresses it calls from.
#[derive(Debug, Clone)]
pub struct Trunk {
    /// Its name in configuration.
    pub name: String,
    /// The networks it calls from.
    pub sources: Vec<Network>,
    /// What the audio of its calls may be.
    pub terms: Terms,
}

/// An address with the number of leading bits that count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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
