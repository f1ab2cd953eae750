//! REST, event streams and metrics over HTTP.
//!
//! All routes, with who may use them, are in one table ([`mod@routes`]); the router, the check of tokens
//! and the OpenAPI document are made from it.

mod agents;
mod app;
mod audio;
mod because;
mod calls;
mod client;
mod configuration;
mod connection;
mod contacts;
mod directory;
mod document;
mod events;
mod guard;
mod health;
mod hearing;
mod language;
mod listening;
mod metrics;
mod moves;
mod noting;
mod once;
mod paging;
mod pausing;
mod places;
mod problem;
mod query;
mod recordings;
mod retention;
mod route;
mod routes;
mod samples;
mod secure;
mod sockets;
mod standing;
mod supervision;
mod tickets;
mod tokens;
mod trace;
mod trunks;
mod welcome;
mod wire;
mod wrong;

pub use app::{Answer, App, AppParts, Commands, Settings};
pub use because::{Because, Fault};
pub use configuration::{Configuration, Reloaded, Reloading};
pub use health::{ANSWERED_WITHIN, Checking, Condition, Readiness};
pub use hearing::Hearing;
pub use metrics::{Kind, Metrics, Sample};
pub use routes::router;
pub use samples::fault as sample_fault;
pub use sockets::{Opened, Origins, Sockets, Vouch};
pub use trace::{Trace, TraceQuery, TracedMessage};
pub use trunks::{Gateway, GatewayState, Registration, RegistrationState, Trunk, TrunkFailure, Trunks};

use std::future::Future;
use std::io;
use std::time::Duration;

use tokio::net::TcpListener;

/// How long requests may go on after the shutdown began.
const GOODBYE: Duration = Duration::from_secs(1);

/// How the connections of a listener are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listening {
    /// In the clear.
    Plain,
    /// Encrypted, by the certificate in the settings of the moment.
    Secure,
}

/// Serves until `shutdown` completes, then lets running requests end for at most 1 s.
///
/// # Errors
///
/// When the listener's socket fails for good.
pub async fn serve(
    (listener, listening): (TcpListener, Listening),
    app: App,
    shutdown: impl Future<Output = ()> + Send + 'static,
) -> io::Result<()> {
    let closing = app.clone();
    let ended = async move {
        shutdown.await;
        closing.close();
    };
    let deadline = app.clone();
    let is_secure = listening == Listening::Secure;
    let service = router(app).into_make_service_with_connect_info::<connection::Peer>();
    let server = axum::serve(connection::Guarded::new(listener, is_secure, deadline.clone()), service)
        .with_graceful_shutdown(ended);
    tokio::select! {
        served = server => served,
        () = async { deadline.closed().await; tokio::time::sleep(GOODBYE).await } => Ok(()),
    }
}
