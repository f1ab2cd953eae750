//! A conversation whose agent's leg is lost: the customer waits again, with the score kept, or the contact ends.

use model::{
    Cause, Class, ContactEvent, Direction, EndedBy, Event, LeaveReason, LegId, LegReport, MediaOp, Order,
    PlayMode, QueueEvent, SecureEnd, SecureInputOrder,
};

use super::world::{Leg, World, seconds};
use crate::Input;

/// A complaint that talks with agent 1002 after ten seconds in the queue; the caller's leg, and the agent's.
fn talk() -> (World, LegId, LegId) {
    let mut world = World::with(&[]);
    let caller = world.caller_who_presses('2');
    world.run(seconds(7));
    world.seat("1002", true);
    world.run(seconds(3));
    let seat = world.last_dialled();
    assert_eq!(world.talks().len(), 1);
    (world, caller, seat)
}

/// The agent's leg is lost, in one of the ways in which that may be reported.
fn lose(world: &mut World, seat: LegId, how: usize) -> Cause {
    let cause = [Cause::SignallingTimeout, Cause::Failed, Cause::MediaTimeout][how];
    if cause == Cause::MediaTimeout {
        world.run(seconds(60));
        world.silent(seat, Direction::Both);
    } else {
        world.legs.insert(seat, Leg::Over);
        world.send(Input::Leg(seat, LegReport::Ended { cause }));
    }
    cause
}

fn bonuses(world: &World) -> Vec<u32> {
    let bonus = |event: &Event| match event {
        Event::Queue(QueueEvent::Entered { bonus_s, .. }) => Some(*bonus_s),
        _ => None,
    };
    world.events().filter_map(bonus).collect()
}

#[test]
fn the_customer_waits_again_with_the_score_kept_and_the_next_agent_has_the_contact() {
    for how in 0..3 {
        let (mut world, caller, seat) = talk();
        // Somebody who came later, and waits.
        let later = world.caller_who_presses('2');
        world.seat("1002", false);
        world.media.clear();
        let cause = lose(&mut world, seat, how);
        assert!(world.ends().is_empty(), "the contact goes on");
        let segment_ended = world.events().find_map(|event| match event {
            Event::Contact(ContactEvent::SegmentEnded { end, .. }) => Some((end.by, end.cause)),
            _ => None,
        });
        assert_eq!(segment_ended, Some((EndedBy::Network, cause)));
        assert!(bonuses(&world)[2] >= 9, "what was waited before counts: {:?}", bonuses(&world));
        let music =
            |op: &MediaOp| matches!(op, MediaOp::Play { leg, mode: PlayMode::Loop, .. } if *leg == caller);
        assert!(world.media.iter().any(music), "{:?}", world.media);
        world.seat("1003", true);
        world.run(seconds(3));
        assert_eq!(world.talks().len(), 2);
        world.hang_up(later);
        assert_eq!(world.ends().len(), 1, "whoever came later waited");
        world.hang_up(caller);
        world.assert_over();
        assert_eq!(world.ends()[1], (EndedBy::Caller, Cause::HungUp, Class::Answered));
    }
}

#[test]
fn the_customer_may_leave_while_waiting_again() {
    let (mut world, caller, seat) = talk();
    world.seat("1002", false);
    lose(&mut world, seat, 0);
    world.hang_up(caller);
    world.assert_over();
    let left = world.events().filter_map(|event| match event {
        Event::Queue(QueueEvent::Left { reason, waited_ms, .. }) => Some((*reason, *waited_ms)),
        _ => None,
    });
    let left: Vec<_> = left.collect();
    assert_eq!(
        left.iter().map(|(reason, _)| *reason).collect::<Vec<_>>(),
        [LeaveReason::Answered, LeaveReason::Abandoned]
    );
    assert_eq!(left[1].1, 0, "the first wait is not told twice");
}

#[test]
fn a_secure_input_ends_with_the_agent_who_asked_for_it() {
    let (mut world, caller, seat) = talk();
    let contact = *world.center.contacts.keys().next().unwrap();
    world.order(Order::SecureInput(contact, SecureInputOrder::Start));
    world.press(caller, '4');
    world.seat("1002", false);
    lose(&mut world, seat, 0);
    let ended = world.events().find_map(|event| match event {
        Event::Contact(ContactEvent::SecureInputEnded { digits, how, .. }) => Some((*digits, *how)),
        _ => None,
    });
    assert_eq!(ended, Some((1, SecureEnd::CallEnded)));
    world.run(seconds(2));
    assert!(world.media.iter().any(|op| matches!(op, MediaOp::Unshield { .. })));
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn whoever_hangs_up_ends_the_contact_all_the_same() {
    let (mut world, _, seat) = talk();
    world.hang_up(seat);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Agent, Cause::HungUp, Class::Answered)]);
}

#[test]
fn where_the_queue_says_so_the_contact_ends_with_its_agent() {
    for how in 0..3 {
        let (mut world, _, seat) = super::stories::conversation();
        let cause = lose(&mut world, seat, how);
        world.assert_over();
        assert_eq!(world.ends()[0].1, cause);
        assert_eq!(world.ends()[0].0, EndedBy::Network);
    }
}

#[test]
fn a_loss_and_the_callers_end_cross_in_both_orders() {
    for lost_first in [true, false] {
        let (mut world, caller, seat) = talk();
        if lost_first {
            lose(&mut world, seat, 0);
            world.hang_up(caller);
        } else {
            world.hang_up(caller);
            world.send(Input::Leg(seat, LegReport::Ended { cause: Cause::SignallingTimeout }));
        }
        world.assert_over();
        assert_eq!(world.ends().len(), 1);
    }
}
