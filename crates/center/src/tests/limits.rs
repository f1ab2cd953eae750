//! Calls of a trunk and of an address, and the longest wait.

use model::{
    Cause, Class, ContactEvent, Diversion, DiversionReason, Diverted, EndedBy, Event, LeaveReason, LegId,
    LegOrder, MediaOp, QueueEvent,
};

use super::world::{Seat, World, seconds};

fn refusal(world: &World, leg: LegId) -> Option<Cause> {
    world.orders.iter().find_map(|(of, order)| match order {
        LegOrder::Refuse(cause) if *of == leg => Some(*cause),
        _ => None,
    })
}

#[test]
fn a_trunk_and_each_of_its_addresses_have_so_many_calls_and_no_more() {
    let mut world = World::new();
    let mut calls: Vec<LegId> = (0..6).map(|_| world.call_from("city", 1, "8000")).collect();
    let seventh = world.call_from("city", 1, "8000");
    assert_eq!(refusal(&world, seventh), Some(Cause::SourceFull));
    calls.push(world.call_from("city", 2, "8000"));
    let eighth = world.call_from("city", 2, "8000");
    assert_eq!(refusal(&world, eighth), Some(Cause::TrunkFull));
    // Another trunk is not concerned, and who goes makes room.
    calls.push(world.call_from("village", 1, "8000"));
    world.run(seconds(1));
    world.hang_up(calls[0]);
    calls.push(world.call_from("city", 3, "8000"));
    assert!(calls.iter().all(|call| refusal(&world, *call).is_none()));
    assert_eq!(world.center.calls(), 8);
    calls.into_iter().for_each(|call| world.hang_up(call));
    world.assert_over();
}

fn queues(world: &World) -> Vec<(String, bool)> {
    let visit = |event: &Event| match event {
        Event::Queue(QueueEvent::Entered { queue, .. }) => Some((queue.to_string(), true)),
        Event::Queue(QueueEvent::Left { queue, reason: LeaveReason::Redirected, .. }) => {
            Some((queue.to_string(), false))
        }
        _ => None,
    };
    world.events().filter_map(visit).collect()
}

fn hears(world: &World, clip: &str) -> bool {
    let plays =
        |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if clips.iter().any(|c| c.ends_with(clip)));
    world.media.iter().any(plays)
}

#[test]
fn the_longest_wait_of_a_queue_leads_on_and_that_of_the_number_ends_the_call_with_a_word() {
    let mut world = World::new();
    world.call("8003");
    world.run(seconds(395));
    assert_eq!(queues(&world), [("complaint".to_owned(), true)]);
    world.run(seconds(10));
    let (complaint, inquiry) = ("complaint".to_owned(), "inquiry".to_owned());
    assert_eq!(queues(&world), [(complaint.clone(), true), (complaint, false), (inquiry.clone(), true)]);
    world.run(seconds(580));
    assert!(!hears(&world, "sorry-error"));
    world.run(seconds(20));
    assert!(hears(&world, "sorry-error"));
    assert_eq!(queues(&world).last(), Some(&(inquiry, false)));
    world.run(seconds(4));
    assert_eq!(world.ends(), [(EndedBy::Center, Cause::WaitedOut, Class::Refused)]);
    world.assert_over();
}

#[test]
fn without_a_next_step_the_caller_hears_a_word_and_the_call_ends() {
    let mut world = World::new();
    world.call("8004");
    world.run(seconds(410));
    assert!(hears(&world, "sorry-error"));
    assert_eq!(world.ends(), [(EndedBy::Center, Cause::WaitedOut, Class::Refused)]);
    world.assert_over();
}

#[test]
fn a_seat_that_rings_when_the_wait_is_over_may_still_answer() {
    for answers in [true, false] {
        let mut world = World::new();
        let caller = world.caller_who_presses('2');
        world.run(seconds(395));
        world.script("1002", Seat::RingsOn);
        world.seat("1002", true);
        world.run(seconds(10));
        assert!(world.ends().is_empty());
        if answers {
            world.answer(world.last_dialled());
            world.run(seconds(100));
            assert_eq!(world.talks().len(), 1);
            world.hang_up(caller);
        } else {
            world.run(seconds(20));
            assert_eq!(world.ends(), [(EndedBy::Center, Cause::WaitedOut, Class::Refused)]);
        }
        world.assert_over();
    }
}

#[test]
fn a_caller_who_leaves_at_the_end_of_the_wait_ends_once_in_both_orders() {
    for leaves_first in [true, false] {
        let mut world = World::new();
        let caller = world.caller_who_presses('2');
        world.run(seconds(395));
        if leaves_first {
            world.hang_up(caller);
        } else {
            world.run(seconds(10));
            world.hang_up(caller);
        }
        world.assert_over();
        assert_eq!(world.ends().len(), 1);
    }
}

/// 8000 is diverted to 8001, for instance by the carrier at night.
#[test]
fn the_number_that_was_dialled_first_chooses_the_entry_where_that_is_wanted() {
    let diversion =
        |number: &str| Diversion { number: number.parse().ok(), reason: DiversionReason::NoAnswer };
    let private = Diversion { number: None, reason: DiversionReason::NoAnswer };
    for (first, chooses_entry, expected) in [
        (diversion("8001"), true, "8001"),
        (diversion("8001"), false, "8000"),
        (diversion("4001234567"), true, "8000"),
        (private, true, "8000"),
    ] {
        let mut world = World::new();
        world.diverted = Diverted { by: vec![first.clone(), diversion("3000")], chooses_entry };
        world.call("8000");
        let started = world.events().find_map(|event| match event {
            Event::Contact(ContactEvent::Started { number, diversions, .. }) => {
                Some((number.to_string(), diversions.clone()))
            }
            _ => None,
        });
        assert_eq!(started, Some((expected.to_owned(), vec![first, diversion("3000")])));
    }
}
