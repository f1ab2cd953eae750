//! The present agents and queues.

use std::time::Duration;

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{Actor, AgentId, AgentOrder, Done, Order, Scope};
use store::{Bearer, Role};

use crate::App;
use crate::problem::Problem;
use crate::query::Named;

pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    Ok(Json(app.store.agents(&app.settings().agents).await?).into_response())
}

pub(crate) async fn queues(State(app): State<App>) -> Result<Response, Problem> {
    let queues = app.store.queues(&app.settings().queues, app.day_began(), (app.now)()).await?;
    Ok(Json(queues).into_response())
}

pub(crate) async fn ready(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(agent): Named<AgentId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::Agent(agent, AgentOrder::Ready)).await
}

pub(crate) async fn take_break(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(agent): Named<AgentId>,
) -> Result<StatusCode, Problem> {
    obeyed(&app, &bearer, Order::Agent(agent, AgentOrder::Break)).await
}

/// Sends an order whose answer says only that it was obeyed.
pub(crate) async fn obeyed(app: &App, bearer: &Bearer, order: Order) -> Result<StatusCode, Problem> {
    send(app, bearer, order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends an order in the name of the token's bearer.
pub(crate) async fn send(app: &App, bearer: &Bearer, order: Order) -> Result<Done, Problem> {
    send_as(app, Actor::Token(bearer.name.clone()), scope(bearer)?, order).await
}

/// Sends an order in the name of the token's bearer, whose answer may take this long.
pub(crate) async fn send_within(
    app: &App,
    bearer: &Bearer,
    order: Order,
    patience: Duration,
) -> Result<Done, Problem> {
    wait_for(app, Actor::Token(bearer.name.clone()), scope(bearer)?, order, patience).await
}

/// How long an answer that is given at once may take: a center that needs longer is busy.
pub(crate) const AT_ONCE: Duration = Duration::from_secs(3);

/// Sends an order in somebody's name, whose answer is given at once.
pub(crate) async fn send_as(app: &App, by: Actor, scope: Scope, order: Order) -> Result<Done, Problem> {
    wait_for(app, by, scope, order, AT_ONCE).await
}

async fn wait_for(
    app: &App,
    by: Actor,
    scope: Scope,
    order: Order,
    patience: Duration,
) -> Result<Done, Problem> {
    let sent = app.commands.send(by, scope, order);
    match tokio::time::timeout(patience, sent).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Problem::unavailable("the center does not answer", "系统没有响应")),
    }
}

/// An agent's token commands about that agent, and about what that agent talks in.
fn scope(bearer: &Bearer) -> Result<Scope, Problem> {
    match (bearer.role, &bearer.agent) {
        (Role::Agent, None) => Err(Problem::forbidden()),
        (Role::Agent, Some(agent)) => Ok(Scope::Agent(agent.clone())),
        (Role::Admin | Role::Supervisor | Role::Qa | Role::Payment | Role::Viewer, _) => Ok(Scope::All),
    }
}
