//! What a peer may make us keep, and that all of it ends. Most of these were found by the fuzz target `endpoint`.

use super::*;
use crate::Status;

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

#[test]
fn what_is_refused_or_challenged_keeps_nothing_and_copies_get_the_same_tag() {
    let refused: [(String, u16); 8] = [
        (request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", "", ""), 200),
        (request("MESSAGE", 1, "<sip:8000@192.0.2.1>", "m", "", ""), 405),
        (inside("BYE", 1, "nobody", "b", "", ""), 481),
        (request("CANCEL", 1, "<sip:8000@192.0.2.1>", "c", "", ""), 481),
        (invite("t", "hello", "Content-Type: text/plain\r\n"), 415),
        (invite("e", SDP, "Require: unknown\r\n"), 420),
        (invite("h", SDP, "").replace("Max-Forwards: 70", "Max-Forwards: 0"), 483),
        (invite("n", "v=0\r\no=x\r\nm=audio 4000 RTP/AVP 18\r\n", ""), 488),
    ];
    for (text, status) in refused {
        let mut world = World::new();
        let mut tags = Vec::new();
        for _ in 0..3 {
            world.receive(&text);
            assert_eq!(world.last_response().status.code(), status, "{text}");
            tags.push(world.our_tag());
            assert_eq!(counts(&world), (0, 0), "{text}");
        }
        assert!(tags.iter().all(|tag| *tag == tags[0]), "{tags:?}");
        world.sent.clear();
        world.receive(&inside("ACK", 1, &tags[0], "t", "", ""));
        assert!(world.sent.is_empty() && world.endpoint.poll_timeout().is_none());
    }
}

#[test]
fn a_challenged_register_or_invite_keeps_nothing_and_a_registered_one_answers_its_copies() {
    let mut world = World::new();
    let challenge = Answer::new(Status::UNAUTHORIZED).with("WWW-Authenticate", "Digest realm=\"h\"");
    let register = request("REGISTER", 1, "<sip:8000@192.0.2.1>", "r", "", "");
    for (answer, kept) in [(&challenge, 0), (&Answer::new(Status::OK), 1)] {
        world.receive(&register);
        let Some(Event::Register { id, .. }) = world.events.pop() else { panic!("no register") };
        world.endpoint.respond(world.now, id, answer);
        world.drain();
        assert_eq!(counts(&world), (0, kept));
    }
    world.receive(&register);
    assert_eq!((world.statuses(), world.events.len()), (vec![401, 200, 200], 0));
    world.pass(40_000);
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.endpoint.turn_away(world.now, session, &challenge);
    world.drain();
    assert_eq!((world.statuses(), counts(&world)), (vec![401], (0, 0)));
    // One that heard a 100 does not send its INVITE again: the refusal has to be resent.
    world.receive(&invite("i2", SDP, ""));
    let session = world.events.iter().rev().find_map(|event| match event {
        Event::Invited { session, .. } => Some(*session),
        _ => None,
    });
    world.pass(300);
    world.endpoint.turn_away(world.now, session.unwrap(), &challenge);
    world.drain();
    world.pass(600);
    assert_eq!((world.statuses(), counts(&world)), (vec![100, 401, 401], (0, 1)));
}

#[test]
fn a_draining_endpoint_answers_options_with_503_and_those_in_calls_with_200() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    world.endpoint.set_draining(true);
    world.receive(&request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", "", ""));
    assert_eq!(world.last_response().headers.count("Retry-After"), 1);
    world.receive(&inside("OPTIONS", 2, &tag, "p", "", ""));
    assert_eq!(world.statuses(), [503, 200]);
}
