//! The house around the calls: drain, feature codes, refusals, commands.

use std::time::Duration;

use model::{
    AgentOrder, Cause, CenterEvent, Class, Done, EndedBy, Event, LegOrder, MediaOp, MediaReport,
    NotReadyReason, Order, PartyOrder, RecordingEvent, RecordingOrder, RecordingReport, Refused,
    SecureInputOrder, Shift, Shortage, Supervision, SupervisionOrder, Watched,
};

use super::stories::conversation;
use super::world::{Leg, World, agent, seconds};
use crate::Input;

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
    // The legs are closed by now.
    world.run(Duration::from_millis(50));
    assert_eq!(world.drained, 0, "the recording is not sealed yet");
    world.run(seconds(1));
    assert_eq!(world.drained, 1);
    world.assert_over();
}

#[test]
fn a_drain_waits_for_the_quality_of_a_call_whose_recording_failed() {
    let (mut world, caller, _) = conversation();
    let recording = world.recording.pop_first().unwrap();
    let (why, kept) = ("disk full".to_owned(), model::Kept::default());
    world.send(Input::Media(MediaReport::Recording(recording, RecordingReport::Failed { why, kept })));
    world.send(Input::Drain);
    world.hang_up(caller);
    assert_eq!(world.drained, 0, "the legs are not closed yet");
    world.assert_over();
    assert_eq!(world.drained, 1);
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
    let cut = |class| {
        let end = (EndedBy::Operator, Cause::ShuttingDown, class);
        world.ends().iter().filter(|found| **found == end).count()
    };
    assert_eq!((cut(Class::Answered), cut(Class::Refused)), (1, 2), "{:?}", world.ends());
    assert_eq!(world.ends().len(), 3);
}

#[test]
fn at_the_drains_limit_everybody_hears_that_the_center_closes() {
    let (mut world, _, _) = conversation();
    world.call("8000");
    world.caller_who_presses('2');
    world.send(Input::Drain);
    world.send(Input::Close);
    let closing = |world: &World| {
        let says =
            |op: &MediaOp| matches!(op, MediaOp::Play { clips, .. } if clips == &["zh-CN/closing".into()]);
        world.media.iter().filter(|op| says(op)).count()
    };
    assert_eq!((closing(&world), world.ends().len()), (3, 0), "nobody is cut off in mid-word");
    world.run(seconds(10));
    world.assert_over();
    let ends = world.ends();
    assert!(
        ends.iter().all(|(by, cause, _)| (*by, *cause) == (EndedBy::Operator, Cause::ShuttingDown)),
        "{ends:?}"
    );
    assert_eq!((ends.len(), world.drained), (3, 1));
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
        assert_eq!(world.center.cx.distributor.machine().agent(&agent("1001")).unwrap().shift, shift);
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
    assert_eq!(
        world.orders,
        [refused(unknown, Cause::UnknownNumber), refused(portless, Cause::RtpPortsFull)]
    );
}

#[test]
fn an_unknown_number_and_a_full_center_are_refused_without_a_contact() {
    let mut world = World::new();
    let unknown = world.call("9999");
    let callers: Vec<_> = (0..8).map(|_| world.call("8000")).collect();
    let ninth = world.call("8000");
    assert!(world.orders.contains(&(unknown, LegOrder::Refuse(Cause::UnknownNumber))));
    assert!(world.orders.contains(&(ninth, LegOrder::Refuse(Cause::CallsFull))));
    for caller in callers {
        world.hang_up(caller);
    }
    world.assert_over();
    assert_eq!(world.ends().len(), 8);
}

#[test]
fn callers_are_refused_while_no_media_thread_has_room_and_those_in_progress_go_on() {
    let mut world = World::with(&["1001"]);
    let talking = world.caller_who_presses('1');
    let strain = |thread, lacks| Input::Media(MediaReport::Strain { thread, lacks });
    world.send(strain(0, Some(Shortage::Time)));
    for (lacks, cause) in [
        (Shortage::Time, Cause::Overloaded),
        (Shortage::RtpPorts, Cause::RtpPortsFull),
        (Shortage::OpenFiles, Cause::OpenFilesFull),
    ] {
        world.send(strain(1, Some(lacks)));
        let refused = world.call("8000");
        assert!(world.orders.contains(&(refused, LegOrder::Refuse(cause))));
    }
    world.send(strain(1, None));
    let accepted = world.call("8000");
    assert!(
        !world.orders.iter().any(|(leg, order)| *leg == accepted && matches!(order, LegOrder::Refuse(_)))
    );
    world.run(seconds(5));
    assert_eq!(world.talks().len(), 1);
    world.hang_up(talking);
    world.hang_up(accepted);
    world.assert_over();
}

#[test]
fn calls_go_to_the_media_thread_that_has_room() {
    for full in [0, 1] {
        let mut world = World::with(&[]);
        world.send(Input::Media(MediaReport::Strain { thread: full, lacks: Some(Shortage::Time) }));
        let callers: Vec<_> = (0..7).map(|_| world.call("8000")).collect();
        assert!(!world.orders.iter().any(|(_, order)| matches!(order, LegOrder::Refuse(_))));
        let carried: Vec<_> = world.center.contacts.values().map(|contact| contact.call.share(2)).collect();
        assert_eq!(carried, [1 - full; 7]);
        callers.into_iter().for_each(|caller| world.hang_up(caller));
        world.assert_over();
    }
}

