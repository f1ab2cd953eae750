//! One decision of a full center: an agent becomes free, the longest waiting caller is offered, answers, and
//! another caller joins. 1,000 agents talk and 1,000 callers wait before and after each.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::collections::{BTreeMap, VecDeque};
use std::hint::black_box;
use std::time::Duration;

use acd::{Acd, AgentConfig, Config, Input, Output, QueueConfig};
use criterion::{Criterion, criterion_group, criterion_main};
use model::{AgentId, ContactId, Ids, QueueName, Time};

criterion_group!(benches, decision);
criterion_main!(benches);

const AGENTS: usize = 1_000;
const WAITING: usize = 1_000;

fn decision(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("acd/decision");
    let mut bare = Bare::new();
    group.bench_function("bare map", |b| b.iter(|| bare.decide()));
    for (name, queues, each) in [("1 queue", 1, 1), ("20 queues, 3 an agent", 20, 3)] {
        let mut center = Center::new(queues, each);
        group.bench_function(name, |b| b.iter(|| center.decide()));
    }
    group.finish();
}

/// The least that any distributor does: the first of 1,000 leaves an ordered map, and a new one joins.
struct Bare {
    waiting: BTreeMap<(Time, ContactId), usize>,
    ids: Ids,
    now: Time,
}

impl Bare {
    fn new() -> Bare {
        let mut bare = Bare { waiting: BTreeMap::new(), ids: Ids::new(1), now: start() };
        for _ in 0..WAITING {
            bare.join();
        }
        bare
    }

    fn join(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        let contact = ContactId::new(&mut self.ids, self.now);
        self.waiting.insert((self.now, contact), 0);
    }

    fn decide(&mut self) {
        black_box(self.waiting.pop_first());
        self.join();
    }
}

/// The distributor with every agent talking.
struct Center {
    acd: Acd,
    queues: Vec<QueueName>,
    /// Who talks, the longest first.
    talking: VecDeque<AgentId>,
    ids: Ids,
    now: Time,
    joined: usize,
}

impl Center {
    fn new(queues: usize, each: usize) -> Center {
        let queues = (0..queues).map(|at| name(format!("queue-{at}"))).collect::<Vec<_>>();
        let agents = (0..AGENTS).map(|at| agent(at, each, &queues)).collect::<Vec<_>>();
        let talking = agents.iter().map(|agent| agent.id.clone()).collect::<VecDeque<_>>();
        let config = Config { queues: queues.iter().cloned().map(queue).collect(), agents };
        let acd = Acd::new(config, Ids::new(1));
        let mut center = Center { acd, queues, talking, ids: Ids::new(2), now: start(), joined: 0 };
        for _ in 0..AGENTS + WAITING {
            center.join();
        }
        for id in center.talking.clone() {
            center.acd.handle(center.now, Input::SeatOnline(id));
            center.answer();
        }
        center
    }

    fn join(&mut self) {
        self.now = self.now + Duration::from_millis(1);
        let contact = ContactId::new(&mut self.ids, self.now);
        let queue = self.queues[self.joined % self.queues.len()].clone();
        self.joined += 1;
        self.acd.handle(self.now, Input::Enter { contact, queue, bonus_s: 0, since: self.now });
        while self.acd.poll_output().is_some() {}
    }

    /// Answers the offer that must have followed.
    fn answer(&mut self) {
        let offered = std::iter::from_fn(|| self.acd.poll_output()).find_map(|output| match output {
            Output::Offer { offer, .. } => Some(offer),
            Output::Entered { .. }
            | Output::Left { .. }
            | Output::OfferEnded { .. }
            | Output::Joined { .. }
            | Output::Position { .. }
            | Output::Answered { .. }
            | Output::Engaged { .. }
            | Output::AgentChanged { .. } => None,
        });
        let offer = offered.expect("callers of every queue wait, so a free agent is offered one");
        self.acd.handle(self.now, Input::OfferAnswered(offer));
        while self.acd.poll_output().is_some() {}
    }

    fn decide(&mut self) {
        let Some(agent) = self.talking.pop_front() else { return };
        self.acd.handle(self.now, Input::SegmentEnded(agent.clone()));
        self.talking.push_back(agent);
        self.answer();
        self.join();
    }
}

/// No wrap-up, so that the end of a call is a decision.
fn queue(name: QueueName) -> QueueConfig {
    QueueConfig { name, offer_deadline: Duration::from_secs(15), wrap_up: Duration::ZERO }
}

/// Agent `at`, who serves `each` neighbouring queues.
fn agent(at: usize, each: usize, queues: &[QueueName]) -> AgentConfig {
    AgentConfig {
        id: name(format!("{}", 1000 + at)),
        queues: (at..at + each).map(|at| queues[at % queues.len()].clone()).collect(),
        starts_ready: true,
        miss_limit: 3,
        rest_after_miss: Duration::from_secs(5),
    }
}

fn name<T: std::str::FromStr<Err: std::fmt::Debug>>(text: String) -> T {
    text.parse().expect("letters, digits and hyphens make a name")
}

/// In 2027.
fn start() -> Time {
    Time::from_unix_ms(1_800_000_000_000)
}
