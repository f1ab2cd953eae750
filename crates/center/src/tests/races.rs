//! Two things at once, in both orders.

use model::{
    AgentOrder, AudioReport, Cause, ContactEvent, EndedBy, Event, LegReport, MediaOp, MediaReport,
    OfferOutcome, Order, PlayId, Refusal,
};

use super::stories::conversation;
use super::world::{Leg, Seat, World, agent, remote, seconds};
use crate::Input;

/// A caller for whom the seat of 1001 rings on.
fn ringing() -> (World, model::LegId, model::LegId) {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::RingsOn);
    let caller = world.caller_who_presses('1');
    let seat = world.last_dialled();
    (world, caller, seat)
}

/// The seat's 200 OK and ACK, reported although the center withdrew it at the same moment.
fn answer_that_crosses(world: &mut World, seat: model::LegId) {
    let remote = remote(model::Direction::Both);
    world.send(Input::Leg(seat, LegReport::Connected { remote }));
}

#[test]
fn the_seat_answers_then_the_caller_leaves() {
    let (mut world, caller, seat) = ringing();
    world.answer(seat);
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::Accepted)]);
    assert_eq!(world.talks().len(), 1);
}

#[test]
fn the_caller_leaves_then_the_seats_answer_arrives() {
    let (mut world, caller, seat) = ringing();
    world.hang_up(caller);
    answer_that_crosses(&mut world, seat);
    assert_eq!(world.center.cx.legs.devices_awaited(), 1, "the seat is free once it has said its last");
    world.assert_over();
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::CallerGone)]);
    assert!(world.talks().is_empty());
}

#[test]
fn the_seat_answers_just_before_its_time_is_out() {
    let (mut world, caller, seat) = ringing();
    world.run(seconds(13));
    world.answer(seat);
    world.run(seconds(10));
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::Accepted)]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_seats_time_is_out_just_before_its_answer() {
    let (mut world, caller, seat) = ringing();
    world.run(seconds(14));
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::TimedOut)]);
    answer_that_crosses(&mut world, seat);
    assert!(world.talks().is_empty());
    world.script("1001", Seat::AnswersAfter(seconds(1)));
    world.run(seconds(10));
    assert_eq!(world.talks().len(), 1, "rings again after the rest");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn both_hang_up_at_once() {
    for caller_first in [true, false] {
        let (mut world, caller, seat) = conversation();
        let (first, second) = if caller_first { (caller, seat) } else { (seat, caller) };
        for leg in [first, second] {
            world.legs.insert(leg, Leg::Over);
        }
        for leg in [first, second] {
            world.send(Input::Leg(leg, LegReport::Ended { cause: Cause::HungUp }));
        }
        world.assert_over();
        let by = if caller_first { EndedBy::Caller } else { EndedBy::Agent };
        assert_eq!(world.ends().first().map(|end| end.0), Some(by));
    }
}

#[test]
fn the_caller_leaves_before_or_after_the_seats_port_is_open() {
    for (waits, dials) in [(0, 0), (2, 1)] {
        let mut world = World::with(&["1001"]);
        let caller = world.call("8000");
        world.run(seconds(4));
        world.script("1001", Seat::RingsOn);
        world.ports_open_after = Some(seconds(1));
        world.press(caller, '1');
        world.run(seconds(waits));
        world.hang_up(caller);
        assert_eq!(world.center.cx.legs.devices_awaited(), 1);
        world.assert_over();
        assert_eq!(world.dialled.len(), dials);
        assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::CallerGone)]);
    }
}

#[test]
fn the_customers_port_opens_before_or_after_the_caller_left() {
    for port_first in [true, false] {
        let mut world = World::new();
        world.ports_open_after = Some(seconds(1));
        let caller = world.call("8000");
        let rtp = "127.0.0.1:30000".parse().unwrap();
        let opened = Input::Media(MediaReport::Leg(caller, AudioReport::Opened { rtp }));
        if port_first {
            world.send(opened);
            world.hang_up(caller);
        } else {
            world.hang_up(caller);
            world.send(opened);
        }
        world.assert_over();
        assert_eq!(world.ends().len(), 1);
    }
}

