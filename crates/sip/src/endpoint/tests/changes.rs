//! What happens inside a session: holding, glare, keys, timers.

use super::*;

#[test]
fn hold_and_resume_by_the_peer() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let steps = [
        ("a=sendonly\r\n", "a=recvonly", vec!["changed SendOnly"]),
        ("a=inactive\r\n", "a=inactive", vec!["changed Inactive"]),
        ("a=sendrecv\r\n", "a=sendrecv", vec!["changed SendReceive"]),
        // The same again is said too: the audio may come from another address since.
        ("a=sendrecv\r\n", "a=sendrecv", vec!["changed SendReceive"]),
    ];
    for (number, (attribute, answer, heard)) in (2..).zip(steps) {
        let body = world.reinvite(number, &tag, &format!("{SDP}{attribute}"));
        assert!(body.contains(answer), "{body}");
        assert_eq!(world.heard(), heard);
    }
    let zero = SDP.replace("c=IN IP4 192.0.2.2", "c=IN IP4 0.0.0.0");
    world.receive(&inside("UPDATE", 9, &tag, "u", "", &zero));
    assert!(world.last_body().contains("a=recvonly"));
    assert_eq!(world.heard(), ["changed SendOnly"]);
    let g729 = SDP.replace("RTP/AVP 0 8 101", "RTP/AVP 18");
    world.receive(&inside("INVITE", 10, &tag, "x", "", &g729));
    assert_eq!(world.last_response().status.code(), 488);
    assert_eq!(world.endpoint.session_count(), 1);
}

#[test]
fn descriptions_count_up_only_when_they_change() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let mut versions = Vec::new();
    for (number, attribute) in [(2, "a=sendrecv\r\n"), (3, "a=sendonly\r\n"), (4, "a=sendonly\r\n")] {
        let body = world.reinvite(number, &tag, &format!("{SDP}{attribute}"));
        versions.push(body.lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned());
    }
    assert_eq!(versions, ["1", "2", "2"]);
}

#[test]
fn a_reinvite_without_offer_gets_a_full_one() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    world.receive(&inside("INVITE", 2, &tag, "r", "", ""));
    assert!(world.last_body().contains("a=sendrecv"));
    world.receive(&inside("ACK", 2, &tag, "k", "", &SDP.replace("4000", "4002")));
    assert_eq!(world.heard(), ["changed SendReceive"]);
}

#[test]
fn glare_is_answered_and_tried_again() {
    let mut world = World::new();
    let (session, tag) = world.answered();
    let ours = world.reoffer(session, Direction::SendOnly);
    world.receive(&inside("INVITE", 2, &tag, "g", "", SDP));
    assert_eq!(world.last_response().status.code(), 491);
    world.receive(&respond(&ours, 491, "t", "", ""));
    world.sent.clear();
    world.pass(2_000);
    let again = world.sent.iter().find_map(|message| match message {
        Message::Request(request) => request.cseq().ok(),
        Message::Response(_) => None,
    });
    assert!(again.unwrap().number > ours.cseq().unwrap().number);
}

#[test]
fn our_own_hold_changes_the_session_when_the_peer_agrees() {
    let mut world = World::new();
    let (session, _) = world.answered();
    let ours = world.reoffer(session, Direction::SendOnly);
    assert!(!world.endpoint.reoffer(world.now, session, Direction::SendReceive));
    assert!(String::from_utf8_lossy(&ours.body).contains("a=sendonly"));
    world.sent.clear();
    let body = format!("{SDP}a=recvonly\r\n");
    let ok = respond(&ours, 200, "t", "", &body);
    world.receive(&ok);
    world.receive(&ok);
    assert_eq!(world.methods(), ["ACK", "ACK"]);
    assert_eq!(world.heard(), ["changed ReceiveOnly"]);
}

#[test]
fn keys_by_info_in_both_dresses() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    for (number, kind, body, heard) in [
        (2, "application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", vec!["digit 5"]),
        (3, "application/dtmf", "#", vec!["digit #"]),
        (4, "application/dtmf-relay", "Signal= 11\r\n", vec!["digit #"]),
        (5, "application/dtmf-relay", "nothing", vec![]),
        (6, "", "", vec![]),
    ] {
        let kind = if kind.is_empty() { String::new() } else { format!("Content-Type: {kind}\r\n") };
        world.receive(&inside("INFO", number, &tag, &format!("n{number}"), &kind, body));
        assert_eq!(world.last_response().status.code(), 200);
        assert_eq!(world.heard(), heard);
    }
    world.receive(&inside("INFO", 3, &tag, "old", "", ""));
    assert_eq!(world.last_response().status.code(), 500);
    world.receive(&inside("INFO", 9, &tag, "kind", "Content-Type: text/plain\r\n", "x"));
    assert_eq!(world.last_response().status.code(), 415);
}

#[test]
fn session_timers_run_out_or_are_refreshed() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, "Supported: timer\r\nSession-Expires: 90\r\n"));
    let session = world.invited();
    let tag = world.accept(session);
    let expires = world.last_response().headers.text("Session-Expires").unwrap();
    assert_eq!(expires, "90;refresher=uac");
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    world.pass(50_000);
    world.receive(&inside(
        "UPDATE",
        2,
        &tag,
        "u",
        "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n",
        "",
    ));
    world.pass(50_000);
    assert_eq!(world.heard(), ["connected"]);
    world.pass(11_000);
    assert_eq!(world.heard(), ["ended TimedOut"]);

    let mut world = World::new();
    world.receive(&invite("i1", SDP, "Session-Expires: 90;refresher=uas\r\n"));
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    world.sent.clear();
    world.pass(45_100);
    assert_eq!(world.last_request().headers.text("Session-Expires").unwrap(), "90;refresher=uac");
}
