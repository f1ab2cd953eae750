//! Places that all addresses share: connections, and event streams with long polls.
//!
//! An address, or IPv6 network, has at most its share. Beyond it, one of its own connections that has proved nothing
//! makes room for its newcomer, or the newcomer is refused. When all places are taken, a newcomer gets the least
//! useful place: that of a connection that has proved nothing, of the address with most of those; otherwise that of
//! the connection whose last use was longest ago, of an address that has more places than the newcomer's. Otherwise
//! the newcomer is refused.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::future::Future;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::standing::Standing;
use crate::wrong::network_of;

/// The time for which at most one line is logged.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// How many places there are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Limits {
    /// Their name in the log and in metrics.
    pub(crate) what: &'static str,
    pub(crate) all: usize,
    /// For one address.
    pub(crate) each: usize,
}

/// Why there is no place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Full {
    /// The address has its share.
    Share,
    /// All are taken, by addresses that have no more than this one.
    All,
}

/// How often something happened.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Tally {
    pub(crate) held: u64,
    pub(crate) share_refused: u64,
    pub(crate) all_refused: u64,
    pub(crate) evicted: u64,
}

/// The places of one kind.
#[derive(Debug)]
pub(crate) struct Places {
    limits: Limits,
    table: Mutex<Table>,
}

#[derive(Debug, Default)]
struct Table {
    held: BTreeMap<u64, Held>,
    last_serial: u64,
    tally: Tally,
    /// When the log was written to, and how many lines were left out since.
    line: Option<Instant>,
    left_out: u64,
}

#[derive(Debug)]
struct Held {
    /// The address that the place counts for; `None` for trusted proxies, which have no share and keep their places.
    source: Option<IpAddr>,
    standing: Arc<Standing>,
    /// Its end tells the holder's task that the place is lost.
    _holder: oneshot::Sender<Infallible>,
}

/// A place, until it is dropped.
#[derive(Debug)]
pub(crate) struct Place {
    serial: u64,
    places: Arc<Places>,
    lost: oneshot::Receiver<Infallible>,
}

impl Places {
    pub(crate) fn new(limits: Limits) -> Places {
        Places { limits, table: Mutex::default() }
    }

    /// Takes a place for `source`, another's if need be.
    pub(crate) fn take(
        self: &Arc<Places>,
        now: Instant,
        source: Option<IpAddr>,
        standing: Arc<Standing>,
    ) -> Result<Place, Full> {
        let source = source.map(network_of);
        let mut table = self.lock();
        if let Err(full) = table.make_room(&self.limits, source) {
            let reason = match full {
                Full::Share => {
                    table.tally.share_refused += 1;
                    "the address has its share"
                }
                Full::All => {
                    table.tally.all_refused += 1;
                    "all are taken"
                }
            };
            if let Some(left_out) = table.line(now) {
                let source = source.map(tracing::field::display);
                tracing::warn!(what = self.limits.what, source, reason, left_out, "HTTP place refused");
            }
            return Err(full);
        }
        table.last_serial += 1;
        let serial = table.last_serial;
        let (holder, lost) = oneshot::channel();
        table.held.insert(serial, Held { source, standing, _holder: holder });
        Ok(Place { serial, places: Arc::clone(self), lost })
    }

    pub(crate) fn what(&self) -> &'static str {
        self.limits.what
    }

    pub(crate) fn tally(&self) -> Tally {
        let table = self.lock();
        Tally { held: table.held.len() as u64, ..table.tally }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn make_room(&mut self, limits: &Limits, source: Option<IpAddr>) -> Result<(), Full> {
        if source.is_some() {
            let of_source = |held: &Held| held.source == source;
            if self.count(of_source) >= limits.each {
                let evicted = self.evict(|held| of_source(held) && !held.is_proven());
                return if evicted { Ok(()) } else { Err(Full::Share) };
            }
        }
        if self.held.len() < limits.all {
            return Ok(());
        }
        if let Some((greediest, _)) = self.greediest(|held| !held.is_proven())
            && self.evict(|held| held.source == Some(greediest) && !held.is_proven())
        {
            return Ok(());
        }
        let ours = self.count(|held| source.is_some() && held.source == source);
        let greedier = self.greediest(|_| true).filter(|(_, count)| source.is_none() || *count > ours + 1);
        let evicted =
            greedier.is_some_and(|(greediest, _)| self.evict(|held| held.source == Some(greediest)));
        if evicted { Ok(()) } else { Err(Full::All) }
    }

    fn count(&self, is_one: impl Fn(&Held) -> bool) -> usize {
        self.held.values().filter(|held| is_one(held)).count()
    }

    /// The address with most of those, and how many.
    fn greediest(&self, is_one: impl Fn(&Held) -> bool) -> Option<(IpAddr, usize)> {
        let mut counts: BTreeMap<IpAddr, usize> = BTreeMap::new();
        for source in self.held.values().filter(|held| is_one(held)).filter_map(|held| held.source) {
            *counts.entry(source).or_default() += 1;
        }
        counts.into_iter().max_by_key(|(_, count)| *count)
    }

    /// Takes the least useful place of those that `may` go away from its holder; false when there is none.
    fn evict(&mut self, may: impl Fn(&Held) -> bool) -> bool {
        let candidates = self.held.iter().filter(|(_, held)| may(held));
        let least = candidates.min_by_key(|(_, held)| held.standing.worth()).map(|(serial, _)| *serial);
        let evicted = least.is_some_and(|serial| self.held.remove(&serial).is_some());
        self.tally.evicted += u64::from(evicted);
        evicted
    }

    /// Whether a line may be written now; then how many were left out before it.
    fn line(&mut self, now: Instant) -> Option<u64> {
        if self.line.is_some_and(|last| now.duration_since(last) < LINE_EVERY) {
            self.left_out += 1;
            return None;
        }
        self.line = Some(now);
        Some(std::mem::take(&mut self.left_out))
    }
}

