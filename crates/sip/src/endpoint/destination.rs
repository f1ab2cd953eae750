//! Where requests inside a dialog go, and how the peer reaches us.

use super::{Destination, Transport};
use crate::dialog::Dialog;
use crate::{Address, Request, Uri};

/// Where a request inside the dialog goes: the peer's binding (or first route) as far as its address agrees with where
/// its packets come from, else back where they come from. So a phone behind NAT is reached, and a forged Contact sends
/// nothing to third parties. A binding may have the right address and a port that nobody listens at: then where the
/// packets come from is tried too.
pub(super) fn in_dialog(peer: Destination, dialog: &Dialog) -> Destination {
    let named = Address::parse(dialog.next_hop()).and_then(|address| match address.uri {
        Uri::Sip(uri) => uri.socket_addr(),
        Uri::Tel(_) | Uri::Other { .. } => None,
    });
    let trusted = named.filter(|named| dialog.has_routes() || named.ip() == peer.address.ip());
    match peer.transport {
        Transport::Udp => {
            let address = trusted.unwrap_or(peer.address);
            let is_sure = address == peer.address || dialog.has_routes();
            let otherwise = (!is_sure).then_some(peer.address);
            Destination { address, otherwise, ..peer }
        }
        Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            Destination { otherwise: trusted.or(peer.otherwise), ..peer }
        }
    }
}

/// Our binding, the value of our Contact header, for whoever is there. `is_sips`: the dialog is one of `sips:`
/// addresses, whose binding has to be one too (RFC 3261 section 12.1.1).
pub(super) fn our_binding(peer: Destination, is_sips: bool) -> String {
    let Destination { transport, local, .. } = peer;
    match transport {
        // Its scheme says how it is reached (RFC 3261 section 26.2.2).
        Transport::Tls if is_sips => format!("<sips:{local}>"),
        Transport::Wss if is_sips => format!("<sips:{local}{}>", transport.parameter()),
        Transport::Udp | Transport::Tcp | Transport::Tls | Transport::Ws | Transport::Wss => {
            format!("<sip:{local}{}>", transport.parameter())
        }
    }
}

/// True for a `sips:` address.
pub(super) fn is_secure(uri: &str) -> bool {
    Uri::parse(uri).is_ok_and(|uri| uri.as_sip().is_some_and(|uri| uri.secure))
}

/// True when the INVITE begins a dialog of `sips:` addresses: by its Request-URI, or by the last hop that is to stay in
/// the way, or without one by its sender's binding (RFC 3261 section 12.1.1).
pub(super) fn is_sips(invite: &Request) -> bool {
    let first =
        |name: &'static str| invite.addresses(name).ok()?.into_iter().next().map(|address| address.uri);
    let is_secure = |uri: &Uri| uri.as_sip().is_some_and(|uri| uri.secure);
    let last_hop = first("Record-Route").or_else(|| first("Contact"));
    invite.target().is_ok_and(|target| is_secure(&target)) || last_hop.is_some_and(|uri| is_secure(&uri))
}
