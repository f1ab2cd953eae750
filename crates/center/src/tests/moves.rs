//! A customer is given away, to whom takes the call and to whom does not.

mod by_phone;
mod consulting;
mod departments;
mod outside;
mod parking;
mod typed;

use model::{
    Activity, Cause, ContactEvent, ContactId, Done, Event, GuestEnd, LegId, LegOrder, LegReport, MediaOp,
    MoveEnd, MoveOrder, MoveTo, Order, ParkEnd, Referral, ReferralState, Refusal, Refused, Reply, Slot,
};

use super::stories::{CALLER_DONE, conversation};
use super::world::{Leg, Seat, World, agent, number, seconds};
use crate::Input;

pub(super) fn contact(world: &World) -> ContactId {
    *world.center.contacts.keys().next().unwrap()
}

pub(super) fn to_agent(id: &str) -> MoveTo {
    MoveTo::Agent(agent(id))
}

/// The agent orders; what was replied so far, which is nothing while a transfer goes on.
pub(super) fn order(world: &mut World, order: MoveOrder) -> Option<Result<Done, Refused>> {
    let contact = contact(world);
    let id = world.order_as("1001", Order::Move(contact, order));
    // Ports open, and seats are dialled.
    world.run(seconds(0));
    reply_to(world, id)
}

fn reply_to(world: &World, id: model::CommandId) -> Option<Result<Done, Refused>> {
    world.replies.iter().find(|reply: &&Reply| reply.id == id).map(|reply| reply.result.clone())
}

fn last_reply(world: &World) -> Result<Done, Refused> {
    world.replies.last().unwrap().result.clone()
}

fn transfers(world: &World) -> Vec<MoveEnd> {
    let end = |event: &Event| match event {
        Event::Contact(ContactEvent::TransferEnded { how, .. }) => Some(*how),
        _ => None,
    };
    world.events().filter_map(end).collect()
}

fn activity(world: &World, id: &str) -> Activity {
    world.center.cx.distributor.machine().agent(&agent(id)).unwrap().activity
}

/// Caller and agent 1001 talk, and 1003 is there and does this when it is rung.
pub(super) fn with_colleague(seat: Seat) -> (World, LegId, LegId) {
    let (mut world, caller, leg) = conversation();
    world.seat("1003", true);
    world.script("1003", seat);
    world.media.clear();
    (world, caller, leg)
}

fn hears_music(world: &World, leg: LegId) -> bool {
    world.media.iter().any(
        |op| matches!(op, MediaOp::Play { leg: to, clips, .. } if *to == leg && &*clips[0] == "music/default"),
    )
}

fn are_bridged(world: &World, one: LegId, other: LegId) -> bool {
    let ends = [(one, other), (other, one)];
    world.media.iter().any(|op| matches!(op, MediaOp::Bridge { a, b } if ends.contains(&(*a, *b))))
}

fn finish(world: &mut World, caller: LegId) {
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

fn refer(world: &mut World, leg: LegId, to: &str, replaces: Option<LegId>) {
    let to = number(to).into();
    world.send(Input::Leg(leg, LegReport::Referred(Referral { to, replaces })));
    world.run(seconds(0));
}

fn progress(world: &World, leg: LegId) -> Vec<ReferralState> {
    let of = |(to, order): &(LegId, LegOrder)| match order {
        LegOrder::Referral(state) if *to == leg => Some(*state),
        _ => None,
    };
    world.orders.iter().filter_map(of).collect()
}

#[test]
fn a_colleague_takes_the_customer_over() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(2)));
    assert_eq!(order(&mut world, MoveOrder::Transfer(to_agent("1003"))), None, "not before it is known");
    assert_eq!(world.legs[&seat], Leg::Over, "the agent's part is over");
    assert_eq!(activity(&world, "1001"), Activity::WrapUp);
    assert!(hears_music(&world, caller));
    world.run(seconds(3));
    assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)));
    assert!(are_bridged(&world, caller, world.last_dialled()));
    let both = [("1001".to_owned(), "inquiry".to_owned()), ("1003".to_owned(), "inquiry".to_owned())];
    assert_eq!(world.talks(), both);
    finish(&mut world, caller);
    assert_eq!(transfers(&world), [MoveEnd::Done]);
    let causes: Vec<_> = world
        .events()
        .filter_map(|event| match event {
            Event::Contact(ContactEvent::SegmentEnded { end, .. }) => Some(end.cause),
            _ => None,
        })
        .collect();
    assert_eq!(causes, [Cause::Transferred, Cause::HungUp]);
}

