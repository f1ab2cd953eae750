//! The client of a request: the address that shares and wrong tokens are counted for.
//!
//! Behind a reverse proxy all people would have one address. So the header `X-Forwarded-For` of a proxy that the
//! configuration trusts is believed: the last address in it that is no trusted proxy itself. Anything before that
//! address may be the client's invention and is ignored, as is the header of a peer that is not trusted.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::body::HttpBody;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::Response;
use tokio::time::Instant;

use crate::App;
use crate::connection::Peer;
use crate::language;
use crate::problem;
use crate::standing::Standing;

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    /// The address that shares and wrong tokens are counted for.
    pub(crate) address: IpAddr,
    /// The other end of the connection: the client's own, or a proxy's.
    pub(crate) peer: SocketAddr,
    /// That connection is encrypted.
    pub(crate) is_secure: bool,
    pub(crate) standing: Arc<Standing>,
}

/// Gives the client to all handlers, and notes on the connection that a request came.
pub(crate) async fn arrive(State(app): State<App>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<Peer>>().map(|ConnectInfo(peer)| peer.clone());
    let Peer { address: peer, is_secure, standing } = peer.unwrap_or_else(|| Peer {
        address: SocketAddr::from(([0, 0, 0, 0], 0)),
        is_secure: false,
        standing: Arc::new(Standing::new(Instant::now(), false)),
    });
    standing.requested(request.body().is_end_stream());
    let address = client_of(peer.ip(), request.headers(), &*app.settings().is_proxy);
    request.extensions_mut().insert(Client { address, peer, is_secure, standing });
    let tongue = language::wanted(request.headers());
    problem::say(next.run(request).await, tongue)
}

fn client_of(peer: IpAddr, headers: &HeaderMap, is_proxy: &dyn Fn(IpAddr) -> bool) -> IpAddr {
    let peer = peer.to_canonical();
    if !is_proxy(peer) {
        return peer;
    }
    let lines = headers.get_all("x-forwarded-for").iter().filter_map(|line| line.to_str().ok());
    let hops: Vec<&str> = lines.flat_map(|line| line.split(',')).map(str::trim).collect();
    let mut nearest = peer;
    for hop in hops.into_iter().rev() {
        // An address before an unreadable one was not written by a proxy that we trust.
        let Some(address) = read(hop) else { return nearest };
        nearest = address;
        if !is_proxy(address) {
            break;
        }
    }
    nearest
}

/// An address as proxies write it: bare, in brackets, or with a port.
fn read(hop: &str) -> Option<IpAddr> {
    let bare = hop.strip_prefix('[').and_then(|hop| hop.strip_suffix(']')).unwrap_or(hop);
    let address =
        bare.parse().ok().or_else(|| hop.parse::<SocketAddr>().ok().map(|with_port| with_port.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_header_is_believed_of_trusted_proxies_alone_and_only_what_they_wrote() {
        let is_proxy = |address: IpAddr| ["10.0.0.1", "10.0.0.2"].contains(&address.to_string().as_str());
        for (peer, lines, client) in [
            ("192.0.2.7", &["198.51.100.1"][..], "192.0.2.7"),
            ("10.0.0.1", &[], "10.0.0.1"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("::ffff:10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["203.0.113.9", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("10.0.0.1", &["[2001:db8::1]:4711"], "2001:db8::1"),
            ("10.0.0.1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["203.0.113.9, unknown, 10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &["rubbish"], "10.0.0.1"),
        ] {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append("x-forwarded-for", line.parse().unwrap());
            }
            let found = client_of(peer.parse().unwrap(), &headers, &is_proxy);
            assert_eq!(found.to_string(), client, "{peer} {lines:?}");
        }
    }
}
