//! Trunks that are known by name: where the names lead now, looked up at the start and again and again.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

use super::dns::Dns;
use super::locating::locate;
use super::{CurrentSettings, Network, Outgoing, Trunk};

/// The trunks, their names resolved.
pub(super) type Trunks = watch::Receiver<Arc<Vec<Trunk>>>;

/// How often names are looked up again: carriers move within minutes, and say so with lifetimes about as long.
pub(super) const AGAIN: Duration = Duration::from_secs(60);
/// How long a look-up may take. The start waits for no longer.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Why a name has no addresses.
pub(super) enum Unresolved {
    /// It leads nowhere.
    Nowhere(io::Error),
    /// The answer did not come within 5 s.
    Late,
}

/// Where a name, or an address, leads now, in the order of the system's resolver.
pub(super) async fn look_up(host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
    let found = tokio::time::timeout(PATIENCE, tokio::net::lookup_host((host, port))).await;
    Ok(found.map_err(|_| Unresolved::Late)?.map_err(Unresolved::Nowhere)?.collect())
}

/// Looks the names of the current trunks up again and again, until the shell stops.
pub(super) async fn follow(
    settings: CurrentSettings,
    known: Arc<watch::Sender<Arc<Vec<Trunk>>>>,
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        tokio::select! {
            () = tokio::time::sleep(AGAIN) => {}
            _ = stopped.changed() => return,
        }
        let current = Arc::clone(&settings.borrow());
        if current.trunks.iter().all(|trunk| trunk.hosts.is_empty() && trunk.outgoing.registration.is_none())
        {
            continue;
        }
        let before = Arc::clone(&known.borrow());
        let now = looked_up(&Dns::new(&current.name_servers), &current.trunks, &before).await;
        let addresses =
            |trunks: &[Trunk]| trunks.iter().map(|trunk| trunk.sources.clone()).collect::<Vec<_>>();
        // Trunks that were replaced meanwhile were looked up then.
        let is_current = Arc::ptr_eq(&current, &settings.borrow());
        if is_current && addresses(&now) != addresses(&before) {
            tracing::info!("the addresses of trunks that are known by name have changed");
            known.send_replace(Arc::new(now));
        }
    }
}

/// Of a trunk whose names lead nowhere now, the addresses of before stay: a name server that is away closes no trunk.
pub(super) async fn looked_up(dns: &Dns, trunks: &[Trunk], before: &[Trunk]) -> Vec<Trunk> {
    let mut resolved = Vec::with_capacity(trunks.len());
    for trunk in trunks {
        let (found, is_complete) = sources(dns, trunk).await;
        let old = before.iter().find(|old| old.name == trunk.name && !is_complete);
        let kept = old.map_or(&[][..], |old| &old.sources);
        let mut sources: Vec<Network> = trunk.sources.iter().chain(&found).chain(kept).copied().collect();
        sources.sort();
        sources.dedup();
        resolved.push(Trunk { sources, ..trunk.clone() });
    }
    resolved
}

/// Where the names lead that a trunk calls from: those of configuration, and a provider's with which it registers.
/// False when one of them leads nowhere.
async fn sources(dns: &Dns, trunk: &Trunk) -> (Vec<Network>, bool) {
    let (mut found, mut is_complete) = (Vec::new(), true);
    let mut take = |name: &str, looked_up: Result<Vec<IpAddr>, Unresolved>| match looked_up {
        Ok(ips) => found.extend(ips.into_iter().filter_map(Network::single)),
        Err(Unresolved::Nowhere(error)) => {
            is_complete = false;
            tracing::warn!(trunk = trunk.name, host = name, %error, "a trunk's name leads nowhere");
        }
        Err(Unresolved::Late) => {
            is_complete = false;
            tracing::warn!(trunk = trunk.name, host = name, "a trunk's name was not resolved within 5 s");
        }
    };
    for host in &trunk.hosts {
        let addresses = dns.addresses(host, 0).await;
        take(host, addresses.map(|addresses| addresses.iter().map(SocketAddr::ip).collect()));
    }
    let Outgoing { registration, gateways, .. } = &trunk.outgoing;
    let registrar = registration.iter().map(|at| &at.registrar);
    for gateway in registrar.chain(gateways.iter().filter(|_| registration.is_some())) {
        let hops = locate(dns, gateway).await;
        take(&gateway.host, hops.map(|hops| hops.iter().map(|hop| hop.address.ip()).collect()));
    }
    (found, is_complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trunk(hosts: &[&str]) -> Trunk {
        let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
        Trunk {
            name: "carrier".to_owned(),
            sources: Vec::new(),
            hosts,
            client: None,
            terms: super::super::Terms::default(),
            outgoing: super::super::Outgoing::default(),
        }
    }

    #[tokio::test]
    async fn a_name_is_resolved_and_one_that_leads_nowhere_keeps_its_addresses() {
        let here = looked_up(&Dns::new(&[]), &[trunk(&["localhost"])], &[]).await;
        assert!(here[0].sources.iter().any(|network| network.contains([127, 0, 0, 1].into())), "{here:?}");
        let lost = looked_up(&Dns::new(&[]), &[trunk(&["no-such-host.invalid"])], &here).await;
        assert_eq!(lost[0].sources, here[0].sources);
        assert!(
            looked_up(&Dns::new(&[]), &[trunk(&["no-such-host.invalid"])], &[]).await[0].sources.is_empty()
        );
    }
}
