//! Customers are called: an agent dials, or it is ordered, the agent first or the customer.

use model::{
    Activity, Cause, Class, ContactEvent, Direction, Done, EndedBy, Event, First, LegId, LegOrder, LegReport,
    MediaOp, MoveOrder, NotNow, Order, Origin, RecordingEvent, Refusal, Refused, WhyNotNow,
};

use super::stories::CALLER_DONE;
use super::world::{Leg, Seat, World, agent, remote, seconds};
use crate::Input;

/// Agent 1001 has dialled a customer, who does this.
fn dialling(does: Seat) -> (World, LegId) {
    let mut world = World::with(&["1001"]);
    world.outside_does = does;
    let seat = world.invite(Origin::Agent(agent("1001")), "4000");
    world.run(seconds(0));
    (world, seat)
}

fn customer(world: &World) -> LegId {
    world.outside.last().unwrap().1
}

fn activity(world: &World, id: &str) -> Activity {
    world.center.cx.distributor.machine().agent(&agent(id)).unwrap().activity
}

fn orders(world: &World, leg: LegId) -> Vec<&LegOrder> {
    world.orders.iter().filter(|(of, _)| *of == leg).map(|(_, order)| order).collect()
}

fn are_bridged(world: &World, one: LegId, other: LegId) -> bool {
    let ends = [(one, other), (other, one)];
    let last = world.media.iter().rev().find_map(|op| match op {
        MediaOp::Bridge { a, b } => Some(ends.contains(&(*a, *b))),
        MediaOp::Unbridge { leg } if *leg == one || *leg == other => Some(false),
        _ => None,
    });
    last == Some(true)
}

fn hears(world: &World, leg: LegId, clip: &str) -> bool {
    world.media.iter().any(
        |op| matches!(op, MediaOp::Play { leg: to, clips, .. } if *to == leg && clips[0].ends_with(clip)),
    )
}

fn position(world: &World, is_it: impl Fn(&Event) -> bool) -> Option<usize> {
    world.events().position(is_it)
}

#[test]
fn an_agent_dials_a_customer_and_they_talk_recorded_from_the_answer() {
    let (mut world, seat) = dialling(Seat::RingsOn);
    assert_eq!(activity(&world, "1001"), Activity::Talking, "no other call is offered meanwhile");
    assert_eq!(orders(&world, seat), [&LegOrder::Ring], "the phone hears that it rings");
    assert!(world.recording.is_empty(), "nothing is recorded before the answer");
    let customer = customer(&world);
    world.answer(customer);
    world.run(seconds(0));
    assert!(are_bridged(&world, customer, seat));
    assert_eq!(world.recording.len(), 1);
    assert_eq!(world.talks(), [("1001".to_owned(), "inquiry".to_owned())]);
    let answered = position(&world, |e| matches!(e, Event::Contact(ContactEvent::Answered { .. })));
    let opened = position(&world, |e| matches!(e, Event::Recording(RecordingEvent::Opened { .. })));
    let talks = position(&world, |e| matches!(e, Event::Contact(ContactEvent::SegmentStarted { .. })));
    assert!(opened < answered && answered < talks);
    world.hang_up(customer);
    world.run(seconds(1));
    assert_eq!(activity(&world, "1001"), Activity::WrapUp);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn who_does_not_answer_is_told_to_the_agents_phone() {
    for (does, after, cause, by) in [
        (Seat::Declines, 2, Cause::Declined, EndedBy::Caller),
        (Seat::Unreachable, 0, Cause::Unreachable, EndedBy::Network),
        (Seat::RingsOn, 61, Cause::NoAnswer, EndedBy::Caller),
    ] {
        let (mut world, seat) = dialling(does);
        world.run(seconds(after));
        assert_eq!(*orders(&world, seat).last().unwrap(), &LegOrder::Refuse(cause));
        assert_eq!(activity(&world, "1001"), Activity::Idle, "there is nothing to write up");
        world.assert_over();
        assert_eq!(world.ends(), [(by, cause, Class::Unanswered)]);
        assert!(world.closed().is_empty(), "nothing was recorded");
    }
}

#[test]
fn the_network_is_heard_before_the_answer() {
    let (mut world, seat) = dialling(Seat::RingsOn);
    let customer = customer(&world);
    let remote = remote(Direction::Both);
    world.send(Input::Leg(customer, LegReport::Early { remote }));
    assert!(matches!(orders(&world, seat)[..], [LegOrder::Ring, LegOrder::Progress { .. }]));
    assert!(are_bridged(&world, customer, seat));
    world.send(Input::Leg(customer, LegReport::Ringing));
    assert_eq!(orders(&world, seat).len(), 2, "a ring tone of the phone's own would cover it");
    world.answer(customer);
    world.run(seconds(0));
    assert!(are_bridged(&world, customer, seat));
    world.hang_up(seat);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Agent, Cause::HungUp, Class::Answered)]);
}

