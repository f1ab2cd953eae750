//! What the user orders. An order for a session that is over does nothing.

use std::net::SocketAddr;

use super::clients::Owner;
use super::context::Context;
use super::destination::{is_secure, our_binding};
use super::session::Session;
use super::{Answer, Destination, Dial, Endpoint, Patience, PingId, QueryId, Replaces, RequestId, SessionId};
use crate::{
    Codec, Direction, Headers, Host, Method, Moment, NoCommonAudio, OfferedAudio, Request, Security, Status,
};

impl Endpoint {
    /// With these instead of the RFCs' own.
    pub fn with_patience(mut self, patience: Patience) -> Endpoint {
        self.set_patience(patience);
        self
    }

    /// With these from now on: for sessions that begin, and for the next refresh of those that stand.
    pub fn set_patience(&mut self, patience: Patience) {
        self.cx.patience = patience;
    }

    /// While draining, OPTIONS outside dialogs is answered 503 with Retry-After, so that balancers stop sending.
    pub fn set_draining(&mut self, draining: bool) {
        self.draining = draining;
    }

    /// Calls somebody. Ends in `Connected` or `Ended`.
    pub fn dial(&mut self, now: Moment, dial: Dial) -> SessionId {
        self.cx.now = now;
        let session = Session::dial(&mut self.cx, dial);
        let id = session.id;
        self.insert(session);
        id
    }

    /// Inbound: the caller is let in; tells the network at once that we work on it (100), and by a reliable 180 whoever
    /// requires provisional answers to be reliable.
    pub fn admit(&mut self, now: Moment, session: SessionId) {
        self.order(now, session, Session::admit);
    }

    /// Inbound: it rings (180), reliably where the caller requires that. Who requires it and offered nothing is not
    /// told: the first reliable answer would have to carry our offer (RFC 3261 section 13.2.1).
    pub fn ring(&mut self, now: Moment, session: SessionId) {
        self.order(now, session, Session::ring);
    }

    /// Inbound: sends audio before the answer, ours at `rtp` (183 with a description). `accept` says the same then. Who
    /// requires provisional answers to be reliable, or offered nothing, is rung instead.
    pub fn progress(&mut self, now: Moment, session: SessionId, rtp: SocketAddr, codec: Codec) {
        self.order(now, session, |session, cx| session.progress(cx, rtp, codec));
    }

    /// Inbound: holds the session to `security` and `codecs` (best first, for an offer of ours); the peer's
    /// audio as it is then, with keys. Without this word a session is plain where the peer offers that, and
    /// else encrypted, in any codec. `None` inside when the peer offered nothing:
    /// then we do.
    ///
    /// # Errors
    /// When nothing that the peer offered may be taken; the session is to be refused with 488.
    pub fn secure(
        &mut self,
        session: SessionId,
        security: Security,
        codecs: &[Codec],
    ) -> Result<Option<OfferedAudio>, NoCommonAudio> {
        let secured = self.with(session, |session, cx| session.secure(cx, security, codecs));
        secured.unwrap_or(Ok(None))
    }

    /// Inbound: take the call with our audio at `rtp`, in `codec` if the peer has it, else in the peer's
    /// first that we share. `Connected` follows with the ACK.
    pub fn accept(&mut self, now: Moment, session: SessionId, rtp: SocketAddr, codec: Codec) {
        self.order(now, session, |session, cx| session.accept(cx, rtp, codec));
    }

    /// Inbound: refuse it with a final response. `Ended` follows.
    pub fn refuse(&mut self, now: Moment, session: SessionId, answer: &Answer) {
        self.order(now, session, |session, cx| session.refuse(cx, answer));
    }

    /// Inbound: refuses one whose sender is not known or not let in, without keeping anything of it: the answer to
    /// a copy has to be the same by itself, as a challenge is. `Ended` follows.
    pub fn turn_away(&mut self, now: Moment, session: SessionId, answer: &Answer) {
        self.order(now, session, |session, cx| session.turn_away(cx, answer));
    }

    /// Changes which way audio flows, by a re-INVITE: hold and resume from our side. False when the
    /// session is not in a state to; `Changed` follows when the peer agreed.
    pub fn reoffer(&mut self, now: Moment, session: SessionId, direction: Direction) -> bool {
        self.order(now, session, |session, cx| session.reoffer(cx, direction)).unwrap_or(false)
    }

    /// Whether the peer of a session may have it be with somebody else (REFER); else it gets 403. Nobody may by itself.
    pub fn allow_referral(&mut self, now: Moment, session: SessionId, is_allowed: bool) {
        self.order(now, session, |session, _| session.allow_referral(is_allowed));
    }

    /// How far the REFER of a session's peer has come, by NOTIFY; 100 was said at once. With `is_last` it is over. Nothing
    /// without one.
    pub fn tell_referral(&mut self, now: Moment, session: SessionId, status: Status, is_last: bool) {
        self.order(now, session, |session, cx| session.tell_referral(cx, status, is_last));
    }

