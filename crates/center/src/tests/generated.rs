//! Whatever is reported and commanded in whatever order: after the end of all, nothing is left.

use std::time::Duration;

use model::{
    AgentOrder, Direction, First, LegId, LegReport, MediaReport, MoveOrder, MoveTo, Order, Origin,
    PartyOrder, RecordingOrder, RecordingReport, Referral, Refusal, SecureInputOrder, Slot, Supervision,
    SupervisionOrder, Watched,
};
use proptest::prelude::*;

use super::world::{AGENTS, Leg, Seat, World, agent, number, remote, seconds};
use crate::Input;
use crate::leg::Why;

#[derive(Debug, Clone)]
pub(super) enum Step {
    Call(usize, u8),
    Code(usize, bool),
    HangUp(usize),
    Press(usize, usize),
    Pass(u64),
    Registered(usize, bool),
    Ready(usize, bool),
    Script(usize, usize),
    Answer(usize),
    Change(usize, usize),
    Ports(usize),
    RecordingFails,
    /// Nothing comes of a leg any more; whether its peer answers when asked.
    Silent(usize, bool),
    /// A report that comes when nobody expects it.
    Stray(usize, usize),
    /// Begin, end or read a secure input.
    Secure(usize, usize),
    /// Somebody joins a conversation, or leaves it.
    Guest(usize, usize, usize),
    /// Hold, consult, move, park, pick up: by command.
    Move(usize, usize, usize),
    /// An agent types a code, by the phone of the conversation.
    Type(usize, usize),
    /// An agent's phone asks to be connected with somebody else, its first leg or its second.
    Refer(usize, usize),
    /// An agent's phone makes a second call, or dials a parking slot or a customer.
    Dial(usize, usize),
    /// A customer is called by order, for an agent; who is first.
    Outbound(usize, usize, bool),
    /// What numbers outside do from now on.
    Outside(usize),
    /// The network sends audio of a leg before its answer, or it rings there.
    Early(usize, bool),
    /// New settings: without this agent, or this queue, or the usual ones.
    Settings(usize),
    Drain,
}

const KEYS: [char; 7] = ['0', '1', '2', '2', '5', '9', '#'];
/// What agents type: whole codes, and the beginning of one.
const TYPED: [&str; 11] =
    ["*11002#", "*16001#", "*17002#", "*21003#", "*26002#", "*3", "*4", "*5", "*6", "*7", "*1"];
const SEATS: [Seat; 4] =
    [Seat::AnswersAfter(Duration::from_secs(1)), Seat::Declines, Seat::RingsOn, Seat::Unreachable];
const DIRECTIONS: [Direction; 4] =
    [Direction::Both, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];

pub(super) fn step() -> impl Strategy<Value = Step> {
    let (agents, legs) = (0..AGENTS.len(), 0_usize..64);
    prop_oneof![
        4 => (0_usize..4, 0_u8..8).prop_map(|(number, line)| Step::Call(number, line)),
        1 => (agents.clone(), any::<bool>()).prop_map(|(agent, ready)| Step::Code(agent, ready)),
        2 => legs.clone().prop_map(Step::HangUp),
        8 => (legs.clone(), 0..KEYS.len()).prop_map(|(leg, key)| Step::Press(leg, key)),
        14 => prop_oneof![0_u64..200, 0_u64..5_000, 0_u64..20_000].prop_map(Step::Pass),
        5 => (agents.clone(), prop::bool::weighted(0.8)).prop_map(|(agent, on)| Step::Registered(agent, on)),
        2 => (agents.clone(), any::<bool>()).prop_map(|(agent, ready)| Step::Ready(agent, ready)),
        2 => (agents.clone(), 0_usize..4).prop_map(|(agent, seat)| Step::Script(agent, seat)),
        4 => legs.clone().prop_map(Step::Answer),
        8 => (legs.clone(), 0..DIRECTIONS.len()).prop_map(|(leg, direction)| Step::Change(leg, direction)),
        1 => prop_oneof![8 => 0_usize..2, 1 => Just(2)].prop_map(Step::Ports),
        4 => (legs.clone(), agents.clone(), 0_usize..8)
            .prop_map(|(contact, seat, order)| Step::Guest(contact, seat, order)),
        8 => (legs.clone(), 0_usize..10, 0_usize..16)
            .prop_map(|(contact, to, order)| Step::Move(contact, to, order)),
        3 => (agents.clone(), 0_usize..9).prop_map(|(agent, to)| Step::Refer(agent, to)),
        3 => (agents.clone(), 0..DIALLED.len()).prop_map(|(agent, to)| Step::Dial(agent, to)),
        3 => (agents.clone(), 0..TYPED.len()).prop_map(|(agent, code)| Step::Type(agent, code)),
        2 => outbound_step(),
        1 => Just(Step::RecordingFails),
        1 => (0_usize..6).prop_map(Step::Settings),
        3 => (legs.clone(), 0_usize..5).prop_map(|(contact, order)| Step::Secure(contact, order)),
        2 => (legs.clone(), any::<bool>()).prop_map(|(leg, deaf)| Step::Silent(leg, deaf)),
        3 => (legs, 0_usize..6).prop_map(|(leg, report)| Step::Stray(leg, report)),
        1 => prop::bool::weighted(0.02).prop_map(|drain| if drain { Step::Drain } else { Step::Pass(1) }),
    ]
}

