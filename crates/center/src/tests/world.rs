//! A center on a virtual clock, with customers who call and everything that it ordered.

pub(super) mod house;
mod shells;

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::time::Duration;

use model::{
    Actor, AgentId, AudioReport, CallOrder, Cause, Codec, Command, CommandId, ContactEvent, Digit, Direction,
    Diverted, Entry, Event, First, Ids, Invited, LegId, LegOrder, LegQuality, LegReport, MediaOp,
    MediaReport, Number, Order, Origin, PlayId, RecordingEvent, RecordingId, Refusal, RemoteMedia, Reply,
    Scope, Time,
};

use super::model::Model;
use crate::leg::Why;
use crate::timers::Timer;
use crate::{Center, Input, Output};

/// Our addresses that customers and seats reach us by.
pub(super) const CUSTOMERS: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 200));
pub(super) const SEATS: IpAddr = IpAddr::V6(Ipv6Addr::LOCALHOST);

pub(super) const AGENTS: [(&str, &[&str]); 3] =
    [("1001", &["inquiry"]), ("1002", &["complaint"]), ("1003", &["inquiry", "complaint"])];

/// What a seat does when it is dialled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Seat {
    AnswersAfter(Duration),
    Declines,
    RingsOn,
    Unreachable,
}

/// A leg as the signalling shell knows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Leg {
    Pending { outbound: bool },
    Up,
    Over,
}

pub(super) struct World {
    pub(super) center: Center,
    pub(super) now: Time,
    pub(super) entries: Vec<Entry>,
    pub(super) commanded: Vec<CommandId>,
    pub(super) replies: Vec<Reply>,
    pub(super) drained: usize,
    pub(super) legs: BTreeMap<LegId, Leg>,
    /// Every order to a leg.
    pub(super) orders: Vec<(LegId, LegOrder)>,
    /// Every order to the media.
    pub(super) media: Vec<MediaOp>,
    pub(super) customers: Vec<LegId>,
    /// Where the next calls were before.
    pub(super) diverted: Diverted,
    /// The legs dialled to each agent, oldest first.
    pub(super) dialled: Vec<(AgentId, LegId)>,
    pub(super) seats: BTreeMap<AgentId, Seat>,
    /// The legs dialled to numbers outside, oldest first, and what those do.
    pub(super) outside: Vec<(String, LegId)>,
    pub(super) outside_does: Seat,
    /// Legs whose peers answer no question.
    pub(super) deaf: BTreeSet<LegId>,
    pub(super) recording: BTreeSet<RecordingId>,
    /// Ports that were ordered and not closed.
    pub(super) ports: BTreeSet<LegId>,
    /// Those of which there was none.
    pub(super) unopened: BTreeSet<LegId>,
    /// How long a port takes to open; `None` when none is left.
    pub(super) ports_open_after: Option<Duration>,
    /// Media threads of which none is left.
    pub(super) portless: BTreeSet<usize>,
    pub(super) ids: Ids,
    /// The distributor's outputs come when they are delivered; the model, which expects them at once, rests.
    pub(super) late: bool,
    model: Model,
    playing: BTreeMap<LegId, PlayId>,
    agenda: BTreeMap<(Time, u64), Input>,
    agenda_count: u64,
}

pub(super) fn agent(id: &str) -> AgentId {
    id.parse().unwrap()
}

pub(super) fn number(text: &str) -> Number {
    text.parse().unwrap()
}

pub(super) const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

pub(super) fn remote(direction: Direction) -> RemoteMedia {
    let rtp = SocketAddr::from((Ipv4Addr::LOCALHOST, 4000));
    RemoteMedia { telephone_event: Some(101), ..RemoteMedia::new(rtp, Codec::Pcma, direction) }
}

/// What media measured of every leg here.
pub(super) const QUALITY: LegQuality = LegQuality {
    codec: Codec::Pcma,
    packets: 100,
    lost: 1,
    jitter_ms: 2,
    round_trip_ms: Some(3),
    mos: 4.2,
    speech_dbov: Some(-26.0),
    silence: 0.5,
    clipped_ms: 0,
    talk_over_ms: 40,
};

