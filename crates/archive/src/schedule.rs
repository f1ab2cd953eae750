//! The daily erasing of recordings whose retention is over, at the hour of the configuration.
//!
//! ```text
//!   waiting ──the hour──► erasing ──done──► remembered in a file ──► waiting
//!                            └──refused──► again after a minute
//! ```
//!
//! Only a run that came to its end is remembered. A run that a crash cut off, or that was due while no center ran, is
//! made up for at the next start.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use model::{Actor, RetentionRule, Time, Zone};
use tokio::sync::watch;

use crate::erasure::{Eraser, Outcome};

/// The file in the data folder that says when the last run began.
const LAST: &str = "retention.last";
const DAY_MINUTES: u32 = 24 * 60;
const DAY: Duration = Duration::from_secs(86_400);
/// The longest sleep: the clock may have been set meanwhile, so it is read again.
const LOOK: Duration = Duration::from_secs(60);
/// The pause after the database or the center refused.
const PAUSE: Duration = Duration::from_secs(60);

/// An hour of the day in a time zone.
#[derive(Debug, Clone)]
pub struct Schedule {
    /// The minute of the day, 0–1439.
    pub minute: u32,
    /// The time zone.
    pub zone: Zone,
}

impl Schedule {
    /// How long to wait when the last run began at `last`; zero when the hour has come since.
    fn wait(&self, last: Time, now: Time) -> Duration {
        let newest = self.newest(now);
        if last < newest { Duration::ZERO } else { (newest + DAY).since(now) }
    }

    /// The latest time of this schedule that is not after `now`.
    fn newest(&self, now: Time) -> Time {
        let minutes = (now.minute_of_day(self.zone.offset(now)) + DAY_MINUTES - self.minute) % DAY_MINUTES;
        let into_minute = now.unix_ms().rem_euclid(60_000);
        Time::from_unix_ms(now.unix_ms() - i64::from(minutes) * 60_000 - into_minute)
    }
}

/// Erases every day by the schedule and the rules of that day, for as long as the task lives. `data`: the folder whose
/// file says when the last run began.
pub async fn erase_daily(
    eraser: Arc<Eraser>,
    rules: impl Fn() -> Vec<RetentionRule> + Send,
    mut schedules: watch::Receiver<Option<Schedule>>,
    data: PathBuf,
    now: fn() -> Time,
) {
    let file = data.join(LAST);
    let mut last = remembered(&file, now());
    loop {
        let Some(schedule) = schedules.borrow_and_update().clone() else {
            // There is no schedule: waits until one comes, or ends when none can come any more.
            if schedules.changed().await.is_err() {
                return;
            }
            // Hours that passed without a schedule are not made up for.
            last = last.max(now());
            continue;
        };
        let wait = schedule.wait(last, now());
        if !wait.is_zero() {
            tokio::time::sleep(wait.min(LOOK)).await;
            continue;
        }
        let began = now();
        match eraser.erase(&rules(), now(), &Actor::Schedule, false).await {
            Ok(outcomes) => {
                tell(&outcomes);
                last = began;
                if let Err(error) = remember(&file, last) {
                    tracing::error!(%error, file = %file.display(), "the run is not remembered: it is repeated at the next start");
                }
            }
            Err(error) => {
                tracing::error!(%error, "the retention rules could not be applied; tried again in a minute");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
}

fn tell(outcomes: &[Outcome]) {
    let count = |wanted: fn(&Outcome) -> bool| outcomes.iter().filter(|outcome| wanted(outcome)).count();
    let (erased, held) = (count(|outcome| outcome.erased), count(|outcome| outcome.due.held));
    let failed = count(|outcome| outcome.fault.is_some());
    if failed > 0 {
        tracing::error!(
            erased,
            held,
            failed,
            "retention: some files could not be erased (`hotline retention --dry-run` lists them); the next run tries again"
        );
    } else {
        tracing::info!(erased, held, "retention: the rules were applied");
    }
}

/// When the last run began. A center without a last run waits for its first hour. A file that cannot be read means a
/// run at once, which does no harm.
fn remembered(file: &Path, now: Time) -> Time {
    match fs::read_to_string(file) {
        Ok(text) => text.trim().parse().unwrap_or(Time::from_unix_ms(0)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            if let Err(error) = remember(file, now) {
                tracing::warn!(%error, file = %file.display(), "a missed retention run would not be noticed");
            }
            now
        }
        Err(error) => {
            tracing::warn!(%error, file = %file.display(), "the last retention run cannot be read: one runs now");
            Time::from_unix_ms(0)
        }
    }
}

fn remember(file: &Path, at: Time) -> io::Result<()> {
    let new = file.with_extension("new");
    fs::write(&new, format!("{at}\n"))?;
    fs::rename(new, file)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn schedule(at: &str) -> Schedule {
        let (hour, minute) = at.split_once(':').unwrap();
        let minute = hour.parse::<u32>().unwrap() * 60 + minute.parse::<u32>().unwrap();
        Schedule { minute, zone: "+08:00".parse::<model::UtcOffset>().unwrap().into() }
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    const MINUTE: Duration = Duration::from_secs(60);

    #[test]
    fn it_runs_once_a_day_at_its_hour_by_the_centers_clock() {
        let schedule = schedule("03:30");
        // 03:30 at +08:00 is 19:30 UTC of the day before.
        let ran = time("2026-11-24T19:30:05Z");
        assert_eq!(schedule.wait(ran, time("2026-11-24T19:31:00Z")), DAY - MINUTE);
        assert_eq!(schedule.wait(ran, time("2026-11-25T19:29:30Z")), Duration::from_secs(30));
        assert_eq!(schedule.wait(ran, time("2026-11-25T19:30:00Z")), Duration::ZERO);
    }

    #[test]
    fn what_was_missed_is_made_up_for_once_however_long_it_was() {
        let schedule = schedule("03:30");
        let ran = time("2026-11-20T19:30:05Z");
        let started = time("2026-11-25T02:00:00Z");
        assert_eq!(schedule.wait(ran, started), Duration::ZERO);
        assert_eq!(schedule.wait(started, started), 17 * 60 * MINUTE + 30 * MINUTE);
    }

    #[test]
    fn a_clock_that_goes_back_does_not_run_it_twice() {
        let ran = time("2026-11-24T19:30:05Z");
        assert!(schedule("03:30").wait(ran, time("2026-11-24T19:20:00Z")) > Duration::ZERO);
    }

    #[test]
    fn the_first_start_waits_and_an_unreadable_memory_runs() {
        let scratch = testing::Scratch::new("retention");
        let file = scratch.join("retention.last");
        let now = time("2026-11-24T10:00:00Z");
        assert_eq!(remembered(&file, now), now);
        assert_eq!(remembered(&file, now + DAY), now, "it is remembered");
        fs::write(&file, "yesterday").unwrap();
        assert_eq!(schedule("00:00").wait(remembered(&file, now), now), Duration::ZERO);
    }
}
