//! A REFER of ours and the NOTIFYs that follow it, with a peer that speaks by hand (RFC 3515, RFC 6665).

use super::*;

const TO_2001: &str = "sip:2001@192.0.2.2";

/// A call from B that stands, and our REFER in it.
fn referring(world: &mut World) -> (SessionId, String, Request) {
    let (session, tag) = world.answered();
    assert!(world.endpoint.refer(world.now, session, TO_2001, None));
    world.drain();
    let refer = world.last_request();
    world.sent.clear();
    (session, tag, refer)
}

fn notify(world: &mut World, number: u32, tag: &str, headers: &str, body: &str) {
    let headers = format!("{headers}Content-Type: message/sipfrag;version=2.0\r\n");
    world.receive(&inside("NOTIFY", number, tag, &format!("n{number}"), &headers, body));
}

const ACTIVE: &str = "Event: refer\r\nSubscription-State: active;expires=60\r\n";
const OVER: &str = "Event: refer\r\nSubscription-State: terminated;reason=noresource\r\n";

#[test]
fn each_step_is_heard_and_the_last_one_once() {
    let mut world = World::new();
    let (session, tag, refer) = referring(&mut world);
    assert_eq!(refer.headers.text("Refer-To").as_deref(), Some("<sip:2001@192.0.2.2>"));
    assert!(refer.headers.list("Allow").contains(&"NOTIFY".to_owned()));
    assert!(!world.endpoint.refer(world.now, session, TO_2001, None), "one at a time");
    // A NOTIFY may be faster than the 202.
    notify(&mut world, 2, &tag, ACTIVE, "SIP/2.0 100 Trying\r\n");
    world.receive(&respond(&refer, 202, "theirs", "", ""));
    notify(&mut world, 3, &tag, ACTIVE, "SIP/2.0 180 Ringing\r\n");
    notify(&mut world, 4, &tag, OVER, "SIP/2.0 200 OK\r\n");
    assert_eq!(world.heard(), ["referral 100", "referral 180", "referral 200, over"]);
    assert_eq!(world.statuses(), [200, 200, 200]);
    notify(&mut world, 5, &tag, OVER, "SIP/2.0 200 OK\r\n");
    assert_eq!((world.heard(), world.statuses()), (vec![], vec![481]));
    assert!(world.endpoint.refer(world.now, session, TO_2001, None), "a further one");
}

#[test]
fn a_refusal_no_answer_and_no_note_end_it_and_not_the_call() {
    for (code, heard) in
        [(403, "referral 403, over"), (481, "referral 481, over"), (603, "referral 603, over")]
    {
        let mut world = World::new();
        let (_, _, refer) = referring(&mut world);
        world.receive(&respond(&refer, code, "theirs", "", ""));
        assert_eq!(world.heard(), [heard]);
        assert_eq!(world.endpoint.session_count(), 1);
    }
    for is_accepted in [false, true] {
        let mut world = World::new();
        let (_, _, refer) = referring(&mut world);
        if is_accepted {
            world.receive(&respond(&refer, 202, "theirs", "", ""));
        }
        world.pass(33_000);
        assert_eq!(world.heard(), ["referral 408, over"], "{is_accepted}");
        assert_eq!(world.endpoint.session_count(), 1);
    }
    // The subscription runs out.
    let mut world = World::new();
    let (_, tag, refer) = referring(&mut world);
    notify(&mut world, 2, &tag, ACTIVE, "SIP/2.0 100 Trying\r\n");
    world.receive(&respond(&refer, 202, "theirs", "", ""));
    world.pass(59_000);
    assert_eq!(world.heard(), ["referral 100"]);
    world.pass(2_000);
    assert_eq!(world.heard(), ["referral 408, over"]);
}

#[test]
fn who_sends_no_notes_has_said_all_with_202() {
    let mut world = World::new();
    let (_, _, refer) = referring(&mut world);
    world.receive(&respond(&refer, 202, "theirs", "Refer-Sub: false\r\n", ""));
    assert_eq!(world.heard(), ["referral 202, over"]);
}

#[test]
fn notes_of_something_else_are_refused_and_change_nothing() {
    let mut world = World::new();
    let (_, tag, refer) = referring(&mut world);
    let number = refer.cseq().unwrap().number;
    for (nth, (headers, status)) in [
        ("Event: message-summary\r\nSubscription-State: active\r\n".to_owned(), 489),
        ("Subscription-State: active\r\n".to_owned(), 489),
        ("Event: refer\r\n".to_owned(), 400),
        (format!("Event: refer;id={}\r\nSubscription-State: active\r\n", number + 1), 481),
        ("Event: refer;id=x\r\nSubscription-State: active\r\n".to_owned(), 481),
    ]
    .into_iter()
    .enumerate()
    {
        notify(&mut world, 2 + u32::try_from(nth).unwrap(), &tag, &headers, "SIP/2.0 180 Ringing\r\n");
        assert_eq!((world.heard(), world.statuses()), (vec![], vec![status]), "{headers}");
    }
    let named = format!("Event: refer;id={number}\r\nSubscription-State: Active;expires=9\r\n");
    notify(&mut world, 20, &tag, &named, "SIP/2.0 183 Session Progress\r\nTo: x\r\n");
    assert_eq!(world.heard(), ["referral 183"]);
    // What says nothing of a status is taken, for its state counts.
    notify(&mut world, 21, &tag, ACTIVE, "SIP/2.0\r\n");
    notify(&mut world, 22, &tag, ACTIVE, "");
    notify(&mut world, 23, &tag, OVER, "SIP/2.0 999 X\r\n");
    assert_eq!(world.heard(), ["referral nothing, over"]);
}

#[test]
fn a_peer_that_was_never_referred_has_nothing_to_notify() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    notify(&mut world, 2, &tag, OVER, "SIP/2.0 200 OK\r\n");
    assert_eq!((world.heard(), world.statuses()), (vec![], vec![405]));
}

#[test]
fn there_is_no_refer_before_the_answer_nor_after_the_end() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    assert!(!world.endpoint.refer(world.now, session, TO_2001, None));
    world.receive(&respond(&invite, 200, "desk", "", SDP));
    assert!(
        !world.endpoint.refer(world.now, session, TO_2001, Some(SessionId(999))),
        "no such call to replace"
    );
    assert!(world.endpoint.refer(world.now, session, TO_2001, None));
    world.hang_up(session);
    assert!(!world.endpoint.refer(world.now, session, TO_2001, None));
    // The end of the call is the end of the referral.
    assert_eq!(world.heard(), ["connected", "ended Ours"]);
    world.pass(70_000);
    assert!(world.heard().is_empty());
}
