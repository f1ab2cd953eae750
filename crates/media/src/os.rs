//! The system calls that the standard library lacks: epoll, eventfd, affinity, and the mark on packets.
//! The only unsafe code of the crate.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Tells which of many sockets can be read.
#[derive(Debug)]
pub(crate) struct Poll {
    epoll: OwnedFd,
}

/// Readable sockets that one wait can name; the rest are named by the next.
const EVENTS: usize = 256;

impl Poll {
    pub(crate) fn new() -> io::Result<Poll> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Poll { epoll: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Watches a descriptor; `token` names it. Closing the descriptor ends the watch.
    pub(crate) fn watch(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        let mut event = libc::epoll_event { events: libc::EPOLLIN as u32, u64: token };
        let (epoll, fd) = (self.epoll.as_raw_fd(), fd.as_raw_fd());
        // SAFETY: `event` outlives the call; both descriptors are open, being borrowed.
        checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// Waits at most `timeout`, rounded up to a millisecond, and puts the tokens of what is readable into
    /// `ready`.
    pub(crate) fn wait(&self, timeout: Duration, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        let milliseconds = i32::try_from(timeout.as_micros().div_ceil(1000)).unwrap_or(i32::MAX);
        let mut events = [libc::epoll_event { events: 0, u64: 0 }; EVENTS];
        // SAFETY: `events` has room for EVENTS entries and outlives the call.
        let count = unsafe {
            libc::epoll_wait(self.epoll.as_raw_fd(), events.as_mut_ptr(), EVENTS as i32, milliseconds)
        };
        let count = match checked(count) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            other => other?,
        };
        ready.extend(events.iter().take(usize::try_from(count).unwrap_or(0)).map(|event| event.u64));
        Ok(())
    }
}

/// Wakes a thread that waits in [`Poll::wait`].
#[derive(Debug)]
pub(crate) struct Waker {
    event: OwnedFd,
}

impl Waker {
    pub(crate) fn new() -> io::Result<Waker> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Waker { event: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub(crate) fn wake(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes of a live integer. It fails only when the counter is full, and then the
        // thread is awake anyway.
        unsafe { libc::write(self.event.as_raw_fd(), (&raw const one).cast(), mem::size_of::<u64>()) };
    }

    /// Makes the next [`Waker::wake`] count again.
    pub(crate) fn rearm(&self) {
        let mut count = 0_u64;
        // SAFETY: eight bytes of a live integer. It fails only when nothing was counted.
        unsafe { libc::read(self.event.as_raw_fd(), (&raw mut count).cast(), mem::size_of::<u64>()) };
    }
}

impl AsRawFd for Waker {
    fn as_raw_fd(&self) -> RawFd {
        self.event.as_raw_fd()
    }
}

/// Datagrams that one call takes.
const BATCH: usize = 16;
/// Longest datagram taken: an Ethernet frame's worth; what is longer is cut and then refused as RTP.
const DATAGRAM: usize = 1536;

/// Takes several datagrams of one socket by one system call (recvmmsg).
pub(crate) struct Inbox {
    bytes: Box<[[u8; DATAGRAM]; BATCH]>,
    lengths: [usize; BATCH],
    senders: [libc::sockaddr_storage; BATCH],
}

impl Inbox {
    pub(crate) fn new() -> Inbox {
        Inbox {
            bytes: Box::new([[0; DATAGRAM]; BATCH]),
            lengths: [0; BATCH],
            // SAFETY: plain integers; all zero is a valid address of no family.
            senders: unsafe { mem::zeroed() },
        }
    }

    /// Takes what has arrived, up to a batch, without waiting; returns how many.
    pub(crate) fn receive(&mut self, socket: &UdpSocket) -> usize {
        // SAFETY: plain integers and null pointers, all of which zero stands for.
        let mut messages: [libc::mmsghdr; BATCH] = unsafe { mem::zeroed() };
        // SAFETY: as above.
        let mut slices: [libc::iovec; BATCH] = unsafe { mem::zeroed() };
        let parts = slices.iter_mut().zip(self.bytes.iter_mut()).zip(self.senders.iter_mut());
        for (message, ((slice, bytes), sender)) in messages.iter_mut().zip(parts) {
            slice.iov_base = bytes.as_mut_ptr().cast();
            slice.iov_len = DATAGRAM;
            message.msg_hdr.msg_iov = slice;
            message.msg_hdr.msg_iovlen = 1;
            message.msg_hdr.msg_name = (&raw mut *sender).cast();
            message.msg_hdr.msg_namelen = mem::size_of::<libc::sockaddr_storage>() as libc::socklen_t;
        }
        // SAFETY: every header points at one slice, one buffer and one address of its own, all of which
        // outlive the call; no timeout is given.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                messages.as_mut_ptr(),
                BATCH as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        let count = usize::try_from(count).unwrap_or(0);
        for (length, message) in self.lengths.iter_mut().zip(&messages).take(count) {
            *length = message.msg_len as usize;
        }
        count
    }

