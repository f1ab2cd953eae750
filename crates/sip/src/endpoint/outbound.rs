//! Calls that go out, and hanging up.

use super::inbound::{contact_by, read_description};
use super::reliable::Provisional;
use super::session::{Change, Outgoing, Refresh, Session, Stage, Talking, Withdraw, takes_update};
use super::timer::{MIN_SE, agreed_refresh, least_interval};
use super::transactions::{ClientKey, ClientMachine, Owner};
use super::{Answer, Dial, Ending, Endpoint, Event, SessionId};
use crate::dialog::Dialog;
use crate::scan::quote;
use crate::transaction::TRY_FOR;
use crate::{
    Headers, Host, Method, Moment, OfferedAudio, Request, Response, Status, answer_challenge, offer,
};

/// The most branches of one call, beside the first, that are ended with BYE; the 2xx of further ones is only acknowledged.
const MAX_FORKS: usize = 16;
/// The most INVITEs of one call: a challenge, and two peers' wishes for the session interval.
const MAX_TRIES: u32 = 4;

impl Endpoint {
    /// Calls somebody. Ends in `Connected` or `Ended`.
    pub fn dial(&mut self, now: Moment, dial: Dial) -> SessionId {
        let id = SessionId(self.new_id());
        let local_tag = self.random.token();
        let mut session = Session {
            call_id: dial.call_id.clone(),
            local_tag: local_tag.clone(),
            outbound: true,
            peer: dial.destination,
            audio: dial.audio.clone(),
            remote: None,
            described: None,
            quiet: false,
            stage: Stage::Outgoing(Outgoing {
                client: ClientKey { branch: String::new(), method: String::new() },
                withdraw: Withdraw::No,
                credentials: dial.credentials.clone(),
                tries: 1,
                rings: false,
                unheard_until: self.patience.provisional.map(|patience| now + patience),
                challenged: false,
                early: None,
            }),
        };
        let body = session.describe(offer);
        self.sessions.insert(id, session);
        self.dialogs.insert((dial.call_id.clone(), local_tag.clone()), id);
        let request = self.first_invite(&dial, &local_tag, body);
        let key = self.start_client(now, request, dial.destination, Owner::Call(id));
        if let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        {
            outgoing.client = key;
        }
        self.reschedule(id);
        id
    }

    fn first_invite(&mut self, dial: &Dial, local_tag: &str, body: Vec<u8>) -> Request {
        let display = if dial.display.is_empty() { String::new() } else { quote(&dial.display) + " " };
        let host = Host::Ip(dial.destination.local.ip());
        let to = dial.uri.split([';', '?']).next().unwrap_or(&dial.uri).to_owned();
        let mut headers = Headers::new()
            .with("Max-Forwards", "70")
            .with("From", format!("{display}<sip:{}@{host}>;tag={local_tag}", dial.caller))
            .with("To", format!("<{to}>"))
            .with("Call-ID", &dial.call_id)
            .with("CSeq", "1 INVITE")
            .with("Contact", contact_by(dial.destination))
            .with("Allow", Method::ALLOW)
            .with("User-Agent", &self.settings.user_agent)
            .with("Content-Type", "application/sdp");
        let timer = self.patience.session_interval.map(|_| "timer");
        let extensions: Vec<&str> = timer.into_iter().chain(dial.reliable.then_some("100rel")).collect();
        if !extensions.is_empty() {
            headers.push("Supported", extensions.join(", "));
        }
        if let Some(interval) = self.patience.session_interval {
            headers.push("Min-SE", MIN_SE.to_string());
            headers.push("Session-Expires", format!("{interval};refresher=uac"));
        }
        Request { method: Method::Invite, uri: dial.uri.clone(), headers, body }
    }

