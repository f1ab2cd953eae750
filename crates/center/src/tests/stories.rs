//! One call, one story.

use std::time::Duration;

use model::{
    Activity, Cause, Class, ContactEvent, Digit, EndedBy, Event, LeaveReason, LegOrder, LegReport, MediaOp,
    NotReadyReason, OfferOutcome, Origin, QueueEvent, RecordingEvent, RecordingState, Refusal, Shift, Side,
};

use super::world::{Seat, World, agent, seconds};
use crate::Input;

impl World {
    /// Who ended each contact, why, and what it counts as.
    pub(super) fn ends(&self) -> Vec<(EndedBy, Cause, Class)> {
        let end = |event: &Event| match event {
            Event::Contact(ContactEvent::Ended { end, .. }) => Some((end.by, end.cause, end.class)),
            _ => None,
        };
        self.events().filter_map(end).collect()
    }

    pub(super) fn outcomes(&self) -> Vec<(String, OfferOutcome)> {
        let outcome = |event: &Event| match event {
            Event::Queue(QueueEvent::OfferEnded { agent, outcome, .. }) => {
                Some((agent.to_string(), *outcome))
            }
            _ => None,
        };
        self.events().filter_map(outcome).collect()
    }

    /// Who talked, and from which queue the caller came.
    pub(super) fn talks(&self) -> Vec<(String, String)> {
        let talk = |event: &Event| match event {
            Event::Contact(ContactEvent::SegmentStarted { agent, queue, .. }) => {
                Some((agent.to_string(), queue.to_string()))
            }
            _ => None,
        };
        self.events().filter_map(talk).collect()
    }

    pub(super) fn left(&self) -> Vec<LeaveReason> {
        let left = |event: &Event| match event {
            Event::Queue(QueueEvent::Left { reason, .. }) => Some(*reason),
            _ => None,
        };
        self.events().filter_map(left).collect()
    }

    pub(super) fn closed(&self) -> Vec<RecordingState> {
        let closed = |event: &Event| match event {
            Event::Recording(RecordingEvent::Closed { state, .. }) => Some(*state),
            _ => None,
        };
        self.events().filter_map(closed).collect()
    }

    pub(super) fn holds(&self) -> Vec<(&'static str, Side)> {
        let hold = |event: &Event| match event {
            Event::Contact(ContactEvent::HoldStarted { by, .. }) => Some(("start", *by)),
            Event::Contact(ContactEvent::HoldEnded { by, .. }) => Some(("end", *by)),
            _ => None,
        };
        self.events().filter_map(hold).collect()
    }

    pub(super) fn agent_code(&mut self, code: &str) -> model::LegId {
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

pub(super) const CALLER_LEFT: (EndedBy, Cause, Class) = (EndedBy::Caller, Cause::HungUp, Class::Abandoned);
pub(super) const CALLER_DONE: (EndedBy, Cause, Class) = (EndedBy::Caller, Cause::HungUp, Class::Answered);

#[test]
fn inquiry_and_complaint_each_reach_the_agent_who_serves_them() {
    let mut world = World::with(&["1001", "1002"]);
    let complains = world.caller_who_presses('2');
    let asks = world.caller_who_presses('1');
    world.run(seconds(10));
    let pair = |agent: &str, queue: &str| (agent.to_owned(), queue.to_owned());
    assert_eq!(world.talks(), [pair("1002", "complaint"), pair("1001", "inquiry")]);
    let shown: Vec<&str> = world
        .orders
        .iter()
        .filter_map(|(_, order)| match order {
            model::LegOrder::Dial { display, .. } => Some(display.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(shown, ["complaint zh-CN", "inquiry zh-CN"], "what the agents' phones show");
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
    let view = world.center.cx.distributor.machine().agent(&agent("1001")).unwrap();
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
    assert_eq!(world.ends(), [(EndedBy::Caller, Cause::Cancelled, Class::LeftEarly)]);
    assert!(world.closed().is_empty());
}

#[test]
fn the_caller_leaves_in_the_menu() {
    let mut world = World::new();
    let caller = world.call("8000");
    world.run(seconds(2));
    world.hang_up(caller);
    world.assert_over();
    assert_eq!(world.ends(), [(EndedBy::Caller, Cause::HungUp, Class::LeftEarly)]);
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
    let view = world.center.cx.distributor.machine().agent(&agent("1001")).unwrap();
    assert_eq!((view.shift, view.activity), (Shift::Ready, Activity::Idle));
}

#[test]
fn a_customer_for_whom_no_port_opens_is_refused() {
    let mut world = World::new();
    world.ports_open_after = None;
    let caller = world.call("8000");
    world.assert_over();
    assert_eq!(world.orders, [(caller, LegOrder::Refuse(Cause::RtpPortsFull))]);
    assert_eq!(world.ends(), [(EndedBy::Center, Cause::RtpPortsFull, Class::Refused)]);
    let asked = world.media.iter().filter(|op| matches!(op, MediaOp::Open { .. })).count();
    assert_eq!(asked, 2, "each media thread, once");
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
fn a_key_that_comes_both_ways_counts_once() {
    let mut world = World::new();
    let caller = world.call("8000");
    world.run(seconds(4));
    let pressed = |world: &World| {
        world
            .events()
            .filter(|event| matches!(event, Event::Contact(ContactEvent::DigitPressed { .. })))
            .count()
    };
    let nine = Digit::from_char('9').unwrap();
    world.press(caller, '9');
    world.run(Duration::from_millis(80));
    world.send(Input::Leg(caller, LegReport::Digit(nine)));
    assert_eq!(pressed(&world), 1, "sounded, and told by INFO");
    world.run(Duration::from_millis(80));
    world.press(caller, '9');
    assert_eq!(pressed(&world), 2, "pressed twice the same way");
    world.run(seconds(1));
    world.send(Input::Leg(caller, LegReport::Digit(nine)));
    assert_eq!(pressed(&world), 3, "too late to be the same press");
    world.hang_up(caller);
    world.assert_over();
}
