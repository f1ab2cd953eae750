//! Tokens.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use model::AgentId;
use serde::Deserialize;
use serde_json::json;
use store::Role;

use crate::App;
use crate::problem::Problem;
use crate::query::Named;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    name: String,
    role: Role,
    agent: Option<AgentId>,
}

pub(crate) async fn list(State(app): State<App>) -> Result<Response, Problem> {
    Ok(Json(app.store.tokens().await?).into_response())
}

pub(crate) async fn create(
    State(app): State<App>,
    wanted: Result<Json<Wanted>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(wanted) = wanted?;
    if !is_name(&wanted.name) {
        return Err(Problem::invalid(
            "a token's name is 1 to 64 letters, digits, '-', '_' or '.'",
            "令牌名为 1 至 64 个字母、数字或 - _ .",
        ));
    }
    let fits = match wanted.role {
        Role::Agent => wanted.agent.is_some(),
        // Whose queues a supervisor leads, where that decides what is heard.
        Role::Supervisor => true,
        Role::Admin | Role::Qa | Role::Payment | Role::Viewer => wanted.agent.is_none(),
    };
    if !fits {
        return Err(Problem::invalid(
            "a token of the role agent names its agent, one of the role supervisor may, no other does",
            "agent 角色的令牌须指定座席，supervisor 可指定，其他角色不可",
        ));
    }
    let secret = app.store.create_token(&wanted.name, wanted.role, wanted.agent, (app.now)()).await?;
    let body = json!({ "name": wanted.name, "role": wanted.role, "token": secret });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}

pub(crate) async fn revoke(
    State(app): State<App>,
    Named(name): Named<String>,
) -> Result<StatusCode, Problem> {
    if app.store.revoke_token(&name, (app.now)()).await? {
        Ok(StatusCode::NO_CONTENT)
    } else {
        Err(Problem::not_found())
    }
}

fn is_name(name: &str) -> bool {
    (1..=64).contains(&name.len())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}
