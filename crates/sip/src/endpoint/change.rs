//! What happens inside a session: re-INVITE, UPDATE, INFO, BYE, and our own re-INVITE with its glare.

use std::time::Duration;

use super::alive::ends_dialog;
use super::inbound::{agreement, find_audio, read_offer, unacked};
use super::session::{Change, Stage, choose};
use super::timer::{agree_refresh, agreed_refresh, ask_refresh};
use super::transactions::{Owner, ServerKey};
use super::{Answer, Ending, Endpoint, Event, SessionId};
use crate::{Codec, Direction, Method, Moment, Request, Response, Status, answer as sdp_answer, offer};

impl Endpoint {
    /// The peer's next CSeq number; false when it is not above the last.
    pub(super) fn take_number(&mut self, id: SessionId, number: u32) -> bool {
        match self.sessions.get_mut(&id).map(|session| &mut session.stage) {
            Some(Stage::Incoming(incoming)) => incoming.dialog.advance_remote(number).is_ok(),
            Some(Stage::Talking(talking)) => talking.dialog.advance_remote(number).is_ok(),
            Some(Stage::Outgoing(_)) | None => true,
        }
    }

    /// True when [`Endpoint::take_number`] would take it.
    pub(super) fn is_next_number(&self, id: SessionId, number: u32) -> bool {
        self.sessions.get(&id).is_some_and(|session| match &session.stage {
            Stage::Incoming(incoming) => incoming.dialog.is_next_remote(number),
            Stage::Talking(talking) => talking.dialog.is_next_remote(number),
            Stage::Outgoing(_) => true,
        })
    }

    /// A re-INVITE or UPDATE.
    pub(super) fn peer_changes(&mut self, now: Moment, key: &ServerKey, id: SessionId, request: &Request) {
        if let Err(answer) = self.try_change(now, key, id, request) {
            self.refuse_request(now, key, &answer);
        }
    }

