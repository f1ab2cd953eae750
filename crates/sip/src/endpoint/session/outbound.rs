//! Calls that go out, until they are answered.

use super::negotiation::Negotiation;
use super::refer::Referrals;
use super::referring::Referring;
use super::refresh::{MIN_SE, Refresh, agreed_refresh, least_interval};
use super::{Calling, Cancel, Session, SessionState, Talking, Timer, Withdrawn, send_bye, takes_update};
use crate::dialog::Dialog;
use crate::endpoint::clients::{ClientKey, Owner};
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, is_secure, our_binding};
use crate::endpoint::{Dial, Ending, Event, SessionId};
use crate::scan::quote;
use crate::timers::Timers;
use crate::transaction::TRY_FOR;
use crate::{Headers, Host, Method, OfferedAudio, Request, Response, Status, answer_challenge, offer};

/// The most INVITEs of one call: a challenge, and two peers' wishes for the session interval.
const MAX_TRIES: u32 = 4;

impl Session {
    /// Calls somebody.
    pub(crate) fn dial(cx: &mut Context, dial: Dial) -> Session {
        let id = SessionId(cx.new_id());
        let local_tag = cx.random.token();
        let mut audio = Negotiation::new(dial.audio.clone(), None);
        let body = audio.describe(offer);
        let is_sips = is_secure(&dial.uri);
        let request = first_invite(cx, &dial, &local_tag, body);
        let client = cx.start_client(request, dial.destination, Owner::Call(id));
        let mut timers = Timers::default();
        if let Some(patience) = cx.patience.provisional {
            timers.set(Timer::Unheard, cx.now + patience);
        }
        if let Some(progress) = dial.progress {
            timers.set(Timer::Stuck, cx.now + progress);
        }
        Session {
            id,
            call_id: dial.call_id,
            local_tag,
            outbound: true,
            peer: dial.destination,
            is_sips,
            audio,
            timers,
            referrals: Referrals::default(),
            referring: Referring::default(),
            identity: Vec::new(),
            is_identity_sent: true,
            state: SessionState::Calling(Calling {
                client,
                credentials: dial.credentials,
                tries: 1,
                rings: false,
                challenged: false,
                early: None,
            }),
        }
    }

    /// Something came back for the first INVITE, or long after its answer.
    pub(crate) fn call_answered(&mut self, cx: &mut Context, key: &ClientKey, response: &Response) {
        let Some(invite) = cx.invite(key) else { return };
        match &self.state {
            SessionState::Calling(_) | SessionState::Withdrawn(_) => {
                if response.status.is_provisional() {
                    if self.acknowledge(cx, key, &invite, response) {
                        self.call_proceeds(cx, response);
                    }
                } else if response.status.is_success() {
                    self.call_accepted(cx, key, &invite, response);
                } else {
                    self.call_refused(cx, &invite, response);
                }
            }
            SessionState::Talking(_) | SessionState::Closing { .. } => {
                if response.status.is_success() {
                    self.accepted_again(cx, key, &invite, response);
                }
            }
            SessionState::Invited(_) | SessionState::Over => {}
        }
    }

    /// The first INVITE came to nothing.
    pub(crate) fn call_failed(&mut self, cx: &mut Context, why: Ending) {
        match &self.state {
            SessionState::Calling(_) | SessionState::Withdrawn(_) => self.end(cx, why),
            SessionState::Invited(_)
            | SessionState::Talking(_)
            | SessionState::Closing { .. }
            | SessionState::Over => {}
        }
    }

    fn call_proceeds(&mut self, cx: &mut Context, response: &Response) {
        match &mut self.state {
            SessionState::Calling(calling) => {
                let source = self.peer.address.ip();
                let early = self.audio.find_answer(&response.headers, &response.body, source);
                let is_first = calling.early.is_none();
                calling.early = early.clone().or_else(|| calling.early.take());
                self.timers.stop(Timer::Unheard);
                if response.status != Status::TRYING {
                    self.timers.stop(Timer::Stuck);
                }
                let session = self.id;
                match early {
                    Some(remote) if is_first => self.say(cx, Event::Early { session, remote }),
                    Some(_) => {}
                    None if response.status == Status::TRYING
                        || std::mem::replace(&mut calling.rings, true) => {}
                    None => self.say(cx, Event::Ringing { session }),
                }
            }
            SessionState::Withdrawn(Withdrawn { client, cancel }) => match cancel {
                Cancel::Wanted { reason } => {
                    cx.cancel(client, reason.as_deref());
                    *cancel = Cancel::Sent;
                    self.timers.set(Timer::Cancel, cx.now + TRY_FOR);
                }
                Cancel::Sent => {}
            },
            SessionState::Invited(_)
            | SessionState::Talking(_)
            | SessionState::Closing { .. }
            | SessionState::Over => {}
        }
    }

