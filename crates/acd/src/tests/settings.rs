//! Settings that are replaced while calls go on.

use model::{Activity, AgentOrder, LeaveReason, OfferOutcome, Shift};

use super::*;

const INQUIRY: &[&str] = &["inquiry"];
const COMPLAINT: &[&str] = &["complaint"];

/// The usual settings without one of their queues.
fn without(name: &str, agents: &[(&str, &[&str])]) -> Config {
    let mut config = config(agents);
    config.queues.retain(|queue| queue.name.as_str() != name);
    config
}

#[test]
fn an_agent_who_is_new_is_offered_calls_once_the_seat_is_there() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    let contact = world.enter("inquiry", 0);
    world.step(Input::SeatOnline(agent("1009")));
    assert!(world.outputs.is_empty(), "nobody knows 1009 yet");
    world.step(Input::Settings(config(&[("1001", INQUIRY), ("1009", INQUIRY)])));
    assert!(world.offers().is_empty(), "the seat of a new agent is offline");
    world.step(Input::SeatOnline(agent("1009")));
    assert_eq!(world.only_offer().1, contact);
}

#[test]
fn who_waits_is_offered_to_an_idle_agent_as_soon_as_the_agent_serves_the_queue() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let contact = world.enter("complaint", 0);
    assert!(world.offers().is_empty());
    world.step(Input::Settings(config(&[("1001", COMPLAINT)])));
    assert_eq!(world.only_offer().1, contact);
}

#[test]
fn an_agent_who_left_a_queue_finishes_the_call_of_it() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let (offer, ..) = world.only_offer();
    world.step(Input::Settings(config(&[("1001", COMPLAINT)])));
    assert!(world.outputs.is_empty(), "the offer rings on: {:?}", world.outputs);
    world.step(Input::OfferAnswered(offer));
    world.step(Input::SegmentEnded(agent("1001")));
    assert_eq!(world.acd.agent(&agent("1001")).unwrap().activity, Activity::WrapUp);
    world.enter("inquiry", 0);
    world.pass(10);
    assert!(world.offers().is_empty(), "inquiries are nothing of theirs any more");
}

#[test]
fn an_agent_who_was_removed_finishes_the_call_and_is_then_forgotten() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let (offer, ..) = world.only_offer();
    world.step(Input::OfferAnswered(offer));
    world.step(Input::Settings(config(&[("1002", INQUIRY)])));
    let view = world.acd.agent(&agent("1001")).unwrap();
    assert_eq!((view.shift, view.activity), (Shift::SignedOut, Activity::Talking));
    world.step(Input::SegmentEnded(agent("1001")));
    assert_eq!(world.acd.agent(&agent("1001")), None);
    world.command("1001", AgentOrder::Ready);
    assert_eq!(world.answers(), [Err(Refused::UnknownAgent)]);
    assert_eq!(world.outputs.len(), 1);
}

#[test]
fn an_offer_to_an_agent_who_is_removed_goes_to_another() {
    let mut world = World::new(&[("1001", INQUIRY), ("1002", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    let contact = world.enter("inquiry", 0);
    let (offer, ..) = world.only_offer();
    world.step(Input::SeatOnline(agent("1002")));
    world.step(Input::Settings(config(&[("1002", INQUIRY)])));
    assert!(world.outputs.iter().any(|output| matches!(
        output,
        Output::OfferEnded { offer: ended, outcome: OfferOutcome::AgentGone, .. } if *ended == offer
    )));
    let (_, offered, who) = world.only_offer();
    assert_eq!((offered, who), (contact, agent("1002")));
    assert!(world.acd.agent(&agent("1001")).is_some(), "the device has not yet said that it is free");
    world.step(Input::OfferReleased(offer));
    assert_eq!(world.acd.agent(&agent("1001")), None);
}

#[test]
fn a_queue_that_was_removed_empties_with_the_agents_that_it_had() {
    let mut world = World::new(&[("1001", COMPLAINT)]);
    let waiting = world.enter("complaint", 0);
    world.step(Input::Settings(without("complaint", &[("1001", INQUIRY)])));
    // A flow that began before sends one more there.
    let later = world.enter("complaint", 0);
    assert_eq!(world.acd.position(later), Some(2));
    world.step(Input::SeatOnline(agent("1001")));
    let (offer, offered, _) = world.only_offer();
    assert_eq!(offered, waiting);
    world.step(Input::OfferAnswered(offer));
    world.step(Input::Leave { contact: later, reason: LeaveReason::Abandoned });
    assert_eq!(world.acd.waiting(&queue("complaint")), 0);
}

#[test]
fn the_deadline_of_an_offer_counts_from_the_next_one() {
    let mut world = World::new(&[("1001", INQUIRY)]);
    world.step(Input::SeatOnline(agent("1001")));
    world.enter("inquiry", 0);
    let mut shorter = config(&[("1001", INQUIRY)]);
    shorter.queues[0].offer_deadline = Duration::from_secs(5);
    let (first, ..) = world.only_offer();
    world.step(Input::Settings(shorter));
    world.pass(14);
    assert!(world.acd.is_live(first));
    world.pass(1);
    world.step(Input::OfferReleased(first));
    world.pass(5);
    let (second, ..) = world.only_offer();
    world.pass(5);
    assert!(!world.acd.is_live(second));
}
