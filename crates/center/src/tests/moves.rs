//! A customer is given away: by order and by phone, to whom takes the call and to whom does not.

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

#[test]
fn an_agent_speaks_with_a_colleague_in_private_swaps_joins_and_comes_back() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(2)));
    assert_eq!(order(&mut world, MoveOrder::Swap), Some(Err(Refused::NoConsultation)));
    assert_eq!(order(&mut world, MoveOrder::Consult(to_agent("1003"))), Some(Ok(Done::Obeyed)));
    let again = order(&mut world, MoveOrder::Consult(to_agent("1003")));
    assert_eq!(again, Some(Err(Refused::ConsultationGoesOn)));
    assert!(hears_music(&world, caller));
    let ring_back = |op: &MediaOp| matches!(op, MediaOp::Play { leg, clips, .. } if *leg == seat && &*clips[0] == "music/ring-back");
    assert!(world.media.iter().any(ring_back));
    world.run(seconds(3));
    let colleague = world.last_dialled();
    assert!(are_bridged(&world, seat, colleague) && !are_bridged(&world, caller, seat));
    world.media.clear();
    assert_eq!(order(&mut world, MoveOrder::Swap), Some(Ok(Done::Obeyed)));
    assert!(are_bridged(&world, caller, seat) && hears_music(&world, colleague));
    world.media.clear();
    assert_eq!(order(&mut world, MoveOrder::Join), Some(Ok(Done::Obeyed)));
    let all = |op: &MediaOp| matches!(op, MediaOp::Confer { members } if members.len() == 3);
    assert!(world.media.iter().any(all));
    assert_eq!(order(&mut world, MoveOrder::Return), Some(Err(Refused::NoConsultation)), "a colleague now");
    finish(&mut world, caller);
}

#[test]
fn a_consultation_ends_and_customer_and_agent_speak_again() {
    for way in 0..3 {
        let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(2)));
        order(&mut world, MoveOrder::Consult(to_agent("1003")));
        if way > 0 {
            world.run(seconds(3));
        }
        let colleague = world.last_dialled();
        world.media.clear();
        match way {
            0 | 1 => assert_eq!(order(&mut world, MoveOrder::Return), Some(Ok(Done::Obeyed))),
            _ => world.hang_up(colleague),
        }
        assert!(are_bridged(&world, caller, seat), "{way}");
        world.run(seconds(1));
        assert_eq!(activity(&world, "1003"), Activity::Idle);
        finish(&mut world, caller);
    }
}

#[test]
fn whom_the_agent_consults_gets_the_customer() {
    // By order, by hanging up, and each of the two before the colleague has answered.
    for (by_order, rings) in [(true, false), (false, false), (true, true), (false, true)] {
        let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
        order(&mut world, MoveOrder::Consult(to_agent("1003")));
        let colleague = world.last_dialled();
        if !rings {
            world.answer(colleague);
        }
        world.media.clear();
        let reply = if by_order { order(&mut world, MoveOrder::Complete) } else { None };
        if !by_order {
            world.hang_up(seat);
        }
        if rings {
            assert_eq!(reply, None);
            assert!(hears_music(&world, caller));
            world.answer(colleague);
        }
        assert!(are_bridged(&world, caller, colleague), "{by_order} {rings}");
        assert_eq!(world.talks().last().unwrap().0, "1003");
        assert_eq!(activity(&world, "1001"), Activity::WrapUp);
        if by_order {
            assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)));
        }
        if by_order && !rings {
            let shown = |(leg, order): &(LegId, LegOrder)| {
                *leg == colleague && matches!(order, LegOrder::Show { .. })
            };
            assert!(world.orders.iter().any(shown), "whom the colleague talks with now");
        }
        finish(&mut world, caller);
    }
}

#[test]
fn whoever_of_a_queue_is_free_is_consulted() {
    let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
    let complaint = || MoveTo::Queue("complaint".parse().unwrap());
    assert_eq!(order(&mut world, MoveOrder::Consult(complaint())), Some(Ok(Done::Obeyed)));
    world.run(seconds(2));
    assert_eq!(activity(&world, "1003"), Activity::Talking);
    order(&mut world, MoveOrder::Return);
    world.seat("1003", false);
    assert_eq!(order(&mut world, MoveOrder::Consult(complaint())), Some(Err(Refused::NobodyFree)));
    finish(&mut world, caller);
}

