//! Slowing addresses that guess passwords.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::time::Duration;

use crate::Moment;

/// Wrong passwords that an address has free.
const FREE: u32 = 10;
/// How long a wrong password counts.
const MEMORY: Duration = Duration::from_secs(600);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// The most addresses that are remembered; the one that was wrong longest ago is forgotten first.
const MAX_ADDRESSES: usize = 10_000;

/// Counts wrong passwords by address. After ten, each further one closes the address for a time that
/// doubles from one second to a minute, in which none of its passwords is looked at: 503 with Retry-After.
/// Ten quiet minutes, or a right password while the address is open, clear it.
#[derive(Debug, Default)]
pub struct Slowdown {
    addresses: BTreeMap<IpAddr, Guesses>,
    /// The same addresses by their last wrong password.
    by_age: BTreeSet<(Moment, IpAddr)>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Moment,
    closed_until: Moment,
}

impl Slowdown {
    /// Nobody guessed yet.
    pub fn new() -> Slowdown {
        Slowdown::default()
    }

    /// How much longer the address is closed; `None` when it is open.
    pub fn closed_for(&self, now: Moment, address: IpAddr) -> Option<Duration> {
        let guesses = self.addresses.get(&address)?;
        (guesses.closed_until > now).then(|| guesses.closed_until.since(now))
    }

    /// A wrong password came.
    pub fn wrong(&mut self, now: Moment, address: IpAddr) {
        let fresh = Guesses { wrong: 0, last: now, closed_until: now };
        let guesses = self.addresses.entry(address).or_insert(fresh);
        self.by_age.remove(&(guesses.last, address));
        self.by_age.insert((now, address));
        if now.since(guesses.last) > MEMORY {
            *guesses = fresh;
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
        if let Some(beyond) = guesses.wrong.checked_sub(FREE) {
            let pause = Duration::from_secs(1_u64 << beyond.min(10)).min(LONGEST);
            guesses.closed_until = now + pause;
        }
        if self.addresses.len() > MAX_ADDRESSES
            && let Some((_, oldest)) = self.by_age.pop_first()
        {
            self.addresses.remove(&oldest);
        }
    }

    /// A right password came from an open address.
    pub fn right(&mut self, address: IpAddr) {
        if let Some(guesses) = self.addresses.remove(&address) {
            self.by_age.remove(&(guesses.last, address));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tenth_guess_closes_and_each_further_one_longer() {
        let mut slowdown = Slowdown::new();
        let address = "192.0.2.1".parse().unwrap();
        let mut now = Moment::from_ms(0);
        for _ in 0..9 {
            slowdown.wrong(now, address);
        }
        assert_eq!(slowdown.closed_for(now, address), None);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            slowdown.wrong(now, address);
            let pause = slowdown.closed_for(now, address).unwrap();
            pauses.push(pause.as_secs());
            now = now + pause;
            assert_eq!(slowdown.closed_for(now, address), None);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(slowdown.closed_for(now, "192.0.2.2".parse().unwrap()), None);
        slowdown.right(address);
        slowdown.wrong(now, address);
        assert_eq!(slowdown.closed_for(now, address), None);
    }

    #[test]
    fn memory_is_bounded() {
        let mut slowdown = Slowdown::new();
        for n in 0..20_000_u32 {
            slowdown.wrong(Moment::from_ms(u64::from(n)), IpAddr::V4(n.into()));
        }
        assert_eq!(slowdown.addresses.len(), MAX_ADDRESSES);
        assert!(!slowdown.addresses.contains_key(&IpAddr::V4(0.into())));
    }
}
