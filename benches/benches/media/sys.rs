//! The system calls of the bare loops that nobody else makes: one datagram at a time, and edge triggering.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

fn raw(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Which of many sockets can be read.
pub(crate) struct Epoll(OwnedFd);

impl Epoll {
    pub(crate) fn new() -> io::Result<Epoll> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Epoll(unsafe { OwnedFd::from_raw_fd(fd) }))
    }

    pub(crate) fn watch(&self, fd: &impl AsRawFd, token: u64, edge: bool) -> io::Result<()> {
        let edge = if edge { libc::EPOLLET as u32 } else { 0 };
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32 | edge, u64: token };
        // SAFETY: `event` outlives the call; both descriptors are open.
        let result =
            unsafe { libc::epoll_ctl(self.0.as_raw_fd(), libc::EPOLL_CTL_ADD, fd.as_raw_fd(), &mut event) };
        if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
    }

    /// Waits at most so many milliseconds.
    pub(crate) fn wait(&self, events: &mut [libc::epoll_event], milliseconds: i32) -> usize {
        // SAFETY: `events` has room for its own length and outlives the call.
        let count = unsafe {
            libc::epoll_wait(self.0.as_raw_fd(), events.as_mut_ptr(), events.len() as i32, milliseconds)
        };
        usize::try_from(count).unwrap_or(0)
    }
}

/// One datagram, without waiting.
pub(crate) fn receive_one(socket: &UdpSocket, bytes: &mut [u8]) -> Option<usize> {
    // SAFETY: zero is a valid address of no family.
    let mut from: libc::sockaddr_in = unsafe { mem::zeroed() };
    let mut size = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
    // SAFETY: buffer, address and its length are live and of the sizes told.
    let length = unsafe {
        libc::recvfrom(
            socket.as_raw_fd(),
            bytes.as_mut_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT,
            (&raw mut from).cast(),
            &mut size,
        )
    };
    usize::try_from(length).ok()
}

/// Sends one datagram.
pub(crate) fn send_one(socket: &UdpSocket, bytes: &[u8], to: SocketAddrV4) {
    let to = raw(to);
    // SAFETY: buffer and address are live and of the sizes told.
    unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            bytes.as_ptr().cast(),
            bytes.len(),
            libc::MSG_DONTWAIT,
            (&raw const to).cast(),
            mem::size_of::<libc::sockaddr_in>() as libc::socklen_t,
        )
    };
}

/// The address that a socket is bound to.
pub(crate) fn local(socket: &UdpSocket) -> io::Result<SocketAddrV4> {
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(io::Error::other("bound to IPv4 only")),
    }
}
