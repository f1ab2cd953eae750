//! The process's two clocks: one for dates, which may be set at any time, and one for durations, which goes on evenly.

use std::sync::OnceLock;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use model::Time;

/// The date and time that the machine's clock shows now.
pub fn now() -> Time {
    let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Time::from_unix_ms(i64::try_from(unix.as_millis()).unwrap_or(i64::MAX))
}

/// The time by a clock that is never set: the machine's time at the first call, plus the time that has passed since.
/// When an operator sets the machine's clock back, calls do not end before they began.
pub fn steady() -> Time {
    static START: OnceLock<(Instant, Time)> = OnceLock::new();
    let (instant, wall) = START.get_or_init(|| (Instant::now(), now()));
    *wall + instant.elapsed()
}

/// The least difference between both clocks that is reported (500 ms): a smaller one may come from reading them one
/// after the other.
const TOLD: i64 = 500;

/// Notices that the machine's clock was set.
#[derive(Debug, Default)]
pub struct Watch {
    set_by_ms: i64,
}

impl Watch {
    /// How far it was set since the last call, in ms; `None` when it was not.
    pub fn poll(&mut self) -> Option<i64> {
        self.compare(steady(), now())
    }

    fn compare(&mut self, steady: Time, shown: Time) -> Option<i64> {
        let by = shown.unix_ms() - steady.shifted(self.set_by_ms).unix_ms();
        if by.abs() < TOLD {
            return None;
        }
        self.set_by_ms += by;
        Some(by)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_is_noticed_once_each_time() {
        let mut watch = Watch::default();
        let at = |ms: i64| Time::from_unix_ms(1_000_000 + ms);
        assert_eq!(watch.compare(at(0), at(3)), None);
        assert_eq!(watch.compare(at(10), at(3_600_010)), Some(3_600_000));
        assert_eq!(watch.compare(at(20), at(3_600_020)), None);
        assert_eq!(watch.compare(at(30), at(30)), Some(-3_600_000));
        assert_eq!(watch.compare(at(40), at(40)), None);
    }
}
