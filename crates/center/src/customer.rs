//! The customer's part of a contact, from the INVITE to its one end.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use model::{
    Cause, ContactEvent, ContactId, Digit, Diversion, End, EndedBy, Language, LeaveReason, LegId, MediaOp,
    Number, Personal, QueueName, Reached, RecordingEvent, RecordingId, RecordingSpec, RemoteMedia,
    SegmentEnd,
};

use crate::alive::who_ended;
use crate::arrange::{HOLD_MUSIC, Hold};
use crate::contact::{Contact, Key, KeyWay, Place, Talk};
use crate::context::Context;
use crate::leg::{Leg, LegEvent, Who, Why};
use crate::limits::{Line, Wait};
use crate::seat::codec_of;
use crate::secure::Secure;
use crate::timers::Timer;

/// Keys that are kept of a customer whose acknowledgement has not come yet.
const MOST_EARLY: usize = 32;

/// What an INVITE of a customer says.
#[derive(Debug)]
pub(crate) struct Invitation {
    pub(crate) trunk: String,
    pub(crate) source: IpAddr,
    /// The address of ours that the customer reached.
    pub(crate) local: IpAddr,
    /// The number whose entry the call takes.
    pub(crate) number: Number,
    pub(crate) diversions: Vec<Diversion>,
    pub(crate) caller: Option<Personal<Number>>,
    pub(crate) caller_name: Option<Personal<String>>,
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) sip_call_id: Box<str>,
}

impl Contact {
    /// A contact for a customer who calls, or why there is none.
    pub(crate) fn begin(cx: &mut Context, leg: LegId, invitation: Invitation) -> Result<Contact, Cause> {
        let Invitation { trunk, source, local, number, diversions, caller, caller_name, remote, sip_call_id } =
            invitation;
        if let Some(lacks) = cx.room.shortage(cx.config.media_threads) {
            return Err(lacks.cause());
        }
        let route = cx.config.routes.get(&number).ok_or(Cause::UnknownNumber)?;
        let line = Line { trunk: trunk.clone(), source };
        let limits = cx.config.trunks.get(&trunk).copied().unwrap_or_default();
        if let Some(cause) = cx.load.refusal(&line, limits) {
            return Err(cause);
        }
        let wait = Wait::granted(route.longest_wait);
        let (language, flow) = (route.language, route.flow.versioned_name());
        let session = ivr::Session::new(route.flow.clone(), language);
        let (call, id) = (cx.new_call(), ContactId::new(&mut cx.ids, cx.now));
        cx.load.add(&line);
        cx.record(ContactEvent::Started {
            contact: id,
            caller: caller.clone(),
            caller_name,
            number,
            diversions,
            trunk,
            language,
            flow,
            sip_call_id: Some(sip_call_id.into()),
        });
        cx.open(leg, Leg::inbound(call, local, Who::Customer, Why::Contact(id)));
        Ok(Contact {
            id,
            call,
            leg,
            caller,
            line: Some(line),
            session,
            wait,
            play: None,
            recording: None,
            masks: BTreeSet::new(),
            secure: Secure::Open,
            pressed: None,
            remote,
            place: Place::Opening { tried: BTreeSet::new() },
            talked: false,
            moves: 0,
            returns: 0,
            last_key: None,
        })
    }

    /// The customer's leg has something to say.
    pub(crate) fn customer_event(&mut self, cx: &mut Context, event: LegEvent) {
        match event {
            LegEvent::Changed(remote) => {
                self.remote = Some(remote.clone());
                let holds = cx.connect(self.call, self.leg, remote);
                self.hold(cx, Hold::Customer, holds);
            }
            // Between bridged legs keys pass by themselves.
            LegEvent::Key(_, KeyWay::Audio) if self.talk().is_some() && !self.secure.takes_keys() => {}
            LegEvent::Key(digit, way) => self.key(cx, digit, way),
            LegEvent::Played(play) => {
                if self.play.take_if(|awaited| *awaited == play).is_none() {
                    return;
                }
                self.played(cx);
            }
            LegEvent::Over(cause) => self.end(cx, cause, who_ended(cause, EndedBy::Caller)),
            LegEvent::Silent(direction) => self.silent(cx, self.leg, direction),
            LegEvent::Referred(_) => cx.refuse_referral(self.leg),
            LegEvent::Ringing => self.customer_rings(cx),
            LegEvent::Early(remote) => self.customer_early(cx, remote),
            LegEvent::OneWay => {
                if self.talk().is_some_and(|talk| !talk.held_by_caller) {
                    cx.record(ContactEvent::OneWayAudio { contact: self.id, agent: None });
                }
            }
        }
    }

    /// What the customer was played once is over.
    fn played(&mut self, cx: &mut Context) {
        match self.place {
            Place::Moving(_) => cx.play_round(self.call, self.leg, HOLD_MUSIC),
            Place::Calling(_) => self.notice_over(cx),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Parked(_)
            | Place::Over => {
                self.session.handle(cx.now, ivr::Input::PlayEnded);
                self.follow_session(cx);
            }
        }
    }

