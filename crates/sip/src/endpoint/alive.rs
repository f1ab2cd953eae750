//! Whether a peer still lives: the session refresh of RFC 4028, OPTIONS inside a dialog, OPTIONS to a contact.
//!
//! ```text
//! Talking ── ask, or the refresh is due ──► asked ── any answer that shows the dialog, any request of the peer ──► Talking
//!                                             └── no answer in time, or an answer that ends the dialog ──► BYE, Ended
//! ```

use std::time::Duration;

use super::inbound::contact_by;
use super::session::{Change, Refresh, Stage};
use super::timer::{agreed_refresh, ask_refresh, least_interval};
use super::transactions::Owner;
use super::{Destination, Ending, Endpoint, Event, PingId, SessionId};
use crate::{Headers, Host, Method, Moment, Request, Response, Status};

/// How long a peer may take to answer the question whether it lives.
pub(super) const ANSWER_FOR: Duration = Duration::from_secs(16);
/// How long a contact may take to answer OPTIONS.
const PING_FOR: Duration = Duration::from_secs(8);

/// How long peers may be silent in signalling.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Patience {
    /// Seconds, 90 or more, after which a session that nobody refreshed is over; we refresh it after half of that
    /// (RFC 4028). `None`: only where a peer asks for it.
    pub session_interval: Option<u32>,
    /// How long an outbound call may go without any answer, 100 among them; then it ends as `TimedOut`. `None`: 32 s,
    /// as long as the INVITE is tried (RFC 3261 section 17.1.1.2).
    pub provisional: Option<Duration>,
}

impl Endpoint {
    /// With these instead of the RFCs' own.
    pub fn with_patience(self, patience: Patience) -> Endpoint {
        Endpoint { patience, ..self }
    }

    /// With these from now on: for sessions that begin, and for the next refresh of those that stand.
    pub fn set_patience(&mut self, patience: Patience) {
        self.patience = patience;
    }

