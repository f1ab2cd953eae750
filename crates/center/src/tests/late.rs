//! A distributor on another node: its outputs come late and in batches, with hang-ups, answers and deadlines in
//! between.

use std::collections::BTreeSet;

use model::{
    Activity, Actor, Cause, Class, Done, EndedBy, Event, LegId, LegOrder, MediaOp, Order, Origin, PartyOrder,
    QueueEvent, Refused, Supervision, SupervisionOrder, Watched,
};
use proptest::prelude::*;

use super::generated::{Step, step, take};
use super::stories::conversation;
use super::world::{AGENTS, Seat, World, agent, seconds};
use crate::Input;
use crate::contact::{Contact, Place};
use crate::leg::Why;

/// More than the distributor can have on its way.
const ALL: usize = 10_000;

impl World {
    /// From now on the distributor's outputs come when they are delivered.
    fn with_late_distributor(mut self) -> World {
        self.late = true;
        self.center.cx.distributor.lets_through = Some(0);
        self
    }

    fn activity(&self, id: &str) -> Activity {
        self.center.cx.distributor.machine().agent(&agent(id)).unwrap().activity
    }

    /// With nothing on its way, center and distributor are of one opinion.
    fn assert_agrees_with_the_distributor(&self) {
        let (cx, acd) = (&self.center.cx, self.center.cx.distributor.machine());
        assert!(cx.asked.is_empty() && cx.answers.is_empty(), "unanswered: {:?}", cx.asked);
        for contact in self.center.contacts.values() {
            assert_eq!(contact.waits(), acd.waits(contact.id), "{contact:?}");
        }
        for (id, _) in AGENTS {
            let Some(view) = acd.agent(&agent(id)) else { continue };
            let legs: Vec<_> = cx.legs.of_agent_with_leaving(&agent(id)).collect();
            let is_in_a_call = |why: &&&Why| match why {
                Why::Segment(_)
                | Why::Guest(_)
                | Why::Taker(_)
                | Why::Giver(_)
                | Why::Inside(_)
                | Why::Originator(_) => true,
                Why::Contact(_)
                | Why::Offer { .. }
                | Why::Answered { .. }
                | Why::SecondLine(_)
                | Why::FeatureCode => false,
            };
            let talks = legs.iter().any(|why| is_in_a_call(&why));
            let is_held = |contact: &Contact| match &contact.place {
                Place::Calling(calling) => calling.held_agent() == Some(&agent(id)),
                _ => false,
            };
            let is_held = self.center.contacts.values().any(|contact| is_held(contact));
            assert_eq!(view.activity == Activity::Talking, talks || is_held, "{id}: {legs:?}");
        }
    }

    /// The distributor is late no more, and all is ended.
    fn end_late(&mut self) {
        self.hear(ALL);
        self.assert_agrees_with_the_distributor();
        self.center.cx.distributor.lets_through = None;
        self.send(Input::EndAll);
        self.assert_over();
        self.assert_agrees_with_the_distributor();
        for (id, _) in AGENTS {
            let free = self
                .center
                .cx
                .distributor
                .machine()
                .agent(&agent(id))
                .is_none_or(|view| matches!(view.activity, Activity::Idle | Activity::WrapUp));
            assert!(free, "{id} is not free");
        }
        let replied: BTreeSet<_> = self.replies.iter().map(|reply| reply.id).collect();
        assert_eq!(self.replies.len(), self.commanded.len(), "each command is replied to once");
        assert_eq!(replied, self.commanded.iter().copied().collect());
    }
}

/// A caller for whom the seat of 1001 rings, and nothing else is on its way.
fn ringing() -> (World, LegId, LegId) {
    let mut world = World::with(&["1001"]).with_late_distributor();
    world.script("1001", Seat::RingsOn);
    let caller = world.caller_who_presses('1');
    assert!(world.dialled.is_empty(), "the offer is on its way");
    world.hear(ALL);
    world.run(seconds(1));
    let seat = world.last_dialled();
    (world, caller, seat)
}

#[test]
fn an_answer_that_crosses_the_deadline_is_hung_up_and_the_caller_waits_on() {
    let (mut world, caller, seat) = ringing();
    world.run(seconds(15));
    world.answer(seat);
    assert!(world.talks().is_empty());
    world.hear(ALL);
    assert!(world.orders.contains(&(seat, LegOrder::HangUp(Cause::Cancelled))));
    assert!(world.talks().is_empty() && world.ends().is_empty());
    assert!(world.center.contacts.values().all(|contact| contact.waits()));
    world.hang_up(caller);
    world.end_late();
}

#[test]
fn customer_and_agent_talk_when_the_distributor_says_that_the_answer_was_in_time() {
    let (mut world, caller, seat) = ringing();
    world.answer(seat);
    world.run(seconds(1));
    let bridge = MediaOp::Bridge { a: caller, b: seat };
    assert!(!world.media.contains(&bridge));
    world.hear(ALL);
    assert!(world.media.contains(&bridge));
    world.hang_up(seat);
    world.end_late();
}

