//! What is known of trunks' gateways, of all shards: where they are, how they do, and how many calls each trunk has.
//!
//! One table behind a lock: read once by each call that goes out, written when a gateway fails or answers, and when a
//! call begins or ends. What changes it over time, look-ups, questions and registrations, is [`super::keeper`].

mod status;

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Time;
use sip::{Moment, Transport};

use super::health::{Health, Rate};
use super::locating::{Hop, Share, at_once, in_order};
use super::{Gateway, Outgoing, Trunk};
use crate::tls::Client;

pub(super) use status::standing;
pub use status::{Failure, GatewayState, GatewayStatus, Standing, TrunkStatus};

/// One gateway of a trunk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GatewayKey {
    pub(super) trunk: String,
    pub(super) gateway: Gateway,
}

/// A way that a call may go out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Route {
    pub(super) key: GatewayKey,
    pub(super) hop: Hop,
}

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Carriers(Mutex<BTreeMap<String, Carrier>>);

#[derive(Debug, Default)]
struct Carrier {
    outgoing: Outgoing,
    gateways: Vec<Known>,
    /// Where the provider takes our registration, and the addresses of that.
    registrar: Option<(Gateway, Vec<SocketAddr>)>,
    registered: Option<Standing>,
    calls: usize,
    rate: Rate,
    last_failure: Option<Failure>,
}

#[derive(Debug)]
struct Known {
    gateway: Gateway,
    share: Share,
    hops: Vec<Reached>,
}

#[derive(Debug)]
struct Reached {
    hop: Hop,
    health: Health,
}

/// A call's place on a trunk; given back when it is dropped.
#[derive(Debug)]
pub(super) struct Line {
    carriers: Arc<Carriers>,
    trunk: String,
}

impl Line {
    pub(super) fn trunk(&self) -> &str {
        &self.trunk
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        if let Some(carrier) = self.carriers.table().get_mut(&self.trunk) {
            carrier.calls = carrier.calls.saturating_sub(1);
        }
    }
}

impl Carriers {
    fn table(&self) -> MutexGuard<'_, BTreeMap<String, Carrier>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// From now on these are the trunks. What is known of gateways that stay is kept.
    pub(super) fn replace(&self, trunks: &[Trunk]) {
        let mut table = self.table();
        let mut before = std::mem::take(&mut *table);
        for trunk in trunks {
            let mut carrier = before.remove(&trunk.name).unwrap_or_default();
            let known = std::mem::take(&mut carrier.gateways);
            carrier.gateways = renewed(known, &trunk.outgoing);
            carrier.rate.set_most(trunk.outgoing.calls_per_second);
            carrier.outgoing = trunk.outgoing.clone();
            if trunk.outgoing.registration.is_none() {
                (carrier.registered, carrier.registrar) = (None, None);
            }
            table.insert(trunk.name.clone(), carrier);
        }
        // Calls of a trunk that is there no more still give back their places; a trunk without gateways takes none.
        let still_used = before.into_iter().filter(|(_, carrier)| carrier.calls > 0);
        for (name, carrier) in still_used {
            table.insert(name, Carrier { calls: carrier.calls, ..Carrier::default() });
        }
    }

    /// How calls go out through a trunk.
    pub(super) fn outgoing(&self, trunk: &str) -> Option<Outgoing> {
        self.table().get(trunk).map(|carrier| carrier.outgoing.clone())
    }

    /// Every way out through these trunks from an address of this IP version: those that do well first, in the order
    /// of preference and by weight, then the others in the same order. `draw`: a random number from 0 to its argument.
    pub(super) fn routes(
        &self,
        now: Moment,
        trunks: &[String],
        is_ipv4: bool,
        mut draw: impl FnMut(u32) -> u32,
    ) -> Vec<Route> {
        let table = self.table();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for (name, carrier) in trunks.iter().filter_map(|trunk| table.get_key_value(trunk)) {
            let gateways = carrier.gateways.iter().map(|known| (known.share, known)).collect();
            for known in in_order(gateways, &mut draw) {
                let key = GatewayKey { trunk: name.clone(), gateway: known.gateway.clone() };
                let fitting = known.hops.iter().filter(|reached| reached.hop.address.is_ipv4() == is_ipv4);
                let hops = fitting.map(|reached| (reached.hop.share, reached)).collect();
                for Reached { hop, health } in in_order(hops, &mut draw) {
                    let route = Route { key: key.clone(), hop: *hop };
                    if health.is_well(now) { good.push(route) } else { bad.push(route) }
                }
            }
        }
        good.extend(bad);
        good
    }