    /// Asks the peer of a session that stands whether it lives: by a session refresh where a session timer is on, else
    /// by OPTIONS. Without an answer within 16 s, or with one that says that there is no such call, the session ends as
    /// `TimedOut`. Does nothing while the last question is open, or while our answer or a BYE is on its way, which end
    /// the session by themselves.
    pub fn ask(&mut self, now: Moment, id: SessionId) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        if talking.asked.is_some() || talking.unacked.is_some() || talking.closing.is_some() {
            return;
        }
        talking.asked = Some(now + ANSWER_FOR);
        match (talking.refresh, talking.change) {
            (Refresh::Theirs { .. } | Refresh::Ours { .. }, Change::None) => self.send_refresh(now, id),
            (Refresh::Off, _)
            | (Refresh::Theirs { .. } | Refresh::Ours { .. }, Change::Pending | Change::Retry { .. }) => {
                self.send_question(now, id, Method::Options);
            }
        }
        self.reschedule(id);
    }

    /// Refreshes a session: by UPDATE where the peer takes it, for that needs no description; else by re-INVITE.
    pub(super) fn send_refresh(&mut self, now: Moment, id: SessionId) {
        let Some(Stage::Talking(talking)) = self.sessions.get(&id).map(|session| &session.stage) else {
            return;
        };
        if talking.takes_update {
            self.send_question(now, id, Method::Update);
        } else {
            self.send_reinvite(now, id);
        }
    }

    fn send_question(&mut self, now: Moment, id: SessionId, method: Method) {
        let contact = self.contact(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Stage::Talking(talking) = &mut session.stage else { return };
        let mut request = talking.dialog.request(method);
        if request.method == Method::Update {
            ask_refresh(&mut request, talking.refresh);
        }
        let dialog = talking.dialog.clone();
        let destination = session.destination(&dialog);
        request.headers.push("Contact", contact);
        request.headers.push("Supported", "timer");
        request.headers.push("User-Agent", &self.settings.user_agent);
        self.start_client(now, request, destination, Owner::Question(id));
    }

    /// Something came back for our UPDATE or OPTIONS.
    pub(super) fn question_answered(&mut self, now: Moment, id: SessionId, response: &Response) {
        if response.status.is_provisional() {
            return;
        }
        if ends_dialog(response.status) {
            return self.bye(now, id, None, Ending::TimedOut);
        }
        let is_update = response.cseq().is_ok_and(|cseq| cseq.method == Method::Update);
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        talking.asked = None;
        match response.status {
            _ if !is_update => {}
            status if status.is_success() => {
                talking.refresh = agreed_refresh(now, response, talking.refresh);
                talking.dialog.refresh_target(&response.addresses("Contact").unwrap_or_default());
            }
            Status::SESSION_INTERVAL_TOO_SMALL => talking.refresh = talking.refresh.at_least(now, response),
            // It lives, but takes no UPDATE although it said so.
            Status::METHOD_NOT_ALLOWED | Status::NOT_IMPLEMENTED => {
                talking.takes_update = false;
                if talking.change == Change::None && talking.unacked.is_none() {
                    self.send_reinvite(now, id);
                }
            }
            _ => {}
        }
        self.reschedule(id);
    }

    /// Asks a contact, outside any dialog, whether it can be reached. `Pinged` follows once. `call_id` is a new one.
    pub fn ping(&mut self, now: Moment, uri: &str, destination: Destination, call_id: &str) -> PingId {
        let ping = PingId(self.new_id());
        let (host, tag) = (Host::Ip(destination.local.ip()), self.random.token());
        let headers = Headers::new()
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{host}>;tag={tag}"))
            .with("To", format!("<{}>", uri.split([';', '?']).next().unwrap_or(uri)))
            .with("Call-ID", call_id)
            .with("CSeq", "1 OPTIONS")
            .with("Contact", contact_by(destination))
            .with("Accept", "application/sdp")
            .with("User-Agent", &self.settings.user_agent);
        let request = Request { method: Method::Options, uri: uri.to_owned(), headers, body: Vec::new() };
        self.start_client(now, request, destination, Owner::Ping(ping));
        ping
    }

    pub(super) fn pinged(&mut self, ping: PingId, status: Option<Status>) {
        // A proxy's word that it cannot reach the device is none of the device.
        let absent = |status: Status| matches!(status.code(), 408 | 410 | 430 | 480 | 502 | 503 | 504);
        match status {
            Some(status) if status.is_provisional() => {}
            Some(status) => self.event(Event::Pinged { ping, reachable: !absent(status) }),
            None => self.event(Event::Pinged { ping, reachable: false }),
        }
    }
}

impl Owner {
    /// How long an answer is waited for, when not for as long as the RFC has it.
    pub(super) fn patience(self) -> Option<Duration> {
        match self {
            Owner::Ping(_) => Some(PING_FOR),
            Owner::Question(_) => Some(ANSWER_FOR),
            Owner::Nobody | Owner::Call(_) | Owner::Change(_) => None,
        }
    }
}

impl Refresh {
    /// As long as a 422 to our refresh wants it (section 7.3), and refreshed again at once.
    pub(super) fn at_least(self, now: Moment, response: &Response) -> Refresh {
        let least = Duration::from_secs(u64::from(least_interval(&response.headers)));
        match self {
            Refresh::Off => Refresh::Off,
            Refresh::Ours { every, .. } if least > every => Refresh::Ours { every: least, at: now },
            Refresh::Ours { every, .. } => Refresh::Ours { every, at: now + every / 2 },
            Refresh::Theirs { every, deadline } => Refresh::Theirs { every: every.max(least), deadline },
        }
    }
}

/// True for answers that end the dialog (RFC 5057 section 5.1, and 480 and 408 from whoever stands between): all others
/// show that it lives.
pub(super) fn ends_dialog(status: Status) -> bool {
    matches!(status.code(), 404 | 408 | 410 | 416 | 480..=485 | 502 | 604)
}
