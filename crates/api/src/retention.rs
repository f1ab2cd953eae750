//! Legal holds, and the erasing of what the rules keep no longer.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{AgentOrder, ContactId};
use serde::{Deserialize, Serialize};
use store::{Bearer, DueRecording};

use crate::App;
use crate::agents::send;
use crate::pausing::checked;
use crate::problem::Problem;
use crate::query::Named;

/// How long a command waits until the tables show it.
const PATIENCE: Duration = Duration::from_secs(3);

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Word {
    reason: String,
    person: Option<String>,
}

pub(crate) async fn hold(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
    word: Result<Json<Word>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    change(&app, bearer, contact, word, true).await
}

pub(crate) async fn let_go(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
    word: Result<Json<Word>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    change(&app, bearer, contact, word, false).await
}

async fn change(
    app: &App,
    bearer: Bearer,
    contact: ContactId,
    word: Result<Json<Word>, JsonRejection>,
    held: bool,
) -> Result<StatusCode, Problem> {
    let Json(Word { reason, person }) = word.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let (reason, person) = (checked(&reason)?, person.map(|person| checked(&person)).transpose()?);
    app.store.contact(contact).await?.ok_or_else(Problem::not_found)?;
    // Nothing is erased between the order and the tables that show it.
    let _custody = app.custody().await;
    send(app, bearer, AgentOrder::NoteLegalHold { contact, held, person, reason }).await?;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while app.store.legal_hold(contact).await?.is_some() != held {
        if tokio::time::Instant::now() >= deadline {
            return Err(Problem::unavailable("the order is noted; the tables do not show it yet"));
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    dry_run: bool,
}

/// What became of a recording whose time is over.
#[derive(Serialize)]
struct Outcome {
    #[serde(flatten)]
    due: DueRecording,
    erased: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    fault: Option<String>,
}

pub(crate) async fn apply(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Wanted { dry_run }) = wanted.map_err(|rejection| Problem::invalid(rejection.body_text()))?;
    let _custody = app.custody().await;
    let mut outcomes = Vec::new();
    for due in app.store.due_recordings(&app.retention, (app.now)()).await? {
        let (mut erased, mut fault) = (false, None);
        if !dry_run && !due.held {
            // Said before the file is removed: none vanishes untold.
            let order = AgentOrder::NoteErased {
                recording: due.recording_id,
                contact: due.contact_id,
                rule: due.rule.clone(),
                sha256: due.sha256.clone().unwrap_or_default(),
            };
            send(&app, bearer.clone(), order).await?;
            let (folders, path) = (app.recordings.clone(), due.path.clone());
            let removed = tokio::task::spawn_blocking(move || remove_in(&folders, Path::new(&path))).await;
            fault = removed.unwrap_or_else(|error| Err(io::Error::other(error))).err().map(|error| {
                tracing::error!(recording = %due.recording_id, %error, "an erased recording's file stays");
                error.to_string()
            });
            erased = fault.is_none();
        }
        outcomes.push(Outcome { due, erased, fault });
    }
    Ok(Json(outcomes).into_response())
}

/// Removes it wherever it lies. One that is not there is erased already.
fn remove_in(folders: &[PathBuf], path: &Path) -> io::Result<()> {
    let outside = || io::Error::other("the path leads out of the recordings folder");
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    for folder in folders {
        match folder.join(path).canonicalize() {
            Ok(full) if full.starts_with(folder.canonicalize()?) => std::fs::remove_file(full)?,
            Ok(_) => return Err(outside()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