/// What agents' phones dial.
const DIALLED: [&str; 13] =
    ["1001", "1002", "1003", "7002", "701", "702", "6001", "6002", "*81003", "4000", "4900", "110", "3000"];
/// Of these, from here on numbers outside.
const CUSTOMERS: usize = 9;

/// A step of those that call customers.
fn outbound_step() -> impl Strategy<Value = Step> {
    let agents = 0..AGENTS.len();
    prop_oneof![
        4 => (agents.clone(), CUSTOMERS..DIALLED.len()).prop_map(|(agent, to)| Step::Dial(agent, to)),
        4 => (agents, CUSTOMERS..DIALLED.len(), any::<bool>())
            .prop_map(|(agent, to, is_first)| Step::Outbound(agent, to, is_first)),
        3 => (0_usize..4).prop_map(Step::Outside),
        3 => (0_usize..64, any::<bool>()).prop_map(|(leg, rings)| Step::Early(leg, rings)),
    ]
}

/// A step of those that give customers away, or cross them.
fn move_step() -> impl Strategy<Value = Step> {
    let (agents, legs) = (0..AGENTS.len(), 0_usize..64);
    prop_oneof![
        8 => (legs.clone(), 0_usize..10, 0_usize..16)
            .prop_map(|(contact, to, order)| Step::Move(contact, to, order)),
        3 => (agents.clone(), 0_usize..9).prop_map(|(agent, to)| Step::Refer(agent, to)),
        3 => (agents.clone(), 0..DIALLED.len()).prop_map(|(agent, to)| Step::Dial(agent, to)),
        4 => (agents.clone(), 0..TYPED.len()).prop_map(|(agent, code)| Step::Type(agent, code)),
        2 => outbound_step(),
        3 => legs.clone().prop_map(Step::Answer),
        2 => legs.clone().prop_map(Step::HangUp),
        2 => (legs.clone(), 0..DIRECTIONS.len()).prop_map(|(leg, direction)| Step::Change(leg, direction)),
        2 => (agents.clone(), 0_usize..4).prop_map(|(agent, seat)| Step::Script(agent, seat)),
        2 => (agents, prop::bool::weighted(0.8)).prop_map(|(agent, on)| Step::Registered(agent, on)),
        1 => (legs, 0_usize..4, 0_usize..8).prop_map(|(contact, seat, order)| {
            Step::Guest(contact, seat % AGENTS.len(), order)
        }),
        6 => prop_oneof![0_u64..200, 0_u64..5_000, 0_u64..40_000].prop_map(Step::Pass),
        1 => (0_usize..2).prop_map(|number| Step::Call(number, 0)),
    ]
}