#[test]
fn a_seat_that_is_gone_before_it_could_talk_costs_the_caller_no_place() {
    let (mut world, caller, seat) = ringing();
    world.answer(seat);
    world.run(seconds(1));
    world.hang_up(seat);
    world.hear(ALL);
    assert!(world.talks().is_empty() && world.ends().is_empty());
    let bonuses = world.events().filter_map(|event| match event {
        Event::Queue(QueueEvent::Entered { bonus_s, .. }) => Some(*bonus_s),
        _ => None,
    });
    let bonuses: Vec<_> = bonuses.collect();
    assert_eq!(bonuses.len(), 2);
    assert!(bonuses[1] >= bonuses[0] + 2, "what it waited counts: {bonuses:?}");
    // The same agent is rung again, and answers.
    world.hear(ALL);
    world.run(seconds(1));
    let again = world.last_dialled();
    assert_ne!(again, seat);
    world.answer(again);
    world.hear(ALL);
    assert_eq!(world.talks().len(), 1);
    world.hang_up(caller);
    world.end_late();
}

#[test]
fn a_caller_who_is_gone_before_the_agent_could_talk_leaves_the_agent_free() {
    let (mut world, caller, seat) = ringing();
    world.answer(seat);
    world.hang_up(caller);
    assert_eq!(world.activity("1001"), Activity::Talking);
    world.hear(ALL);
    assert!(world.orders.contains(&(seat, LegOrder::HangUp(Cause::HungUp))));
    assert_eq!(world.activity("1001"), Activity::Idle, "nothing to write up");
    assert!(world.talks().is_empty());
    world.end_late();
}

#[test]
fn an_offer_for_a_caller_who_is_gone_rings_nobody() {
    let mut world = World::with(&["1001"]).with_late_distributor();
    let caller = world.caller_who_presses('1');
    world.hang_up(caller);
    world.hear(ALL);
    assert!(world.dialled.is_empty());
    assert_eq!(world.activity("1001"), Activity::Idle, "free at once, not after the guard's time");
    assert_eq!(world.ends(), [(EndedBy::Caller, Cause::HungUp, Class::Abandoned)]);
    world.end_late();
}

#[test]
fn a_seat_that_is_given_to_a_conversation_that_is_over_is_free_again() {
    let (mut world, caller, _) = conversation();
    world.seat("1003", true);
    world = world.with_late_distributor();
    let contact = *world.center.contacts.keys().next().unwrap();
    world.order(Order::Parties(contact, PartyOrder::Add { seat: agent("1003") }));
    assert!(world.replies.is_empty());
    world.hang_up(caller);
    assert_eq!(world.activity("1003"), Activity::Talking);
    world.hear(ALL);
    assert_eq!(world.replies.last().unwrap().result, Err(Refused::UnknownContact));
    assert_eq!(world.activity("1003"), Activity::Idle);
    world.end_late();
}

#[test]
fn of_two_orders_for_one_seat_that_cross_one_is_refused() {
    let (mut world, caller, _) = conversation();
    world.seat("1003", true);
    world = world.with_late_distributor();
    for how in [Supervision::Listen, Supervision::Barge] {
        let (watched, seat) = (Watched::Agent(agent("1001")), agent("1003"));
        world.order(Order::Supervision(SupervisionOrder::Start { watched, seat, how }));
    }
    world.hear(ALL);
    let results: Vec<_> = world.replies.iter().map(|reply| reply.result.clone()).collect();
    assert_eq!(results, [Ok(Done::Obeyed), Err(Refused::SeatBusy)]);
    world.hang_up(caller);
    world.end_late();
}

#[test]
fn a_feature_code_tells_how_it_went_once_that_is_known() {
    let mut world = World::with(&["1001"]).with_late_distributor();
    let clip = |world: &World| {
        world
            .media
            .iter()
            .any(|op| matches!(op, MediaOp::Play { clips, .. } if clips[0].ends_with("agent-break")))
    };
    world.invite(Origin::Agent(agent("1001")), "*71");
    world.run(seconds(2));
    assert!(!clip(&world) && world.center.calls() == 1);
    world.hear(ALL);
    assert!(clip(&world));
    let by = Some(Actor::Agent(agent("1001")));
    assert!(world.entries.iter().any(|entry| entry.by == by && matches!(entry.event, Event::Agent(_))));
    world.run(seconds(10));
    assert_eq!(world.center.calls(), 0);
    world.end_late();
}

/// After a step, how many of the distributor's outputs arrive.
fn delivered() -> impl Strategy<Value = usize> {
    prop_oneof![4 => Just(0_usize), 3 => 1_usize..4, 2 => Just(ALL)]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_is_lost_however_late_the_distributor_is(
        steps in prop::collection::vec((step(), delivered()), 1..200),
    ) {
        let mut world = World::with(&["1001", "1002"]).with_late_distributor();
        for (step, outputs) in &steps {
            take(&mut world, step);
            world.hear(*outputs);
            if *outputs == ALL && !matches!(step, Step::Settings(_)) {
                world.assert_agrees_with_the_distributor();
            }
        }
        world.end_late();
    }
}
