//! Generated sequences: the distributor and a naive model of it take the same steps and must agree on who
//! is offered to whom, and the invariants must hold after each step.

use model::{Activity, Actor, LeaveReason, Refusal};
use proptest::prelude::*;

use super::*;

const AGENTS: [(&str, &[&str]); 4] = [
    ("a", &["inquiry"]),
    ("b", &["inquiry", "complaint"]),
    ("c", &["complaint"]),
    ("d", &["complaint", "inquiry"]),
];

#[derive(Debug, Clone)]
enum Step {
    Enter {
        complaint: bool,
        bonus_s: u32,
    },
    Leave(usize),
    Online(usize),
    Offline(usize),
    Ready(usize),
    Break(usize),
    Answer(usize),
    Refuse(usize),
    Release(usize),
    EndTalk(usize),
    Engage(usize),
    /// A free agent of inquiry, or of complaint.
    EngageIdle(bool),
    Disengage(usize),
    /// New settings: this agent serves inquiries, complaints, both or neither.
    Serve(usize, bool, bool),
    Pass(u64),
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (any::<bool>(), 0_u32..3).prop_map(|(complaint, b)| Step::Enter { complaint, bonus_s: b * 20 }),
        2 => (0_usize..8).prop_map(Step::Leave),
        3 => (0_usize..4).prop_map(Step::Online),
        1 => (0_usize..4).prop_map(Step::Offline),
        1 => (0_usize..4).prop_map(Step::Ready),
        1 => (0_usize..4).prop_map(Step::Break),
        4 => (0_usize..4).prop_map(Step::Answer),
        2 => (0_usize..4).prop_map(Step::Refuse),
        3 => (0_usize..4).prop_map(Step::Release),
        3 => (0_usize..4).prop_map(Step::EndTalk),
        1 => (0_usize..4).prop_map(Step::Engage),
        1 => any::<bool>().prop_map(Step::EngageIdle),
        1 => (0_usize..4).prop_map(Step::Disengage),
        1 => (0_usize..4, any::<bool>(), any::<bool>()).prop_map(|(nth, i, c)| Step::Serve(nth, i, c)),
        3 => (0_u64..20).prop_map(Step::Pass),
    ]
}

/// The naive model: lists that are searched from the front.
struct Model {
    /// Which queues each agent serves now.
    serves: Vec<(&'static str, Vec<&'static str>)>,
    waiting: Vec<(ContactId, QueueName, i64)>,
    /// Live offers and those whose device is not free yet.
    ringing: Vec<(OfferId, ContactId, AgentId)>,
    releasing: Vec<(OfferId, AgentId)>,
    talking: Vec<(ContactId, AgentId)>,
    ended: Vec<OfferId>,
    /// For whom an agent of which queue was asked for last.
    wanted: Option<(ContactId, &'static str)>,
}

impl Model {
    fn new() -> Model {
        Model {
            serves: AGENTS.iter().map(|(id, queues)| (*id, queues.to_vec())).collect(),
            waiting: Vec::new(),
            ringing: Vec::new(),
            releasing: Vec::new(),
            talking: Vec::new(),
            ended: Vec::new(),
            wanted: None,
        }
    }