    /// The language that the customer hears.
    pub(crate) fn language(&self) -> Language {
        self.session.language()
    }

    /// The port is open: a customer whom we call is dialled; else the recording begins, then we answer.
    pub(crate) fn customer_open(&mut self, cx: &mut Context, rtp: SocketAddr) {
        if let Place::Calling(_) = self.place {
            return self.dial_customer(cx, rtp);
        }
        self.place = Place::Answering { early: Vec::new() };
        self.record_from_now(cx);
        cx.answer(self.leg, rtp, self.remote.as_ref());
    }

    /// The customer is heard, and recorded, from now on.
    pub(crate) fn record_from_now(&mut self, cx: &mut Context) {
        let (leg, contact, call) = (self.leg, self.id, self.call);
        if let Some(remote) = self.remote.clone() {
            cx.media(call, MediaOp::Connect { leg, remote });
        }
        let recording = RecordingId::new(&mut cx.ids, cx.now);
        self.recording = Some(recording);
        cx.recordings.insert(recording, contact);
        // The recording keeps what the customer's codec can carry.
        let rate = codec_of(self.remote.as_ref()).rate();
        let path = (cx.config.recording_path)(contact, cx.local_date());
        let spec = RecordingSpec { recording, contact, leg, path: path.clone(), rate };
        cx.media(call, MediaOp::StartRecording(spec));
        cx.record(RecordingEvent::Opened { recording, contact, path, channels: 2, rate });
    }

    /// Our answer was acknowledged: the flow begins. Or a customer whom we called answered.
    pub(crate) fn connected(&mut self, cx: &mut Context, remote: RemoteMedia) {
        if let Place::Calling(_) = self.place {
            return self.customer_answered(cx, remote);
        }
        let Place::Answering { early } = &mut self.place else { return };
        let early = std::mem::take(early);
        self.place = Place::InFlow;
        if self.remote.as_ref() != Some(&remote) {
            self.remote = Some(remote.clone());
            cx.media(self.call, MediaOp::Connect { leg: self.leg, remote });
        }
        cx.record(ContactEvent::Answered { contact: self.id });
        self.session.handle(cx.now, ivr::Input::Start);
        self.follow_session(cx);
        for digit in early {
            self.flow_key(cx, digit);
        }
    }

    fn key(&mut self, cx: &mut Context, digit: Digit, way: KeyWay) {
        let before = self.last_key.replace(Key { digit, way, at: cx.now });
        if before.is_some_and(|before| before.is_also(digit, way, cx.now)) {
            self.last_key = before;
            return;
        }
        if self.take_secret_key(cx, digit) {
            return;
        }
        match &mut self.place {
            Place::InFlow | Place::Waiting { .. } => self.flow_key(cx, digit),
            Place::Talking(Talk { leg, .. }) => {
                let leg = *leg;
                cx.media(self.call, MediaOp::SendDigit { leg, digit });
            }
            // Audio and INFO may overtake the ACK: our answer is all that the customer waits for before pressing.
            Place::Answering { early } if early.len() < MOST_EARLY => early.push(digit),
            Place::Answering { .. }
            | Place::Opening { .. }
            | Place::Calling(_)
            | Place::Moving(_)
            | Place::Parked(_)
            | Place::Over => {}
        }
    }

    fn flow_key(&mut self, cx: &mut Context, digit: Digit) {
        if !self.is_over() {
            self.session.handle(cx.now, ivr::Input::Digit(digit));
            self.follow_session(cx);
        }
    }

    /// The flow's own time has come.
    pub(crate) fn flow_timeout(&mut self, cx: &mut Context) {
        self.session.handle_timeout(cx.now);
        self.follow_session(cx);
    }

    /// Carries out what the session ordered, and sets its timer.
    pub(crate) fn follow_session(&mut self, cx: &mut Context) {
        while !self.is_over()
            && let Some(output) = self.session.poll_output()
        {
            self.obey_session(cx, output);
        }
        if !self.is_over() {
            cx.timers.set(Timer::Flow(self.id), self.session.poll_timeout());
        }
    }

