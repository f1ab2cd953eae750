//! Slowing those who guess passwords.
//!
//! Wrong passwords are counted for three things at once: an account from one address, an account from all addresses,
//! and an address for all accounts. Each is closed once it has more than it has free, for 1, 2, 4 … 60 seconds; while
//! it is closed no password is looked at. So an account that two hundred addresses guess at is slowed, and so is an
//! address that tries many accounts, while a colleague behind the same NAT with another account is not. A device that
//! once proved its password goes on when others have closed its account or its address.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use crate::{Moment, network_of};

/// How long a wrong password counts.
const MEMORY: Duration = Duration::from_secs(600);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(60);
/// The most things that are counted for. The one with the fewest wrong passwords is forgotten first, so that a flood
/// of invented names does not make us forget who was really guessed at.
const MAX_COUNTED: usize = 20_000;
/// The most devices that are remembered.
const MAX_KNOWN: usize = 50_000;
/// The longest account name that is remembered; longer ones count by their beginning.
const MAX_NAME: usize = 64;

/// What wrong passwords are counted for.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Guessed {
    /// An account, from one source.
    Pair(String, IpAddr),
    /// An account, from all sources.
    Account(String),
    /// All accounts, from one source.
    Source(IpAddr),
}

impl Guessed {
    /// Wrong passwords that are free. Offices have many people who mistype behind one address.
    const fn free(&self) -> u32 {
        match self {
            Guessed::Pair(..) => 10,
            Guessed::Account(_) => 20,
            Guessed::Source(_) => 60,
        }
    }
}

/// The counts, and the devices that are known.
#[derive(Debug, Default)]
pub struct Slowdown {
    counts: BTreeMap<Guessed, Guesses>,
    /// The same, the one to be forgotten first in front.
    by_weight: BTreeSet<(u32, Moment, Guessed)>,
    /// Accounts with where they proved their password from, and when last.
    known: BTreeMap<(String, SocketAddr), Moment>,
    /// The same accounts with their sources, and how many devices each has there.
    sources: BTreeMap<(String, IpAddr), usize>,
}

#[derive(Debug, Clone, Copy)]
struct Guesses {
    wrong: u32,
    last: Moment,
    closed_until: Moment,
}

/// A count, or a device, as it is kept over a restart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptGuesses {
    /// So many wrong passwords, the last at this time, and closed until then.
    Count {
        /// What for.
        of: Guessed,
        /// How many.
        wrong: u32,
        /// The last.
        last: Moment,
        /// Closed until then.
        closed_until: Moment,
    },
    /// A device that proved its password.
    Known {
        /// The account.
        account: String,
        /// Where from.
        source: SocketAddr,
        /// When last.
        last: Moment,
    },
}

impl Slowdown {
    /// Nobody guessed yet.
    pub fn new() -> Slowdown {
        Slowdown::default()
    }

    /// How much longer no password for `account` from `source` is looked at; `None` when it is.
    pub fn closed_for(&self, now: Moment, account: &str, source: SocketAddr) -> Option<Duration> {
        let (account, network) = (name(account), network_of(source.ip()));
        if self.known.contains_key(&(account.clone(), source)) {
            return None;
        }
        let left = |of: &Guessed| {
            let guesses = self.counts.get(of)?;
            (guesses.closed_until > now).then(|| guesses.closed_until.since(now))
        };
        let pair = left(&Guessed::Pair(account.clone(), network));
        if self.sources.contains_key(&(account.clone(), network)) {
            return pair;
        }
        [pair, left(&Guessed::Account(account)), left(&Guessed::Source(network))].into_iter().flatten().max()
    }

    /// A wrong password came.
    pub fn wrong(&mut self, now: Moment, account: &str, source: SocketAddr) {
        let (account, network) = (name(account), network_of(source.ip()));
        for of in
            [Guessed::Pair(account.clone(), network), Guessed::Account(account), Guessed::Source(network)]
        {
            self.count(now, of);
        }
    }

