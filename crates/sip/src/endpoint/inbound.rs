//! Calls that come in.

use std::net::{IpAddr, SocketAddr};

use super::check::bad_request;
use super::receive::{Arrival, capabilities, overloaded};
use super::reliable::Provisional;
use super::session::{Change, Incoming, Refresh, Session, Stage, Talking, Unacked, choose, takes_update};
use super::timer::{agree_refresh, state_refresh};
use super::transactions::{ServerKey, ServerMachine};
use super::{Answer, Destination, Ending, Endpoint, Event, SessionId, Transport, reply};
use crate::dialog::Dialog;
use crate::message::description;
use crate::transaction::{T1, TRY_FOR};
use crate::{
    Codec, Direction, Encryption, Headers, LocalAudio, Moment, NoCommonAudio, OfferedAudio, Request, Sdp,
    SdpError, Security, Status, answer as sdp_answer, offer,
};

/// All that we speak; what a call may choose from.
pub(super) const OUR_CODECS: [Codec; 6] = Codec::ALL;

impl Endpoint {
    /// An INVITE outside dialogs: a new session, unless its offer is nothing for us.
    pub(super) fn invited(&mut self, now: Moment, arrival: Arrival, request: Request) {
        let Arrival { flow, key, .. } = arrival;
        if self.sessions.len() >= self.settings.max_sessions {
            return self.turn_down(now, key, &overloaded());
        }
        match self.open_incoming(now, arrival, &request) {
            Err(answer) => self.turn_down(now, key, &answer),
            Ok((id, remote)) => {
                self.event(Event::Invited { session: id, request: Box::new(request), flow, remote });
            }
        }
    }

    fn open_incoming(
        &mut self,
        now: Moment,
        arrival: Arrival,
        request: &Request,
    ) -> Result<(SessionId, Option<OfferedAudio>), Answer> {
        let Arrival { flow, key, essentials } = arrival;
        let offer = read_offer(request, flow.source.ip())?;
        let find = |sdp| {
            find_audio(sdp, &OUR_CODECS, Encryption::Off)
                .or_else(|_| find_audio(sdp, &OUR_CODECS, Encryption::Optional))
        };
        let mut remote = offer.as_ref().map(find).transpose()?;
        let mut audio = self.silent_audio(flow.local);
        if let Some(remote) = &mut remote {
            audio.security.answer(remote, None, &mut self.random);
        }
        let refresh = agree_refresh(now, request, self.patience.session_interval)?;
        let id = SessionId(self.new_id());
        let local_tag = self.servers.get(key).map(|slot| slot.tag.clone()).unwrap_or_default();
        let dialog = Dialog::answering(request, reply::local_party(request, &local_tag))
            .ok_or_else(|| bad_request("no dialog can be made"))?;
        if let Some(slot) = self.servers.get_mut(key) {
            slot.session = Some(id);
        }
        let session = Session {
            call_id: essentials.call_id.clone(),
            local_tag: local_tag.clone(),
            outbound: false,
            peer: flow.into(),
            audio,
            remote: remote.clone(),
            described: None,
            quiet: false,
            stage: Stage::Incoming(Incoming {
                server: key.clone(),
                dialog,
                offer,
                refresh,
                provisional: Provisional::of(request),
            }),
        };
        self.sessions.insert(id, session);
        self.dialogs.insert((essentials.call_id.clone(), local_tag), id);
        Ok((id, remote))
    }

    /// Our side before the user names an address.
    fn silent_audio(&mut self, local: SocketAddr) -> LocalAudio {
        LocalAudio {
            rtp: local,
            codecs: OUR_CODECS.to_vec(),
            direction: Direction::SendReceive,
            security: Security::answering(Encryption::Off),
            session_id: self.random.draw() >> 2,
            version: 1,
        }
    }

    /// Inbound: the caller is let in; tells the network at once that we work on it (100), and by a reliable 180 whoever
    /// requires provisional answers to be reliable.
    pub fn admit(&mut self, now: Moment, session: SessionId) {
        if self.owes_provisional(session) {
            return self.ring(now, session);
        }
        let Some(key) = self.incoming(session) else { return };
        let mut steps = Vec::new();
        if let Some(ServerMachine::Invite(machine)) = self.servers.get_mut(&key).map(|slot| &mut slot.machine)
        {
            machine.hurry(&mut steps);
        }
        self.server_steps(&key, steps);
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
        id: SessionId,
        security: Security,
        codecs: &[Codec],
    ) -> Result<Option<OfferedAudio>, NoCommonAudio> {
        let Some(session) = self.sessions.get_mut(&id) else { return Ok(None) };
        let Stage::Incoming(Incoming { offer, .. }) = &session.stage else {
            return Ok(session.remote.clone());
        };
        let encryption = security.encryption();
        session.audio.security = security;
        session.audio.codecs = codecs.to_vec();
        session.remote = match offer {
            Some(offer) => {
                let mut remote = OfferedAudio::find(offer, codecs, encryption)?;
                session.audio.security.answer(&mut remote, None, &mut self.random);
                Some(remote)
            }
            None => None,
        };
        Ok(session.remote.clone())
    }

