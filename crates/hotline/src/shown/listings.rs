//! Rows for people and, with `--json`, for programs.

use anyhow::Context;
use model::{Time, Zone};
use serde::Serialize;
use serde_json::Value;

use crate::language::{Shown, width};
use crate::shown::output;

/// The columns of contacts.
pub const CONTACTS: &[&str] =
    &["id", "direction", "caller", "number", "language", "queue", "agent", "started_at", "ended_at", "end"];
/// Of a contact's story.
pub const STORY: &[&str] = &["at", "event", "by", "details"];
/// Of recordings.
pub const RECORDINGS: &[&str] = &["id", "contact_id", "opened_at", "state", "duration_ms", "path"];
/// Of recordings that were found again.
pub const ADOPTED: &[&str] = &["from", "recording", "contact", "path", "fault"];
/// Of recordings whose time is over.
pub const ERASED: &[&str] =
    &["recording_id", "contact_id", "opened_at", "queue", "rule", "held", "erased", "fault", "path"];
/// Of agents.
pub const AGENTS: &[&str] = &["id", "shift", "activity", "seat_online", "since"];
/// Of queues.
pub const QUEUES: &[&str] = &["name", "waiting", "offered", "answered", "abandoned", "service_level"];
/// Of trunks.
pub const TRUNKS: &[&str] =
    &["name", "registration", "gateway", "gateway_state", "calls", "failed_at", "failure"];
/// Of the directory.
pub const DIRECTORY: &[&str] =
    &["extension", "kind", "zh", "en", "open_now", "changes_at", "members", "deputy", "closed", "unanswered"];
/// Of what a reload changes.
pub const CHANGES: &[&str] = &["file", "key", "before", "after", "effect"];
/// Of a sample.
pub const SAMPLE: &[&str] = &["id", "caller", "queue", "agent", "started_at", "recording_id"];
/// All tables.
pub const TABLES: &[&[&str]] =
    &[CONTACTS, STORY, RECORDINGS, ADOPTED, ERASED, AGENTS, QUEUES, TRUNKS, DIRECTORY, CHANGES, SAMPLE];

/// Columns whose words are ours, not people's.
const WORDS: &[&str] = &[
    "direction",
    "language",
    "end",
    "state",
    "shift",
    "activity",
    "seat_online",
    "held",
    "erased",
    "event",
    "effect",
    "registration",
    "gateway_state",
    "kind",
    "open_now",
];

/// Prints rows: one JSON array of objects, as the API gives them (times in UTC), or a table of the named columns, in
/// which times are those of `zone`, with their offset from UTC, and words are in the language of the environment.
///
/// # Errors
/// When a row cannot be turned into JSON.
pub fn print<T: Serialize>(rows: &[T], json: bool, zone: &Zone, columns: &[&str]) -> anyhow::Result<()> {
    let rows = serde_json::to_value(rows).with_context(|| "print rows")?;
    if json {
        output::print(&rows);
        return Ok(());
    }
    let empty = Vec::new();
    let rows = rows.as_array().unwrap_or(&empty);
    for line in table(rows, zone, columns, Shown::here()) {
        output::print(line);
    }
    Ok(())
}

/// The lines of a table, the names of its columns first.
fn table(rows: &[Value], zone: &Zone, columns: &[&str], shown: Shown) -> Vec<String> {
    let mut lines = vec![columns.iter().map(|column| shown.word(column)).collect::<Vec<String>>()];
    let cells = |row: &Value| columns.iter().map(|column| cell(column, &row[*column], zone, shown)).collect();
    lines.extend(rows.iter().map(cells));
    let widest = |nth: usize| lines.iter().filter_map(|line| line.get(nth)).map(|text| width(text)).max();
    let widths: Vec<usize> = (0..columns.len()).map(|nth| widest(nth).unwrap_or(0)).collect();
    let padded = |text: &String, to: usize| format!("{text}{}", " ".repeat(to.saturating_sub(width(text))));
    let line = |texts: &Vec<String>| {
        let padded: Vec<String> = texts.iter().zip(&widths).map(|(text, to)| padded(text, *to)).collect();
        padded.join("  ").trim_end().to_owned()
    };
    lines.iter().map(line).collect()
}

/// One cell. Callers' texts are hostile: control characters must not reach a terminal.
fn cell(column: &str, value: &Value, zone: &Zone, shown: Shown) -> String {
    let word = |text: &str| if WORDS.contains(&column) { shown.word(text) } else { text.to_owned() };
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if is_time(column) => {
            text.parse::<Time>().map_or_else(|_| text.clone(), |at| zone.show(at))
        }
        Value::String(text) => word(text),
        Value::Object(fields) => {
            fields.values().map(|field| word(field.as_str().unwrap_or(""))).collect::<Vec<_>>().join("/")
        }
        Value::Bool(value) => word(&value.to_string()),
        other @ (Value::Number(_) | Value::Array(_)) => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Only what we call a time is one: a caller's name that looks like one is a name.
fn is_time(column: &str) -> bool {
    column.ends_with("_at") || matches!(column, "at" | "since")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_with_their_offset_and_names_stay_names() {
        let zone = Zone::from("+08:00".parse::<model::UtcOffset>().unwrap());
        let value = Value::String("2026-11-23T16:30:00.000Z".to_owned());
        let cell = |column, value: &Value| cell(column, value, &zone, Shown::Both);
        assert_eq!(cell("started_at", &value), "2026-11-24T00:30:00.000+08:00");
        assert_eq!(cell("caller", &value), "2026-11-23T16:30:00.000Z");
        assert_eq!(cell("ended_at", &Value::Null), "–");
    }

    #[test]
    fn a_table_speaks_the_language_that_is_chosen_and_stands_in_straight_columns() {
        let rows = [
            serde_json::json!({ "id": "1001", "shift": { "not_ready": "break" }, "activity": "idle", "seat_online": true }),
            serde_json::json!({ "id": "busy", "shift": "ready", "activity": "talking", "seat_online": false }),
        ];
        let table =
            |shown| table(&rows, &Zone::default(), &["id", "shift", "activity", "seat_online"], shown);
        assert_eq!(
            table(Shown::Chinese),
            ["编号  当班  动态  话机在线", "1001  小休  空闲  是", "busy  就绪  通话  否"]
        );
        assert_eq!(
            table(Shown::English)[1..],
            ["1001  break  idle      true", "busy  ready  talking   false"]
        );
        assert_eq!(
            table(Shown::Both)[..2],
            [
                "id 编号  shift 当班  activity 动态  seat_online 话机在线",
                "1001     break 小休  idle 空闲      true 是"
            ]
        );
    }
}
