//! Secure input, in the flow and with an agent: what is pressed is counted, handed over once, and told nowhere.

use std::time::Duration;

use model::{
    Actor, AudioReport, Cause, ContactEvent, ContactId, Digit, Done, EndedBy, Entry, Event, LegId, LegReport,
    MediaOp, MediaReport, Order, RecordingOrder, Refused, SecureEnd, SecureInputOrder,
};

use super::stories::conversation;
use super::world::{World, seconds};
use crate::Input;

/// A card number none of whose keys is pressed for anything else here.
const CARD: &str = "48567";

fn contact(world: &World) -> ContactId {
    *world.center.contacts.keys().next().unwrap()
}

fn start(world: &mut World) -> Result<Done, Refused> {
    let contact = contact(world);
    world.order_as("1001", Order::SecureInput(contact, SecureInputOrder::Start));
    world.replies.last().unwrap().result.clone()
}

fn read(world: &mut World) -> Result<String, Refused> {
    let contact = contact(world);
    world.order(Order::SecureInput(contact, SecureInputOrder::Read));
    match world.replies.last().unwrap().result.clone()? {
        Done::Secret(keys) => Ok(keys.reveal().to_string()),
        other => panic!("keys were asked for, not {other:?}"),
    }
}

fn press_all(world: &mut World, leg: LegId, keys: &str) {
    for key in keys.chars() {
        world.press(leg, key);
        world.run(Duration::from_millis(300));
    }
}

fn ended(world: &World) -> Vec<(u32, SecureEnd)> {
    let of = |event: &Event| match event {
        Event::Contact(ContactEvent::SecureInputEnded { digits, how, .. }) => Some((*digits, *how)),
        _ => None,
    };
    world.events().filter_map(of).collect()
}

/// Shields, masks and their ends, in order.
fn guards(world: &World) -> Vec<&'static str> {
    let of = |op: &MediaOp| match op {
        MediaOp::Shield { .. } => Some("shield"),
        MediaOp::Unshield { .. } => Some("unshield"),
        MediaOp::PauseRecording { .. } => Some("mask"),
        MediaOp::ResumeRecording { .. } => Some("unmask"),
        _ => None,
    };
    world.media.iter().filter_map(of).collect()
}

/// Neither log, orders, replies nor the machine itself show which keys were pressed.
fn assert_told_nowhere(world: &World) {
    let log = serde_json::to_string(&world.entries).unwrap();
    assert!(!log.contains("digit_pressed"), "{log}");
    let shown = format!("{:?} {:?} {:?} {:?}", world.entries, world.media, world.replies, world.center);
    for part in [&log, &shown] {
        assert!(!part.contains(CARD) && !part.contains("Digit('"), "{part}");
    }
    assert!(
        !world.media.iter().any(|op| matches!(op, MediaOp::SendDigit { .. })),
        "no key reached the agent"
    );
}

#[test]
fn a_customer_presses_for_an_agent_and_the_asker_alone_gets_it_once() {
    let (mut world, caller, _) = conversation();
    world.entries.clear();
    world.media.clear();
    assert_eq!(start(&mut world), Ok(Done::Obeyed));
    assert_eq!(guards(&world), ["shield", "mask"]);
    press_all(&mut world, caller, CARD);
    // The last by INFO too, and one by INFO alone.
    for key in ['7', '2'] {
        world.send(Input::Leg(caller, LegReport::Digit(Digit::from_char(key).unwrap())));
    }
    assert_eq!(read(&mut world), Err(Refused::InputGoesOn));
    world.press(caller, '#');
    assert_eq!(ended(&world), [(6, SecureEnd::Complete)]);
    assert_eq!(guards(&world).len(), 2, "the last key still sounds");
    world.run(seconds(2));
    assert_eq!(guards(&world), ["shield", "mask", "unshield", "unmask"]);
    assert_eq!(read(&mut world), Ok(format!("{CARD}2")));
    assert_eq!(read(&mut world), Err(Refused::NoInput));
    world.replies.clear();
    assert_told_nowhere(&world);
    let by = Some(Actor::Token("console".to_owned()));
    let is_read =
        |entry: &&Entry| matches!(entry.event, Event::Contact(ContactEvent::SecureInputRead { .. }));
    let reads: Vec<_> = world.entries.iter().filter(is_read).map(|entry| (&entry.by, &entry.event)).collect();
    let read = ContactEvent::SecureInputRead { contact: contact(&world), digits: 6 }.into();
    assert_eq!(reads, [(&by, &read)]);
}

#[test]
fn it_ends_by_order_by_its_limit_or_with_the_call() {
    let (mut world, caller, _) = conversation();
    start(&mut world).unwrap();
    let contact = contact(&world);
    world.press(caller, '4');
    world.order_as("1001", Order::SecureInput(contact, SecureInputOrder::End));
    // More of the number: too late for the input, and still not for the agent.
    world.press(caller, '8');
    world.send(Input::Leg(caller, LegReport::Digit(Digit::from_char('5').unwrap())));
    world.run(seconds(3));
    world.order(Order::SecureInput(contact, SecureInputOrder::End));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NoInput));
    assert_eq!(read(&mut world), Ok("4".to_owned()));
    start(&mut world).unwrap();
    world.run(seconds(119));
    world.press(caller, '7');
    world.run(seconds(2));
    start(&mut world).unwrap();
    assert_eq!(read(&mut world), Err(Refused::InputGoesOn));
    let calls = format!("{:?}", world.center);
    assert!(calls.contains("pressed: None"), "a new one forgets the last one: {calls}");
    assert!(!world.media.iter().any(|op| matches!(op, MediaOp::SendDigit { .. })));
    world.press(caller, '6');
    world.hang_up(caller);
    world.assert_over();
    let all = [(1, SecureEnd::Stopped), (1, SecureEnd::TimedOut), (1, SecureEnd::CallEnded)];
    assert_eq!(ended(&world), all);
}

