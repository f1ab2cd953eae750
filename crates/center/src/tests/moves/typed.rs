//! Codes that an agent types on a phone without keys for transfers.

use super::*;

/// The agent's phone sounds these keys, one after the other.
fn types(world: &mut World, leg: LegId, keys: &str) {
    for key in keys.chars() {
        world.press(leg, key);
    }
    world.run(seconds(0));
}

fn shields(world: &World, leg: LegId) -> Vec<bool> {
    let of = |op: &MediaOp| match op {
        MediaOp::Shield { leg: to } if *to == leg => Some(true),
        MediaOp::Unshield { leg: to } if *to == leg => Some(false),
        _ => None,
    };
    world.media.iter().filter_map(of).collect()
}

fn digits_sent(world: &World) -> usize {
    world.media.iter().filter(|op| matches!(op, MediaOp::SendDigit { .. })).count()
}

/// What the agent's phone shows beside the customer's number.
fn shown(world: &World, leg: LegId) -> Option<String> {
    world.orders.iter().rev().find_map(|(to, order)| match order {
        LegOrder::Show { display, .. } if *to == leg => Some(display.clone()),
        _ => None,
    })
}

#[test]
fn an_agent_gives_the_customer_away_by_keys_and_is_hidden_while_typing() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    types(&mut world, seat, "*11003");
    assert_eq!((shields(&world, seat), transfers(&world).len()), (vec![true], 0));
    assert_eq!(world.legs[&seat], Leg::Up);
    types(&mut world, seat, "#");
    assert_eq!((shields(&world, seat), world.legs[&seat]), (vec![true, false], Leg::Over));
    world.run(seconds(2));
    assert_eq!(world.talks().last().unwrap().0, "1003");
    let by = world.entries.iter().find_map(|entry| match entry.event {
        Event::Contact(ContactEvent::TransferStarted { .. }) => Some(entry.by.clone()),
        _ => None,
    });
    assert_eq!(by, Some(Some(model::Actor::Agent(agent("1001")))));
    assert_eq!((digits_sent(&world), world.replies.len()), (0, 0), "nobody commanded by program");
    finish(&mut world, caller);
    assert_eq!(transfers(&world), [MoveEnd::Done]);
}

#[test]
fn an_agent_consults_swaps_holds_joins_and_completes_by_keys() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    types(&mut world, seat, "*21003#");
    world.run(seconds(2));
    let colleague = world.last_dialled();
    assert!(are_bridged(&world, seat, colleague));
    world.media.clear();
    types(&mut world, seat, "*7");
    assert!(are_bridged(&world, caller, seat), "swapped");
    types(&mut world, seat, "*4");
    assert_eq!(activity(&world, "1003"), Activity::Idle, "returned");
    types(&mut world, seat, "*9");
    types(&mut world, seat, "*9");
    assert_eq!(world.holds().len(), 2);
    types(&mut world, seat, "*21003#");
    world.run(seconds(2));
    types(&mut world, seat, "*5");
    let all = |op: &MediaOp| matches!(op, MediaOp::Confer { members } if members.len() == 3);
    assert!(world.media.iter().any(all));
    types(&mut world, seat, "*6");
    assert_eq!(world.legs[&seat], Leg::Over, "parked");
    finish(&mut world, caller);

    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    types(&mut world, seat, "*26001#");
    world.run(seconds(2));
    types(&mut world, seat, "*3");
    assert_eq!(world.talks().last().unwrap().0, "1003", "of the department");
    finish(&mut world, caller);
    assert_eq!(world.replies, []);
}

#[test]
fn the_phone_shows_why_a_code_was_not_obeyed_and_everything_stays_as_it_is() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    for (keys, why) in [
        ("*19999#", "UnknownAgent"),
        ("*11002#", "SeatOffline"),
        ("*16003#", "Closed"),
        ("*21002#", "SeatOffline"),
        ("*3", "NoConsultation"),
        ("*4", "NoConsultation"),
    ] {
        types(&mut world, seat, keys);
        let shown = shown(&world, seat).unwrap();
        assert!(shown.ends_with(&format!("! {why}")), "{keys}: {shown}");
        assert_eq!(shields(&world, seat).last(), Some(&false), "{keys}");
    }
    assert_eq!((world.legs[&seat], world.talks().len()), (Leg::Up, 1));
    finish(&mut world, caller);
}

#[test]
fn what_is_no_code_is_forgotten() {
    for (keys, waits) in [("*8", 0), ("**", 0), ("*1#", 0), ("*1100", 6), ("*", 6)] {
        let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
        types(&mut world, seat, keys);
        world.run(seconds(waits));
        assert_eq!(shields(&world, seat), [true, false], "{keys}");
        types(&mut world, seat, "3#");
        world.run(seconds(2));
        assert_eq!((world.legs[&seat], world.talks().len()), (Leg::Up, 1), "{keys}");
        finish(&mut world, caller);
    }
}

#[test]
fn keys_of_the_customer_and_keys_without_a_code_are_keys() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    types(&mut world, caller, "*11003#");
    // The agent's phone sends keys by INFO, and some of them sound too.
    let info = |world: &mut World, key: char| {
        let digit = model::Digit::from_char(key).unwrap();
        world.send(Input::Leg(seat, LegReport::Digit(digit)));
    };
    info(&mut world, '5');
    assert_eq!((digits_sent(&world), transfers(&world).len()), (1, 0));
    for key in ['*', '1', '1', '0', '0', '3', '#'] {
        info(&mut world, key);
        world.press(seat, key);
        world.run(seconds(1));
    }
    assert_eq!((digits_sent(&world), world.legs[&seat]), (1, Leg::Over));
    world.run(seconds(2));
    assert_eq!(world.talks().last().unwrap().0, "1003");
    finish(&mut world, caller);
}

#[test]
fn nothing_is_typed_while_the_customer_presses_in_secret_or_where_there_are_no_codes() {
    let (mut world, caller, seat) = with_colleague(Seat::AnswersAfter(seconds(1)));
    let contact = contact(&world);
    world.order(Order::SecureInput(contact, model::SecureInputOrder::Start));
    types(&mut world, seat, "*11003#");
    assert_eq!((world.legs[&seat], shields(&world, seat).len()), (Leg::Up, 0));
    world.order(Order::SecureInput(contact, model::SecureInputOrder::End));
    world.settings(|config| config.typed_codes.clear());
    types(&mut world, seat, "*11003#");
    assert_eq!((world.legs[&seat], shields(&world, seat).len()), (Leg::Up, 0));
    finish(&mut world, caller);
}
