//! Wrong tokens, counted for each address.
//!
//! After twenty in a row each further one closes the address for 1, 2, 4 … 60 seconds to tokens that were never right
//! before, answered 429 with Retry-After. Tokens that have been right go on, so that one broken script does not lock
//! its colleagues out. A right token clears the address.

use std::collections::hash_map::RandomState;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::BuildHasher;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Wrong tokens in a row that are free.
const FREE: u32 = 20;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// How long a wrong token counts.
const MEMORY: Duration = Duration::from_secs(600);
/// The most addresses that are counted; the one that was wrong longest ago is forgotten first.
const MAX_ADDRESSES: usize = 4_096;
/// The most right tokens that are remembered, as keyed hashes.
const MAX_KNOWN: usize = 4_096;

/// The counts. Shared by all requests.
#[derive(Debug, Default)]
pub(crate) struct WrongTokens {
    state: Mutex<State>,
    keyed: RandomState,
}

#[derive(Debug, Default)]
struct State {
    addresses: BTreeMap<IpAddr, Wrong>,
    known: BTreeSet<u64>,
}

#[derive(Debug, Clone, Copy)]
struct Wrong {
    count: u32,
    last: Instant,
    closed_until: Instant,
}

impl WrongTokens {
    /// How much longer tokens from `address` are not looked at; `None` when they are, or when this one was right before.
    pub(crate) fn closed_for(&self, now: Instant, address: IpAddr, secret: &str) -> Option<Duration> {
        let hash = self.keyed.hash_one(secret);
        let state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let wrong = state.addresses.get(&network_of(address)).filter(|_| !state.known.contains(&hash))?;
        wrong.closed_until.checked_duration_since(now).filter(|left| !left.is_zero())
    }

    /// A wrong token came: how many there were in a row. One that was right before and is revoked now is like any other.
    pub(crate) fn wrong(&self, now: Instant, address: IpAddr, secret: &str) -> u32 {
        let hash = self.keyed.hash_one(secret);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.known.remove(&hash);
        let fresh = Wrong { count: 0, last: now, closed_until: now };
        let wrong = state.addresses.entry(network_of(address)).or_insert(fresh);
        if now.duration_since(wrong.last) > MEMORY {
            *wrong = fresh;
        }
        wrong.count = wrong.count.saturating_add(1);
        wrong.last = now;
        if let Some(beyond) = wrong.count.checked_sub(FREE) {
            wrong.closed_until = now + Duration::from_secs(1_u64 << beyond.min(10)).min(LONGEST);
        }
        let count = wrong.count;
        if state.addresses.len() > MAX_ADDRESSES {
            let oldest =
                state.addresses.iter().min_by_key(|(_, wrong)| wrong.last).map(|(address, _)| *address);
            if let Some(oldest) = oldest {
                state.addresses.remove(&oldest);
            }
        }
        count
    }

    /// A right token came.
    pub(crate) fn right(&self, address: IpAddr, secret: &str) {
        let hash = self.keyed.hash_one(secret);
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.addresses.remove(&network_of(address));
        if state.known.len() >= MAX_KNOWN && !state.known.contains(&hash) {
            state.known.pop_first();
        }
        state.known.insert(hash);
    }
}

/// An IPv4 address, or the 64 bits that an IPv6 site has at least to itself.
pub(crate) fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_wrong_tokens_close_an_address_to_others_than_known_ones() {
        let (wrong, now) = (WrongTokens::default(), Instant::now());
        let (one, other) = (IpAddr::from([192, 0, 2, 1]), IpAddr::from([192, 0, 2, 2]));
        wrong.right(one, "good");
        for _ in 0..19 {
            wrong.wrong(now, one, "guess");
        }
        assert_eq!(wrong.closed_for(now, one, "guess"), None);
        wrong.wrong(now, one, "guess");
        wrong.wrong(now, one, "guess");
        assert_eq!(wrong.closed_for(now, one, "guess"), Some(Duration::from_secs(2)));
        assert_eq!(wrong.closed_for(now, one, "good"), None);
        assert_eq!(wrong.closed_for(now, other, "guess"), None);
        wrong.right(other, "revoked");
        wrong.wrong(now, other, "revoked");
        assert!(wrong.closed_for(now, one, "revoked").is_some(), "it was right once");
        assert_eq!(wrong.closed_for(now + Duration::from_secs(2), one, "guess"), None);
        for n in 0..10_000_u32 {
            wrong.wrong(now + Duration::from_secs(1), IpAddr::V4(n.into()), "guess");
        }
        assert_eq!(wrong.state.lock().unwrap().addresses.len(), MAX_ADDRESSES);
    }
}
