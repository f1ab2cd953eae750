//! Legal holds, and the order to erase what the rules keep no longer, which the archive does.

use archive::NotApplied;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{Actor, ContactEvent, ContactId};
use serde::Deserialize;
use store::{Bearer, StoreError};

use crate::App;
use crate::noting::{applied, note};
use crate::pausing::checked;
use crate::problem::Problem;
use crate::query::Named;

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
    let _custody = app.eraser.custody().await;
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

pub(crate) async fn apply(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Wanted { dry_run }) = wanted?;
    let (rules, by) = (app.settings().retention.clone(), Actor::Token(bearer.name));
    let outcomes = app.eraser.erase(&rules, (app.now)(), &by, dry_run).await.map_err(not_applied)?;
    Ok(Json(outcomes).into_response())
}

fn not_applied(error: NotApplied) -> Problem {
    match error {
        NotApplied::Ledger(error) => match error.into_inner().downcast::<StoreError>() {
            Ok(error) => Problem::from(*error),
            Err(_) => Problem::unavailable("the event log takes nothing now", "事件日志暂时无法写入"),
        },
        NotApplied::Folder(_) => {
            Problem::unavailable("the recordings folder cannot be looked at", "无法查看录音目录")
        }
    }
}