#[test]
fn an_agent_who_hangs_up_while_it_rings_withdraws_the_call_also_when_the_answer_crosses() {
    let (mut world, seat) = dialling(Seat::RingsOn);
    let customer = customer(&world);
    world.hang_up(seat);
    assert_eq!(orders(&world, customer).last().unwrap(), &&LegOrder::HangUp(Cause::Cancelled));
    world.send(Input::Leg(customer, LegReport::Connected { remote: remote(Direction::Both) }));
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Agent, Cause::Cancelled, Class::Unanswered)]);

    // The other way round: the answer is here, ours is on its way to the phone, which has hung up.
    let (mut world, seat) = dialling(Seat::RingsOn);
    let answered = super::calling::customer(&world);
    world.answer(answered);
    world.hang_up(seat);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Agent, Cause::Cancelled, Class::LeftEarly)]);
}

#[test]
fn whose_number_asks_for_it_hears_the_notice_before_the_agent() {
    let mut world = World::with(&["1001"]);
    world.outside_does = Seat::AnswersAfter(seconds(1));
    let seat = world.invite(Origin::Agent(agent("1001")), "4900");
    world.run(seconds(2));
    let customer = customer(&world);
    assert!(hears(&world, customer, "welcome") && !are_bridged(&world, customer, seat));
    assert_eq!(world.recording.len(), 1, "the notice is in the recording");
    assert!(world.talks().is_empty());
    world.run(seconds(3));
    assert!(are_bridged(&world, customer, seat));
    world.hang_up(customer);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_called_customer_is_held_transferred_and_parked_as_any_other() {
    let (mut world, seat) = dialling(Seat::AnswersAfter(seconds(1)));
    world.seat("1003", true);
    world.run(seconds(2));
    let customer = customer(&world);
    world.change(seat, Direction::ReceiveOnly);
    assert!(hears(&world, customer, "music/default"));
    world.change(seat, Direction::Both);
    let contact = *world.center.contacts.keys().next().unwrap();
    world.order(Order::Move(contact, MoveOrder::Transfer(super::moves::to_agent("1003"))));
    world.run(seconds(5));
    assert_eq!(world.talks().last().unwrap().0, "1003");
    world.order(Order::Move(contact, MoveOrder::Park));
    world.run(seconds(1));
    world.hang_up(customer);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_customer_whose_agent_gives_away_to_a_queue_waits_there() {
    let (mut world, _) = dialling(Seat::AnswersAfter(seconds(1)));
    world.run(seconds(2));
    let contact = *world.center.contacts.keys().next().unwrap();
    world
        .order(Order::Move(contact, MoveOrder::Transfer(model::MoveTo::Queue("complaint".parse().unwrap()))));
    world.seat("1002", true);
    world.run(seconds(5));
    assert_eq!(world.talks().last().unwrap(), &("1002".to_owned(), "complaint".to_owned()));
    let customer = customer(&world);
    world.hang_up(customer);
    world.assert_over();
}

#[test]
fn by_order_the_agents_phone_rings_first_and_hears_the_customers() {
    let mut world = World::with(&["1001"]);
    world.outside_does = Seat::AnswersAfter(seconds(3));
    world.call_customer("1001", "4000", First::Agent);
    world.run(seconds(1));
    let contact = *world.center.contacts.keys().next().unwrap();
    assert_eq!(world.replies.last().unwrap().result, Ok(Done::Placed(contact)));
    let seat = world.last_dialled();
    assert!(world.outside.is_empty(), "not before the agent is there");
    world.run(seconds(2));
    assert!(hears(&world, seat, "ring-back"));
    world.run(seconds(3));
    let customer = customer(&world);
    assert!(are_bridged(&world, customer, seat));
    world.hang_up(customer);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn an_agent_who_does_not_take_it_calls_nobody() {
    for (does, cause) in [(Seat::Declines, Cause::Declined), (Seat::RingsOn, Cause::NoAnswer)] {
        let mut world = World::with(&["1001"]);
        world.script("1001", does);
        world.call_customer("1001", "4000", First::Agent);
        world.run(seconds(40));
        assert!(world.outside.is_empty());
        assert_eq!(activity(&world, "1001"), Activity::Idle);
        world.assert_over();
        assert_eq!(world.ends(), [(EndedBy::Agent, cause, Class::Unanswered)]);
    }
}

#[test]
fn with_the_customer_first_the_agent_is_kept_free_and_rung_then() {
    let mut world = World::with(&["1001"]);
    world.outside_does = Seat::AnswersAfter(seconds(3));
    world.call_customer("1001", "4000", First::Customer);
    world.run(seconds(1));
    assert_eq!(activity(&world, "1001"), Activity::Talking);
    assert!(world.dialled.is_empty());
    world.run(seconds(6));
    let customer = customer(&world);
    assert!(are_bridged(&world, customer, world.last_dialled()));
    world.hang_up(customer);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_customer_who_was_first_and_whose_agent_is_gone_waits_in_the_queue() {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::Declines);
    world.outside_does = Seat::AnswersAfter(seconds(1));
    world.call_customer("1001", "4000", First::Customer);
    world.run(seconds(3));
    world.seat("1003", true);
    world.run(seconds(5));
    assert_eq!(world.talks(), [("1003".to_owned(), "inquiry".to_owned())]);
    let customer = customer(&world);
    world.hang_up(customer);
    world.assert_over();
}

#[test]
fn a_customer_who_answers_for_nobody_frees_the_agent_when_gone() {
    let mut world = World::with(&["1001"]);
    world.outside_does = Seat::RingsOn;
    world.call_customer("1001", "4000", First::Customer);
    world.run(seconds(1));
    let customer = customer(&world);
    world.hang_up(customer);
    world.run(seconds(1));
    assert_eq!(activity(&world, "1001"), Activity::Idle);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Caller, Cause::Declined, Class::Unanswered)]);
}

