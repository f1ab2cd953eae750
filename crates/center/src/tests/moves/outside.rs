//! Numbers outside have the customer, or are consulted.

use super::*;

fn outside(text: &str) -> MoveTo {
    MoveTo::Outside(number(text).into())
}

#[test]
fn a_number_outside_has_the_customer_or_the_agent_has() {
    for (does, end) in [
        (Seat::AnswersAfter(seconds(2)), MoveEnd::Done),
        (Seat::Declines, MoveEnd::Returned(Refusal::Declined)),
    ] {
        let (mut world, caller, _) = with_colleague(Seat::RingsOn);
        world.outside_does = does;
        assert_eq!(order(&mut world, MoveOrder::Transfer(outside("4001"))), None);
        let (dialled, leg) = world.outside.last().unwrap().clone();
        assert_eq!(dialled, "4001");
        world.run(seconds(5));
        assert_eq!(last_reply(&world), Ok(Done::Moved(end)));
        if end == MoveEnd::Done {
            assert!(are_bridged(&world, caller, leg));
            assert_eq!(world.talks().last().unwrap().0, "…");
            world.hang_up(leg);
            world.assert_over();
            assert_eq!(world.ends()[0].1, Cause::HungUp, "whoever has the customer ends it");
        } else {
            finish(&mut world, caller);
        }
    }
}

#[test]
fn an_agent_hears_the_network_while_a_number_outside_rings_and_consults_it() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    world.outside_does = Seat::RingsOn;
    assert_eq!(order(&mut world, MoveOrder::Consult(outside("4001"))), Some(Ok(Done::Obeyed)));
    let leg = world.outside.last().unwrap().1;
    let remote = crate::tests::world::remote(model::Direction::Both);
    world.media.clear();
    world.send(Input::Leg(leg, LegReport::Early { remote }));
    assert!(are_bridged(&world, seat, leg), "the network's ring tone");
    world.answer(leg);
    order(&mut world, MoveOrder::Swap);
    order(&mut world, MoveOrder::Swap);
    world.media.clear();
    assert_eq!(order(&mut world, MoveOrder::Complete), Some(Ok(Done::Moved(MoveEnd::Done))));
    assert!(are_bridged(&world, caller, leg));
    // Nobody is left who could be asked back: with whom the customer is, the call ends.
    world.hang_up(leg);
    world.assert_over();
}

#[test]
fn a_number_outside_that_loses_the_customer_sends_it_back_to_the_queue() {
    let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
    world.settings(|config| config.lost_agent_ends.clear());
    order(&mut world, MoveOrder::Transfer(outside("4001")));
    world.run(seconds(3));
    let leg = world.outside.last().unwrap().1;
    world.legs.insert(leg, Leg::Over);
    world.send(Input::Leg(leg, LegReport::Ended { cause: Cause::SignallingTimeout }));
    world.run(seconds(15));
    assert!(["1001", "1003"].contains(&&*world.talks().last().unwrap().0));
    finish(&mut world, caller);
}

#[test]
fn a_phone_transfers_to_a_number_outside_that_its_agent_may_call() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    refer(&mut world, seat, "4001", None);
    world.run(seconds(3));
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Done));
    assert!(are_bridged(&world, caller, world.outside.last().unwrap().1));
    finish(&mut world, caller);
}
