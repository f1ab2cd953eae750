//! What is known of trunks' gateways, of all shards: where they are, how they do, and how many calls each trunk has.
//!
//! One table behind a lock: read once by each call that goes out, written when a gateway fails or answers, and when a
//! call begins or ends. What changes it over time, look-ups, questions and registrations, is [`super::keeper`].

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use model::Time;
use sip::{Moment, Registered, Transport};

use super::health::{Health, Rate};
use super::{Gateway, Outgoing, Trunk};
use crate::tls::Client;

/// One gateway of a trunk.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GatewayKey {
    pub(super) trunk: String,
    pub(super) gateway: Gateway,
}

/// A way that a call may go out.
#[derive(Debug, Clone)]
pub(super) struct Route {
    pub(super) key: GatewayKey,
    pub(super) address: SocketAddr,
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
    addresses: Vec<SocketAddr>,
    health: Health,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standing {
    /// The first answer is being waited for.
    Asking,
    /// Until then, unless it is refreshed before.
    Until(Time),
    /// The registrar refused with this status.
    Refused(u16),
    /// The registrar does not answer, or its name leads nowhere.
    Silent,
    /// Taken back by us.
    Left,
}

/// The last thing that went wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// When.
    pub at: Time,
    /// At which gateway or registrar.
    pub place: String,
    /// What: `timeout`, `unreachable`, `no_answer_to_options`, `register_silent`, or a status such as `503`.
    pub what: String,
}

/// A trunk for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrunkStatus {
    /// Its name.
    pub name: String,
    /// How its registration stands; `None` for one that does not register.
    pub registered: Option<Standing>,
    /// Its gateways, the preferred first.
    pub gateways: Vec<GatewayStatus>,
    /// Calls in progress, both ways.
    pub calls: usize,
    /// The last thing that went wrong since the start.
    pub last_failure: Option<Failure>,
}

/// A gateway for people and programs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatewayStatus {
    /// As in configuration.
    pub gateway: String,
    /// Where its name leads.
    pub addresses: Vec<SocketAddr>,
    /// How it does.
    pub state: GatewayState,
}

/// How a gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GatewayState {
    /// Calls go there.
    Up,
    /// A call failed there a short while ago: others are tried first.
    Failed,
    /// It does not answer OPTIONS: others are tried first.
    Silent,
    /// Its name leads nowhere.
    Unknown,
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
            carrier.gateways = renewed(known, &trunk.outgoing.gateways);
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
    /// of preference, then the others in the same order.
    pub(super) fn routes(&self, now: Moment, trunks: &[String], is_ipv4: bool) -> Vec<Route> {
        let table = self.table();
        let (mut good, mut bad) = (Vec::new(), Vec::new());
        for trunk in trunks {
            for known in table.get(trunk).iter().flat_map(|carrier| &carrier.gateways) {
                let key = GatewayKey { trunk: trunk.clone(), gateway: known.gateway.clone() };
                let addresses = known.addresses.iter().filter(|address| address.is_ipv4() == is_ipv4);
                let routes = addresses.map(|address| Route { key: key.clone(), address: *address });
                if known.health.is_well(now) { good.extend(routes) } else { bad.extend(routes) }
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

    /// A call, or a question, failed at a gateway.
    pub(super) fn failed(&self, (now, at): (Moment, Time), key: &GatewayKey, what: &str) {
        let mut table = self.table();
        let Some(carrier) = table.get_mut(&key.trunk) else { return };
        let failure = Failure { at, place: key.gateway.to_string(), what: what.to_owned() };
        carrier.last_failure = Some(failure);
        if let Some(known) = carrier.gateways.iter_mut().find(|known| known.gateway == key.gateway) {
            known.health.failed(now);
        }
    }

    /// A gateway answered a call.
    pub(super) fn answered(&self, key: &GatewayKey) {
        self.with(key, |known| known.health.answered());
    }

    /// What came of OPTIONS. `Some` when the gateway is out since, or in again.
    pub(super) fn pinged(&self, at: Time, key: &GatewayKey, reachable: bool) -> Option<bool> {
        let (before, after) = self.with(key, |known| {
            let before = known.health.is_out();
            known.health.pinged(reachable);
            (before, known.health.is_out())
        })?;
        if after && !before {
            let failure =
                Failure { at, place: key.gateway.to_string(), what: "no_answer_to_options".to_owned() };
            self.with_carrier(&key.trunk, |carrier| carrier.last_failure = Some(failure));
        }
        (before != after).then_some(!after)
    }

    /// Where a gateway's name leads now.
    pub(super) fn found(&self, key: &GatewayKey, addresses: Vec<SocketAddr>) {
        self.with(key, |known| known.addresses = addresses);
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

    /// Gateways with an address that are to be asked now whether they live.
    pub(super) fn due(&self, now: Moment) -> Vec<Route> {
        let mut due = Vec::new();
        for (name, carrier) in self.table().iter_mut() {
            let Some(every) = carrier.outgoing.options else { continue };
            for known in &mut carrier.gateways {
                let address = known.addresses.first().copied();
                if let Some(address) = address.filter(|_| known.health.ask(now, every)) {
                    let key = GatewayKey { trunk: name.clone(), gateway: known.gateway.clone() };
                    due.push(Route { key, address });
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
        let mut addresses =
            table.values().flat_map(|carrier| &carrier.gateways).flat_map(|known| &known.addresses);
        addresses.any(|address| address.ip() == source)
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
        let gateways = self.gateways.iter().map(|known| (&known.gateway, &known.addresses));
        let registrar = self.registrar.iter().map(|(gateway, addresses)| (gateway, addresses));
        let at_it = gateways.chain(registrar).filter(move |(gateway, addresses)| {
            gateway.transport == Transport::Tls && addresses.contains(&address)
        });
        at_it.filter_map(|(gateway, _)| {
            Some(Secured { gateway: gateway.clone(), client: self.outgoing.tls.clone()? })
        })
    }
}

impl Known {
    fn status(&self, now: Moment) -> GatewayStatus {
        let state = if self.addresses.is_empty() {
            GatewayState::Unknown
        } else if self.health.is_out() {
            GatewayState::Silent
        } else if self.health.is_well(now) {
            GatewayState::Up
        } else {
            GatewayState::Failed
        };
        GatewayStatus { gateway: self.gateway.to_string(), addresses: self.addresses.clone(), state }
    }
}

/// The gateways of now, with what is known of those that were there before. An address in numbers is known at once.
fn renewed(mut before: Vec<Known>, gateways: &[Gateway]) -> Vec<Known> {
    let mut known = Vec::new();
    for gateway in gateways {
        let at = before.iter().position(|known| known.gateway == *gateway);
        known.push(at.map(|at| before.swap_remove(at)).unwrap_or_else(|| {
            let ip = gateway.lookup_name().parse::<IpAddr>().ok();
            Known {
                gateway: gateway.clone(),
                addresses: ip.map(|ip| SocketAddr::new(ip, gateway.port)).into_iter().collect(),
                health: Health::default(),
            }
        }));
    }
    known
}

/// How long a gateway at which a call failed is tried last.
pub(super) const REST: Duration = Duration::from_secs(30);

/// The standing of a registration in the time of calendars.
pub(super) fn standing(registered: Registered, now: Moment, at: Time) -> Standing {
    match registered {
        Registered::Asking => Standing::Asking,
        Registered::Until(until) => Standing::Until(at + until.since(now)),
        Registered::Refused(status) => Standing::Refused(status.code()),
        Registered::Silent => Standing::Silent,
        Registered::Left => Standing::Left,
    }
}

#[cfg(test)]
mod tests;