    fn count(&mut self, now: Moment, of: Guessed) {
        let fresh = Guesses { wrong: 0, last: now, closed_until: now };
        let mut guesses = self.counts.get(&of).copied().unwrap_or(fresh);
        if now.since(guesses.last) > MEMORY {
            guesses.wrong = 0;
        }
        guesses.wrong = guesses.wrong.saturating_add(1);
        guesses.last = now;
        if let Some(beyond) = guesses.wrong.checked_sub(of.free()) {
            guesses.closed_until = now + Duration::from_secs(1_u64 << beyond.min(10)).min(LONGEST);
        }
        self.set(of, guesses);
    }

    fn set(&mut self, of: Guessed, guesses: Guesses) {
        self.forget(&of);
        self.by_weight.insert((guesses.wrong, guesses.last, of.clone()));
        self.counts.insert(of, guesses);
        if self.counts.len() > MAX_COUNTED
            && let Some((_, _, lightest)) = self.by_weight.pop_first()
        {
            self.counts.remove(&lightest);
        }
    }

    fn forget(&mut self, of: &Guessed) {
        if let Some(old) = self.counts.remove(of) {
            self.by_weight.remove(&(old.wrong, old.last, of.clone()));
        }
    }

    /// A right password came for an account that was open: the device is known from now on.
    pub fn right(&mut self, now: Moment, account: &str, source: SocketAddr) {
        let account = name(account);
        self.forget(&Guessed::Pair(account.clone(), network_of(source.ip())));
        self.know(account, source, now);
    }

    fn know(&mut self, account: String, source: SocketAddr, last: Moment) {
        let network = network_of(source.ip());
        if self.known.insert((account.clone(), source), last).is_none() {
            *self.sources.entry((account, network)).or_default() += 1;
        }
        if self.known.len() > MAX_KNOWN {
            let oldest = self.known.iter().min_by_key(|(_, last)| **last).map(|(key, _)| key.clone());
            if let Some((account, source)) = oldest {
                self.known.remove(&(account.clone(), source));
                let key = (account, network_of(source.ip()));
                match self.sources.get_mut(&key) {
                    Some(count @ 2..) => *count -= 1,
                    Some(_) | None => drop(self.sources.remove(&key)),
                }
            }
        }
    }

    /// What is to be kept over a restart: the counts that still matter, and known devices.
    pub fn keep(&self, now: Moment) -> impl Iterator<Item = KeptGuesses> {
        let living = self.counts.iter().filter(move |(_, guesses)| now.since(guesses.last) <= MEMORY);
        let counts = living.map(|(of, guesses)| KeptGuesses::Count {
            of: of.clone(),
            wrong: guesses.wrong,
            last: guesses.last,
            closed_until: guesses.closed_until,
        });
        counts.chain(self.known.iter().map(|((account, source), last)| KeptGuesses::Known {
            account: account.clone(),
            source: *source,
            last: *last,
        }))
    }

    /// Takes back what was kept; nothing is closed for longer than a minute from `now`.
    pub fn restore(&mut self, now: Moment, kept: KeptGuesses) {
        match kept {
            KeptGuesses::Count { of, wrong, last, closed_until } => {
                let closed_until = closed_until.min(now + LONGEST);
                self.set(of, Guesses { wrong, last: last.min(now), closed_until });
            }
            KeptGuesses::Known { account, source, last } => self.know(name(&account), source, last.min(now)),
        }
    }
}

