//! Calls that come in, and our 2xx until its ACK.

use std::net::SocketAddr;

use super::negotiation::{Negotiation, OUR_CODECS, choose, find_audio, read_offer};
use super::refer::Referrals;
use super::referring::Referring;
use super::refresh::{Refresh, agree_refresh, state_refresh};
use super::reliable::Provisional;
use super::{Invited, Role, Session, SessionState, Talking, Timer, Unacked, takes_update};
use crate::dialog::Dialog;
use crate::endpoint::answers::{bad_request, capabilities};
use crate::endpoint::context::Context;
use crate::endpoint::destination::{is_sips, our_binding};
use crate::endpoint::servers::Arrival;
use crate::endpoint::{Answer, Ending, Event, Flow, SessionId, reply};
use crate::timers::Timers;
use crate::transaction::{T1, T2, TRY_FOR};
use crate::{
    Codec, Direction, Encryption, LocalAudio, NoCommonAudio, OfferedAudio, Request, Security, Status,
    answer as sdp_answer, offer,
};

impl Session {
    /// The session that an INVITE begins, and the audio that it offers; otherwise what it is refused with.
    pub(crate) fn invited(
        cx: &mut Context,
        arrival: Arrival,
        request: &Request,
    ) -> Result<(Session, Option<OfferedAudio>), Answer> {
        let Arrival { flow, key, essentials } = arrival;
        let offer = read_offer(request, flow.source.ip())?;
        let find = |sdp| {
            find_audio(sdp, &OUR_CODECS, Encryption::Off)
                .or_else(|_| find_audio(sdp, &OUR_CODECS, Encryption::Optional))
        };
        let mut remote = offer.as_ref().map(find).transpose()?;
        let mut ours = silent_audio(cx, flow.local);
        if let Some(remote) = &mut remote {
            ours.security.answer(remote, None, &mut cx.random);
        }
        let refresh = agree_refresh(request, cx.patience.session_interval)?;
        let id = SessionId(cx.new_id());
        let local_tag = cx.servers.get(key).map(|slot| slot.tag.clone()).unwrap_or_default();
        let dialog = Dialog::answering(request, reply::local_party(request, &local_tag))
            .ok_or_else(|| bad_request("no dialog can be made"))?;
        if let Some(slot) = cx.servers.get_mut(key) {
            slot.session = Some(id);
        }
        let (server, provisional) = (key.clone(), Provisional::of(request));
        let session = Session {
            id,
            call_id: essentials.call_id.clone(),
            local_tag,
            outbound: false,
            peer: flow.into(),
            is_sips: is_sips(request),
            audio: Negotiation::new(ours, remote.clone()),
            timers: Timers::default(),
            referrals: Referrals::default(),
            referring: Referring::default(),
            identity: Vec::new(),
            is_identity_sent: true,
            state: SessionState::Invited(Invited { server, dialog, offer, refresh, provisional, said: None }),
        };
        Ok((session, remote))
    }

    /// The caller is let in.
    pub(crate) fn admit(&mut self, cx: &mut Context) {
        let SessionState::Invited(invited) = &self.state else { return };
        if invited.owes_provisional() {
            return self.ring(cx);
        }
        cx.hurry(&invited.server);
    }

    /// Holds an unanswered session to `security` and `codecs`; the peer's audio as it is then.
    pub(crate) fn secure(
        &mut self,
        cx: &mut Context,
        security: Security,
        codecs: &[Codec],
    ) -> Result<Option<OfferedAudio>, NoCommonAudio> {
        let SessionState::Invited(invited) = &self.state else { return Ok(self.audio.theirs.clone()) };
        let encryption = security.encryption();
        self.audio.ours.security = security;
        self.audio.ours.codecs = codecs.to_vec();
        self.audio.theirs = match &invited.offer {
            Some(offer) => {
                let mut remote = OfferedAudio::find(offer, codecs, encryption)?;
                self.audio.ours.security.answer(&mut remote, None, &mut cx.random);
                Some(remote)
            }
            None => None,
        };
        Ok(self.audio.theirs.clone())
    }

    /// Refuses an unanswered session.
    pub(crate) fn refuse(&mut self, cx: &mut Context, answer: &Answer) {
        let SessionState::Invited(invited) = &self.state else { return };
        cx.reply(&invited.server, answer);
        self.end(cx, Ending::Ours);
    }

