//! One call, one story.

use std::time::Duration;

use model::{
    Activity, AgentOrder, Cause, Class, Direction, EndedBy, Event, LeaveReason, LegOrder, MediaOp,
    MediaReport, NotReadyReason, OfferOutcome, Origin, RecordingState, Refusal, Refused, Shift,
};

use super::world::{Leg, Seat, World, agent, seconds};
use crate::Input;

impl World {
    /// Who ended each contact, why, and what it counts as.
    pub(super) fn ends(&self) -> Vec<(EndedBy, Cause, Class)> {
        let end = |event: &Event| match event {
            Event::ContactEnded { end, .. } => Some((end.by, end.cause, end.class)),
            _ => None,
        };
        self.events().filter_map(end).collect()
    }

    pub(super) fn outcomes(&self) -> Vec<(String, OfferOutcome)> {
        let outcome = |event: &Event| match event {
            Event::OfferEnded { agent, outcome, .. } => Some((agent.to_string(), *outcome)),
            _ => None,
        };
        self.events().filter_map(outcome).collect()
    }

    /// Who talked, and from which queue the caller came.
    pub(super) fn talks(&self) -> Vec<(String, String)> {
        let talk = |event: &Event| match event {
            Event::SegmentStarted { agent, queue, .. } => Some((agent.to_string(), queue.to_string())),
            _ => None,
        };
        self.events().filter_map(talk).collect()
    }

    pub(super) fn left(&self) -> Vec<LeaveReason> {
        let left = |event: &Event| match event {
            Event::QueueLeft { reason, .. } => Some(*reason),
            _ => None,
        };
        self.events().filter_map(left).collect()
    }

    fn closed(&self) -> Vec<RecordingState> {
        let closed = |event: &Event| match event {
            Event::RecordingClosed { state, .. } => Some(*state),
            _ => None,
        };
        self.events().filter_map(closed).collect()
    }

    fn holds(&self) -> Vec<(&'static str, EndedBy)> {
        let hold = |event: &Event| match event {
            Event::HoldStarted { by, .. } => Some(("start", *by)),
            Event::HoldEnded { by, .. } => Some(("end", *by)),
            _ => None,
        };
        self.events().filter_map(hold).collect()
    }

    fn agent_code(&mut self, code: &str) -> model::LegId {
        self.invite(Origin::Agent(agent("1001")), code)
    }
}

/// A caller who talks with agent 1001.
pub(super) fn conversation() -> (World, model::LegId, model::LegId) {
    let mut world = World::with(&["1001"]);
    let caller = world.caller_who_presses('1');
    world.run(seconds(5));
    assert_eq!(world.talks(), [("1001".to_owned(), "inquiry".to_owned())]);
    let seat = world.last_dialled();
    (world, caller, seat)
}

const CALLER_LEFT: (EndedBy, Cause, Class) = (EndedBy::Caller, Cause::HungUp, Class::Abandoned);
const CALLER_DONE: (EndedBy, Cause, Class) = (EndedBy::Caller, Cause::HungUp, Class::Answered);

#[test]
fn inquiry_and_complaint_each_reach_the_agent_who_serves_them() {
    let mut world = World::with(&["1001", "1002"]);
    let complains = world.caller_who_presses('2');
    let asks = world.caller_who_presses('1');
    world.run(seconds(10));
    let pair = |agent: &str, queue: &str| (agent.to_owned(), queue.to_owned());
    assert_eq!(world.talks(), [pair("1002", "complaint"), pair("1001", "inquiry")]);
    world.hang_up(complains);
    world.hang_up(asks);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_DONE; 2]);
    assert_eq!(world.closed(), [RecordingState::Sealed; 2]);
}

