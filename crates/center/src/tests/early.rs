//! What comes before its time: reports that overtake others, in every stage of a call.

use model::{
    AudioReport, Cause, ContactEvent, Digit, Direction, Event, LegId, LegOrder, LegReport, MediaReport,
    Origin, QueueEvent, Refusal,
};

use super::stories::conversation;
use super::world::{Leg, Seat, World, agent, remote, seconds};
use crate::Input;

fn digit(key: char) -> Digit {
    Digit::from_char(key).unwrap()
}

/// A customer whose acknowledgement is not there yet.
fn answering(dialled: &str) -> (World, LegId) {
    let mut world = World::new();
    let caller = world.call(dialled);
    let opened = MediaReport::Leg(caller, AudioReport::Opened { rtp: "127.0.0.1:30000".parse().unwrap() });
    world.send(Input::Media(opened));
    assert!(matches!(world.orders.last(), Some((_, LegOrder::Answer { .. }))));
    (world, caller)
}

fn pressed(world: &World) -> String {
    let key = |event: &Event| match event {
        Event::Contact(ContactEvent::DigitPressed { digit, .. }) => Some(digit.key()),
        _ => None,
    };
    world.events().filter_map(key).collect()
}

#[test]
fn what_is_pressed_before_the_ack_counts_in_order_and_once() {
    for by_info in [true, false] {
        let (mut world, caller) = answering("8000");
        for key in ['#', '9', '2'] {
            if by_info {
                world.send(Input::Leg(caller, LegReport::Digit(digit(key))));
            } else {
                world.press(caller, key);
            }
        }
        assert_eq!(pressed(&world), "");
        world.answer(caller);
        assert_eq!(pressed(&world), "#92");
        let queued = world
            .events()
            .any(|event| matches!(event, Event::Queue(QueueEvent::Entered { queue, .. }) if queue.as_str() == "complaint"));
        assert!(queued, "2 leads to the complaints");
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn one_press_that_comes_both_ways_before_the_ack_counts_once() {
    let (mut world, caller) = answering("8000");
    world.press(caller, '9');
    world.send(Input::Leg(caller, LegReport::Digit(digit('9'))));
    world.answer(caller);
    assert_eq!(pressed(&world), "9");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_secret_pressed_before_the_ack_is_whole_and_in_no_log() {
    let (mut world, caller) = answering("8002");
    "4711".chars().for_each(|key| world.press(caller, key));
    world.answer(caller);
    assert_eq!(pressed(&world), "");
    let whole = world
        .events()
        .any(|event| matches!(event, Event::Contact(ContactEvent::SecureInputEnded { digits: 4, .. })));
    assert!(whole);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_flood_before_the_ack_is_bounded_and_an_end_before_it_forgets_all() {
    let (mut world, caller) = answering("8000");
    for _ in 0..10_000 {
        world.send(Input::Leg(caller, LegReport::Digit(digit('9'))));
    }
    world.answer(caller);
    assert!(pressed(&world).len() <= 32);
    world.hang_up(caller);
    world.assert_over();

    let (mut world, caller) = answering("8000");
    world.press(caller, '1');
    world.hang_up(caller);
    world.answer(caller);
    assert_eq!(pressed(&world), "");
    world.assert_over();
}

#[test]
fn a_hold_before_the_ack_is_known_when_the_agent_answers() {
    let (mut world, caller) = answering("8000");
    world.seat("1001", true);
    world.change(caller, Direction::Inactive);
    world.legs.insert(caller, Leg::Up);
    world.send(Input::Leg(caller, LegReport::Connected { remote: remote(Direction::Inactive) }));
    world.run(seconds(1));
    world.press(caller, '1');
    world.run(seconds(4));
    assert!(world.events().any(|event| matches!(event, Event::Contact(ContactEvent::HoldStarted { .. }))));
    world.hang_up(caller);
    world.assert_over();
}

/// Each stage of a call, with the leg that the reports are about.
fn stages() -> Vec<(&'static str, World, LegId)> {
    let mut opening = World::new();
    opening.ports_open_after = Some(seconds(1));
    let caller = opening.call("8000");
    let (answer, answered) = answering("8000");
    let mut flow = World::new();
    let in_flow = flow.call("8000");
    flow.run(seconds(1));
    let mut queue = World::new();
    let in_queue = queue.caller_who_presses('1');
    let rings = || {
        let mut world = World::with(&["1001"]);
        world.script("1001", Seat::RingsOn);
        let caller = world.caller_who_presses('1');
        let seat = world.last_dialled();
        (world, caller, seat)
    };
    let ((rung_for, rung_caller, _), (seat_rings, _, ringing)) = (rings(), rings());
    let ((talk, talker, _), (agents, _, seat)) = (conversation(), conversation());
    let mut code = World::with(&["1001"]);
    let coder = code.invite(Origin::Agent(agent("1001")), "*71");
    let mut withdrawn = World::with(&["1001"]);
    withdrawn.script("1001", Seat::RingsOn);
    let gone = withdrawn.caller_who_presses('1');
    let releasing = withdrawn.last_dialled();
    withdrawn.hang_up(gone);
    vec![
        ("opening", opening, caller),
        ("answering", answer, answered),
        ("flow", flow, in_flow),
        ("queue", queue, in_queue),
        ("a seat rings", rung_for, rung_caller),
        ("the ringing seat", seat_rings, ringing),
        ("talking", talk, talker),
        ("the agent", agents, seat),
        ("a code", code, coder),
        ("a withdrawn seat", withdrawn, releasing),
    ]
}

/// Every report that a peer, or the way to it, can cause at any moment.
fn reports(leg: LegId) -> Vec<Input> {
    let media = [
        MediaReport::Leg(leg, AudioReport::Digit(digit('1'))),
        MediaReport::Leg(leg, AudioReport::Silent { direction: Direction::Both }),
        MediaReport::Leg(leg, AudioReport::Silent { direction: Direction::Inactive }),
        MediaReport::Leg(leg, AudioReport::OneWay),
    ];
    let signalling = [
        LegReport::Ringing,
        LegReport::Digit(digit('2')),
        LegReport::Changed { remote: remote(Direction::Both) },
        LegReport::Changed { remote: remote(Direction::Inactive) },
    ];
    let media = media.into_iter().map(Input::Media);
    media.chain(signalling.into_iter().map(|report| Input::Leg(leg, report))).collect()
}

/// No report, whenever it comes, once, twice or beside another, ends a call of which the peer lives, or keeps it from
/// ending; and a silent peer is asked in every stage in which it could answer.
#[test]
fn every_report_in_every_stage_is_taken_or_passed_over_and_leaves_nothing() {
    let count = stages().len();
    for stage in 0..count {
        for report in 0..8 {
            for then in 0..8 {
                let (name, mut world, leg) = stages().swap_remove(stage);
                let calls = world.center.calls();
                world.send(reports(leg).swap_remove(report));
                world.send(reports(leg).swap_remove(then));
                assert_eq!(world.center.calls(), calls, "{name}: {report} and {then} end nothing at once");
                world.send(Input::EndAll);
                world.assert_over();
            }
        }
    }
}

#[test]
fn a_silent_peer_is_asked_in_every_stage_in_which_it_was_answered() {
    for (name, mut world, leg) in stages() {
        world.silent(leg, Direction::Both);
        let expected = usize::from(!matches!(name, "a withdrawn seat"));
        assert_eq!(world.probes(leg), expected, "{name}");
        world.send(Input::EndAll);
        world.assert_over();
    }
}

#[test]
fn every_stage_ends_by_the_end_of_its_leg() {
    for (name, mut world, leg) in stages() {
        world.legs.insert(leg, Leg::Over);
        let last = match name {
            "the ringing seat" | "a withdrawn seat" => LegReport::Refused(Refusal::Unreachable),
            _ => LegReport::Ended { cause: Cause::SignallingTimeout },
        };
        world.send(Input::Leg(leg, last));
        world.send(Input::EndAll);
        world.assert_over();
    }
}