    /// A place for a call of ours; `None` when the trunk has as many as it may, or too many began this second. No limit
    /// holds for emergency calls.
    pub(super) fn take(self: &Arc<Carriers>, now: Moment, trunk: &str, is_emergency: bool) -> Option<Line> {
        let mut table = self.table();
        let carrier = table.get_mut(trunk)?;
        if !is_emergency {
            let most = carrier.outgoing.max_calls;
            if most.is_some_and(|most| carrier.calls >= most) || !carrier.rate.take(now) {
                return None;
            }
        }
        carrier.calls += 1;
        Some(Line { carriers: Arc::clone(self), trunk: trunk.to_owned() })
    }

    /// The place of a call that came in: its limits are the center's.
    pub(super) fn came_in(self: &Arc<Carriers>, trunk: &str) -> Line {
        self.table().entry(trunk.to_owned()).or_default().calls += 1;
        Line { carriers: Arc::clone(self), trunk: trunk.to_owned() }
    }

    /// A call failed at a gateway.
    pub(super) fn failed(&self, (now, at): (Moment, Time), route: &Route, what: &str) {
        let failure = Failure { at, place: route.key.gateway.to_string(), what: what.to_owned() };
        self.with_carrier(&route.key.trunk, |carrier| carrier.last_failure = Some(failure));
        self.with_health(route, |health| health.failed(now));
    }

    /// A gateway answered a call.
    pub(super) fn answered(&self, route: &Route) {
        self.with_health(route, Health::answered);
    }

    /// What came of OPTIONS. `Some` when the gateway is out since, or in again.
    pub(super) fn pinged(&self, at: Time, route: &Route, reachable: bool) -> Option<bool> {
        let (before, after) = self.with_health(route, |health| {
            let before = health.is_out();
            health.pinged(reachable);
            (before, health.is_out())
        })?;
        if after && !before {
            let (place, what) = (route.key.gateway.to_string(), "no_answer_to_options".to_owned());
            let failure = Failure { at, place, what };
            self.with_carrier(&route.key.trunk, |carrier| carrier.last_failure = Some(failure));
        }
        (before != after).then_some(!after)
    }

    /// Where a gateway is now. What is known of a hop that stays is kept.
    pub(super) fn found(&self, key: &GatewayKey, hops: Vec<Hop>) {
        self.with(key, |known| {
            let mut before = std::mem::take(&mut known.hops);
            let same = |hop: &Hop, reached: &Reached| {
                (reached.hop.transport, reached.hop.address) == (hop.transport, hop.address)
            };
            for hop in hops {
                let at = before.iter().position(|reached| same(&hop, reached));
                let health = at.map(|at| before.swap_remove(at).health).unwrap_or_default();
                known.hops.push(Reached { hop, health });
            }
        });
    }

    /// Where a provider takes our registration.
    pub(super) fn registrar_found(&self, trunk: &str, registrar: &Gateway, addresses: Vec<SocketAddr>) {
        self.with_carrier(trunk, |carrier| carrier.registrar = Some((registrar.clone(), addresses)));
    }

    /// How TLS begins with the gateway or registrar at this address; `None` where there is none, or where two are that
    /// do not ask for the same: then a connection for one could be used for the other.
    pub(super) fn secured(&self, address: SocketAddr) -> Option<Secured> {
        let table = self.table();
        let mut found = table.values().flat_map(|carrier| carrier.secured(address));
        let first = found.next()?;
        let same = |other: Secured| {
            other.client == first.client && other.gateway.lookup_name() == first.gateway.lookup_name()
        };
        if !found.all(same) {
            tracing::warn!(%address, "two gateways with different names or certificates lead to one address: no TLS connection is made");
            return None;
        }
        Some(first)
    }

    /// True for the address of a gateway or registrar that is spoken to over TLS.
    pub(super) fn has_secured(&self, address: SocketAddr) -> bool {
        self.table().values().any(|carrier| carrier.secured(address).next().is_some())
    }

    /// Hops that are to be asked now whether they live.
    pub(super) fn due(&self, now: Moment) -> Vec<Route> {
        let mut due = Vec::new();
        for (name, carrier) in self.table().iter_mut() {
            let Some(every) = carrier.outgoing.options else { continue };
            for Known { gateway, hops, .. } in &mut carrier.gateways {
                for Reached { hop, .. } in hops.iter_mut().filter_map(|reached| reached.asked(now, every)) {
                    let key = GatewayKey { trunk: name.clone(), gateway: gateway.clone() };
                    due.push(Route { key, hop: *hop });
                }
            }
        }
        due
    }