    fn obey_session(&mut self, cx: &mut Context, output: ivr::Output) {
        let (leg, contact, call) = (self.leg, self.id, self.call);
        match output {
            ivr::Output::Play(ivr::Sound { clips, mode }) => {
                let play = cx.new_play();
                self.play = Some(play);
                cx.media(call, MediaOp::Play { leg, play, clips, mode });
            }
            ivr::Output::StopPlay => {
                self.play = None;
                cx.media(call, MediaOp::StopPlay { leg });
            }
            ivr::Output::NodeEntered(node) => cx.record(ContactEvent::NodeEntered { contact, node }),
            ivr::Output::Pressed(node, digit) => {
                cx.record(ContactEvent::DigitPressed { contact, node, digit })
            }
            ivr::Output::SecretBegan(node) => self.secret_node_entered(cx, node),
            ivr::Output::SecretEnded { node, digits, complete, by_end_key } => {
                self.secret_node_left(cx, node, digits, (complete, by_end_key));
            }
            ivr::Output::LanguageChosen(language) => {
                cx.record(ContactEvent::LanguageChosen { contact, language });
            }
            ivr::Output::Enqueue(queue, bonus_s) => {
                self.enter_queue(cx, queue, bonus_s);
            }
            ivr::Output::Dial { extension, queue, by_keys } => {
                self.dial_extension(cx, extension, queue, by_keys);
            }
            ivr::Output::AskPosition => cx.acd(acd::Input::AskPosition(contact)),
            ivr::Output::HangUp => {
                let (cause, by) = match (cx.farewell, self.wait.is_over) {
                    (true, _) => (Cause::ShuttingDown, EndedBy::Operator),
                    (false, true) => (Cause::WaitedOut, EndedBy::Center),
                    (false, false) => (Cause::FlowFinished, EndedBy::Center),
                };
                self.end(cx, cause, by);
            }
        }
    }

    /// The position in a queue that was asked for, if the customer still waits in that queue.
    pub(crate) fn tell_position(&mut self, cx: &mut Context, of: &QueueName, position: u32) {
        if matches!(&self.place, Place::Waiting { queue, .. } if queue == of) {
            self.session.handle(cx.now, ivr::Input::Position(position));
            self.follow_session(cx);
        }
    }

    /// The one way in which a contact ends.
    pub(crate) fn end(&mut self, cx: &mut Context, cause: Cause, by: EndedBy) {
        if self.is_over() {
            return;
        }
        let reached = match &self.place {
            _ if self.talked => Reached::Person,
            Place::Waiting { .. } => Reached::Queue,
            Place::Calling(calling) => calling.reached(by),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Parked(_)
            | Place::Over => Reached::Flow,
        };
        if let Some(line) = &self.line {
            cx.load.remove(line);
        }
        self.end_all_secret(cx);
        self.leave_queue(cx, cause, by);
        self.end_calling(cx, cause);
        self.end_move(cx);
        self.end_segment(cx, cause, by);
        if let Some(recording) = self.recording.take() {
            cx.media(self.call, MediaOp::StopRecording { recording });
        }
        cx.let_go(self.leg, cause);
        for timer in [Timer::Flow, Timer::SecureInput, Timer::Wait, Timer::Typing] {
            cx.timers.stop(timer(self.id));
        }
        self.place = Place::Over;
        cx.record(ContactEvent::Ended { contact: self.id, end: End::new(cause, by, reached) });
    }

    /// The center closes: a customer whom we answered hears so, out of the queue and without an agent; others end now.
    pub(crate) fn say_farewell(&mut self, cx: &mut Context) {
        let (cause, by) = (Cause::ShuttingDown, EndedBy::Operator);
        match self.place {
            Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Parked(_) => {}
            Place::Opening { .. } | Place::Answering { .. } | Place::Calling(_) | Place::Over => {
                return self.end(cx, cause, by);
            }
        }
        self.leave_queue(cx, cause, by);
        self.end_move(cx);
        self.end_segment(cx, cause, by);
        self.place = Place::InFlow;
        self.session.handle(cx.now, ivr::Input::Closing);
        self.follow_session(cx);
    }

    /// Out of the queue, if it waits; a seat that rings is withdrawn by what follows.
    fn leave_queue(&mut self, cx: &mut Context, cause: Cause, by: EndedBy) {
        let abandoned = by == EndedBy::Caller && matches!(cause, Cause::HungUp | Cause::Cancelled);
        let reason = if abandoned { LeaveReason::Abandoned } else { LeaveReason::Ended };
        cx.acd(acd::Input::Leave { contact: self.id, reason });
    }

    pub(crate) fn end_segment(&mut self, cx: &mut Context, cause: Cause, by: EndedBy) {
        self.end_segment_of(cx, (cause, by), false);
    }

    /// Ends the segment. An agent whose phone `stays` is in a call until that phone is let go.
    pub(crate) fn end_segment_of(&mut self, cx: &mut Context, (cause, by): (Cause, EndedBy), stays: bool) {
        self.dismiss_all(cx);
        let Some(talk) = self.talk() else { return };
        let (segment, agent, leg, contact) = (talk.segment, talk.agent.clone(), talk.leg, self.id);
        self.place = Place::InFlow;
        cx.media(self.call, MediaOp::Unbridge { leg });
        if !stays {
            cx.let_go(leg, cause);
        }
        let end = SegmentEnd { by, cause };
        cx.record(ContactEvent::SegmentEnded { segment, contact, agent: agent.clone(), end });
        self.resume_after_segment(cx);
        if !stays {
            cx.segment_ended(agent);
        }
    }
}
