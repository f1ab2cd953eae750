//! `hotline contacts move` and `pick-up`: calls that move, by the running center's API.

use std::path::Path;

use clap::ValueEnum;
use hotline::control;
use model::{AgentId, ContactId};
use serde_json::json;

use crate::arguments::{MoveTarget, MoveVerb};

/// Moves a customer; what the center says of it, empty where it is done and there is nothing to say.
///
/// # Errors
/// When no center runs on this data folder, or it refuses.
pub(crate) fn order(
    data: &Path,
    contact: ContactId,
    verb: MoveVerb,
    to: &MoveTarget,
) -> anyhow::Result<String> {
    let body = match verb {
        MoveVerb::Consult | MoveVerb::Transfer => {
            let MoveTarget { agent, queue, node, number, extension } = to;
            json!({ "agent": agent, "queue": queue, "node": node, "number": number, "extension": extension })
                .to_string()
        }
        MoveVerb::Hold
        | MoveVerb::Retrieve
        | MoveVerb::Swap
        | MoveVerb::Join
        | MoveVerb::Return
        | MoveVerb::Complete
        | MoveVerb::Park => String::new(),
    };
    let name = verb.to_possible_value().map(|value| value.get_name().to_owned()).unwrap_or_default();
    control::post(data, &format!("contacts/{contact}/{name}"), &body)
}

/// Rings a seat, to have the parked customer.
///
/// # Errors
/// As [`order`].
pub(crate) fn pick_up(data: &Path, slot: u16, seat: &AgentId) -> anyhow::Result<()> {
    let body = json!({ "seat": seat }).to_string();
    control::post(data, &format!("parking/{slot}/pick-up"), &body).map(|_| ())
}
