//! Calls that go out: forks, withdrawals, refusals, challenges.

use std::time::Duration;

use super::*;

#[test]
fn an_outbound_call_from_ring_to_bye() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 100, "t", "", ""));
    world.receive(&respond(&invite, 180, "t", "", ""));
    world.receive(&respond(&invite, 180, "t", "", ""));
    let ok = respond(&invite, 200, "t", "", SDP);
    world.receive(&ok);
    world.receive(&ok);
    assert_eq!(world.methods(), ["ACK", "ACK"]);
    assert_eq!(world.heard(), ["ringing", "connected"]);
    world.endpoint.hang_up(world.now, session, Some("Q.850;cause=16"));
    world.drain();
    assert_eq!(world.last_request().headers.text("Reason").unwrap(), "Q.850;cause=16");
    assert_eq!(world.heard(), ["ended Ours"]);
}

#[test]
fn every_further_branch_of_a_fork_is_ended() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    world.receive(&respond(&invite, 200, "one", "", SDP));
    world.sent.clear();
    world.receive(&respond(&invite, 200, "two", "", SDP));
    let tags: Vec<String> =
        world.sent.iter().filter_map(|m| m.headers().text("To").map(|to| to.into_owned())).collect();
    assert!(tags.iter().all(|to| to.contains("tag=two")), "{tags:?}");
    assert_eq!(world.methods(), ["ACK", "BYE"]);
    assert_eq!(world.heard(), ["connected"]);
}

#[test]
fn withdrawing_waits_for_a_sign_of_life() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.hang_up(session);
    assert_eq!(world.heard(), ["ended Ours"]);
    assert_eq!(world.methods(), Vec::<String>::new());
    world.receive(&respond(&invite, 180, "t", "", ""));
    assert_eq!(world.methods(), ["CANCEL"]);
    world.receive(&respond(&invite, 487, "t", "", ""));
    assert_eq!(world.methods(), ["ACK"]);
    assert_eq!(world.heard(), Vec::<String>::new());
    assert_eq!(world.endpoint.session_count(), 0);
}

#[test]
fn a_200_that_crosses_the_cancel_is_acknowledged_and_ended() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 180, "t", "", ""));
    world.hang_up(session);
    world.receive(&respond(&invite, 200, "t", "", SDP));
    assert_eq!(world.methods(), ["CANCEL", "ACK", "BYE"]);
    assert_eq!(world.heard(), ["ringing", "ended Ours"]);
    world.pass(100_000);
    assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
}

#[test]
fn a_cancel_that_brings_nothing_is_given_up() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 180, "t", "", ""));
    world.hang_up(session);
    world.pass(70_000);
    assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
    assert_eq!(world.heard(), ["ringing", "ended Ours"]);
}

#[test]
fn useless_answers_are_ended_cleanly() {
    for body in [SDP.replace("0 8 101", "18"), String::new(), SDP.replace("m=audio", "m=video")] {
        let mut world = World::new();
        let (_, invite) = world.dialled();
        world.receive(&respond(&invite, 200, "t", "", &body));
        assert_eq!(world.methods(), ["ACK", "BYE"]);
        assert_eq!(world.heard(), ["ended NoCommonAudio"]);
    }
}

#[test]
fn refusals_and_silence_end_a_call_once() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    world.receive(&respond(&invite, 486, "t", "", ""));
    world.receive(&respond(&invite, 486, "t", "", ""));
    assert_eq!(world.methods(), ["ACK", "ACK"]);
    assert_eq!(world.heard(), ["ended Refused(Status(486))"]);
    let mut world = World::new();
    world.dialled();
    world.pass(40_000);
    assert_eq!(world.heard(), ["ended TimedOut"]);
}

