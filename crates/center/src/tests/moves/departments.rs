//! Extensions of the directory: members in turn, closed and unanswered, by order and by phone, had and consulted.

use super::*;

fn extension(text: &str) -> MoveTo {
    MoveTo::Extension(number(text))
}

/// Whom the seats of were dialled, since the caller's first agent.
fn rung(world: &World) -> Vec<&str> {
    world.dialled.iter().skip(1).map(|(agent, _)| agent.as_str()).collect()
}

/// Caller and agent 1001 talk; 1003 and 1002, the members of 6001, do this when they are rung.
fn with_department(first: Seat, second: Seat) -> (World, LegId, LegId) {
    let (mut world, caller, leg) = with_colleague(first);
    world.seat("1002", true);
    world.script("1002", second);
    (world, caller, leg)
}

const ANSWERS: Seat = Seat::AnswersAfter(seconds(1));

#[test]
fn members_ring_in_turn_until_one_takes_the_customer() {
    for (first, second, takes) in [
        (ANSWERS, ANSWERS, "1003"),
        (Seat::RingsOn, ANSWERS, "1002"),
        (Seat::Declines, ANSWERS, "1002"),
        (Seat::Unreachable, ANSWERS, "1002"),
    ] {
        let (mut world, caller, seat) = with_department(first, second);
        assert_eq!(order(&mut world, MoveOrder::Transfer(extension("6001"))), None);
        assert_eq!(world.legs[&seat], Leg::Over, "the agent's part is over");
        world.run(seconds(15));
        assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)), "{first:?}");
        assert_eq!(world.talks().last().unwrap().0, takes);
        assert!(are_bridged(&world, caller, world.last_dialled()));
        if takes == "1002" {
            assert_eq!(rung(&world), ["1003", "1002"]);
            assert_eq!(activity(&world, "1003"), Activity::Idle);
        }
        finish(&mut world, caller);
        assert_eq!(transfers(&world), [MoveEnd::Done]);
    }
}

#[test]
fn a_department_that_does_not_answer_brings_the_customer_back_with_the_reason() {
    for (first, second, refusal) in [
        (Seat::RingsOn, Seat::Declines, Refusal::Declined),
        (Seat::Declines, Seat::RingsOn, Refusal::NoAnswer),
    ] {
        let (mut world, caller, _) = with_department(first, second);
        order(&mut world, MoveOrder::Transfer(extension("6001")));
        world.run(seconds(25));
        assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Returned(refusal))));
        assert_eq!(rung(&world), ["1003", "1002", "1001"]);
        assert_eq!(world.talks().last().unwrap().0, "1001");
        finish(&mut world, caller);
    }
}

#[test]
fn nothing_changes_when_nobody_of_an_extension_can_be_rung() {
    let (mut world, caller, seat) = with_colleague(ANSWERS);
    world.seat("1003", false);
    for (to, refused) in [
        ("6001", Refused::SeatOffline),
        ("6003", Refused::Closed),
        ("6009", Refused::UnknownExtension),
        ("7002", Refused::UnknownExtension),
    ] {
        for kind in [MoveOrder::Transfer, MoveOrder::Consult] {
            assert_eq!(order(&mut world, kind(extension(to))), Some(Err(refused)), "{to}");
        }
    }
    assert_eq!((world.legs[&seat], transfers(&world).len()), (Leg::Up, 0));
    // Who is a member does not give the customer to oneself.
    assert_eq!(order(&mut world, MoveOrder::Transfer(extension("6006"))), Some(Err(Refused::SeatBusy)));
    finish(&mut world, caller);
}

#[test]
fn what_an_extension_says_follows_when_nobody_answers_or_it_is_closed() {
    // To a queue, after a member and a number outside did not answer.
    let (mut world, caller, _) = with_department(Seat::RingsOn, Seat::Declines);
    world.outside_does = Seat::Declines;
    order(&mut world, MoveOrder::Transfer(extension("6002")));
    world.run(seconds(5));
    assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)));
    assert_eq!(world.outside.last().unwrap().0, "4001");
    let entered = world.events().filter_map(|event| match event {
        Event::Queue(model::QueueEvent::Entered { queue, .. }) => Some(queue.as_str()),
        _ => None,
    });
    assert_eq!(entered.last(), Some("complaint"));
    finish(&mut world, caller);
    // To a message and the end: at once where it is closed, else after the members.
    for (to, waits) in [("6004", 0), ("6005", 15)] {
        let (mut world, caller, _) = with_department(Seat::RingsOn, ANSWERS);
        order(&mut world, MoveOrder::Transfer(extension(to)));
        world.run(seconds(waits));
        assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)), "{to}");
        let says = |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if clips[0].ends_with("goodbye"));
        assert!(world.media.iter().any(says), "{to}");
        world.run(seconds(5));
        assert_eq!(world.legs[&caller], Leg::Over);
        world.assert_over();
        assert_eq!(world.ends()[0].1, Cause::FlowFinished);
    }
}

