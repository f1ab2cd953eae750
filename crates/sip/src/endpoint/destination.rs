//! Where requests inside a dialog go, and how the peer reaches us.

use super::{Destination, Transport};
use crate::dialog::Dialog;
use crate::{Address, Uri};

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
        Transport::Tcp => Destination { otherwise: trusted.or(peer.otherwise), ..peer },
    }
}

/// Our binding, the value of our Contact header, for whoever is there.
pub(super) fn our_binding(peer: Destination) -> String {
    match peer.transport {
        Transport::Udp => format!("<sip:{}>", peer.local),
        Transport::Tcp => format!("<sip:{};transport=tcp>", peer.local),
    }
}
