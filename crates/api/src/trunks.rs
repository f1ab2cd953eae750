//! How trunks are now: registrations, gateways, calls in progress, the last failure.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::Time;
use serde::Serialize;

use crate::App;

/// Who knows the trunks.
pub trait Trunks: Send + Sync {
    /// All trunks, by name.
    fn trunks(&self) -> Vec<Trunk>;
}

/// Knows none.
impl Trunks for () {
    fn trunks(&self) -> Vec<Trunk> {
        Vec::new()
    }
}

/// A trunk now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Trunk {
    /// Its name in configuration.
    pub name: String,
    /// Our registration with its provider; `None` for a trunk that does not register.
    pub registration: Option<Registration>,
    /// Where calls of ours go, the preferred first.
    pub gateways: Vec<Gateway>,
    /// Calls in progress, in and out.
    pub calls: usize,
    /// The last thing that went wrong since the start.
    pub last_failure: Option<TrunkFailure>,
}

/// Our registration with a provider.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Registration {
    /// How it stands.
    pub state: RegistrationState,
    /// When it ends unless it is refreshed before; only of `registered`.
    pub until: Option<Time>,
    /// The status that refused it; only of `rejected`.
    pub status: Option<u16>,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum RegistrationState {
    /// The first answer is being waited for.
    Asking,
    /// The provider has our address.
    Registered,
    /// The provider refused.
    Rejected,
    /// The provider does not answer, or its name leads nowhere.
    Silent,
    /// We took it back.
    Removed,
}

/// Where a trunk's calls go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Gateway {
    /// As in configuration.
    pub uri: String,
    /// Addresses and ports that its name leads to.
    pub addresses: Vec<String>,
    /// How it does.
    pub state: GatewayState,
}

/// How a gateway does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum GatewayState {
    /// Calls go there.
    Up,
    /// A call failed there within the last 30 s: others are tried first.
    Resting,
    /// It does not answer OPTIONS: others are tried first.
    Silent,
    /// Its name leads nowhere.
    Unresolved,
}

/// Something that went wrong at a trunk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TrunkFailure {
    /// When.
    pub at: Time,
    /// At which gateway or registrar.
    pub place: String,
    /// `timeout`, `unreachable`, `no_answer_to_options`, `register_silent`, or a status such as `503`.
    pub what: String,
}

pub(crate) async fn list(State(app): State<App>) -> Response {
    Json(app.trunks.trunks()).into_response()
}
