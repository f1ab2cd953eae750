//! Recordings' rows.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::{ContactId, RecordingId, Time};
use serde::Deserialize;
use store::{RecordingFilter, RecordingRow, Role};

use crate::App;
use crate::paging::{limit, page};
use crate::problem::Problem;
use crate::query::{Asked, Named};

/// Those who see that there are recordings.
pub(crate) const SEEN_BY: &[Role] = &[Role::Admin, Role::Supervisor, Role::Qa];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    before: Option<RecordingId>,
    contact: Option<ContactId>,
    since: Option<Time>,
    limit: Option<u32>,
}

pub(crate) async fn list(State(app): State<App>, Asked(asked): Asked<Filter>) -> Result<Response, Problem> {
    let limit = limit(asked.limit)?;
    let Filter { before, contact, since, .. } = asked;
    let recordings = app.store.recordings(&RecordingFilter { before, contact, since, limit }).await?;
    let link = |last: &RecordingRow| {
        let mut next = format!("/api/v1/recordings?limit={limit}&before={}", last.id);
        contact.iter().for_each(|contact| next += &format!("&contact={contact}"));
        since.iter().for_each(|since| next += &format!("&since={since}"));
        next
    };
    Ok(page(&recordings, limit, link))
}

pub(crate) async fn one(State(app): State<App>, Named(id): Named<RecordingId>) -> Result<Response, Problem> {
    let recording = app.store.recording(id).await?.ok_or_else(Problem::not_found)?;
    Ok(Json(recording).into_response())
}