    /// The first 2xx: the ACK at once; then BYE if nobody wants the call any more, or cannot use it.
    fn call_accepted(&mut self, cx: &mut Context, key: &ClientKey, invite: &Request, response: &Response) {
        let Some(mut dialog) = Dialog::answered(invite, response) else {
            return self.end(cx, Ending::Refused(Status::SERVER_ERROR));
        };
        let answered = cx.take_up_branch(key, &mut dialog);
        cx.note_branch(key, &dialog);
        let number = invite.cseq().map_or(1, |cseq| cseq.number);
        let bytes = cx.send_ack(dialog.ack(number), in_dialog(self.peer, &dialog));
        let SessionState::Calling(calling) = &mut self.state else {
            send_bye(cx, &mut dialog, self.peer, None);
            return self.end(cx, Ending::Ours);
        };
        let early = answered.or_else(|| calling.early.take());
        let is_whole = dialog.is_whole();
        let takes_update = takes_update(&response.headers).unwrap_or(false);
        let talking = Talking { acked: Some((number, bytes)), ..Talking::new(dialog, takes_update) };
        self.state = SessionState::Talking(talking);
        self.timers.stop(Timer::Unheard);
        self.timers.stop(Timer::Stuck);
        self.set_refresh(cx.now, agreed_refresh(response, Refresh::Off));
        if !is_whole {
            let reason = "SIP;cause=400;text=\"No To tag or Contact in 200\"";
            return self.bye(cx, Some(reason), Ending::Refused(Status::SERVER_ERROR));
        }
        self.connect(cx, response, early);
    }

    /// Takes the audio of a 2xx, or, where that has none, of a provisional answer before it.
    fn connect(&mut self, cx: &mut Context, response: &Response, early: Option<OfferedAudio>) {
        let from_body = self.take_answer(&response.headers, &response.body);
        let early = early.filter(|_| response.body.is_empty());
        match from_body.or_else(|| self.audio.settle_answer(early?)) {
            Some(remote) => self.say(cx, Event::Connected { session: self.id, remote }),
            None => self.bye(cx, Some("SIP;cause=488;text=\"No common audio\""), Ending::NoCommonAudio),
        }
    }

    /// A further 2xx: a copy of the one we took is acknowledged again; one from another branch of a fork
    /// is acknowledged and ended (RFC 3261 section 13.2.2.4).
    fn accepted_again(&mut self, cx: &mut Context, key: &ClientKey, invite: &Request, response: &Response) {
        let Some(other) = Dialog::answered(invite, response) else { return };
        let Some(talking) = self.state.talking_mut() else { return };
        if talking.dialog.remote_tag() != other.remote_tag() {
            return cx.end_branch(key, response, Some(self.peer));
        }
        let number = invite.cseq().map_or(1, |cseq| cseq.number);
        let destination = in_dialog(self.peer, &talking.dialog);
        match talking.acked.as_ref().filter(|(last, _)| *last == number) {
            Some((_, bytes)) => cx.send(destination, bytes.clone()),
            // We have asked for a change since: this ACK is made again.
            None => drop(cx.send_ack(other.ack(number), destination)),
        }
    }

    fn call_refused(&mut self, cx: &mut Context, invite: &Request, response: &Response) {
        let again = self.answer_challenge(cx, invite, response) || self.lengthen(cx, invite, response);
        if !again {
            self.say_redirected(cx, response);
            self.say_reason(cx, response);
            self.end(cx, Ending::Refused(response.status));
        }
    }

    /// Tries once more with credentials after a 401 or 407; false when that is no use.
    fn answer_challenge(&mut self, cx: &mut Context, invite: &Request, response: &Response) -> bool {
        let (asks, answers) = match response.status {
            Status::UNAUTHORIZED => ("WWW-Authenticate", "Authorization"),
            Status::PROXY_AUTHENTICATION_REQUIRED => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return false,
        };
        let SessionState::Calling(calling) = &mut self.state else { return false };
        let Some(credentials) = &calling.credentials else { return false };
        if std::mem::replace(&mut calling.challenged, true) {
            return false;
        }
        let challenges: Vec<String> =
            response.headers.all(asks).map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        let random = &mut cx.random;
        let Some(value) = answer_challenge(&challenges, credentials, &Method::Invite, &invite.uri, random)
        else {
            return false;
        };
        let mut request = invite.clone();
        request.headers.push(answers, value);
        self.invite_again(cx, request)
    }

