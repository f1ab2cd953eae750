//! Options of a UDP socket that the standard library lacks.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::mem;
use std::net::UdpSocket;
use std::os::fd::AsRawFd;

/// Lets a connected socket take packets of everybody again. It keeps its port when that was asked for by number.
pub fn disconnect(socket: &UdpSocket) {
    // SAFETY: plain integers, all of which zero stands for.
    let mut nobody: libc::sockaddr = unsafe { mem::zeroed() };
    nobody.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    let size = mem::size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: `nobody` has `size` bytes and outlives the call, which cannot fail for an open socket.
    unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, size) };
}

/// Marks what a socket sends as voice (DSCP EF, RFC 3246). Where that is refused, packets go unmarked.
pub fn mark_as_voice(socket: &UdpSocket) {
    let ef: libc::c_int = 46 << 2;
    let v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
    let (level, option) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) } else { (libc::IPPROTO_IP, libc::IP_TOS) };
    let size = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option's value is one live integer of the given size.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const ef).cast(), size) };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disconnected_socket_hears_everybody_on_the_same_port() {
        let [any, peer, other] = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = any.local_addr().unwrap();
        drop(any);
        let own = UdpSocket::bind(address).unwrap();
        own.connect(peer.local_addr().unwrap()).unwrap();
        disconnect(&own);
        assert_eq!(own.local_addr().unwrap(), address);
        other.send_to(b"hello", address).unwrap();
        let (length, from) = own.recv_from(&mut [0; 10]).unwrap();
        assert_eq!((length, from), (5, other.local_addr().unwrap()));
    }
}
