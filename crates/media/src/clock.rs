//! One clock per media thread, in samples.

use std::time::{Duration, Instant};

/// Samples of one tick.
pub(crate) const TICK: u64 = audio::FRAME as u64;
/// Its length.
pub(crate) const TICK_TIME: Duration = Duration::from_millis(20);

/// Monotonic time in samples of 8 kHz since the thread began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Clock {
    origin: Instant,
}

impl Clock {
    pub(crate) fn new() -> Clock {
        Clock { origin: Instant::now() }
    }

    /// Samples since the beginning.
    pub(crate) fn now(&self) -> u64 {
        // 8 samples per millisecond; the product of 2^64 nanoseconds' worth does not overflow in u128.
        u64::try_from(self.origin.elapsed().as_nanos() * 8 / 1_000_000).unwrap_or(u64::MAX)
    }

    /// Microseconds since the beginning.
    pub(crate) fn microseconds(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

/// Microseconds in samples.
pub(crate) fn from_microseconds(microseconds: u64) -> u64 {
    microseconds / 125
}

/// A duration in samples.
pub(crate) fn samples(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis() * 8).unwrap_or(u64::MAX)
}

/// Samples in milliseconds.
pub(crate) fn milliseconds(samples: u64) -> u64 {
    samples / 8
}