    fn try_change(
        &mut self,
        now: Moment,
        key: &ServerKey,
        id: SessionId,
        request: &Request,
    ) -> Result<(), Answer> {
        let gone = || Answer::new(Status::NO_SUCH_CALL);
        let source = self.sessions.get(&id).ok_or_else(gone)?.peer.address;
        let theirs = read_offer(request, source.ip())?;
        let is_update = request.method == Method::Update;
        if is_update && theirs.is_none() {
            return self.refresh_only(now, key, id, request);
        }
        self.may_change(id)?;
        let refresh = agree_refresh(now, request, self.patience.session_interval)?;
        let contacts = request.addresses("Contact").unwrap_or_default();
        let contact = self.contact(id);
        let session = self.sessions.get_mut(&id).ok_or_else(gone)?;
        let ours = session.audio.codecs.clone();
        let mut changed = None;
        let body = match &theirs {
            Some(theirs) => {
                let mut remote = find_audio(theirs, &ours, session.audio.security.encryption())?;
                let before = session.remote.clone();
                let keys = before.as_ref().and_then(|remote| remote.keys.as_deref());
                session.audio.security.answer(&mut remote, keys, &mut self.random);
                let in_use = before.as_ref().and_then(|remote| remote.codecs.first().copied());
                let codec = choose(&remote, in_use.unwrap_or(Codec::Pcma));
                let settled = session.settle(&remote, codec);
                changed = Some(settled);
                session.describe(|audio| sdp_answer(theirs, &remote, audio, codec))
            }
            None => session.describe(offer),
        };
        let answer = agreement(contact, refresh);
        let bytes = self.answer(now, key, &answer, body);
        if let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage) {
            talking.dialog.refresh_target(&contacts);
            talking.refresh = refresh;
            if !is_update {
                let number = request.cseq().map_or(0, |cseq| cseq.number);
                talking.unacked = Some(unacked(now, number, bytes, false, theirs.is_none()));
            }
        }
        self.reschedule(id);
        if let Some(remote) = changed {
            self.event(Event::Changed { session: id, remote });
        }
        Ok(())
    }

    /// An UPDATE without a description: a sign of life, or a new Contact.
    fn refresh_only(
        &mut self,
        now: Moment,
        key: &ServerKey,
        id: SessionId,
        request: &Request,
    ) -> Result<(), Answer> {
        let refresh = agree_refresh(now, request, self.patience.session_interval)?;
        let contacts = request.addresses("Contact").unwrap_or_default();
        if let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage) {
            talking.dialog.refresh_target(&contacts);
            talking.refresh = refresh;
        }
        let contact = self.contact(id);
        let answer = agreement(contact, refresh);
        self.answer(now, key, &answer, Vec::new());
        self.reschedule(id);
        Ok(())
    }

    /// An offer needs a session that stands and in which no other offer is under way (RFC 3261
    /// section 14.2, RFC 3311 section 5.2).
    fn may_change(&self, id: SessionId) -> Result<(), Answer> {
        let session = self.sessions.get(&id).ok_or_else(|| Answer::new(Status::NO_SUCH_CALL))?;
        match &session.stage {
            Stage::Incoming(_) | Stage::Outgoing(_) => {
                Err(Answer::new(Status::SERVER_ERROR).with("Retry-After", "3"))
            }
            Stage::Talking(talking) => {
                let open = talking.unacked.as_ref().is_some_and(|unacked| !unacked.arrived);
                if open || talking.change == Change::Pending {
                    return Err(Answer::new(Status::REQUEST_PENDING));
                }
                Ok(())
            }
        }
    }

    /// INFO: a key, in one of its two dresses (`Signal=5` or the bare key), or nothing that matters.
    pub(super) fn peer_informs(&mut self, now: Moment, key: &ServerKey, id: SessionId, request: &Request) {
        self.answer(now, key, &Answer::new(Status::OK), Vec::new());
        let talks = self.sessions.get(&id).is_some_and(|session| matches!(session.stage, Stage::Talking(_)));
        if let Some(digit) = info_key(request)
            && talks
        {
            self.event(Event::Digit { session: id, key: digit });
        }
    }

    /// BYE: 200, and 487 to an INVITE that is still open.
    pub(super) fn peer_hangs_up(&mut self, now: Moment, key: &ServerKey, id: SessionId) {
        self.answer(now, key, &Answer::new(Status::OK), Vec::new());
        let Some(session) = self.sessions.get(&id) else { return };
        match &session.stage {
            Stage::Incoming(incoming) => {
                let invite = incoming.server.clone();
                self.refuse_request(now, &invite, &Answer::new(Status::REQUEST_TERMINATED));
                self.finish(id, Ending::Cancelled);
            }
            // The callee may not do this (section 15), but its word that it is over is clear enough.
            Stage::Outgoing(outgoing) => {
                let client = outgoing.client.clone();
                self.finish(id, Ending::Refused(Status::TEMPORARILY_UNAVAILABLE));
                self.forget_client(now, &client);
            }
            Stage::Talking(_) => self.finish(id, Ending::HungUp),
        }
    }

    /// Changes which way audio flows, by a re-INVITE: hold and resume from our side. False when the
    /// session is not in a state to; `Changed` follows when the peer agreed.
    pub fn reoffer(&mut self, now: Moment, id: SessionId, direction: Direction) -> bool {
        let Some(session) = self.sessions.get_mut(&id) else { return false };
        session.audio.direction = direction;
        let Stage::Talking(talking) = &session.stage else { return false };
        if talking.unacked.is_some() || talking.change != Change::None || talking.closing.is_some() {
            return false;
        }
        self.send_reinvite(now, id);
        true
    }

    pub(super) fn send_reinvite(&mut self, now: Moment, id: SessionId) {
        let contact = self.contact(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let body = session.describe(offer);
        let Stage::Talking(talking) = &mut session.stage else { return };
        talking.change = Change::Pending;
        let mut request = talking.dialog.request(Method::Invite);
        ask_refresh(&mut request, talking.refresh);
        let dialog = talking.dialog.clone();
        let destination = session.destination(&dialog);
        request.headers.push("Contact", contact);
        request.headers.push("Allow", Method::ALLOW);
        request.headers.push("Supported", "timer");
        request.headers.push("User-Agent", &self.settings.user_agent);
        request.headers.push("Content-Type", "application/sdp");
        request.body = body;
        self.start_client(now, request, destination, Owner::Change(id));
        self.reschedule(id);
    }

    /// Something came back for our re-INVITE.
    pub(super) fn change_answered(&mut self, now: Moment, id: SessionId, response: Response) {
        if response.status.is_provisional() {
            return;
        }
        if response.status.is_success() {
            return self.change_accepted(now, id, &response);
        }
        let pause = self.glare_pause(id);
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        talking.asked = None;
        match response.status {
            Status::REQUEST_PENDING => talking.change = Change::Retry { at: now + pause },
            // The peer has lost the dialog (section 12.2.1.2).
            status if ends_dialog(status) => return self.bye(now, id, None, Ending::TimedOut),
            Status::SESSION_INTERVAL_TOO_SMALL => {
                talking.change = Change::None;
                talking.refresh = talking.refresh.at_least(now, &response);
            }
            _ => talking.change = Change::None,
        }
        self.reschedule(id);
    }

    fn change_accepted(&mut self, now: Moment, id: SessionId, response: &Response) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let peer = session.peer;
        let number = response.cseq().map_or(0, |cseq| cseq.number);
        let Stage::Talking(talking) = &mut session.stage else { return };
        let copy = talking.acked.as_ref().filter(|(last, _)| *last == number).map(|(_, bytes)| bytes.clone());
        talking.dialog.refresh_target(&response.addresses("Contact").unwrap_or_default());
        (talking.change, talking.asked) = (Change::None, None);
        talking.refresh = agreed_refresh(now, response, talking.refresh);
        let dialog = talking.dialog.clone();
        let destination = self.sessions.get(&id).map_or(peer, |session| session.destination(&dialog));
        if let Some(bytes) = copy {
            return self.send(destination, bytes);
        }
        let bytes = self.send_ack(dialog.ack(number), destination);
        if let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage) {
            talking.acked = Some((number, bytes));
        }
        match self.take_answer(id, &response.headers, &response.body) {
            Some(remote) => self.event(Event::Changed { session: id, remote }),
            None => return self.bye(now, id, None, Ending::NoCommonAudio),
        }
        self.reschedule(id);
    }

    /// How long to wait after glare: who made the Call-ID 2.1 to 4 s, the other 0 to 2 s, in steps of
    /// 10 ms (section 14.1).
    fn glare_pause(&mut self, id: SessionId) -> Duration {
        let ours = self.sessions.get(&id).is_some_and(|session| session.outbound);
        let (low, high) = if ours { (210, 400) } else { (0, 200) };
        Duration::from_millis(self.random.between(low, high) * 10)
    }
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
