//! Opening hours: when somebody is there, by the clocks of a place. A pure function of time.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::{Date, Time, Weekday, Zone};

/// Minutes of a day; the end of a span may be this.
const DAY: u16 = 24 * 60;
/// How many days ahead the next change is looked for. Longer than the longest row of holidays.
const LOOK_AHEAD: i64 = 400;

/// The spans of a day in which somebody is there, in minutes since midnight, in order, without overlap. None: closed all
/// day. As text `09:00-12:00, 13:30-18:00`, `all day` or `closed`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Spans(Vec<(u16, u16)>);

/// What a special day is like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SpecialDay {
    /// As this day of the week, whichever day it is: a working day that a holiday was exchanged for (调休).
    As(Weekday),
    /// It has hours of its own, or none.
    Of(Spans),
}

/// The days that are not as their day of the week says.
pub type SpecialDays = BTreeMap<Date, SpecialDay>;

/// The hours of a week, and special days.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hours {
    /// Monday first.
    week: [Spans; 7],
    special: Arc<SpecialDays>,
}

impl Hours {
    /// `week`: Monday first.
    pub fn new(week: [Spans; 7], special: Arc<SpecialDays>) -> Hours {
        Hours { week, special }
    }

    /// True when somebody is there at this instant, by the clocks of `zone`.
    pub fn are_open(&self, zone: &Zone, at: Time) -> bool {
        let offset = zone.offset(at);
        let minute = at.minute_of_day(offset);
        let spans = self.of_day(at.day(offset));
        spans.0.iter().any(|(from, to)| (u32::from(*from)..u32::from(*to)).contains(&minute))
    }

    /// When they open next, if they are closed, or close, if they are open. `None`: not within 400 days.
    pub fn next_change(&self, zone: &Zone, at: Time) -> Option<Time> {
        let (today, now) = (at.day(zone.offset(at)), self.are_open(zone, at));
        (0..LOOK_AHEAD).find_map(|ahead| {
            let day = today.plus(ahead);
            let edges: BTreeSet<u16> =
                self.of_day(day).0.iter().flat_map(|(from, to)| [*from, *to]).collect();
            let mut edges = edges.into_iter().map(|minute| zone.instant(day, minute));
            edges.find(|edge| *edge > at && self.are_open(zone, *edge) != now)
        })
    }

    fn of_day(&self, day: Date) -> &Spans {
        let of_weekday = |weekday: Weekday| &self.week[weekday as usize % 7];
        match self.special.get(&day) {
            Some(SpecialDay::Of(spans)) => spans,
            Some(SpecialDay::As(weekday)) => of_weekday(*weekday),
            None => of_weekday(day.weekday()),
        }
    }
}

impl Spans {
    /// From midnight to midnight.
    pub fn all_day() -> Spans {
        Spans(vec![(0, DAY)])
    }
}

/// A text that names no spans of a day.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSpans;

impl fmt::Display for NoSpans {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(
            "spans of one day in order, such as 09:00-12:00, 13:30-18:00 (a night is two: 20:00-24:00 and, the next day, \
             00:00-06:00), all day, or closed",
        )
    }
}

impl std::error::Error for NoSpans {}

impl FromStr for Spans {
    type Err = NoSpans;

    fn from_str(text: &str) -> Result<Spans, NoSpans> {
        match text.trim() {
            "closed" => return Ok(Spans::default()),
            "all day" => return Ok(Spans::all_day()),
            _ => {}
        }
        let mut spans = Vec::new();
        for span in text.split(',') {
            let (from, to) = span.trim().split_once('-').ok_or(NoSpans)?;
            let (from, to) = (minute(from)?, minute(to)?);
            let last = spans.last().map_or(0, |(_, to)| *to);
            if from >= to || from < last {
                return Err(NoSpans);
            }
            spans.push((from, to));
        }
        Ok(Spans(spans))
    }
}

/// Minutes since midnight of `09:00`; `24:00` is the end of the day.
fn minute(text: &str) -> Result<u16, NoSpans> {
    let (hour, minute) = text.trim().split_once(':').ok_or(NoSpans)?;
    let two_digits = |part: &str| {
        let is_number = part.len() == 2 && part.bytes().all(|byte| byte.is_ascii_digit());
        part.parse::<u16>().ok().filter(|_| is_number).ok_or(NoSpans)
    };
    let (hour, minute) = (two_digits(hour)?, two_digits(minute)?);
    let minutes = hour * 60 + minute;
    if minute < 60 && minutes <= DAY { Ok(minutes) } else { Err(NoSpans) }
}

/// As a table of special days writes it: the name of a day of the week, or spans.
impl FromStr for SpecialDay {
    type Err = NoSpans;

