//! The phones' signalling, on one thread: a socket and an endpoint for all customers, and one for all agents.

mod side;
mod talks;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use sip::{
    Destination, Dial, Direction, Encryption, Event, Flow, LocalAudio, Message, Method, Moment, Output,
    Random, Security, SessionId, Status, Transport, parse_datagram,
};
use udp::{Poll, Waker};

use super::customer::{Customer, Outcome, RINGS_FOR, Stage};
use super::leg::LegFigures;
use super::plan::Plan;
use super::rtp::{Phones, Report};
use super::seats::Office;
use super::watch::{self, Sample};
use super::wire::Wire;
use side::{Party, Side};

/// How long all seats together may take to register, and calls to end after the last was to.
const REGISTERING: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(5);
/// How often customers and seats look at their clocks.
const BEAT: Duration = Duration::from_millis(4);
/// Datagrams taken before looking at the clocks again, however many come.
const DATAGRAMS: usize = 1_000;
/// Of the sockets the party's number is the token.
const WAKER: u64 = 2;

/// All that a run left behind, to be judged.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) calls: Vec<Call>,
    /// By leg.
    pub(super) legs: BTreeMap<u32, LegFigures>,
    /// The numbers that agents expect to be called from, by leg.
    pub(super) callers: BTreeMap<u32, String>,
    pub(super) wire: Wire,
    pub(super) samples: Vec<Sample>,
    pub(super) seats: usize,
    pub(super) registered: usize,
}

impl Traces {
    /// Reports that came after the last call.
    pub(super) fn read(&mut self, reports: Vec<Report>) {
        for report in reports {
            match report {
                Report::Closed(figures) => drop(self.legs.insert(figures.leg, *figures)),
                Report::Heard { .. } => {}
            }
        }
    }
}

/// One customer's call that ended.
#[derive(Debug, Clone)]
pub(super) struct Call {
    pub(super) leg: u32,
    pub(super) caller: String,
    pub(super) outcome: Outcome,
    /// It was answered with 200.
    pub(super) answered: bool,
}

/// The signalling thread's own.
pub(super) struct Exchange {
    plan: Plan,
    phones: Phones,
    /// The customers' signalling, and the agents'.
    dialling: Side,
    answering: Side,
    poll: Poll,
    waker: Arc<Waker>,
    random: Random,
    began: Instant,
    customers: BTreeMap<SessionId, Customer>,
    /// Customers' phones without a call.
    idle: VecDeque<usize>,
    /// Whose call a customer's leg is.
    sessions: BTreeMap<u32, SessionId>,
    office: Office,
    /// Which seat a session belongs to.
    at_seat: BTreeMap<SessionId, String>,
    last_leg: u32,
    stopped: bool,
    traces: Traces,
}

