//! When a thread runs: its core, its priority, and how long it waited for a processor.
#![allow(unsafe_code, reason = "direct system calls, each with its reason")]

use std::mem;

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
        tracing::debug!(core, "a thread runs unpinned");
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

/// How long this thread has been ready to run without running, in nanoseconds since it began; 0 where the kernel does
/// not count it. Reads a file of /proc, some ten microseconds.
pub fn run_delay() -> u64 {
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

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::*;

    #[test]
    fn waiting_for_a_processor_is_counted_and_never_less() {
        let (before, end) = (run_delay(), Instant::now() + Duration::from_millis(5));
        while Instant::now() < end {}
        assert!(run_delay() >= before);
    }

    #[test]
    fn a_thread_that_hurries_goes_on_and_its_children_do_not_hurry() {
        let urgency = std::thread::spawn(hurry).join().unwrap();
        // SAFETY: takes no pointer; 0 is this thread.
        let own = unsafe { libc::sched_getscheduler(0) };
        assert_eq!(own, libc::SCHED_OTHER, "after {urgency:?} elsewhere");
    }
}