    /// How a trunk's registration stands.
    pub(super) fn registration(&self, trunk: &str, standing: Standing, failure: Option<Failure>) {
        self.with_carrier(trunk, |carrier| {
            carrier.registered = Some(standing);
            carrier.last_failure = failure.or(carrier.last_failure.take());
        });
    }

    /// True for the address of a gateway: what answers our calls comes from there.
    pub(super) fn is_gateway(&self, source: IpAddr) -> bool {
        let table = self.table();
        let mut hops = table.values().flat_map(|carrier| &carrier.gateways).flat_map(|known| &known.hops);
        hops.any(|reached| reached.hop.address.ip() == source)
    }

    /// All trunks, by name.
    pub(super) fn status(&self, now: Moment) -> Vec<TrunkStatus> {
        let table = self.table();
        let status = |(name, carrier): (&String, &Carrier)| TrunkStatus {
            name: name.clone(),
            registered: carrier.registered,
            gateways: carrier.gateways.iter().map(|known| known.status(now)).collect(),
            calls: carrier.calls,
            last_failure: carrier.last_failure.clone(),
        };
        table.iter().map(status).collect()
    }

    fn with<R>(&self, key: &GatewayKey, change: impl FnOnce(&mut Known) -> R) -> Option<R> {
        let mut table = self.table();
        let gateways = &mut table.get_mut(&key.trunk)?.gateways;
        gateways.iter_mut().find(|known| known.gateway == key.gateway).map(change)
    }

    fn with_health<R>(&self, route: &Route, change: impl FnOnce(&mut Health) -> R) -> Option<R> {
        self.with(&route.key, |known| {
            let mut hops = known.hops.iter_mut();
            hops.find(|reached| reached.hop.address == route.hop.address)
                .map(|reached| change(&mut reached.health))
        })?
    }

    fn with_carrier(&self, trunk: &str, change: impl FnOnce(&mut Carrier)) {
        if let Some(carrier) = self.table().get_mut(trunk) {
            change(carrier);
        }
    }
}

/// A gateway or registrar that is spoken to over TLS.
#[derive(Debug, Clone)]
pub(super) struct Secured {
    pub(super) gateway: Gateway,
    pub(super) client: Client,
}

impl Carrier {
    /// Those of its gateways, and of its registrar, that are at this address.
    fn secured(&self, address: SocketAddr) -> impl Iterator<Item = Secured> {
        let is_there = move |known: &&Known| known.hops.iter().any(|reached| reached.hop.address == address);
        let gateways = self.gateways.iter().filter(is_there).map(|known| &known.gateway);
        let registrar = self.registrar.iter().filter(move |(_, addresses)| addresses.contains(&address));
        let at_it = gateways.chain(registrar.map(|(gateway, _)| gateway));
        at_it.filter(|gateway| gateway.transport() == Transport::Tls).filter_map(|gateway| {
            Some(Secured { gateway: gateway.clone(), client: self.outgoing.tls.clone()? })
        })
    }
}

impl Reached {
    /// This hop, when it is to be asked now; then it was.
    fn asked(&mut self, now: Moment, every: Duration) -> Option<&Reached> {
        self.health.ask(now, every).then_some(self)
    }
}

/// The gateways of now, with what is known of those that were there before. An address in numbers is known at once.
fn renewed(mut before: Vec<Known>, outgoing: &Outgoing) -> Vec<Known> {
    let mut known = Vec::new();
    for (nth, gateway) in outgoing.gateways.iter().enumerate() {
        let share = share(nth, &outgoing.weights);
        let hops = match before.iter().position(|known| known.gateway == *gateway) {
            Some(at) => before.swap_remove(at).hops,
            None => {
                at_once(gateway).map(|hop| Reached { hop, health: Health::default() }).into_iter().collect()
            }
        };
        known.push(Known { gateway: gateway.clone(), share, hops });
    }
    known
}

/// Without weights each gateway has a priority of its own.
fn share(nth: usize, weights: &[u16]) -> Share {
    match weights.get(nth) {
        Some(weight) => Share { priority: 0, weight: *weight },
        None => Share { priority: u16::try_from(nth).unwrap_or(u16::MAX), weight: 0 },
    }
}

/// How long a gateway at which a call failed is tried last.
pub(super) const REST: Duration = Duration::from_secs(30);

#[cfg(test)]
mod tests;