#[test]
fn a_hold_by_order_and_one_by_the_phone_are_one_hold() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    order(&mut world, MoveOrder::Hold);
    assert!(hears_music(&world, caller));
    world.change(seat, model::Direction::Inactive);
    order(&mut world, MoveOrder::Retrieve);
    assert_eq!(world.holds(), [("start", model::Side::Company)], "the phone still holds");
    world.change(seat, model::Direction::Both);
    assert_eq!(world.holds().len(), 2);
    finish(&mut world, caller);
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
fn a_phone_that_refers_hears_how_it_goes_and_is_let_go_when_it_is_done() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    refer(&mut world, seat, "1003", None);
    let target = world.last_dialled();
    assert_eq!(progress(&world, seat), [ReferralState::Trying, ReferralState::Ringing]);
    assert_eq!((world.legs[&seat], activity(&world, "1001")), (Leg::Up, Activity::Talking));
    world.answer(target);
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Done));
    assert!(are_bridged(&world, caller, target));
    assert_eq!((world.legs[&seat], activity(&world, "1001")), (Leg::Over, Activity::WrapUp));
    finish(&mut world, caller);
}

#[test]
fn a_phone_that_refers_to_somebody_who_refuses_has_the_customer_again_at_once() {
    let (mut world, caller, seat) = with_colleague(Seat::Declines);
    world.change(seat, model::Direction::Inactive);
    refer(&mut world, seat, "1003", None);
    world.run(seconds(2));
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Failed(Refusal::Declined)));
    assert_eq!(transfers(&world), [MoveEnd::Returned(Refusal::Declined)]);
    assert_eq!(world.talks().last().unwrap().0, "1001");
    assert!(hears_music(&world, caller), "the phone still holds");
    world.media.clear();
    world.change(seat, model::Direction::Both);
    assert!(are_bridged(&world, caller, seat));
    finish(&mut world, caller);
    for (to, refusal) in
        [("1002", Refusal::Unreachable), ("9999", Refusal::Unreachable), ("5000", Refusal::Unreachable)]
    {
        let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
        refer(&mut world, seat, to, None);
        assert_eq!(progress(&world, seat), [ReferralState::Failed(refusal)], "{to}");
        finish(&mut world, caller);
    }
}

