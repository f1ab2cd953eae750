//! `hours.toml` and `holidays.toml`: when somebody is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use model::{Date, Hours, Spans, SpecialDay, SpecialDays, Weekday};
use text::{At, Section, text};

use super::people::twice;

/// Opening hours by the names that others refer to them by.
pub(super) type NamedHours = BTreeMap<String, Hours>;

/// The days that are not as their day of the week says.
pub(super) fn holidays(mut file: Section) -> SpecialDays {
    let mut days = SpecialDays::new();
    for (day, At { value, line }) in file.pairs("days") {
        match (day.parse::<Date>(), value.parse::<SpecialDay>()) {
            (Ok(day), Ok(special)) => _ = days.insert(day, special),
            (Err(rule), _) => {
                let message = text!("{day} is no day of the calendar", "{day} 不是日期");
                file.problem(line, message, text!("write {rule}", "请写如 2026-10-01 的日期"));
            }
            (Ok(_), Err(rule)) => {
                let message = text!("{day} = {value:?} cannot be used", "{day} = {value:?} 不可用");
                let hint = text!(
                    "write closed, the name of a day such as monday, or {rule}",
                    "请写 closed、某个星期几（如 monday）或 09:00-12:00 这样的时段"
                );
                file.problem(line, message, hint);
            }
        }
    }
    file.finish();
    days
}

pub(super) fn read(mut file: Section, special: &Arc<SpecialDays>) -> NamedHours {
    let mut named = NamedHours::new();
    for mut section in file.list("hours") {
        let name = section.require::<String>("name");
        let week = week(&mut section);
        if let Some(At { value: name, line }) = name
            && named.insert(name.clone(), Hours::new(week, Arc::clone(special))).is_some()
        {
            twice(&section, line, &name);
        }
        section.finish();
    }
    file.finish();
    named
}

/// The hours of a week, Monday first: each day's own, else those of all working days or of the weekend, else closed.
fn week(section: &mut Section) -> [Spans; 7] {
    let mut spans = |key| section.parsed::<Spans>(key).map(|at| at.value);
    let (weekdays, weekend) = (spans("weekdays"), spans("weekend"));
    Weekday::ALL.map(|day| {
        let of_all = match day {
            Weekday::Saturday | Weekday::Sunday => &weekend,
            Weekday::Monday | Weekday::Tuesday | Weekday::Wednesday | Weekday::Thursday | Weekday::Friday => {
                &weekdays
            }
        };
        spans(day.name()).or_else(|| of_all.clone()).unwrap_or_default()
    })
}
