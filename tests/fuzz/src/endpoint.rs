//! A SIP endpoint on a virtual clock: peers say anything, its user orders anything, time passes.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::time::Duration;

use ::sip::{
    Answer, Codec, Credentials, Destination, Dial, Direction, Encryption, Endpoint, EndpointSettings, Event,
    Flow, LocalAudio, Message, Moment, Output, Random, RequestId, Security, SessionId, Status,
    parse_datagram,
};

use crate::bytes::Bytes;
use crate::peer::{PEERS, Peer, US, flow};

const MAX_SESSIONS: usize = 4;
const MAX_TRANSACTIONS: usize = 16;
const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];
const ENCRYPTION: [Encryption; 3] = [Encryption::Off, Encryption::Required, Encryption::Optional];
/// Calls that the user begins.
const MAX_DIALS: usize = 2;
/// Messages and events that one message of a peer, one order or one timer may bring.
const MOST_OUTPUTS: usize = 8;
/// Longer than any timer of a call that is over.
const LONGEST_END: Duration = Duration::from_secs(600);

/// Steps one after another, each chosen by a byte. Whatever they are: what is sent can be read, sessions and
/// transactions stay within their limits, each session ends once, and in the end nothing is left.
pub fn endpoint(bytes: &[u8]) {
    let mut bytes = Bytes::new(bytes);
    let mut world = World::new();
    while let Some(step) = bytes.byte() {
        if world.step(step, &mut bytes).is_none() {
            break;
        }
    }
    world.come_to_an_end();
}

struct World {
    endpoint: Endpoint,
    peer: Peer,
    now: Moment,
    /// Sessions whose end was not said yet.
    living: BTreeSet<SessionId>,
    /// All that there ever were.
    known: Vec<SessionId>,
    registers: Vec<RequestId>,
    last: (Flow, Vec<u8>),
    sent_to: Destination,
    dials: usize,
    /// What the user ordered so far; each order may begin a transaction or two.
    orders: usize,
    /// A peer named another hop, which is obeyed.
    is_routed: bool,
}

impl World {
    fn new() -> World {
        let settings = EndpointSettings {
            local: vec![US.parse().expect("an address")],
            user_agent: "fuzz".to_owned(),
            max_sessions: MAX_SESSIONS,
            max_transactions: MAX_TRANSACTIONS,
        };
        World {
            endpoint: Endpoint::new(settings, Random::new([3; 32])),
            peer: Peer::default(),
            now: Moment::from_ms(1_000),
            living: BTreeSet::new(),
            known: Vec::new(),
            registers: Vec::new(),
            last: (flow(0), Vec::new()),
            sent_to: flow(0).into(),
            dials: 0,
            orders: 0,
            is_routed: false,
        }
    }

    /// One step; `None` when its bytes are used up.
    fn step(&mut self, step: u8, bytes: &mut Bytes<'_>) -> Option<()> {
        match step % 8 {
            0 => {
                let (choice, length) = (bytes.byte()?, bytes.number()?);
                self.receive(flow(choice), bytes.take(usize::from(length)).to_vec());
            }
            1 | 2 => {
                let (flow, text) = self.peer.request(bytes)?;
                self.receive(flow, text);
            }
            3 => {
                if let Some((flow, text)) = self.peer.response(bytes) {
                    self.receive(flow, text);
                }
            }
            4 => {
                let (flow, text) = self.last.clone();
                self.receive(flow, text);
            }
            5 => self.pass(Duration::from_millis(u64::from(bytes.number()?) * 4)),
            6 => self.order(bytes)?,
            _ => {
                self.endpoint.handle_unreachable(self.now, self.sent_to);
                self.drain(MOST_OUTPUTS * MAX_TRANSACTIONS);
            }
        }
        self.check_limits();
        Some(())
    }

    fn receive(&mut self, flow: Flow, text: Vec<u8>) {
        self.is_routed |= text.windows(4).any(|letters| letters.eq_ignore_ascii_case(b"oute"));
        self.last = (flow, text.clone());
        self.endpoint.handle_datagram(self.now, flow, &text);
        self.drain(MOST_OUTPUTS);
    }

