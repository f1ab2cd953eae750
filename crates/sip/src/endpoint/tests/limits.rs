//! What a peer may make us keep, and that all of it ends. Most of these were found by the fuzz target `endpoint`.

use super::*;

fn counts(world: &World) -> (usize, usize) {
    (world.endpoint.session_count(), world.endpoint.transaction_count())
}

#[test]
fn a_reinvite_that_only_a_100_answered_ends_with_the_call() {
    let mut world = World::new();
    let (session, _) = world.answered();
    let ours = world.reoffer(session, Direction::SendOnly);
    world.receive(&respond(&ours, 100, "t", "", ""));
    world.hang_up(session);
    world.pass(200_000);
    assert_eq!(counts(&world), (0, 0));
    assert_eq!(world.heard(), ["ended Ours"]);
}

#[test]
fn a_peer_that_keeps_a_reinvite_waiting_for_three_minutes_has_lost_the_call() {
    let mut world = World::new();
    let (session, _) = world.answered();
    let ours = world.reoffer(session, Direction::SendOnly);
    world.receive(&respond(&ours, 100, "t", "", ""));
    world.pass(180_000);
    assert_eq!(world.heard(), Vec::<String>::new());
    world.pass(1_000);
    assert_eq!(world.heard(), ["ended TimedOut"]);
}

#[test]
fn beyond_its_limits_it_keeps_no_ends_of_nothing() {
    let mut world = World::limited(1, 3);
    let (_, tag) = world.answered();
    for number in 2..50 {
        let (bye, cancel, old) = (format!("b{number}"), format!("c{number}"), format!("o{number}"));
        world.receive(&inside("BYE", number, "unknown", &bye, "", ""));
        world.receive(&request("CANCEL", number, "<sip:8000@192.0.2.1>", &cancel, "", ""));
        // Of the dialog, but older than what the peer asked before.
        world.receive(&inside("BYE", 1, &tag, &old, "", ""));
        assert!(world.statuses().iter().all(|status| [481, 500].contains(status)));
        assert!(world.endpoint.transaction_count() <= 3);
    }
    world.receive(&inside("BYE", 50, &tag, "b", "", ""));
    assert_eq!((world.statuses(), world.heard()), (vec![200], vec!["ended HungUp".to_owned()]));
}

#[test]
fn copies_from_another_branch_of_a_fork_bring_one_bye() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    let accept = |tag: &str| respond(&invite, 200, tag, "", SDP);
    world.receive(&accept("one"));
    world.sent.clear();
    for _ in 0..3 {
        world.receive(&accept("two"));
    }
    assert_eq!(world.methods(), ["ACK", "BYE", "ACK", "ACK"]);
    for branch in 0..100 {
        world.receive(&accept(&format!("branch{branch}")));
    }
    let methods = world.methods();
    assert_eq!(methods.iter().filter(|method| *method == "ACK").count(), 100);
    assert_eq!(methods.iter().filter(|method| *method == "BYE").count(), 15);
}

#[test]
fn a_late_copy_of_the_answer_does_not_end_a_call_that_changed_since() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    let ok = respond(&invite, 200, "one", "", SDP);
    world.receive(&ok);
    let ours = world.reoffer(session, Direction::SendOnly);
    world.receive(&respond(&ours, 200, "one", "", &format!("{SDP}a=recvonly\r\n")));
    world.sent.clear();
    world.receive(&ok);
    let ack = world.last_request();
    assert_eq!((ack.cseq().unwrap().number, world.methods()), (1, vec!["ACK".to_owned()]));
}
