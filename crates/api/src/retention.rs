//! Legal holds, and the erasing of what the rules keep no longer.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::atomic::Ordering;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{Actor, ContactEvent, ContactId, RecordingEvent, paths_of};
use serde::{Deserialize, Serialize};
use store::{Bearer, DueRecording};

use crate::App;
use crate::noting::{applied, note, note_by};
use crate::pausing::checked;
use crate::problem::Problem;
use crate::query::Named;

/// Recordings whose erasure is noted together, before the first of their files is removed.
const GROUP: usize = 200;
/// Rows read at once.
const PAGE: u32 = 500;

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
    let Json(Word { reason, person }) = word?;
    let (reason, person) = (checked(&reason)?, person.map(|person| checked(&person)).transpose()?);
    app.store.contact(contact).await?.ok_or_else(Problem::not_found)?;
    // Nothing is erased between the event and the tables that show it.
    let _custody = app.custody().await;
    let event = match held {
        true => ContactEvent::LegalHoldSet { contact, person, reason },
        false => ContactEvent::LegalHoldCleared { contact, person, reason },
    };
    applied(app, note(app, &bearer, event)?).await?;
    Ok(StatusCode::NO_CONTENT)
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    dry_run: bool,
}

/// What became of a recording whose time is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Which.
    #[serde(flatten)]
    pub due: DueRecording,
    /// It was erased before, and a file of it was still there.
    pub again: bool,
    /// Its files are gone.
    pub erased: bool,
    /// Why they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

pub(crate) async fn apply(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Wanted { dry_run }) = wanted?;
    Ok(Json(erase(&app, &Actor::Token(bearer.name), dry_run).await?).into_response())
}

/// Why the rules could not be applied.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NotApplied(String);

/// Applies the rules in somebody's name, as `POST /api/v1/retention` does.
///
/// # Errors
/// When the database does not answer or the log takes nothing; what was erased until then stays so.
pub async fn apply_retention(app: &App, by: &Actor) -> Result<Vec<Outcome>, NotApplied> {
    erase(app, by, false).await.map_err(|problem| NotApplied(problem.to_string()))
}

/// Erases what could not be erased before, then what is due now.
async fn erase(app: &App, by: &Actor, dry_run: bool) -> Result<Vec<Outcome>, Problem> {
    let _custody = app.custody().await;
    let mut outcomes = Vec::new();
    for due in left_over(app).await? {
        outcomes.push(remove(app, due, true, dry_run).await);
    }
    let due = app.store.due_recordings(&app.settings().retention, (app.now)()).await?;
    let mut due = due.into_iter().peekable();
    while due.peek().is_some() {
        let group: Vec<DueRecording> = due.by_ref().take(GROUP).collect();
        if !dry_run {
            note_erased(app, by, &group).await?;
        }
        for due in group {
            outcomes.push(remove(app, due, false, dry_run).await);
        }
    }
    if !dry_run {
        let failed = outcomes.iter().filter(|outcome| outcome.fault.is_some()).count();
        app.unerased().store(failed as u64, Ordering::Relaxed);
    }
    Ok(outcomes)
}

/// Notes the erasure of those that are not held, and waits until the tables show it: whatever happens then, the log
/// says why a file is gone, and a file that stays is found by its row.
async fn note_erased(app: &App, by: &Actor, due: &[DueRecording]) -> Result<(), Problem> {
    let mut last = None;
    for due in due.iter().filter(|due| !due.held) {
        let event = RecordingEvent::Erased {
            recording: due.recording_id,
            contact: due.contact_id,
            rule: due.rule.clone(),
            sha256: due.sha256.clone().unwrap_or_default(),
        };
        last = Some(note_by(app, by.clone(), event)?);
    }
    match last {
        Some(seq) => applied(app, seq).await,
        None => Ok(()),
    }
}

/// Erased recordings of which a file is still there: the disk itself remembers what failed.
async fn left_over(app: &App) -> Result<Vec<DueRecording>, Problem> {
    let (mut after, mut left) = (-1, Vec::new());
    loop {
        let page = app.store.erased_recordings(after, PAGE).await?;
        let Some(last) = page.last() else { return Ok(left) };
        after = last.recording_id.number();
        let folders = app.recordings.clone();
        let is_there = move |due: &DueRecording| {
            let mut paths = paths_of(&due.path);
            paths.any(|path| folders.iter().any(|folder| folder.join(&path).try_exists().unwrap_or(true)))
        };
        let look = move || page.into_iter().filter(is_there).collect::<Vec<_>>();
        let looked = tokio::task::spawn_blocking(look).await;
        left.extend(looked.map_err(|_| {
            Problem::unavailable("the recordings folder cannot be looked at", "无法查看录音目录")
        })?);
    }
}

/// Removes all files of a recording, unless it is held or only asked about.
async fn remove(app: &App, due: DueRecording, again: bool, dry_run: bool) -> Outcome {
    if dry_run || due.held {
        return Outcome { due, again, erased: false, fault: None };
    }
    let (folders, path) = (app.recordings.clone(), due.path.clone());
    // Each is tried, also when one stays.
    let removing =
        move || paths_of(&path).map(|path| remove_in(&folders, Path::new(&path))).fold(Ok(()), Result::and);
    let removed = tokio::task::spawn_blocking(removing).await;
    let fault = removed.unwrap_or_else(|error| Err(io::Error::other(error))).err().map(|error| {
        tracing::error!(
            recording = %due.recording_id, path = due.path, %error,
            "an erased recording's file stays: make its folder writable; the next run tries again"
        );
        error.to_string()
    });
    Outcome { due, again, erased: fault.is_none(), fault }
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
