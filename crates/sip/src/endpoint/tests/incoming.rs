//! Calls that come in: answered, cancelled, ended.

use super::*;

#[test]
fn copies_of_an_invite_make_one_call() {
    let mut world = World::new();
    for _ in 0..7 {
        world.receive(&invite("i1", SDP, ""));
    }
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    world.receive(&invite("i1", SDP, ""));
    assert_eq!(world.heard(), ["connected"]);
    assert_eq!(world.endpoint.session_count(), 1);
}

#[test]
fn a_200_without_ack_is_resent_for_32_seconds_and_then_ended() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.accept(session);
    world.sent.clear();
    world.pass(31_900);
    assert_eq!(world.statuses(), [200; 10]);
    world.pass(200);
    assert_eq!(world.methods(), ["BYE"]);
    assert_eq!(world.heard(), ["ended TimedOut"]);
    world.pass(100_000);
    assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
}

#[test]
fn an_invite_without_offer_gets_one_and_answers_in_the_ack() {
    for (body, heard) in [(SDP, "connected"), ("", "ended NoCommonAudio")] {
        let mut world = World::new();
        world.receive(&invite("i1", "", ""));
        let session = world.invited();
        world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcma);
        world.drain();
        assert!(world.last_body().contains("m=audio 20000 RTP/AVP 8 0 9 96 97 98 101"));
        let tag = world.our_tag();
        world.sent.clear();
        world.receive(&inside("ACK", 1, &tag, "a1", "", body));
        assert_eq!(world.heard(), [heard]);
        let expected: &[&str] = if body.is_empty() { &["BYE"] } else { &[] };
        assert_eq!(world.methods(), expected);
    }
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    world.hang_up(session);
    assert_eq!(world.heard(), ["ended Ours"]);
    world.sent.clear();
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.methods(), ["BYE"]);
    assert_eq!(world.heard(), Vec::<String>::new());
}

#[test]
fn cancel_before_the_answer() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    world.sent.clear();
    for _ in 0..2 {
        world.receive(&request("CANCEL", 1, "<sip:8000@192.0.2.1>", "i1", "", ""));
    }
    assert_eq!(world.statuses(), [200, 487, 200]);
    assert_eq!(world.heard(), ["invited", "ended Cancelled"]);
    world.receive(&request("CANCEL", 1, "<sip:8000@192.0.2.1>", "other", "", ""));
    assert_eq!(world.statuses(), [481]);
}

#[test]
fn cancel_after_the_answer_changes_nothing() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    world.receive(&request("CANCEL", 1, "<sip:8000@192.0.2.1>", "i1", "", ""));
    assert_eq!(world.statuses(), [200]);
    assert_eq!(world.heard(), Vec::<String>::new());
    world.receive(&inside("BYE", 2, &tag, "b1", "", ""));
    assert_eq!(world.statuses(), [200]);
    assert_eq!(world.heard(), ["ended HungUp"]);
}

#[test]
fn bye_on_an_early_dialog() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.endpoint.ring(world.now, session);
    world.drain();
    let tag = world.our_tag();
    world.sent.clear();
    world.receive(&inside("BYE", 2, &tag, "b1", "", ""));
    assert_eq!(world.statuses(), [200, 487]);
    assert_eq!(world.heard(), ["ended Cancelled"]);
}