    fn from_str(text: &str) -> Result<SpecialDay, NoSpans> {
        let weekday = Weekday::ALL.into_iter().find(|weekday| weekday.name() == text.trim());
        weekday.map_or_else(|| text.parse().map(SpecialDay::Of), |weekday| Ok(SpecialDay::As(weekday)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::UtcOffset;

    /// Weekdays 9 to 12 and 13:30 to 18, Saturdays till noon; a week of holidays with one day exchanged, one short day.
    fn office() -> Hours {
        let weekday: Spans = "09:00-12:00, 13:30-18:00".parse().unwrap();
        let mut week: [Spans; 7] = std::array::from_fn(|_| weekday.clone());
        week[5] = "09:00-12:00".parse().unwrap();
        week[6] = Spans::default();
        let mut special = SpecialDays::new();
        let mut add = |day: &str, text: &str| special.insert(day.parse().unwrap(), text.parse().unwrap());
        for day in 1..=7 {
            add(&format!("2026-10-0{day}"), "closed");
        }
        add("2026-10-10", "monday");
        add("2026-12-31", "09:00-12:00");
        Hours::new(week, Arc::new(special))
    }

    fn china() -> Zone {
        Zone::from("+08:00".parse::<UtcOffset>().unwrap())
    }

    fn time(text: &str) -> Time {
        text.parse().unwrap()
    }

    #[test]
    fn hours_are_those_of_the_weekday_but_for_special_days() {
        let (hours, zone) = (office(), china());
        for (at, is_open, change) in [
            // A Monday.
            ("2026-11-30T08:59:59.999+08:00", false, "2026-11-30T09:00:00.000+08:00"),
            ("2026-11-30T09:00:00+08:00", true, "2026-11-30T12:00:00.000+08:00"),
            ("2026-11-30T11:59:59+08:00", true, "2026-11-30T12:00:00.000+08:00"),
            ("2026-11-30T12:00:00+08:00", false, "2026-11-30T13:30:00.000+08:00"),
            ("2026-11-30T23:00:00+08:00", false, "2026-12-01T09:00:00.000+08:00"),
            // Saturday noon to Monday.
            ("2026-11-28T12:00:00+08:00", false, "2026-11-30T09:00:00.000+08:00"),
            // A Thursday that is a holiday, the week after it, and a Saturday worked as a Monday.
            ("2026-10-01T10:00:00+08:00", false, "2026-10-08T09:00:00.000+08:00"),
            ("2026-10-10T15:00:00+08:00", true, "2026-10-10T18:00:00.000+08:00"),
            ("2026-12-31T14:00:00+08:00", false, "2027-01-01T09:00:00.000+08:00"),
        ] {
            assert_eq!(hours.are_open(&zone, time(at)), is_open, "{at}");
            let next = hours.next_change(&zone, time(at)).map(|change| zone.show(change));
            assert_eq!(next.as_deref(), Some(change), "{at}");
        }
    }

    #[test]
    fn a_day_that_goes_on_after_midnight_does_not_close_then_and_one_that_never_opens_never_changes() {
        let all = |text: &str| {
            let spans: Spans = text.parse().unwrap();
            Hours::new(std::array::from_fn(|_| spans.clone()), Arc::default())
        };
        let (zone, at) = (china(), time("2026-11-30T23:30:00+08:00"));
        assert!(all("all day").are_open(&zone, at));
        assert_eq!(all("all day").next_change(&zone, at), None);
        assert_eq!(all("closed").next_change(&zone, at), None);
        let night = all("00:00-06:00, 22:00-24:00");
        assert_eq!(night.next_change(&zone, at), Some(time("2026-12-01T06:00:00+08:00")));
    }

    #[test]
    fn clocks_that_are_changed_move_the_hours_with_them() {
        let offset = |text: &str| text.parse::<UtcOffset>().unwrap();
        let zone = Zone::new(offset("+01:00"), vec![(time("2026-03-29T01:00:00Z"), offset("+02:00"))]);
        let hours = Hours::new(std::array::from_fn(|_| "09:00-17:00".parse().unwrap()), Arc::default());
        let saturday = time("2026-03-28T18:00:00+01:00");
        assert_eq!(hours.next_change(&zone, saturday), Some(time("2026-03-29T07:00:00Z")));
        assert!(hours.are_open(&zone, time("2026-03-29T14:59:00Z")));
        assert!(!hours.are_open(&zone, time("2026-03-29T15:00:00Z")));
    }

    #[test]
    fn what_names_no_spans_is_refused() {
        for text in [
            "",
            "9:00-18:00",
            "09:00",
            "18:00-09:00",
            "09:00-09:00",
            "09:00-24:01",
            "09:60-10:00",
            "13:00-18:00, 09:00-12:00",
            "09:00-12:00, 11:00-13:00",
            "09:00-12:00,",
            "holiday",
        ] {
            assert_eq!(text.parse::<Spans>(), Err(NoSpans), "{text}");
        }
        assert_eq!("sunday".parse(), Ok(SpecialDay::As(Weekday::Sunday)));
    }
}
