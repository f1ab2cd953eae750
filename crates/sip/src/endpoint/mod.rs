//! Transactions, dialogs and sessions joined: what a telephone exchange says in SIP, without a socket.
//!
//! Feed it with what arrives and with the time, then drain [`Endpoint::poll_output`], then sleep until
//! [`Endpoint::poll_timeout`]. A session's life:
//!
//! ```text
//! inbound   Invited ─ admit, ring ─ accept ──► (ACK) Connected ── Changed, Digit … ──► Ended
//!              └── refuse, CANCEL, BYE ──────────────────────────────────────────────► Ended
//! outbound  dial ── Ringing ── (200) Connected ── Changed, Digit … ──────────────────► Ended
//!              └── hang_up (CANCEL), refusal, time-out ──────────────────────────────► Ended
//! ```
//!
//! Re-INVITE, UPDATE, OPTIONS, INFO and BYE inside a session are answered here; the user only hears what
//! came of it. `Ended` is said exactly once for each session.

mod answers;
mod branches;
mod check;
mod clients;
mod commands;
mod context;
mod destination;
mod receive;
mod reply;
mod responses;
mod servers;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod types;

use std::collections::BTreeMap;
use std::net::SocketAddr;

pub use types::{
    Answer, Destination, Dial, Ending, EndpointSettings, Event, Flow, Output, Patience, PingId, QueryId,
    Replaces, RequestId, SessionId, Transport,
};

use crate::{Malformed, Message, Moment, Random, parse_datagram};
use context::{Context, Due};
use servers::ServerKey;
use session::Session;
use sessions::Sessions;

/// The router: finds the session or the transaction that something is for. See the module's head.
pub struct Endpoint {
    cx: Context,
    sessions: Sessions,
    /// Requests that the user answers.
    requests: BTreeMap<RequestId, ServerKey>,
    draining: bool,
}

impl Endpoint {
    /// An endpoint without sessions. Seed `random` from the operating system: tags and branches are what
    /// keeps strangers out of dialogs.
    pub fn new(settings: EndpointSettings, random: Random) -> Endpoint {
        Endpoint {
            cx: Context::new(settings, random),
            sessions: Sessions::default(),
            requests: BTreeMap::new(),
            draining: false,
        }
    }

    /// A datagram arrived.
    pub fn handle_datagram(&mut self, now: Moment, flow: Flow, bytes: &[u8]) {
        match parse_datagram(bytes) {
            Ok(message) => self.handle_message(now, flow, message),
            Err(malformed) => self.handle_malformed(flow, malformed),
        }
    }

    /// A message arrived, for instance out of a [`Framer`](crate::Framer).
    pub fn handle_message(&mut self, now: Moment, flow: Flow, message: Message) {
        self.cx.now = now;
        match message {
            Message::Request(request) => self.handle_request(flow, request),
            Message::Response(response) => self.handle_response(response),
        }
    }

    /// Something arrived that is no message: a request among it is refused, the rest is dropped.
    pub fn handle_malformed(&mut self, flow: Flow, malformed: Malformed) {
        let answer = answers::bad_request(&malformed.to_string());
        if let Some(request) = malformed.request.filter(|request| reply::can_be_answered(request)) {
            let answer = Answer { status: malformed.fault.status(), ..answer };
            self.cx.reply_stateless(flow, &request, &answer);
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Moment) {
        self.cx.now = now;
        while let Some(due) = self.cx.schedule.pop_due(now) {
            match due {
                Due::Client(key) => self.client_timeout(&key),
                Due::Server(key) => self.cx.server_timeout(&key),
                Due::Session(id) => {
                    self.with(id, Session::handle_timeout);
                }
            }
        }
    }

    /// When [`Endpoint::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.cx.schedule.next()
    }

    /// The next thing to do. Drain after every other call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.cx.poll_output()
    }

    /// Where the peer of a session sends its requests from (or, before the first one, where ours went to).
    pub fn peer(&self, session: SessionId) -> Option<SocketAddr> {
        self.sessions.get(session).map(Session::peer)
    }

    /// How many sessions there are, those included whose end is said but whose BYE is still under way.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many transactions there are.
    pub fn transaction_count(&self) -> usize {
        self.cx.clients.len() + self.cx.servers.len()
    }

    fn insert(&mut self, session: Session) {
        self.cx.schedule.set(&Due::Session(session.id), session.poll_timeout());
        self.sessions.insert(session);
    }

    /// The one way to a session: has it do something, then waits for its next deadline, or forgets it when it is over.
    /// `None` when it is over already: an order of the user, or what came back for a request, crossed its end.
    fn with<R>(&mut self, id: SessionId, act: impl FnOnce(&mut Session, &mut Context) -> R) -> Option<R> {
        let session = self.sessions.get_mut(id)?;
        let done = act(session, &mut self.cx);
        self.cx.schedule.set(&Due::Session(id), session.poll_timeout());
        if session.is_over() {
            self.sessions.remove(id);
        }
        Some(done)
    }
}
