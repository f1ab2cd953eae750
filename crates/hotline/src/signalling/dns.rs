//! Records of name servers that the system's resolver does not look up: NAPTR and SRV.
//!
//! The feature `dns` brings them. Without it there are none, and names lead to addresses as the system says.

use std::net::SocketAddr;

use sip::Transport;

use super::locating::Share;
use super::names::{Unresolved, look_up};

#[cfg(feature = "dns")]
mod records;

/// A server of a service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Server {
    pub(super) share: Share,
    pub(super) target: String,
    pub(super) port: u16,
}

/// The way to name servers: those of the settings, else the system's.
pub(super) struct Dns {
    #[cfg(feature = "dns")]
    records: Option<records::Records>,
}

#[cfg(feature = "dns")]
impl Dns {
    pub(super) fn new(name_servers: &[SocketAddr]) -> Dns {
        Dns { records: records::Records::new(name_servers) }
    }

    /// The transport that a domain prefers among these, and the name of its SRV records.
    pub(super) async fn preferred(
        &self,
        domain: &str,
        known: &[Transport],
    ) -> Result<Option<(Transport, String)>, Unresolved> {
        match &self.records {
            Some(records) => records.preferred(domain, known).await,
            None => Ok(None),
        }
    }

    /// The servers of a service; empty when the name server knows none.
    pub(super) async fn servers(&self, service: &str) -> Result<Vec<Server>, Unresolved> {
        match &self.records {
            Some(records) => records.servers(service).await,
            None => Ok(Vec::new()),
        }
    }

    /// The addresses of a host.
    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
        match self.records.as_ref().filter(|records| records.is_own()) {
            Some(records) => records.addresses(host, port).await,
            None => look_up(host, port).await,
        }
    }
}

#[cfg(not(feature = "dns"))]
impl Dns {
    pub(super) fn new(_: &[SocketAddr]) -> Dns {
        Dns {}
    }

    pub(super) async fn preferred(
        &self,
        _: &str,
        _: &[Transport],
    ) -> Result<Option<(Transport, String)>, Unresolved> {
        Ok(None)
    }

    pub(super) async fn servers(&self, _: &str) -> Result<Vec<Server>, Unresolved> {
        Ok(Vec::new())
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
        look_up(host, port).await
    }
}