    /// Tries again with the session interval that a 422 wants (RFC 4028 section 7.3); false when that is no use.
    fn lengthen(&mut self, cx: &mut Context, invite: &Request, response: &Response) -> bool {
        let asked = invite.headers.count("Session-Expires") > 0;
        if !asked || response.status != Status::SESSION_INTERVAL_TOO_SMALL {
            return false;
        }
        let least = least_interval(&response.headers);
        let mut request = invite.clone();
        request.headers.set_first("Session-Expires", format!("{least};refresher=uac"));
        request.headers.set_first("Min-SE", least.to_string());
        self.invite_again(cx, request)
    }

    /// Sends a changed copy of the first INVITE, with the next number; false when it was sent often enough, or is not
    /// wanted any more.
    fn invite_again(&mut self, cx: &mut Context, mut request: Request) -> bool {
        let SessionState::Calling(calling) = &mut self.state else { return false };
        if calling.tries >= MAX_TRIES {
            return false;
        }
        calling.tries += 1;
        let number = request.cseq().map_or(1, |cseq| cseq.number) + 1;
        request.headers.remove("Via");
        request.headers.set_first("CSeq", format!("{number} INVITE"));
        calling.client = cx.start_client(request, self.peer, Owner::Call(self.id));
        true
    }

    /// Takes our INVITE back: CANCEL as soon as it may be sent. The user hears the end now.
    pub(super) fn withdraw(&mut self, cx: &mut Context, reason: Option<&str>, why: Ending) {
        let SessionState::Calling(Calling { client, .. }) = &self.state else { return };
        let client = client.clone();
        self.timers.stop(Timer::Unheard);
        self.timers.stop(Timer::Stuck);
        let cancel = if cx.is_proceeding(&client) {
            cx.cancel(&client, reason);
            self.timers.set(Timer::Cancel, cx.now + TRY_FOR);
            Cancel::Sent
        } else {
            Cancel::Wanted { reason: reason.map(str::to_owned) }
        };
        self.say(cx, Event::Ended { session: self.id, why });
        self.state = SessionState::Withdrawn(Withdrawn { client, cancel });
    }

    /// Nothing came back that says how the call goes: the user hears that now. The INVITE is sent no more, and what still comes of it is
    /// ended.
    pub(super) fn unheard(&mut self, cx: &mut Context) {
        let SessionState::Calling(calling) = &self.state else { return };
        cx.send_no_more(&calling.client);
        self.withdraw(cx, None, Ending::TimedOut);
    }

    /// The CANCEL brought no answer to the INVITE.
    pub(super) fn give_up(&mut self, cx: &mut Context) {
        let SessionState::Withdrawn(Withdrawn { client, .. }) = &self.state else { return };
        cx.forget_client(client);
        self.end(cx, Ending::TimedOut);
    }
}

/// The INVITE of a call, still without Via.
fn first_invite(cx: &Context, dial: &Dial, local_tag: &str, body: Vec<u8>) -> Request {
    let display = if dial.display.is_empty() { String::new() } else { quote(&dial.display) + " " };
    let host = dial.domain.clone().unwrap_or_else(|| Host::Ip(dial.destination.local.ip()).to_string());
    let to = dial.uri.split([';', '?']).next().unwrap_or(&dial.uri).to_owned();
    let mut headers = Headers::new()
        .with("Max-Forwards", "70")
        .with("From", format!("{display}<sip:{}@{host}>;tag={local_tag}", dial.caller))
        .with("To", format!("<{to}>"))
        .with("Call-ID", &dial.call_id)
        .with("CSeq", "1 INVITE")
        .with("Contact", our_binding(dial.destination, is_secure(&dial.uri)))
        .with("Allow", Method::ALLOW)
        .with("User-Agent", &cx.settings.user_agent)
        .with("Content-Type", "application/sdp");
    let timer = cx.patience.session_interval.map(|_| "timer");
    let extensions: Vec<&str> = timer.into_iter().chain(dial.reliable.then_some("100rel")).collect();
    if !extensions.is_empty() {
        headers.push("Supported", extensions.join(", "));
    }
    if let Some(interval) = cx.patience.session_interval {
        headers.push("Min-SE", MIN_SE.to_string());
        headers.push("Session-Expires", format!("{interval};refresher=uac"));
    }
    for header in dial.headers.iter() {
        headers.push(&header.name, &header.value);
    }
    Request { method: Method::Invite, uri: dial.uri.clone(), headers, body }
}