impl World {
    pub(super) fn new() -> World {
        let now = Time::from_unix_ms(1_800_000_000_000);
        let answers = Seat::AnswersAfter(seconds(2));
        let mut world = World {
            center: Center::new(house::config(), Ids::new(1), Ids::new(2), now, Vec::new()),
            now,
            entries: Vec::new(),
            commanded: Vec::new(),
            replies: Vec::new(),
            drained: 0,
            legs: BTreeMap::new(),
            orders: Vec::new(),
            media: Vec::new(),
            customers: Vec::new(),
            diverted: Diverted::default(),
            dialled: Vec::new(),
            seats: AGENTS.iter().map(|(id, _)| (agent(id), answers)).collect(),
            outside: Vec::new(),
            outside_does: answers,
            deaf: BTreeSet::new(),
            recording: BTreeSet::new(),
            ports: BTreeSet::new(),
            unopened: BTreeSet::new(),
            ports_open_after: Some(Duration::ZERO),
            portless: BTreeSet::new(),
            ids: Ids::new(3),
            late: false,
            model: Model::default(),
            playing: BTreeMap::new(),
            agenda: BTreeMap::new(),
            agenda_count: 0,
        };
        world.drain();
        world
    }

    /// A world in which these agents' seats are registered.
    pub(super) fn with(agents: &[&str]) -> World {
        let mut world = World::new();
        for id in agents {
            world.seat(id, true);
        }
        world
    }

    pub(super) fn seat(&mut self, id: &str, online: bool) {
        self.send(Input::Seat { agent: agent(id), online, local: online.then_some(SEATS) });
    }

    pub(super) fn script(&mut self, id: &str, seat: Seat) {
        self.seats.insert(agent(id), seat);
    }

    /// New settings: the usual ones, edited.
    pub(super) fn settings(&mut self, edit: impl FnOnce(&mut crate::Config)) {
        let mut config = house::config();
        edit(&mut config);
        self.send(Input::Settings(Box::new(config)));
    }

    /// A customer calls; the leg.
    pub(super) fn call(&mut self, dialled: &str) -> LegId {
        self.call_from("village", 1, dialled)
    }

    /// A customer calls by a trunk, from its address with this last number.
    pub(super) fn call_from(&mut self, trunk: &str, last: u8, dialled: &str) -> LegId {
        let leg = self.invite_from(Origin::Trunk(trunk.to_owned()), last, dialled);
        self.customers.push(leg);
        leg
    }

    pub(super) fn invite(&mut self, origin: Origin, dialled: &str) -> LegId {
        self.invite_from(origin, 1, dialled)
    }

    fn invite_from(&mut self, origin: Origin, last: u8, dialled: &str) -> LegId {
        let leg = LegId::new(&mut self.ids, self.now);
        self.legs.insert(leg, Leg::Pending { outbound: false });
        let invited = Invited {
            source: Ipv4Addr::new(192, 0, 2, last).into(),
            local: CUSTOMERS,
            origin,
            dialled: number(dialled),
            diverted: self.diverted.clone(),
            caller: Some(number("13800000000").into()),
            caller_name: None,
            remote: Some(remote(Direction::Both)),
            sip_call_id: "1@world".into(),
        };
        self.send(Input::Invited(leg, Box::new(invited)));
        leg
    }

    /// A customer who chose from the menu and, two seconds later, is where that leads.
    pub(super) fn caller_who_presses(&mut self, key: char) -> LegId {
        let leg = self.call("8000");
        self.run(seconds(4));
        self.press(leg, key);
        self.run(seconds(1));
        leg
    }

    pub(super) fn press(&mut self, leg: LegId, key: char) {
        let digit = Digit::from_char(key).unwrap();
        self.send(Input::Media(MediaReport::Leg(leg, AudioReport::Digit(digit))));
    }

    /// A customer is called, for an agent, by somebody who may.
    pub(super) fn call_customer(&mut self, id: &str, dialled: &str, first: First) -> CommandId {
        let number = number(dialled).into();
        self.order(Order::Call(CallOrder { number, agent: agent(id), first, queue: None }))
    }

    pub(super) fn order(&mut self, order: Order) -> CommandId {
        self.order_in(Scope::All, order)
    }

