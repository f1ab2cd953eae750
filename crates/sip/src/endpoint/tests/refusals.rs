//! What is refused, and with which words.

use super::*;

#[test]
fn strangers_to_a_dialog_get_481_and_a_stray_ack_nothing() {
    let mut world = World::new();
    for (number, method) in
        ["BYE", "INFO", "UPDATE", "REFER", "OPTIONS", "PRACK", "INVITE"].into_iter().enumerate()
    {
        world.receive(&inside(method, 1, "nobody", &format!("s{number}"), "", ""));
        assert_eq!(world.statuses(), [481], "{method}");
    }
    world.receive(&inside("ACK", 1, "nobody", "s", "", ""));
    assert_eq!(world.statuses(), Vec::<u16>::new());
    let (_, tag) = world.answered();
    let forged = inside("BYE", 2, &tag, "f", "", "").replace("tag=theirs", "tag=forged");
    world.receive(&forged);
    assert_eq!(world.statuses(), [481]);
}

#[test]
fn refusals_name_what_is_wrong() {
    for (headers, body, status, header) in [
        ("Require: 100rel, teleport\r\n", SDP, 420, "Unsupported"),
        ("Accept: text/plain\r\n", SDP, 406, "Server"),
        ("Content-Type: text/plain\r\n", "hello", 415, "Accept"),
        ("Content-Encoding: gzip\r\n", SDP, 415, "Accept-Encoding"),
        ("", "v=0\r\no=x\r\nm=audio 4000 RTP/AVP 18\r\n", 488, "Warning"),
        ("", "nonsense", 400, "Warning"),
        ("Supported: timer\r\nSession-Expires: 30\r\n", SDP, 422, "Min-SE"),
    ] {
        let mut world = World::new();
        world.receive(&invite("i", body, headers));
        assert_eq!(world.last_response().status.code(), status, "{headers}");
        assert!(world.last_response().headers.count(header) > 0, "{headers}");
        assert!(world.events.is_empty());
    }
    for (method, status) in [("NOTIFY", 405), ("MESSAGE", 405), ("JUMP", 501)] {
        let mut world = World::new();
        world.receive(&request(method, 1, "<sip:8000@192.0.2.1>", "r", "", ""));
        assert_eq!(world.last_response().status.code(), status, "{method}");
        assert_eq!(world.last_response().headers.count("Allow"), 1);
    }
}

#[test]
fn loops_hops_and_merges_are_refused() {
    let mut world = World::new();
    world.receive(&invite("h", SDP, "").replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert_eq!(world.last_response().status.code(), 483);
    let through_us = "Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKours\r\n";
    let looped = invite("l", SDP, through_us).replace("Call-ID: call", "Call-ID: looped");
    world.receive(&looped);
    assert_eq!(world.last_response().status.code(), 482);
    world.receive(&invite("m1", SDP, "").replace("CSeq: 1", "CSeq: 7"));
    world.receive(&invite("m2", SDP, "").replace("CSeq: 1", "CSeq: 7"));
    assert_eq!(world.last_response().status.code(), 482);
    assert_eq!(world.heard(), ["invited"]);
}

#[test]
fn beyond_its_limits_it_answers_503_and_still_hears_bye() {
    let mut world = World::limited(1, 2);
    let (_, tag) = world.answered();
    world.receive(&invite("i2", SDP, "").replace("Call-ID: call", "Call-ID: two"));
    assert_eq!(world.last_response().headers.count("Retry-After"), 1);
    assert_eq!(world.statuses(), [503]);
    world.receive(&invite("i3", SDP, "").replace("Call-ID: call", "Call-ID: three"));
    assert_eq!(world.statuses(), [503]);
    world.receive(&inside("BYE", 2, &tag, "b1", "", ""));
    assert_eq!(world.statuses(), [200]);
}

#[test]
fn a_header_that_is_too_long_gets_513_unless_the_answer_would_have_to_repeat_it() {
    let mut world = World::new();
    let long = "y".repeat(9_000);
    world.receive(&request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", &format!("Subject: {long}\r\n"), ""));
    assert_eq!(world.statuses(), [513]);
    let text = request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "p", "", "");
    world.receive(&text.replace("Call-ID: call", &format!("Call-ID: {long}")));
    assert_eq!(world.statuses(), Vec::<u16>::new());
}
