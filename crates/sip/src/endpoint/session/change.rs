//! What happens inside a session: re-INVITE, UPDATE, INFO, and our own re-INVITE with its glare.

use std::time::Duration;

use super::alive::ends_dialog;
use super::inbound::agreement;
use super::negotiation::{choose, find_audio, read_offer};
use super::refresh::{agree_refresh, agreed_refresh, ask_refresh};
use super::{Change, Role, Session, SessionState, Timer};
use crate::endpoint::answers::no_such_call;
use crate::endpoint::clients::Owner;
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, our_binding};
use crate::endpoint::servers::ServerKey;
use crate::endpoint::{Answer, Ending, Event};
use crate::scan::quote;
use crate::{
    Address, Codec, Direction, Headers, Host, Method, OfferedAudio, Request, Response, Sdp, Status,
    answer as sdp_answer, offer,
};

/// A re-INVITE whose turn has come finds our 2xx without its ACK: it waits so long again.
const WAIT_FOR_ACK: Duration = Duration::from_millis(500);

impl Session {
    /// A re-INVITE or UPDATE.
    pub(super) fn peer_changes(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) {
        if let Err(answer) = self.try_change(cx, key, request) {
            cx.reply(key, &answer);
        }
    }

    fn try_change(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) -> Result<(), Answer> {
        let theirs = read_offer(request, self.peer.address.ip())?;
        let is_update = request.method == Method::Update;
        if is_update && theirs.is_none() {
            return self.refresh_only(cx, key, request);
        }
        self.may_change()?;
        let refresh = agree_refresh(request, cx.patience.session_interval)?;
        let (body, changed) = match &theirs {
            Some(theirs) => self.answer_change(cx, theirs).map(|(body, remote)| (body, Some(remote)))?,
            None => (self.audio.describe(offer), None),
        };
        let bytes = cx.answer(key, &agreement(our_binding(self.peer, self.is_sips), refresh), body);
        self.move_target(&request.addresses("Contact").unwrap_or_default());
        self.set_refresh(cx.now, refresh);
        if !is_update {
            let number = request.cseq().map_or(0, |cseq| cseq.number);
            let role = if theirs.is_some() { Role::Change } else { Role::ChangeOffer };
            self.await_ack(cx, number, bytes, role);
        }
        if let Some(remote) = changed {
            self.say(cx, Event::Changed { session: self.id, remote });
        }
        Ok(())
    }

    /// Our answer to the peer's new offer, and the peer's audio from now on.
    fn answer_change(&mut self, cx: &mut Context, theirs: &Sdp) -> Result<(Vec<u8>, OfferedAudio), Answer> {
        let ours = &mut self.audio.ours;
        let mut remote = find_audio(theirs, &ours.codecs, ours.security.encryption())?;
        let before = self.audio.theirs.as_ref();
        let keys = before.and_then(|remote| remote.keys.as_deref());
        ours.security.answer(&mut remote, keys, &mut cx.random);
        let in_use = before.and_then(|remote| remote.codecs.first().copied());
        let codec = choose(&remote, in_use.unwrap_or(Codec::Pcma));
        let settled = self.audio.settle(&remote, codec);
        let body = self.audio.describe(|ours| sdp_answer(theirs, &remote, ours, codec));
        Ok((body, settled))
    }

    /// An UPDATE without a description: a sign of life, or a new binding of the peer.
    fn refresh_only(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) -> Result<(), Answer> {
        let refresh = agree_refresh(request, cx.patience.session_interval)?;
        self.move_target(&request.addresses("Contact").unwrap_or_default());
        self.set_refresh(cx.now, refresh);
        cx.reply(key, &agreement(our_binding(self.peer, self.is_sips), refresh));
        Ok(())
    }

    /// The peer of an answered session may name a new binding (RFC 3261 section 12.2).
    pub(super) fn move_target(&mut self, contacts: &[Address]) {
        if let Some(talking) = self.state.talking_mut() {
            talking.dialog.refresh_target(contacts);
        }
    }