#[test]
fn a_phone_refers_to_an_extension_and_hears_how_it_goes() {
    let (mut world, caller, seat) = with_department(Seat::Declines, ANSWERS);
    refer(&mut world, seat, "6001", None);
    world.run(seconds(5));
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Done));
    assert_eq!(world.talks().last().unwrap().0, "1002");
    finish(&mut world, caller);
    let (mut world, caller, seat) = with_department(Seat::Declines, Seat::Declines);
    refer(&mut world, seat, "6001", None);
    world.run(seconds(5));
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Failed(Refusal::Declined)));
    assert_eq!(world.talks().last().unwrap().0, "1001");
    refer(&mut world, seat, "6003", None);
    assert_eq!(progress(&world, seat).last(), Some(&ReferralState::Failed(Refusal::NoAnswer)), "closed");
    finish(&mut world, caller);
}

#[test]
fn an_agent_consults_a_department_whose_members_ring_in_turn() {
    for by_phone in [false, true] {
        let (mut world, caller, seat) = with_department(Seat::RingsOn, Seat::RingsOn);
        let line = if by_phone {
            world.change(seat, model::Direction::Inactive);
            world.invite(model::Origin::Agent(agent("1001")), "6001")
        } else {
            assert_eq!(order(&mut world, MoveOrder::Consult(extension("6001"))), Some(Ok(Done::Obeyed)));
            seat
        };
        world.run(seconds(11));
        assert_eq!(rung(&world), ["1003", "1002"]);
        assert_eq!(activity(&world, "1003"), Activity::Idle);
        let member = world.last_dialled();
        world.answer(member);
        world.run(seconds(0));
        assert!(are_bridged(&world, line, member), "{by_phone}");
        let replies = world.replies.len();
        world.run(seconds(30));
        assert_eq!(world.replies.len(), replies, "what was replied to is not replied to again");
        finish(&mut world, caller);
    }
}

#[test]
fn a_consultation_that_no_member_comes_to_is_over() {
    for by_phone in [false, true] {
        let (mut world, caller, seat) = with_department(Seat::Declines, Seat::RingsOn);
        let line = by_phone.then(|| world.invite(model::Origin::Agent(agent("1001")), "6001"));
        if !by_phone {
            order(&mut world, MoveOrder::Consult(extension("6001")));
        }
        world.run(seconds(5));
        world.media.clear();
        world.run(seconds(10));
        if let Some(line) = line {
            assert!(world.orders.contains(&(line, LegOrder::Refuse(Cause::NoAnswer))));
        }
        assert!(are_bridged(&world, caller, seat), "{by_phone}");
        assert_eq!(order(&mut world, MoveOrder::Swap), Some(Err(Refused::NoConsultation)));
        finish(&mut world, caller);
    }
}

#[test]
fn whom_an_agent_consults_of_a_department_makes_way_also_after_the_agent_left() {
    let (mut world, caller, seat) = with_department(Seat::RingsOn, ANSWERS);
    order(&mut world, MoveOrder::Consult(extension("6001")));
    assert_eq!(order(&mut world, MoveOrder::Complete), None);
    assert_eq!(world.legs[&seat], Leg::Over);
    world.run(seconds(15));
    assert_eq!(last_reply(&world), Ok(Done::Moved(MoveEnd::Done)));
    assert_eq!(rung(&world), ["1003", "1002"]);
    assert_eq!(world.talks().last().unwrap().0, "1002");
    finish(&mut world, caller);
}

#[test]
fn a_customer_who_leaves_between_two_members_ends_it_for_both() {
    for wait in [0, 9, 10, 11] {
        let (mut world, caller, _) = with_department(Seat::RingsOn, Seat::RingsOn);
        order(&mut world, MoveOrder::Transfer(extension("6001")));
        world.run(seconds(wait));
        world.hang_up(caller);
        world.assert_over();
        assert_eq!(transfers(&world), [MoveEnd::CustomerGone], "{wait}");
        assert_eq!([activity(&world, "1002"), activity(&world, "1003")], [Activity::Idle; 2]);
    }
}

#[test]
fn members_who_sign_out_while_they_ring_make_way_and_a_reload_takes_nobody_from_a_call() {
    let (mut world, caller, _) = with_department(Seat::RingsOn, ANSWERS);
    order(&mut world, MoveOrder::Transfer(extension("6001")));
    world.settings(|config| config.directory = model::Directory::default());
    world.seat("1003", false);
    world.run(seconds(2));
    assert_eq!(world.talks().last().unwrap().0, "1002");
    let contact = contact(&world);
    let id = world.order_as("1002", Order::Move(contact, MoveOrder::Transfer(extension("6001"))));
    assert_eq!(reply_to(&world, id), Some(Err(Refused::UnknownExtension)));
    finish(&mut world, caller);
}
