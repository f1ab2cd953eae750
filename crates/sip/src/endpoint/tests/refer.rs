//! REFER (RFC 3515), its subscription (RFC 6665, RFC 4488), and what its Replaces names (RFC 3891).

use super::*;
use crate::Status;

const TO_2001: &str = "Refer-To: <sip:2001@192.0.2.1>\r\n";

/// A call from B that stands and may refer.
fn agents(world: &mut World) -> (SessionId, String) {
    let (session, tag) = world.answered();
    world.endpoint.allow_referral(world.now, session, true);
    (session, tag)
}

fn refer(world: &mut World, number: u32, tag: &str, headers: &str) {
    world.receive(&inside("REFER", number, tag, &format!("refer{number}"), headers, ""));
}

/// The NOTIFYs that went out: event, state, and what they tell.
fn notes(world: &mut World) -> Vec<(Request, String)> {
    let note = |message: Message| match message {
        Message::Request(request) if request.method == Method::Notify => {
            let text = |name| request.headers.text(name).unwrap().into_owned();
            let state = text("Subscription-State");
            let word = state.split(';').next().unwrap().to_owned();
            let body = String::from_utf8(request.body.clone()).unwrap();
            assert_eq!(text("Content-Type"), "message/sipfrag;version=2.0");
            assert!(word != "terminated" || state == "terminated;reason=noresource", "{state}");
            let said = format!("{} {word} {}", text("Event"), body.trim_end());
            Some((request, said))
        }
        _ => None,
    };
    std::mem::take(&mut world.sent).into_iter().filter_map(note).collect()
}

fn said(notes: &[(Request, String)]) -> Vec<&str> {
    notes.iter().map(|(_, said)| said.as_str()).collect()
}

/// B answers a NOTIFY.
fn take(world: &mut World, notes: &[(Request, String)], code: u16) {
    let text = respond(&notes[0].0, code, "theirs", "", "");
    world.receive(&text);
}

#[test]
fn a_blind_transfer_is_told_step_by_step_one_note_at_a_time() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, TO_2001);
    assert_eq!(world.heard(), ["referred to 2001"]);
    assert!(world.sent.iter().any(|m| matches!(m, Message::Response(r) if r.status == Status::ACCEPTED)));
    let first = notes(&mut world);
    assert_eq!(said(&first), ["refer active SIP/2.0 100 Trying"]);
    world.endpoint.tell_referral(world.now, session, Status::RINGING, false);
    world.endpoint.tell_referral(world.now, session, Status::OK, true);
    world.drain();
    assert!(world.sent.is_empty(), "the first is not taken yet");
    take(&mut world, &first, 200);
    let second = notes(&mut world);
    assert_eq!(said(&second), ["refer active SIP/2.0 180 Ringing"]);
    take(&mut world, &second, 200);
    let third = notes(&mut world);
    assert_eq!(said(&third), ["refer terminated SIP/2.0 200 OK"]);
    take(&mut world, &third, 200);
    // It is over: nothing more is said of it, and the call stands.
    world.endpoint.tell_referral(world.now, session, Status::OK, true);
    world.drain();
    assert!(world.sent.is_empty() && world.endpoint.session_count() == 1);
}

#[test]
fn a_second_transfer_after_one_that_failed_has_its_own_subscription() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, TO_2001);
    let first = notes(&mut world);
    refer(&mut world, 3, &tag, TO_2001);
    assert_eq!(world.statuses(), [491], "the first has no last word yet");
    world.endpoint.tell_referral(world.now, session, Status::BUSY_HERE, true);
    take(&mut world, &first, 200);
    let last = notes(&mut world);
    assert_eq!(said(&last), ["refer terminated SIP/2.0 486 Busy Here"]);
    take(&mut world, &last, 200);
    refer(&mut world, 4, &tag, TO_2001);
    assert_eq!(said(&notes(&mut world)), ["refer;id=4 active SIP/2.0 100 Trying"]);
}

