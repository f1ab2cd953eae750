//! What every machine of the center works with: the time, ids, the distributor, legs, timers, and the way out for
//! orders and records.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

use model::{
    Actor, AgentId, CallId, Cause, CenterEvent, Codec, CommandId, ContactEvent, ContactId, Entry, Event, Ids,
    LegId, LegOrder, LegQuality, MediaOp, MediaOrder, Number, Party, Personal, PlayId, RecordingId,
    RemoteMedia, Reply, Time,
};

use crate::config::Config;
use crate::distributor::{Answer, Asked, Distributor};
use crate::guests::Callee;
use crate::inout::Output;
use crate::leg::{Leg, Who, Why};
use crate::legs::Legs;
use crate::limits::Load;
use crate::outbound::Attempts;
use crate::parking::Slots;
use crate::room::Room;
use crate::seat::codec_of;
use crate::timers::{Timer, Timers};

/// See the module.
#[derive(Debug)]
pub(crate) struct Context {
    /// The time of the input that is being handled.
    pub(crate) now: Time,
    pub(crate) config: Config,
    pub(crate) distributor: Distributor,
    /// What it said to a contact, or to whoever asked, for the router.
    pub(crate) answers: VecDeque<Answer>,
    /// Who waits for an answer of it.
    pub(crate) asked: BTreeMap<CommandId, Asked>,
    pub(crate) ids: Ids,
    pub(crate) legs: Legs,
    pub(crate) timers: Timers,
    /// The addresses of ours that registered seats are reached by.
    pub(crate) seats: BTreeMap<AgentId, IpAddr>,
    pub(crate) load: Load,
    pub(crate) room: Room,
    /// Recordings that are being written or sealed.
    pub(crate) recordings: BTreeMap<RecordingId, ContactId>,
    /// Who is parked where.
    pub(crate) slots: Slots,
    /// When customers were called.
    pub(crate) attempts: Attempts,
    /// Callers who are still here hear that the center closes.
    pub(crate) farewell: bool,
    /// How far the machine's clock was set since the times of the inputs began, in ms.
    clock_set_by_ms: i64,
    outputs: VecDeque<Output>,
}

impl Context {
    pub(crate) fn new(config: Config, ids: Ids, offer_ids: Ids, now: Time) -> Context {
        Context {
            now,
            distributor: Distributor::new(config.acd.clone(), offer_ids),
            answers: VecDeque::new(),
            asked: BTreeMap::new(),
            config,
            ids,
            legs: Legs::default(),
            timers: Timers::default(),
            seats: BTreeMap::new(),
            load: Load::default(),
            room: Room::default(),
            recordings: BTreeMap::new(),
            slots: Slots::default(),
            attempts: Attempts::default(),
            farewell: false,
            clock_set_by_ms: 0,
            outputs: VecDeque::new(),
        }
    }

    pub(crate) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// Puts an event into the log that followed from something else.
    pub(crate) fn record(&mut self, event: impl Into<Event>) {
        self.record_by(None, event);
    }

    /// Puts an event into the log that somebody caused.
    pub(crate) fn record_by(&mut self, by: impl Into<Option<Actor>>, event: impl Into<Event>) {
        let entry = Entry { at: self.date(), by: by.into(), event: event.into() };
        self.outputs.push_back(Output::Entry(entry));
    }

    pub(crate) fn order(&mut self, leg: LegId, order: LegOrder) {
        self.outputs.push_back(Output::Leg(leg, order));
    }

    pub(crate) fn media(&mut self, call: CallId, op: MediaOp) {
        self.outputs.push_back(Output::Media(MediaOrder { call, op }));
    }

    pub(crate) fn reply(&mut self, reply: Reply) {
        self.outputs.push_back(Output::Reply(reply));
    }

    pub(crate) fn drained(&mut self) {
        self.outputs.push_back(Output::Drained);
    }

    pub(crate) fn new_play(&mut self) -> PlayId {
        PlayId::new(&mut self.ids, self.now)
    }

    /// What the machine's clock shows now.
    pub(crate) fn date(&self) -> Time {
        self.now.shifted(self.clock_set_by_ms)
    }

    /// A customer is being called.
    pub(crate) fn note_attempt(&mut self, number: &Personal<Number>) {
        let at = self.date();
        self.attempts.add(number.reveal(), at);
    }

    /// The calendar's date now: year, month, day.
    pub(crate) fn local_date(&self) -> (i64, u32, u32) {
        let date = self.date();
        date.date(self.config.zone.offset(date))
    }

    /// New calls, waits and decisions go by these settings.
    pub(crate) fn replace_settings(&mut self, config: Config) {
        let Config { version, media_threads, .. } = std::mem::replace(&mut self.config, config);
        (self.config.version, self.config.media_threads) = (version, media_threads);
        self.acd(acd::Input::Settings(self.config.acd.clone()));
    }

    pub(crate) fn clock_set(&mut self, by_ms: i64) {
        self.clock_set_by_ms = self.clock_set_by_ms.saturating_add(by_ms);
        self.ids.set_clock(by_ms);
        self.acd(acd::Input::ClockSet { by_ms });
        self.record(CenterEvent::ClockSet { by_ms });
    }
}

impl Context {
    /// A new leg to an agent's seat; its port is being opened.
    pub(crate) fn open_to_seat(&mut self, call: CallId, agent: AgentId, why: Why) -> LegId {
        let leg = LegId::new(&mut self.ids, self.now);
        let on = self.seats.get(&agent).copied();
        self.open(leg, Leg::outbound(call, on, Who::Agent(agent), why));
        leg
    }

