//! The flows of RFC 5589 by their names there, message by message: an agent's phone (the transferor), the endpoint that has the customer
//! (the transferee: it calls the target by itself), and the target's phone. Three endpoints, one wire.

use std::collections::VecDeque;
use std::net::SocketAddr;

use super::*;
use crate::Status;

const PLACES: [(&str, &str); 3] =
    [("center", "192.0.2.1:5060"), ("agent", "192.0.2.2:5060"), ("target", "192.0.2.3:5060")];
const CENTER: usize = 0;
const AGENT: usize = 1;
const TARGET: usize = 2;

struct Net {
    now: Moment,
    endpoints: Vec<Endpoint>,
    /// What each one's user heard.
    heard: Vec<VecDeque<Event>>,
    /// Every message in its order: `agent REFER`, `center 202 REFER`, `center NOTIFY 100`.
    ladder: Vec<String>,
    calls: u32,
}

impl Net {
    fn new() -> Net {
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
    fn run(&mut self) {
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
    fn ring(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
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

    fn answer(&mut self, at: usize, session: SessionId) {
        self.endpoints[at].accept(self.now, session, "192.0.2.9:20000".parse().unwrap(), Codec::Pcma);
        self.run();
    }

    /// One calls another, who answers; the sessions at both ends.
    fn call(&mut self, from: usize, to: usize) -> (SessionId, SessionId) {
        let (caller, callee) = self.ring(from, to);
        self.answer(to, callee);
        (caller, callee)
    }

    /// The agent's phone asks that the center be with the target; what the center hears of it.
    fn refer(&mut self, session: SessionId, instead_of: Option<SessionId>) -> (SessionId, Option<Replaces>) {
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

    fn tell(&mut self, session: SessionId, status: Status, is_last: bool) {
        self.endpoints[CENTER].tell_referral(self.now, session, status, is_last);
        self.run();
    }

    fn hang_up(&mut self, at: usize, session: SessionId) {
        self.endpoints[at].hang_up(self.now, session, None);
        self.run();
    }

    /// What the agent's phone heard of its transfer.
    fn steps(&mut self) -> Vec<String> {
        let step = |event: Event| match event {
            Event::Referral { status, is_last, .. } => {
                Some(format!("{}{}", status.unwrap(), if is_last { " over" } else { "" }))
            }
            _ => None,
        };
        self.heard[AGENT].drain(..).filter_map(step).collect()
    }

    fn ladder(&mut self) -> Vec<String> {
        std::mem::take(&mut self.ladder)
    }

    /// How many calls there are at each place.
    fn calls(&self) -> Vec<usize> {
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

/// The center's call of the agent, which may refer. At the center and at the agent.
fn talking(net: &mut Net) -> (SessionId, SessionId) {
    let (center, agent) = net.call(CENTER, AGENT);
    net.endpoints[CENTER].allow_referral(net.now, center, true);
    (center, agent)
}

/// Basic transfer: REFER, 202, NOTIFY, INVITE to the target, NOTIFY, BYE.
#[test]
fn successful_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, replaces) = net.refer(agent, None);
    assert_eq!(replaces, None);
    let (_, target) = net.ring(CENTER, TARGET);
    net.tell(leg, Status::RINGING, false);
    net.answer(TARGET, target);
    net.tell(leg, Status::OK, true);
    net.hang_up(AGENT, agent);
    assert_eq!(
        net.ladder(),
        [
            "agent REFER",
            "center 202 REFER",
            "center NOTIFY 100",
            "agent 200 NOTIFY",
            "center INVITE",
            "target 180 INVITE",
            "center NOTIFY 180",
            "agent 200 NOTIFY",
            "target 200 INVITE",
            "center ACK",
            "center NOTIFY 200",
            "agent 200 NOTIFY",
            "agent BYE",
            "center 200 BYE",
        ]
    );
    assert_eq!(net.steps(), ["100", "180", "200 over"]);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The REFER comes inside the dialog, and the call may be held meanwhile.
#[test]
fn transfer_with_dialog_reuse_while_on_hold() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    assert!(net.endpoints[AGENT].reoffer(net.now, agent, Direction::SendOnly));
    net.run();
    let (leg, _) = net.refer(agent, None);
    net.call(CENTER, TARGET);
    net.tell(leg, Status::OK, true);
    assert_eq!(net.steps(), ["100", "200 over"]);
    net.hang_up(AGENT, agent);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The target is busy; the call goes on, and may be transferred again.
#[test]
fn target_busy() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    let (_, target) = net.ring(CENTER, TARGET);
    net.endpoints[TARGET].refuse(net.now, target, &Answer::new(Status::BUSY_HERE));
    net.run();
    net.tell(leg, Status::BUSY_HERE, true);
    assert_eq!(net.steps(), ["100", "486 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
    net.refer(agent, None);
    assert_eq!(net.ladder()[..3], ["agent REFER", "center 202 REFER", "center NOTIFY 100"]);
    assert_eq!(net.steps(), ["100"]);
}

/// The target does not answer; its call is withdrawn, and the agent has the customer.
#[test]
fn transfer_target_does_not_answer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    let (ours, _) = net.ring(CENTER, TARGET);
    net.tell(leg, Status::RINGING, false);
    net.hang_up(CENTER, ours);
    net.tell(leg, Status::TEMPORARILY_UNAVAILABLE, true);
    assert_eq!(net.steps(), ["100", "180", "480 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// The agent consults the target on a second call, which the center takes over.
#[test]
fn attended_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    // The second call of the phone leads to the center as well, which has the target on its other side.
    let (consulting, at_center) = net.call(AGENT, CENTER);
    net.call(CENTER, TARGET);
    let (leg, replaces) = net.refer(agent, Some(consulting));
    let dialog = net.endpoints[CENTER].named(at_center).unwrap();
    assert_eq!(replaces.as_ref(), Some(&dialog), "as RFC 3891 has it: our tag is to-tag");
    net.tell(leg, Status::OK, true);
    net.hang_up(AGENT, agent);
    net.hang_up(AGENT, consulting);
    assert_eq!(
        net.ladder(),
        [
            "agent REFER",
            "center 202 REFER",
            "center NOTIFY 100",
            "agent 200 NOTIFY",
            "center NOTIFY 200",
            "agent 200 NOTIFY",
            "agent BYE",
            "center 200 BYE",
            "agent BYE",
            "center 200 BYE",
        ]
    );
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The other way round: the REFER comes on the second call and names the first.
#[test]
fn attended_transfer_on_the_second_call() {
    let mut net = Net::new();
    let (first, agent) = talking(&mut net);
    let (consulting, at_center) = net.call(AGENT, CENTER);
    net.endpoints[CENTER].allow_referral(net.now, at_center, true);
    let (leg, replaces) = net.refer(consulting, Some(agent));
    assert_eq!(leg, at_center);
    assert!(replaces.unwrap().names(&net.endpoints[CENTER].named(first).unwrap()));
}

/// One side does not take REFER; the transferor has both calls still.
#[test]
fn recovery_when_one_party_does_not_support_refer() {
    let mut net = Net::new();
    let (_, agent) = net.call(CENTER, AGENT);
    let (consulting, _) = net.call(AGENT, CENTER);
    net.ladder.clear();
    assert!(net.endpoints[AGENT].refer(net.now, agent, "sip:target@192.0.2.3", Some(consulting)));
    net.run();
    assert_eq!(net.ladder(), ["agent REFER", "center 403 REFER"]);
    assert_eq!(net.steps(), ["403 over"]);
    assert_eq!(net.calls(), [2, 2, 0]);
}

/// The call that was to be taken over is gone when the REFER comes.
#[test]
fn attended_transfer_whose_second_call_is_gone() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (consulting, at_center) = net.call(AGENT, CENTER);
    // The center's BYE crosses the REFER.
    net.endpoints[CENTER].hang_up(net.now, at_center, None);
    let (leg, replaces) = net.refer(agent, Some(consulting));
    assert!(replaces.is_some() && net.endpoints[CENTER].named(at_center).is_none());
    net.tell(leg, Status::NO_SUCH_CALL, true);
    assert_eq!(net.steps(), ["100", "481 over"]);
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// A phone that hangs up at once, before it heard how it went.
#[test]
fn basic_transfer_whose_transferor_leaves_at_once() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (leg, _) = net.refer(agent, None);
    net.hang_up(AGENT, agent);
    net.call(CENTER, TARGET);
    net.ladder.clear();
    net.tell(leg, Status::OK, true);
    assert!(net.ladder().is_empty());
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// The agent consults, does not wait for the answer, and has the customer's call ring there instead.
#[test]
fn semi_attended_transfer() {
    let mut net = Net::new();
    let (_, agent) = talking(&mut net);
    let (consulting, _) = net.ring(AGENT, CENTER);
    assert!(
        !net.endpoints[AGENT].refer(net.now, agent, "sip:target@192.0.2.3", Some(consulting)),
        "it only rings"
    );
    net.hang_up(AGENT, consulting);
    let (leg, replaces) = net.refer(agent, None);
    assert_eq!(replaces, None);
    net.tell(leg, Status::OK, true);
    assert_eq!(net.steps(), ["100", "200 over"]);
}
