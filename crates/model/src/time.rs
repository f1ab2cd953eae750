//! Instants as plain numbers.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Date;
use crate::date::{civil_from_days, days_from_civil};

/// An instant: milliseconds since the Unix epoch, UTC.
///
/// Shells make it from one clock that never goes backwards; pure code takes it as an argument. It prints
/// and serialises as RFC 3339 with milliseconds (`2026-11-23T08:30:00.000Z`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(i64);

impl Time {
    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_unix_ms(ms: i64) -> Time {
        Time(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn unix_ms(self) -> i64 {
        self.0
    }

    /// This instant by a clock that is `ms` ahead, or behind when negative.
    pub const fn shifted(self, ms: i64) -> Time {
        Time(self.0.saturating_add(ms))
    }

    /// How long `earlier` is ago; zero when it is not in the past.
    pub fn since(self, earlier: Time) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The calendar date at this instant as `(year, month, day)` in the given offset from UTC.
    pub fn date(self, offset: UtcOffset) -> (i64, u32, u32) {
        civil_from_days((self.0 + offset.ms()).div_euclid(MS_PER_DAY))
    }

    /// The day of the calendar at this instant in the given offset from UTC.
    pub fn day(self, offset: UtcOffset) -> Date {
        Date::from_days((self.0 + offset.ms()).div_euclid(MS_PER_DAY))
    }

    /// Minutes since local midnight, 0–1439, in the given offset from UTC.
    pub fn minute_of_day(self, offset: UtcOffset) -> u32 {
        let ms = (self.0 + offset.ms()).rem_euclid(MS_PER_DAY);
        u32::try_from(ms / 60_000).unwrap_or(0)
    }
}

impl Add<Duration> for Time {
    type Output = Time;

    fn add(self, duration: Duration) -> Time {
        Time(self.0.saturating_add(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl Sub<Duration> for Time {
    type Output = Time;

    fn sub(self, duration: Duration) -> Time {
        Time(self.0.saturating_sub(i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)))
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.date(UtcOffset::UTC);
        let ms = self.0.rem_euclid(MS_PER_DAY);
        let (hour, minute, second, milli) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1000 % 60, ms % 1000);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z")
    }
}

/// A text that is not an RFC 3339 instant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParseTimeError(String);

impl fmt::Display for ParseTimeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a UTC time such as 2026-11-23T08:30:00.000Z", self.0)
    }
}

impl std::error::Error for ParseTimeError {}

impl FromStr for Time {
    type Err = ParseTimeError;

    /// Reads RFC 3339, with or without a fraction of a second, with `Z` or an offset.
    fn from_str(text: &str) -> Result<Time, ParseTimeError> {
        parse_utc(text).ok_or_else(|| ParseTimeError(text.to_owned()))
    }
}

fn parse_utc(text: &str) -> Option<Time> {
    // A date has `-` too: an offset stands behind the `T`.
    let (date, clock) = text.split_once('T')?;
    let (clock, offset) = match clock.find(['+', '-']) {
        Some(at) => (clock.get(..at)?, clock.get(at..)?.parse::<UtcOffset>().ok()?),
        None => (clock.strip_suffix('Z')?, UtcOffset::UTC),
    };
    let mut date = date.splitn(3, '-');
    let year: i64 = date.next()?.parse().ok().filter(|y| (0..=9999).contains(y))?;
    let month: u32 = date.next()?.parse().ok().filter(|m| (1..=12).contains(m))?;
    let day: u32 = date.next()?.parse().ok().filter(|d| (1..=31).contains(d))?;
    let (clock, fraction) = clock.split_once('.').unwrap_or((clock, "0"));
    let mut clock = clock.splitn(3, ':');
    let hour: i64 = clock.next()?.parse().ok().filter(|h| (0..24).contains(h))?;
    let minute: i64 = clock.next()?.parse().ok().filter(|m| (0..60).contains(m))?;
    let second: i64 = clock.next()?.parse().ok().filter(|s| (0..60).contains(s))?;
    if fraction.is_empty() || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let milli: i64 = format!("{fraction:0<3}").get(..3)?.parse().ok()?;
    let days = days_from_civil(year, month, day);
    if civil_from_days(days) != (year, month, day) {
        return None;
    }
    let local = days * MS_PER_DAY + hour * 3_600_000 + minute * 60_000 + second * 1000 + milli;
    Some(Time(local - offset.ms()))
}

impl Serialize for Time {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Time {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Time, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A fixed offset from UTC in minutes, −1439 to 1439. China is `+08:00`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct UtcOffset(i16);

impl UtcOffset {
    /// No offset.
    pub const UTC: UtcOffset = UtcOffset(0);

    /// An offset of whole minutes east of Greenwich; `None` when it is a day or more.
    pub fn from_minutes(minutes: i16) -> Option<UtcOffset> {
        (-1439..=1439).contains(&minutes).then_some(UtcOffset(minutes))
    }

    fn ms(self) -> i64 {
        i64::from(self.0) * 60_000
    }
}

impl fmt::Display for UtcOffset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, minutes) = (if self.0 < 0 { '-' } else { '+' }, self.0.unsigned_abs());
        write!(f, "{sign}{:02}:{:02}", minutes / 60, minutes % 60)
    }
}

impl FromStr for UtcOffset {
    type Err = ParseTimeError;

