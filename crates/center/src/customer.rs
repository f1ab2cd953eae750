//! A customer's call, from the INVITE to its one end.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{
    CallId, Cause, Codec, ContactId, Digit, Diversion, Diverted, End, EndedBy, Event, LeaveReason, LegId,
    LegOrder, LegReport, MediaOp, MediaReport, Number, PlayId, Reached, RecordingId, RecordingSpec,
    RemoteMedia, SegmentEnd, Time,
};

use crate::alive::who_ended;
use crate::call::{Call, Customer, Key, KeyWay, Stage, Talk};
use crate::limits::{Line, Wait};
use crate::machine::Center;
use crate::secure::Secure;

/// Keys that are kept of a customer whose acknowledgement has not come yet.
const MOST_EARLY: usize = 32;

impl Center {
    #[expect(clippy::too_many_arguments, reason = "the fields of one report")]
    pub(crate) fn customer_invited(
        &mut self,
        now: Time,
        (leg, local): (LegId, IpAddr),
        (trunk, source, sip_call_id): (String, IpAddr, Box<str>),
        (number, diversions): (Number, Vec<Diversion>),
        caller: Option<Number>,
        caller_name: Option<String>,
        remote: Option<RemoteMedia>,
    ) {
        if self.draining {
            return self.order(leg, LegOrder::Refuse(Cause::ShuttingDown));
        }
        if self.calls.len() >= self.config.max_calls {
            return self.order(leg, LegOrder::Refuse(Cause::CallsFull));
        }
        if let Some(lacks) = self.room.shortage(self.config.media_threads) {
            return self.order(leg, LegOrder::Refuse(lacks.cause()));
        }
        let Some(route) = self.config.routes.get(&number) else {
            return self.order(leg, LegOrder::Refuse(Cause::UnknownNumber));
        };
        let line = Line { trunk: trunk.clone(), source };
        let limits = self.config.trunks.get(&trunk).copied().unwrap_or_default();
        if let Some(cause) = self.load.refusal(&line, limits) {
            return self.order(leg, LegOrder::Refuse(cause));
        }
        let wait = Wait::granted(route.longest_wait);
        let (language, flow) = (route.language, route.flow.versioned_name());
        let session = ivr::Session::new(route.flow.clone(), language);
        let (call, contact) = (self.new_call(now), ContactId::new(&mut self.ids, now));
        let customer = Customer {
            contact,
            leg,
            caller: caller.clone(),
            line: line.clone(),
            session,
            wait,
            play: None,
            recording: Some(RecordingId::new(&mut self.ids, now)),
            masks: BTreeSet::new(),
            secure: Secure::Open,
            pressed: None,
            remote,
            stage: Stage::Opening { local, tried: BTreeSet::new() },
            talked: false,
            last_key: None,
            timer: None,
        };
        self.load.add(&line);
        self.legs.insert(leg, call);
        self.contacts.insert(contact, call);
        self.calls.insert(call, Call::Customer(Box::new(customer)));
        let sip_call_id = Some(sip_call_id.into());
        self.record(
            now,
            Event::ContactStarted {
                contact,
                caller,
                caller_name,
                number,
                diversions,
                trunk,
                language,
                flow,
                sip_call_id,
            },
        );
        self.media(call, MediaOp::Open { leg, on: Some(local) });
    }

    /// The number whose entry a call takes.
    pub(crate) fn entry(&self, dialled: Number, diverted: &Diverted) -> Number {
        let first = diverted.entry().filter(|number| self.config.routes.contains_key(*number));
        first.cloned().unwrap_or(dialled)
    }

    pub(crate) fn customer_leg(&mut self, now: Time, call: CallId, leg: LegId, report: LegReport) {
        if self.is_guest(call, leg) {
            return self.guest_report(now, call, leg, report);
        }
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        if leg != customer.leg {
            return match customer.stage {
                Stage::InFlow { .. } => self.ring_report(now, call, report),
                Stage::Talking(_) => self.talk_report(now, call, report),
                Stage::Opening { .. } | Stage::Answering { .. } => {}
            };
        }
        match report {
            LegReport::Connected { remote } => self.customer_connected(now, call, remote),
            LegReport::Changed { remote } => {
                let holds = !remote.direction.sends();
                customer.remote = Some(remote.clone());
                self.media(call, MediaOp::Connect { leg, remote });
                self.hold(now, call, EndedBy::Caller, holds);
            }
            LegReport::Digit(digit) => self.customer_digit(now, call, digit, KeyWay::Signalling),
            LegReport::Ended { cause } => self.end(now, call, cause, who_ended(cause, EndedBy::Caller)),
            LegReport::Refused(_) => self.end(now, call, Cause::Failed, EndedBy::Center),
            LegReport::Invited { .. } | LegReport::Ringing => {}
        }
    }