#[test]
fn a_phone_that_hangs_up_when_its_transfer_failed_is_rung_and_one_that_does_later_is_not() {
    for (later, talks) in [(false, 3), (true, 2)] {
        let (mut world, caller, seat) = with_colleague(Seat::Declines);
        refer(&mut world, seat, "1003", None);
        world.run(seconds(2));
        if later {
            world.run(seconds(3));
        }
        world.hang_up(seat);
        world.run(seconds(5));
        assert_eq!(world.talks().len(), talks, "{later}");
        assert!(world.talks().iter().skip(1).all(|(agent, _)| agent == "1001"));
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_phone_that_hangs_up_when_its_transfer_was_refused_is_rung() {
    for to in ["5000", "1002"] {
        let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
        refer(&mut world, seat, to, None);
        world.hang_up(seat);
        world.run(seconds(5));
        assert_eq!(world.talks().len(), 2, "{to}");
        assert_eq!(world.talks()[1].0, "1001");
        finish(&mut world, caller);
    }
}

#[test]
fn a_phone_that_hung_up_after_its_referral_is_rung_when_nobody_takes_the_customer() {
    let (mut world, caller, seat) = with_colleague(Seat::RingsOn);
    refer(&mut world, seat, "1003", None);
    world.hang_up(seat);
    assert_eq!(activity(&world, "1001"), Activity::WrapUp);
    world.run(seconds(35));
    assert_eq!(transfers(&world), [MoveEnd::Returned(Refusal::NoAnswer)]);
    assert_ne!(world.last_dialled(), seat);
    finish(&mut world, caller);
}

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
    let remote = super::world::remote(model::Direction::Both);
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

/// The agent's phone holds the customer and calls 1003 on a second line.
fn second_line(colleague: Seat) -> (World, LegId, LegId, LegId) {
    let (mut world, caller, seat) = with_colleague(colleague);
    world.change(seat, model::Direction::Inactive);
    world.media.clear();
    let line = world.invite(model::Origin::Agent(agent("1001")), "1003");
    world.run(seconds(0));
    (world, caller, seat, line)
}

#[test]
fn a_phone_consults_on_a_second_line_and_joins_the_two() {
    for on_second in [false, true] {
        let (mut world, caller, seat, line) = second_line(Seat::RingsOn);
        let colleague = world.last_dialled();
        assert!(world.orders.contains(&(line, LegOrder::Ring)));
        world.answer(colleague);
        world.run(seconds(1));
        assert!(are_bridged(&world, line, colleague) && !are_bridged(&world, caller, seat));
        world.media.clear();
        let (leg, replaces) = if on_second { (line, seat) } else { (seat, line) };
        refer(&mut world, leg, "1003", Some(replaces));
        assert_eq!(progress(&world, leg), [ReferralState::Done]);
        assert!(are_bridged(&world, caller, colleague));
        assert_eq!((world.legs[&seat], world.legs[&line]), (Leg::Over, Leg::Over));
        assert_eq!(world.talks().last().unwrap().0, "1003");
        finish(&mut world, caller);
    }
}

#[test]
fn a_second_line_ends_with_whom_it_is_to() {
    let (mut world, caller, seat, line) = second_line(Seat::Declines);
    world.run(seconds(2));
    assert!(world.orders.contains(&(line, LegOrder::Refuse(Cause::Declined))));
    world.media.clear();
    world.change(seat, model::Direction::Both);
    assert!(are_bridged(&world, caller, seat));
    // Another is refused at once: that one is not there.
    let line = world.invite(model::Origin::Agent(agent("1001")), "1002");
    assert!(world.orders.contains(&(line, LegOrder::Refuse(Cause::Unreachable))));
    finish(&mut world, caller);
    // Hung up by the agent, before and after the answer.
    for answered in [false, true] {
        let (mut world, caller, seat, line) = second_line(Seat::RingsOn);
        if answered {
            world.answer(world.last_dialled());
            world.run(seconds(1));
        }
        world.hang_up(line);
        world.run(seconds(1));
        assert_eq!(activity(&world, "1003"), Activity::Idle, "{answered}");
        assert_eq!(world.legs[&seat], Leg::Up);
        finish(&mut world, caller);
    }
}

#[test]
fn a_phone_on_the_hook_gives_the_customer_to_whom_it_consults() {
    let (mut world, caller, seat, line) = second_line(Seat::AnswersAfter(seconds(1)));
    world.run(seconds(2));
    world.media.clear();
    world.hang_up(seat);
    assert!(are_bridged(&world, caller, world.last_dialled()));
    assert_eq!(world.legs[&line], Leg::Over);
    finish(&mut world, caller);
}

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

#[test]
fn who_is_consulted_is_in_the_log_as_that() {
    let (mut world, caller, _) = with_colleague(Seat::AnswersAfter(seconds(1)));
    order(&mut world, MoveOrder::Consult(to_agent("1003")));
    world.run(seconds(2));
    order(&mut world, MoveOrder::Complete);
    finish(&mut world, caller);
    let told: Vec<_> = world
        .events()
        .filter_map(|event| match event {
            Event::Contact(ContactEvent::GuestInvited { part, .. }) => Some(format!("{part:?}")),
            Event::Contact(ContactEvent::TransferStarted { attended, .. }) => {
                Some(format!("attended {attended}"))
            }
            Event::Contact(ContactEvent::GuestLeft { how, .. }) => Some(format!("{how:?}")),
            _ => None,
        })
        .collect();
    assert_eq!(told, ["Consulted", "attended true", &format!("{:?}", GuestEnd::BecameAgent)]);
}
