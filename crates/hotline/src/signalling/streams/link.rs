//! The wire of a connection: how it is accepted, made and encrypted.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use sip::{Flow, Transport};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use tokio_rustls::{TlsAcceptor, TlsConnector, TlsStream};

use super::{Handshakes, HubInput, Peer, Shaken, Side};
use crate::signalling::CurrentSettings;
use crate::signalling::carriers::{Carriers, Secured};

/// How long making a connection may take, its handshake included.
const CONNECT_TIME: Duration = Duration::from_secs(4);

/// The wire of a connection.
pub(in crate::signalling) enum Link {
    /// Bytes as they are.
    Plain(TcpStream),
    /// A handshake is to come, with these settings of the moment in which it was accepted.
    Shaking(TcpStream, Arc<ServerConfig>),
    /// Encrypted.
    Secure(Box<TlsStream<TcpStream>>),
    /// A WebSocket.
    Messages(api::Opened),
}

impl Link {
    pub(super) fn is_shaking(&self) -> bool {
        match self {
            Link::Shaking(..) => true,
            Link::Plain(_) | Link::Secure(_) | Link::Messages(_) => false,
        }
    }
}

/// How a connection of ours is made.
pub(super) enum Way {
    Plain,
    Secure(Secured),
}

/// Accepts connections of a transport at one address until the shell stops.
pub(in crate::signalling) async fn accept(
    (listener, transport, local): (TcpListener, Transport, SocketAddr),
    (hub, settings): (mpsc::Sender<HubInput>, CurrentSettings),
    mut stopped: watch::Receiver<bool>,
) {
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            _ = stopped.changed() => return,
        };
        match accepted {
            Ok((stream, source)) => {
                let server = settings.borrow().tls.as_ref().map(|tls| Arc::clone(&tls.server));
                let link = match (transport.is_secure(), server) {
                    (false, _) => Link::Plain(stream),
                    (true, Some(server)) => Link::Shaking(stream, server),
                    // The settings have no certificate any more: nobody is let in until the restart that ends this.
                    (true, None) => continue,
                };
                let flow = Flow { transport, source, local };
                if hub.send(HubInput::Accepted { flow, link }).await.is_err() {
                    return;
                }
            }
            Err(error) => {
                // Out of file descriptors, most likely: accepting again at once would spin.
                tracing::warn!(%local, %error, "cannot accept SIP connections");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
}

/// The handshake with a peer that connected to us.
///
/// # Errors
/// When it fails: what the peer did wrong.
pub(super) async fn shake(
    stream: TcpStream,
    server: Arc<ServerConfig>,
) -> std::io::Result<TlsStream<TcpStream>> {
    TlsAcceptor::from(server).accept(stream).await.map(TlsStream::Server)
}

/// The certificate that a peer showed.
pub(super) fn certificate(stream: &TlsStream<TcpStream>) -> Option<CertificateDer<'static>> {
    let (_, session) = stream.get_ref();
    session.peer_certificates()?.first().cloned()
}

/// True for a connection from the very address that a gateway takes our calls at, over TLS.
pub(super) fn is_gateways(flow: Flow, carriers: &Carriers) -> bool {
    match flow.transport {
        Transport::Tls => carriers.has_secured(flow.source),
        Transport::Udp | Transport::Tcp | Transport::Ws | Transport::Wss => false,
    }
}

/// How a connection to this peer is made; `None` when none may be.
pub(super) fn way_to(peer: Peer, carriers: &Carriers) -> Option<Way> {
    match peer.transport {
        Transport::Tcp => Some(Way::Plain),
        Transport::Tls => carriers.secured(peer.address).map(Way::Secure),
        // Browsers listen nowhere, and datagrams need no connection.
        Transport::Udp | Transport::Ws | Transport::Wss => None,
    }
}

/// Makes a connection; `None` when that fails, which is logged where an operator can do something about it.
pub(super) async fn connect(peer: Peer, way: Way, handshakes: &Handshakes) -> Option<Link> {
    let (gateway, made) = match way {
        Way::Plain => {
            let made = timeout(CONNECT_TIME, TcpStream::connect(peer.address)).await;
            return made.ok()?.ok().map(Link::Plain);
        }
        Way::Secure(secured) => {
            let gateway = secured.gateway.clone();
            (gateway, timeout(CONNECT_TIME, connect_secure(peer.address, secured)).await)
        }
    };
    let address = peer.address;
    match made {
        Ok(Ok(stream)) => {
            handshakes.count(Side::Ours, Shaken::Done);
            return Some(Link::Secure(Box::new(stream)));
        }
        Ok(Err(error)) => {
            handshakes.count(Side::Ours, Shaken::Failed);
            tracing::warn!(%gateway, %address, %error, "no TLS connection with a gateway");
        }
        Err(_) => {
            handshakes.count(Side::Ours, Shaken::Late);
            tracing::warn!(%gateway, %address, error = "timeout", "no TLS connection with a gateway");
        }
    }
    None
}

async fn connect_secure(address: SocketAddr, secured: Secured) -> std::io::Result<TlsStream<TcpStream>> {
    // Of a name TLS says which certificate is wanted (SNI); an address has to stand in the certificate.
    let name = ServerName::try_from(secured.gateway.lookup_name().to_owned());
    let name = name.map_err(std::io::Error::other)?;
    let stream = TcpStream::connect(address).await?;
    stream.set_nodelay(true)?;
    TlsConnector::from(secured.client.config).connect(name, stream).await.map(TlsStream::Client)
}
