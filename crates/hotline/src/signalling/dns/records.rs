//! The records themselves, by hickory.

use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::lookup::Lookup;
use hickory_resolver::net::NetError;
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::proto::rr::{RData, RecordType};
use sip::Transport;

use super::Server;
use crate::signalling::locating::Share;
use crate::signalling::names::Unresolved;

/// How long one name server may take.
const EACH: Duration = Duration::from_secs(2);

pub(super) struct Records {
    resolver: TokioResolver,
    is_own: bool,
}

impl Records {
    /// `None` where the system names no server.
    pub(super) fn new(name_servers: &[SocketAddr]) -> Option<Records> {
        let is_own = !name_servers.is_empty();
        let mut builder = if is_own {
            let servers = name_servers.iter().map(server).collect();
            let config = ResolverConfig::from_parts(None, Vec::new(), servers);
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default())
        } else {
            TokioResolver::builder_tokio().ok()?
        };
        patient(builder.options_mut());
        Some(Records { resolver: builder.build().ok()?, is_own })
    }

    /// True when the servers are those of our settings, which answer for addresses too.
    pub(super) fn is_own(&self) -> bool {
        self.is_own
    }

    /// The first NAPTR record with a transport that we know (RFC 3263 section 4.1).
    pub(super) async fn preferred(
        &self,
        domain: &str,
        known: &[Transport],
    ) -> Result<Option<(Transport, String)>, Unresolved> {
        let Some(found) = answered(self.resolver.lookup(absolute(domain), RecordType::NAPTR).await)? else {
            return Ok(None);
        };
        let mut naptrs = Vec::new();
        for record in found.answers() {
            let RData::NAPTR(naptr) = &record.data else { continue };
            let is_srv = naptr.flags.eq_ignore_ascii_case(b"s");
            let transport =
                transport(&naptr.services).filter(|transport| is_srv && known.contains(transport));
            naptrs
                .extend(transport.map(|transport| {
                    (naptr.order, naptr.preference, transport, naptr.replacement.to_utf8())
                }));
        }
        let first = naptrs.into_iter().min_by_key(|(order, preference, ..)| (*order, *preference));
        Ok(first.map(|(_, _, transport, service)| (transport, service)))
    }

    /// A target of `.` says that the service is not there (RFC 2782): such a record leads nowhere.
    pub(super) async fn servers(&self, service: &str) -> Result<Vec<Server>, Unresolved> {
        let Some(found) = answered(self.resolver.srv_lookup(absolute(service)).await)? else {
            return Ok(Vec::new());
        };
        let srv = |data: &RData| match data {
            RData::SRV(srv) => Some(Server {
                share: Share { priority: srv.priority, weight: srv.weight },
                target: srv.target.to_utf8(),
                port: srv.port,
            }),
            _ => None,
        };
        let servers: Vec<Server> = found.answers().iter().filter_map(|record| srv(&record.data)).collect();
        match servers.as_slice() {
            [only] if only.target == "." => {
                Err(Unresolved::Nowhere(io::Error::other("the domain says that it has no such service")))
            }
            _ => Ok(servers),
        }
    }

    pub(super) async fn addresses(&self, host: &str, port: u16) -> Result<Vec<SocketAddr>, Unresolved> {
        let found = self.resolver.lookup_ip(absolute(host)).await;
        let found = found.map_err(|error| unresolved(&error))?;
        Ok(found.iter().map(|ip| SocketAddr::new(ip, port)).collect())
    }
}

fn server(address: &SocketAddr) -> NameServerConfig {
    let mut server = NameServerConfig::udp_and_tcp(address.ip());
    for connection in &mut server.connections {
        connection.port = address.port();
    }
    server
}

fn patient(options: &mut ResolverOpts) {
    (options.timeout, options.attempts) = (EACH, 2);
}

/// Without a search list: a trunk's name is whole.
fn absolute(name: &str) -> String {
    if name.ends_with('.') { name.to_owned() } else { format!("{name}.") }
}

/// `None` when the server says that there is no such record.
fn answered(found: Result<Lookup, NetError>) -> Result<Option<Lookup>, Unresolved> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_no_records_found() => Ok(None),
        Err(error) => Err(unresolved(&error)),
    }
}

fn unresolved(error: &NetError) -> Unresolved {
    Unresolved::Nowhere(io::Error::other(error.to_string()))
}

/// The transport of a NAPTR service such as `SIP+D2U`.
fn transport(service: &[u8]) -> Option<Transport> {
    if service.eq_ignore_ascii_case(b"SIP+D2U") {
        Some(Transport::Udp)
    } else if service.eq_ignore_ascii_case(b"SIP+D2T") {
        Some(Transport::Tcp)
    } else {
        None
    }
}
