//! When a customer may be called: hours, attempts, and who must not be called at all.
//!
//! Judged in this order, and the first that forbids is the answer: the do-not-call list, the hours, the attempts of the day,
//! the pause since the last one. Nothing here holds for emergency numbers.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use model::{Hours, NotNow, Number, Time, WhyNotNow, Zone};

/// When customers may be called. Without any rule: always.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Rules {
    /// The hours in which they may; `None`: at any time.
    pub hours: Option<Hours>,
    /// How often a number may be called in a day of the center's zone.
    pub attempts_a_day: Option<usize>,
    /// How long a number is left alone after an attempt.
    pub pause: Duration,
    /// Who is not called.
    pub do_not_call: DoNotCall,
}

/// Numbers that are not called, whole or by how they begin.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DoNotCall {
    numbers: BTreeSet<Number>,
    prefixes: Vec<String>,
}

impl DoNotCall {
    /// Adds a number, or with `*` at the end all that begin so.
    ///
    /// # Errors
    /// When it is neither.
    pub fn add(&mut self, entry: &str) -> Result<(), &'static str> {
        const WANTED: &str = "a number, or the beginning of one and a *";
        let is_digits = |text: &str| {
            let digits = text.strip_prefix('+').unwrap_or(text);
            !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit())
        };
        match entry.strip_suffix('*') {
            Some(prefix) if is_digits(prefix) => self.prefixes.push(prefix.to_owned()),
            None if is_digits(entry) => _ = self.numbers.insert(entry.parse().map_err(|_| WANTED)?),
            Some(_) | None => return Err(WANTED),
        }
        Ok(())
    }

    /// How many entries it has.
    pub fn len(&self) -> usize {
        self.numbers.len() + self.prefixes.len()
    }

    /// True when it has none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn has(&self, number: &Number) -> bool {
        self.numbers.contains(number)
            || self.prefixes.iter().any(|prefix| number.as_str().starts_with(prefix.as_str()))
    }
}

impl Rules {
    /// Whether a number may be called at this date, by when it was called before. `as_dialled` and `as_sent` are the same
    /// number before and after the dial plan; either may stand in the list.
    ///
    /// # Errors
    /// Why not, and from when on it may, if that is known.
    pub fn judge(
        &self,
        (now, zone): (Time, &Zone),
        (as_dialled, as_sent): (&Number, &Number),
        before: &[Time],
    ) -> Result<(), NotNow> {
        if self.do_not_call.has(as_dialled) || self.do_not_call.has(as_sent) {
            return Err(NotNow { why: WhyNotNow::DoNotCall, from: None });
        }
        if !self.is_open(now, zone) {
            return Err(NotNow { why: WhyNotNow::OutsideHours, from: self.opens(now, zone) });
        }
        let today = zone.day_began(now);
        let count = before.iter().filter(|at| **at >= today).count();
        if self.attempts_a_day.is_some_and(|most| count >= most) {
            let tomorrow = zone.day_began(today + Duration::from_secs(30 * 3_600));
            return Err(NotNow { why: WhyNotNow::TooManyAttempts, from: self.opens(tomorrow, zone) });
        }
        let rested = before.iter().max().map(|last| *last + self.pause);
        match rested.filter(|rested| *rested > now) {
            Some(rested) => Err(NotNow { why: WhyNotNow::TooSoon, from: self.opens(rested, zone) }),
            None => Ok(()),
        }
    }

    fn is_open(&self, at: Time, zone: &Zone) -> bool {
        self.hours.as_ref().is_none_or(|hours| hours.are_open(zone, at))
    }

    /// The first moment at `at` or later in which it is open, if there is one.
    fn opens(&self, at: Time, zone: &Zone) -> Option<Time> {
        match &self.hours {
            Some(hours) if !hours.are_open(zone, at) => hours.next_change(zone, at),
            Some(_) | None => Some(at),
        }
    }
}

/// When numbers were called, by dates; what no rule asks for any more is forgotten.
#[derive(Debug, Default)]
pub(crate) struct Attempts(BTreeMap<Number, Vec<Time>>);

/// How long an attempt is remembered: longer than a day, and than the longest pause.
const REMEMBERED: Duration = Duration::from_secs(48 * 3_600);