    /// Inbound: refuse it with a final response. `Ended` follows.
    pub fn refuse(&mut self, now: Moment, session: SessionId, answer: &Answer) {
        let Some(key) = self.incoming(session) else { return };
        self.refuse_request(now, &key, answer);
        self.finish(session, Ending::Ours);
    }

    /// Inbound: refuses one whose sender is not known or not let in, without keeping anything of it: the answer to
    /// a copy has to be the same by itself, as a challenge is. `Ended` follows.
    pub fn turn_away(&mut self, now: Moment, session: SessionId, answer: &Answer) {
        let Some(key) = self.incoming(session) else { return };
        self.turn_down(now, &key, answer);
        self.finish(session, Ending::Ours);
    }

    /// Inbound: take the call with our audio at `rtp`, in `codec` if the peer has it, else in the peer's
    /// first that we share. `Connected` follows with the ACK.
    pub fn accept(&mut self, now: Moment, id: SessionId, rtp: SocketAddr, codec: Codec) {
        let Some(key) = self.incoming(id) else { return };
        let contact = self.contact(id);
        let Some(session) = self.sessions.get_mut(&id) else { return };
        session.audio.rtp = rtp;
        session.audio.codecs.sort_by_key(|ours| *ours != codec);
        let Stage::Incoming(incoming) = &mut session.stage else { return };
        let (theirs, dialog, refresh) = (incoming.offer.clone(), incoming.dialog.clone(), incoming.refresh);
        let provisional = std::mem::replace(&mut incoming.provisional, Provisional::Plain).overtaken();
        let body = match (&theirs, session.remote.clone()) {
            (Some(theirs), Some(remote)) => {
                let codec = choose(&remote, codec);
                session.settle(&remote, codec);
                session.describe(|audio| sdp_answer(theirs, &remote, audio, codec))
            }
            (Some(_) | None, Some(_) | None) => {
                let encryption = session.audio.security.encryption();
                session.audio.security = Security::offering(encryption, &mut self.random);
                session.describe(offer)
            }
        };
        let invite = self.servers.get(&key).map(|slot| &slot.request);
        let number = invite.and_then(|invite| invite.cseq().ok()).map_or(0, |cseq| cseq.number);
        let takes_update = invite.and_then(|invite| takes_update(&invite.headers)).unwrap_or(false);
        let answer = agreement(contact, refresh);
        let bytes = self.answer(now, &key, &answer, body);
        let unacked = Some(unacked(now, number, bytes, true, theirs.is_none()));
        if let Some(session) = self.sessions.get_mut(&id) {
            let change = Change::None;
            session.stage = Stage::Talking(Talking {
                dialog,
                unacked,
                acked: None,
                change,
                provisional,
                refresh,
                takes_update,
                asked: None,
                closing: None,
            });
        }
        self.reschedule(id);
    }

    /// The server transaction of an unanswered inbound session.
    fn incoming(&self, id: SessionId) -> Option<ServerKey> {
        match &self.sessions.get(&id)?.stage {
            Stage::Incoming(incoming) => Some(incoming.server.clone()),
            Stage::Outgoing(_) | Stage::Talking(_) => None,
        }
    }

    /// Our Contact in a session.
    pub(super) fn contact(&self, id: SessionId) -> String {
        self.sessions.get(&id).map(|session| contact_by(session.peer)).unwrap_or_default()
    }

    /// CANCEL (RFC 3261 section 9.2): 200 if its INVITE is known, 487 to the INVITE if that is still open.
    pub(super) fn handle_cancel(&mut self, now: Moment, arrival: Arrival, request: &Request) {
        let Arrival { key, essentials, .. } = arrival;
        let invite = key.of_invite();
        let same_call = |slot: &super::transactions::ServerSlot| {
            slot.request.call_id().is_ok_and(|call_id| call_id == essentials.call_id)
                && slot.request.from().is_ok_and(|from| from.tag() == essentials.from.tag())
        };
        let Some(slot) = self.servers.get(&invite).filter(|slot| same_call(slot)) else {
            return self.turn_down(now, key, &Answer::new(Status::NO_SUCH_CALL));
        };
        if essentials.cseq.method != request.method {
            return self.refuse_request(now, key, &bad_request("CSeq names another method"));
        }
        let session = slot.session;
        let tag = slot.tag.clone();
        let is_open = matches!(&slot.machine, ServerMachine::Invite(machine) if machine.is_open());
        if let Some(slot) = self.servers.get_mut(key) {
            // The To tags of both answers agree (section 9.2).
            slot.tag = tag;
        }
        self.answer(now, key, &Answer::new(Status::OK), Vec::new());
        if is_open {
            self.refuse_request(now, &invite, &Answer::new(Status::REQUEST_TERMINATED));
            if let Some(id) = session {
                self.finish(id, Ending::Cancelled);
            }
        }
    }