    /// Reads `+08:00`, `-03:30` or `Z`.
    fn from_str(text: &str) -> Result<UtcOffset, ParseTimeError> {
        let parsed = || {
            if text == "Z" {
                return Some(UtcOffset::UTC);
            }
            let sign = match text.as_bytes().first()? {
                b'+' => 1,
                b'-' => -1,
                _ => return None,
            };
            let (hours, minutes) = text.get(1..)?.split_once(':')?;
            let hours: i16 = hours.parse().ok().filter(|h| (0..24).contains(h))?;
            let minutes: i16 = minutes.parse().ok().filter(|m| (0..60).contains(m))?;
            Some(UtcOffset(sign * (hours * 60 + minutes)))
        };
        parsed().ok_or_else(|| ParseTimeError(text.to_owned()))
    }
}

/// The offsets from UTC of a place over time: one for ever, or several where clocks are changed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Zone {
    first: UtcOffset,
    /// Each from its instant on, in the order of time.
    changes: Arc<[(Time, UtcOffset)]>,
}

impl Zone {
    /// A place with this offset until the first of these changes, which are in the order of time.
    pub fn new(first: UtcOffset, changes: impl Into<Arc<[(Time, UtcOffset)]>>) -> Zone {
        Zone { first, changes: changes.into() }
    }

    /// The offset at this instant.
    pub fn offset(&self, at: Time) -> UtcOffset {
        let passed = self.changes.partition_point(|(from, _)| *from <= at);
        passed
            .checked_sub(1)
            .and_then(|last| self.changes.get(last))
            .map_or(self.first, |(_, offset)| *offset)
    }

    /// An instant as people there write it: RFC 3339 with milliseconds and the offset
    /// (`2026-11-23T16:30:00.000+08:00`).
    pub fn show(&self, at: Time) -> String {
        let offset = self.offset(at);
        let shown = at.shifted(offset.ms()).to_string();
        let shown = shown.strip_suffix('Z').unwrap_or(&shown);
        format!("{shown}{offset}")
    }

    /// When the day of an instant began there: at local midnight, also on a day on which the offset changes.
    pub fn day_began(&self, at: Time) -> Time {
        let offset = self.offset(at);
        self.instant_near(at.day(offset), 0, offset)
    }

    /// When clocks there show this minute (0–1440, 1440 being the next midnight) of this day. Where clocks are changed, a minute
    /// that they leave out or show twice may be given an hour off.
    pub fn instant(&self, day: Date, minute: u16) -> Time {
        self.instant_near(day, minute, self.offset(Time(day.days() * MS_PER_DAY)))
    }

    /// As [`Zone::instant`], where this offset holds at about that time.
    fn instant_near(&self, day: Date, minute: u16, offset: UtcOffset) -> Time {
        let local = day.days() * MS_PER_DAY + i64::from(minute) * MS_PER_MINUTE;
        Time(local - self.offset(Time(local - offset.ms())).ms())
    }
}

