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

mod alive;
mod change;
mod check;
mod inbound;
mod outbound;
mod receive;
mod redirect;
mod reliable;
mod reply;
mod session;
#[cfg(test)]
mod tests;
mod timer;
mod transactions;
mod types;

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

pub use alive::Patience;
pub use types::{
    Answer, Destination, Dial, Ending, EndpointSettings, Event, Flow, Output, PingId, RequestId, SessionId,
    Transport,
};

use crate::schedule::Schedule;
use crate::{Malformed, Message, Moment, Random, parse_datagram};
use session::Session;
use transactions::{ClientKey, ClientSlot, ServerKey, ServerSlot};

/// The machine. See the module's head.
pub struct Endpoint {
    settings: EndpointSettings,
    patience: Patience,
    random: Random,
    /// Makes the To tags of answers that keep no state.
    tag_key: [u8; 32],
    draining: bool,
    out: VecDeque<Output>,
    clients: BTreeMap<ClientKey, ClientSlot>,
    servers: BTreeMap<ServerKey, ServerSlot>,
    /// Requests outside dialogs that are in work, to find merged copies (RFC 3261 section 8.2.2.2).
    merges: BTreeMap<MergeKey, ServerKey>,
    requests: BTreeMap<RequestId, ServerKey>,
    sessions: BTreeMap<SessionId, Session>,
    /// Sessions by Call-ID and our tag.
    dialogs: BTreeMap<(String, String), SessionId>,
    schedule: Schedule<Due>,
    last_id: u64,
}

/// Call-ID, From tag with the sender's address, CSeq number and method.
type MergeKey = (String, String, u32, String);

/// Whose timer it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Due {
    Client(ClientKey),
    Server(ServerKey),
    Session(SessionId),
}

impl Endpoint {
    /// An endpoint without sessions. Seed `random` from the operating system: tags and branches are what
    /// keeps strangers out of dialogs.
    pub fn new(settings: EndpointSettings, mut random: Random) -> Endpoint {
        let mut tag_key = [0; 32];
        random.fill(&mut tag_key);
        Endpoint {
            settings,
            patience: Patience::default(),
            random,
            tag_key,
            draining: false,
            out: VecDeque::new(),
            clients: BTreeMap::new(),
            servers: BTreeMap::new(),
            merges: BTreeMap::new(),
            requests: BTreeMap::new(),
            sessions: BTreeMap::new(),
            dialogs: BTreeMap::new(),
            schedule: Schedule::new(),
            last_id: 0,
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
        match message {
            Message::Request(request) => self.handle_request(now, flow, request),
            Message::Response(response) => self.handle_response(now, response),
        }
    }

    /// Something arrived that is no message: a request among it is refused, the rest is dropped.
    pub fn handle_malformed(&mut self, flow: Flow, malformed: Malformed) {
        let answer = check::bad_request(&malformed.to_string());
        if let Some(request) = malformed.request {
            let answer = Answer { status: malformed.fault.status(), ..answer };
            self.reply_stateless(flow, &request, &answer);
        }
    }

    /// Time passed.
    pub fn handle_timeout(&mut self, now: Moment) {
        while let Some(due) = self.schedule.pop_due(now) {
            match due {
                Due::Client(key) => self.client_timeout(now, &key),
                Due::Server(key) => self.server_timeout(now, &key),
                Due::Session(id) => self.session_timeout(now, id),
            }
        }
    }

    /// When [`Endpoint::handle_timeout`] is wanted next.
    pub fn poll_timeout(&self) -> Option<Moment> {
        self.schedule.next()
    }

    /// The next thing to do. Drain after every other call.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// While draining, OPTIONS outside dialogs is answered 503 with Retry-After, so that balancers stop sending.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// Where the peer of a session sends its requests from (or, before the first one, where ours went to).
    pub fn peer(&self, session: SessionId) -> Option<SocketAddr> {
        self.sessions.get(&session).map(|session| session.peer.address)
    }

    /// How many sessions there are, those included whose end is said but whose BYE is still under way.
    pub fn session_count(&self) -> usize {
        self.sessions.len()
    }

    /// How many transactions there are.
    pub fn transaction_count(&self) -> usize {
        self.clients.len() + self.servers.len()
    }

    fn new_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }

    fn event(&mut self, event: Event) {
        self.out.push_back(Output::Event(event));
    }

    fn send(&mut self, destination: Destination, bytes: Vec<u8>) {
        self.out.push_back(Output::Send { destination, bytes });
    }

    /// Says that a session is over, once. It may live on in silence until its last message is through.
    fn say_ended(&mut self, id: SessionId, why: Ending) {
        let Some(session) = self.sessions.get_mut(&id).filter(|session| !session.quiet) else { return };
        session.quiet = true;
        self.event(Event::Ended { session: id, why });
    }

    /// Says that a session is over and forgets it.
    fn finish(&mut self, id: SessionId, why: Ending) {
        self.say_ended(id, why);
        if let Some(session) = self.sessions.remove(&id) {
            self.dialogs.remove(&(session.call_id, session.local_tag));
        }
        self.schedule.set(&Due::Session(id), None);
    }

    /// Puts the session's next deadline into the schedule; call after each change of it.
    fn reschedule(&mut self, id: SessionId) {
        let deadline = self.sessions.get(&id).and_then(Session::poll_timeout);
        self.schedule.set(&Due::Session(id), deadline);
    }
}
