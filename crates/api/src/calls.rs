//! Calls to customers.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use axum::{Extension, Json};
use model::{AgentId, CallOrder, First, Number, Order, Personal, QueueName};
use serde::Deserialize;
use store::Bearer;

use crate::App;
use crate::moves::order;
use crate::once::Key;
use crate::problem::Problem;

/// Whom to call, and who talks.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Call {
    number: Number,
    agent: AgentId,
    first: Option<First>,
    queue: Option<QueueName>,
}

/// Calls a customer; answered once the distributor has given the agent, before anything rings.
pub(crate) async fn place(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    key: Key,
    call: Result<Json<Call>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Call { number, agent, first, queue }) = call?;
    let first = first.unwrap_or(First::Agent);
    let call = CallOrder { number: Personal::new(number), agent, first, queue };
    order(&app, &bearer, key, Order::Call(call)).await
}