#[test]
fn an_attended_transfer_names_the_other_call_as_it_was_or_turned_round() {
    for turned in [false, true] {
        let mut world = World::new();
        let (_, tag) = agents(&mut world);
        let (other, invite) = world.dialled();
        let our_tag = invite.from().unwrap().tag().unwrap().to_owned();
        world.receive(&respond(&invite, 200, "desk", "", SDP));
        world.sent.clear();
        world.heard();
        let (to, from) = if turned { ("desk", &*our_tag) } else { (&*our_tag, "desk") };
        let header = format!(
            "Refer-To: \"2001\" <sip:2001@192.0.2.1?Replaces=out%3Bto-tag%3D{to}%3Bfrom-tag%3D{from}>\r\n"
        );
        refer(&mut world, 2, &tag, &header);
        let Some(Event::Referred { replaces: Some(replaces), .. }) = world.events.pop() else {
            panic!("referred")
        };
        let dialog = world.endpoint.named(other).unwrap();
        assert!(replaces.names(&dialog), "{turned}");
        let stranger = Replaces { from_tag: "guessed".to_owned(), ..replaces };
        assert!(!stranger.names(&dialog));
    }
}

#[test]
fn what_no_transfer_can_come_of_is_refused() {
    let nested = "Refer-To: <sip:2001@192.0.2.1?Replaces=call%3Bto-tag%3Da>\r\n";
    let twice = "Refer-To: <sip:2001@192.0.2.1?Replaces=c%3Bto-tag%3Da%3Bfrom-tag%3Db&Replaces=d>\r\n";
    for (headers, status) in [
        ("", 400),
        ("Refer-To: <sip:1@a>, <sip:2@b>\r\n", 400),
        ("Refer-To: 2001\r\n", 400),
        ("Refer-To: <https://example.com>\r\n", 416),
        (nested, 400),
        (twice, 400),
        ("Refer-To: <sip:2001@192.0.2.1>\r\nRequire: sec-agree\r\n", 420),
    ] {
        let mut world = World::new();
        let (_, tag) = agents(&mut world);
        refer(&mut world, 2, &tag, headers);
        assert_eq!(world.statuses(), [status], "{headers}");
        assert!(world.events.is_empty() && world.endpoint.session_count() == 1);
    }
    // Who may not refer; before the answer; outside calls; of no call.
    let mut world = World::new();
    let (_, tag) = world.answered();
    refer(&mut world, 2, &tag, TO_2001);
    assert_eq!(world.statuses(), [403]);
    world.receive(&request("REFER", 1, "<sip:8000@192.0.2.1>", "outside", TO_2001, ""));
    assert_eq!(world.statuses(), [403]);
    refer(&mut world, 9, "nobody", TO_2001);
    assert_eq!(world.statuses(), [481]);
    assert!(world.events.is_empty());
}

#[test]
fn who_wants_no_notes_gets_none() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, &format!("{TO_2001}Refer-Sub: false\r\nSupported: norefersub\r\n"));
    assert_eq!(world.last_response().headers.text("Refer-Sub").as_deref(), Some("false"));
    assert_eq!(world.statuses(), [202]);
    world.endpoint.tell_referral(world.now, session, Status::OK, true);
    world.drain();
    assert!(world.sent.is_empty());
    refer(&mut world, 3, &tag, TO_2001);
    assert_eq!(said(&notes(&mut world)), ["refer;id=3 active SIP/2.0 100 Trying"]);
}

#[test]
fn a_note_that_nobody_takes_ends_the_subscription_and_not_the_call() {
    for code in [Some(481), Some(500), None] {
        let mut world = World::new();
        let (session, tag) = agents(&mut world);
        refer(&mut world, 2, &tag, TO_2001);
        let first = notes(&mut world);
        world.endpoint.tell_referral(world.now, session, Status::RINGING, false);
        match code {
            Some(code) => take(&mut world, &first, code),
            None => world.pass(40_000),
        }
        world.sent.clear();
        world.endpoint.tell_referral(world.now, session, Status::OK, true);
        world.drain();
        assert!(notes(&mut world).is_empty(), "{code:?}");
        assert_eq!(world.endpoint.session_count(), 1, "{code:?}");
    }
}

