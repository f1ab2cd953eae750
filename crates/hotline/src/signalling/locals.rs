//! The addresses that peers reach us by.

use std::net::SocketAddr;

use sip::Transport;

/// Those of UDP and TCP in the order of the settings, then those of TLS.
#[derive(Debug, Clone)]
pub(super) struct Locals {
    all: Vec<SocketAddr>,
    /// How many of them are those of UDP and TCP.
    plain: usize,
}

impl Locals {
    pub(super) fn new(plain: Vec<SocketAddr>, secure: impl IntoIterator<Item = SocketAddr>) -> Locals {
        let count = plain.len();
        Locals { all: plain.into_iter().chain(secure).collect(), plain: count }
    }

    pub(super) fn all(&self) -> &[SocketAddr] {
        &self.all
    }

    /// Our first address of this IP version that this transport is spoken by. WebSockets come by HTTP: who speaks so
    /// is told the address of UDP and TCP.
    pub(super) fn like(&self, transport: Transport, is_ipv4: bool) -> Option<SocketAddr> {
        let (plain, secure) = self.all.split_at(self.plain);
        let ours = match transport {
            Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => plain,
            Transport::Tls => secure,
        };
        ours.iter().copied().find(|local| local.is_ipv4() == is_ipv4)
    }

    /// The address to receive audio at, for peers of this IP version.
    pub(super) fn audio(&self, is_ipv4: bool) -> Option<SocketAddr> {
        self.all.iter().copied().find(|local| local.is_ipv4() == is_ipv4)
    }
}
