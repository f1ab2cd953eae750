//! The addresses that we listen on, and which socket speaks for which.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::{TcpListener, UdpSocket};

use sip::Transport;

use super::locals::Locals;
use super::{Listener, Settings, StartError};

/// Connections that may wait to be accepted.
const WAITING: i32 = 1_024;

/// Where the shell listens, in the order of the settings.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Addresses {
    /// UDP and TCP.
    pub plain: Vec<SocketAddr>,
    /// TLS.
    pub secure: Vec<SocketAddr>,
}

/// All sockets, in the order of the settings.
pub(super) struct Listening {
    /// UDP and TCP.
    pub(super) plain: Vec<Bound>,
    /// TLS.
    pub(super) secure: Vec<Door>,
}

/// Both sockets of a listener.
pub(super) struct Bound {
    pub(super) udp: Arc<UdpSocket>,
    pub(super) tcp: Door,
}

/// A socket that takes connections.
pub(super) struct Door {
    pub(super) listener: TcpListener,
    pub(super) transport: Transport,
    /// What is bound.
    pub(super) address: SocketAddr,
    /// What peers are told.
    pub(super) local: SocketAddr,
}

impl Listening {
    /// What is bound.
    pub(super) fn bound(&self) -> Addresses {
        Addresses {
            plain: self.plain.iter().map(|bound| bound.tcp.address).collect(),
            secure: self.secure.iter().map(|door| door.address).collect(),
        }
    }

    /// What peers are told.
    pub(super) fn locals(&self) -> Locals {
        let plain = self.plain.iter().map(|bound| bound.tcp.local).collect();
        Locals::new(plain, self.secure.iter().map(|door| door.local))
    }

    fn doors(&self) -> impl Iterator<Item = &Door> {
        self.plain.iter().map(|bound| &bound.tcp).chain(&self.secure)
    }
}

/// The UDP sockets by what peers are told.
#[derive(Debug, Clone)]
pub(super) struct Sockets(Arc<BTreeMap<SocketAddr, Arc<UdpSocket>>>);

impl Sockets {
    pub(super) fn new(bound: &[Bound]) -> Sockets {
        Sockets(Arc::new(bound.iter().map(|bound| (bound.tcp.local, Arc::clone(&bound.udp))).collect()))
    }

    pub(super) fn of(&self, local: SocketAddr) -> Option<&UdpSocket> {
        self.0.get(&local).map(|socket| &**socket)
    }
}

/// Binds all listeners. An IPv6 socket beside an IPv4 one takes IPv6 alone, so that `[::]` and `0.0.0.0` may share a
/// port.
pub(super) fn bind_all(settings: &Settings) -> Result<Listening, StartError> {
    let mut all = Listening { plain: Vec::new(), secure: Vec::new() };
    for listener in &settings.listen {
        let (udp, tcp, address) = bind(listener.bind, has_ipv4(&settings.listen))?;
        let tcp = all.door(*listener, (tcp, Transport::Tcp, address))?;
        all.plain.push(Bound { udp: Arc::new(udp), tcp });
    }
    let secure = settings.tls.iter().flat_map(|tls| &tls.listen);
    for listener in secure.clone() {
        let bind = listener.bind;
        let failed = |source| StartError::Bind { address: bind, transport: "TLS", source };
        let only_v6 = secure.clone().any(|listener| listener.bind.is_ipv4());
        let socket = tcp(bind, only_v6).map_err(failed)?;
        let address = socket.local_addr().map_err(failed)?;
        let door = all.door(*listener, (socket, Transport::Tls, address))?;
        all.secure.push(door);
    }
    Ok(all)
}

impl Listening {
    /// A bound socket, which peers have to be able to tell from those that there are.
    fn door(
        &self,
        told: Listener,
        (listener, transport, address): (TcpListener, Transport, SocketAddr),
    ) -> Result<Door, StartError> {
        let local = SocketAddr::new(told.advertised_ip(), address.port());
        if local.ip().is_unspecified() {
            return Err(StartError::NoAddress(address));
        }
        if self.doors().any(|door| door.local == local) {
            return Err(StartError::SameAddress(local));
        }
        Ok(Door { listener, transport, address, local })
    }
}

/// Whether IPv6 sockets leave IPv4 to others.
pub(crate) fn has_ipv4(listeners: &[Listener]) -> bool {
    listeners.iter().any(|listener| listener.bind.is_ipv4())
}

/// Both sockets on one port; when that is to be a free one, the TCP side may need a few tries.
fn bind(listen: SocketAddr, only_v6: bool) -> Result<(UdpSocket, TcpListener, SocketAddr), StartError> {
    let mut tries = 0;
    loop {
        tries += 1;
        let failed = |transport| move |source| StartError::Bind { address: listen, transport, source };
        let udp = udp(listen, only_v6).map_err(failed("UDP"))?;
        let bound = udp.local_addr().map_err(failed("UDP"))?;
        match tcp(bound, only_v6) {
            Ok(tcp) => return Ok((udp, tcp, bound)),
            Err(_) if listen.port() == 0 && tries < 20 => {}
            Err(source) => return Err(StartError::Bind { address: bound, transport: "TCP", source }),
        }
    }
}

/// A bound UDP socket.
pub(crate) fn udp(address: SocketAddr, only_v6: bool) -> io::Result<UdpSocket> {
    let socket = open(address, only_v6, Type::DGRAM, Protocol::UDP)?;
    socket.bind(&address.into())?;
    UdpSocket::from_std(socket.into())
}

/// A TCP socket that listens.
pub(crate) fn tcp(address: SocketAddr, only_v6: bool) -> io::Result<TcpListener> {
    let socket = open(address, only_v6, Type::STREAM, Protocol::TCP)?;
    // Connections of the last run that are not quite over are in nobody's way.
    socket.set_reuse_address(true)?;
    socket.bind(&address.into())?;
    socket.listen(WAITING)?;
    TcpListener::from_std(socket.into())
}

fn open(address: SocketAddr, only_v6: bool, kind: Type, protocol: Protocol) -> io::Result<Socket> {
    let socket = Socket::new(Domain::for_address(address), kind, Some(protocol))?;
    if only_v6 && address.is_ipv6() {
        socket.set_only_v6(true)?;
    }
    socket.set_nonblocking(true)?;
    Ok(socket)
}