pub(super) fn take(world: &mut World, step: &Step) {
    match *step {
        Step::Call(number, line) => {
            let trunk = if line.is_multiple_of(2) { "city" } else { "village" };
            world.call_from(trunk, line / 4, ["8000", "8002", "8003", "8005"][number]);
        }
        Step::Code(index, ready) => {
            let origin = Origin::Agent(agent(AGENTS[index].0));
            world.invite(origin, if ready { "*70" } else { "*71" });
        }
        Step::HangUp(leg) => with_leg(world, leg, World::hang_up),
        Step::Press(leg, key) => with_leg(world, leg, |world, leg| world.press(leg, KEYS[key])),
        Step::Pass(ms) => world.run(Duration::from_millis(ms)),
        Step::Registered(index, online) => world.seat(AGENTS[index].0, online),
        Step::Ready(index, ready) => {
            let agent = agent(AGENTS[index].0);
            world.order(Order::Agent(agent, if ready { AgentOrder::Ready } else { AgentOrder::Break }));
        }
        Step::Script(index, seat) => {
            world.script(AGENTS[index].0, SEATS[seat]);
        }
        Step::Answer(leg) => with_leg(world, leg, |world, leg| {
            if world.legs.get(&leg) == Some(&Leg::Pending { outbound: true }) {
                world.answer(leg);
            }
        }),
        Step::Change(leg, direction) => with_leg(world, leg, |world, leg| {
            if world.legs.get(&leg) == Some(&Leg::Up) {
                world.change(leg, DIRECTIONS[direction]);
            }
        }),
        Step::Ports(choice) => {
            world.ports_open_after = [Some(Duration::ZERO), Some(seconds(1)), None][choice];
        }
        Step::RecordingFails => {
            if let Some(recording) = world.recording.pop_first() {
                let failed =
                    RecordingReport::Failed { why: "disk full".to_owned(), kept: model::Kept::default() };
                let failed = MediaReport::Recording(recording, failed);
                world.send(Input::Media(failed));
            }
        }
        Step::Silent(leg, deaf) => with_leg(world, leg, |world, leg| {
            if deaf {
                world.deaf.insert(leg);
            }
            world.silent(leg, Direction::Both);
        }),
        Step::Stray(leg, report) => with_leg(world, leg, |world, leg| stray(world, leg, report)),
        Step::Secure(contact, order) => secure(world, contact, order),
        Step::Guest(contact, seat, order) => guest(world, contact, seat, order),
        Step::Move(contact, to, order) => move_by_command(world, contact, to, order),
        Step::Refer(index, to) => refer(world, AGENTS[index].0, to),
        Step::Type(index, code) => {
            let seat = world.center.cx.legs.of_agent(&agent(AGENTS[index].0)).map(|(leg, _)| leg);
            if let Some(leg) = seat.filter(|leg| world.legs.get(leg) == Some(&Leg::Up)) {
                TYPED[code].chars().for_each(|key| world.press(leg, key));
            }
        }
        Step::Dial(index, to) => {
            let origin = Origin::Agent(agent(AGENTS[index].0));
            world.invite(origin, DIALLED[to]);
        }
        Step::Outbound(index, to, is_first) => {
            let first = if is_first { First::Customer } else { First::Agent };
            world.call_customer(AGENTS[index].0, DIALLED[to], first);
        }
        Step::Outside(does) => world.outside_does = SEATS[does],
        Step::Early(leg, rings) => with_leg(world, leg, |world, leg| early(world, leg, rings)),
        Step::Settings(missing) => world.settings(|config| match missing {
            0..3 => _ = config.acd.agents.remove(missing),
            3..5 => _ = config.acd.queues.remove(missing - 3),
            _ => {}
        }),
        Step::Drain => world.send(Input::Drain),
    }
}

fn secure(world: &mut World, index: usize, order: usize) {
    let contacts: Vec<_> = world.center.contacts.keys().copied().collect();
    let Some(contact) = contacts.get(index % contacts.len().max(1)).copied() else { return };
    world.order(match order {
        0 => Order::SecureInput(contact, SecureInputOrder::End),
        1 => Order::SecureInput(contact, SecureInputOrder::Read),
        2 => Order::Recording(contact, RecordingOrder::Pause { reason: "card".to_owned() }),
        3 => Order::Recording(contact, RecordingOrder::Resume),
        _ => Order::SecureInput(contact, SecureInputOrder::Start),
    });
}

fn guest(world: &mut World, index: usize, seat: usize, order: usize) {
    let contacts: Vec<_> = world.center.contacts.keys().copied().collect();
    let Some(contact) = contacts.get(index % contacts.len().max(1)).copied() else { return };
    let seat = agent(AGENTS[seat].0);
    let supervise = |how| {
        Order::Supervision(SupervisionOrder::Start {
            watched: Watched::Contact(contact),
            seat: seat.clone(),
            how,
        })
    };
    world.order(match order {
        0 => supervise(Supervision::Listen),
        1 => supervise(Supervision::Whisper),
        2 => supervise(Supervision::Barge),
        3 => supervise(Supervision::TakeOver),
        4 => Order::Supervision(SupervisionOrder::End { seat }),
        5 => Order::Parties(contact, PartyOrder::Remove { seat }),
        6 => Order::Parties(contact, PartyOrder::Leave),
        _ => Order::Parties(contact, PartyOrder::Add { seat }),
    });
}

fn move_by_command(world: &mut World, index: usize, to: usize, order: usize) {
    let contacts: Vec<_> = world.center.contacts.keys().copied().collect();
    let Some(contact) = contacts.get(index % contacts.len().max(1)).copied() else { return };
    let to = || match to {
        0..3 => MoveTo::Agent(agent(AGENTS[to].0)),
        3 => MoveTo::Queue("complaint".parse().unwrap()),
        4 => MoveTo::Queue("inquiry".parse().unwrap()),
        5 => MoveTo::Node("goodbye".to_owned()),
        6 => MoveTo::Outside(number("4000").into()),
        7 => MoveTo::Extension(number("6001")),
        8 => MoveTo::Extension(number("6002")),
        _ => MoveTo::Extension(number("6005")),
    };
    let order = match order {
        0 => MoveOrder::Hold,
        1 => MoveOrder::Retrieve,
        2..6 => MoveOrder::Transfer(to()),
        6..9 => MoveOrder::Consult(to()),
        9 => MoveOrder::Swap,
        10 => MoveOrder::Join,
        11 | 12 => MoveOrder::Complete,
        13 => MoveOrder::Return,
        14 => MoveOrder::Park,
        _ => {
            let (slot, seat) = (Slot(701), agent(AGENTS[index % AGENTS.len()].0));
            world.order(Order::PickUp { slot, seat });
            return;
        }
    };
    world.order(Order::Move(contact, order));
}

