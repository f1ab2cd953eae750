//! The time of a running shell.

use std::time::{Instant, SystemTime};

use model::Time;
use sip::Moment;

/// One clock for the whole shell: milliseconds since the start, and the calendar.
#[derive(Debug, Clone, Copy)]
pub(super) struct Clock {
    started: Instant,
    started_at: Time,
}

impl Clock {
    pub(super) fn start() -> Clock {
        let since_epoch = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let ms = i64::try_from(since_epoch.as_millis()).unwrap_or(0);
        Clock { started: Instant::now(), started_at: Time::from_unix_ms(ms) }
    }

    pub(super) fn now(self) -> Moment {
        Moment::from_ms(u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    pub(super) fn time(self) -> Time {
        self.started_at + self.started.elapsed()
    }

    pub(super) fn instant(self, moment: Moment) -> tokio::time::Instant {
        tokio::time::Instant::from_std(self.started + std::time::Duration::from_millis(moment.ms()))
    }
}
