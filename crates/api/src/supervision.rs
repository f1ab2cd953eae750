//! Supervisors in conversations, and colleagues whom agents ask in.

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::{Extension, Json};
use model::{AgentId, ContactId, Order, PartyOrder, Supervision, SupervisionOrder, Watched};
use serde::Deserialize;
use store::Bearer;

use crate::App;
use crate::agents::obeyed;
use crate::problem::Problem;
use crate::query::Named;

/// What a shift leader asks for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    seat: AgentId,
    mode: Supervision,
    agent: Option<AgentId>,
    contact: Option<ContactId>,
}

/// Whose seat rings.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Seat {
    pub(crate) seat: AgentId,
}

/// Begins to supervise, or changes the mode.
pub(crate) async fn supervise(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Wanted { seat, mode, agent, contact }) = wanted?;
    let watched = match (agent, contact) {
        (Some(agent), None) => Watched::Agent(agent),
        (None, Some(contact)) => Watched::Contact(contact),
        (Some(_), Some(_)) | (None, None) => {
            return Err(Problem::invalid("name either an agent or a contact", "请指定座席或联系二者之一"));
        }
    };
    let order = SupervisionOrder::Start { watched, seat, how: mode };
    obeyed(&app, &bearer, Order::Supervision(order)).await
}

pub(crate) async fn end(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(seat): Named<AgentId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::Supervision(SupervisionOrder::End { seat })).await
}

pub(crate) async fn add_party(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
    seat: Result<Json<Seat>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Seat { seat }) = seat?;
    obeyed(&app, &bearer, Order::Parties(contact, PartyOrder::Add { seat })).await
}

pub(crate) async fn remove_party(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
    seat: Result<Json<Seat>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(Seat { seat }) = seat?;
    obeyed(&app, &bearer, Order::Parties(contact, PartyOrder::Remove { seat })).await
}

/// The agent leaves the conversation; the customer stays with the others.
pub(crate) async fn leave(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(contact): Named<ContactId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::Parties(contact, PartyOrder::Leave)).await
}
