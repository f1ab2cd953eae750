//! Agents and queues, now.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{Actor, AgentId, AgentOrder, Done};
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
    command(&app, bearer, &agent, AgentOrder::Ready { agent: agent.clone() }).await
}

pub(crate) async fn take_break(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(agent): Named<AgentId>,
) -> Result<StatusCode, Problem> {
    command(&app, bearer, &agent, AgentOrder::Break { agent: agent.clone() }).await
}

async fn command(
    app: &App,
    bearer: Bearer,
    agent: &AgentId,
    order: AgentOrder,
) -> Result<StatusCode, Problem> {
    // An agent's token moves that agent and no other.
    if bearer.role == Role::Agent && bearer.agent.as_ref() != Some(agent) {
        return Err(Problem::forbidden());
    }
    obeyed(app, bearer, order).await
}

/// Sends an order whose answer says only that it was obeyed.
pub(crate) async fn obeyed(app: &App, bearer: Bearer, order: AgentOrder) -> Result<StatusCode, Problem> {
    send(app, bearer, order).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Sends an order in the name of the token's bearer.
pub(crate) async fn send(app: &App, bearer: Bearer, order: AgentOrder) -> Result<Done, Problem> {
    send_as(app, Actor::Token(bearer.name), order).await
}

/// Sends an order in somebody's name; a center that does not answer in 3 s is busy.
pub(crate) async fn send_as(app: &App, by: Actor, order: AgentOrder) -> Result<Done, Problem> {
    const PATIENCE: std::time::Duration = std::time::Duration::from_secs(3);
    let sent = app.commands.send(by, order);
    match tokio::time::timeout(PATIENCE, sent).await {
        Ok(answer) => Ok(answer?),
        Err(_) => Err(Problem::unavailable("the center does not answer", "系统没有响应")),
    }
}