#[test]
fn each_key_after_the_end_keeps_the_shield_for_another_second() {
    let (mut world, caller, _) = conversation();
    start(&mut world).unwrap();
    let contact = contact(&world);
    world.press(caller, '4');
    world.order(Order::SecureInput(contact, SecureInputOrder::End));
    world.media.clear();
    for _ in 0..3 {
        world.run(Duration::from_millis(700));
        assert!(guards(&world).is_empty(), "a key may still sound");
        world.press(caller, '8');
    }
    world.run(Duration::from_millis(1_000));
    assert_eq!(guards(&world), ["unshield", "unmask"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn it_is_for_the_agent_who_talks_and_for_nobody_without_a_conversation() {
    let (mut world, caller, _) = conversation();
    let contact = contact(&world);
    world.order_as("1002", Order::SecureInput(contact, SecureInputOrder::Start));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NotTheirContact));
    start(&mut world).unwrap();
    start(&mut world).unwrap();
    let starts = world
        .events()
        .filter(|event| matches!(event, Event::Contact(ContactEvent::SecureInputStarted { .. })))
        .count();
    assert_eq!(starts, 1, "the second changes nothing");
    world.hang_up(caller);
    world.assert_over();
    world.order(Order::SecureInput(contact, SecureInputOrder::Start));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::UnknownContact));
    let mut world = World::new();
    world.caller_who_presses('1');
    let contact = *world.center.contacts.keys().next().unwrap();
    world.order(Order::SecureInput(contact, SecureInputOrder::Start));
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NotTalking));
}

#[test]
fn a_pause_and_an_input_leave_out_together_what_either_wants_left_out() {
    let (mut world, caller, _) = conversation();
    let contact = contact(&world);
    world.order(Order::Recording(contact, RecordingOrder::Pause { reason: "card".to_owned() }));
    start(&mut world).unwrap();
    world.order(Order::Recording(contact, RecordingOrder::Resume));
    assert_eq!(guards(&world), ["mask", "shield"]);
    world.press(caller, '#');
    world.run(seconds(2));
    assert_eq!(guards(&world), ["mask", "shield", "unshield", "unmask"]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_secret_node_is_masked_by_itself_and_keeps_its_keys_in_memory() {
    let mut world = World::new();
    let caller = world.call("8002");
    world.run(seconds(1));
    assert_eq!(guards(&world), ["shield", "mask"]);
    press_all(&mut world, caller, "485");
    world.run(seconds(6));
    assert_eq!(guards(&world).len(), 2, "too few: asked again, still masked");
    press_all(&mut world, caller, "4856");
    assert_eq!(ended(&world), [(4, SecureEnd::Complete)]);
    // A key too many falls to no menu.
    press_all(&mut world, caller, "71");
    assert_told_nowhere(&world);
    world.run(seconds(2));
    assert_eq!(guards(&world), ["shield", "mask", "unshield", "unmask"]);
    world.press(caller, '1');
    let pressed = world
        .events()
        .filter(|event| matches!(event, Event::Contact(ContactEvent::DigitPressed { .. })))
        .count();
    assert_eq!(pressed, 1, "the menu listens again");
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_secret_node_that_is_left_without_an_answer_or_by_the_caller_ends_once() {
    let mut world = World::new();
    let silent = world.call("8002");
    world.run(seconds(40));
    assert_eq!(ended(&world), [(0, SecureEnd::Incomplete)]);
    assert_eq!(guards(&world), ["shield", "mask", "unshield", "unmask"]);
    world.hang_up(silent);
    let leaving = world.call("8002");
    world.run(seconds(1));
    world.press(leaving, '4');
    world.hang_up(leaving);
    world.assert_over();
    assert_eq!(ended(&world), [(0, SecureEnd::Incomplete), (1, SecureEnd::CallEnded)]);
    let ends = [(EndedBy::Caller, Cause::HungUp); 2];
    assert_eq!(world.ends().iter().map(|(by, cause, _)| (*by, *cause)).collect::<Vec<_>>(), ends);
}

/// A key that media reported before they obeyed, and one after: both are the input's.
#[test]
fn a_key_that_crosses_the_order_counts_as_pressed_in_secret() {
    let (mut world, caller, _) = conversation();
    let digit = Digit::from_char('4').unwrap();
    let crossing = Input::Media(MediaReport::Leg(caller, AudioReport::Digit(digit)));
    start(&mut world).unwrap();
    world.send(crossing.clone());
    let contact = contact(&world);
    world.order(Order::SecureInput(contact, SecureInputOrder::End));
    world.send(crossing);
    world.run(seconds(2));
    assert_eq!(ended(&world), [(1, SecureEnd::Stopped)]);
    assert_eq!(read(&mut world), Ok("4".to_owned()));
}
