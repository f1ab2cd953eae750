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

/// What changed, or what is wrong with the files.
pub type Reloading<'a> = Pin<Box<dyn Future<Output = Result<Reloaded, Vec<Fault>>> + Send + 'a>>;

/// The owner of the configuration.
pub trait Configuration: Send + Sync {
    /// Reads and checks all files. When they are sound, and unless this is a `dry_run`, they hold from then on.
    fn reload(&self, by: Actor, dry_run: bool) -> Reloading<'_>;
}

/// What files say differently from before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Reloaded {
    /// Nothing was changed: it was only asked what would be.
    pub dry_run: bool,
    /// In the order of file and place.
    pub changes: Vec<SettingChange>,
    /// What is no error and may surprise.
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