    /// A new leg to somebody who is to join a conversation, or to have the customer; an agent was given by the
    /// distributor. Its port is being opened.
    pub(crate) fn open_to(&mut self, call: CallId, callee: Callee, why: Why) -> (Party, LegId) {
        match callee {
            Callee::Agent(agent) => {
                let leg = self.open_to_seat(call, agent.clone(), why);
                self.legs.is_engaged(leg);
                (Party::Agent(agent), leg)
            }
            Callee::Outside(outside) => {
                let leg = LegId::new(&mut self.ids, self.now);
                let number = outside.number.clone();
                self.open(leg, Leg::outbound(call, None, Who::Outside(Box::new(outside)), why));
                (Party::Outside(number), leg)
            }
        }
    }

    /// A leg that the signalling shell named; its port is being opened.
    pub(crate) fn open(&mut self, id: LegId, leg: Leg) {
        let (call, on) = (leg.call, leg.on);
        self.legs.insert(id, leg);
        self.media(call, MediaOp::Open { leg: id, on });
    }

    /// Another media thread is asked for a leg's port.
    pub(crate) fn reopen(&mut self, leg: LegId, call: CallId) {
        if let Some(of) = self.legs.get_mut(leg) {
            of.call = call;
            let on = of.on;
            self.media(call, MediaOp::Open { leg, on });
        }
    }

    /// Dials a leg whose port is open.
    pub(crate) fn dial(
        &mut self,
        leg: LegId,
        rtp: SocketAddr,
        codecs: Vec<Codec>,
        caller: Option<Personal<Number>>,
        display: String,
    ) {
        let dialled = self.legs.get_mut(leg).and_then(|of| of.dial(rtp, codecs, caller, display));
        if let Some(order) = dialled {
            self.order(leg, order);
        }
    }

    /// Has an inbound leg whose port is open hear audio before its answer; `offered`: the audio that its peer offered.
    pub(crate) fn progress(&mut self, leg: LegId, rtp: SocketAddr, offered: &RemoteMedia) {
        if let Some(order) = self.legs.get(leg).and_then(|of| of.progress(rtp, offered.codec)) {
            self.order(leg, order);
        }
    }

    /// Answers a leg whose port is open; `offered`: the peer's audio, if it offered any.
    pub(crate) fn answer(&mut self, leg: LegId, rtp: SocketAddr, offered: Option<&RemoteMedia>) {
        let answered = self.legs.get_mut(leg).and_then(|of| of.answer(rtp, codec_of(offered)));
        if let Some(order) = answered {
            self.order(leg, order);
        }
    }

    /// Has the media send and hear a leg's audio there. True when that side holds: it wants nothing from us, whether or not
    /// it sends music of its own (RFC 3264 section 8.4).
    pub(crate) fn connect(&mut self, call: CallId, leg: LegId, remote: RemoteMedia) -> bool {
        let holds = !remote.direction.sends();
        self.media(call, MediaOp::Connect { leg, remote });
        holds
    }

    /// Refuses an inbound leg that nothing comes of.
    pub(crate) fn refuse(&mut self, leg: LegId, cause: Cause) {
        self.order(leg, LegOrder::Refuse(cause));
    }

    /// Ends a leg from our side.
    pub(crate) fn let_go(&mut self, leg: LegId, cause: Cause) {
        let Some(of) = self.legs.get_mut(leg).filter(|of| !of.is_over()) else { return };
        let (order, call) = (of.let_go(cause), of.call);
        if let Some(order) = order {
            self.order(leg, order);
        }
        self.media(call, MediaOp::Close { leg });
        self.leaves(leg);
    }

    /// A leg's peer is gone: nothing is left but to close its port.
    pub(crate) fn is_gone(&mut self, leg: LegId) {
        let Some(of) = self.legs.get_mut(leg).filter(|of| !of.is_over()) else { return };
        of.is_gone();
        let call = of.call;
        self.media(call, MediaOp::Close { leg });
        self.leaves(leg);
    }

    fn leaves(&mut self, leg: LegId) {
        self.timers.stop(Timer::Ring(leg));
        self.legs.leaves(leg);
        if !self.legs.awaits_device(leg) {
            self.free_engaged(leg);
        }
        self.legs.forget_if_done(leg);
    }

    /// The device of a leg that we let go said its last word: its agent is free.
    pub(crate) fn device_free(&mut self, leg: LegId) {
        let Some(of) = self.legs.get_mut(leg) else { return };
        let why = of.why.clone();
        if !of.device_spoke() {
            return;
        }
        match why {
            Why::Offer { offer, .. } => self.acd(acd::Input::OfferReleased(offer)),
            Why::Originator(_) | Why::Guest(_) | Why::Taker(_) | Why::Inside(_) => self.free_engaged(leg),
            Why::Contact(_)
            | Why::Answered { .. }
            | Why::Segment(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::FeatureCode => {}
        }
        self.legs.forget_if_done(leg);
    }

    /// An agent who was called into a conversation can be offered calls again.
    fn free_engaged(&mut self, leg: LegId) {
        let Some(of) = self.legs.get_mut(leg) else { return };
        let was_engaged = std::mem::take(&mut of.is_engaged);
        if let Some(agent) = of.agent().filter(|_| was_engaged).cloned() {
            self.acd(acd::Input::Disengaged(agent));
        }
    }

    /// A leg's port is closed, and what its audio was like is known.
    pub(crate) fn closed(&mut self, leg: LegId, quality: Option<LegQuality>) {
        let Some(of) = self.legs.get_mut(leg) else { return };
        let (contact, agent) = (of.why.contact(), of.party());
        if let (true, Some(contact), Some(quality)) = (of.was_measured(), contact, quality) {
            self.record(ContactEvent::QualityMeasured { contact, agent, quality });
        }
        self.legs.forget_if_done(leg);
    }
}
