//! Caller and agent together: holding, silence, recording, the end.

use model::{
    Activity, AudioReport, Cause, Class, ContactEvent, Direction, Done, EndedBy, Entry, Event, LegOrder,
    MediaOp, MediaReport, Order, RecordingEvent, RecordingOrder, RecordingReport, RecordingState, Refused,
    Side,
};

use super::stories::{CALLER_DONE, conversation};
use super::world::{QUALITY, World, agent, seconds};
use crate::Input;

#[test]
fn the_caller_leaves_the_conversation() {
    let (mut world, caller, seat) = conversation();
    world.hang_up(caller);
    assert!(world.orders.contains(&(seat, LegOrder::HangUp(Cause::HungUp))));
    let view = world.center.cx.distributor.machine().agent(&agent("1001")).unwrap();
    assert_eq!(view.activity, Activity::WrapUp);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn the_agent_hangs_up() {
    let (mut world, caller, seat) = conversation();
    world.hang_up(seat);
    assert!(world.orders.contains(&(caller, LegOrder::HangUp(Cause::HungUp))));
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Agent, Cause::HungUp, Class::Answered)]);
}

/// Holding is sending without receiving, or neither: from us it is receive-only or inactive.
#[test]
fn each_side_can_hold_and_come_back() {
    for direction in [Direction::ReceiveOnly, Direction::Inactive] {
        for by in [Side::Company, Side::Customer] {
            let (mut world, caller, seat) = conversation();
            let (holder, listener) = if by == Side::Company { (seat, caller) } else { (caller, seat) };
            world.media.clear();
            world.change(holder, direction);
            world.change(holder, direction);
            assert!(world.media.iter().any(|op| matches!(op, MediaOp::Play { leg, .. } if *leg == listener)));
            assert!(world.media.iter().any(|op| matches!(op, MediaOp::Unbridge { .. })));
            world.media.clear();
            world.run(seconds(20));
            world.change(holder, Direction::Both);
            assert!(world.media.iter().any(|op| matches!(op, MediaOp::Bridge { .. })));
            assert_eq!(world.holds(), [("start", by), ("end", by)], "{direction:?}");
            world.hang_up(caller);
            world.assert_over();
        }
    }
}

#[test]
fn when_both_hold_they_hear_each_other_after_both_came_back() {
    let (mut world, caller, seat) = conversation();
    world.change(seat, Direction::Inactive);
    world.change(caller, Direction::Inactive);
    world.media.clear();
    world.change(seat, Direction::Both);
    assert!(!world.media.iter().any(|op| matches!(op, MediaOp::Bridge { .. })));
    world.change(caller, Direction::Both);
    assert!(world.media.iter().any(|op| matches!(op, MediaOp::Bridge { .. })));
    assert_eq!(world.holds().len(), 4);
    world.hang_up(seat);
    world.assert_over();
}

#[test]
fn a_hold_that_the_caller_leaves_from_ends_with_the_call() {
    let (mut world, caller, seat) = conversation();
    world.change(seat, Direction::Inactive);
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_recording_that_fails_in_mid_call_does_not_end_the_call() {
    let (mut world, caller, _) = conversation();
    let recording = world.recording.pop_first().unwrap();
    let failed = RecordingReport::Failed { why: "disk full".to_owned(), kept: model::Kept::default() };
    world.send(Input::Media(MediaReport::Recording(recording, failed)));
    assert_eq!(world.closed(), [RecordingState::Damaged]);
    world.run(seconds(10));
    assert_eq!(world.center.calls(), 1);
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.closed(), [RecordingState::Damaged]);
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn a_pause_is_asked_for_by_the_agent_who_talks_and_ends_with_the_conversation() {
    let (mut world, _, seat) = conversation();
    let contact = *world.center.contacts.keys().next().unwrap();
    let pause = || Order::Recording(contact, RecordingOrder::Pause { reason: "card".to_owned() });
    world.order_as("1002", pause());
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::NotTheirContact));
    world.order_as("1001", pause());
    world.order_as("1001", pause());
    assert_eq!(world.replies.last().unwrap().result, Ok(Done::Obeyed));
    let pauses = world.media.iter().filter(|op| matches!(op, MediaOp::PauseRecording { .. })).count();
    assert_eq!(pauses, 1, "the second changes nothing");
    world.hang_up(seat);
    world.assert_over();
    let is_resumed = |entry: &&Entry| {
        entry.by.is_none() && matches!(entry.event, Event::Recording(RecordingEvent::Resumed { .. }))
    };
    assert_eq!(world.entries.iter().filter(is_resumed).count(), 1);
    world.order_as("1001", pause());
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::UnknownContact));
}

#[test]
fn a_caller_who_holds_while_waiting_still_holds_when_the_agent_answers() {
    let mut world = World::with(&["1001"]);
    let caller = world.caller_who_presses('1');
    world.change(caller, Direction::ReceiveOnly);
    world.run(seconds(5));
    assert_eq!(world.holds(), [("start", Side::Customer)]);
    world.change(caller, Direction::Both);
    assert_eq!(world.holds().len(), 2);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn no_announcement_disturbs_a_conversation() {
    let (mut world, caller, _) = conversation();
    assert!(world.center.cx.timers.is_empty(), "the flow has nothing to say any more");
    world.media.clear();
    world.run(seconds(120));
    assert_eq!(world.media, []);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn one_way_audio_is_told_of_the_party_that_is_not_heard_and_of_nobody_on_hold() {
    let mut world = World::with(&["1001"]);
    let caller = world.caller_who_presses('1');
    let unheard = |world: &World| -> Vec<Option<String>> {
        let of = |event: &Event| match event {
            Event::Contact(ContactEvent::OneWayAudio { agent, .. }) => {
                Some(agent.as_ref().map(ToString::to_string))
            }
            _ => None,
        };
        world.events().filter_map(of).collect()
    };
    world.send(Input::Media(MediaReport::Leg(caller, AudioReport::OneWay)));
    assert_eq!(unheard(&world), [], "nobody talks yet");
    world.run(seconds(10));
    let seat = world.last_dialled();
    world.send(Input::Media(MediaReport::Leg(seat, AudioReport::OneWay)));
    world.send(Input::Media(MediaReport::Leg(caller, AudioReport::OneWay)));
    assert_eq!(unheard(&world), [Some("1001".to_owned()), None]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn what_each_party_sounded_like_is_told_when_its_leg_is_over() {
    let mut world = World::with(&["1001"]);
    let caller = world.caller_who_presses('1');
    world.run(seconds(10));
    world.hang_up(caller);
    world.assert_over();
    let measured = |event: &Event| match event {
        Event::Contact(ContactEvent::QualityMeasured { agent, quality, .. }) => {
            Some((agent.as_ref().map(ToString::to_string), *quality))
        }
        _ => None,
    };
    let measured: Vec<_> = world.events().filter_map(measured).collect();
    assert_eq!(measured, [(Some("1001".to_owned()), QUALITY), (None, QUALITY)]);
}