    /// Refuses an unanswered session without keeping anything of it.
    pub(crate) fn turn_away(&mut self, cx: &mut Context, answer: &Answer) {
        let SessionState::Invited(invited) = &self.state else { return };
        cx.turn_down(&invited.server, answer);
        self.end(cx, Ending::Ours);
    }

    /// Sends audio before the answer: 183 with our description. Where the peer wants provisional answers to be reliable, or
    /// offered nothing, it rings instead: a reliable 183 would keep the final answer waiting for its PRACK.
    pub(crate) fn progress(&mut self, cx: &mut Context, rtp: SocketAddr, codec: Codec) {
        let SessionState::Invited(invited) = &mut self.state else { return };
        if invited.said.is_some() {
            return;
        }
        let is_plain = matches!(invited.provisional, Provisional::Plain);
        match is_plain.then(|| self.audio.answer_offer(invited, rtp, codec)).flatten() {
            Some(body) => {
                let answer = Answer::new(Status::SESSION_PROGRESS);
                let answer = capabilities(answer).with("Contact", our_binding(self.peer, self.is_sips));
                cx.answer(&invited.server, &answer, body.clone());
                invited.said = Some(body);
            }
            None => self.ring(cx),
        }
    }

    /// Takes the call with our audio at `rtp`, in `codec` if the peer has it.
    pub(crate) fn accept(&mut self, cx: &mut Context, rtp: SocketAddr, codec: Codec) {
        let SessionState::Invited(invited) = &mut self.state else { return };
        let body = match invited.said.take().or_else(|| self.audio.answer_offer(invited, rtp, codec)) {
            Some(body) => body,
            None => {
                self.audio.ours.rtp = rtp;
                self.audio.ours.codecs.sort_by_key(|ours| *ours != codec);
                let encryption = self.audio.ours.security.encryption();
                self.audio.ours.security = Security::offering(encryption, &mut cx.random);
                self.audio.describe(offer)
            }
        };
        let invite = cx.servers.get(&invited.server).map(|slot| &slot.request);
        let number = invite.and_then(|invite| invite.cseq().ok()).map_or(0, |cseq| cseq.number);
        let takes_update = invite.and_then(|invite| takes_update(&invite.headers)).unwrap_or(false);
        let refresh = invited.refresh;
        let role = if invited.offer.is_some() { Role::First { arrived: false } } else { Role::FirstOffer };
        let provisional = std::mem::replace(&mut invited.provisional, Provisional::Plain).overtaken();
        let answer = agreement(our_binding(self.peer, self.is_sips), refresh);
        let bytes = cx.answer(&invited.server, &answer, body);
        let talking = Talking { provisional, ..Talking::new(invited.dialog.clone(), takes_update) };
        self.state = SessionState::Talking(talking);
        self.await_ack(cx, number, bytes, role);
        self.set_refresh(cx.now, refresh);
    }

    /// Sends a 2xx of ours again until its ACK.
    pub(super) fn await_ack(&mut self, cx: &Context, number: u32, bytes: Vec<u8>, role: Role) {
        if let Some(talking) = self.state.talking_mut() {
            talking.unacked = Some(Unacked { number, bytes, pause: T1 * 2, role });
            self.timers.set(Timer::Resend, cx.now + T1);
            self.timers.set(Timer::Unacknowledged, cx.now + TRY_FOR);
        }
    }