    /// An order of somebody who may command about this agent alone.
    pub(super) fn order_as(&mut self, id: &str, order: Order) -> CommandId {
        self.order_in(Scope::Agent(agent(id)), order)
    }

    fn order_in(&mut self, scope: Scope, order: Order) -> CommandId {
        let id = CommandId::new(&mut self.ids, self.now);
        self.commanded.push(id);
        self.send(Input::Command(Command { id, by: Actor::Token("console".to_owned()), scope, order }));
        id
    }

    /// The peer ends its leg; the shell reports it unless it already did.
    pub(super) fn hang_up(&mut self, leg: LegId) {
        match self.legs.insert(leg, Leg::Over) {
            Some(Leg::Pending { outbound: true }) => {
                self.send(Input::Leg(leg, LegReport::Refused(Refusal::Declined)));
            }
            Some(Leg::Pending { outbound: false }) => {
                self.send(Input::Leg(leg, LegReport::Ended { cause: Cause::Cancelled }));
            }
            Some(Leg::Up) => self.send(Input::Leg(leg, LegReport::Ended { cause: Cause::HungUp })),
            Some(Leg::Over) | None => {}
        }
    }

    pub(super) fn answer(&mut self, leg: LegId) {
        if matches!(self.legs.get(&leg), Some(Leg::Pending { .. })) {
            self.legs.insert(leg, Leg::Up);
            self.send(Input::Leg(leg, LegReport::Connected { remote: remote(Direction::Both) }));
        }
    }

    /// Media report that nothing came of a leg.
    pub(super) fn silent(&mut self, leg: LegId, direction: Direction) {
        self.send(Input::Media(MediaReport::Leg(leg, AudioReport::Silent { direction })));
    }

    /// How often a leg's peer was asked whether it lives.
    pub(super) fn probes(&self, leg: LegId) -> usize {
        self.orders.iter().filter(|order| **order == (leg, LegOrder::Probe)).count()
    }

    pub(super) fn change(&mut self, leg: LegId, direction: Direction) {
        self.send(Input::Leg(leg, LegReport::Changed { remote: remote(direction) }));
    }

    /// The leg that was dialled last.
    pub(super) fn last_dialled(&self) -> LegId {
        self.dialled.last().unwrap().1
    }

    pub(super) fn events(&self) -> impl Iterator<Item = &Event> {
        self.entries.iter().map(|entry| &entry.event)
    }

    /// Lets `duration` pass with everything that falls due in it.
    pub(super) fn run(&mut self, duration: Duration) {
        let end = self.now + duration;
        for _ in 0..100_000 {
            let agenda = self.agenda.keys().next().map(|(due, _)| *due);
            let timeout = self.center.poll_timeout();
            let Some(due) = agenda.into_iter().chain(timeout).min().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            if agenda.is_some_and(|agenda| agenda <= due) {
                let (_, input) = self.agenda.pop_first().unwrap();
                self.deliver(input);
            } else {
                self.center.handle_timeout(self.now);
                self.drain();
            }
        }
        panic!("time stands still: {:?} is due at {}", self.center.poll_timeout(), self.now);
    }

    /// Gives the center an input at once and carries out what it orders.
    pub(super) fn send(&mut self, input: Input) {
        self.center.handle(self.now, input);
        self.drain();
    }

    /// The center hears the next so many outputs of a distributor that is late.
    pub(super) fn hear(&mut self, outputs: usize) {
        self.center.cx.distributor.lets_through = Some(outputs);
        self.center.handle_timeout(self.now);
        self.drain();
        self.center.cx.distributor.lets_through = Some(0);
    }

    fn later(&mut self, after: Duration, input: Input) {
        self.agenda_count += 1;
        self.agenda.insert((self.now + after, self.agenda_count), input);
    }