    pub(crate) fn customer_media(&mut self, now: Time, call: CallId, leg: LegId, report: MediaReport) {
        if self.is_guest(call, leg) {
            return self.guest_media(now, call, leg, &report);
        }
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let of_customer = leg == customer.leg;
        match report {
            MediaReport::Opened { rtp, .. } if of_customer => self.answer(now, call, rtp),
            MediaReport::Opened { rtp, .. } => self.dial(call, leg, rtp),
            MediaReport::OpenFailed { lacks, .. } if of_customer => self.try_elsewhere(now, call, lacks),
            MediaReport::OpenFailed { .. } => self.seat_refused(now, call, model::Refusal::Failed),
            MediaReport::PlayEnded { play, finished, .. } => {
                if finished && customer.play == Some(play) {
                    customer.play = None;
                    customer.session.handle(now, ivr::Input::PlayEnded);
                    self.follow_session(now, call);
                }
            }
            // Between bridged legs keys pass by themselves; the flow hears the customer's alone.
            MediaReport::Digit { digit, .. } if of_customer => {
                if !matches!(customer.stage, Stage::Talking(_)) || customer.secure.takes_keys() {
                    self.customer_digit(now, call, digit, KeyWay::Audio);
                }
            }
            MediaReport::Digit { .. } => {}
            MediaReport::Silent { direction, .. } => self.silent(now, call, leg, direction),
            MediaReport::OneWay { .. } => {
                if let Stage::Talking(talk) = &customer.stage
                    && !talk.is_held_by(of_customer)
                {
                    let agent = (!of_customer).then(|| talk.agent.clone());
                    let contact = customer.contact;
                    self.record(now, Event::OneWayAudio { contact, agent });
                }
            }
            MediaReport::Closed { .. }
            | MediaReport::Strain { .. }
            | MediaReport::Sealed { .. }
            | MediaReport::RecordingFailed { .. }
            | MediaReport::Storage(_) => {}
        }
    }

    pub(crate) fn customer_timeout(&mut self, now: Time, call: CallId) {
        if let Some(Call::Customer(customer)) = self.calls.get_mut(&call) {
            customer.timer = None;
            customer.session.handle_timeout(now);
            self.secure_timeout(now, call);
            self.guests_timeout(now, call);
            self.wait_timeout(now, call);
            self.follow_session(now, call);
        }
    }

    /// The port is open: the recording begins, then we answer.
    fn answer(&mut self, now: Time, call: CallId, rtp: std::net::SocketAddr) {
        let (year, month, day) = self.local_date(now);
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        if !matches!(customer.stage, Stage::Opening { .. }) {
            return;
        }
        customer.stage = Stage::Answering { early: Vec::new() };
        let (leg, contact) = (customer.leg, customer.contact);
        let Some(recording) = customer.recording else { return };
        let remote = customer.remote.clone();
        let codec = remote.as_ref().map_or(Codec::Pcma, |remote| remote.codec);
        // The recording keeps what the customer's codec can carry.
        let rate = codec.rate();
        let path = format!("{year:04}/{month:02}/{day:02}/{contact}.wav");
        if let Some(remote) = remote {
            self.media(call, MediaOp::Connect { leg, remote });
        }
        let spec = RecordingSpec { recording, contact, leg, path: path.clone(), rate };
        self.media(call, MediaOp::StartRecording(spec));
        self.record(now, Event::RecordingOpened { recording, contact, path, channels: 2, rate });
        self.order(leg, LegOrder::Answer { rtp, codec });
    }