#[test]
fn who_wants_the_operator_overtakes_who_came_a_minute_before() {
    let mut world = World::new();
    let first = world.caller_who_presses('1');
    world.run(seconds(60));
    let second = world.caller_who_presses('0');
    world.seat("1001", true);
    world.run(seconds(5));
    assert!(world.media.iter().any(|op| matches!(op, MediaOp::Bridge { a, .. } if *a == second)));
    assert!(!world.media.iter().any(|op| matches!(op, MediaOp::Bridge { a, .. } if *a == first)));
    world.hang_up(first);
    world.hang_up(second);
    world.assert_over();
}

#[test]
fn who_waits_without_any_agent_is_served_when_one_registers() {
    let mut world = World::new();
    let caller = world.caller_who_presses('1');
    world.run(seconds(100));
    assert!(world.dialled.is_empty());
    world.seat("1001", true);
    world.run(seconds(3));
    assert_eq!(world.talks().len(), 1);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn who_is_silent_in_the_menu_reaches_the_inquiry() {
    let mut world = World::with(&["1001"]);
    let caller = world.call("8001");
    world.run(seconds(120));
    assert_eq!(world.talks(), [("1001".to_owned(), "inquiry".to_owned())]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_declined_caller_keeps_the_place_and_rings_elsewhere() {
    let mut world = World::with(&["1001", "1003"]);
    world.script("1001", Seat::Declines);
    let caller = world.caller_who_presses('1');
    world.run(seconds(10));
    assert_eq!(
        world.outcomes(),
        [
            ("1001".to_owned(), OfferOutcome::Refused(Refusal::Declined)),
            ("1003".to_owned(), OfferOutcome::Accepted)
        ]
    );
    assert_eq!(world.left(), [LeaveReason::Answered]);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn an_agent_who_does_not_answer_three_times_is_not_ready() {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::RingsOn);
    let caller = world.caller_who_presses('1');
    world.run(seconds(120));
    assert_eq!(world.outcomes(), vec![("1001".to_owned(), OfferOutcome::TimedOut); 3]);
    let view = world.center.acd.agent(&agent("1001")).unwrap();
    assert_eq!(view.shift, Shift::NotReady(NotReadyReason::NoAnswer));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_LEFT]);
}

#[test]
fn an_unreachable_seat_leaves_the_caller_waiting() {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::Unreachable);
    let caller = world.caller_who_presses('1');
    world.run(seconds(60));
    let refused = OfferOutcome::Refused(Refusal::Unreachable);
    assert_eq!(world.outcomes(), vec![("1001".to_owned(), refused); 3]);
    assert!(world.left().is_empty());
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn the_caller_leaves_before_the_answer() {
    let mut world = World::new();
    world.ports_open_after = Some(seconds(1));
    let caller = world.call("8000");
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Caller, Cause::Cancelled, Class::Abandoned)]);
    assert!(world.closed().is_empty());
}

#[test]
fn the_caller_leaves_in_the_menu() {
    let mut world = World::new();
    let caller = world.call("8000");
    world.run(seconds(2));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [CALLER_LEFT]);
    assert!(world.left().is_empty());
}

#[test]
fn the_caller_leaves_in_the_queue() {
    let mut world = World::new();
    let caller = world.caller_who_presses('2');
    world.run(seconds(40));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!((world.ends(), world.left()), (vec![CALLER_LEFT], vec![LeaveReason::Abandoned]));
}

#[test]
fn the_caller_leaves_while_a_seat_rings() {
    let mut world = World::with(&["1001"]);
    world.script("1001", Seat::RingsOn);
    let caller = world.caller_who_presses('1');
    let seat = world.last_dialled();
    world.hang_up(caller);
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::CallerGone)]);
    assert!(world.orders.contains(&(seat, LegOrder::HangUp(Cause::Cancelled))));
    world.assert_over();
    let view = world.center.acd.agent(&agent("1001")).unwrap();
    assert_eq!((view.shift, view.activity), (Shift::Ready, Activity::Idle));
}

