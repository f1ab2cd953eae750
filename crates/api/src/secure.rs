//! Secure input: the customer presses keys that neither the agent nor the log nor the recording gets.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{ContactId, Done, Order, SecureInputOrder};
use serde_json::json;
use store::Bearer;

use crate::App;
use crate::agents::{obeyed, send};
use crate::problem::Problem;
use crate::query::Named;

pub(crate) async fn start(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::SecureInput(contact, SecureInputOrder::Start)).await
}

pub(crate) async fn end(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::SecureInput(contact, SecureInputOrder::End)).await
}

/// Hands over what was pressed, once: the center forgets it with this answer.
pub(crate) async fn read(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
) -> Result<Response, Problem> {
    match send(&app, &bearer, Order::SecureInput(contact, SecureInputOrder::Read)).await? {
        Done::Secret(keys) => {
            let (count, keys) = (keys.count(), keys.reveal());
            Ok(Json(json!({ "keys": keys.as_str(), "count": count })).into_response())
        }
        Done::Obeyed | Done::Parked(_) | Done::Moved(_) | Done::Placed(_) => {
            Err(Problem::unavailable("the center handed over no keys", "系统未交出按键"))
        }
    }
}