#[test]
fn who_may_not_and_who_cannot_hear_why() {
    let refused = |world: &World| world.replies.last().unwrap().result.clone().unwrap_err();
    let mut world = World::with(&["1001"]);
    for (id, dialled, expected) in [
        ("1001", "3000", Refused::NotAllowed),
        ("1001", "*70", Refused::NotAllowed),
        ("9999", "4000", Refused::UnknownAgent),
        ("1002", "4000", Refused::SeatOffline),
    ] {
        world.call_customer(id, dialled, First::Agent);
        assert_eq!(refused(&world), expected, "{id} calls {dialled}");
    }
    let leg = world.invite(Origin::Agent(agent("1001")), "3000");
    assert_eq!(orders(&world, leg), [&LegOrder::Refuse(Cause::NotAllowed)]);
    world.outside_does = Seat::RingsOn;
    world.call_customer("1001", "4000", First::Customer);
    let leg = world.invite(Origin::Agent(agent("1001")), "4001");
    assert_eq!(orders(&world, leg), [&LegOrder::Refuse(Cause::Busy)], "one call at a time");
    world.send(Input::Drain);
    world.call_customer("1001", "4000", First::Agent);
    assert_eq!(refused(&world), Refused::ShuttingDown);
    world.send(Input::EndAll);
    world.assert_over();
}

#[test]
fn an_agent_orders_calls_for_nobody_else() {
    let mut world = World::with(&["1001", "1003"]);
    let call = |id: &str| model::CallOrder {
        number: super::world::number("4000").into(),
        agent: agent(id),
        first: First::Agent,
        queue: None,
    };
    world.order_as("1001", Order::Call(call("1003")));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NotTheirContact));
    world.order_as("1001", Order::Call(call("1001")));
    assert!(world.replies.last().unwrap().result.is_ok());
    world.send(Input::EndAll);
    world.assert_over();
}

