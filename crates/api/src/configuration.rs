//! Reloads the configuration's files.

use std::future::Future;
use std::pin::Pin;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{Actor, SettingChange};
use serde::{Deserialize, Serialize};
use store::Bearer;

use crate::App;
use crate::because::Fault;
use crate::problem::Problem;

/// The changes, or the faults of the files.
pub type Reloading<'a> = Pin<Box<dyn Future<Output = Result<Reloaded, Vec<Fault>>> + Send + 'a>>;

/// The owner of the configuration.
pub trait Configuration: Send + Sync {
    /// Reads and checks all files. When they are sound, and unless this is a `dry_run`, they hold from then on.
    fn reload(&self, by: Actor, dry_run: bool) -> Reloading<'_>;
}

/// The differences between the files and the present configuration.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Nothing was changed: the request asked only for the differences.
    pub dry_run: bool,
    /// In the order of file and place.
    pub changes: Vec<SettingChange>,
    /// Faults that prevent nothing but may surprise.
    pub warnings: Vec<Fault>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    dry_run: bool,
}

pub(crate) async fn reload(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Wanted { dry_run }) = wanted?;
    let reloaded = app.configuration.reload(Actor::Token(bearer.name), dry_run).await;
    Ok(Json(reloaded.map_err(Problem::unsound)?).into_response())
}
