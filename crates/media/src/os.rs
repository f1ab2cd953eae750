//! The system calls that the standard library lacks: epoll, eventfd, timerfd, affinity, urgency, and the mark
//! on packets.
//! The only unsafe code of the crate.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::net::UdpSocket;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// Tells which of many sockets can be read.
#[derive(Debug)]
pub struct Poll {
    epoll: OwnedFd,
}

/// Readable sockets that one wait can name; the rest are named by the next.
const EVENTS: usize = 64;

impl Poll {
    pub fn new() -> io::Result<Poll> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::epoll_create1(libc::EPOLL_CLOEXEC) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Poll { epoll: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Watches a descriptor; `token` names it. Closing the descriptor ends the watch.
    pub fn watch(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        self.add(fd, token, libc::EPOLLIN)
    }

    /// The same, but each arrival is told once (edge-triggered): whoever is told takes all that is there.
    pub fn watch_arrivals(&self, fd: &impl AsRawFd, token: u64) -> io::Result<()> {
        self.add(fd, token, libc::EPOLLIN | libc::EPOLLET)
    }

    fn add(&self, fd: &impl AsRawFd, token: u64, events: libc::c_int) -> io::Result<()> {
        let mut event = libc::epoll_event { events: events.cast_unsigned(), u64: token };
        let (epoll, fd) = (self.epoll.as_raw_fd(), fd.as_raw_fd());
        // SAFETY: `event` outlives the call; both descriptors are open, being borrowed.
        checked(unsafe { libc::epoll_ctl(epoll, libc::EPOLL_CTL_ADD, fd, &mut event) })?;
        Ok(())
    }

    /// Waits at most `longest`, in whole milliseconds, and puts the tokens of what is readable into
    /// `ready`.
    pub fn wait(&self, longest: Duration, ready: &mut Vec<u64>) -> io::Result<()> {
        ready.clear();
        let milliseconds = i32::try_from(longest.as_millis()).unwrap_or(i32::MAX);
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
pub struct Waker {
    event: OwnedFd,
}

impl Waker {
    pub fn new() -> io::Result<Waker> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Waker { event: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    pub fn wake(&self) {
        let one = 1_u64;
        // SAFETY: eight bytes of a live integer. It fails only when the counter is full, and then the
        // thread is awake anyway.
        unsafe { libc::write(self.event.as_raw_fd(), (&raw const one).cast(), mem::size_of::<u64>()) };
    }

    /// Makes the next [`Waker::wake`] count again.
    pub fn rearm(&self) {
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

/// Becomes readable once every interval, to the microsecond: the time-out of an epoll is one of
/// milliseconds.
#[derive(Debug)]
pub struct Timer {
    timer: OwnedFd,
}

impl Timer {
    /// A timer whose first interval begins now.
    pub fn every(interval: Duration) -> io::Result<Timer> {
        let flags = libc::TFD_CLOEXEC | libc::TFD_NONBLOCK;
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::timerfd_create(libc::CLOCK_MONOTONIC, flags) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        let timer = unsafe { OwnedFd::from_raw_fd(fd) };
        let time = libc::timespec {
            tv_sec: interval.as_secs().cast_signed(),
            tv_nsec: libc::c_long::from(interval.subsec_nanos().cast_signed()),
        };
        let times = libc::itimerspec { it_interval: time, it_value: time };
        // SAFETY: `times` outlives the call; no old value is asked for.
        let set = unsafe { libc::timerfd_settime(timer.as_raw_fd(), 0, &times, std::ptr::null_mut()) };
        checked(set)?;
        Ok(Timer { timer })
    }

    /// Makes the next interval count again.
    pub fn rearm(&self) {
        let mut count = 0_u64;
        // SAFETY: eight bytes of a live integer. It fails only when no interval has passed.
        unsafe { libc::read(self.timer.as_raw_fd(), (&raw mut count).cast(), mem::size_of::<u64>()) };
    }
}

impl AsRawFd for Timer {
    fn as_raw_fd(&self) -> RawFd {
        self.timer.as_raw_fd()
    }
}

/// Pins this thread to a core of its own, counted from the last, for interrupts gather on the first. Where
/// that is not allowed, it stays unpinned.
pub fn pin_to_core(index: usize) {
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

/// How soon the kernel lets a thread run that has become ready.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// At once, before every ordinary thread (`SCHED_RR`).
    RealTime,
    /// Soon: it asks for short slices of time, and Linux from 6.12 on lets who does so run earlier.
    Soon,
}

/// How long this thread has been ready to run without running, in nanoseconds since it began; 0 where the kernel does not
/// count it. Reads a file of /proc, some ten microseconds.
pub(crate) fn run_delay() -> u64 {
    // Time on the processor, time ready without one, slices (Linux, sched-stats.rst).
    let told = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    told.split(' ').nth(1).and_then(|delay| delay.parse().ok()).unwrap_or(0)
}

/// The lowest real-time priority: above all ordinary threads, below whatever else on the machine is real-time.
const PRIORITY: libc::c_int = 1;
/// The shortest slice that the kernel takes, in nanoseconds.
const SLICE: u64 = 100_000;

/// Asks that this thread runs as soon as it is ready: real-time needs root, `CAP_SYS_NICE` or `RLIMIT_RTPRIO`.
pub fn hurry() -> Urgency {
    let parameter = libc::sched_param { sched_priority: PRIORITY };
    let policy = libc::SCHED_RR | libc::SCHED_RESET_ON_FORK;
    // SAFETY: `parameter` outlives the call; 0 is this thread.
    if unsafe { libc::sched_setscheduler(0, policy, &parameter) } == 0 {
        return Urgency::RealTime;
    }
    // SAFETY: a plain struct of integers, all of which zero stands for.
    let mut attributes: libc::sched_attr = unsafe { mem::zeroed() };
    attributes.size = mem::size_of::<libc::sched_attr>() as u32;
    attributes.sched_runtime = SLICE;
    // SAFETY: `attributes` has the size that it tells and outlives the call; 0 is this thread. An older kernel
    // leaves everything as it is.
    unsafe { libc::syscall(libc::SYS_sched_setattr, 0, &raw const attributes, 0) };
    Urgency::Soon
}

/// Files and folders that this process makes from now on are not for other users of the machine: 0640 and 0750 at most.
pub fn make_files_private() {
    // SAFETY: takes no pointer and cannot fail.
    unsafe { libc::umask(0o027) };
}

/// Lets this process have `wanted` open files, or as many as the system allows it; returns how many.
///
/// The kernel's table of them is made as large at once. It grows by doubling otherwise, and whoever opens the file that
/// needs it waits until every processor has passed a quiet point (20 ms on a busy machine): a media thread that opens
/// a port would be late for all its calls.
pub fn make_room_for_files(wanted: usize) -> usize {
    // SAFETY: a plain struct of two integers.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: `limit` is live.
    if unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } != 0 {
        return wanted;
    }
    let allowed = limit.rlim_cur.max(limit.rlim_max.min(wanted as libc::rlim_t));
    if allowed > limit.rlim_cur {
        limit.rlim_cur = allowed;
        // SAFETY: as above.
        if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) } != 0 {
            return wanted;
        }
    }
    let allowed = usize::try_from(allowed).unwrap_or(usize::MAX);
    let highest = libc::c_int::try_from(allowed.min(wanted).saturating_sub(1)).unwrap_or(libc::c_int::MAX);
    // SAFETY: takes no pointer; 2 is copied to the lowest free number from `highest` on. It fails where the number is
    // beyond the limit, and then the table grows as it goes.
    let copy = unsafe { libc::fcntl(2, libc::F_DUPFD_CLOEXEC, highest) };
    if copy >= 0 {
        // SAFETY: a fresh descriptor that nobody else owns.
        drop(unsafe { OwnedFd::from_raw_fd(copy) });
    }
    allowed
}

/// How many files this process may have open now, and how many it may ask for; `None` where the system does not say.
pub fn files_allowed() -> Option<(u64, u64)> {
    // SAFETY: a plain struct of two integers.
    let mut limit: libc::rlimit = unsafe { mem::zeroed() };
    // SAFETY: `limit` is live.
    let told = unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) } == 0;
    told.then_some((limit.rlim_cur, limit.rlim_max))
}

/// Room on a file system, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// What this process may still write.
    pub free: u64,
    /// The whole.
    pub total: u64,
}