#[test]
fn a_call_for_which_its_thread_has_no_port_goes_to_another() {
    for full in [0, 1] {
        let mut world = World::with(&[]);
        world.portless.insert(full);
        let callers: Vec<_> = (0..7).map(|_| world.call("8000")).collect();
        world.run(seconds(1));
        assert!(!world.orders.iter().any(|(_, order)| matches!(order, LegOrder::Refuse(_))));
        assert!(world.center.contacts.values().all(|contact| contact.call.share(2) != full));
        callers.into_iter().for_each(|caller| world.hang_up(caller));
        world.assert_over();
    }
}

#[test]
fn a_call_that_moved_meets_the_strain_of_the_thread_that_it_came_to() {
    let mut world = World::with(&[]);
    world.portless.insert(0);
    world.send(Input::Media(MediaReport::Strain { thread: 1, lacks: Some(Shortage::Time) }));
    let refused = world.call("8000");
    world.run(seconds(1));
    assert_eq!(world.orders, [(refused, LegOrder::Refuse(Cause::RtpPortsFull))]);
    world.assert_over();
}

#[test]
fn commands_are_answered_with_their_id() {
    let mut world = World::with(&["1001"]);
    let done = world.order(Order::Agent(agent("1001"), AgentOrder::Break));
    let offline = world.order(Order::Agent(agent("1002"), AgentOrder::Ready));
    let unknown = world.order(Order::Agent(agent("7777"), AgentOrder::Ready));
    let replies: Vec<_> = world.replies.iter().map(|reply| (reply.id, reply.result.clone())).collect();
    assert_eq!(
        replies,
        [
            (done, Ok(Done::Obeyed)),
            (offline, Err(Refused::SeatOffline)),
            (unknown, Err(Refused::UnknownAgent))
        ]
    );
    world.assert_over();
}

/// A machine that began before it knew the time, and one that is set back.
#[test]
fn a_clock_that_is_set_dates_what_follows_and_changes_no_duration() {
    const DAY: i64 = 86_400_000;
    for by_ms in [300 * DAY, -300 * DAY] {
        let (mut world, caller, _) = conversation();
        let (due, before) = (world.center.poll_timeout(), world.entries.last().unwrap().at);
        world.send(Input::ClockSet { by_ms });
        assert_eq!(world.center.poll_timeout(), due, "no timer moved");
        assert!(
            matches!(world.entries.last().unwrap().event, Event::Center(CenterEvent::ClockSet { by_ms: by }) if by == by_ms)
        );
        world.hang_up(caller);
        world.call("8000");
        world.run(seconds(1));
        let after = world.entries.last().unwrap().at;
        let day = |at: model::Time| at.unix_ms() / DAY;
        assert_eq!(day(after) - day(before), by_ms / DAY, "{before} and {after}");
        let path = |event: &Event| match event {
            Event::Recording(RecordingEvent::Opened { path, .. }) => Some(path[..10].to_owned()),
            _ => None,
        };
        let days: Vec<String> = world.entries.iter().filter_map(|entry| path(&entry.event)).collect();
        assert!(days.len() == 2 && days[0] != days[1], "{days:?}");
        world.send(Input::EndAll);
        world.assert_over();
    }
}

#[test]
fn an_agents_scope_is_that_agent_and_the_contact_that_it_talks_in() {
    let (mut world, caller, _) = super::stories::conversation();
    let waits = world.caller_who_presses('1');
    let talks_in = |contact: &&crate::contact::Contact| contact.talk().is_some();
    let (own, others): (Vec<_>, Vec<_>) =
        world.center.contacts.values().map(|contact| &**contact).partition(|contact| talks_in(contact));
    let (own, other) = (own[0].id, others[0].id);
    let gone = model::ContactId::new(&mut world.ids, world.now);
    let start = |contact| Order::SecureInput(contact, SecureInputOrder::Start);
    let watched = Watched::Agent(agent("1001"));
    let listen = SupervisionOrder::Start { watched, seat: agent("1003"), how: Supervision::Listen };
    for (order, expected) in [
        (Order::Agent(agent("1001"), AgentOrder::Break), Ok(Done::Obeyed)),
        (Order::Agent(agent("1002"), AgentOrder::Break), Err(Refused::NotTheirContact)),
        (start(own), Ok(Done::Obeyed)),
        (start(other), Err(Refused::NotTheirContact)),
        (start(gone), Err(Refused::UnknownContact)),
        (Order::Recording(own, RecordingOrder::Resume), Ok(Done::Obeyed)),
        (Order::Recording(other, RecordingOrder::Resume), Err(Refused::NotTheirContact)),
        (Order::Parties(own, PartyOrder::Leave), Err(Refused::NoGuest)),
        (Order::Parties(other, PartyOrder::Leave), Err(Refused::NotTheirContact)),
        (Order::Supervision(listen), Err(Refused::NotTheirContact)),
    ] {
        world.order_as("1001", order.clone());
        assert_eq!(world.replies.last().unwrap().result, expected, "{order:?}");
    }
    world.hang_up(caller);
    world.hang_up(waits);
    world.assert_over();
}