    /// Something came back for the first INVITE of a session, or for one long answered.
    pub(super) fn call_answered(&mut self, now: Moment, id: SessionId, key: &ClientKey, response: Response) {
        let Some(invite) = self.clients.get(key).and_then(|slot| match &slot.machine {
            ClientMachine::Invite(machine) => Some(machine.request().clone()),
            ClientMachine::Other(_) => None,
        }) else {
            return;
        };
        let waiting =
            self.sessions.get(&id).is_some_and(|session| matches!(session.stage, Stage::Outgoing(_)));
        match (response.status.is_provisional(), response.status.is_success()) {
            (true, _) if waiting && self.acknowledge(now, id, key, &invite, &response) => {
                self.call_proceeds(now, id, &response);
            }
            (_, true) if waiting => self.call_accepted(now, id, key, &invite, &response),
            (_, true) => self.accepted_again(now, id, key, &invite, &response),
            (false, false) if waiting => self.call_refused(now, id, &invite, &response),
            (_, _) => {}
        }
    }

    fn call_proceeds(&mut self, now: Moment, id: SessionId, response: &Response) {
        let session = self.sessions.get(&id);
        let early = session.and_then(|session| {
            let source = session.peer.address.ip();
            let sdp = read_description(&response.headers, &response.body, source)?.ok()?;
            session.find_answer(&sdp)
        });
        let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        if early.is_some() {
            outgoing.early = early;
        }
        outgoing.unheard_until = None;
        let rings = response.status != Status::TRYING && !outgoing.rings;
        outgoing.rings |= rings;
        let withdraw = outgoing.withdraw.clone();
        match withdraw {
            Withdraw::No if rings => self.event(Event::Ringing { session: id }),
            Withdraw::Wanted { reason } => self.send_cancel(now, id, reason.as_deref()),
            Withdraw::No | Withdraw::Sent { .. } => {}
        }
        self.reschedule(id);
    }

    /// The first 2xx: the ACK at once; then BYE if nobody wants the call any more, or cannot use it.
    fn call_accepted(
        &mut self,
        now: Moment,
        id: SessionId,
        key: &ClientKey,
        invite: &Request,
        response: &Response,
    ) {
        let Some(mut dialog) = Dialog::answered(invite, response) else {
            return self.finish(id, Ending::Refused(Status::SERVER_ERROR));
        };
        let answered = self.go_on(key, &mut dialog);
        let is_whole = dialog.is_whole();
        self.note_branch(key, &dialog);
        let number = invite.cseq().map_or(1, |cseq| cseq.number);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Stage::Outgoing(outgoing) = &mut session.stage else { return };
        let withdrawn = outgoing.withdraw != Withdraw::No;
        let early = answered.or_else(|| outgoing.early.take());
        let ack = dialog.ack(number);
        let destination = session.destination(&dialog);
        let bytes = self.send_ack(ack, destination);
        if let Some(session) = self.sessions.get_mut(&id) {
            session.stage = Stage::Talking(Talking {
                dialog,
                unacked: None,
                acked: Some((number, bytes)),
                change: Change::None,
                provisional: Provisional::Plain,
                refresh: agreed_refresh(now, response, Refresh::Off),
                takes_update: takes_update(&response.headers).unwrap_or(false),
                asked: None,
                closing: None,
            });
        }
        self.reschedule(id);
        if withdrawn {
            return self.bye(now, id, None, Ending::Ours);
        }
        if !is_whole {
            let reason = "SIP;cause=400;text=\"No To tag or Contact in 200\"";
            return self.bye(now, id, Some(reason), Ending::Refused(Status::SERVER_ERROR));
        }
        let from_body = self.take_answer(id, &response.headers, &response.body);
        let remote = from_body.or_else(|| {
            let session = self.sessions.get_mut(&id)?;
            let early = early.filter(|_| response.body.is_empty())?;
            session.settle_answer(early)
        });
        match remote {
            Some(remote) => self.event(Event::Connected { session: id, remote }),
            None => {
                self.bye(now, id, Some("SIP;cause=488;text=\"No common audio\""), Ending::NoCommonAudio);
            }
        }
    }

