//! Time as an argument.

use std::ops::Add;
use std::time::Duration;

/// An instant on the caller's own scale, in milliseconds. Only differences matter; it never goes backwards.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Moment(u64);

impl Moment {
    /// The instant `ms` milliseconds after the scale's zero.
    pub const fn from_ms(ms: u64) -> Moment {
        Moment(ms)
    }

    /// Milliseconds since the scale's zero.
    pub const fn ms(self) -> u64 {
        self.0
    }

    /// How long `earlier` is ago; zero when it is not in the past.
    pub const fn since(self, earlier: Moment) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}

impl Add<Duration> for Moment {
    type Output = Moment;

    fn add(self, duration: Duration) -> Moment {
        Moment(self.0.saturating_add(u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)))
    }
}
