//! SIP by WebSocket (RFC 7118): the web server upgrades, the hub has the connections like all others.

use std::net::SocketAddr;

use sip::{Flow, Transport};
use tokio::sync::mpsc;

use super::locals::Locals;
use super::streams::{HubInput, Link};

/// The way of the web server's sockets to the hub.
#[derive(Clone)]
pub struct WebSockets {
    pub(super) hub: mpsc::Sender<HubInput>,
    pub(super) locals: Locals,
}

impl api::Sockets for WebSockets {
    fn protocol(&self) -> &'static str {
        "sip"
    }

    fn open(&self, socket: api::Opened) -> bool {
        let transport = if socket.is_secure { Transport::Wss } else { Transport::Ws };
        let source = SocketAddr::new(socket.peer.ip().to_canonical(), socket.peer.port());
        let local = self.locals.like(transport, source.is_ipv4());
        // A center that listens for the other IP version alone: what it is called by changes nothing for a browser.
        let Some(local) = local.or_else(|| self.locals.all().first().copied()) else { return false };
        let flow = Flow { transport, source, local };
        self.hub.try_send(HubInput::Accepted { flow, link: Link::Messages(socket) }).is_ok()
    }
}