#[test]
fn the_phone_that_rings_hears_who_sent_the_customer_on_and_not_who_has_the_customer_back() {
    let (mut world, caller, _) = with_colleague(Seat::Declines);
    order(&mut world, MoveOrder::Transfer(to_agent("1003")));
    world.run(seconds(10));
    let by = |world: &World, nth: usize| {
        let leg = world.dialled[nth].1;
        let dialled = world.orders.iter().find_map(|(to, order)| match order {
            LegOrder::Dial { diverted, .. } if *to == leg => Some(diverted.clone()),
            _ => None,
        });
        dialled.unwrap().and_then(|diversion| diversion.number)
    };
    let heard: Vec<_> = (0..3).map(|nth| by(&world, nth)).collect();
    assert_eq!(heard, [None, Some(number("1001")), None], "offered, given away, brought back");
    finish(&mut world, caller);
}

#[test]
fn who_does_not_take_the_customer_brings_the_call_back_to_the_agent() {
    let table = [(Seat::Declines, Refusal::Declined), (Seat::Unreachable, Refusal::Unreachable)];
    for (seat, refusal) in table.into_iter().chain([(Seat::RingsOn, Refusal::NoAnswer)]) {
        let (mut world, caller, _) = with_colleague(seat);
        order(&mut world, MoveOrder::Transfer(to_agent("1003")));
        world.run(seconds(40));
        assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Returned(refusal))), "{seat:?}");
        let said =
            |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if clips[0].ends_with("transfer-back"));
        assert!(world.media.iter().any(said));
        assert_eq!(world.talks().len(), 2);
        assert_eq!(world.talks()[1].0, "1001");
        assert_eq!(activity(&world, "1003"), Activity::Idle, "{seat:?}");
        finish(&mut world, caller);
    }
}

#[test]
fn who_is_taken_by_nobody_waits_again_before_whoever_came_later() {
    for gone in [false, true] {
        let (mut world, caller, _) = with_colleague(Seat::RingsOn);
        world.run(seconds(30));
        order(&mut world, MoveOrder::Transfer(to_agent("1003")));
        if gone {
            world.seat("1001", false);
        } else {
            world.script("1001", Seat::RingsOn);
        }
        let later = world.caller_who_presses('1');
        world.run(seconds(75));
        assert_eq!(transfers(&world), [MoveEnd::Requeued(Refusal::NoAnswer)], "{gone}");
        world.script("1001", Seat::AnswersAfter(seconds(1)));
        world.script("1003", Seat::AnswersAfter(seconds(1)));
        world.seat("1001", true);
        for id in ["1001", "1003"] {
            world.order(Order::Agent(agent(id), model::AgentOrder::Ready));
        }
        world.run(seconds(20));
        let talks = world.center.contacts.values().filter(|contact| contact.talk().is_some()).count();
        assert_eq!(talks, 2, "{gone}");
        let entered: Vec<_> = world
            .events()
            .filter_map(|event| match event {
                Event::Queue(model::QueueEvent::Entered { contact, bonus_s, .. }) => {
                    Some((*contact, *bonus_s))
                }
                _ => None,
            })
            .collect();
        let (first, again) = (entered[0].0, entered.last().unwrap());
        assert!(again.0 == first && again.1 >= 30, "what passed counts as waiting: {entered:?}");
        world.hang_up(later);
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_transfer_that_cannot_be_leaves_the_conversation_as_it_is() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(2)));
    let other = world.caller_who_presses('1');
    world.run(seconds(5));
    assert_eq!(activity(&world, "1003"), Activity::Talking);
    let nowhere = |name: &str| MoveTo::Queue(name.parse().unwrap());
    for (to, refused) in [
        (to_agent("1003"), Refused::SeatBusy),
        (to_agent("1002"), Refused::SeatOffline),
        (to_agent("9999"), Refused::UnknownAgent),
        (to_agent("1001"), Refused::SeatBusy),
        (nowhere("nowhere"), Refused::UnknownQueue),
        (MoveTo::Node("nowhere".to_owned()), Refused::UnknownNode),
        (MoveTo::Outside(number("5000").into()), Refused::NotAllowed),
    ] {
        assert_eq!(order(&mut world, MoveOrder::Transfer(to.clone())), Some(Err(refused)), "{to:?}");
    }
    assert_eq!(world.legs[&seat], Leg::Up);
    assert_eq!(transfers(&world), []);
    world.hang_up(other);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_customer_is_given_away_sixteen_times_at_most() {
    let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
    for turn in 0..16 {
        let (from, to) = if turn % 2 == 0 { ("1001", "1003") } else { ("1003", "1001") };
        let contact = contact(&world);
        let id = world.order_as(from, Order::Move(contact, MoveOrder::Transfer(to_agent(to))));
        world.run(seconds(15));
        assert_eq!(reply_to(&world, id), Some(Ok(Done::Moved(MoveEnd::Done))), "{turn}");
    }
    assert_eq!(order(&mut world, MoveOrder::Transfer(to_agent("1003"))), Some(Err(Refused::TooManyMoves)));
    assert_eq!(order(&mut world, MoveOrder::Park), Some(Err(Refused::TooManyMoves)));
    finish(&mut world, caller);
}