    /// Lets timers fire up to then, one instant after another.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            self.now = due.max(self.now);
            let timers = self.endpoint.transaction_count() + self.endpoint.session_count();
            self.endpoint.handle_timeout(self.now);
            assert!(self.endpoint.poll_timeout().is_none_or(|next| next > self.now), "a time-out moves on");
            self.drain(MOST_OUTPUTS * timers);
        }
        self.now = end;
    }

    fn order(&mut self, bytes: &mut Bytes<'_>) -> Option<()> {
        let (order, which) = (bytes.byte()?, usize::from(bytes.byte()?));
        self.orders += 1;
        let now = self.now;
        let direction = if which.is_multiple_of(2) { Direction::SendOnly } else { Direction::SendReceive };
        if order.is_multiple_of(8) {
            self.dial();
        } else if order % 8 == 1 {
            self.registers.pop().into_iter().for_each(|id| {
                self.endpoint.respond(now, id, &Answer::new(Status::OK));
            });
        } else if let Some(id) = self.known.iter().rev().nth(which % self.known.len().max(1)).copied() {
            match order % 8 {
                2 => self.endpoint.accept(now, id, US.parse().expect("an address"), Codec::Pcma),
                3 => self.endpoint.ring(now, id),
                4 => match self.endpoint.secure(id, Security::answering(ENCRYPTION[which % 3]), &CODECS) {
                    Ok(_) => self.endpoint.admit(now, id),
                    Err(_) => self.endpoint.refuse(now, id, &Answer::new(Status::NOT_ACCEPTABLE_HERE)),
                },
                5 => self.endpoint.refuse(now, id, &Answer::new(Status::BUSY_HERE)),
                6 => match which % 6 {
                    0 => self.endpoint.allow_referral(now, id, true),
                    1 => self.endpoint.tell_referral(now, id, Status::RINGING, which > 127),
                    2 => self.endpoint.show(now, id, Some("13800000000"), "inquiry"),
                    3 => {
                        let other = self.known.get(which / 6).copied();
                        self.endpoint.refer(now, id, "sip:2001@192.0.2.2", other);
                    }
                    _ => drop(self.endpoint.reoffer(now, id, direction)),
                },
                _ => self.endpoint.hang_up(now, id, Some("SIP;cause=200")),
            }
        }
        self.drain(MOST_OUTPUTS);
        Some(())
    }

    fn dial(&mut self) {
        if self.dials == MAX_DIALS {
            return;
        }
        let credentials = Credentials { user: "8000".to_owned(), password: "secret".to_owned(), realm: None };
        let local = US.parse().expect("an address");
        let dial = Dial {
            call_id: format!("out{}", self.dials),
            uri: format!("sip:1001@{}", PEERS[0]),
            destination: flow(0).into(),
            caller: "8000".to_owned(),
            display: "fuzz".to_owned(),
            audio: LocalAudio {
                rtp: local,
                codecs: vec![Codec::Pcma, Codec::Pcmu],
                direction: Direction::SendReceive,
                security: Security::offering(ENCRYPTION[self.dials % 3], &mut Random::new([7; 32])),
                session_id: 7,
                version: 1,
            },
            credentials: Some(credentials),
            reliable: self.dials.is_multiple_of(2),
            progress: None,
            domain: None,
            headers: sip::Headers::new(),
        };
        self.dials += 1;
        let id = self.endpoint.dial(self.now, dial);
        self.begin(id);
    }

    fn begin(&mut self, id: SessionId) {
        assert!(self.living.insert(id), "an id is never used twice");
        self.known.push(id);
    }

    /// Takes what the endpoint says, at most so much of it.
    fn drain(&mut self, most: usize) {
        let mut outputs = 0;
        while let Some(output) = self.endpoint.poll_output() {
            outputs += 1;
            assert!(outputs <= most, "more than {most} outputs");
            match output {
                Output::Send { destination, bytes } => self.sent(destination, &bytes),
                Output::Event(event) => self.heard(event),
            }
        }
    }

    fn sent(&mut self, destination: Destination, bytes: &[u8]) {
        let peers = PEERS.map(ip_of);
        let addresses = [Some(destination.address), destination.otherwise];
        let all_peers = addresses.into_iter().flatten().all(|address| peers.contains(&address.ip()));
        assert!(self.is_routed || all_peers, "nothing goes to third parties: {destination:?}");
        let message = parse_datagram(bytes).expect("what we send can be read");
        if let Message::Request(request) = &message {
            let read = (request.via().is_ok(), request.from().is_ok(), request.to().is_ok());
            assert_eq!(read, (true, true, true), "a request of ours is whole");
            assert!(request.call_id().is_ok() && request.cseq().is_ok() && request.target().is_ok());
        }
        self.sent_to = destination;
        self.peer.hear(message);
    }

    fn heard(&mut self, event: Event) {
        match event {
            Event::Invited { session, .. } => self.begin(session),
            Event::Register { id, .. } => self.registers.push(id),
            Event::Pinged { .. } | Event::Answered { .. } => {}
            Event::Ended { session, .. } => assert!(self.living.remove(&session), "ended once"),
            Event::Ringing { session }
            | Event::Early { session, .. }
            | Event::Reason { session, .. }
            | Event::Redirected { session, .. }
            | Event::Connected { session, .. }
            | Event::Changed { session, .. }
            | Event::Referred { session, .. }
            | Event::Referral { session, .. }
            | Event::Digit { session, .. } => {
                assert!(self.living.contains(&session), "{session:?} is over");
            }
        }
    }

    /// What a peer may make us keep is bounded; what the user ordered comes on top.
    fn check_limits(&self) {
        let sessions = self.endpoint.session_count();
        assert!(sessions <= MAX_SESSIONS + self.dials, "{sessions} sessions");
        let transactions = self.endpoint.transaction_count();
        // A call of ours may bring 32 reliable provisional answers, each acknowledged by a PRACK.
        let most = 4 * MAX_TRANSACTIONS + 2 * self.orders + 32 * self.dials;
        assert!(transactions <= most, "{transactions} transactions, more than {most}");
    }

    /// The user ends all, the peers fall silent: nothing is left.
    fn come_to_an_end(mut self) {
        for id in std::mem::take(&mut self.registers) {
            self.endpoint.respond(self.now, id, &Answer::new(Status::OK));
            self.drain(MOST_OUTPUTS);
        }
        for id in self.known.clone() {
            self.endpoint.hang_up(self.now, id, None);
            self.drain(MOST_OUTPUTS);
        }
        assert!(self.living.is_empty(), "{:?} go on", self.living);
        self.pass(LONGEST_END);
        let left = (self.endpoint.session_count(), self.endpoint.transaction_count());
        assert_eq!(left, (0, 0), "sessions and transactions left");
        assert_eq!(self.endpoint.poll_timeout(), None);
    }
}

fn ip_of(address: &str) -> IpAddr {
    address.parse::<std::net::SocketAddr>().expect("an address").ip()
}