#[test]
fn the_caller_leaves_the_conversation() {
    let (mut world, caller, seat) = conversation();
    world.hang_up(caller);
    assert!(world.orders.contains(&(seat, LegOrder::HangUp(Cause::HungUp))));
    let view = world.center.acd.agent(&agent("1001")).unwrap();
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
        for by in [EndedBy::Agent, EndedBy::Caller] {
            let (mut world, caller, seat) = conversation();
            let (holder, listener) = if by == EndedBy::Agent { (seat, caller) } else { (caller, seat) };
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
fn a_customer_for_whom_no_port_opens_is_refused() {
    let mut world = World::new();
    world.ports_open_after = None;
    let caller = world.call("8000");
    world.assert_over();
    assert_eq!(world.orders, [(caller, LegOrder::Refuse(Cause::Overloaded))]);
    assert_eq!(world.ends(), [(EndedBy::Center, Cause::Overloaded, Class::Refused)]);
}

#[test]
fn a_seat_for_which_no_port_opens_is_tried_again() {
    let mut world = World::with(&["1001"]);
    let caller = world.call("8000");
    world.run(seconds(4));
    world.ports_open_after = None;
    world.press(caller, '1');
    world.run(seconds(1));
    assert!(world.dialled.is_empty());
    assert_eq!(world.outcomes(), [("1001".to_owned(), OfferOutcome::Refused(Refusal::Failed))]);
    world.ports_open_after = Some(Duration::ZERO);
    world.run(seconds(10));
    assert_eq!(world.talks().len(), 1);
    world.hang_up(caller);
    world.assert_over();
}

#[test]
fn a_recording_that_fails_in_mid_call_does_not_end_the_call() {
    let (mut world, caller, _) = conversation();
    let recording = world.recording.pop_first().unwrap();
    world.send(Input::Media(MediaReport::RecordingFailed { recording, why: "disk full".to_owned() }));
    assert_eq!(world.closed(), [RecordingState::Damaged]);
    world.run(seconds(10));
    assert_eq!(world.center.calls(), 1);
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.closed(), [RecordingState::Damaged]);
    assert_eq!(world.ends(), [CALLER_DONE]);
}

#[test]
fn silence_ends_a_conversation_and_not_the_waiting() {
    let mut world = World::new();
    let leg = world.caller_who_presses('1');
    let direction = Direction::Both;
    world.send(Input::Media(MediaReport::Silent { leg, direction }));
    world.run(seconds(1));
    world.seat("1001", true);
    world.run(seconds(5));
    assert_eq!(world.talks().len(), 1);
    let silent = MediaReport::Silent { leg: world.last_dialled(), direction };
    world.send(Input::Media(silent));
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Network, Cause::MediaTimeout, Class::Failed)]);
}

#[test]
fn a_side_that_holds_may_be_silent_and_the_held_one_may_not_vanish() {
    for by_agent in [true, false] {
        let (mut world, caller, seat) = conversation();
        let (holder, listener) = if by_agent { (seat, caller) } else { (caller, seat) };
        let direction = Direction::ReceiveOnly;
        world.change(holder, direction);
        world.send(Input::Media(MediaReport::Silent { leg: holder, direction }));
        assert_eq!(world.center.calls(), 1);
        world.send(Input::Media(MediaReport::Silent { leg: listener, direction: Direction::Both }));
        world.assert_over();
        assert_eq!(world.ends(), [(EndedBy::Network, Cause::MediaTimeout, Class::Failed)]);
    }
}

#[test]
fn a_drain_without_calls_is_done_at_once_and_said_once() {
    let mut world = World::new();
    world.send(Input::Drain);
    assert_eq!(world.drained, 1);
    world.send(Input::Drain);
    let late = world.call("8000");
    world.assert_over();
    assert_eq!(world.drained, 1);
    assert_eq!(world.orders, [(late, LegOrder::Refuse(Cause::ShuttingDown))]);
}

