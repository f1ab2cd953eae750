//! Pausing and resuming a contact's recording.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::{ContactId, Order, RecordingOrder};
use serde::Deserialize;
use store::Bearer;

use crate::App;
use crate::agents::obeyed;
use crate::problem::Problem;
use crate::query::Named;

/// The longest reason, in characters.
const LONGEST_REASON: usize = 200;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    reason: String,
}

impl Why {
    /// The reason of a body, which must be there.
    pub(crate) fn read(body: Result<Json<Why>, JsonRejection>) -> Result<String, Problem> {
        let Json(Why { reason }) = body?;
        checked(&reason)
    }
}

/// A reason or a name, which must be one line with no blanks at its ends.
pub(crate) fn checked(text: &str) -> Result<String, Problem> {
    let ends_line = |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}');
    let is_padded = text.trim() != text;
    if text.is_empty() || is_padded || text.chars().count() > LONGEST_REASON || text.chars().any(ends_line) {
        return Err(Problem::invalid(
            "a reason, or a person, is 1 to 200 characters on one line, with no blanks at its ends",
            "原因或人员须为一行 1 至 200 个字符，首尾无空白",
        ));
    }
    Ok(text.to_owned())
}

pub(crate) async fn pause(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
    why: Result<Json<Why>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let reason = Why::read(why)?;
    obeyed(&app, &bearer, Order::Recording(contact, RecordingOrder::Pause { reason })).await
}

pub(crate) async fn resume(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::Recording(contact, RecordingOrder::Resume)).await
}
