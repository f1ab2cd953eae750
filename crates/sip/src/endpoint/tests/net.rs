//! Three endpoints on one wire: the center, an agent's phone, and another's.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::*;
use crate::Status;

const PLACES: [(&str, &str); 3] =
    [("center", "192.0.2.1:5060"), ("agent", "192.0.2.2:5060"), ("target", "192.0.2.3:5060")];
pub(super) const CENTER: usize = 0;
pub(super) const AGENT: usize = 1;
pub(super) const TARGET: usize = 2;

pub(super) struct Net {
    pub(super) now: Moment,
    pub(super) endpoints: Vec<Endpoint>,
    /// What each one's user heard.
    pub(super) heard: Vec<VecDeque<Event>>,
    /// Every message in its order: `agent REFER`, `center 202 REFER`, `center NOTIFY 100`.
    ladder: Vec<String>,
    calls: u32,
}

impl Net {
    pub(super) fn new() -> Net {
        let endpoint = |(nth, (name, address)): (usize, &(&str, &str))| {
            let local = vec![address.parse().unwrap()];
            let user_agent = (*name).to_owned();
            let settings = EndpointSettings { local, user_agent, max_sessions: 9, max_transactions: 99 };
            Endpoint::new(settings, Random::new([u8::try_from(nth).unwrap(); 32]))
        };
        let endpoints: Vec<Endpoint> = PLACES.iter().enumerate().map(endpoint).collect();
        let heard = endpoints.iter().map(|_| VecDeque::new()).collect();
        Net { now: Moment::from_ms(0), endpoints, heard, ladder: Vec::new(), calls: 0 }
    }

    /// Carries messages until nobody has anything to say.
    pub(super) fn run(&mut self) {
        while let Some((from, output)) = self.next_output() {
            match output {
                Output::Event(event) => self.heard[from].push_back(event),
                Output::Send { destination, bytes } => {
                    self.ladder.push(format!("{} {}", PLACES[from].0, line(&bytes)));
                    let is_there = |(_, place): &(&str, &str)| {
                        place.parse::<SocketAddr>().unwrap() == destination.address
                    };
                    let to = PLACES.iter().position(is_there).unwrap();
                    let (source, local) = (PLACES[from].1, PLACES[to].1);
                    self.endpoints[to].handle_datagram(self.now, at(source, local), &bytes);
                }
            }
        }
    }

    fn next_output(&mut self) -> Option<(usize, Output)> {
        let mut places = 0..self.endpoints.len();
        places.find_map(|place| Some((place, self.endpoints[place].poll_output()?)))
    }

    /// One calls another, who lets it ring; the sessions at both ends.
    pub(super) fn ring(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        self.calls += 1;
        let dial = Dial {
            call_id: format!("call;of {}", self.calls).replace([';', ' '], "-"),
            uri: format!("sip:{}@{}", PLACES[to].0, PLACES[to].1),
            destination: at(PLACES[to].1, PLACES[from].1).into(),
            caller: PLACES[from].0.to_owned(),
            ..dial()
        };
        let caller = self.endpoints[from].dial(self.now, dial);
        self.run();
        let invited = self.heard[to].pop_back();
        let Some(Event::Invited { session: callee, .. }) = invited else { panic!("{invited:?}") };
        self.endpoints[to].ring(self.now, callee);
        self.run();
        (caller, callee)
    }

    pub(super) fn answer(&mut self, at: usize, session: SessionId) {
        self.endpoints[at].accept(self.now, session, "192.0.2.9:20000".parse().unwrap(), Codec::Pcma);
        self.run();
    }

    /// One calls another, who answers; the sessions at both ends.
    pub(super) fn call(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let (caller, callee) = self.ring(from, to);
        self.answer(to, callee);
        (caller, callee)
    }

    /// The agent's phone asks that the center be with the target; what the center hears of it.
    pub(super) fn refer(
        &mut self,
        session: SessionId,
        instead_of: Option<SessionId>,
    ) -> (SessionId, Option<Replaces>) {
        self.ladder.clear();
        for heard in &mut self.heard {
            heard.clear();
        }
        let uri = "sip:target@192.0.2.3";
        assert!(self.endpoints[AGENT].refer(self.now, session, uri, instead_of));
        self.run();
        let referred = self.heard[CENTER].pop_back();
        let Some(Event::Referred { session, to, replaces }) = referred else { panic!("{referred:?}") };
        assert_eq!(to.user().as_deref(), Some("target"));
        (session, replaces)
    }

    pub(super) fn tell(&mut self, session: SessionId, status: Status, is_last: bool) {
        self.endpoints[CENTER].tell_referral(self.now, session, status, is_last);
        self.run();
    }

    pub(super) fn hang_up(&mut self, at: usize, session: SessionId) {
        self.endpoints[at].hang_up(self.now, session, None);
        self.run();
    }

    /// What the agent's phone heard of its transfer.
    pub(super) fn steps(&mut self) -> Vec<String> {
        let step = |event: Event| match event {
            Event::Referral { status, is_last, .. } => {
                Some(format!("{}{}", status.unwrap(), if is_last { " over" } else { "" }))
            }
            _ => None,
        };
        self.heard[AGENT].drain(..).filter_map(step).collect()
    }

    pub(super) fn ladder(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ladder)
    }

    /// How many calls there are at each place.
    pub(super) fn calls(&self) -> Vec<usize> {
        self.endpoints.iter().map(Endpoint::session_count).collect()
    }
}

/// A message in short: `REFER`, `NOTIFY 180`, `202 REFER`.
fn line(bytes: &[u8]) -> String {
    match parse_datagram(bytes).unwrap() {
        Message::Response(response) => format!("{} {}", response.status, response.cseq().unwrap().method),
        Message::Request(request) if request.method == Method::Notify => {
            let body = String::from_utf8(request.body.clone()).unwrap();
            format!("NOTIFY {}", body.split(' ').nth(1).unwrap())
        }
        Message::Request(request) => request.method.to_string(),
    }
}