impl From<UtcOffset> for Zone {
    fn from(offset: UtcOffset) -> Zone {
        Zone { first: offset, changes: Arc::default() }
    }
}

const MS_PER_DAY: i64 = 86_400_000;
const MS_PER_MINUTE: i64 = 60_000;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_has_the_offset_of_the_time() {
        let (at, offset) = (Time::from_unix_ms, |minutes| UtcOffset::from_minutes(minutes).unwrap());
        let zone = Zone::new(offset(60), [(at(1000), offset(120)), (at(2000), offset(60))]);
        let offsets = [0, 999, 1000, 1999, 2000, 9000].map(|ms| zone.offset(at(ms)));
        assert_eq!(offsets, [60, 60, 120, 120, 60, 60].map(offset));
        assert_eq!(Zone::from(offset(480)).offset(at(5)), offset(480));
        assert_eq!(UtcOffset::from_minutes(1440), None);
    }

    #[test]
    fn prints_and_parses_rfc_3339() {
        for (text, ms) in [
            ("1970-01-01T00:00:00.000Z", 0),
            ("2026-11-23T08:30:00.250Z", 1_795_422_600_250),
            ("2024-02-29T23:59:59.999Z", 1_709_251_199_999),
            ("1969-12-31T23:59:59.999Z", -1),
        ] {
            assert_eq!(Time::from_unix_ms(ms).to_string(), text);
            assert_eq!(text.parse(), Ok(Time::from_unix_ms(ms)));
        }
        for text in ["2026-11-23T08:30:00Z", "2026-11-23T16:30:00+08:00", "2026-11-23T05:00:00.000-03:30"] {
            assert_eq!(text.parse(), Ok(Time::from_unix_ms(1_795_422_600_000)), "{text}");
        }
    }

    #[test]
    fn refuses_what_is_not_a_date() {
        for text in [
            "",
            "Z",
            "2023-02-29T00:00:00Z",
            "2026-11-23 08:30:00Z",
            "2026-11-23T08:30:00",
            "2026-11-23T24:00:00Z",
            "2026-11-23T08:30:00.Z",
            "2026-11-23T08:30:00.é1Z",
        ] {
            assert!(text.parse::<Time>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_day_begins_at_local_midnight_to_the_millisecond() {
        let now = "2026-11-23T16:30:59.999Z".parse::<Time>().unwrap();
        for (offset, shown, began) in [
            ("+08:00", "2026-11-24T00:30:59.999+08:00", "2026-11-23T16:00:00.000Z"),
            ("Z", "2026-11-23T16:30:59.999+00:00", "2026-11-23T00:00:00.000Z"),
            ("-03:30", "2026-11-23T13:00:59.999-03:30", "2026-11-23T03:30:00.000Z"),
        ] {
            let offset: UtcOffset = offset.parse().unwrap();
            let zone = Zone::from(offset);
            assert_eq!(zone.show(now), shown);
            assert_eq!(zone.day_began(now).to_string(), began);
            assert_eq!(zone.day_began(zone.day_began(now)), zone.day_began(now));
        }
        // One hour forward at 01:00 UTC: the day began an hour later by the clock that was in force then.
        let change = "2026-03-29T01:00:00Z".parse().unwrap();
        let offset = |text: &str| text.parse::<UtcOffset>().unwrap();
        let zone = Zone::new(offset("+01:00"), vec![(change, offset("+02:00"))]);
        let noon = "2026-03-29T10:00:00Z".parse().unwrap();
        assert_eq!(zone.show(noon), "2026-03-29T12:00:00.000+02:00");
        assert_eq!(zone.day_began(noon).to_string(), "2026-03-28T23:00:00.000Z");
    }

    #[test]
    fn local_dates_follow_the_offset() {
        let late = "2026-11-22T16:00:00Z".parse::<Time>().unwrap();
        assert_eq!(late.date(UtcOffset::UTC), (2026, 11, 22));
        assert_eq!(late.date("+08:00".parse().unwrap()), (2026, 11, 23));
        assert_eq!(late.minute_of_day("+08:00".parse().unwrap()), 0);
        assert!("08:00".parse::<UtcOffset>().is_err());
    }
}
