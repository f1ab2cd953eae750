//! INVITE with Replaces (RFC 3891): nobody takes over a call, and each refusal says why.

use super::*;

/// What B's INVITE with these headers gets while a call of B stands, whose tag replaces `TAG`.
fn takes_over(headers: &str) -> (Vec<u16>, usize) {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let headers = headers.replace("TAG", &tag);
    world.receive(&invite("i2", SDP, &headers).replace("Call-ID: call", "Call-ID: other"));
    assert!(world.heard().is_empty(), "no new call: {headers}");
    (world.statuses(), world.endpoint.session_count())
}

/// RFC 3891 section 3: no dialog of that name: 481.
#[test]
fn an_invite_that_replaces_no_call_of_ours_is_answered_481() {
    let mut world = World::new();
    let headers = "Require: replaces\r\nReplaces: nosuch;to-tag=a;from-tag=b\r\n";
    world.receive(&invite("i1", SDP, headers));
    assert_eq!((world.heard(), world.statuses()), (vec![], vec![481]));
}

/// RFC 3891 section 3: a call of somebody else is not handed over, and no call comes beside it.
#[test]
fn an_invite_that_replaces_a_call_that_stands_is_no_new_call() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let headers = format!("Require: replaces\r\nReplaces: call;to-tag={tag};from-tag=theirs\r\n");
    world.receive(&invite("i2", SDP, &headers).replace("Call-ID: call", "Call-ID: other"));
    assert!(!world.heard().contains(&"invited".to_owned()));
}

/// RFC 3891 section 3, case by case. The call that stands goes on.
#[test]
fn whoever_wants_to_take_over_a_call_hears_why_not() {
    for (headers, status) in [
        // It is answered, and only an early one was wanted.
        ("Replaces: call;to-tag=TAG;from-tag=theirs;early-only\r\n", 486),
        // It stands; also with the tags turned round, as a phone may write them.
        ("Replaces: call;to-tag=TAG;from-tag=theirs\r\n", 403),
        ("Replaces: call;to-tag=theirs;from-tag=TAG\r\n", 403),
        ("Require: replaces\r\nReplaces: call;from-tag=theirs;to-tag=TAG;x=y\r\n", 403),
        // No such call: another tag, another Call-ID.
        ("Replaces: call;to-tag=TAG;from-tag=guessed\r\n", 481),
        ("Replaces: call;to-tag=guessed;from-tag=theirs\r\n", 481),
        ("Replaces: nosuch;to-tag=TAG;from-tag=theirs\r\n", 481),
        // Against the grammar, twice, or together with what contradicts it.
        ("Replaces: call;to-tag=TAG\r\n", 400),
        ("Replaces: ;to-tag=TAG;from-tag=theirs\r\n", 400),
        ("Replaces: call;to-tag=TAG;to-tag=b;from-tag=theirs\r\n", 400),
        ("Replaces: call;to-tag=TAG;from-tag=theirs\r\nReplaces: c;to-tag=a;from-tag=b\r\n", 400),
        ("Replaces: call;to-tag=TAG;from-tag=theirs\r\nJoin: c;to-tag=a;from-tag=b\r\n", 400),
    ] {
        assert_eq!(takes_over(headers), (vec![status], 1), "{headers}");
    }
}

/// RFC 3891 section 3: a call that is not answered yet can be taken over by whom it was made alone: that is never us here.
#[test]
fn a_call_that_rings_is_not_taken_over() {
    let mut world = World::new();
    let tag = world.rings();
    let headers = format!("Replaces: call;to-tag={tag};from-tag=theirs;early-only\r\n");
    world.receive(&invite("i2", SDP, &headers).replace("Call-ID: call", "Call-ID: other"));
    assert_eq!((world.heard(), world.statuses()), (vec![], vec![481]));
    assert_eq!(world.endpoint.session_count(), 1);
}

/// RFC 3891 section 3: only an INVITE may have it.
#[test]
fn replaces_in_another_request_is_refused() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let replaces = "Replaces: call;to-tag=a;from-tag=b\r\n";
    for (number, method) in [(2, "OPTIONS"), (3, "INFO"), (4, "UPDATE"), (5, "REFER")] {
        world.receive(&inside(method, number, &tag, method, replaces, ""));
        assert_eq!(world.statuses(), [400], "{method}");
    }
    assert_eq!(world.endpoint.session_count(), 1);
    world.receive(&inside("BYE", 6, &tag, "bye", replaces, ""));
    assert_eq!((world.statuses(), world.endpoint.session_count()), (vec![200], 0));
}