#[test]
fn help_is_called_before_every_limit() {
    // Not registered, and the center is full: the phone still reaches the police.
    let mut world = World::new();
    world.settings(|config| config.max_calls = 0);
    world.outside_does = Seat::AnswersAfter(seconds(1));
    let seat = world.invite(Origin::Agent(agent("1001")), "110");
    world.run(seconds(2));
    let police = customer(&world);
    assert!(are_bridged(&world, police, seat));
    assert_eq!(world.recording.len(), 1);
    assert_eq!(activity(&world, "1001"), Activity::Idle, "of the distributor's agents that one is none");
    world.hang_up(police);
    world.assert_over();
    assert_eq!(world.ends()[0].2, Class::Answered);

    // While an offer rings, too; a call that is no emergency is refused then.
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::RingsOn);
    let caller = world.caller_who_presses('1');
    let leg = world.invite(Origin::Agent(agent("1001")), "4000");
    assert_eq!(orders(&world, leg), [&LegOrder::Refuse(Cause::Busy)]);
    world.invite(Origin::Agent(agent("1001")), "110");
    world.run(seconds(3));
    assert_eq!(world.outside.last().unwrap().0, "110");
    world.hang_up(caller);
    world.send(Input::EndAll);
    world.assert_over();
}

#[test]
fn a_center_that_closes_ends_calls_that_ring() {
    let (mut world, seat) = dialling(Seat::RingsOn);
    world.send(Input::Close);
    assert_eq!(*orders(&world, seat).last().unwrap(), &LegOrder::Refuse(Cause::ShuttingDown));
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Operator, Cause::ShuttingDown, Class::Refused)]);
}

#[test]
fn a_report_that_comes_late_changes_nothing() {
    let (mut world, seat) = dialling(Seat::RingsOn);
    let customer = customer(&world);
    world.hang_up(seat);
    world.run(seconds(1));
    let entries = world.entries.len();
    for report in [
        LegReport::Ringing,
        LegReport::Early { remote: remote(Direction::Both) },
        LegReport::Refused(Refusal::Busy),
    ] {
        world.send(Input::Leg(customer, report));
    }
    assert_eq!(world.entries.len(), entries);
    assert_eq!(world.legs[&customer], Leg::Over);
    world.assert_over();
}

#[test]
fn a_number_that_was_called_is_left_alone_and_called_so_often_a_day() {
    let refused = |world: &World| world.replies.last().unwrap().result.clone();
    let mut world = World::with(&["1001"]);
    world.outside_does = Seat::Unreachable;
    world.settings(|config| {
        config.outbound.rules.attempts_a_day = Some(2);
        config.outbound.rules.pause = seconds(600);
        config.outbound.rules.do_not_call.add("4999*").unwrap();
    });
    world.call_customer("1001", "4000", First::Customer);
    assert!(refused(&world).is_ok());
    world.run(seconds(1));
    let again = world.now + seconds(599);
    let not_now = |why, from| Err(Refused::NotNow(NotNow { why, from }));
    world.call_customer("1001", "4000", First::Customer);
    assert_eq!(refused(&world), not_now(WhyNotNow::TooSoon, Some(again)));
    let leg = world.invite(Origin::Agent(agent("1001")), "4000");
    assert_eq!(orders(&world, leg), [&LegOrder::Refuse(Cause::NotNow)], "by phone too");
    world.call_customer("1001", "4001", First::Customer);
    assert!(refused(&world).is_ok(), "another number");
    world.run(seconds(600));
    world.call_customer("1001", "4000", First::Customer);
    assert!(refused(&world).is_ok());
    world.run(seconds(1_000));
    world.call_customer("1001", "4000", First::Customer);
    assert!(matches!(refused(&world), Err(Refused::NotNow(NotNow { why: WhyNotNow::TooManyAttempts, .. }))));
    world.call_customer("1001", "499912", First::Customer);
    assert_eq!(refused(&world), not_now(WhyNotNow::DoNotCall, None));
    let help = world.invite(Origin::Agent(agent("1001")), "110");
    assert!(!orders(&world, help).contains(&&LegOrder::Refuse(Cause::NotNow)), "help is called at any time");
    world.send(Input::EndAll);
    world.assert_over();
}