    /// Reads one output, checking everything that an output alone can break.
    fn read(&mut self, world: &World, output: &Output, entered: &[(ContactId, QueueName, i64)]) {
        match output {
            Output::Entered { contact, .. } => {
                let place = entered.iter().find(|(id, ..)| id == contact).unwrap().clone();
                self.waiting.push(place);
            }
            Output::Left { contact, reason, .. } => {
                let before = self.waiting.len();
                self.waiting.retain(|(id, ..)| id != contact);
                assert_eq!(self.waiting.len() + 1, before, "left once");
                assert!(*reason != LeaveReason::Answered || self.talking.iter().any(|(id, _)| id == contact));
            }
            Output::Offer { offer, contact, queue, agent, .. } => {
                assert!(self.ringing.iter().all(|(_, c, a)| c != contact && a != agent), "one ring each");
                assert!(self.talking.iter().all(|(c, a)| c != contact && a != agent), "not while talking");
                assert!(self.releasing.iter().all(|(_, a)| a != agent), "not while the device still rings");
                self.check_order(contact, queue, agent);
                self.ringing.push((*offer, *contact, agent.clone()));
            }
            Output::OfferEnded { offer, contact, agent, outcome } => {
                assert!(!self.ended.contains(offer), "an offer ends once");
                self.ended.push(*offer);
                let at = self.ringing.iter().position(|(id, ..)| id == offer).expect("it rang");
                self.ringing.remove(at);
                match outcome {
                    model::OfferOutcome::Accepted => self.talking.push((*contact, agent.clone())),
                    model::OfferOutcome::Refused(_) => {}
                    _ => self.releasing.push((*offer, agent.clone())),
                }
            }
            Output::Joined { offer, contact, agent, .. } => {
                assert!(self.ended.contains(offer) && self.talking.contains(&(*contact, agent.clone())));
            }
            Output::Answered { .. } => {}
            Output::Engaged { agent, .. } => {
                let (contact, name) = self.wanted.take().expect("somebody was asked for");
                let serves =
                    |(id, queues): &(&str, Vec<&str>)| *id == agent.as_str() && queues.contains(&name);
                assert!(self.serves.iter().any(serves), "{agent} serves {name}");
                let busy = self.ringing.iter().map(|(_, _, agent)| agent);
                let busy = busy.chain(self.releasing.iter().map(|(_, agent)| agent));
                let busy = busy.chain(self.talking.iter().map(|(_, agent)| agent));
                assert!(busy.into_iter().all(|other| other != agent), "{agent} is free");
                self.talking.push((contact, agent.clone()));
            }
            Output::Position { contact, .. } => {
                assert!(self.waiting.iter().any(|(id, ..)| id == contact), "only who waits has a position");
            }
            Output::AgentChanged { agent, .. } => assert!(world.acd.agent(agent).is_some()),
        }
    }

    /// Nobody with a higher score, whom this agent serves, waits unoffered.
    fn check_order(&self, contact: &ContactId, queue: &QueueName, agent: &AgentId) {
        let serves = |name: &QueueName| {
            self.serves.iter().any(|(id, queues)| *id == agent.as_str() && queues.contains(&name.as_str()))
        };
        assert!(serves(queue));
        let place = |id: &ContactId| self.waiting.iter().find(|(c, ..)| c == id).unwrap().2;
        for (other, name, score) in &self.waiting {
            let offered = self.ringing.iter().any(|(_, c, _)| c == other);
            assert!(
                other == contact || offered || !serves(name) || *score >= place(contact),
                "{other} waits with a higher score than {contact}"
            );
        }
    }