/// The room on the file system that holds `path`.
///
/// # Errors
/// What the system said. It may wait for a disk that does not answer.
pub fn space(path: &std::path::Path) -> io::Result<Space> {
    use std::os::unix::ffi::OsStrExt;
    let path = std::ffi::CString::new(path.as_os_str().as_bytes())?;
    // SAFETY: a plain struct of integers.
    let mut told: libc::statvfs = unsafe { mem::zeroed() };
    // SAFETY: `path` ends in a zero and `told` is live.
    checked(unsafe { libc::statvfs(path.as_ptr(), &mut told) })?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(Space { free: bytes(told.f_bavail), total: bytes(told.f_blocks) })
}

/// Lets a connected socket take packets of everybody again. It keeps its port when that was asked for by number.
pub(crate) fn disconnect(socket: &UdpSocket) {
    // SAFETY: plain integers, all of which zero stands for.
    let mut nobody: libc::sockaddr = unsafe { mem::zeroed() };
    nobody.sa_family = libc::AF_UNSPEC as libc::sa_family_t;
    let size = mem::size_of::<libc::sockaddr>() as libc::socklen_t;
    // SAFETY: `nobody` has `size` bytes and outlives the call, which cannot fail for an open socket.
    unsafe { libc::connect(socket.as_raw_fd(), &raw const nobody, size) };
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

    #[test]
    fn an_arrival_is_told_once_and_the_next_one_again() {
        let (poll, waker) = (Poll::new().unwrap(), Waker::new().unwrap());
        poll.watch_arrivals(&waker, 9).unwrap();
        let mut ready = Vec::new();
        for _ in 0..2 {
            waker.wake();
            poll.wait(Duration::from_secs(5), &mut ready).unwrap();
            assert_eq!(ready, [9]);
            poll.wait(Duration::ZERO, &mut ready).unwrap();
            assert_eq!(ready, [], "not until everything is read");
        }
    }

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

    #[test]
    fn waiting_for_a_processor_is_counted_and_never_less() {
        let (before, end) = (run_delay(), std::time::Instant::now() + Duration::from_millis(5));
        while std::time::Instant::now() < end {}
        assert!(run_delay() >= before);
    }

    #[test]
    fn room_for_files_is_made_as_far_as_it_is_allowed() {
        let now = make_room_for_files(1);
        let more = make_room_for_files(now + 1);
        assert!(more == now || more == now + 1, "{now} {more}");
        assert_eq!(make_room_for_files(usize::MAX), make_room_for_files(1), "as many as there can be");
    }

    #[test]
    fn a_thread_that_hurries_goes_on_and_its_children_do_not_hurry() {
        let urgency = std::thread::spawn(hurry).join().unwrap();
        // SAFETY: takes no pointer; 0 is this thread.
        let own = unsafe { libc::sched_getscheduler(0) };
        assert_eq!(own, libc::SCHED_OTHER, "after {urgency:?} elsewhere");
    }

    #[test]
    fn a_timer_comes_again() {
        let poll = Poll::new().unwrap();
        let timer = Timer::every(Duration::from_millis(2)).unwrap();
        poll.watch(&timer, 7).unwrap();
        let mut ready = Vec::new();
        for _ in 0..3 {
            poll.wait(Duration::from_secs(5), &mut ready).unwrap();
            assert_eq!(ready, [7]);
            timer.rearm();
        }
    }
}
