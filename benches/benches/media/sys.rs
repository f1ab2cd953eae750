//! The system calls that both sides of the benchmark make, bare.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::{SocketAddr, SocketAddrV4, UdpSocket};
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// Longest datagram handled.
pub(crate) const DATAGRAM: usize = 512;

/// Room for several datagrams, their addresses and their kernel receive times.
pub(crate) struct Batch {
    bytes: Vec<[u8; DATAGRAM]>,
    slices: Vec<libc::iovec>,
    addresses: Vec<libc::sockaddr_in>,
    control: Vec<[u64; 8]>,
    messages: Vec<libc::mmsghdr>,
}

// SAFETY: the pointers inside point into the batch's own heap memory, which moves with it.
unsafe impl Send for Batch {}

impl Batch {
    pub(crate) fn new(size: usize) -> Batch {
        // SAFETY: plain integers and null pointers, all of which zero stands for.
        let zero: (libc::iovec, libc::sockaddr_in, libc::mmsghdr) = unsafe { mem::zeroed() };
        let mut batch = Batch {
            bytes: vec![[0; DATAGRAM]; size],
            slices: vec![zero.0; size],
            addresses: vec![zero.1; size],
            control: vec![[0; 8]; size],
            messages: vec![zero.2; size],
        };
        for index in 0..size {
            batch.slices[index].iov_base = batch.bytes[index].as_mut_ptr().cast();
            batch.slices[index].iov_len = DATAGRAM;
            let header = &mut batch.messages[index].msg_hdr;
            header.msg_iov = &raw mut batch.slices[index];
            header.msg_iovlen = 1;
            header.msg_name = (&raw mut batch.addresses[index]).cast();
            header.msg_namelen = mem::size_of::<libc::sockaddr_in>() as libc::socklen_t;
        }
        batch
    }

    /// Takes what has arrived, without waiting; returns how many. `stamped`: with the kernel's times.
    pub(crate) fn receive(&mut self, socket: &impl AsRawFd, stamped: bool) -> usize {
        if stamped {
            for (message, control) in self.messages.iter_mut().zip(&mut self.control) {
                message.msg_hdr.msg_control = control.as_mut_ptr().cast();
                message.msg_hdr.msg_controllen = mem::size_of_val(control);
            }
        }
        self.slices.iter_mut().for_each(|slice| slice.iov_len = DATAGRAM);
        // SAFETY: every header points at memory of this batch, which outlives the call.
        let count = unsafe {
            libc::recvmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                self.messages.len() as libc::c_uint,
                libc::MSG_DONTWAIT,
                std::ptr::null_mut(),
            )
        };
        usize::try_from(count).unwrap_or(0)
    }

    /// A datagram of the last receive, its sender's port, and its kernel time (ns since 1970) if asked for.
    pub(crate) fn received(&self, index: usize) -> (&[u8], u16, u64) {
        let length = self.messages[index].msg_len as usize;
        let port = u16::from_be(self.addresses[index].sin_port);
        // One control message is there: a header of 16 bytes, then a timespec.
        let [_, _, seconds, nanoseconds, ..] = self.control[index];
        (&self.bytes[index][..length.min(DATAGRAM)], port, seconds * 1_000_000_000 + nanoseconds)
    }

    /// Fills a place for sending.
    pub(crate) fn put(&mut self, index: usize, bytes: &[u8], to: SocketAddrV4) {
        self.bytes[index][..bytes.len()].copy_from_slice(bytes);
        self.slices[index].iov_len = bytes.len();
        self.addresses[index] = raw(to);
        let header = &mut self.messages[index].msg_hdr;
        header.msg_controllen = 0;
        header.msg_control = std::ptr::null_mut();
    }

    /// Sends what was received on to another address.
    pub(crate) fn readdress(&mut self, index: usize, length: usize, to: SocketAddrV4) {
        self.slices[index].iov_len = length;
        self.addresses[index] = raw(to);
    }

    /// Sends the first `count`; returns how many the kernel took.
    pub(crate) fn send(&mut self, socket: &UdpSocket, count: usize) -> usize {
        // SAFETY: as for receiving; `count` is within the batch.
        let sent = unsafe {
            libc::sendmmsg(
                socket.as_raw_fd(),
                self.messages.as_mut_ptr(),
                count.min(self.messages.len()) as libc::c_uint,
                libc::MSG_DONTWAIT,
            )
        };
        usize::try_from(sent).unwrap_or(0)
    }

    pub(crate) fn size(&self) -> usize {
        self.messages.len()
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

/// Large socket buffers and, for a receiver that measures, the kernel's receive times.
pub(crate) fn prepare(socket: &UdpSocket, bytes: libc::c_int, stamped: bool) -> io::Result<()> {
    let on: libc::c_int = stamped.into();
    let options = [(libc::SO_RCVBUF, bytes), (libc::SO_SNDBUF, bytes), (libc::SO_TIMESTAMPNS, on)];
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

/// Raises the limit of open files to what is allowed.
pub(crate) fn many_files() {
    // SAFETY: a plain struct of two integers.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: `limit` is live.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0 {
        limit.rlim_cur = limit.rlim_max;
        // SAFETY: as above.
        unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) };
    }
}

/// Keeps this thread on the core that is `from_last` before the last; media threads start from the last.
pub(crate) fn pin(from_last: usize) {
    let cores = std::thread::available_parallelism().map_or(1, |count| count.get());
    let core = cores.saturating_sub(1 + from_last);
    // SAFETY: an all-zero set is a valid, empty one.
    let mut one: libc::cpu_set_t = unsafe { mem::zeroed() };
    // SAFETY: `core` is below the number of cores, which is below CPU_SETSIZE.
    unsafe { libc::CPU_SET(core, &mut one) };
    // SAFETY: `one` is live and of the size told.
    unsafe { libc::sched_setaffinity(0, mem::size_of_val(&one), &one) };
}

/// The address that a socket is bound to.
pub(crate) fn local(socket: &UdpSocket) -> io::Result<SocketAddrV4> {
    match socket.local_addr()? {
        SocketAddr::V4(address) => Ok(address),
        SocketAddr::V6(_) => Err(io::Error::other("bound to IPv4 only")),
    }
}
