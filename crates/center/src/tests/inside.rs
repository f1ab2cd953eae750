//! Agents call each other, and extensions of the house, without a customer.

use model::{Activity, Cause, LegId, LegOrder, MediaOp, Order, Origin};

use super::world::{Leg, Seat, World, agent, seconds};

const ANSWERS: Seat = Seat::AnswersAfter(seconds(2));

/// Agents 1001, who dials this, and 1002 and 1003, who do this when they are rung.
fn dials(dialled: &str, first: Seat, second: Seat) -> (World, LegId) {
    let mut world = World::with(&["1001", "1002", "1003"]);
    world.script("1003", first);
    world.script("1002", second);
    let line = world.invite(Origin::Agent(agent("1001")), dialled);
    world.run(seconds(0));
    (world, line)
}

fn activities(world: &World) -> [Activity; 3] {
    let activity = |id| world.center.cx.distributor.machine().agent(&agent(id)).unwrap().activity;
    ["1001", "1002", "1003"].map(activity)
}

fn are_bridged(world: &World, one: LegId, other: LegId) -> bool {
    world.media.iter().any(|op| matches!(op, MediaOp::Bridge { a, b } if (*a, *b) == (one, other)))
}

const IDLE: [Activity; 3] = [Activity::Idle; 3];

#[test]
fn a_colleague_is_reached_by_id_and_by_code_and_both_are_offered_nothing_meanwhile() {
    for dialled in ["1003", "*81003"] {
        let (mut world, line) = dials(dialled, Seat::RingsOn, ANSWERS);
        assert!(world.orders.contains(&(line, LegOrder::Ring)), "{dialled}");
        let other = world.last_dialled();
        world.answer(other);
        let caller = world.caller_who_presses('1');
        assert!(are_bridged(&world, line, other), "{dialled}");
        assert_eq!(activities(&world), [Activity::Talking, Activity::Idle, Activity::Talking]);
        world.run(seconds(5));
        assert_eq!(world.talks(), [], "the caller waits");
        world.hang_up(line);
        assert_eq!(world.legs[&other], Leg::Over);
        world.run(seconds(5));
        assert_eq!(world.talks().len(), 1);
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_department_rings_one_after_the_other_and_a_queue_gives_whoever_is_free() {
    for (dialled, other) in [("6001", "1002"), ("*86001", "1002"), ("7002", "1002")] {
        let (mut world, line) = dials(dialled, Seat::Declines, ANSWERS);
        world.run(seconds(5));
        let (who, leg) = world.dialled.last().unwrap().clone();
        assert_eq!((who.as_str(), are_bridged(&world, line, leg)), (other, true), "{dialled}");
        world.hang_up(leg);
        assert_eq!(world.legs[&line], Leg::Over);
        assert_eq!(activities(&world), IDLE);
        world.assert_over();
    }
}

#[test]
fn the_phone_is_shown_why_nobody_is_reached() {
    for (dialled, first, cause) in [
        ("1003", Seat::Declines, Cause::Declined),
        ("1003", Seat::Unreachable, Cause::Unreachable),
        ("1003", Seat::RingsOn, Cause::NoAnswer),
        ("6003", ANSWERS, Cause::NoAnswer),
        ("1001", ANSWERS, Cause::Busy),
        ("*8", ANSWERS, Cause::UnknownNumber),
        ("*89", ANSWERS, Cause::UnknownNumber),
        ("5000", ANSWERS, Cause::NotAllowed),
    ] {
        let (mut world, line) = dials(dialled, first, ANSWERS);
        world.run(seconds(35));
        assert!(world.orders.contains(&(line, LegOrder::Refuse(cause))), "{dialled}: {:?}", world.orders);
        assert_eq!(activities(&world), IDLE, "{dialled}");
        world.assert_over();
    }
}

#[test]
fn who_hangs_up_early_frees_both() {
    for wait in [0, 1, 2] {
        let (mut world, line) = dials("1003", ANSWERS, ANSWERS);
        world.run(seconds(wait));
        world.hang_up(line);
        world.run(seconds(1));
        assert_eq!(activities(&world), IDLE, "{wait}");
        world.assert_over();
    }
    // Ports that open late, and not at all.
    for ports in [Some(seconds(3)), None] {
        let mut world = World::with(&["1001", "1003"]);
        world.ports_open_after = ports;
        let line = world.invite(Origin::Agent(agent("1001")), "1003");
        world.run(seconds(10));
        assert_eq!(world.legs[&line] == Leg::Up, ports.is_some());
        world.hang_up(line);
        world.assert_over();
        assert_eq!(activities(&world), IDLE);
    }
}

#[test]
fn an_agent_in_a_call_is_busy_for_colleagues_and_one_who_is_rung_is_called_by_nobody() {
    let (mut world, _) = dials("1003", Seat::RingsOn, ANSWERS);
    let second = world.invite(Origin::Agent(agent("1002")), "1003");
    assert!(world.orders.contains(&(second, LegOrder::Refuse(Cause::Busy))));
    let own = world.invite(Origin::Agent(agent("1001")), "1002");
    assert!(world.orders.contains(&(own, LegOrder::Refuse(Cause::Busy))), "one call at a time");
    world.order(Order::Agent(agent("1003"), model::AgentOrder::Break));
    world.seat("1003", false);
    world.run(seconds(40));
    world.assert_over();
}

#[test]
fn a_drain_waits_for_calls_between_agents_and_the_end_of_all_ends_them() {
    let (mut world, line) = dials("1003", ANSWERS, ANSWERS);
    world.run(seconds(5));
    world.send(crate::Input::Drain);
    assert_eq!((world.drained, world.center.calls()), (0, 1));
    world.send(crate::Input::EndAll);
    assert_eq!((world.drained, world.legs[&line]), (1, Leg::Over));
    world.assert_over();
}

#[test]
fn in_a_conversation_the_code_consults() {
    let mut world = World::with(&["1001", "1003"]);
    let caller = world.caller_who_presses('1');
    world.run(seconds(5));
    let (seat, id) = world.dialled.last().map(|(id, leg)| (*leg, id.clone())).unwrap();
    world.change(seat, model::Direction::Inactive);
    let other = if id.as_str() == "1001" { "*81003" } else { "*81001" };
    let line = world.invite(Origin::Agent(id), other);
    world.run(seconds(5));
    assert!(are_bridged(&world, line, world.last_dialled()));
    world.hang_up(caller);
    world.assert_over();
}