    /// Wants the peer of a session to be with `uri` instead of us, by REFER (RFC 3515): a URI without headers, which stands as
    /// it is in Refer-To. With `instead_of` it takes the place of ours in that session (RFC 3891, RFC 5589): an
    /// attended transfer. [`Event::Referral`](super::Event::Referral) follows. The session goes on: hang it up when all is
    /// said. False when a session does not stand, or its last REFER is not over.
    pub fn refer(
        &mut self,
        now: Moment,
        session: SessionId,
        uri: &str,
        instead_of: Option<SessionId>,
    ) -> bool {
        // The other end has the tags the other way round.
        let swap = |Replaces { call_id, to_tag, from_tag, early_only }| Replaces {
            call_id,
            to_tag: from_tag,
            from_tag: to_tag,
            early_only,
        };
        let replaces = instead_of.map(|other| self.named(other).map(swap));
        if replaces.as_ref().is_some_and(Option::is_none) {
            return false;
        }
        let replaces = replaces.flatten();
        self.order(now, session, |session, cx| session.refer_to(cx, uri, replaces.as_ref())).unwrap_or(false)
    }

    /// How peers name a session that stands, to take it over; `None` before its answer.
    pub fn named(&self, session: SessionId) -> Option<Replaces> {
        self.sessions.get(session)?.named()
    }

    /// Shows the peer of a session that stands to whom it is connected, now and in all that we send later: by UPDATE
    /// where the peer takes it, else by a re-INVITE (`P-Asserted-Identity`, RFC 3325). `None` for the number: it is
    /// withheld.
    pub fn show(&mut self, now: Moment, session: SessionId, number: Option<&str>, display: &str) {
        self.order(now, session, |session, cx| session.show(cx, number, display));
    }

    /// Asks the peer of a session that stands whether it lives: by a session refresh where a session timer is on, else
    /// by OPTIONS. Without an answer within 16 s, or with one that says that there is no such call, the session ends as
    /// `TimedOut`. Does nothing while the last question is open, or while our answer or a BYE is on its way, which end
    /// the session by themselves.
    pub fn ask(&mut self, now: Moment, session: SessionId) {
        self.order(now, session, Session::ask);
    }

    /// Ends a session, whatever its state: 480 to their INVITE, CANCEL or BYE with `reason` as the Reason
    /// header (RFC 3326). `Ended` is said at once; what is still owed to the peer follows in silence.
    pub fn hang_up(&mut self, now: Moment, session: SessionId, reason: Option<&str>) {
        self.order(now, session, |session, cx| session.hang_up(cx, reason));
    }

    /// Answers a [`Event::Register`](super::Event::Register). An answer to a request that is gone does nothing. A
    /// refusal or challenge keeps no state.
    pub fn respond(&mut self, now: Moment, id: RequestId, answer: &Answer) {
        self.cx.now = now;
        let Some(key) = self.requests.remove(&id) else { return };
        if answer.status.is_success() {
            self.cx.reply(&key, answer);
        } else {
            self.cx.turn_down(&key, answer);
        }
    }

    /// Asks a binding, outside any dialog, whether it can be reached. `Pinged` follows once. `call_id` is a new one.
    pub fn ping(&mut self, now: Moment, uri: &str, destination: Destination, call_id: &str) -> PingId {
        self.cx.now = now;
        let ping = PingId(self.cx.new_id());
        let (host, tag) = (Host::Ip(destination.local.ip()), self.cx.random.token());
        let headers = Headers::new()
            .with("Max-Forwards", "70")
            .with("From", format!("<sip:{host}>;tag={tag}"))
            .with("To", format!("<{}>", uri.split([';', '?']).next().unwrap_or(uri)))
            .with("Call-ID", call_id)
            .with("CSeq", "1 OPTIONS")
            .with("Contact", our_binding(destination, is_secure(uri)))
            .with("Accept", "application/sdp")
            .with("User-Agent", &self.cx.settings.user_agent);
        let request = Request { method: Method::Options, uri: uri.to_owned(), headers, body: Vec::new() };
        self.cx.start_client(request, destination, Owner::Ping(ping));
        ping
    }

    /// Sends a request outside any dialog that begins none, without Via: REGISTER. `Answered` follows once, after 32 s at
    /// the latest.
    pub fn request(&mut self, now: Moment, request: Request, destination: Destination) -> QueryId {
        self.cx.now = now;
        let query = QueryId(self.cx.new_id());
        self.cx.start_client(request, destination, Owner::Query(query));
        query
    }

    fn order<R>(
        &mut self,
        now: Moment,
        id: SessionId,
        act: impl FnOnce(&mut Session, &mut Context) -> R,
    ) -> Option<R> {
        self.cx.now = now;
        self.with(id, act)
    }
}