    /// A further 2xx: a copy of the one we took is acknowledged again; one from another branch of a fork
    /// is acknowledged and ended (RFC 3261 section 13.2.2.4).
    fn accepted_again(
        &mut self,
        now: Moment,
        id: SessionId,
        key: &ClientKey,
        invite: &Request,
        response: &Response,
    ) {
        let Some(mut other) = Dialog::answered(invite, response) else { return };
        let number = invite.cseq().map_or(1, |cseq| cseq.number);
        let session = self.sessions.get(&id);
        if let Some(session) = session
            && let Stage::Talking(talking) = &session.stage
            && talking.dialog.remote_tag() == other.remote_tag()
        {
            let destination = session.destination(&talking.dialog);
            match talking.acked.as_ref().filter(|(last, _)| *last == number) {
                Some((_, bytes)) => self.send(destination, bytes.clone()),
                // We have asked for a change since: this ACK is made again.
                None => drop(self.send_ack(other.ack(number), destination)),
            }
            return;
        }
        let in_session = session.map(|session| session.destination(&other));
        let Some(slot) = self.clients.get(key) else { return };
        let destination = in_session.unwrap_or(slot.destination);
        self.go_on(key, &mut other);
        let is_new = self.note_branch(key, &other);
        self.send_ack(other.ack(number), destination);
        if is_new {
            let bye = other.request(Method::Bye);
            self.start_client(now, bye, destination, Owner::Nobody);
        }
    }

    /// Takes up a branch whose provisional answers were acknowledged: our numbers in it go on. Its answer to our offer, if
    /// one came with those.
    fn go_on(&self, key: &ClientKey, dialog: &mut Dialog) -> Option<OfferedAudio> {
        let mut branches = self.clients.get(key)?.branches.iter();
        let branch = branches.find(|branch| branch.dialog.remote_tag() == dialog.remote_tag())?;
        dialog.number_from(&branch.dialog);
        branch.answer.clone()
    }

    /// Remembers a branch that answered with 2xx: a copy of that brings the ACK again and no further BYE. True when it is
    /// a new one.
    fn note_branch(&mut self, key: &ClientKey, dialog: &Dialog) -> bool {
        let Some(slot) = self.clients.get_mut(key) else { return false };
        let tag = dialog.remote_tag().unwrap_or_default();
        let is_new = slot.forks.len() <= MAX_FORKS && slot.forks.iter().all(|known| known != tag);
        if is_new {
            slot.forks.push(tag.to_owned());
        }
        is_new
    }

    fn call_refused(&mut self, now: Moment, id: SessionId, invite: &Request, response: &Response) {
        let again =
            self.answer_challenge(now, id, invite, response) || self.lengthen(now, id, invite, response);
        if !again {
            self.say_redirected(id, response);
            self.finish(id, Ending::Refused(response.status));
        }
    }

