//! Many datagrams a system call, with the kernel's times of arrival: `recvmmsg`, `sendmmsg`.
//! For programs that send from one socket to many peers.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, SocketAddrV4, UdpSocket};
use std::os::fd::AsRawFd;
use std::ptr;

/// The longest datagram handled whole, an Ethernet frame's worth; of a longer one the beginning is kept.
pub const DATAGRAM: usize = 1536;

/// The kernel's time of arrival: a header of 16 bytes, then a timespec; with room to spare.
type Control = [u64; 8];

/// Room for several datagrams with their addresses.
pub struct Batch {
    bytes: Box<[[u8; DATAGRAM]]>,
    slices: Box<[libc::iovec]>,
    addresses: Box<[libc::sockaddr_in]>,
    control: Box<[Control]>,
    messages: Box<[libc::mmsghdr]>,
    received: usize,
    waiting: usize,
}

// SAFETY: the pointers inside point into the batch's own heap memory, which moves with it.
unsafe impl Send for Batch {}

impl std::fmt::Debug for Batch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Batch").field("size", &self.messages.len()).finish_non_exhaustive()
    }
}

/// One datagram that arrived.
#[derive(Debug, Clone, Copy)]
pub struct Arrived<'a> {
    /// Its payload.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub source: SocketAddrV4,
    /// When the kernel took it, in nanoseconds since 1970.
    pub at_ns: u64,
}

impl Batch {
    /// A batch with room for `size` datagrams.
    pub fn new(size: usize) -> Batch {
        // SAFETY: plain integers and null pointers, all of which zero stands for.
        let zero: (libc::iovec, libc::sockaddr_in, libc::mmsghdr) = unsafe { mem::zeroed() };
        let mut batch = Batch {
            bytes: vec![[0; DATAGRAM]; size].into(),
            slices: vec![zero.0; size].into(),
            addresses: vec![zero.1; size].into(),
            control: vec![[0; 8]; size].into(),
            messages: vec![zero.2; size].into(),
            received: 0,
            waiting: 0,
        };
        let rows = batch.bytes.iter_mut().zip(&mut batch.slices).zip(&mut batch.addresses);
        for (((bytes, slice), address), message) in rows.zip(&mut batch.messages) {
            slice.iov_base = bytes.as_mut_ptr().cast();
            message.msg_hdr.msg_iov = slice;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_name = ptr::from_mut(address).cast();
        }
        batch
    }

    /// Receives the datagrams that have arrived, without waiting; returns whether there may be more.
    pub fn receive(&mut self, socket: &UdpSocket) -> bool {
        self.waiting = 0;
        for ((message, slice), control) in
            self.messages.iter_mut().zip(&mut self.slices).zip(&mut self.control)
        {
            slice.iov_len = DATAGRAM;
            message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
            message.msg_hdr.msg_control = control.as_mut_ptr().cast();
            message.msg_hdr.msg_controllen = mem::size_of::<Control>() as _;
        }
        // SAFETY: every header points at memory of this batch, which outlives the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                self.messages.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                ptr::null_mut(),
            )
        };
        self.received = usize::try_from(count).unwrap_or(0).min(self.messages.len());
        self.received == self.messages.len()
    }

    /// What the last receive took.
    pub fn arrived(&self) -> impl Iterator<Item = Arrived<'_>> {
        let rows = self.messages.iter().zip(&self.bytes).zip(&self.addresses).zip(&self.control);
        rows.take(self.received).map(|(((message, bytes), address), control)| {
            let length = usize::try_from(message.msg_len).unwrap_or(DATAGRAM).min(DATAGRAM);
            let [_, _, seconds, nanoseconds, ..] = *control;
            Arrived {
                bytes: bytes.get(..length).unwrap_or_default(),
                source: SocketAddrV4::new(
                    Ipv4Addr::from(u32::from_be(address.sin_addr.s_addr)),
                    u16::from_be(address.sin_port),
                ),
                at_ns: seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds),
            }
        })
    }

    /// Puts one more datagram in: `write` fills it and says its length. False when the batch is full, or
    /// `write` had no room.
    pub fn put(
        &mut self,
        to: SocketAddrV4,
        write: impl FnOnce(&mut [u8; DATAGRAM]) -> Option<usize>,
    ) -> bool {
        self.received = 0;
        let at = self.waiting;
        let (Some(bytes), Some(slice), Some(address), Some(message)) = (
            self.bytes.get_mut(at),
            self.slices.get_mut(at),
            self.addresses.get_mut(at),
            self.messages.get_mut(at),
        ) else {
            return false;
        };
        let Some(length) = write(bytes).filter(|length| *length <= DATAGRAM) else { return false };
        slice.iov_len = length;
        *address = raw(to);
        message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        message.msg_hdr.msg_control = ptr::null_mut();
        message.msg_hdr.msg_controllen = 0;
        self.waiting += 1;
        true
    }

    /// Sends what the last receive took on, each to where `to` says; returns how many the kernel took.
    pub fn pass_on(&mut self, socket: &UdpSocket, mut to: impl FnMut(&[u8]) -> SocketAddrV4) -> usize {
        self.waiting = mem::take(&mut self.received);
        let rows = self.messages.iter_mut().zip(&self.bytes).zip(&mut self.slices).zip(&mut self.addresses);
        for (((message, bytes), slice), address) in rows.take(self.waiting) {
            slice.iov_len = usize::try_from(message.msg_len).unwrap_or(DATAGRAM).min(DATAGRAM);
            *address = raw(to(bytes.get(..slice.iov_len).unwrap_or_default()));
            message.msg_hdr.msg_control = ptr::null_mut();
            message.msg_hdr.msg_controllen = 0;
        }
        self.send(socket)
    }

    /// How many were put in and not yet sent.
    pub fn waiting(&self) -> usize {
        self.waiting
    }

    /// No further datagram has room.
    pub fn is_full(&self) -> bool {
        self.waiting == self.messages.len()
    }

    /// Sends the datagrams of the batch; returns how many the kernel took.
    pub fn send(&mut self, socket: &UdpSocket) -> usize {
        let count = mem::take(&mut self.waiting);
        if count == 0 {
            return 0;
        }
        // SAFETY: as for receiving; `count` is within the batch.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(sent).unwrap_or(0)
    }
}