impl Exchange {
    /// Customers' phones are the first, agents' follow.
    pub(super) fn new(plan: Plan, phones: Phones, waker: Arc<Waker>) -> anyhow::Result<Exchange> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let mut random = Random::new(seed);
        let (mut customers, mut agents) = ([0; 32], [0; 32]);
        random.fill(&mut customers);
        random.fill(&mut agents);
        let dialling = Side::open(&plan, Random::new(customers))?;
        let answering = Side::open(&plan, Random::new(agents))?;
        let poll = Poll::new()?;
        poll.watch(&dialling.socket, Party::Customers as u64)?;
        poll.watch(&answering.socket, Party::Agents as u64)?;
        poll.watch(&*waker, WAKER)?;
        let office = Office::new(&plan.agents, plan.calls, plan.target.into(), answering.local, &mut random);
        Ok(Exchange {
            idle: (0..plan.calls).collect(),
            plan,
            phones,
            dialling,
            answering,
            poll,
            waker,
            random,
            began: Instant::now(),
            customers: BTreeMap::new(),
            sessions: BTreeMap::new(),
            office,
            at_seat: BTreeMap::new(),
            last_leg: 0,
            stopped: false,
            traces: Traces::default(),
        })
    }

    /// Registers, calls, and takes the registrations back; ends by itself.
    pub(super) fn run(mut self) -> anyhow::Result<(Traces, Phones)> {
        self.settle_seats()?;
        self.traces.wire.stop_measuring_registers();
        (self.traces.seats, self.traces.registered) = (self.plan.agents.len(), self.office.registered());
        self.call_until_all_ended()?;
        self.office.leave();
        self.settle_seats()?;
        Ok((self.traces, self.phones))
    }

    fn settle_seats(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + REGISTERING;
        while !self.office.is_settled() && Instant::now() < deadline {
            for request in self.office.due(Instant::now(), &mut self.random) {
                self.send(Party::Agents, self.plan.target.into(), &request);
            }
            self.turn()?;
        }
        Ok(())
    }

    fn call_until_all_ended(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let longest = self.plan.press_after + self.plan.patience + RINGS_FOR + self.plan.hold + GRACE;
        let (last, end) = (began + self.plan.seconds, began + self.plan.seconds + longest);
        let (mut begun, mut next_look, mut next_beat) = (0_u32, began, began);
        loop {
            let now = Instant::now();
            let allowed = now.duration_since(began).as_secs_f64() * self.plan.rate + 1.0;
            while now < last && f64::from(begun) < allowed && self.begin_call(now, begun) {
                begun += 1;
            }
            if now >= next_beat {
                self.look_at_clocks(now);
                next_beat = now + BEAT;
            }
            if now >= next_look {
                self.look_at_process(now.duration_since(began));
                next_look += Duration::from_secs(1);
            }
            if now >= end {
                self.stop_all();
            }
            self.turn()?;
            let sessions = self.dialling.endpoint.session_count() + self.answering.endpoint.session_count();
            let nothing_left = self.customers.is_empty() && sessions == 0;
            if now >= last && (nothing_left || now >= end + GRACE) {
                self.look_at_process(now.duration_since(began));
                return Ok(());
            }
        }
    }

    /// False when every phone is in a call.
    fn begin_call(&mut self, now: Instant, nth: u32) -> bool {
        let Some(phone) = self.idle.pop_front() else { return false };
        let Some(rtp) = self.phones.address(phone) else { return false };
        let caller = format!("139{nth:08}");
        let security = self.plan.srtp.map(|suite| {
            Security::offering(Encryption::Required, &mut self.random).preferring(suite, &mut self.random)
        });
        let dial = Dial {
            call_id: format!("{}@hotline-load", self.random.token()),
            uri: format!("sip:{}@{}", self.plan.number, self.plan.target),
            destination: over_udp(self.dialling.local, self.plan.target.into()),
            caller: caller.clone(),
            display: String::new(),
            audio: LocalAudio {
                rtp,
                codecs: vec![self.plan.codec],
                security: security.unwrap_or_default(),
                direction: Direction::SendReceive,
                session_id: self.random.draw() >> 2,
                version: 1,
            },
            credentials: None,
            reliable: false,
            progress: None,
            domain: None,
            headers: sip::Headers::new(),
        };
        let session = self.dialling.endpoint.dial(self.moment(), dial);
        let leg = self.new_leg();
        self.sessions.insert(leg, session);
        let stage = Stage::Dialling { gives_up: now + RINGS_FOR };
        self.customers.insert(session, Customer { phone, leg, caller, stage });
        true
    }

    fn new_leg(&mut self) -> u32 {
        self.last_leg += 1;
        self.last_leg
    }

    fn moment(&self) -> Moment {
        Moment::from_ms(u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX))
    }

    fn look_at_process(&mut self, since: Duration) {
        let talking = |customer: &&Customer| matches!(customer.stage, Stage::Talking { .. });
        self.traces.samples.push(Sample {
            at_s: since.as_secs_f64(),
            calls: self.customers.len(),
            talking: self.customers.values().filter(talking).count(),
            cpu_s: self.plan.pid.and_then(watch::cpu_seconds),
            resident_bytes: self.plan.pid.and_then(watch::resident_bytes),
        });
    }

    fn side(&mut self, party: Party) -> &mut Side {
        match party {
            Party::Customers => &mut self.dialling,
            Party::Agents => &mut self.answering,
        }
    }

    /// One wake: what arrived, what is due, what follows from it.
    fn turn(&mut self) -> io::Result<()> {
        self.drain();
        let mut ready = Vec::new();
        self.poll.wait(BEAT, &mut ready)?;
        self.waker.rearm();
        Party::BOTH.into_iter().for_each(|party| self.receive(party));
        let reports: Vec<Report> = self.phones.reports.try_iter().collect();
        reports.into_iter().for_each(|report| self.reported(report));
        let now = self.moment();
        for party in Party::BOTH {
            let endpoint = &mut self.side(party).endpoint;
            if endpoint.poll_timeout().is_some_and(|due| due <= now) {
                endpoint.handle_timeout(now);
            }
        }
        self.drain();
        Ok(())
    }

    fn receive(&mut self, party: Party) {
        let mut datagram = [0; 8_192];
        for _ in 0..DATAGRAMS {
            // An error is nothing to read, or the echo of a datagram that could not be delivered.
            let Ok((length, source)) = self.side(party).socket.recv_from(&mut datagram) else { return };
            let bytes = datagram.get(..length).unwrap_or_default();
            self.arrived(party, source, bytes);
            self.drain();
        }
    }

    fn arrived(&mut self, party: Party, source: SocketAddr, bytes: &[u8]) {
        let (now, moment) = (Instant::now(), self.moment());
        let local = self.side(party).local;
        let flow = Flow { transport: Transport::Udp, source, local };
        match parse_datagram(bytes) {
            Ok(Message::Response(response)) => {
                self.traces.wire.received(now, &response);
                if response.cseq().is_ok_and(|cseq| cseq.method == Method::Register) {
                    if let Some(request) = self.office.handle(now, &response, &mut self.random) {
                        self.send(Party::Agents, self.plan.target.into(), &request);
                    }
                } else {
                    self.side(party).endpoint.handle_message(moment, flow, Message::Response(response));
                }
            }
            Ok(request) => self.side(party).endpoint.handle_message(moment, flow, request),
            Err(malformed) => self.side(party).endpoint.handle_malformed(flow, malformed),
        }
    }

    fn drain(&mut self) {
        for party in Party::BOTH {
            while let Some(output) = self.side(party).endpoint.poll_output() {
                match output {
                    Output::Send { destination, bytes } => self.send(party, destination.address, &bytes),
                    Output::Event(event) => self.happened(party, event),
                }
            }
        }
    }

    fn send(&mut self, party: Party, to: SocketAddr, bytes: &[u8]) {
        if !self.plan.allows(to) {
            return;
        }
        self.traces.wire.sent(Instant::now(), bytes);
        // What cannot be sent now is sent again by its transaction.
        let _ = self.side(party).socket.send_to(bytes, to);
    }

    fn happened(&mut self, party: Party, event: Event) {
        match event {
            Event::Invited { session, request, remote, .. } => match party {
                Party::Agents => self.invited(session, &request, remote),
                Party::Customers => self.refuse_a_call_to_a_customer(session),
            },
            Event::Connected { session, remote } | Event::Changed { session, remote } => match party {
                Party::Customers => self.customer_connected(session, &remote),
                Party::Agents => self.seat_connected(session, &remote),
            },
            Event::Ended { session, why } => match party {
                Party::Customers => self.customer_ended(session, why),
                Party::Agents => self.seat_ended(session),
            },
            Event::Register { id, .. } => {
                let (now, answer) = (self.moment(), sip::Answer::new(Status::METHOD_NOT_ALLOWED));
                self.side(party).endpoint.respond(now, id, &answer);
            }
            // A call may not be referred to another number.
            Event::Ringing { .. }
            | Event::Digit { .. }
            | Event::Early { .. }
            | Event::Reason { .. }
            | Event::Answered { .. }
            | Event::Pinged { .. }
            | Event::Redirected { .. }
            | Event::Referred { .. }
            | Event::Referral { .. } => {}
        }
    }
}

fn over_udp(local: SocketAddr, address: SocketAddr) -> Destination {
    Destination { transport: Transport::Udp, local, address, otherwise: None }
}