    fn customer_connected(&mut self, now: Time, call: CallId, remote: RemoteMedia) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let Stage::Answering { early } = &mut customer.stage else { return };
        let early = std::mem::take(early);
        customer.stage = Stage::InFlow { ring: None };
        let (leg, contact) = (customer.leg, customer.contact);
        if customer.remote.as_ref() != Some(&remote) {
            customer.remote = Some(remote.clone());
            self.media(call, MediaOp::Connect { leg, remote });
        }
        self.record(now, Event::ContactAnswered { contact });
        if let Some(Call::Customer(customer)) = self.calls.get_mut(&call) {
            customer.session.handle(now, ivr::Input::Start);
        }
        self.follow_session(now, call);
        for digit in early {
            self.flow_digit(now, call, digit);
        }
    }

    fn customer_digit(&mut self, now: Time, call: CallId, digit: Digit, way: KeyWay) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let before = customer.last_key.replace(Key { digit, way, at: now });
        if before.is_some_and(|before| before.is_also(digit, way, now)) {
            customer.last_key = before;
            return;
        }
        if self.take_secret_key(now, call, digit) {
            return;
        }
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        match &mut customer.stage {
            Stage::InFlow { .. } => self.flow_digit(now, call, digit),
            Stage::Talking(Talk { leg, .. }) => {
                let leg = *leg;
                self.media(call, MediaOp::SendDigit { leg, digit });
            }
            // Audio and INFO may overtake the ACK: our answer is all that the customer waits for before pressing.
            Stage::Answering { early } if early.len() < MOST_EARLY => early.push(digit),
            Stage::Answering { .. } | Stage::Opening { .. } => {}
        }
    }

    fn flow_digit(&mut self, now: Time, call: CallId, digit: Digit) {
        if let Some(Call::Customer(customer)) = self.calls.get_mut(&call) {
            customer.session.handle(now, ivr::Input::Digit(digit));
            self.follow_session(now, call);
        }
    }

    /// Carries out what the session ordered, and sets its timer.
    pub(crate) fn follow_session(&mut self, now: Time, call: CallId) {
        while let Some(Call::Customer(customer)) = self.calls.get_mut(&call)
            && let Some(output) = customer.session.poll_output()
        {
            let (leg, contact) = (customer.leg, customer.contact);
            match output {
                ivr::Output::Play(ivr::Sound { clips, mode }) => {
                    let play = PlayId::new(&mut self.ids, now);
                    customer.play = Some(play);
                    self.media(call, MediaOp::Play { leg, play, clips, mode });
                }
                ivr::Output::StopPlay => {
                    customer.play = None;
                    self.media(call, MediaOp::StopPlay { leg });
                }
                ivr::Output::NodeEntered(node) => self.record(now, Event::NodeEntered { contact, node }),
                ivr::Output::Pressed(node, digit) => {
                    self.record(now, Event::DigitPressed { contact, node, digit });
                }
                ivr::Output::SecretBegan(node) => self.secret_node_entered(now, call, node),
                ivr::Output::SecretEnded { node, digits, complete, by_end_key } => {
                    self.secret_node_left(now, call, node, digits, (complete, by_end_key));
                }
                ivr::Output::LanguageChosen(language) => {
                    self.record(now, Event::LanguageChosen { contact, language });
                }
                ivr::Output::Enqueue(queue, bonus_s) => {
                    self.begin_to_wait(now, call, &queue);
                    self.acd(now, acd::Input::Enter { contact, queue, bonus_s, since: now });
                }
                ivr::Output::AskPosition => {
                    // Gone from the queue: an agent has answered, so nothing is to be told.
                    if let Some(position) = self.acd.position(contact) {
                        customer.session.handle(now, ivr::Input::Position(position));
                    }
                }
                ivr::Output::HangUp => {
                    let (cause, by) = match (self.farewell, customer.wait.is_over) {
                        (true, _) => (Cause::ShuttingDown, EndedBy::Operator),
                        (false, true) => (Cause::WaitedOut, EndedBy::Center),
                        (false, false) => (Cause::FlowFinished, EndedBy::Center),
                    };
                    self.end(now, call, cause, by);
                }
            }
        }
        self.rearm(call);
    }

    pub(crate) fn rearm(&mut self, call: CallId) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let guests = match &customer.stage {
            Stage::Talking(talk) => &talk.guests[..],
            Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } => &[],
        };
        let rings = guests.iter().filter_map(|guest| guest.stage.due());
        let waits = customer.wait.due().filter(|_| matches!(customer.stage, Stage::InFlow { .. }));
        let due = customer.session.poll_timeout().into_iter().chain(customer.secure.due());
        let due = due.chain(rings).chain(waits).min();
        if customer.timer != due {
            if let Some(old) = customer.timer {
                self.timers.remove(&(old, call));
            }
            customer.timer = due;
            self.timers.extend(due.map(|due| (due, call)));
        }
    }

    /// The one way in which a call ends.
    pub(crate) fn end(&mut self, now: Time, call: CallId, cause: Cause, by: EndedBy) {
        let Some(ended) = self.calls.get(&call) else { return };
        let customer = match ended {
            Call::Customer(customer) => customer,
            Call::Code(code) => {
                let leg = code.leg;
                let order = if code.answered { LegOrder::HangUp(cause) } else { LegOrder::Refuse(cause) };
                self.calls.remove(&call);
                self.legs.remove(&leg);
                self.order(leg, order);
                return self.media(call, MediaOp::Close { leg });
            }
        };
        let (contact, leg, recording, talked) =
            (customer.contact, customer.leg, customer.recording, customer.talked);
        let answered = !matches!(customer.stage, Stage::Opening { .. });
        let reached = match customer.stage {
            _ if talked => Reached::Person,
            Stage::InFlow { ring: Some(_) } => Reached::Queue,
            _ if self.acd.waits(contact) => Reached::Queue,
            Stage::Opening { .. }
            | Stage::Answering { .. }
            | Stage::InFlow { ring: None }
            | Stage::Talking(_) => Reached::Flow,
        };
        if let Some(due) = customer.timer {
            self.timers.remove(&(due, call));
        }
        self.load.remove(&customer.line);
        self.end_all_secret(now, call);
        self.leave_queue(now, contact, cause, by);
        self.end_segment(now, call, cause, by);
        if answered {
            self.order(leg, LegOrder::HangUp(cause));
            if let Some(recording) = recording {
                self.sealing.insert(recording, contact);
                self.media(call, MediaOp::StopRecording { recording });
            }
        } else {
            self.order(leg, LegOrder::Refuse(cause));
        }
        self.closing.insert(leg, (contact, None));
        self.media(call, MediaOp::Close { leg });
        self.calls.remove(&call);
        self.contacts.remove(&contact);
        self.legs.remove(&leg);
        self.record(now, Event::ContactEnded { contact, end: End::new(cause, by, reached) });
    }

    /// The center closes: a customer whom we answered hears so, out of the queue and without an agent; others end now.
    pub(crate) fn say_farewell(&mut self, now: Time, call: CallId) {
        let (cause, by) = (Cause::ShuttingDown, EndedBy::Operator);
        let contact = match self.calls.get(&call) {
            Some(Call::Customer(customer)) => match customer.stage {
                Stage::InFlow { .. } | Stage::Talking(_) => customer.contact,
                Stage::Opening { .. } | Stage::Answering { .. } => return self.end(now, call, cause, by),
            },
            Some(Call::Code(_)) => return self.end(now, call, cause, by),
            None => return,
        };
        self.leave_queue(now, contact, cause, by);
        self.end_segment(now, call, cause, by);
        if let Some(Call::Customer(customer)) = self.calls.get_mut(&call) {
            customer.session.handle(now, ivr::Input::Closing);
            self.follow_session(now, call);
        }
    }

    /// Out of the queue, if it waits; a seat that rings is withdrawn by what follows.
    fn leave_queue(&mut self, now: Time, contact: ContactId, cause: Cause, by: EndedBy) {
        let abandoned = by == EndedBy::Caller && matches!(cause, Cause::HungUp | Cause::Cancelled);
        let reason = if abandoned { LeaveReason::Abandoned } else { LeaveReason::Ended };
        self.acd(now, acd::Input::Leave { contact, reason });
    }

    fn end_segment(&mut self, now: Time, call: CallId, cause: Cause, by: EndedBy) {
        self.dismiss_all(now, call);
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let contact = customer.contact;
        let over = Stage::InFlow { ring: None };
        let Stage::Talking(talk) = std::mem::replace(&mut customer.stage, over) else { return };
        let Talk { segment, agent, leg, .. } = talk;
        self.legs.remove(&leg);
        self.order(leg, LegOrder::HangUp(cause));
        self.media(call, MediaOp::Unbridge { leg });
        self.closing.insert(leg, (contact, Some(agent.clone())));
        self.media(call, MediaOp::Close { leg });
        let end = SegmentEnd { by, cause };
        self.record(now, Event::SegmentEnded { segment, contact, agent: agent.clone(), end });
        self.resume_after_segment(now, call);
        self.acd(now, acd::Input::SegmentEnded(agent));
    }
}
