//! Settings that are replaced in mid-call.

use model::{Cause, Class, EndedBy, Event, LegOrder, QueueEvent};

use super::stories::{CALLER_LEFT, conversation};
use super::world::{World, agent, number, seconds};

fn entered(world: &World) -> Vec<String> {
    let queue = |event: &Event| match event {
        Event::Queue(QueueEvent::Entered { queue, .. }) => Some(queue.to_string()),
        _ => None,
    };
    world.events().filter_map(queue).collect()
}

#[test]
fn a_call_keeps_the_flow_that_it_began_in_and_the_next_one_has_the_new() {
    let mut world = World::with(&[]);
    let before = world.call("8000");
    world.run(seconds(4));
    world.settings(|config| {
        let plain = config.routes[&number("8004")].clone();
        config.routes.insert(number("8000"), plain);
    });
    // There is no menu any more, but this customer is in it.
    world.press(before, '1');
    world.run(seconds(1));
    let after = world.call("8000");
    world.run(seconds(1));
    assert_eq!(entered(&world), ["inquiry", "complaint"]);
    world.hang_up(before);
    world.hang_up(after);
    world.assert_over();
}

#[test]
fn a_number_that_was_removed_takes_no_new_calls_and_ends_none() {
    let (mut world, caller, _) = conversation();
    world.settings(|config| _ = config.routes.remove(&number("8000")));
    let late = world.call("8000");
    assert!(world.orders.contains(&(late, LegOrder::Refuse(Cause::UnknownNumber))));
    world.run(seconds(60));
    assert!(world.ends().iter().all(|(_, cause, _)| *cause == Cause::UnknownNumber), "{:?}", world.ends());
    world.hang_up(caller);
    world.assert_over();
    assert!(world.ends().contains(&(EndedBy::Caller, Cause::HungUp, Class::Answered)));
}

#[test]
fn an_agent_who_was_removed_talks_to_the_end_and_gets_no_other_call() {
    let (mut world, caller, _) = conversation();
    world.settings(|config| config.acd.agents.retain(|other| other.id != agent("1001")));
    world.seat("1001", false);
    world.run(seconds(30));
    assert!(world.ends().is_empty());
    world.hang_up(caller);
    let waits = world.caller_who_presses('1');
    world.run(seconds(30));
    assert_eq!(world.talks().len(), 1, "nobody serves the queue");
    world.settings(|_| {});
    world.seat("1001", true);
    world.run(seconds(5));
    assert_eq!(world.talks().len(), 2, "the agent is there again");
    world.hang_up(waits);
    world.assert_over();
}

#[test]
fn a_queue_that_was_removed_is_served_until_it_is_empty() {
    let mut world = World::with(&[]);
    world.caller_who_presses('2');
    world.settings(|config| {
        config.acd.queues.retain(|queue| queue.name.as_str() != "complaint");
        config
            .acd
            .agents
            .iter_mut()
            .for_each(|agent| agent.queues.retain(|name| name.as_str() != "complaint"));
    });
    world.seat("1002", true);
    world.run(seconds(5));
    assert_eq!(world.talks(), [("1002".to_owned(), "complaint".to_owned())]);
    world.hang_up(world.customers[0]);
    world.assert_over();
}

#[test]
fn limits_count_for_the_next_call_and_the_next_wait() {
    let mut world = World::with(&[]);
    let first = world.caller_who_presses('2');
    world.settings(|config| {
        config.max_calls = 1;
        config.longest_waits.clear();
    });
    let second = world.call("8000");
    assert!(world.orders.contains(&(second, LegOrder::Refuse(Cause::CallsFull))));
    world.settings(|config| config.longest_waits.clear());
    let patient = world.caller_who_presses('2');
    world.run(seconds(500));
    let redirected = world.left();
    assert_eq!(
        redirected.len(),
        1,
        "the first began to wait with a limit, the second without: {redirected:?}"
    );
    world.hang_up(first);
    world.hang_up(patient);
    world.assert_over();
    assert!(world.ends().contains(&CALLER_LEFT));
}