#[test]
fn a_customer_comes_back_to_an_agent_four_times_and_waits_then() {
    let (mut world, caller, _) = with_colleague(Seat::Declines);
    for turn in 0..5 {
        order(&mut world, MoveOrder::Transfer(to_agent("1003")));
        if turn == 4 {
            world.script("1003", Seat::AnswersAfter(seconds(1)));
        }
        world.run(seconds(15));
        let back = MoveEnd::Returned(Refusal::Declined);
        let end = if turn < 4 { back } else { MoveEnd::Requeued(Refusal::Declined) };
        assert_eq!(transfers(&world).last(), Some(&end), "{turn}");
    }
    finish(&mut world, caller);
}

#[test]
fn a_queue_or_a_node_has_the_customer_at_once() {
    let (mut world, caller, _) = with_colleague(Seat::RingsOn);
    world.seat("1002", true);
    let complaint = MoveTo::Queue("complaint".parse().unwrap());
    assert_eq!(order(&mut world, MoveOrder::Transfer(complaint)), Some(Ok(Done::Moved(MoveEnd::Done))));
    world.run(seconds(30));
    assert_eq!(world.talks().last().unwrap(), &("1002".to_owned(), "complaint".to_owned()));
    let contact = contact(&world);
    let id =
        world.order_as("1002", Order::Move(contact, MoveOrder::Transfer(MoveTo::Node("goodbye".to_owned()))));
    assert_eq!(reply_to(&world, id), Some(Ok(Done::Moved(MoveEnd::Done))));
    world.run(seconds(10));
    assert_eq!(world.legs[&caller], Leg::Over, "the flow said good-bye");
    world.assert_over();
    assert_eq!(world.ends()[0].1, Cause::FlowFinished);
}

#[test]
fn a_customer_who_leaves_on_the_way_ends_it_for_everybody() {
    for answered in [false, true] {
        let (mut world, caller, _) = with_colleague(Seat::RingsOn);
        order(&mut world, MoveOrder::Transfer(to_agent("1003")));
        let target = world.last_dialled();
        if answered {
            world.answer(target);
            world.hang_up(caller);
            world.assert_over();
            assert_eq!(transfers(&world), [MoveEnd::Done]);
            assert_eq!(world.talks().len(), 2);
        } else {
            world.hang_up(caller);
            world.answer(target);
            world.assert_over();
            assert_eq!(transfers(&world), [MoveEnd::CustomerGone]);
            assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::CustomerGone)));
            assert_eq!(activity(&world, "1003"), Activity::Idle);
        }
    }
}
