//! An address to listen on, and what peers are told of it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use model::Time;

/// An address to listen on: UDP and TCP, or TLS.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    /// What is bound; port 0 takes a free one.
    pub bind: SocketAddr,
    /// The address that peers reach us by there; needed when `bind` is a wildcard address.
    pub advertised: Option<IpAddr>,
}

impl Listener {
    /// One that peers reach by the address that is bound.
    pub fn new(bind: SocketAddr) -> Listener {
        Listener { bind, advertised: None }
    }

    /// The address that peers are told.
    pub fn advertised_ip(&self) -> IpAddr {
        self.advertised.unwrap_or(self.bind.ip())
    }
}

/// SIP over TLS.
#[derive(Debug, Clone)]
pub struct Tls {
    /// Where to listen.
    pub listen: Vec<Listener>,
    /// What handshakes are answered with.
    pub server: Arc<rustls::ServerConfig>,
    /// Peers are asked for certificates.
    pub asks_clients: bool,
    /// What tells the certificate from another, in hexadecimal digits.
    pub fingerprint: String,
    /// When the certificate ends.
    pub until: Time,
}
