//! Slots: picked up by phone and by order, and not at all.

use super::*;

fn unparked(world: &World) -> Vec<ParkEnd> {
    let how = |event: &Event| match event {
        Event::Contact(ContactEvent::Unparked { how, .. }) => Some(*how),
        _ => None,
    };
    world.events().filter_map(how).collect()
}

#[test]
fn a_parked_customer_is_picked_up_by_phone_or_by_order() {
    for by_phone in [true, false] {
        let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
        assert_eq!(order(&mut world, MoveOrder::Park), Some(Ok(Done::Parked(Slot(701)))));
        assert!(hears_music(&world, caller));
        let leg = if by_phone {
            world.invite(model::Origin::Agent(agent("1003")), "701")
        } else {
            world.order(Order::PickUp { slot: Slot(701), seat: agent("1003") });
            world.run(seconds(0));
            world.last_dialled()
        };
        world.run(seconds(2));
        assert!(are_bridged(&world, caller, leg), "{by_phone}");
        assert_eq!(world.talks().last().unwrap().0, "1003");
        assert_eq!(activity(&world, "1003"), Activity::Talking);
        world.order(Order::PickUp { slot: Slot(701), seat: agent("1001") });
        assert_eq!(last_reply(&world), Err(Refused::EmptySlot));
        finish(&mut world, caller);
        assert_eq!(unparked(&world), [ParkEnd::PickedUp]);
    }
}

#[test]
fn a_customer_whom_nobody_picks_up_goes_back_to_the_agent() {
    let (mut world, caller, _) = with_colleague(Seat::Declines);
    order(&mut world, MoveOrder::Park);
    // Who declines, and an agent who is in no state to talk, leave the customer where it is.
    world.order(Order::PickUp { slot: Slot(701), seat: agent("1003") });
    world.run(seconds(3));
    let offline = world.invite(model::Origin::Agent(agent("1002")), "701");
    assert!(world.orders.contains(&(offline, LegOrder::Refuse(Cause::Busy))));
    world.run(seconds(60));
    assert_eq!(unparked(&world), [ParkEnd::TimedOut]);
    assert_eq!(world.talks().last().unwrap().0, "1001");
    finish(&mut world, caller);
}

#[test]
fn slots_are_as_many_as_there_are_and_free_again_when_the_customer_leaves() {
    let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
    let mut callers = vec![caller];
    for (id, key) in [("1003", '1'), ("1002", '2')] {
        world.seat(id, true);
        callers.push(world.caller_who_presses(key));
        world.run(seconds(5));
    }
    let contacts: Vec<_> = world.center.contacts.keys().copied().collect();
    let mut parked = Vec::new();
    for contact in contacts {
        world.order(Order::Move(contact, MoveOrder::Park));
        parked.push(last_reply(&world));
    }
    let slot = |slot| Ok(Done::Parked(Slot(slot)));
    assert_eq!(parked, [slot(701), slot(702), Err(Refused::ParkingFull)]);
    callers.into_iter().for_each(|caller| world.hang_up(caller));
    world.assert_over();
    assert_eq!(unparked(&world), [ParkEnd::CallEnded, ParkEnd::CallEnded]);
}