#[test]
fn a_call_that_ends_while_it_is_transferred_says_nothing_more() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, TO_2001);
    let first = notes(&mut world);
    world.receive(&inside("BYE", 3, &tag, "bye", "", ""));
    world.endpoint.tell_referral(world.now, session, Status::OK, true);
    take(&mut world, &first, 200);
    assert!(notes(&mut world).is_empty());
    assert_eq!(world.endpoint.session_count(), 0);
}

/// RFC 3515 section 2.4.7: each REFER's subscription ends with a NOTIFY of its own.
#[test]
fn a_second_refer_does_not_swallow_the_last_word_of_the_first() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, TO_2001);
    let first = notes(&mut world);
    world.endpoint.tell_referral(world.now, session, Status::BUSY_HERE, true);
    world.drain();
    // The phone tries again before it has answered the first NOTIFY.
    refer(&mut world, 3, &tag, TO_2001);
    let mut heard: Vec<String> = notes(&mut world).into_iter().map(|(_, said)| said).collect();
    world.receive(&respond(&first[0].0, 200, "theirs", "", ""));
    heard.extend(notes(&mut world).into_iter().map(|(_, said)| said));
    assert!(heard.iter().any(|said| said.ends_with("486 Busy Here")), "{heard:?}");
}

#[test]
fn a_late_refusal_of_an_old_note_does_not_end_the_new_subscription() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, TO_2001);
    let first = notes(&mut world);
    world.receive(&respond(&first[0].0, 200, "theirs", "", ""));
    world.endpoint.tell_referral(world.now, session, Status::BUSY_HERE, true);
    world.drain();
    let last = notes(&mut world);
    refer(&mut world, 3, &tag, TO_2001);
    let second = notes(&mut world);
    world.receive(&respond(&last[0].0, 481, "theirs", "", ""));
    if let Some(second) = second.first() {
        world.receive(&respond(&second.0, 200, "theirs", "", ""));
    }
    world.endpoint.tell_referral(world.now, session, Status::OK, true);
    world.drain();
    let heard: Vec<String> = notes(&mut world).iter().map(|(_, said)| said.clone()).collect();
    assert!(heard.iter().any(|said| said.ends_with("200 OK")), "{heard:?}");
}

/// RFC 3515 section 2.1: what Refer-To asks for may be another method than INVITE.
#[test]
fn a_refer_to_another_method_is_no_transfer() {
    let mut world = World::new();
    let (_, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, "Refer-To: <sip:2001@192.0.2.1;method=BYE>\r\n");
    assert!(world.heard().is_empty());
}

/// A phone may refer again and again in one call; what it does not answer is bounded, what is over is dropped.
#[test]
fn transfers_that_are_over_leave_nothing_and_notes_that_nobody_answers_are_few() {
    let mut world = World::new();
    let (session, tag) = agents(&mut world);
    for number in 2..52 {
        refer(&mut world, number, &tag, &format!("{TO_2001}Refer-Sub: false\r\n"));
        assert_eq!(world.statuses(), [202]);
        world.endpoint.tell_referral(world.now, session, Status::BUSY_HERE, true);
    }
    let mut statuses = Vec::new();
    for number in 52..62 {
        refer(&mut world, number, &tag, TO_2001);
        statuses.extend(world.statuses());
        world.endpoint.tell_referral(world.now, session, Status::BUSY_HERE, true);
    }
    assert_eq!(statuses, [[202; 8].as_slice(), &[491; 2]].concat());
    // The NOTIFYs have timed out: there is room again.
    world.pass(70_000);
    world.sent.clear();
    refer(&mut world, 62, &tag, TO_2001);
    assert_eq!(world.statuses(), [202]);
}