#[test]
fn a_drain_waits_for_the_last_call_and_its_recording() {
    let (mut world, caller, _) = conversation();
    world.send(Input::Drain);
    world.run(seconds(60));
    assert_eq!((world.drained, world.center.calls()), (0, 1));
    world.hang_up(caller);
    assert_eq!(world.drained, 0, "the recording is not sealed yet");
    world.run(seconds(1));
    assert_eq!(world.drained, 1);
    world.assert_over();
}

#[test]
fn the_end_of_the_drain_ends_every_call() {
    let (mut world, _, _) = conversation();
    world.call("8000");
    world.caller_who_presses('2');
    world.send(Input::Drain);
    world.send(Input::EndAll);
    world.assert_over();
    assert_eq!(world.drained, 1);
    let cut = |class| (EndedBy::Operator, Cause::ShuttingDown, class);
    assert!(world.ends().iter().all(|end| *end == cut(Class::Refused)), "{:?}", world.ends());
    assert_eq!(world.ends().len(), 3);
}

#[test]
fn an_agent_goes_on_a_break_and_comes_back_by_codes() {
    let mut world = World::with(&["1001"]);
    for (code, shift, clip) in [
        ("*71", Shift::NotReady(NotReadyReason::Break), "zh-CN/agent-break"),
        ("*70", Shift::Ready, "zh-CN/agent-ready"),
    ] {
        world.media.clear();
        let leg = world.agent_code(code);
        assert_eq!(world.center.acd.agent(&agent("1001")).unwrap().shift, shift);
        world.run(seconds(10));
        assert_eq!(world.legs.get(&leg), Some(&Leg::Over));
        let told = |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if &*clips[0] == clip);
        assert!(world.media.iter().any(told), "{:?}", world.media);
    }
    world.assert_over();
}

#[test]
fn an_agent_whose_seat_is_not_registered_hears_that_the_code_was_refused() {
    let mut world = World::new();
    world.agent_code("*70");
    world.run(seconds(10));
    let told =
        |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if &*clips[0] == "zh-CN/agent-refused");
    assert!(world.media.iter().any(told));
    world.assert_over();
}

#[test]
fn a_code_that_nobody_has_and_a_code_without_a_port_are_refused() {
    let mut world = World::with(&["1001"]);
    let unknown = world.agent_code("*99");
    world.ports_open_after = None;
    let portless = world.agent_code("*70");
    world.assert_over();
    let refused = |leg, cause| (leg, LegOrder::Refuse(cause));
    assert_eq!(world.orders, [refused(unknown, Cause::UnknownNumber), refused(portless, Cause::Overloaded)]);
}

#[test]
fn an_unknown_number_and_a_full_center_are_refused_without_a_contact() {
    let mut world = World::new();
    let unknown = world.call("9999");
    let callers: Vec<_> = (0..8).map(|_| world.call("8000")).collect();
    let ninth = world.call("8000");
    assert!(world.orders.contains(&(unknown, LegOrder::Refuse(Cause::UnknownNumber))));
    assert!(world.orders.contains(&(ninth, LegOrder::Refuse(Cause::Overloaded))));
    for caller in callers {
        world.hang_up(caller);
    }
    world.assert_over();
    assert_eq!(world.ends().len(), 8);
}

#[test]
fn commands_are_answered_with_their_id() {
    let mut world = World::with(&["1001"]);
    let done = world.order(AgentOrder::Break { agent: agent("1001") });
    let offline = world.order(AgentOrder::Ready { agent: agent("1002") });
    let unknown = world.order(AgentOrder::Ready { agent: agent("7777") });
    let replies: Vec<_> = world.replies.iter().map(|reply| (reply.id, reply.result)).collect();
    assert_eq!(
        replies,
        [(done, Ok(())), (offline, Err(Refused::SeatOffline)), (unknown, Err(Refused::UnknownAgent))]
    );
    world.assert_over();
}