    /// The ACK of a 2xx.
    pub(super) fn acknowledged(&mut self, now: Moment, id: SessionId, number: u32, request: &Request) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Stage::Talking(talking) = &mut session.stage else { return };
        let Some(unacked) = talking.unacked.take_if(|unacked| unacked.number == number) else { return };
        let closing = talking.closing.clone();
        self.reschedule(id);
        if let Some(reason) = closing {
            return self.bye(now, id, reason.as_deref(), Ending::Ours);
        }
        if !unacked.offered {
            if unacked.initial
                && !unacked.arrived
                && let Some(remote) = self.sessions.get(&id).and_then(|session| session.remote.clone())
            {
                self.event(Event::Connected { session: id, remote });
            }
            return;
        }
        match self.take_answer(id, &request.headers, &request.body) {
            Some(remote) if unacked.initial => self.event(Event::Connected { session: id, remote }),
            Some(remote) => self.event(Event::Changed { session: id, remote }),
            None => {
                let reason = "SIP;cause=488;text=\"No common audio in ACK\"";
                self.bye(now, id, Some(reason), Ending::NoCommonAudio);
            }
        }
    }

    /// A request inside the dialog shows that the peer has our 200, although its ACK is late or lost: the session stands
    /// (RFC 5407 section 3.1.4). The 200 is repeated until its ACK all the same.
    pub(super) fn answer_arrived(&mut self, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let Stage::Talking(talking) = &mut session.stage else { return };
        let Some(unacked) = talking.unacked.as_mut().filter(|_| talking.closing.is_none()) else { return };
        if !unacked.initial || unacked.offered || std::mem::replace(&mut unacked.arrived, true) {
            return;
        }
        if let Some(remote) = session.remote.clone() {
            self.event(Event::Connected { session: id, remote });
        }
    }

    /// Takes the peer's answer to our offer; `None` when there is none that we can use.
    pub(super) fn take_answer(
        &mut self,
        id: SessionId,
        headers: &Headers,
        body: &[u8],
    ) -> Option<OfferedAudio> {
        let session = self.sessions.get_mut(&id)?;
        let sdp = read_description(headers, body, session.peer.address.ip())?.ok()?;
        session.settle_answer(session.find_answer(&sdp)?)
    }
}

/// Our Contact for whoever is there.
pub(super) fn contact_by(peer: Destination) -> String {
    match peer.transport {
        Transport::Udp => format!("<sip:{}>", peer.local),
        Transport::Tcp => format!("<sip:{};transport=tcp>", peer.local),
    }
}

/// A 2xx that was just sent.
pub(super) fn unacked(now: Moment, number: u32, bytes: Vec<u8>, initial: bool, offered: bool) -> Unacked {
    Unacked {
        number,
        bytes,
        next: now + T1,
        pause: T1 * 2,
        until: now + TRY_FOR,
        initial,
        offered,
        arrived: false,
    }
}

/// The 200 to an INVITE or UPDATE: how we are reached, what we can do, who refreshes the session.
pub(super) fn agreement(contact: String, refresh: Refresh) -> Answer {
    state_refresh(capabilities(Answer::new(Status::OK)).with("Contact", contact), refresh)
}

/// The description in a request; `None` when it has no body.
///
/// `source`: where the request came from.
pub(super) fn read_offer(request: &Request, source: IpAddr) -> Result<Option<Sdp>, Answer> {
    if request.body.is_empty() {
        return Ok(None);
    }
    let read = read_description(&request.headers, &request.body, source);
    read.transpose().map_err(|error| bad_request(&error.to_string()))
}

/// The description in a body, also as one part of several; `None` without one. Names in it are `source`.
pub(super) fn read_description(
    headers: &Headers,
    body: &[u8],
    source: IpAddr,
) -> Option<Result<Sdp, SdpError>> {
    let read = Sdp::parse(description(headers, body)?);
    Some(read.map(|mut sdp| {
        sdp.place_names(source);
        sdp
    }))
}

/// Its audio for us, or 488.
pub(super) fn find_audio(sdp: &Sdp, ours: &[Codec], encryption: Encryption) -> Result<OfferedAudio, Answer> {
    OfferedAudio::find(sdp, ours, encryption).map_err(|_| {
        let warning = "304 sip \"no RTP/AVP audio with PCMU, PCMA, G722, opus or L16\"";
        Answer::new(Status::NOT_ACCEPTABLE_HERE).with("Warning", warning)
    })
}
