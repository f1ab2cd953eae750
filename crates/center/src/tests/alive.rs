//! Who says nothing: asked wherever it waits, gone when it does not answer, and in no conversation for long.

use model::{
    Cause, Class, ContactEvent, Direction, EndedBy, Event, GuestEnd, LegId, LegReport, OfferOutcome, Order,
    Origin, PartyOrder,
};

use super::stories::conversation;
use super::world::{Seat, World, agent, seconds};
use crate::Input;

const BOTH: Direction = Direction::Both;

/// What a peer that was silent for a minute and does not answer leaves behind.
const UNANSWERED: (EndedBy, Cause, Class) = (EndedBy::Network, Cause::SignallingTimeout, Class::Failed);
const VANISHED: (EndedBy, Cause, Class) = (EndedBy::Network, Cause::MediaTimeout, Class::Failed);

/// A caller in the menu, in the queue, and while a seat rings.
fn waiting() -> [(World, LegId); 3] {
    let mut menu = World::new();
    let in_menu = menu.call("8000");
    menu.run(seconds(2));
    let mut queue = World::new();
    let in_queue = queue.caller_who_presses('1');
    let mut ringing = World::with(&["1001"]);
    ringing.script("1001", Seat::RingsOn);
    let rung_for = ringing.caller_who_presses('1');
    [(menu, in_menu), (queue, in_queue), (ringing, rung_for)]
}

#[test]
fn a_caller_who_vanished_is_gone_wherever_it_waits() {
    for (mut world, caller) in waiting() {
        world.deaf.insert(caller);
        world.silent(caller, BOTH);
        assert_eq!((world.probes(caller), world.center.calls()), (1, 1));
        world.run(seconds(16));
        assert_eq!(world.ends(), [UNANSWERED]);
        world.assert_over();
    }
}

