//! Rows for people and, with `--json`, for programs.

use anyhow::Context;
use model::{Time, Zone};
use serde::Serialize;
use serde_json::Value;

use crate::output;

/// Prints rows: one JSON array of objects, as the API gives them (times in UTC), or a table of the named columns, in which
/// times are those of `zone`, with their offset from UTC.
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
    let cells: Vec<Vec<String>> = rows
        .iter()
        .map(|row| columns.iter().map(|column| cell(column, &row[*column], zone)).collect())
        .collect();
    let width = |nth: usize| {
        cells.iter().map(|row| row[nth].chars().count()).chain([columns[nth].len()]).max().unwrap_or(0)
    };
    let widths: Vec<usize> = (0..columns.len()).map(width).collect();
    let line = |texts: Vec<&str>| {
        let padded = texts.iter().zip(&widths).map(|(text, width)| format!("{text:<width$}"));
        padded.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    output::print(line(columns.to_vec()));
    for row in &cells {
        output::print(line(row.iter().map(String::as_str).collect()));
    }
    Ok(())
}

/// One cell. Callers' texts are hostile: control characters must not reach a terminal.
fn cell(column: &str, value: &Value, zone: &Zone) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) if is_time(column) => {
            text.parse::<Time>().map_or_else(|_| text.clone(), |at| zone.show(at))
        }
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            fields.values().map(|field| field.as_str().unwrap_or("")).collect::<Vec<_>>().join("/")
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}

/// Only what we call a time is one: a caller's name that looks like one is a name.
fn is_time(column: &str) -> bool {
    column.ends_with("_at") || column == "since"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_local_with_their_offset_and_names_stay_names() {
        let zone = Zone::from("+08:00".parse::<model::UtcOffset>().unwrap());
        let value = Value::String("2026-11-23T16:30:00.000Z".to_owned());
        assert_eq!(cell("started_at", &value, &zone), "2026-11-24T00:30:00.000+08:00");
        assert_eq!(cell("caller", &value, &zone), "2026-11-23T16:30:00.000Z");
        assert_eq!(cell("ended_at", &Value::Null, &zone), "–");
    }
}