    /// An offer needs a session that stands and in which no other offer is under way (RFC 3261
    /// section 14.2, RFC 3311 section 5.2).
    fn may_change(&self) -> Result<(), Answer> {
        match &self.state {
            SessionState::Invited(_) | SessionState::Calling(_) | SessionState::Withdrawn(_) => {
                Err(Answer::new(Status::SERVER_ERROR).with("Retry-After", "3"))
            }
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                let open = talking.unacked.as_ref().is_some_and(|unacked| match unacked.role {
                    Role::First { arrived } => !arrived,
                    Role::FirstOffer | Role::Change | Role::ChangeOffer => true,
                });
                if open || talking.change == Change::Pending {
                    return Err(Answer::new(Status::REQUEST_PENDING));
                }
                Ok(())
            }
            SessionState::Over => Err(no_such_call()),
        }
    }

    /// INFO: a key, in one of its two dresses (`Signal=5` or the bare key), or nothing that matters.
    pub(super) fn peer_informs(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) {
        cx.reply(key, &Answer::new(Status::OK));
        if let Some(key) = info_key(request)
            && let SessionState::Talking(_) = &self.state
        {
            self.say(cx, Event::Digit { session: self.id, key });
        }
    }

    /// Changes which way audio flows, by a re-INVITE; false when the session is not in a state to.
    pub(crate) fn reoffer(&mut self, cx: &mut Context, direction: Direction) -> bool {
        self.audio.ours.direction = direction;
        let SessionState::Talking(talking) = &self.state else { return false };
        if talking.unacked.is_some() || talking.change != Change::None {
            return false;
        }
        self.send_reinvite(cx);
        true
    }

    /// Shows the peer to whom it is connected from now on.
    pub(crate) fn show(&mut self, cx: &mut Context, number: Option<&str>, display: &str) {
        let SessionState::Talking(_) = &self.state else { return };
        let host = Host::Ip(self.peer.local.ip());
        let display = if display.is_empty() { String::new() } else { quote(display) + " " };
        self.identity = match number {
            Some(number) => vec![("P-Asserted-Identity", format!("{display}<sip:{number}@{host}>"))],
            None => vec![
                ("P-Asserted-Identity", format!("{display}<sip:anonymous@anonymous.invalid>")),
                ("Privacy", "id".to_owned()),
            ],
        };
        self.is_identity_sent = false;
        self.send_identity(cx);
    }

    /// Shows what was not shown yet; what waits for an offer under way comes after it.
    pub(super) fn send_identity(&mut self, cx: &mut Context) {
        let SessionState::Talking(talking) = &mut self.state else { return };
        if self.is_identity_sent {
            return;
        }
        if talking.takes_update {
            return self.send_question(cx, Method::Update);
        }
        match talking.change {
            Change::None if talking.unacked.is_none() => self.send_reinvite(cx),
            Change::None => {
                talking.change = Change::Retry;
                self.timers.set(Timer::Glare, cx.now + WAIT_FOR_ACK);
            }
            Change::Pending | Change::Retry => {}
        }
    }

    /// Puts into an UPDATE or a re-INVITE to whom the peer is connected.
    pub(super) fn carry_identity(&mut self, request: &mut Request) {
        self.is_identity_sent = true;
        for (name, value) in &self.identity {
            request.headers.push(name, value);
        }
    }

    pub(super) fn send_reinvite(&mut self, cx: &mut Context) {
        let Some(talking) = self.state.talking_mut() else { return };
        talking.change = Change::Pending;
        let mut request = talking.dialog.request(Method::Invite);
        ask_refresh(&mut request, talking.refresh);
        let destination = in_dialog(self.peer, &talking.dialog);
        self.carry_identity(&mut request);
        request.headers.push("Contact", our_binding(self.peer, self.is_sips));
        request.headers.push("Allow", Method::ALLOW);
        request.headers.push("Supported", "timer");
        request.headers.push("User-Agent", &cx.settings.user_agent);
        request.headers.push("Content-Type", "application/sdp");
        request.body = self.audio.describe(offer);
        cx.start_client(request, destination, Owner::Change(self.id));
    }

    /// A re-INVITE that met theirs is tried again, once nothing of theirs is under way.
    pub(super) fn try_again(&mut self, cx: &mut Context) {
        let Some(talking) = self.state.talking_mut() else { return };
        if talking.unacked.is_some() {
            return self.timers.set(Timer::Glare, cx.now + WAIT_FOR_ACK);
        }
        self.send_reinvite(cx);
    }

    /// Something came back for our re-INVITE.
    pub(crate) fn change_answered(&mut self, cx: &mut Context, response: &Response) {
        let Some(talking) = self.state.talking_mut() else { return };
        if response.status.is_provisional() {
            return;
        }
        talking.change = Change::None;
        self.timers.stop(Timer::Glare);
        self.timers.stop(Timer::Silence);
        match response.status {
            status if status.is_success() => self.change_accepted(cx, response),
            Status::REQUEST_PENDING => {
                talking.change = Change::Retry;
                self.timers.set(Timer::Glare, cx.now + glare_pause(cx, self.outbound));
            }
            // The peer has lost the dialog (section 12.2.1.2).
            status if ends_dialog(status) => self.bye(cx, None, Ending::TimedOut),
            Status::SESSION_INTERVAL_TOO_SMALL => self.lengthen_refresh(cx.now, response),
            _ => {}
        }
        self.send_identity(cx);
    }

    fn change_accepted(&mut self, cx: &mut Context, response: &Response) {
        self.move_target(&response.addresses("Contact").unwrap_or_default());
        let number = response.cseq().map_or(0, |cseq| cseq.number);
        let Some(talking) = self.state.talking_mut() else { return };
        let destination = in_dialog(self.peer, &talking.dialog);
        let refresh = agreed_refresh(response, talking.refresh);
        let copy = talking.acked.as_ref().filter(|(last, _)| *last == number).map(|(_, bytes)| bytes.clone());
        if let Some(bytes) = copy {
            cx.send(destination, bytes);
            return self.set_refresh(cx.now, refresh);
        }
        let bytes = cx.send_ack(talking.dialog.ack(number), destination);
        talking.acked = Some((number, bytes));
        self.set_refresh(cx.now, refresh);
        match self.take_answer(&response.headers, &response.body) {
            Some(remote) => self.say(cx, Event::Changed { session: self.id, remote }),
            None => self.bye(cx, None, Ending::NoCommonAudio),
        }
    }

    /// Takes the peer's answer to our offer; `None` when there is none that we can use.
    pub(super) fn take_answer(&mut self, headers: &Headers, body: &[u8]) -> Option<OfferedAudio> {
        let found = self.audio.find_answer(headers, body, self.peer.address.ip())?;
        self.audio.settle_answer(found)
    }
}

/// How long to wait after glare: who made the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps of
/// 10 ms (RFC 3261 section 14.1).
fn glare_pause(cx: &mut Context, outbound: bool) -> Duration {
    let (low, high) = if outbound { (210, 400) } else { (0, 200) };
    Duration::from_millis(cx.random.between(low, high) * 10)
}

fn info_key(request: &Request) -> Option<char> {
    let text = std::str::from_utf8(&request.body).ok()?;
    let key = match request.content_type()?.as_str() {
        "application/dtmf" => text.trim(),
        _ => text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then_some(value.trim())
        })?,
    };
    let mut letters = key.chars();
    let letter = letters.next()?.to_ascii_uppercase();
    let letter = match (letter, letters.next()) {
        (letter, None) => letter,
        // Event codes 10 and 11 as some phones write them.
        ('1', Some('0')) => '*',
        ('1', Some('1')) => '#',
        (_, Some(_)) => return None,
    };
    "0123456789*#ABCD".contains(letter).then_some(letter)
}
