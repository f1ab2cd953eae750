//! Agents after a restart.

use model::{Activity, AgentId, AgentOrder, NotReadyReason, Shift};

use super::*;
use crate::{Did, Standing};

fn standing(id: &str, not_ready: Option<NotReadyReason>, did: Did) -> Standing {
    Standing { agent: agent(id), not_ready, did }
}

/// Two agents; the first stood so before the restart.
fn after_a_restart(not_ready: Option<NotReadyReason>, did: impl Fn(Time) -> Did) -> World {
    let mut world = World::new(&[("1001", &["inquiry"]), ("1002", &["inquiry"])]);
    let now = world.now;
    world.acd.restore(now, vec![standing("1001", not_ready, did(now)), standing("9999", None, did(now))]);
    world
}

fn view(world: &World, id: &str) -> (Shift, Activity) {
    let view = world.acd.agent(&agent(id)).unwrap();
    (view.shift, view.activity)
}

fn idle(now: Time) -> Did {
    Did::Idle { since: now - Duration::from_secs(60) }
}

#[test]
fn a_break_goes_on_when_the_seat_is_back() {
    let mut world = after_a_restart(Some(NotReadyReason::Break), idle);
    assert_eq!(view(&world, "1001"), (Shift::SignedOut, Activity::Idle), "nobody is signed in by a memory");
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(view(&world, "1001"), (Shift::NotReady(NotReadyReason::Break), Activity::Idle));
    world.command("1001", AgentOrder::Ready);
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::Idle));
}

#[test]
fn a_break_is_remembered_once_and_for_an_hour() {
    let mut world = after_a_restart(Some(NotReadyReason::Break), idle);
    world.step(Input::SeatOnline(agent("1001")));
    world.step(Input::SeatOffline(agent("1001")));
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(view(&world, "1001").0, Shift::Ready, "the seat went: a new shift");

    let mut late = after_a_restart(Some(NotReadyReason::Break), idle);
    late.pass(3_601);
    late.step(Input::SeatOnline(agent("1001")));
    assert_eq!(view(&late, "1001").0, Shift::Ready);
}

#[test]
fn a_wrap_up_goes_on_to_its_end() {
    let mut world = after_a_restart(None, |now| Did::WrapUp { until: now + Duration::from_secs(7) });
    world.pass(3);
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::WrapUp));
    world.pass(4);
    assert_eq!(view(&world, "1001"), (Shift::Ready, Activity::Idle));

    let mut over = after_a_restart(None, |now| Did::WrapUp { until: now + Duration::from_secs(2) });
    over.pass(3);
    over.step(Input::SeatOnline(agent("1001")));
    assert_eq!(view(&over, "1001"), (Shift::Ready, Activity::Idle));
}

/// A caller enters the queue; the agent whose seat rings.
fn rung(world: &mut World) -> Option<AgentId> {
    let contact = ContactId::new(&mut world.ids, world.now);
    let since = world.now;
    let outputs = world.step(Input::Enter { contact, queue: queue("inquiry"), bonus_s: 0, since });
    offered(outputs)
}

fn offered(outputs: &[Output]) -> Option<AgentId> {
    outputs.iter().find_map(|output| match output {
        Output::Offer { agent, .. } => Some(agent.clone()),
        _ => None,
    })
}

#[test]
fn the_order_of_idle_time_is_kept() {
    let mut world = after_a_restart(None, idle);
    world.step(Input::SeatOnline(agent("1002")));
    world.pass(5);
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(rung(&mut world), Some(agent("1001")), "idle for a minute before the restart");
}

#[test]
fn whoever_missed_an_offer_is_left_alone_for_what_remains_of_the_rest() {
    let mut world = after_a_restart(None, |now| Did::Missed { at: now - Duration::from_secs(2) });
    world.step(Input::SeatOnline(agent("1001")));
    assert_eq!(rung(&mut world), None, "3 of the 5 seconds are left");
    assert_eq!(offered(world.pass(3)), Some(agent("1001")));

    let mut over = after_a_restart(None, |now| Did::Missed { at: now - Duration::from_secs(5) });
    over.step(Input::SeatOnline(agent("1001")));
    assert_eq!(rung(&mut over), Some(agent("1001")));
}