#[test]
fn a_break_while_the_seat_rings_withdraws_it() {
    let (mut world, caller, seat) = ringing();
    world.order(Order::Agent(agent("1001"), AgentOrder::Break));
    answer_that_crosses(&mut world, seat);
    world.run(seconds(30));
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::AgentGone)]);
    assert!(world.talks().is_empty());
    world.seat("1003", true);
    world.run(seconds(5));
    assert_eq!(world.talks(), [("1003".to_owned(), "inquiry".to_owned())]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_break_right_after_the_answer_begins_after_the_call() {
    let (mut world, caller, seat) = ringing();
    world.answer(seat);
    world.order(Order::Agent(agent("1001"), AgentOrder::Break));
    world.run(seconds(30));
    assert_eq!(world.center.calls(), 1);
    world.hang_up(caller);
    let next = world.caller_who_presses('1');
    world.run(seconds(30));
    assert_eq!(world.dialled.len(), 1);
    world.hang_up(next);
    world.assert_over();
}

#[test]
fn the_seat_refuses_before_or_after_the_caller_left() {
    for refuses_first in [true, false] {
        let (mut world, caller, seat) = ringing();
        let refused = Input::Leg(seat, LegReport::Refused(Refusal::Busy));
        world.legs.insert(seat, Leg::Over);
        if refuses_first {
            world.send(refused);
            world.hang_up(caller);
        } else {
            world.hang_up(caller);
            world.send(refused);
        }
        world.assert_over();
        assert_eq!(world.outcomes().len(), 1);
    }
}

#[test]
fn the_caller_leaves_while_our_answer_is_on_the_way() {
    let mut world = World::new();
    let caller = world.call("8000");
    let rtp = "127.0.0.1:30000".parse().unwrap();
    world.send(Input::Media(MediaReport::Leg(caller, AudioReport::Opened { rtp })));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends().first().map(|end| end.1), Some(Cause::Cancelled));
}

#[test]
fn what_is_reported_twice_counts_once() {
    let mut world = World::new();
    let caller = world.call("8000");
    let opened = MediaReport::Leg(caller, AudioReport::Opened { rtp: "127.0.0.1:30000".parse().unwrap() });
    let connected = LegReport::Connected { remote: remote(model::Direction::Both) };
    world.send(Input::Media(opened.clone()));
    world.send(Input::Media(opened.clone()));
    world.answer(caller);
    world.send(Input::Leg(caller, connected));
    world.send(Input::Media(opened));
    let answered = |event: &&Event| matches!(event, Event::Contact(ContactEvent::Answered { .. }));
    assert_eq!(world.events().filter(answered).count(), 1);
    assert_eq!(world.orders.len(), 1, "answered once: {:?}", world.orders);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn only_the_end_of_what_plays_now_moves_the_flow() {
    let mut world = World::new();
    let leg = world.call("8000");
    world.run(seconds(1));
    let plays = |world: &World| -> Vec<PlayId> {
        let play = |op: &MediaOp| if let MediaOp::Play { play, .. } = op { Some(*play) } else { None };
        world.media.iter().filter_map(play).collect()
    };
    let welcome = plays(&world)[0];
    let ended =
        |play, finished| Input::Media(MediaReport::Leg(leg, AudioReport::PlayEnded { play, finished }));
    world.send(ended(welcome, false));
    assert_eq!(plays(&world).len(), 1, "cut short is not heard");
    world.run(seconds(3));
    let (menu, due) = (plays(&world)[1], world.center.poll_timeout());
    world.send(ended(welcome, true));
    assert_eq!(world.center.poll_timeout(), due, "the welcome ended long ago");
    world.send(ended(menu, true));
    assert_ne!(world.center.poll_timeout(), due, "the menu listens");
    world.hang_up(leg);
    world.assert_over();
}
