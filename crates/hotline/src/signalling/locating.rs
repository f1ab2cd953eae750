//! Where a gateway is (RFC 3263).
//!
//! | the gateway as written | what is looked up |
//! |---|---|
//! | an address, or a name with a port | addresses |
//! | a name with `;transport=` | SRV of that transport, else addresses |
//! | a name alone | NAPTR, which names the transport, then as above; UDP without one |
//!
//! Everything together takes at most 5 s.

use std::net::{IpAddr, SocketAddr};

use sip::Transport;

use super::Gateway;
use super::dns::{Dns, Server};
use super::names::{PATIENCE, Unresolved};

/// The transports that NAPTR may choose; TLS is used where the gateway is written so.
const KNOWN: [Transport; 2] = [Transport::Udp, Transport::Tcp];

/// One place where a gateway takes calls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Hop {
    pub(super) transport: Transport,
    pub(super) address: SocketAddr,
    pub(super) share: Share,
}

/// How often something is tried first (RFC 2782).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Share {
    /// Lower ones come first.
    pub(super) priority: u16,
    /// Among those of one priority, how often it comes first.
    pub(super) weight: u16,
}

/// Everything in the order in which it is tried (RFC 2782). Without weights the order stays. `draw`: a random number
/// from 0 to its argument.
pub(super) fn in_order<T>(mut shared: Vec<(Share, T)>, mut draw: impl FnMut(u32) -> u32) -> Vec<T> {
    shared.sort_by_key(|(share, _)| *share);
    let mut ordered = Vec::with_capacity(shared.len());
    while let Some((first, _)) = shared.first() {
        let priority = first.priority;
        let rivals = shared.iter().take_while(|(share, _)| share.priority == priority);
        let drawn = draw(rivals.map(|(share, _)| u32::from(share.weight)).sum());
        let mut sum = 0;
        let reaches = |(share, _): &(Share, T)| {
            sum += u32::from(share.weight);
            sum >= drawn
        };
        let chosen = shared.iter().position(reaches).unwrap_or(0);
        ordered.push(shared.remove(chosen).1);
    }
    ordered
}

/// The hop of a gateway that is written as an address.
pub(super) fn at_once(gateway: &Gateway) -> Option<Hop> {
    let ip = gateway.lookup_name().parse::<IpAddr>().ok()?;
    Some(hop(gateway.transport(), SocketAddr::new(ip, gateway.port()), Share::default()))
}

/// Where a gateway is now.
///
/// # Errors
/// When its name leads nowhere, or the answers did not come in time.
pub(super) async fn locate(dns: &Dns, gateway: &Gateway) -> Result<Vec<Hop>, Unresolved> {
    let found = tokio::time::timeout(PATIENCE, located(dns, gateway)).await;
    found.map_err(|_| Unresolved::Late)?
}

async fn located(dns: &Dns, gateway: &Gateway) -> Result<Vec<Hop>, Unresolved> {
    if let Some(hop) = at_once(gateway) {
        return Ok(vec![hop]);
    }
    let name = gateway.lookup_name();
    let mut transport = gateway.transport();
    if !gateway.has_port() {
        let written = gateway.transport_if_written();
        let preferred = if written.is_none() { dns.preferred(name, &KNOWN).await? } else { None };
        let service = preferred.as_ref().map(|(_, service)| service.clone());
        transport = preferred.map_or(transport, |(transport, _)| transport);
        let service = service.unwrap_or_else(|| format!("{}.{name}", label(transport)));
        let servers = dns.servers(&service).await?;
        if !servers.is_empty() {
            return of_servers(dns, transport, servers).await;
        }
    }
    let addresses = dns.addresses(name, gateway.port()).await?;
    Ok(distinct(addresses.into_iter().map(|address| hop(transport, address, Share::default()))))
}

/// The hops of the servers whose names lead somewhere, the preferred first.
async fn of_servers(
    dns: &Dns,
    transport: Transport,
    mut servers: Vec<Server>,
) -> Result<Vec<Hop>, Unresolved> {
    let mut hops = Vec::new();
    let mut failure = None;
    servers.sort_by_key(|server| server.share);
    for Server { share, target, port } in servers {
        match dns.addresses(&target, port).await {
            Ok(found) => hops.extend(found.into_iter().map(|address| hop(transport, address, share))),
            Err(error) => failure = Some(error),
        }
    }
    match failure {
        Some(failure) if hops.is_empty() => Err(failure),
        Some(_) | None => Ok(distinct(hops.into_iter())),
    }
}

fn distinct(hops: impl Iterator<Item = Hop>) -> Vec<Hop> {
    let mut distinct: Vec<Hop> = Vec::new();
    for hop in hops.filter(|hop| !hop.address.ip().is_unspecified()) {
        if !distinct.iter().any(|other| other.address == hop.address) {
            distinct.push(hop);
        }
    }
    distinct
}

fn hop(transport: Transport, address: SocketAddr, share: Share) -> Hop {
    Hop { transport, address, share }
}

/// The labels of a transport's SRV records (RFC 3263 section 4.1). Calls go out by the first three alone.
fn label(transport: Transport) -> &'static str {
    match transport {
        Transport::Udp => "_sip._udp",
        Transport::Tcp => "_sip._tcp",
        Transport::Tls => "_sips._tcp",
        Transport::Ws => "_sip._ws",
        Transport::Wss => "_sips._ws",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn share(priority: u16, weight: u16) -> Share {
        Share { priority, weight }
    }

    #[test]
    fn without_weights_the_order_stays_and_priorities_come_first() {
        let shared = vec![(share(2, 0), "c"), (share(1, 0), "a"), (share(1, 0), "b"), (share(2, 0), "d")];
        assert_eq!(in_order(shared, |most| most), ["a", "b", "c", "d"]);
    }

    #[test]
    fn weights_say_how_often_each_comes_first() {
        let shared =
            || vec![(share(1, 30), "a"), (share(1, 10), "b"), (share(1, 0), "c"), (share(2, 99), "d")];
        let mut first = std::collections::BTreeMap::new();
        for drawn in 0..=40 {
            let mut is_first = true;
            let ordered =
                in_order(shared(), |most| if std::mem::take(&mut is_first) { drawn.min(most) } else { 0 });
            assert_eq!(ordered.last(), Some(&"d"), "{ordered:?}");
            *first.entry(ordered[0]).or_insert(0) += 1;
        }
        assert_eq!(first.into_iter().collect::<Vec<_>>(), [("a", 30), ("b", 10), ("c", 1)]);
    }
}
