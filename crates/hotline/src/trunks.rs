//! `hotline trunks`: how trunks are, as the running center sees them.

use std::process::ExitCode;

use anyhow::Context;
use hotline::control;
use hotline::shown::{listings, output};
use serde_json::{Value, json};

use crate::place::Place;

/// Prints a row for each gateway of each trunk; as JSON, what the API answers.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub(crate) fn list(place: &Place, json: bool) -> anyhow::Result<ExitCode> {
    let answer = control::get(&place.data, "trunks")?;
    if json {
        output::print(String::from_utf8_lossy(&answer).trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let trunks: Vec<Value> = serde_json::from_slice(&answer).with_context(|| "read the center's answer")?;
    let rows: Vec<Value> = trunks.iter().flat_map(rows).collect();
    let zone = place.load(false)?.server.zone;
    listings::print(&rows, false, &zone, listings::TRUNKS).map(|()| ExitCode::SUCCESS)
}

/// What concerns the trunk as a whole stands in its first row.
fn rows(trunk: &Value) -> Vec<Value> {
    let none = [Value::Null];
    let gateways = trunk["gateways"].as_array().filter(|gateways| !gateways.is_empty());
    let gateways = gateways.map_or(&none[..], Vec::as_slice);
    let failure = &trunk["last_failure"];
    let row = |(nth, gateway): (usize, &Value)| {
        let whole = |value: &Value| if nth == 0 { value.clone() } else { Value::Null };
        json!({
            "name": trunk["name"],
            "registration": whole(&trunk["registration"]["state"]),
            "gateway": gateway["uri"],
            "gateway_state": gateway["state"],
            "calls": whole(&trunk["calls"]),
            "failed_at": whole(&failure["at"]),
            "failure": whole(&reason(failure)),
        })
    };
    gateways.iter().enumerate().map(row).collect()
}

/// What went wrong, and where.
fn reason(failure: &Value) -> Value {
    match (failure["what"].as_str(), failure["place"].as_str()) {
        (Some(what), Some(place)) => Value::String(format!("{what} ({place})")),
        (_, _) => Value::Null,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_trunk_has_a_row_for_each_gateway_and_one_without_any() {
        let trunk = json!({
            "name": "carrier", "registration": {"state": "registered"}, "calls": 2,
            "gateways": [{"uri": "sip:a", "state": "up"}, {"uri": "sip:b", "state": "silent"}],
            "last_failure": {"at": "2026-11-28T00:00:00.000Z", "place": "sip:b", "what": "503"},
        });
        let found = rows(&trunk);
        assert_eq!(found.len(), 2);
        assert_eq!((&found[0]["failure"], &found[1]["failure"]), (&json!("503 (sip:b)"), &Value::Null));
        assert_eq!((&found[0]["calls"], &found[1]["calls"]), (&json!(2), &Value::Null));
        assert_eq!(found[1]["gateway_state"], "silent");
        let inbound =
            json!({ "name": "in", "registration": null, "gateways": [], "calls": 0, "last_failure": null });
        let found = rows(&inbound);
        assert_eq!((found.len(), &found[0]["gateway"]), (1, &Value::Null));
    }
}