    /// Our reliable 180 or our 2xx goes out again.
    pub(super) fn resend(&mut self, cx: &mut Context) {
        match &mut self.state {
            SessionState::Invited(invited) => {
                let Some((bytes, pause)) = invited.provisional.copy() else { return };
                self.timers.set(Timer::Resend, cx.now + pause);
                if let Some(destination) = cx.servers.get(&invited.server).map(|slot| slot.destination) {
                    cx.send(destination, bytes);
                }
            }
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                let Some(unacked) = &mut talking.unacked else { return };
                self.timers.set(Timer::Resend, cx.now + unacked.pause.min(T2));
                unacked.pause = (unacked.pause * 2).min(T2);
                cx.send(self.peer, unacked.bytes.clone());
            }
            SessionState::Calling(_) | SessionState::Withdrawn(_) | SessionState::Over => {}
        }
    }

    /// Nobody acknowledged our reliable 180 or our 2xx.
    pub(super) fn unacknowledged(&mut self, cx: &mut Context) {
        match &self.state {
            SessionState::Invited(invited) => {
                cx.reply(&invited.server, &Answer::new(Status::SERVER_TIMEOUT));
                self.end(cx, Ending::TimedOut);
            }
            SessionState::Talking(_) | SessionState::Closing { .. } => self.time_out(cx, "ACK not received"),
            SessionState::Calling(_) | SessionState::Withdrawn(_) | SessionState::Over => {}
        }
    }

    /// The ACK of a 2xx.
    pub(crate) fn acknowledged(&mut self, cx: &mut Context, flow: Flow, number: u32, request: &Request) {
        self.peer = flow.into();
        let Some(talking) = self.state.talking_mut() else { return };
        let Some(unacked) = talking.unacked.take_if(|unacked| unacked.number == number) else { return };
        self.timers.stop(Timer::Resend);
        self.timers.stop(Timer::Unacknowledged);
        if let SessionState::Closing { reason, .. } = &mut self.state {
            let reason = reason.take();
            return self.bye(cx, reason.as_deref(), Ending::Ours);
        }
        match unacked.role {
            Role::First { arrived: false } => self.say_connected(cx),
            Role::First { arrived: true } | Role::Change => {}
            Role::FirstOffer | Role::ChangeOffer => self.take_acknowledged(cx, unacked.role, request),
        }
    }

    /// The ACK has the answer to the offer in our 2xx.
    fn take_acknowledged(&mut self, cx: &mut Context, role: Role, request: &Request) {
        let session = self.id;
        match self.take_answer(&request.headers, &request.body) {
            Some(remote) if role == Role::FirstOffer => self.say(cx, Event::Connected { session, remote }),
            Some(remote) => self.say(cx, Event::Changed { session, remote }),
            None => {
                let reason = "SIP;cause=488;text=\"No common audio in ACK\"";
                self.bye(cx, Some(reason), Ending::NoCommonAudio);
            }
        }
    }

    /// A request inside the dialog shows that the peer has our 200, although its ACK is late or lost: the session
    /// stands (RFC 5407 section 3.1.4). The 200 is repeated until its ACK all the same.
    pub(super) fn answer_arrived(&mut self, cx: &mut Context) {
        let SessionState::Talking(talking) = &mut self.state else { return };
        let Some(Unacked { role: Role::First { arrived }, .. }) = &mut talking.unacked else { return };
        if !std::mem::replace(arrived, true) {
            self.say_connected(cx);
        }
    }

    fn say_connected(&self, cx: &mut Context) {
        if let Some(remote) = self.audio.theirs.clone() {
            self.say(cx, Event::Connected { session: self.id, remote });
        }
    }
}

impl Negotiation {
    /// Our answer to the caller's offer, with our audio at `rtp`, in `codec` if the caller has it; `None` without an offer.
    fn answer_offer(&mut self, invited: &Invited, rtp: SocketAddr, codec: Codec) -> Option<Vec<u8>> {
        let (theirs, remote) = (invited.offer.as_ref()?, self.theirs.clone()?);
        self.ours.rtp = rtp;
        self.ours.codecs.sort_by_key(|ours| *ours != codec);
        let codec = choose(&remote, codec);
        self.settle(&remote, codec);
        Some(self.describe(|ours| sdp_answer(theirs, &remote, ours, codec)))
    }
}

impl Invited {
    /// True when the caller requires provisional answers to be reliable and has heard none.
    fn owes_provisional(&self) -> bool {
        matches!((&self.provisional, &self.offer), (Provisional::Required, Some(_)))
    }
}

/// Our side before the user names an address.
fn silent_audio(cx: &mut Context, local: SocketAddr) -> LocalAudio {
    LocalAudio {
        rtp: local,
        codecs: OUR_CODECS.to_vec(),
        direction: Direction::SendReceive,
        security: Security::answering(Encryption::Off),
        session_id: cx.random.draw() >> 2,
        version: 1,
    }
}

/// The 200 to an INVITE or UPDATE: how we are reached, what we can do, who refreshes the session.
pub(super) fn agreement(binding: String, refresh: Refresh) -> Answer {
    state_refresh(capabilities(Answer::new(Status::OK)).with("Contact", binding), refresh)
}
