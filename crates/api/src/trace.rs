//! SIP messages that the center kept: as JSON, as a ladder for people, as a capture for other tools.

mod ladder;
mod pcap;

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{CenterEvent, ContactId, Number, Time};
use serde::{Deserialize, Serialize};
use store::Bearer;

use crate::App;
use crate::noting::note;
use crate::problem::Problem;
use crate::query::Asked;

/// Messages of an answer at most.
const MOST: usize = 10_000;
/// Messages of an answer to a question that names nothing.
const DEFAULT: usize = 100;

/// Where the messages come from.
pub trait Trace: Send + Sync {
    /// What is kept of these, oldest first, secrets masked.
    fn select(&self, query: &TraceQuery) -> Vec<TracedMessage>;
}

/// Keeps nothing.
impl Trace for () {
    fn select(&self, _query: &TraceQuery) -> Vec<TracedMessage> {
        Vec::new()
    }
}

/// Which messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TraceQuery {
    /// All of a contact: the customer's and those with agents.
    Contact(ContactId),
    /// All of calls whose From has this number.
    From(Number),
    /// The last N messages.
    Last(usize),
}

/// A SIP message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TracedMessage {
    /// When it came or went.
    pub at: Time,
    /// True when it came, false when we sent it.
    pub received: bool,
    /// `udp`, `tcp`, `tls`, `ws` or `wss`.
    pub transport: &'static str,
    /// Our address.
    pub local: SocketAddr,
    /// The other side's.
    pub peer: SocketAddr,
    /// Its Call-ID.
    pub sip_call_id: String,
    /// True when its end was cut off to save memory.
    pub cut: bool,
    /// The message; secrets are overwritten with `*`.
    pub text: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wanted {
    contact: Option<ContactId>,
    from: Option<Number>,
    last: Option<usize>,
    #[serde(default)]
    format: Format,
}

#[derive(Debug, Clone, Copy, Default, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Format {
    #[default]
    Json,
    Text,
    Pcap,
}

/// The messages for which all that is asked for holds, the last of them.
fn select(
    app: &App,
    contact: Option<ContactId>,
    from: Option<Number>,
    last: Option<usize>,
) -> Vec<TracedMessage> {
    let contact = contact.map(|contact| app.trace.select(&TraceQuery::Contact(contact)));
    let from = from.map(|number| app.trace.select(&TraceQuery::From(number)));
    let (mut messages, most) = match (contact, from) {
        (Some(mut of_contact), Some(from)) => {
            let calls: BTreeSet<&str> = from.iter().map(|message| message.sip_call_id.as_str()).collect();
            of_contact.retain(|message| calls.contains(message.sip_call_id.as_str()));
            (of_contact, MOST)
        }
        (Some(messages), None) | (None, Some(messages)) => (messages, MOST),
        (None, None) => (app.trace.select(&TraceQuery::Last(last.unwrap_or(DEFAULT))), DEFAULT),
    };
    let too_many = messages.len().saturating_sub(last.unwrap_or(most));
    messages.drain(..too_many);
    messages
}

/// The messages of a contact, of a caller or the last ones. Reading them is an event.
pub(crate) async fn show(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Asked(Wanted { contact, from, last, format }): Asked<Wanted>,
) -> Result<Response, Problem> {
    if last.is_some_and(|last| !(1..=MOST).contains(&last)) {
        return Err(Problem::invalid(format!("last is 1 to {MOST}"), format!("last 为 1 至 {MOST}")));
    }
    let messages = select(&app, contact, from.clone(), last);
    let number = from;
    let count = u64::try_from(messages.len()).unwrap_or(0);
    let read = CenterEvent::SipTraceRead { contact, number, messages: count };
    // Noted before the first byte leaves; what cannot be noted is not given out.
    note(&app, &bearer, read)?;
    let kind = |kind: &'static str| [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, "no-store")];
    Ok(match format {
        Format::Json => ([(header::CACHE_CONTROL, "no-store")], Json(messages)).into_response(),
        Format::Text => {
            (kind("text/plain; charset=utf-8"), ladder::print(&messages, &app.zone)).into_response()
        }
        Format::Pcap => (kind("application/vnd.tcpdump.pcap"), pcap::print(&messages)).into_response(),
    })
}