#[test]
fn a_caller_who_is_mute_and_answers_stays_for_as_long_as_it_does() {
    for (mut world, caller) in waiting() {
        for minute in 1..=30 {
            world.silent(caller, BOTH);
            world.run(seconds(60));
            assert_eq!(world.probes(caller), minute);
        }
        assert_eq!(world.center.calls(), 1);
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn vanished_callers_do_not_hold_up_the_drain() {
    let mut world = World::new();
    let callers: Vec<LegId> = (0..5).map(|_| world.caller_who_presses('1')).collect();
    world.send(Input::Drain);
    for caller in callers {
        world.deaf.insert(caller);
        world.silent(caller, BOTH);
    }
    world.run(seconds(17));
    assert_eq!((world.center.calls(), world.drained), (0, 1));
    world.assert_over();
}

#[test]
fn vanished_callers_give_their_places_back_to_a_full_center() {
    let mut world = World::new();
    let callers: Vec<LegId> = (0..8).map(|_| world.caller_who_presses('1')).collect();
    let refused = world.call("8000");
    assert!(world.orders.contains(&(refused, model::LegOrder::Refuse(Cause::CallsFull))));
    for caller in callers {
        world.deaf.insert(caller);
        world.silent(caller, BOTH);
    }
    world.run(seconds(17));
    let next = world.call("8000");
    world.run(seconds(4));
    assert_eq!(world.center.calls(), 1);
    world.hang_up(next);
    world.assert_over();
}

#[test]
fn who_was_silent_while_waiting_is_judged_again_in_the_conversation() {
    let mut world = World::new();
    let caller = world.caller_who_presses('1');
    world.silent(caller, BOTH);
    world.run(seconds(12));
    world.seat("1001", true);
    world.run(seconds(5));
    assert_eq!(world.talks().len(), 1);
    // A report that was on its way when the agent answered asks, and ends nothing.
    world.silent(caller, BOTH);
    assert_eq!((world.probes(caller), world.center.calls()), (2, 1));
    world.run(seconds(57));
    world.silent(caller, BOTH);
    world.assert_over();
    assert_eq!(world.ends(), [VANISHED]);
}

#[test]
fn either_side_that_sends_nothing_at_all_ends_a_conversation() {
    for of_caller in [true, false] {
        let (mut world, caller, seat) = conversation();
        world.run(seconds(60));
        world.silent(if of_caller { caller } else { seat }, BOTH);
        world.assert_over();
        assert_eq!(world.ends(), [VANISHED]);
    }
}

#[test]
fn a_side_that_holds_or_was_to_send_nothing_is_asked() {
    for (by_agent, direction) in [
        (true, Direction::ReceiveOnly),
        (false, Direction::ReceiveOnly),
        (true, Direction::SendOnly),
        (false, Direction::Inactive),
    ] {
        let (mut world, caller, seat) = conversation();
        let holder = if by_agent { seat } else { caller };
        world.change(holder, direction);
        for _ in 0..10 {
            world.run(seconds(60));
            world.silent(holder, direction);
        }
        assert_eq!((world.center.calls(), world.probes(holder)), (1, 10));
        world.deaf.insert(holder);
        world.silent(holder, direction);
        world.run(seconds(17));
        assert_eq!(world.ends(), [UNANSWERED], "{by_agent} {direction:?}");
        world.assert_over();
        let (mut world, caller, seat) = conversation();
        let (holder, listener) = if by_agent { (seat, caller) } else { (caller, seat) };
        world.change(holder, Direction::ReceiveOnly);
        world.run(seconds(60));
        world.silent(listener, BOTH);
        world.assert_over();
        assert_eq!(world.ends(), [VANISHED], "the held one may not vanish");
    }
}

#[test]
fn a_guest_that_does_not_answer_is_gone_and_the_two_talk_on() {
    for answers in [true, false] {
        let (mut world, caller, _) = conversation();
        world.seat("1003", true);
        let contact = *world.center.contacts.keys().next().unwrap();
        world.order(Order::Parties(contact, PartyOrder::Add { seat: agent("1003") }));
        world.run(seconds(3));
        let guest = world.last_dialled();
        world.change(guest, Direction::Inactive);
        if !answers {
            world.deaf.insert(guest);
        }
        world.silent(guest, Direction::Inactive);
        world.run(seconds(17));
        let left = world.events().find_map(|event| match event {
            Event::Contact(ContactEvent::GuestLeft { how, .. }) => Some(*how),
            _ => None,
        });
        assert_eq!(left, (!answers).then_some(GuestEnd::Vanished));
        assert_eq!(world.center.calls(), 1);
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn an_agents_call_to_a_code_is_asked_too() {
    let mut world = World::with(&["1001"]);
    let code = world.invite(Origin::Agent(agent("1001")), "*71");
    world.run(seconds(1));
    world.deaf.insert(code);
    world.silent(code, BOTH);
    assert_eq!(world.probes(code), 1);
    world.assert_over();
}

#[test]
fn a_question_that_finds_nobody_and_the_callers_own_end_cross_in_both_orders() {
    for dead_first in [true, false] {
        let mut world = World::new();
        let caller = world.caller_who_presses('1');
        world.silent(caller, BOTH);
        let dead = Input::Leg(caller, LegReport::Ended { cause: Cause::SignallingTimeout });
        let left = Input::Leg(caller, LegReport::Ended { cause: Cause::HungUp });
        world.legs.insert(caller, super::world::Leg::Over);
        let (first, second) = if dead_first { (dead, left) } else { (left, dead) };
        world.send(first);
        world.send(second);
        world.assert_over();
        let expected = if dead_first { Cause::SignallingTimeout } else { Cause::HungUp };
        assert_eq!(world.ends()[0].1, expected);
    }
}

#[test]
fn a_seat_that_goes_offline_while_it_rings_is_withdrawn_and_the_caller_stays_first() {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::RingsOn);
    let first = world.caller_who_presses('1');
    let second = world.caller_who_presses('1');
    world.seat("1001", false);
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::AgentGone)]);
    world.seat("1003", true);
    world.run(seconds(3));
    assert_eq!(world.talks().len(), 1);
    world.hang_up(second);
    assert_eq!(world.talks().len(), 1, "the first talks, the second waited");
    world.hang_up(first);
    world.assert_over();
}

#[test]
fn a_seat_that_goes_offline_and_its_answer_cross_in_both_orders() {
    for answers_first in [true, false] {
        let mut world = World::with(&["1001"]);
        world.script("1001", Seat::RingsOn);
        let caller = world.caller_who_presses('1');
        let seat = world.last_dialled();
        if answers_first {
            world.answer(seat);
            world.seat("1001", false);
            assert_eq!(world.talks().len(), 1, "who talks may lose the registration");
        } else {
            world.seat("1001", false);
            world.answer(seat);
            assert!(world.talks().is_empty());
        }
        world.hang_up(caller);
        world.assert_over();
    }
}