    /// Tries once more with credentials after a 401 or 407; false when that is no use.
    fn answer_challenge(
        &mut self,
        now: Moment,
        id: SessionId,
        invite: &Request,
        response: &Response,
    ) -> bool {
        let (asks, answers) = match response.status {
            Status::UNAUTHORIZED => ("WWW-Authenticate", "Authorization"),
            Status::PROXY_AUTHENTICATION_REQUIRED => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return false,
        };
        let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return false;
        };
        let Some(credentials) = outgoing.credentials.clone() else { return false };
        if std::mem::replace(&mut outgoing.challenged, true) {
            return false;
        }
        let challenges: Vec<String> =
            response.headers.all(asks).map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        let random = &mut self.random;
        let Some(value) = answer_challenge(&challenges, &credentials, &Method::Invite, &invite.uri, random)
        else {
            return false;
        };
        let mut request = invite.clone();
        request.headers.push(answers, value);
        self.invite_again(now, id, request)
    }

    /// Tries again with the session interval that a 422 wants (RFC 4028 section 7.3); false when that is no use.
    fn lengthen(&mut self, now: Moment, id: SessionId, invite: &Request, response: &Response) -> bool {
        let asked = invite.headers.count("Session-Expires") > 0;
        if !asked || response.status != Status::SESSION_INTERVAL_TOO_SMALL {
            return false;
        }
        let least = least_interval(&response.headers);
        let mut request = invite.clone();
        request.headers.set_first("Session-Expires", format!("{least};refresher=uac"));
        request.headers.set_first("Min-SE", least.to_string());
        self.invite_again(now, id, request)
    }

    /// Sends a changed copy of the first INVITE, with the next number; false when it was sent often enough, or is not
    /// wanted any more.
    fn invite_again(&mut self, now: Moment, id: SessionId, mut request: Request) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        let destination = session.peer;
        let Stage::Outgoing(outgoing) = &mut session.stage else { return false };
        if outgoing.tries >= MAX_TRIES || outgoing.withdraw != Withdraw::No {
            return false;
        }
        outgoing.tries += 1;
        let number = request.cseq().map_or(1, |cseq| cseq.number) + 1;
        request.headers.remove("Via");
        request.headers.set_first("CSeq", format!("{number} INVITE"));
        let key = self.start_client(now, request, destination, Owner::Call(id));
        if let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        {
            outgoing.client = key;
        }
        true
    }

    /// Ends a session, whatever its state: 480 to their INVITE, CANCEL or BYE with `reason` as the Reason
    /// header (RFC 3326). `Ended` is said at once; what is still owed to the peer follows in silence.
    pub fn hang_up(&mut self, now: Moment, id: SessionId, reason: Option<&str>) {
        let reason_owned = reason.map(str::to_owned);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match &mut session.stage {
            Stage::Incoming(_) => {
                self.refuse(now, id, &Answer::new(Status::TEMPORARILY_UNAVAILABLE));
            }
            Stage::Outgoing(outgoing) => {
                if outgoing.withdraw != Withdraw::No {
                    return;
                }
                let key = outgoing.client.clone();
                outgoing.withdraw = Withdraw::Wanted { reason: reason_owned };
                let proceeding = self.clients.get(&key).is_some_and(|slot| match &slot.machine {
                    ClientMachine::Invite(machine) => machine.is_open() && !machine.is_unanswered(),
                    ClientMachine::Other(_) => false,
                });
                if proceeding {
                    self.send_cancel(now, id, reason);
                }
                self.say_ended(id, Ending::Ours);
            }
            Stage::Talking(talking) => {
                if talking.unacked.as_ref().is_some_and(|unacked| unacked.initial) {
                    talking.closing = Some(reason_owned);
                    self.say_ended(id, Ending::Ours);
                } else {
                    self.bye(now, id, reason, Ending::Ours);
                }
            }
        }
    }

    fn send_cancel(&mut self, now: Moment, id: SessionId, reason: Option<&str>) {
        let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        outgoing.withdraw = Withdraw::Sent { until: now + TRY_FOR };
        let branch = outgoing.client.branch.clone();
        let Some(slot) = self.clients.get(&outgoing.client) else { return };
        let ClientMachine::Invite(machine) = &slot.machine else { return };
        let (request, destination) = (cancel(machine.request(), reason), slot.destination);
        self.run_client(now, branch, request, destination, None, Owner::Nobody);
        self.reschedule(id);
    }

    /// Sends BYE and forgets the session.
    pub(super) fn bye(&mut self, now: Moment, id: SessionId, reason: Option<&str>, why: Ending) {
        if let Some(session) = self.sessions.get_mut(&id) {
            let peer = session.peer;
            if let Stage::Talking(talking) = &mut session.stage {
                let mut bye = talking.dialog.request(Method::Bye);
                if let Some(reason) = reason {
                    bye.headers.push("Reason", reason);
                }
                bye.headers.push("User-Agent", &self.settings.user_agent);
                let dialog = talking.dialog.clone();
                let destination = self.sessions.get(&id).map_or(peer, |session| session.destination(&dialog));
                self.start_client(now, bye, destination, Owner::Nobody);
            }
        }
        self.finish(id, why);
    }
}

/// The CANCEL of an INVITE (RFC 3261 section 9.1): its own Via, Request-URI, Route and number.
fn cancel(invite: &Request, reason: Option<&str>) -> Request {
    let mut headers = Headers::new();
    if let Some(via) = invite.headers.list("Via").first() {
        headers.push("Via", via);
    }
    headers.push("Max-Forwards", "70");
    for name in ["Route", "From", "To", "Call-ID"] {
        invite.headers.all(name).for_each(|value| headers.push(name, value));
    }
    let number = invite.cseq().map_or(0, |cseq| cseq.number);
    headers.push("CSeq", format!("{number} CANCEL"));
    if let Some(reason) = reason {
        headers.push("Reason", reason);
    }
    Request { method: Method::Cancel, uri: invite.uri.clone(), headers, body: Vec::new() }
}
