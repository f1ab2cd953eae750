//! Rows for people and, with `--json`, for programs.

use anyhow::Context;
use serde::Serialize;
use serde_json::Value;

use crate::output;

/// Prints rows: one JSON array of objects, or a table of the named columns.
///
/// # Errors
/// When a row cannot be turned into JSON.
pub fn print<T: Serialize>(rows: &[T], json: bool, columns: &[&str]) -> anyhow::Result<()> {
    let rows = serde_json::to_value(rows).with_context(|| "print rows")?;
    if json {
        output::print(&rows);
        return Ok(());
    }
    let empty = Vec::new();
    let rows = rows.as_array().unwrap_or(&empty);
    let cells: Vec<Vec<String>> =
        rows.iter().map(|row| columns.iter().map(|column| cell(&row[*column])).collect()).collect();
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
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => "–".to_owned(),
        Value::String(text) => text.clone(),
        Value::Object(fields) => {
            fields.values().map(|field| field.as_str().unwrap_or("")).collect::<Vec<_>>().join("/")
        }
        other @ (Value::Bool(_) | Value::Number(_) | Value::Array(_)) => other.to_string(),
    };
    text.chars().filter(|c| !c.is_control()).collect()
}