fn name(account: &str) -> String {
    account.chars().take(MAX_NAME).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), 5060)
    }

    #[test]
    fn the_tenth_guess_closes_and_each_further_one_longer() {
        let mut slowdown = Slowdown::new();
        let source = at("192.0.2.1");
        let mut now = Moment::from_ms(0);
        for _ in 0..9 {
            slowdown.wrong(now, "1001", source);
        }
        assert_eq!(slowdown.closed_for(now, "1001", source), None);
        let mut pauses = Vec::new();
        for _ in 0..8 {
            slowdown.wrong(now, "1001", source);
            let pause = slowdown.closed_for(now, "1001", source).unwrap();
            pauses.push(pause.as_secs());
            now = now + pause;
            assert_eq!(slowdown.closed_for(now, "1001", source), None);
        }
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
        slowdown.right(now, "1001", source);
        slowdown.wrong(now, "1001", source);
        assert_eq!(slowdown.closed_for(now, "1001", source), None);
    }

    #[test]
    fn two_hundred_addresses_at_one_account_are_slowed_and_its_own_device_is_not() {
        let mut slowdown = Slowdown::new();
        let now = Moment::from_ms(0);
        slowdown.right(now, "1001", at("198.51.100.1"));
        let looked_at = (0..1_800_u32).filter(|n| {
            let source = at(&format!("192.0.2.{}", n % 200));
            let open = slowdown.closed_for(now, "1001", source).is_none();
            if open {
                slowdown.wrong(now, "1001", source);
            }
            open
        });
        assert_eq!(looked_at.count(), 20);
        // Another port of the same address: the phone restarted.
        let own = "198.51.100.1:40000".parse().unwrap();
        assert_eq!(slowdown.closed_for(now, "1001", own), None);
        assert!(slowdown.closed_for(now, "1001", at("198.51.100.2")).is_some());
        assert_eq!(slowdown.closed_for(now, "1002", at("192.0.2.1")), None);
    }

    #[test]
    fn ten_wrong_passwords_do_not_slow_colleagues_and_an_address_that_tries_everybody_is() {
        let mut slowdown = Slowdown::new();
        let (now, source) = (Moment::from_ms(0), at("192.0.2.1"));
        for _ in 0..12 {
            slowdown.wrong(now, "1001", source);
        }
        assert!(slowdown.closed_for(now, "1001", source).is_some());
        assert_eq!(slowdown.closed_for(now, "1002", source), None);
        slowdown.right(now, "1003", source);
        for n in 0..60 {
            slowdown.wrong(now, &format!("a{n}"), source);
        }
        assert!(slowdown.closed_for(now, "1002", source).is_some());
        assert_eq!(slowdown.closed_for(now, "1003", source), None);
    }

    #[test]
    fn a_restart_forgets_neither_who_guesses_nor_who_is_known() {
        let mut before = Slowdown::new();
        let (now, source) = (Moment::from_ms(1_000_000), at("192.0.2.1"));
        before.right(now, "1001", at("198.51.100.1"));
        (0..30).for_each(|_| before.wrong(now, "1001", source));
        let mut after = Slowdown::new();
        before.keep(now).for_each(|kept| after.restore(now, kept));
        assert_eq!(after.closed_for(now, "1001", source), before.closed_for(now, "1001", source));
        assert_eq!(after.closed_for(now, "1001", at("198.51.100.1")), None);
        assert!(after.closed_for(now, "1001", at("203.0.113.1")).is_some());
    }

    #[test]
    fn memory_is_bounded_and_the_heavy_are_kept() {
        let mut slowdown = Slowdown::new();
        let (now, victim) = (Moment::from_ms(0), at("192.0.2.1"));
        (0..30).for_each(|_| slowdown.wrong(now, "1001", victim));
        for n in 0..50_000_u32 {
            let source = SocketAddr::new(IpAddr::V4(n.into()), 5060);
            slowdown.wrong(Moment::from_ms(u64::from(n) / 100), &format!("name{n}"), source);
        }
        assert_eq!(slowdown.counts.len(), MAX_COUNTED);
        assert_eq!(slowdown.by_weight.len(), MAX_COUNTED);
        assert!(slowdown.closed_for(now, "1001", victim).is_some());
    }
}
