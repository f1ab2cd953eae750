//! The phones' signalling: one socket and one endpoint for all customers and agents, on one thread.

mod talks;

use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context;
use media::batch;
use media::os::{Poll, Waker};
use sip::{
    Destination, Dial, Direction, Encryption, Endpoint, EndpointSettings, Event, Flow, LocalAudio, Message,
    Method, Moment, Output, Random, Security, SessionId, Status, Transport, parse_datagram,
};

use super::customer::{Customer, Outcome, RINGS_FOR, Stage};
use super::leg::LegFigures;
use super::plan::Plan;
use super::rtp::{Phones, Report, SOCKET_ROOM};
use super::seats::Office;
use super::watch::{self, Sample};
use super::wire::Wire;

/// How long all seats together may take to register, and calls to end after the last was to.
const REGISTERING: Duration = Duration::from_secs(60);
const GRACE: Duration = Duration::from_secs(5);
/// How often customers and seats look at their clocks.
const BEAT: Duration = Duration::from_millis(4);
/// Datagrams taken before looking at the clocks again, however many come.
const DATAGRAMS: usize = 1_000;
const SOCKET: u64 = 0;
const WAKER: u64 = 1;

/// All that a run left behind, to be judged.
#[derive(Debug, Default)]
pub(super) struct Traces {
    pub(super) calls: Vec<Call>,
    /// By leg.
    pub(super) legs: BTreeMap<u32, LegFigures>,
    /// The agents' legs, with the number that each was told to be called from.
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
    socket: UdpSocket,
    poll: Poll,
    waker: Arc<Waker>,
    endpoint: Endpoint,
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
        let socket =
            UdpSocket::bind((plan.local, 0)).with_context(|| format!("open a port on {}", plan.local))?;
        socket.set_nonblocking(true)?;
        batch::prepare(&socket, SOCKET_ROOM)?;
        let local = socket.local_addr()?;
        let poll = Poll::new()?;
        poll.watch(&socket, SOCKET)?;
        poll.watch(&*waker, WAKER)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(io::Error::other)?;
        let mut random = Random::new(seed);
        seed.reverse();
        let settings = EndpointSettings {
            local,
            user_agent: "hotline-load".to_owned(),
            max_sessions: 4 * (plan.calls + plan.agents.len()) + 1_000,
            max_transactions: 100_000,
        };
        let office = Office::new(&plan.agents, plan.calls, plan.target.into(), local, &mut random);
        Ok(Exchange {
            endpoint: Endpoint::new(settings, Random::new(seed)),
            idle: (0..plan.calls).collect(),
            plan,
            phones,
            socket,
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
                self.send(self.plan.target.into(), &request);
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
            let nothing_left = self.customers.is_empty() && self.endpoint.session_count() == 0;
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
            destination: over_udp(self.plan.target.into()),
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
        };
        let session = self.endpoint.dial(self.moment(), dial);
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

    /// One wake: what arrived, what is due, what follows from it.
    fn turn(&mut self) -> io::Result<()> {
        self.drain();
        let mut ready = Vec::new();
        self.poll.wait(BEAT, &mut ready)?;
        self.waker.rearm();
        self.receive();
        let reports: Vec<Report> = self.phones.reports.try_iter().collect();
        reports.into_iter().for_each(|report| self.reported(report));
        if self.endpoint.poll_timeout().is_some_and(|due| due <= self.moment()) {
            self.endpoint.handle_timeout(self.moment());
        }
        self.drain();
        Ok(())
    }

    fn receive(&mut self) {
        let mut datagram = [0; 8_192];
        for _ in 0..DATAGRAMS {
            // An error is nothing to read, or the echo of a datagram that could not be delivered.
            let Ok((length, source)) = self.socket.recv_from(&mut datagram) else { return };
            let (now, bytes) = (Instant::now(), datagram.get(..length).unwrap_or_default());
            let flow = Flow { transport: Transport::Udp, source };
            match parse_datagram(bytes) {
                Ok(Message::Response(response)) => {
                    self.traces.wire.received(now, &response);
                    if response.cseq().is_ok_and(|cseq| cseq.method == Method::Register) {
                        if let Some(request) = self.office.handle(now, &response, &mut self.random) {
                            self.send(self.plan.target.into(), &request);
                        }
                    } else {
                        self.endpoint.handle_message(self.moment(), flow, Message::Response(response));
                    }
                }
                Ok(request) => self.endpoint.handle_message(self.moment(), flow, request),
                Err(malformed) => self.endpoint.handle_malformed(flow, malformed),
            }
            self.drain();
        }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { destination, bytes } => self.send(destination.address, &bytes),
                Output::Event(event) => self.happened(event),
            }
        }
    }

    fn send(&mut self, to: SocketAddr, bytes: &[u8]) {
        if !self.plan.allows(to) {
            return;
        }
        self.traces.wire.sent(Instant::now(), bytes);
        // What cannot be sent now is sent again by its transaction.
        let _ = self.socket.send_to(bytes, to);
    }

    fn happened(&mut self, event: Event) {
        match event {
            Event::Invited { session, request, remote, .. } => self.invited(session, &request, remote),
            Event::Connected { session, remote } | Event::Changed { session, remote } => {
                self.connected(session, &remote);
            }
            Event::Ended { session, why } => self.ended(session, why),
            Event::Register { id, .. } => {
                let answer = sip::Answer::new(Status::METHOD_NOT_ALLOWED);
                self.endpoint.respond(self.moment(), id, &answer);
            }
            Event::Ringing { .. } | Event::Digit { .. } => {}
        }
    }
}

fn over_udp(address: SocketAddr) -> Destination {
    Destination { transport: Transport::Udp, address, otherwise: None }
}