fn raw(address: SocketAddrV4) -> libc::sockaddr_in {
    libc::sockaddr_in {
        sin_family: libc::AF_INET as libc::sa_family_t,
        sin_port: address.port().to_be(),
        sin_addr: libc::in_addr { s_addr: u32::from(*address.ip()).to_be() },
        sin_zero: [0; 8],
    }
}

/// Gives a socket buffers of `bytes` bytes, or as many as the system allows, and lets the kernel note times of
/// arrival.
///
/// # Errors
/// When the kernel refuses one of them.
pub fn prepare(socket: &UdpSocket, bytes: i32) -> io::Result<()> {
    let options = [(libc::SO_RCVBUF, bytes), (libc::SO_SNDBUF, bytes), (libc::SO_TIMESTAMPNS, 1)];
    for (option, value) in options {
        let size = mem::size_of::<libc::c_int>() as libc::socklen_t;
        // SAFETY: the option's value is one live integer of the given size.
        let result = unsafe {
            libc::setsockopt(socket.as_raw_fd(), libc::SOL_SOCKET, option, (&raw const value).cast(), size)
        };
        if result != 0 {
            return Err(io::Error::last_os_error());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_put_in_arrives_with_its_source_and_time() {
        let sockets = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let addresses: Vec<SocketAddrV4> =
            sockets.iter().map(|socket| socket.local_addr().unwrap().to_string().parse().unwrap()).collect();
        sockets.iter().for_each(|socket| prepare(socket, 1 << 20).unwrap());
        let mut batch = Batch::new(3);
        for byte in 0..3 {
            let put = batch.put(addresses[1], |room| {
                room[0] = byte;
                Some(1 + usize::from(byte))
            });
            assert!(put);
        }
        assert!(batch.is_full() && !batch.put(addresses[1], |_| Some(0)));
        assert_eq!(batch.send(&sockets[0]), 3);
        let mut arrived: Vec<(Vec<u8>, SocketAddrV4, u64)> = Vec::new();
        while arrived.len() < 3 {
            batch.receive(&sockets[1]);
            arrived.extend(batch.arrived().map(|one| (one.bytes.to_vec(), one.source, one.at_ns)));
        }
        assert_eq!(arrived.iter().map(|one| one.0.len()).collect::<Vec<_>>(), [1, 2, 3]);
        assert!(arrived.iter().all(|one| one.1 == addresses[0] && one.2 > 1_700_000_000_000_000_000));
        assert!(!batch.receive(&sockets[1]) && batch.arrived().count() == 0);
        assert_eq!(batch.send(&sockets[0]), 0);
    }

    #[test]
    fn what_arrived_is_passed_on_as_long_as_it_was() {
        let sockets = [(); 3].map(|()| UdpSocket::bind("127.0.0.1:0").unwrap());
        let address = |socket: &UdpSocket| socket.local_addr().unwrap().to_string().parse().unwrap();
        let mut batch = Batch::new(2);
        for datagram in [[1; 7].as_slice(), &[2; DATAGRAM + 1]] {
            sockets[0].send_to(datagram, sockets[1].local_addr().unwrap()).unwrap();
            let mut seen = Vec::new();
            while seen.is_empty() {
                batch.receive(&sockets[1]);
                seen.extend(batch.arrived().map(|one| one.bytes.to_vec()));
            }
            let sent = batch.pass_on(&sockets[1], |bytes| {
                assert_eq!(bytes, seen[0]);
                address(&sockets[2])
            });
            let mut room = [0; 2 * DATAGRAM];
            let length = sockets[2].recv(&mut room).unwrap();
            assert_eq!((sent, &room[..length]), (1, &datagram[..datagram.len().min(DATAGRAM)]));
        }
    }
}
