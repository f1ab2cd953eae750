//! Calls that move: hold, consult, transfer, park and pick up.

use std::time::Duration;

use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{
    AgentId, ContactId, Done, MoveEnd, MoveOrder, MoveTo, Number, Order, Personal, QueueName, Refusal, Slot,
};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Bearer;

use crate::App;
use crate::agents::{AT_ONCE, send_within};
use crate::once::Key;
use crate::problem::Problem;
use crate::query::Named;
use crate::supervision::Seat;

/// An extension may have many members, each of whom rings. Less than the longest answer of a connection.
const TRANSFER_TO_EXTENSION: Duration = Duration::from_secs(580);

/// A transfer is answered when it is known how it ended: the target rings for 30 s, and so does the agent's own phone when
/// the customer comes back.
const TRANSFER: Duration = Duration::from_secs(70);

/// To whom: one of them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    agent: Option<AgentId>,
    queue: Option<QueueName>,
    node: Option<String>,
    number: Option<Number>,
    extension: Option<Number>,
}

impl Wanted {
    fn target(self) -> Result<MoveTo, Problem> {
        let Wanted { agent, queue, node, number, extension } = self;
        let outside = number.map(|number| MoveTo::Outside(Personal::new(number)));
        let named = [
            agent.map(MoveTo::Agent),
            queue.map(MoveTo::Queue),
            node.map(MoveTo::Node),
            outside,
            extension.map(MoveTo::Extension),
        ];
        let mut named = named.into_iter().flatten();
        match (named.next(), named.next()) {
            (Some(target), None) => Ok(target),
            (_, _) => Err(Problem::invalid(
                "name one of agent, queue, node, number and extension",
                "请在 agent、queue、node、number、extension 中指定一个",
            )),
        }
    }
}

/// How a transfer ended.
#[derive(Serialize)]
struct Moved {
    outcome: &'static str,
    reason: Option<Refusal>,
}

impl From<MoveEnd> for Moved {
    fn from(end: MoveEnd) -> Moved {
        let (outcome, reason) = match end {
            MoveEnd::Done => ("done", None),
            MoveEnd::Returned(reason) => ("returned", Some(reason)),
            MoveEnd::Requeued(reason) => ("requeued", Some(reason)),
            MoveEnd::CustomerGone => ("customer_gone", None),
        };
        Moved { outcome, reason }
    }
}

fn answer(done: Done) -> Response {
    match done {
        Done::Moved(end) => Json(Moved::from(end)).into_response(),
        Done::Parked(slot) => Json(json!({ "slot": slot })).into_response(),
        Done::Placed(contact) => (StatusCode::CREATED, Json(json!({ "contact": contact }))).into_response(),
        Done::Obeyed | Done::Secret(_) => StatusCode::NO_CONTENT.into_response(),
    }
}

pub(crate) async fn order(app: &App, bearer: &Bearer, key: Key, order: Order) -> Result<Response, Problem> {
    let patience = match &order {
        Order::Move(_, MoveOrder::Transfer(MoveTo::Extension(_)) | MoveOrder::Complete) => {
            TRANSFER_TO_EXTENSION
        }
        Order::Move(_, MoveOrder::Transfer(_)) => TRANSFER,
        Order::Move(..)
        | Order::PickUp { .. }
        | Order::Call(_)
        | Order::Agent(..)
        | Order::Recording(..)
        | Order::SecureInput(..)
        | Order::Supervision(_)
        | Order::Parties(..) => AT_ONCE,
    };
    let sent = send_within(app, bearer, order, patience);
    app.once().carry_out(&bearer.name, key, sent).await.map(answer)
}

/// A handler for each order; one with a target reads it from the body.
macro_rules! moves {
    ($($name:ident: $order:ident $(($to:ident))?),*) => {
        $(pub(crate) async fn $name(
            State(app): State<App>,
            Extension(bearer): Extension<Bearer>,
            Named(contact): Named<ContactId>,
            key: Key,
            $($to: Result<Json<Wanted>, JsonRejection>,)?
        ) -> Result<Response, Problem> {
            order(&app, &bearer, key, Order::Move(contact, MoveOrder::$order $(($to?.0.target()?))?)).await
        })*
    };
}

moves!(
    hold: Hold, retrieve: Retrieve, swap: Swap, join: Join, complete: Complete, go_back: Return, park: Park,
    consult: Consult(to), transfer: Transfer(to)
);

pub(crate) async fn pick_up(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(slot): Named<u16>,
    key: Key,
    seat: Result<Json<Seat>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(Seat { seat }) = seat?;
    order(&app, &bearer, key, Order::PickUp { slot: Slot(slot), seat }).await
}