/// The phone of an agent who talks asks to be connected with another, or, with a second line, to join the two.
fn refer(world: &mut World, id: &str, to: usize) {
    let Some((first, _)) = world.center.cx.legs.of_agent(&agent(id)) else { return };
    let second = world.center.cx.legs.live().find_map(|(leg, why)| {
        let is_second = matches!(why, Why::SecondLine(_));
        (is_second && world.center.cx.legs.get(leg)?.agent() == Some(&agent(id))).then_some(leg)
    });
    let (leg, replaces) = match (second, to % 3) {
        (Some(second), 0) => (first, Some(second)),
        (Some(second), 1) => (second, Some(first)),
        (_, _) => (first, None),
    };
    if world.legs.get(&leg) == Some(&Leg::Up) {
        let extensions = ["1001", "1002", "1003", "7002", "8000", "4000", "6001", "6002", "6004"];
        let to = number(extensions[to]).into();
        world.send(Input::Leg(leg, LegReport::Referred(Referral { to, replaces })));
    }
}

fn with_leg(world: &mut World, index: usize, act: impl FnOnce(&mut World, LegId)) {
    // Mostly legs that live: what is over rarely speaks again.
    let live: Vec<_> = world.legs.iter().filter(|(_, leg)| **leg != Leg::Over).map(|(id, _)| *id).collect();
    let all: Vec<_> = world.legs.keys().copied().collect();
    let among = if live.is_empty() || index.is_multiple_of(5) { &all } else { &live };
    if let Some(leg) = among.get(index % among.len().max(1)).copied() {
        act(world, leg);
    }
}

fn early(world: &mut World, leg: LegId, rings: bool) {
    if world.legs.get(&leg) == Some(&Leg::Pending { outbound: true }) {
        let early = LegReport::Early { remote: remote(Direction::Both) };
        world.send(Input::Leg(leg, if rings { LegReport::Ringing } else { early }));
    }
}

fn stray(world: &mut World, leg: LegId, report: usize) {
    let over = world.legs.get(&leg) == Some(&Leg::Over);
    let report = match report {
        0 => LegReport::Ringing,
        1 => LegReport::Digit(model::Digit::from_event(1).unwrap()),
        2 if over => LegReport::Connected { remote: remote(Direction::Both) },
        3 if over => LegReport::Refused(Refusal::Failed),
        4 if over => LegReport::Ended { cause: model::Cause::SignallingTimeout },
        _ => return,
    };
    world.send(Input::Leg(leg, report));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_left_whatever_happened(steps in prop::collection::vec(step(), 1..200)) {
        let mut world = World::with(&["1001", "1002"]);
        for step in &steps {
            take(&mut world, step);
        }
        world.send(Input::EndAll);
        world.assert_over();
        // A leg that the center ended is named in no table, so a second end finds nothing.
        let entries = world.entries.len();
        world.send(Input::EndAll);
        prop_assert_eq!(world.entries.len(), entries);
    }

    /// As above, with little beside calls to customers and what crosses them.
    #[test]
    fn nothing_is_left_of_customers_who_are_called(
        steps in prop::collection::vec(prop_oneof![3 => outbound_step(), 2 => move_step()], 1..80),
    ) {
        let mut world = World::with(&["1001", "1002", "1003"]);
        steps.iter().for_each(|step| take(&mut world, step));
        world.send(Input::EndAll);
        world.assert_over();
    }

    /// As above, from two conversations on, and with little beside moves and the ends of legs.
    #[test]
    fn nothing_is_left_of_customers_who_are_given_away(steps in prop::collection::vec(move_step(), 1..60)) {
        let mut world = World::with(&["1001", "1002", "1003"]);
        world.caller_who_presses('1');
        world.caller_who_presses('2');
        world.run(seconds(3));
        steps.iter().for_each(|step| take(&mut world, step));
        world.send(Input::EndAll);
        world.assert_over();
    }

    #[test]
    fn the_same_steps_give_the_same_log(steps in prop::collection::vec(step(), 1..60)) {
        let [first, second] = [(), ()].map(|()| {
            let mut world = World::with(&["1001", "1003"]);
            steps.iter().for_each(|step| take(&mut world, step));
            world.entries
        });
        prop_assert_eq!(first, second);
    }
}
