//! Is the process alive, and can it take calls?
//!
//! Each part of the center registers a named check ([`Readiness::register`]). A request to `/readyz` runs all checks
//! at once. The path needs no token, so the findings are kept for half a second: more frequent requests get the same
//! answer and cost nothing.

use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Serialize;
use serde_json::json;
use tokio::time::Instant;

use crate::App;
use crate::because::Because;

/// How long a check may take; afterwards its part counts as not ready.
pub const ANSWERED_WITHIN: Duration = Duration::from_secs(2);
/// How long the findings are answered again without a new check.
const FRESH: Duration = Duration::from_millis(500);

/// The finding of a check.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Condition {
    /// It works.
    Ready,
    /// It works, and a person should look at it.
    Warning(Because),
    /// It does not work: the center should get no new calls.
    NotReady(Because),
}

/// A check in progress.
pub type Checking = Pin<Box<dyn Future<Output = Condition> + Send>>;
type Check = Arc<dyn Fn() -> Checking + Send + Sync>;

/// The checks of all parts. Clones share them. Not ready until [`Readiness::started`].
#[derive(Clone, Default)]
pub struct Readiness {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    started: AtomicBool,
    draining: AtomicBool,
    checks: Mutex<Vec<(String, Check)>>,
    /// The findings. A request that checks holds this lock, and the others wait for its findings.
    found: tokio::sync::Mutex<Option<(Instant, Vec<Line>)>>,
}

/// One check in the answer.
#[derive(Debug, Clone, Serialize)]
struct Line {
    name: String,
    state: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_en: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason_zh: Option<String>,
}

impl Readiness {
    /// Adds a check. `name` is one or two words in `snake_case`, the same in every run.
    pub fn register<Found>(&self, name: impl Into<String>, check: impl Fn() -> Found + Send + Sync + 'static)
    where
        Found: Future<Output = Condition> + Send + 'static,
    {
        let check: Check = Arc::new(move || Box::pin(check()));
        self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner).push((name.into(), check));
    }

    /// Everything runs.
    pub fn started(&self) {
        self.shared.started.store(true, Ordering::Release);
    }

    /// No new calls are taken from now on.
    pub fn drains(&self) {
        self.shared.draining.store(true, Ordering::Release);
    }

    async fn lines(&self) -> Vec<Line> {
        let mut lines = Vec::new();
        if !self.shared.started.load(Ordering::Acquire) {
            // Not all parts are there to be asked.
            let reason = Because::new("the center is starting", "系统正在启动");
            return vec![Line::new("start".to_owned(), Condition::NotReady(reason))];
        }
        if self.shared.draining.load(Ordering::Acquire) {
            let reason =
                Because::new("the center is stopping and takes no new calls", "系统正在停止，不再接新来电");
            lines.push(Line::new("draining".to_owned(), Condition::NotReady(reason)));
        }
        let mut found = self.shared.found.lock().await;
        if found.as_ref().is_none_or(|(at, _)| at.elapsed() >= FRESH) {
            let checked = self.check().await;
            *found = Some((Instant::now(), checked));
        }
        lines.extend(found.iter().flat_map(|(_, checked)| checked.iter().cloned()));
        lines
    }

    /// Runs all checks beside each other.
    async fn check(&self) -> Vec<Line> {
        let checks = self.shared.checks.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let running: Vec<_> = checks
            .into_iter()
            .map(|(name, check)| (name, tokio::spawn(tokio::time::timeout(ANSWERED_WITHIN, check()))))
            .collect();
        let mut lines = Vec::with_capacity(running.len());
        for (name, running) in running {
            let condition = match running.await {
                Ok(Ok(condition)) => condition,
                Ok(Err(_)) => {
                    let seconds = ANSWERED_WITHIN.as_secs();
                    let (en, zh) =
                        (format!("no answer within {seconds} s"), format!("{seconds} 秒内没有回应"));
                    Condition::NotReady(Because { en, zh })
                }
                Err(_) => Condition::NotReady(Because::new("its check failed", "检查未能完成")),
            };
            lines.push(Line::new(name, condition));
        }
        lines
    }
}

impl Line {
    fn new(name: String, condition: Condition) -> Line {
        let (state, reason) = match condition {
            Condition::Ready => ("ready", None),
            Condition::Warning(reason) => ("warning", Some(reason)),
            Condition::NotReady(reason) => ("not_ready", Some(reason)),
        };
        let (reason_en, reason_zh) = reason.map(|Because { en, zh }| (en, zh)).unzip();
        Line { name, state, reason_en, reason_zh }
    }
}

pub(crate) async fn healthz() -> Response {
    Json(json!({ "alive": true })).into_response()
}

pub(crate) async fn readyz(State(app): State<App>) -> Response {
    let checks = app.readiness.lines().await;
    let named =
        |state| checks.iter().filter(|line| line.state == state).map(|line| &line.name).collect::<Vec<_>>();
    let (not_ready, warnings) = (named("not_ready"), named("warning"));
    let status = if not_ready.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let answer = json!({
        "ready": not_ready.is_empty(), "not_ready": not_ready, "warnings": warnings, "checks": checks,
    });
    (status, Json(answer)).into_response()
}
