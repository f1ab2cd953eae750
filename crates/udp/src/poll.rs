//! Waiting for many descriptors at once: epoll, and what wakes it (eventfd, timerfd).
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::io;
use std::mem;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

use crate::checked;

/// Tells which of many sockets can be read.
#[derive(Debug)]
pub struct Poll {
    epoll: OwnedFd,
}

/// Readable sockets that one wait can name; the rest are named by the next.
const EVENTS: usize = 64;

impl Poll {
    /// Watches nothing yet.
    ///
    /// # Errors
    /// When no descriptor is left.
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

    /// As [`Poll::watch`], but each arrival is reported once (edge-triggered): the caller must then read all that is
    /// there.
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
    /// Nobody is woken yet.
    ///
    /// # Errors
    /// When no descriptor is left.
    pub fn new() -> io::Result<Waker> {
        // SAFETY: takes no pointer; the result is checked before it is owned.
        let fd = checked(unsafe { libc::eventfd(0, libc::EFD_CLOEXEC | libc::EFD_NONBLOCK) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        Ok(Waker { event: unsafe { OwnedFd::from_raw_fd(fd) } })
    }

    /// Makes the descriptor readable, until [`Waker::rearm`].
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
