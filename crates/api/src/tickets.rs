//! Tickets, with which a page in a browser opens a stream or plays a recording.
//!
//! A page cannot put a token into the header of a WebSocket or of an `<audio>` element, and a token in an address
//! would end up in logs and histories. So a program with a token asks for a ticket for one path. The ticket replaces
//! the token for this path and for a short time: once and within a minute for the event stream; for ten minutes for a
//! recording, which a player fetches in many ranges.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::RecordingId;
use serde::Deserialize;
use serde_json::json;
use store::Bearer;

use crate::App;
use crate::hearing;
use crate::problem::Problem;
use crate::query::Named;

/// The path of the event stream.
pub(crate) const STREAM: &str = "/api/v1/events/stream";
/// How long a ticket for the event stream waits for its one use.
const STREAM_LIFETIME: Duration = Duration::from_secs(60);
/// How long a recording may be played with one.
const AUDIO_LIFETIME: Duration = Duration::from_secs(600);
/// Tickets that are remembered; when there are as many, no more are made until some have expired.
const MOST: usize = 10_000;

/// The tickets that were made. Shared by all requests.
#[derive(Debug, Default)]
pub(crate) struct Tickets {
    made: Mutex<BTreeMap<String, Ticket>>,
}

#[derive(Debug)]
struct Ticket {
    bearer: Bearer,
    path: String,
    until: Instant,
    is_for_once: bool,
}

impl Tickets {
    /// A new ticket; `None` when there are too many, or no random numbers.
    fn make(&self, now: Instant, bearer: Bearer, path: &str, lifetime: Duration) -> Option<String> {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).ok()?;
        let secret: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        made.retain(|_, ticket| ticket.until > now);
        if made.len() >= MOST {
            return None;
        }
        let ticket =
            Ticket { bearer, path: path.to_owned(), until: now + lifetime, is_for_once: path == STREAM };
        made.insert(secret.clone(), ticket);
        Some(secret)
    }

    /// Whose token a ticket stands for, at this path.
    pub(crate) fn redeem(&self, now: Instant, secret: &str, path: &str) -> Option<Bearer> {
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let ticket = made.get(secret).filter(|ticket| ticket.until > now && ticket.path == path)?;
        let (bearer, is_for_once) = (ticket.bearer.clone(), ticket.is_for_once);
        if is_for_once {
            made.remove(secret);
        }
        Some(bearer)
    }
}

/// The ticket in a query.
pub(crate) fn in_query(query: Option<&str>) -> Option<&str> {
    query?.split('&').find_map(|pair| pair.strip_prefix("ticket=")).filter(|secret| is_secret(secret))
}

fn is_secret(text: &str) -> bool {
    text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

/// A ticket in a query that was looked at before the query was read.
#[derive(Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct TicketSecret;

impl TryFrom<String> for TicketSecret {
    type Error = &'static str;

    fn try_from(text: String) -> Result<TicketSecret, &'static str> {
        if is_secret(&text) { Ok(TicketSecret) } else { Err("a ticket is 32 digits 0-9 and a-f") }
    }
}

pub(crate) async fn for_stream(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
) -> Result<Response, Problem> {
    answer(&app, bearer, STREAM, STREAM_LIFETIME)
}

pub(crate) async fn for_audio(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(id): Named<RecordingId>,
) -> Result<Response, Problem> {
    let recording = app.store.recording(id).await?.ok_or_else(Problem::not_found)?;
    hearing::check(&app, &bearer, &recording).await?;
    answer(&app, bearer, &format!("/api/v1/recordings/{id}/audio"), AUDIO_LIFETIME)
}

fn answer(app: &App, bearer: Bearer, path: &str, lifetime: Duration) -> Result<Response, Problem> {
    let made = app.tickets().make(Instant::now(), bearer, path, lifetime);
    let ticket = made.ok_or_else(Problem::too_many)?;
    let body = json!({ "url": format!("{path}?ticket={ticket}"), "expires_s": lifetime.as_secs() });
    Ok((StatusCode::CREATED, Json(body)).into_response())
}
