//! The flow dials extensions: named ones and pressed ones, taken, missed, closed.

use model::{Activity, Cause, ContactEvent, DialEnd, Event, LegId, MediaOp, Refusal};

use super::stories::CALLER_DONE;
use super::world::{Leg, Seat, World, agent, seconds};

/// A caller whose flow dials 6001, whose members 1003 and 1002 do this; the world one second later.
fn dialled(first: Seat, second: Seat) -> (World, LegId) {
    let mut world = World::with(&["1002", "1003"]);
    world.script("1003", first);
    world.script("1002", second);
    let caller = world.call("8005");
    world.run(seconds(1));
    (world, caller)
}

fn ends(world: &World) -> Vec<(&str, DialEnd)> {
    fn end(event: &Event) -> Option<(&str, DialEnd)> {
        match event {
            Event::Contact(ContactEvent::ExtensionEnded { extension, how, .. }) => {
                Some((extension.as_str(), *how))
            }
            _ => None,
        }
    }
    world.events().filter_map(end).collect()
}

/// Presses keys, each by itself, after the words that ask for them.
fn press(world: &mut World, caller: LegId, keys: &str) {
    world.run(seconds(4));
    keys.chars().for_each(|key| world.press(caller, key));
    world.run(seconds(0));
}

fn finish(world: &mut World, caller: LegId) {
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

const ANSWERS: Seat = Seat::AnswersAfter(seconds(1));

#[test]
fn a_member_takes_the_caller_whom_the_flow_gives_to_a_department() {
    let (mut world, caller) = dialled(Seat::Declines, ANSWERS);
    let music = |op: &MediaOp| matches!(op, MediaOp::Play { leg, clips, .. } if *leg == caller && &*clips[0] == "music/default");
    assert!(world.media.iter().any(music), "while it rings");
    world.run(seconds(5));
    assert_eq!(world.talks(), [("1002".to_owned(), "inquiry".to_owned())]);
    assert_eq!(ends(&world), [("6001", DialEnd::Answered)]);
    finish(&mut world, caller);
}

#[test]
fn a_caller_whom_nobody_takes_is_in_the_flow_again_and_presses_an_extension() {
    let (mut world, caller) = dialled(Seat::Declines, Seat::RingsOn);
    world.run(seconds(15));
    assert_eq!(ends(&world), [("6001", DialEnd::Unanswered(Refusal::NoAnswer))]);
    world.script("1003", ANSWERS);
    press(&mut world, caller, "6005");
    world.run(seconds(10));
    assert_eq!(world.talks(), [("1003".to_owned(), "complaint".to_owned())]);
    assert_eq!(ends(&world)[1], ("6005", DialEnd::Answered));
    finish(&mut world, caller);
}

#[test]
fn what_is_pressed_must_be_a_public_extension_that_is_open() {
    for (keys, end, clip) in [
        ("6003", DialEnd::Closed, "goodbye"),
        ("6004", DialEnd::PassedOn, "goodbye"),
        ("6006", DialEnd::Unanswered(Refusal::Unreachable), "next-in-line"),
        ("6009", DialEnd::Unanswered(Refusal::Unreachable), "next-in-line"),
    ] {
        let mut world = World::with(&["1001"]);
        world.script("1001", Seat::RingsOn);
        let caller = world.call("8005");
        press(&mut world, caller, keys);
        world.run(seconds(4));
        assert_eq!(ends(&world)[1], (keys, end));
        let says = |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if clips.iter().any(|said| said.ends_with(clip)));
        assert!(world.media.iter().any(says), "{keys}");
        world.run(seconds(5));
        let is_over = clip == "goodbye";
        assert_eq!(world.legs[&caller] == Leg::Over, is_over, "{keys}");
        world.hang_up(caller);
        world.assert_over();
    }
}

#[test]
fn a_caller_who_leaves_while_it_rings_and_an_agent_who_is_lost_leave_nothing_behind() {
    let (mut world, caller) = dialled(Seat::RingsOn, Seat::RingsOn);
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(ends(&world), [("6001", DialEnd::CustomerGone)]);
    assert_eq!(world.center.cx.distributor.machine().agent(&agent("1003")).unwrap().activity, Activity::Idle);

    let (mut world, caller) = dialled(ANSWERS, ANSWERS);
    world.settings(|config| config.lost_agent_ends.clear());
    world.run(seconds(2));
    let seat = world.last_dialled();
    world.seat("1001", true);
    world.legs.insert(seat, Leg::Over);
    world.send(crate::Input::Leg(seat, model::LegReport::Ended { cause: Cause::SignallingTimeout }));
    world.run(seconds(20));
    assert_eq!(world.talks().len(), 2, "the caller waits in the node's queue, and is answered there");
    finish(&mut world, caller);
}

#[test]
fn the_longest_wait_of_the_number_takes_nobody_from_a_phone_that_rings() {
    let mut world = World::with(&["1003"]);
    world.script("1003", Seat::Declines);
    world.settings(|config| _ = config.longest_waits.insert("inquiry".parse().unwrap(), seconds(595)));
    let caller = world.call("8005");
    world.order(model::Order::Agent(agent("1003"), model::AgentOrder::Break));
    press(&mut world, caller, "1111");
    world.run(seconds(10));
    // After 595 s in the queue the flow dials the department again; the number's 600 s are over while that rings.
    world.script("1003", Seat::RingsOn);
    let (before, _) = (world.dialled.len(), world.run(seconds(592)));
    assert_eq!(world.dialled.len(), before + 1);
    world.run(seconds(3));
    world.answer(world.last_dialled());
    assert_eq!(world.talks().len(), 1);
    finish(&mut world, caller);
}
