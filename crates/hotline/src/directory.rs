//! `hotline directory`: departments, branches and persons, as the running center sees them.

use std::process::ExitCode;

use anyhow::Context;
use hotline::control;
use hotline::language::Shown;
use hotline::shown::{listings, output};
use serde_json::{Value, json};

use crate::place::Place;

/// Prints a row for each entry; as JSON, what the API answers.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub(crate) fn list(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let answer = control::get(&place.data, "directory")?;
    if json {
        output::print(String::from_utf8_lossy(&answer).trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let entries: Vec<Value> = serde_json::from_slice(&answer).with_context(|| "read the center's answer")?;
    let rows: Vec<Value> = entries.into_iter().map(|entry| row(entry, Shown::here())).collect();
    let zone = place.load(false)?.server.zone;
    listings::print(&rows, false, &zone, listings::DIRECTORY).map(|()| ExitCode::SUCCESS)
}

/// An entry with its members in one cell.
fn row(mut entry: Value, shown: Shown) -> Value {
    let members = entry["members"].as_array().into_iter().flatten();
    let members: Vec<String> = members.map(|one| member(one, shown)).collect();
    entry["members"] = json!(members.join(", "));
    entry["open_now"] = entry["open"].take();
    entry
}

/// Who it is, and, of an agent, what that one does.
fn member(member: &Value, shown: Shown) -> String {
    let (who, state) = (member["who"].as_str().unwrap_or("tel"), &member["state"]);
    let does = match (state["shift"].as_str(), state["activity"].as_str()) {
        (Some("ready"), Some(activity)) => activity,
        (Some(shift), _) => shift,
        (None, _) => state["shift"]["not_ready"].as_str().unwrap_or_default(),
    };
    if does.is_empty() { who.to_owned() } else { format!("{who} {}", shown.word(does)) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn members_stand_in_one_cell_with_what_they_do() {
        let entry = json!({ "extension": "6001", "open": true, "members": [
            { "who": "1001", "state": { "shift": "ready", "activity": "talking" } },
            { "who": "1002", "state": { "shift": { "not_ready": "break" }, "activity": "idle" } },
            { "who": "1003", "state": { "shift": "signed_out", "activity": "idle" } },
            { "who": "tel:02155550100", "state": null },
        ] });
        let row = row(entry, Shown::English);
        assert_eq!(row["members"], "1001 talking, 1002 break, 1003 signed_out, tel:02155550100");
        assert_eq!((&row["extension"], &row["open_now"]), (&json!("6001"), &json!(true)));
    }
}