impl Attempts {
    pub(crate) fn of(&self, number: &Number) -> &[Time] {
        self.0.get(number).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn add(&mut self, number: &Number, at: Time) {
        let is_fresh = |then: &Time| *then + REMEMBERED > at;
        // The table is looked through now and then only: at each 256th attempt.
        if self.0.len() % 256 == 255 {
            self.0.retain(|_, times| times.iter().any(is_fresh));
        }
        let times = self.0.entry(number.clone()).or_default();
        times.retain(is_fresh);
        times.push(at);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Spans;

    fn hours(week: [&str; 7]) -> Option<Hours> {
        Some(Hours::new(week.map(|spans| spans.parse::<Spans>().unwrap()), std::sync::Arc::default()))
    }

    fn number(text: &str) -> Number {
        text.parse().unwrap()
    }

    fn at(text: &str) -> Time {
        text.parse().unwrap()
    }

    fn china() -> Zone {
        Zone::new("+08:00".parse().unwrap(), Vec::new())
    }

    fn rules() -> Rules {
        let mut do_not_call = DoNotCall::default();
        for entry in ["13900139000", "1380013*", "+4930*"] {
            do_not_call.add(entry).unwrap();
        }
        Rules {
            hours: hours([
                "09:00-20:00",
                "09:00-20:00",
                "09:00-20:00",
                "09:00-20:00",
                "09:00-20:00",
                "10:00-12:00",
                "closed",
            ]),
            attempts_a_day: Some(3),
            pause: Duration::from_secs(600),
            do_not_call,
        }
    }

    fn judge(number: &str, now: &str, before: &[&str]) -> String {
        let before: Vec<Time> = before.iter().map(|text| at(text)).collect();
        let number: Number = number.parse().unwrap();
        match rules().judge((at(now), &china()), (&number, &number), &before) {
            Ok(()) => "may".to_owned(),
            Err(NotNow { why, from }) => {
                format!("{why:?} {}", from.map_or("never".to_owned(), |from| china().show(from)))
            }
        }
    }

    /// 2026-11-27 is a Friday; times are UTC, answers Chinese time.
    #[test]
    fn the_first_rule_that_forbids_is_the_answer() {
        let called = ["2026-11-27T01:00:00Z", "2026-11-27T02:00:00Z", "2026-11-27T03:00:00Z"];
        for (number, now, before, expected) in [
            ("1", "2026-11-27T01:00:00Z", &[][..], "may"),
            ("1", "2026-11-27T00:59:59Z", &[], "OutsideHours 2026-11-27T09:00:00.000+08:00"),
            ("1", "2026-11-27T11:59:59Z", &[], "may"),
            ("1", "2026-11-27T12:00:00Z", &[], "OutsideHours 2026-11-28T10:00:00.000+08:00"),
            ("1", "2026-11-28T04:00:00Z", &[], "OutsideHours 2026-11-30T09:00:00.000+08:00"),
            ("1", "2026-11-27T03:09:59Z", &called[2..], "TooSoon 2026-11-27T11:10:00.000+08:00"),
            ("1", "2026-11-27T03:10:00Z", &called[2..], "may"),
            ("1", "2026-11-27T05:00:00Z", &called[1..], "may"),
            ("1", "2026-11-27T05:00:00Z", &called, "TooManyAttempts 2026-11-28T10:00:00.000+08:00"),
            ("1", "2026-11-30T05:00:00Z", &called, "may"),
            ("1", "2026-11-27T11:55:00Z", &["2026-11-27T11:54:00Z"], "TooSoon 2026-11-28T10:00:00.000+08:00"),
            ("13900139000", "2026-11-27T05:00:00Z", &[], "DoNotCall never"),
            ("13900139001", "2026-11-27T05:00:00Z", &[], "may"),
            ("13800138000", "2026-11-27T20:00:00Z", &[], "DoNotCall never"),
            ("+4930123", "2026-11-27T05:00:00Z", &[], "DoNotCall never"),
        ] {
            assert_eq!(judge(number, now, before), expected, "{number} at {now} after {before:?}");
        }
    }

    #[test]
    fn either_form_of_a_number_may_stand_in_the_list() {
        let now = (at("2026-11-27T05:00:00Z"), &china());
        let listed = number("13900139000");
        assert!(rules().judge(now, (&number("9139"), &listed), &[]).is_err());
        assert!(rules().judge(now, (&listed, &number("+8613900139000")), &[]).is_err());
    }

    #[test]
    fn without_rules_everybody_is_called_at_any_time() {
        let now = (at("2026-11-29T20:00:00Z"), &china());
        assert_eq!(Rules::default().judge(now, (&number("1"), &number("1")), &[now.0]), Ok(()));
        let never = Rules { hours: hours(["closed"; 7]), ..Rules::default() };
        let judged = never.judge(now, (&number("1"), &number("1")), &[]);
        assert_eq!(judged, Err(NotNow { why: WhyNotNow::OutsideHours, from: None }));
    }

    #[test]
    fn what_is_no_number_is_in_no_list() {
        let mut list = DoNotCall::default();
        for wrong in ["", "*", "+", "+*", "12 34", "1*2", "alice", "１２３"] {
            assert!(list.add(wrong).is_err(), "{wrong}");
        }
        assert!(list.is_empty());
    }

    #[test]
    fn attempts_are_forgotten_after_two_days() {
        let mut attempts = Attempts::default();
        let now = at("2026-11-27T05:00:00Z");
        (0..1_000).for_each(|n| attempts.add(&number(&n.to_string()), now));
        let later = now + Duration::from_secs(49 * 3_600);
        (0..1_000).for_each(|n| attempts.add(&number(&format!("9{n}")), later));
        assert!(attempts.0.len() <= 1_256, "{}", attempts.0.len());
        assert_eq!(attempts.of(&number("9999")).len(), 1);
    }
}
