//! The event log, by long poll and by WebSocket. Both resume from a sequence number.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::ws::rejection::WebSocketUpgradeRejection;
use axum::extract::ws::{CloseFrame, Message, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{Extension, State};
use axum::response::{IntoResponse, Response};
use model::Record;
use serde::Deserialize;
use store::Bearer;
use tokio::time::Instant;

use crate::App;
use crate::app::FOLLOWERS;
use crate::client::Client;
use crate::paging::limit;
use crate::places::{Full, Place};
use crate::problem::Problem;
use crate::query::Asked;
use crate::standing::Standing;
use crate::tickets::TicketSecret;

/// The longest wait of a poll, in seconds.
const LONGEST_WAIT_S: u64 = 60;
/// Records read at once for a stream.
const GROUP: u32 = 256;
/// How often a stream without news is pinged.
const PING_EVERY: Duration = Duration::from_secs(20);
/// Pings in a row that may stay unanswered; a client that has gone without a word answers none.
const UNANSWERED: u32 = 3;
/// How long a client may take to accept a message before it is given up.
const SLOWEST_CLIENT: Duration = Duration::from_secs(10);
/// The greatest message that a client may send: there is nothing for it to say.
const GREATEST_MESSAGE: usize = 4096;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Poll {
    #[serde(default)]
    after: u64,
    #[serde(default)]
    wait: u64,
    limit: Option<u32>,
}

/// The records after `after`, which is not beyond the newest; when there is none, waits up to `wait` seconds for the next.
pub(crate) async fn poll(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Extension(client): Extension<Client>,
    Asked(asked): Asked<Poll>,
) -> Result<Response, Problem> {
    let limit = limit(asked.limit)?;
    if asked.wait > LONGEST_WAIT_S {
        return Err(Problem::invalid(
            format!("wait is 0 to {LONGEST_WAIT_S} seconds, not {}", asked.wait),
            format!("wait 为 0 至 {LONGEST_WAIT_S} 秒"),
        ));
    }
    within_the_log(&app, asked.after).await?;
    let mut place = follower(&app, &client)?;
    let wait = Duration::from_secs(asked.wait);
    let records = tokio::select! {
        records = app.store.wait_journal(asked.after, limit, wait) => records?,
        () = app.closed() => Vec::new(),
        () = place.lost() => return Err(Problem::full(FOLLOWERS.what, Full::All)),
    };
    // The token may have been revoked while the poll waited.
    if asked.wait > 0 && !app.store.still_stands(&bearer).await? {
        return Err(Problem::no_token());
    }
    let records: Vec<&Record> = records.iter().map(AsRef::as_ref).collect();
    Ok(Json(records).into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    after: Option<u64>,
    /// Kinds of events, with commas between them; all without it.
    #[serde(default, rename = "type")]
    kinds: Option<String>,
    /// Events of this contact, queue or agent alone.
    contact: Option<String>,
    queue: Option<String>,
    agent: Option<String>,
    /// Read before, in place of a token.
    #[serde(default, rename = "ticket")]
    _ticket: Option<TicketSecret>,
}

/// The selection of records for a stream.
struct Filter {
    kinds: Vec<String>,
    fields: Vec<(&'static str, String)>,
}

impl From {
    fn filter(&self) -> Filter {
        let kinds = self.kinds.as_deref().unwrap_or_default().split(',').map(str::trim);
        let fields = [("contact", &self.contact), ("queue", &self.queue), ("agent", &self.agent)];
        Filter {
            kinds: kinds.filter(|kind| !kind.is_empty()).map(str::to_owned).collect(),
            fields: fields.into_iter().filter_map(|(name, wanted)| Some((name, wanted.clone()?))).collect(),
        }
    }
}

impl Filter {
    /// The record as it is sent, if it is one of those wanted.
    fn pass(&self, record: &Record) -> Option<String> {
        let text = serde_json::to_string(record).ok()?;
        if self.kinds.is_empty() && self.fields.is_empty() {
            return Some(text);
        }
        let event = serde_json::to_value(&record.event).ok()?;
        let has = |(name, wanted): &(&str, String)| event[*name].as_str() == Some(wanted);
        let is_kind = |kind: &String| event["type"].as_str() == Some(kind);
        let wanted = (self.kinds.is_empty() || self.kinds.iter().any(is_kind)) && self.fields.iter().all(has);
        wanted.then_some(text)
    }
}

/// A WebSocket on which each record is one text message; without `after`, from now on.
pub(crate) async fn stream(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Extension(client): Extension<Client>,
    Asked(from): Asked<From>,
    upgrade: Result<WebSocketUpgrade, WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let upgrade = upgrade.map_err(|_| Problem::no_web_socket())?;
    within_the_log(&app, from.after.unwrap_or(0)).await?;
    let place = follower(&app, &client)?;
    client.standing.streams();
    let after = from.after.unwrap_or_else(|| app.store.committed_seq());
    let filter = from.filter();
    Ok(upgrade
        .max_message_size(GREATEST_MESSAGE)
        .max_frame_size(GREATEST_MESSAGE)
        .on_upgrade(move |socket| follow(app, bearer, socket, (after, filter), place)))
}

/// Refuses a place beyond the newest entry: a client that waits there would wait in vain, and miss the entries before
/// it.
async fn within_the_log(app: &App, after: u64) -> Result<(), Problem> {
    // An entry is in the database first, and becomes known here after that.
    if after <= app.store.committed_seq() || after <= app.store.last_seq().await? {
        return Ok(());
    }
    Err(Problem::after_the_end(after, app.store.last_seq().await?, app.store.log_id().await?))
}

/// A place for a stream or poll, in the share of the client's address.
fn follower(app: &App, client: &Client) -> Result<Place, Problem> {
    let now = Instant::now();
    let standing = Arc::new(Standing::new(now, true));
    let place = app.followers().take(now, Some(client.address), standing);
    place.map_err(|full| Problem::full(FOLLOWERS.what, full))
}

async fn follow(
    app: App,
    bearer: Bearer,
    mut socket: WebSocket,
    (mut after, filter): (u64, Filter),
    mut place: Place,
) {
    const AGAIN: (u16, &str) = (close_code::AGAIN, "resume with ?after=");
    const REVOKED: (u16, &str) = (close_code::POLICY, "the token was revoked");
    const CROWDED: (u16, &str) = (close_code::AGAIN, "too many streams of this address; resume with ?after=");
    let mut unanswered = 0;
    let (code, reason) = loop {
        tokio::select! {
            records = app.store.wait_journal(after, GROUP, PING_EVERY) => {
                let Ok(records) = records else { break AGAIN };
                // A stream with a revoked token is closed, at the latest at the next ping.
                match app.store.still_stands(&bearer).await {
                    Ok(true) => {}
                    Ok(false) => break REVOKED,
                    Err(_) => break AGAIN,
                }
                unanswered = if records.is_empty() { unanswered + 1 } else { 0 };
                if unanswered > UNANSWERED {
                    return;
                }
                match tell(&mut socket, &records, &filter).await {
                    Some(()) => after = records.last().map_or(after, |record| record.seq),
                    None => return,
                }
            }
            heard = socket.recv() => match heard {
                // Messages of a client are ignored; pings are answered by the socket.
                Some(Ok(Message::Text(_) | Message::Binary(_) | Message::Ping(_) | Message::Pong(_))) => unanswered = 0,
                Some(Ok(Message::Close(_)) | Err(_)) | None => return,
            },
            () = place.lost() => break CROWDED,
            () = app.closed() => break (close_code::AWAY, "resume with ?after="),
        }
    };
    let goodbye = CloseFrame { code, reason: reason.into() };
    let _ = tokio::time::timeout(SLOWEST_CLIENT, socket.send(Message::Close(Some(goodbye)))).await;
}

/// Sends records, or a ping when there are none; `None` when the client is gone or too slow.
async fn tell(socket: &mut WebSocket, records: &[Arc<Record>], filter: &Filter) -> Option<()> {
    if records.is_empty() {
        return accepted(socket, Message::Ping(Default::default())).await;
    }
    for record in records {
        if let Some(text) = filter.pass(record) {
            accepted(socket, Message::Text(text.into())).await?;
        }
    }
    Some(())
}

async fn accepted(socket: &mut WebSocket, message: Message) -> Option<()> {
    tokio::time::timeout(SLOWEST_CLIENT, socket.send(message)).await.ok()?.ok()
}