    /// What must hold between any two steps.
    fn check_rest(&self, world: &World) {
        for (id, queues) in &self.serves {
            let id = agent(id);
            let view = world.acd.agent(&id).unwrap();
            let rings = self.ringing.iter().filter(|(_, _, a)| *a == id).count();
            let talks = self.talking.iter().filter(|(_, a)| *a == id).count();
            assert!(rings + talks <= 1, "an agent has at most one offer or call");
            assert_eq!(talks == 1, view.activity == Activity::Talking);
            assert!(rings == 0 || view.activity == Activity::Offered);
            let idle = view.seat_online
                && view.shift == model::Shift::Ready
                && view.activity == Activity::Idle
                && !world.resting(&id);
            let work = self.waiting.iter().any(|(contact, name, _)| {
                queues.contains(&name.as_str()) && self.ringing.iter().all(|(_, c, _)| c != contact)
            });
            assert!(!(idle && work), "{id} is idle while a call waits");
        }
        for (contact, ..) in &self.waiting {
            let owners = self.ringing.iter().filter(|(_, c, _)| c == contact).count()
                + self.talking.iter().filter(|(c, _)| c == contact).count();
            assert!(owners <= 1, "a call has one owner");
        }
        for (offer, ..) in &self.ringing {
            assert!(world.acd.is_live(*offer));
        }
    }
}

impl World {
    /// True while an agent is left alone after a miss; such a one has a timeout though it shows as idle.
    fn resting(&self, id: &AgentId) -> bool {
        self.acd.has_timer(id)
    }
}

fn run(steps: &[Step]) {
    let mut world = World::new(&AGENTS);
    let mut model = Model::new();
    let mut entered = Vec::new();
    for step in steps {
        let outputs = apply(&mut world, &mut model, &mut entered, step);
        for output in &outputs {
            model.read(&world, output, &entered);
        }
        model.check_rest(&world);
    }
}

fn command(world: &mut World, nth: usize, order: AgentOrder) -> Input {
    let id = CommandId::new(&mut world.ids, world.now);
    Input::Command { id, agent: agent(AGENTS[nth].0), order, by: Actor::CommandLine }
}

fn apply(
    world: &mut World,
    model: &mut Model,
    entered: &mut Vec<(ContactId, QueueName, i64)>,
    step: &Step,
) -> Vec<Output> {
    let id = |nth: usize| agent(AGENTS[nth].0);
    let input = match step {
        Step::Enter { complaint, bonus_s } => {
            let contact = ContactId::new(&mut world.ids, world.now);
            let name = queue(if *complaint { "complaint" } else { "inquiry" });
            entered.push((contact, name.clone(), world.now.unix_ms() - i64::from(*bonus_s) * 1000));
            Input::Enter { contact, queue: name, bonus_s: *bonus_s, since: world.now }
        }
        Step::Leave(nth) => match model.waiting.get(*nth) {
            Some((contact, ..)) => Input::Leave { contact: *contact, reason: LeaveReason::Abandoned },
            None => return Vec::new(),
        },
        Step::Online(nth) => Input::SeatOnline(id(*nth)),
        Step::Offline(nth) => Input::SeatOffline(id(*nth)),
        Step::Ready(nth) => command(world, *nth, AgentOrder::Ready),
        Step::Break(nth) => command(world, *nth, AgentOrder::Break),
        // Answers and refusals also come for offers that are dead: they cross withdrawals on the wire.
        Step::Answer(nth) => match model.ringing.get(*nth).map(|r| r.0).or(model.ended.get(*nth).copied()) {
            Some(offer) => Input::OfferAnswered(offer),
            None => return Vec::new(),
        },
        Step::Refuse(nth) => match model.ringing.get(*nth) {
            Some((offer, ..)) => Input::OfferRefused(*offer, Refusal::Declined),
            None => return Vec::new(),
        },
        Step::Release(nth) if *nth < model.releasing.len() => {
            Input::OfferReleased(model.releasing.remove(*nth).0)
        }
        Step::EndTalk(nth) if *nth < model.talking.len() => Input::SegmentEnded(model.talking.remove(*nth).1),
        Step::Engage(nth) => {
            let (agent, contact) = (id(*nth), ContactId::new(&mut world.ids, world.now));
            let busy = model.ringing.iter().map(|(_, _, rings)| rings);
            let busy = busy.chain(model.releasing.iter().map(|(_, agent)| agent));
            let busy = busy.chain(model.talking.iter().map(|(_, agent)| agent)).any(|other| *other == agent);
            let may = world.acd.agent(&agent).unwrap().seat_online && !busy;
            assert_eq!(world.acd.may_engage(&agent).is_ok(), may, "{agent}");
            if may {
                model.talking.push((contact, agent.clone()));
            }
            let command = CommandId::new(&mut world.ids, world.now);
            Input::Engage { id: command, agent, contact, queue: queue("inquiry") }
        }
        Step::EngageIdle(complaint) => {
            let name = if *complaint { "complaint" } else { "inquiry" };
            let (id, contact) =
                (CommandId::new(&mut world.ids, world.now), ContactId::new(&mut world.ids, world.now));
            model.wanted = Some((contact, name));
            Input::EngageIdle { id, of: queue(name), contact, queue: queue("inquiry") }
        }
        Step::Disengage(nth) if *nth < model.talking.len() => Input::Disengaged(model.talking.remove(*nth).1),
        Step::Release(_) | Step::EndTalk(_) | Step::Disengage(_) => return Vec::new(),
        Step::Serve(nth, inquiry, complaint) => {
            let chosen = [("inquiry", *inquiry), ("complaint", *complaint)];
            model.serves[*nth].1 =
                chosen.into_iter().filter_map(|(name, is_served)| is_served.then_some(name)).collect();
            let agents = model.serves.iter().map(|(id, queues)| (*id, queues.as_slice()));
            Input::Settings(config(&agents.collect::<Vec<_>>()))
        }
        Step::Pass(seconds) => {
            let outputs = world.pass(*seconds).to_vec();
            let acd = &world.acd;
            model.releasing.retain(|(offer, _)| acd.is_releasing(*offer));
            return outputs;
        }
    };
    world.step(input).to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn agrees_with_the_model(steps in proptest::collection::vec(step(), 1..120)) {
        run(&steps);
    }
}
