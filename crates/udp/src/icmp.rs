//! What the network says of datagrams that could not be delivered: ICMP, by the error queue of a socket.
//!
//! An unconnected UDP socket hears nothing of a closed port at the other end unless it asks for it (ip(7),
//! `IP_RECVERR`). Then the next call on the socket fails once with the error, and the queue says whose it is.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// Lets the system keep the ICMP errors about datagrams that this socket sent.
///
/// # Errors
/// The system's, for a descriptor that is no UDP socket.
pub fn watch_refusals(socket: &impl AsRawFd, local: SocketAddr) -> io::Result<()> {
    let (level, option) = match local {
        SocketAddr::V4(_) => (libc::IPPROTO_IP, libc::IP_RECVERR),
        SocketAddr::V6(_) => (libc::IPPROTO_IPV6, libc::IPV6_RECVERR),
    };
    let on: libc::c_int = 1;
    let length = mem::size_of_val(&on) as libc::socklen_t;
    // SAFETY: `on` outlives the call and `length` is its size; the descriptor is open, being borrowed.
    let result =
        unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const on).cast(), length) };
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

/// The next peer to whom a datagram could not be delivered: its port is closed, or there is no way to its address.
/// `None` when the queue is empty.
pub fn next_refusal(socket: &impl AsRawFd) -> Option<SocketAddr> {
    loop {
        let (address, errno) = next_error(socket)?;
        if matches!(errno, libc::ECONNREFUSED | libc::EHOSTUNREACH | libc::ENETUNREACH)
            && let Some(address) = address
        {
            return Some(address);
        }
    }
}

/// Room for the error and the address of the host that reported it, aligned as control messages are.
#[repr(C, align(8))]
struct Control([u8; 256]);

/// The next error: whom the datagram was for, and its number. `None` when there is none.
fn next_error(socket: &impl AsRawFd) -> Option<(Option<SocketAddr>, i32)> {
    // SAFETY: an address of zeros is a valid value.
    let mut address: libc::sockaddr_storage = unsafe { mem::zeroed() };
    let mut control = Control([0; 256]);
    let mut payload = [0_u8; 1];
    let mut piece = libc::iovec { iov_base: payload.as_mut_ptr().cast(), iov_len: payload.len() };
    // SAFETY: a message header of zeros is a valid value.
    let mut message: libc::msghdr = unsafe { mem::zeroed() };
    message.msg_name = (&raw mut address).cast();
    message.msg_namelen = mem::size_of_val(&address) as libc::socklen_t;
    message.msg_iov = &raw mut piece;
    message.msg_iovlen = 1;
    message.msg_control = control.0.as_mut_ptr().cast();
    message.msg_controllen = control.0.len() as _;
    let flags = libc::MSG_ERRQUEUE | libc::MSG_DONTWAIT;
    // SAFETY: all that `message` points to outlives the call, with the lengths that it names.
    if unsafe { libc::recvmsg(socket.as_raw_fd(), &raw mut message, flags) } < 0 {
        return None;
    }
    let mut errno = 0;
    // SAFETY: the system filled `message` and its control room; the walk stays within `msg_controllen`.
    let mut header = unsafe { libc::CMSG_FIRSTHDR(&raw const message) };
    while !header.is_null() {
        // SAFETY: `header` came from CMSG_FIRSTHDR or CMSG_NXTHDR and is not null.
        let (level, kind, length) =
            unsafe { ((*header).cmsg_level, (*header).cmsg_type, (*header).cmsg_len as usize) };
        let is_error = (level, kind) == (libc::IPPROTO_IP, libc::IP_RECVERR)
            || (level, kind) == (libc::IPPROTO_IPV6, libc::IPV6_RECVERR);
        // SAFETY: computes a length from a length.
        let needed = unsafe { libc::CMSG_LEN(mem::size_of::<libc::sock_extended_err>() as u32) } as usize;
        if is_error && length >= needed {
            // SAFETY: the message is long enough to hold the error; it is read without regard to alignment.
            let error: libc::sock_extended_err =
                unsafe { libc::CMSG_DATA(header).cast::<libc::sock_extended_err>().read_unaligned() };
            errno = error.ee_errno.cast_signed();
        }
        // SAFETY: as with CMSG_FIRSTHDR.
        header = unsafe { libc::CMSG_NXTHDR(&raw const message, header) };
    }
    Some((read_address(&address), errno))
}

fn read_address(address: &libc::sockaddr_storage) -> Option<SocketAddr> {
    match i32::from(address.ss_family) {
        libc::AF_INET => {
            // SAFETY: the family says that it is such an address, and the storage is large and aligned enough.
            let v4 = unsafe { &*(&raw const *address).cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some(SocketAddr::from((ip, u16::from_be(v4.sin_port))))
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { &*(&raw const *address).cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some(SocketAddr::from((ip, u16::from_be(v6.sin6_port))))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use std::net::UdpSocket;

    use super::*;

    #[test]
    fn a_closed_port_is_named_and_an_open_one_is_not() {
        for host in ["127.0.0.1:0", "[::1]:0"] {
            // A machine without IPv6 has nothing to show here.
            let Ok(socket) = UdpSocket::bind(host) else { continue };
            watch_refusals(&socket, socket.local_addr().unwrap()).unwrap();
            assert_eq!(next_refusal(&socket), None);
            let open = UdpSocket::bind(host).unwrap();
            let closed = UdpSocket::bind(host).unwrap().local_addr().unwrap();
            socket.send_to(b"x", open.local_addr().unwrap()).unwrap();
            socket.send_to(b"x", closed).unwrap();
            // Waits for the error, which ends a read.
            let error = socket.recv_from(&mut [0; 1]).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::ConnectionRefused);
            assert_eq!(next_refusal(&socket), Some(closed));
            assert_eq!(next_refusal(&socket), None);
        }
    }
}