#[test]
fn a_peer_that_says_nothing_but_100_is_given_up() {
    let stuck = Dial { progress: Some(Duration::from_secs(20)), ..dial() };
    let dialled = || {
        let mut world = World::new();
        world.endpoint.dial(world.now, stuck.clone());
        world.drain();
        let invite = world.last_request();
        world.sent.clear();
        (world, invite)
    };
    let (mut world, invite) = dialled();
    world.receive(&respond(&invite, 100, "t", "", ""));
    world.pass(19_900);
    world.receive(&respond(&invite, 100, "t", "", ""));
    assert_eq!(world.heard(), Vec::<String>::new());
    world.pass(200);
    assert_eq!(world.heard(), ["ended TimedOut"]);
    assert_eq!(world.methods(), ["CANCEL"]);
    world.receive(&respond(&invite, 487, "t", "", ""));
    assert_eq!(world.endpoint.session_count(), 0);

    for (code, body) in [(180, ""), (183, SDP), (200, SDP)] {
        let (mut world, invite) = dialled();
        world.receive(&respond(&invite, 100, "t", "", ""));
        world.receive(&respond(&invite, code, "t", "", body));
        world.heard();
        world.pass(60_000);
        assert_eq!(world.heard(), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn a_challenge_is_answered_once() {
    let mut world = World::new();
    let credentials = Some(Credentials { user: "u".to_owned(), password: "p".to_owned(), realm: None });
    world.endpoint.dial(world.now, Dial { credentials, ..dial() });
    world.drain();
    let challenge = "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\"\r\n";
    let first = world.last_request();
    world.sent.clear();
    world.receive(&respond(&first, 401, "t", challenge, ""));
    let second = world.last_request();
    assert!(second.headers.text("Authorization").unwrap().contains("response="));
    assert_eq!(second.cseq().unwrap().number, 2);
    assert_eq!(world.methods(), ["ACK", "INVITE"]);
    world.receive(&respond(&second, 401, "t", challenge, ""));
    assert_eq!(world.methods(), ["ACK"]);
    assert_eq!(world.heard(), ["ended Refused(Status(401))"]);
}

#[test]
fn a_long_request_goes_by_tcp_and_falls_back() {
    let mut world = World::new();
    let display = "x".repeat(1_400);
    world.endpoint.dial(world.now, Dial { display, ..dial() });
    let Some(Output::Send { destination, bytes }) = world.endpoint.poll_output() else { panic!() };
    assert_eq!(destination.transport, Transport::Tcp);
    assert!(String::from_utf8_lossy(&bytes).contains("Via: SIP/2.0/TCP"));
    world.endpoint.handle_unreachable(world.now, destination);
    let Some(Output::Send { destination, bytes }) = world.endpoint.poll_output() else { panic!() };
    assert_eq!(destination.transport, Transport::Udp);
    assert!(String::from_utf8_lossy(&bytes).contains("Via: SIP/2.0/UDP"));
    world.receive(&respond(
        &match parse_datagram(&bytes).unwrap() {
            Message::Request(r) => r,
            Message::Response(_) => panic!(),
        },
        180,
        "t",
        "",
        "",
    ));
    assert_eq!(world.heard(), ["ringing"]);
}

#[test]
fn a_redirect_is_passed_on_before_the_end() {
    let many = "Contact: <sip:1@a>, <sip:2@a>, <sip:3@a>, <sip:4@a>, <sip:5@a>, <sip:6@a>\r\n";
    for (code, contacts, redirected) in [
        (302, "Contact: <sip:1002@192.0.2.1>\r\n", Some("sip:1002@192.0.2.1")),
        (301, "Contact: <sip:a@h>;q=0.25, <sip:b@h>;q=0.5, <sip:c@h>\r\n", Some("sip:c@h sip:b@h sip:a@h")),
        (305, many, Some("sip:1@a sip:2@a sip:3@a sip:4@a sip:5@a")),
        (300, "Contact: tel:+8613800138000\r\n", Some("tel:+8613800138000")),
        (302, "Contact: nonsense\r\n", Some("")),
        (302, "", Some("")),
        (380, "Contact: <sip:1002@192.0.2.1>\r\n", None),
    ] {
        let mut world = World::new();
        let (_, invite) = world.dialled();
        let own = "Contact: <sip:1001@192.0.2.2>\r\n";
        world.receive(&respond(&invite, code, "t", contacts, "").replace(own, ""));
        let mut expected: Vec<String> =
            redirected.map(|targets| format!("redirected {targets}")).into_iter().collect();
        expected.push(format!("ended Refused(Status({code}))"));
        assert_eq!(world.heard(), expected);
        assert_eq!(world.methods(), ["ACK"]);
    }
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 180, "t", "", ""));
    world.hang_up(session);
    world.receive(&respond(&invite, 302, "t", "", ""));
    assert_eq!(world.heard(), ["ringing", "ended Ours"], "it is not wanted any more");
}
