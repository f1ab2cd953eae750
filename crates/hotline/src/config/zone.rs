//! Time zones by name, from a database compiled into the program, so that the machine needs none.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use jiff::tz::TimeZoneDatabase;
use model::{Time, UtcOffset, Zone};

/// A zone as it is written: `Asia/Shanghai`, or an offset from UTC such as `+08:00`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct NamedZone(pub(super) Zone);

/// A text that names no zone.
#[derive(Debug)]
pub(super) struct NoZone;

impl fmt::Display for NoZone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time zone such as \"Asia/Shanghai\", or an offset such as \"+08:00\"")
    }
}

/// The changes of the clocks from 2000 to 2100.
const FROM_SECOND: i64 = 946_684_800;
const TO_SECOND: i64 = 4_102_444_800;

impl FromStr for NamedZone {
    type Err = NoZone;

    fn from_str(text: &str) -> Result<NamedZone, NoZone> {
        if let Ok(offset) = text.parse::<UtcOffset>() {
            return Ok(NamedZone(offset.into()));
        }
        let zone = TimeZoneDatabase::bundled().get(text).map_err(|_| NoZone)?;
        let (from, to) = (Timestamp::from_second(FROM_SECOND), Timestamp::from_second(TO_SECOND));
        let (from, to) = (from.map_err(|_| NoZone)?, to.map_err(|_| NoZone)?);
        let offset = |seconds: i32| {
            let minutes = i16::try_from(seconds.div_euclid(60)).ok();
            minutes.and_then(UtcOffset::from_minutes).ok_or(NoZone)
        };
        let changes = zone.following(from).take_while(|change| change.timestamp() < to).map(|change| {
            let at = Time::from_unix_ms(change.timestamp().as_millisecond());
            Ok((at, offset(change.offset().seconds())?))
        });
        let changes: Vec<(Time, UtcOffset)> = changes.collect::<Result<_, _>>()?;
        Ok(NamedZone(Zone::new(offset(zone.to_offset(from).seconds())?, changes)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The local date and time of an instant, as far as a zone has to do with it.
    fn local(zone: &str, utc: &str) -> String {
        let NamedZone(zone) = zone.parse().unwrap();
        let at: Time = utc.parse().unwrap();
        let (offset, (year, month, day)) = (zone.offset(at), at.date(zone.offset(at)));
        let minute = at.minute_of_day(offset);
        format!("{year}-{month:02}-{day:02} {:02}:{:02}", minute / 60, minute % 60)
    }

    #[test]
    fn zones_are_known_by_name_and_follow_their_clocks() {
        assert_eq!(local("Asia/Shanghai", "2026-12-31T17:30:00Z"), "2027-01-01 01:30");
        assert_eq!(local("Asia/Shanghai", "2026-07-01T16:00:00Z"), "2026-07-02 00:00");
        assert_eq!(local("Europe/Berlin", "2026-03-29T00:59:00Z"), "2026-03-29 01:59");
        assert_eq!(local("Europe/Berlin", "2026-03-29T01:00:00Z"), "2026-03-29 03:00");
        assert_eq!(local("America/New_York", "2060-07-04T04:00:00Z"), "2060-07-04 00:00");
        assert_eq!(local("Asia/Kathmandu", "2026-01-01T00:00:00Z"), "2026-01-01 05:45");
        assert_eq!(local("UTC", "2026-01-01T00:00:00Z"), "2026-01-01 00:00");
        assert_eq!(local("+08:00", "2026-01-01T16:00:00Z"), "2026-01-02 00:00");
    }

    #[test]
    fn what_is_no_zone_is_refused() {
        for text in ["", "Shanghai", "Asia/Nowhere", "+25:00", "CST8", "../../etc/passwd"] {
            assert!(text.parse::<NamedZone>().is_err(), "{text}");
        }
    }
}
