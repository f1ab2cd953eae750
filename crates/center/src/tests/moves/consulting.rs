//! An agent speaks with somebody in private: by order, and on a second line of the phone.

use super::*;

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