    /// The datagrams of the last batch of `count`.
    pub(crate) fn datagrams(&self, count: usize) -> impl Iterator<Item = (&[u8], SocketAddr)> {
        let all = self.bytes.iter().zip(self.lengths).zip(&self.senders).take(count);
        all.filter_map(|((bytes, length), sender)| Some((bytes.get(..length)?, address(sender)?)))
    }
}

impl std::fmt::Debug for Inbox {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Inbox").finish_non_exhaustive()
    }
}

fn address(storage: &libc::sockaddr_storage) -> Option<SocketAddr> {
    let storage = &raw const *storage;
    // SAFETY: the family says which of the two the storage holds; it is large and aligned enough for both.
    match libc::c_int::from(unsafe { (*storage).ss_family }) {
        libc::AF_INET => {
            // SAFETY: as above.
            let v4 = unsafe { *storage.cast::<libc::sockaddr_in>() };
            let ip = Ipv4Addr::from(u32::from_be(v4.sin_addr.s_addr));
            Some((ip, u16::from_be(v4.sin_port)).into())
        }
        libc::AF_INET6 => {
            // SAFETY: as above.
            let v6 = unsafe { *storage.cast::<libc::sockaddr_in6>() };
            let ip = Ipv6Addr::from(v6.sin6_addr.s6_addr);
            Some((ip, u16::from_be(v6.sin6_port)).into())
        }
        _ => None,
    }
}

/// Pins this thread to a core of its own, counted from the last, for interrupts gather on the first. Where
/// that is not allowed, it stays unpinned.
pub(crate) fn pin_to_core(index: usize) {
    // SAFETY: an all-zero set is a valid, empty one.
    let mut allowed: libc::cpu_set_t = unsafe { mem::zeroed() };
    let size = mem::size_of::<libc::cpu_set_t>();
    // SAFETY: `allowed` has `size` bytes and outlives the call; 0 is this thread.
    if unsafe { libc::sched_getaffinity(0, size, &mut allowed) } != 0 {
        return;
    }
    // SAFETY: every core asked for is below CPU_SETSIZE.
    let may_run = |core: &usize| unsafe { libc::CPU_ISSET(*core, &allowed) };
    let cores: Vec<usize> = (0..libc::CPU_SETSIZE as usize).filter(may_run).collect();
    let Some(core) = cores.iter().rev().nth(index % cores.len().max(1)) else { return };
    // SAFETY: an all-zero set is a valid, empty one.
    let mut one: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `core` was found in a set of the same size.
    unsafe { libc::CPU_SET(*core, &mut one) };
    // SAFETY: `one` has `size` bytes and outlives the call.
    if unsafe { libc::sched_setaffinity(0, size, &one) } != 0 {
        tracing::debug!(core, "a media thread runs unpinned");
    }
}

/// Marks what a socket sends as voice (DSCP EF, RFC 3246). Where that is refused, packets go unmarked.
pub(crate) fn mark_as_voice(socket: &UdpSocket) {
    let ef: libc::c_int = 46 << 2;
    let v6 = socket.local_addr().is_ok_and(|address| address.is_ipv6());
    let (level, option) =
        if v6 { (libc::IPPROTO_IPV6, libc::IPV6_TCLASS) } else { (libc::IPPROTO_IP, libc::IP_TOS) };
    let size = mem::size_of::<libc::c_int>() as libc::socklen_t;
    // SAFETY: the option's value is one live integer of the given size.
    unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, (&raw const ef).cast(), size) };
}

fn checked(result: libc::c_int) -> io::Result<libc::c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_batch_takes_what_has_arrived_with_its_senders() {
        for ip in ["127.0.0.1", "::1"] {
            let Ok(ours) = UdpSocket::bind((ip, 0)) else { continue };
            let peers = [UdpSocket::bind((ip, 0)).unwrap(), UdpSocket::bind((ip, 0)).unwrap()];
            let mut inbox = Inbox::new();
            assert_eq!(inbox.receive(&ours), 0, "it does not wait");
            peers[0].send_to(b"one", ours.local_addr().unwrap()).unwrap();
            peers[1].send_to(&[7; 2000], ours.local_addr().unwrap()).unwrap();
            let count = inbox.receive(&ours);
            let taken: Vec<_> = inbox.datagrams(count).collect();
            assert_eq!(taken[0], (b"one".as_slice(), peers[0].local_addr().unwrap()));
            assert_eq!(taken[1], ([7; DATAGRAM].as_slice(), peers[1].local_addr().unwrap()));
        }
    }

    #[test]
    fn a_waker_wakes_once_and_again() {
        let (poll, waker) = (Poll::new().unwrap(), Waker::new().unwrap());
        poll.watch(&waker, 9).unwrap();
        let mut ready = Vec::new();
        for _ in 0..2 {
            poll.wait(Duration::ZERO, &mut ready).unwrap();
            assert_eq!(ready, []);
            waker.wake();
            waker.wake();
            poll.wait(Duration::from_secs(5), &mut ready).unwrap();
            assert_eq!(ready, [9]);
            waker.rearm();
        }
    }
}
