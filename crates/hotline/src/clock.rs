//! The process's one clock.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::Time;

/// Now. Wall-clock time is read once, at the first call, and monotonic time added to it: an operator who sets
/// the machine's clock back does not make calls end before they began.
pub fn now() -> Time {
    static START: OnceLock<(Instant, Time)> = OnceLock::new();
    let (instant, wall) = START.get_or_init(|| {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        (Instant::now(), Time::from_unix_ms(i64::try_from(unix.as_millis()).unwrap_or(i64::MAX)))
    });
    *wall + instant.elapsed()
}