    /// Reports that events overtook are not made.
    fn deliver(&mut self, input: Input) {
        match &input {
            Input::Leg(leg, LegReport::Connected { .. }) => return self.answer(*leg),
            Input::Leg(leg, LegReport::Refused(refusal)) if *refusal != Refusal::Cancelled => {
                if !matches!(self.legs.get(leg), Some(Leg::Pending { .. })) {
                    return;
                }
                self.legs.insert(*leg, Leg::Over);
            }
            Input::Leg(leg, LegReport::Ended { cause: Cause::SignallingTimeout }) => {
                if self.legs.insert(*leg, Leg::Over) != Some(Leg::Up) {
                    return;
                }
            }
            Input::Media(MediaReport::Leg(leg, AudioReport::PlayEnded { play, finished: true })) => {
                if self.playing.get(leg) != Some(play) {
                    return;
                }
                self.playing.remove(leg);
            }
            Input::Invited(..)
            | Input::Leg(..)
            | Input::Media(_)
            | Input::Seat { .. }
            | Input::Command(_)
            | Input::Settings(_)
            | Input::Drain
            | Input::ClockSet { .. }
            | Input::Close
            | Input::EndAll => {}
        }
        self.send(input);
    }

    fn drain(&mut self) {
        while let Some(output) = self.center.poll_output() {
            match output {
                Output::Leg(leg, order) => {
                    self.orders.push((leg, order.clone()));
                    self.signal(leg, order);
                }
                Output::Media(order) => {
                    self.media.push(order.op.clone());
                    self.sound(order.call, order.op);
                }
                Output::Entry(entry) => {
                    let late = matches!(
                        entry.event,
                        Event::Recording(RecordingEvent::Closed { .. })
                            | Event::Contact(ContactEvent::QualityMeasured { .. })
                    );
                    assert!(self.drained == 0 || !late, "after the word that all is over: {entry:?}");
                    if !self.late {
                        self.model.read(&entry);
                    }
                    self.entries.push(entry);
                }
                Output::Reply(reply) => self.replies.push(reply),
                Output::Drained => self.drained += 1,
            }
        }
        self.assert_no_table_names_the_dead();
        if !self.late {
            self.model.assert_agrees(&self.center);
        }
    }

    fn assert_no_table_names_the_dead(&self) {
        let Center { contacts, codes, inside, cx, .. } = &self.center;
        for (leg, why) in cx.legs.live() {
            let withdrawn_late = self.late && matches!(why, Why::Offer { .. } | Why::Answered { .. });
            let owned = why.contact().is_none_or(|contact| contacts.contains_key(&contact)) || withdrawn_late;
            let is_inside = matches!(why, Why::Inside(call) if inside.contains_key(call));
            let has_owner = why.contact().is_some() || codes.contains_key(&leg) || is_inside;
            assert!(owned && has_owner, "{leg} is {why:?}");
        }
        for timer in cx.timers.names() {
            let lives = match timer {
                Timer::Flow(contact)
                | Timer::SecureInput(contact)
                | Timer::Wait(contact)
                | Timer::Typing(contact)
                | Timer::Parking(contact) => contacts.contains_key(contact),
                Timer::Ring(leg) => cx.legs.live().any(|(live, _)| live == *leg),
            };
            assert!(lives, "{timer:?} runs for the dead");
        }
        assert!(cx.legs.indexes_are_true(), "{:?}", cx.legs);
    }

    /// Lets the dust settle, then checks that nothing is left and that the log is sound.
    pub(super) fn assert_over(&mut self) {
        self.run(seconds(90));
        let Center { contacts, codes, inside, cx, .. } = &self.center;
        assert!(contacts.is_empty() && codes.is_empty(), "calls left: {contacts:?} {codes:?}");
        assert!(inside.is_empty(), "calls between agents left: {inside:?}");
        assert!(cx.legs.is_empty(), "legs left: {:?}", cx.legs);
        assert!(cx.load.is_empty(), "load left: {:?}", cx.load);
        assert!(cx.slots.is_empty(), "slots left: {:?}", cx.slots);
        assert!(cx.asked.is_empty(), "questions left: {:?}", cx.asked);
        assert!(cx.recordings.is_empty(), "recordings left: {:?}", cx.recordings);
        assert!(cx.timers.is_empty() && self.center.poll_timeout().is_none());
        assert!(self.legs.values().all(|leg| *leg == Leg::Over), "the shell's legs: {:?}", self.legs);
        assert!(self.ports.is_empty() && self.recording.is_empty() && self.playing.is_empty());
        super::ledger::balance(&self.entries, self.late);
    }
}
