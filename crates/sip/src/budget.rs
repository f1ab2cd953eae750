//! How much each source may ask for, by what it asks.
//!
//! A budget is a bucket of permits that fills at a steady rate. Each source has one for each kind of message, and what
//! strangers ask for altogether has one more, so that many sources together have no more than one machine can serve.
//! Sources are IPv4 addresses and IPv6 networks of 64 bits.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

use crate::{Moment, Peek};

/// Sources that are remembered in each of two generations. When the young one is full it becomes the old one, which
/// is forgotten: a source that comes again is carried over.
const MAX_SOURCES: usize = 8_192;
/// One permit, in thousandths.
const PERMIT: u64 = 1_000;

/// Permits a second and at most, of one source for one kind.
#[derive(Debug, Clone, Copy)]
struct Rate {
    a_second: u64,
    most: u64,
}

const fn rate_of(kind: Peek) -> Rate {
    match kind {
        // In a call of ten requests a minute, this is an office of 2,000 talks behind one address.
        Peek::FollowUp => Rate { a_second: 400, most: 1_000 },
        Peek::Invite => Rate { a_second: 20, most: 100 },
        // An office of 400 phones behind one address may start all at once.
        Peek::Register => Rate { a_second: 40, most: 400 },
        Peek::Other => Rate { a_second: 10, most: 40 },
        Peek::Noise => Rate { a_second: 10, most: 100 },
    }
}

/// New requests of all strangers together.
const STRANGERS: Rate = Rate { a_second: 1_000, most: 2_000 };
/// Follow-ups of all strangers together.
const STRANGERS_FOLLOW: Rate = Rate { a_second: 4_000, most: 4_000 };

#[derive(Debug, Clone, Copy)]
struct Bucket {
    /// In thousandths of a permit.
    level: u64,
    filled: Moment,
}

/// Whose budget is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overdrawn {
    /// The source's own.
    Source,
    /// That of all strangers together.
    Everybody,
}

/// The budgets of all sources.
#[derive(Debug, Default)]
pub struct Budgets {
    young: BTreeMap<(IpAddr, Peek), Bucket>,
    old: BTreeMap<(IpAddr, Peek), Bucket>,
    strangers: Option<Bucket>,
    strangers_follow: Option<Bucket>,
}

impl Bucket {
    fn full(now: Moment, rate: Rate) -> Bucket {
        Bucket { level: rate.most.saturating_mul(PERMIT), filled: now }
    }

    fn take(&mut self, now: Moment, rate: Rate) -> bool {
        let passed = u64::try_from(now.since(self.filled).as_millis()).unwrap_or(u64::MAX);
        // A rate of one a second fills one thousandth of a permit a millisecond.
        let more = passed.saturating_mul(rate.a_second);
        self.level = self.level.saturating_add(more).min(rate.most.saturating_mul(PERMIT));
        self.filled = now;
        let left = self.level.checked_sub(PERMIT);
        self.level = left.unwrap_or(self.level);
        left.is_some()
    }
}

impl Budgets {
    /// Everybody's budget is full.
    pub fn new() -> Budgets {
        Budgets::default()
    }

    /// Takes a permit of a source for a message of this kind; `times` multiplies what it may have.
    ///
    /// # Errors
    /// When the source has none left.
    pub fn take(&mut self, now: Moment, source: IpAddr, kind: Peek, times: u64) -> Result<(), Overdrawn> {
        let Rate { a_second, most } = rate_of(kind);
        let rate = Rate { a_second: a_second.saturating_mul(times), most: most.saturating_mul(times) };
        let key = (network_of(source), kind);
        if !self.young.contains_key(&key) {
            if self.young.len() >= MAX_SOURCES {
                self.old = std::mem::take(&mut self.young);
            }
            let bucket = self.old.remove(&key).unwrap_or_else(|| Bucket::full(now, rate));
            self.young.insert(key, bucket);
        }
        let taken = self.young.get_mut(&key).is_none_or(|bucket| bucket.take(now, rate));
        if taken { Ok(()) } else { Err(Overdrawn::Source) }
    }

    /// As [`Budgets::take`] for a source of which nothing is known: it shares a second budget with all others.
    ///
    /// # Errors
    /// When the source has none left, or all strangers together.
    pub fn take_of_stranger(&mut self, now: Moment, source: IpAddr, kind: Peek) -> Result<(), Overdrawn> {
        self.take(now, source, kind, 1)?;
        let (shared, rate) = match kind {
            Peek::FollowUp => (&mut self.strangers_follow, STRANGERS_FOLLOW),
            Peek::Invite | Peek::Register | Peek::Other | Peek::Noise => (&mut self.strangers, STRANGERS),
        };
        let taken = shared.get_or_insert(Bucket::full(now, rate)).take(now, rate);
        if taken { Ok(()) } else { Err(Overdrawn::Everybody) }
    }
}

/// What counts as one source: an IPv4 address, or the 64 bits that an IPv6 site has at least to itself.
pub fn network_of(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() & !u128::from(u64::MAX))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(budgets: &mut Budgets, now: u64, source: &str, kind: Peek, tries: usize) -> usize {
        let source = source.parse().unwrap();
        let now = Moment::from_ms(now);
        (0..tries).filter(|_| budgets.take_of_stranger(now, source, kind).is_ok()).count()
    }

    #[test]
    fn a_source_uses_up_its_own_budget_and_no_other() {
        let mut budgets = Budgets::new();
        assert_eq!(taken(&mut budgets, 0, "192.0.2.1", Peek::Invite, 3_000), 100);
        assert_eq!(taken(&mut budgets, 0, "192.0.2.1", Peek::FollowUp, 10), 10);
        assert_eq!(taken(&mut budgets, 0, "192.0.2.2", Peek::Invite, 10), 10);
        assert_eq!(taken(&mut budgets, 1_000, "192.0.2.1", Peek::Invite, 3_000), 20);
    }

    #[test]
    fn two_hundred_sources_share_what_strangers_may() {
        let mut budgets = Budgets::new();
        let all: usize =
            (0..200).map(|n| taken(&mut budgets, 0, &format!("192.0.2.{n}"), Peek::Register, 100)).sum();
        assert_eq!(all, 2_000);
        // What ends calls has another share.
        assert_eq!(taken(&mut budgets, 0, "198.51.100.1", Peek::FollowUp, 10), 10);
        assert_eq!(
            budgets.take(Moment::from_ms(0), "198.51.100.1".parse().unwrap(), Peek::Invite, 1),
            Ok(())
        );
    }

    #[test]
    fn a_site_with_many_ipv6_addresses_is_one_source_and_memory_is_bounded() {
        let mut budgets = Budgets::new();
        let all: usize =
            (0..500).map(|n| taken(&mut budgets, 0, &format!("2001:db8::{n:x}"), Peek::Invite, 1)).sum();
        assert_eq!(all, 100);
        for n in 0..100_000_u32 {
            let _ = budgets.take(Moment::from_ms(0), IpAddr::V4(n.into()), Peek::Other, 1);
        }
        assert!(budgets.young.len() <= MAX_SOURCES && budgets.old.len() <= MAX_SOURCES);
    }
}
