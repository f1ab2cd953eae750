//! Is the process alive, and can it take calls?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::App;

/// Which parts are ready. All are not, at first. Clones share the flags.
#[derive(Debug, Clone, Default)]
pub struct Readiness {
    flags: Arc<[AtomicBool; 3]>,
}

const PARTS: [&str; 3] = ["sip", "media", "store"];

impl Readiness {
    /// Says whether the SIP sockets are open.
    pub fn sip(&self, ready: bool) {
        self.flags[0].store(ready, Ordering::Release);
    }

    /// Says whether the media threads run.
    pub fn media(&self, ready: bool) {
        self.flags[1].store(ready, Ordering::Release);
    }

    /// Says whether the journal follows.
    pub fn store(&self, ready: bool) {
        self.flags[2].store(ready, Ordering::Release);
    }

    fn missing(&self) -> Vec<&'static str> {
        let parts = PARTS.into_iter().zip(self.flags.iter());
        parts.filter(|(_, flag)| !flag.load(Ordering::Acquire)).map(|(name, _)| name).collect()
    }
}

pub(crate) async fn healthz() -> Response {
    Json(json!({ "alive": true })).into_response()
}

pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let missing = app.readiness.missing();
    let status = if missing.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": missing.is_empty(), "not_ready": missing }))).into_response()
}