impl Held {
    fn is_proven(&self) -> bool {
        self.standing.worth().is_proven
    }
}

impl Place {
    /// Ready once the place was taken away.
    pub(crate) fn poll_lost(&mut self, context: &mut Context<'_>) -> Poll<()> {
        Pin::new(&mut self.lost).poll(context).map(|_| ())
    }

    /// Completes when the place is taken away.
    pub(crate) async fn lost(&mut self) {
        let _ = (&mut self.lost).await;
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.places.lock().held.remove(&self.serial);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SMALL: Limits = Limits { what: "connection", all: 10, each: 6 };

    fn address(last: u8) -> Option<IpAddr> {
        Some(IpAddr::from([192, 0, 2, last]))
    }

    struct World {
        places: Arc<Places>,
        now: Instant,
    }

    impl World {
        fn take(&mut self, source: Option<IpAddr>, is_proven: bool) -> Result<Place, Full> {
            self.now += Duration::from_secs(1);
            let standing = Arc::new(Standing::new(self.now, is_proven));
            self.places.take(self.now, source, standing)
        }

        fn take_many(&mut self, count: usize, source: Option<IpAddr>, is_proven: bool) -> Vec<Place> {
            (0..count).map(|_| self.take(source, is_proven).unwrap()).collect()
        }
    }

    fn world() -> World {
        World { places: Arc::new(Places::new(SMALL)), now: Instant::now() }
    }

    fn is_lost(place: &mut Place) -> bool {
        place.lost.try_recv() != Err(oneshot::error::TryRecvError::Empty)
    }

    #[test]
    fn an_address_replaces_its_own_unproven_and_is_refused_beyond_its_share() {
        let mut world = world();
        let mut idle = world.take_many(6, address(1), false);
        let seventh = world.take(address(1), false).unwrap();
        assert_eq!(
            idle.iter_mut().map(is_lost).collect::<Vec<_>>(),
            [true, false, false, false, false, false]
        );
        drop((idle, seventh));
        let _useful = world.take_many(6, address(1), true);
        assert_eq!(world.take(address(1), true).unwrap_err(), Full::Share);
        let _other = world.take(address(2), false).unwrap();
        assert_eq!(world.places.tally().share_refused, 1);
    }

    #[test]
    fn when_all_are_taken_the_greediest_loses_what_proved_nothing_first() {
        let mut world = world();
        let mut useful = world.take_many(6, address(1), true);
        let mut one = world.take(address(2), false).unwrap();
        let mut three = world.take_many(3, address(3), false);
        let _newcomer = world.take(address(4), false).unwrap();
        assert!(is_lost(&mut three[0]) && !is_lost(&mut one) && !useful.iter_mut().any(is_lost));
        let _trusted = world.take(None, true).unwrap();
        assert!(is_lost(&mut three[1]));
    }

    #[test]
    fn when_all_are_of_use_the_idlest_of_a_greedier_address_goes_and_nobody_robs_an_equal() {
        let mut world = world();
        let mut six = world.take_many(6, address(1), true);
        let mut four = world.take_many(4, address(2), true);
        let mut newcomer = world.take(address(3), true).unwrap();
        assert!(is_lost(&mut six[0]) && !is_lost(&mut newcomer));
        assert_eq!(world.take(address(2), true).unwrap_err(), Full::All);
        assert!(!four.iter_mut().any(is_lost) && !six[1..].iter_mut().any(is_lost));
    }

    #[test]
    fn nothing_is_kept_of_places_that_were_given_back_and_lines_are_rare() {
        let mut world = world();
        let held = world.take_many(6, address(1), true);
        drop(held);
        assert_eq!(world.places.tally(), Tally::default());
        let now = world.now;
        let mut table = world.places.lock();
        let lines: Vec<Option<u64>> =
            [0, 1, 9, 10, 11].map(|second| table.line(now + Duration::from_secs(second))).into();
        assert_eq!(lines, [Some(0), None, None, Some(2), None]);
    }
}
