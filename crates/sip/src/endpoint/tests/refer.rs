//! REFER (RFC 3515), its subscription (RFC 6665, RFC 4488), Replaces (RFC 3891), and to whom a peer is connected.

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

#[test]
fn a_peer_is_shown_to_whom_it_is_connected() {
    for takes_update in [true, false] {
        let mut world = World::new();
        let (session, invite) = world.dialled();
        let allow =
            if takes_update { "Allow: INVITE, ACK, BYE, UPDATE\r\n" } else { "Allow: INVITE, ACK, BYE\r\n" };
        world.receive(&respond(&invite, 200, "desk", allow, SDP));
        world.sent.clear();
        world.endpoint.show(world.now, session, Some("13800000000"), "inquiry \"zh\"");
        world.drain();
        let shown = world.last_request();
        assert_eq!(shown.method, if takes_update { Method::Update } else { Method::Invite });
        assert_eq!(shown.body.is_empty(), takes_update);
        let identity = shown.headers.text("P-Asserted-Identity").unwrap().into_owned();
        assert_eq!(identity, "\"inquiry \\\"zh\\\"\" <sip:13800000000@192.0.2.1>");
        // A phone that refuses it keeps its call.
        world.receive(&respond(&shown, 488, "desk", "", ""));
        world.sent.clear();
        world.endpoint.show(world.now, session, None, "");
        world.drain();
        let shown = world.last_request();
        assert_eq!(shown.headers.text("Privacy").as_deref(), Some("id"));
        assert_eq!(world.endpoint.session_count(), 1);
    }
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

/// RFC 3515 section 2.1: what Refer-To asks for may be another method than INVITE.
#[test]
fn a_refer_to_another_method_is_no_transfer() {
    let mut world = World::new();
    let (_, tag) = agents(&mut world);
    refer(&mut world, 2, &tag, "Refer-To: <sip:2001@192.0.2.1;method=BYE>\r\n");
    assert!(world.heard().is_empty());
}

/// Without UPDATE: the identity that changes while a re-INVITE is under way is shown after it.
#[test]
fn the_last_identity_is_the_one_that_is_shown() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 200, "desk", "Allow: INVITE, ACK, BYE\r\n", SDP));
    world.sent.clear();
    world.endpoint.show(world.now, session, Some("111"), "");
    world.drain();
    let shown = world.last_request();
    world.endpoint.show(world.now, session, Some("222"), "");
    world.drain();
    world.sent.clear();
    world.receive(&respond(&shown, 200, "desk", "", SDP));
    world.pass(5_000);
    let said: Vec<String> = world
        .sent
        .iter()
        .filter_map(|message| match message {
            Message::Request(request) => {
                request.headers.text("P-Asserted-Identity").map(|text| text.into_owned())
            }
            Message::Response(_) => None,
        })
        .collect();
    assert!(said.iter().any(|text| text.contains("222")), "{said:?}");
}

/// RFC 5057 section 5.1: 481 to a request in the dialog ends the call; the UPDATE that shows somebody is one.
#[test]
fn an_update_that_shows_somebody_to_a_peer_without_the_call_ends_it() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 200, "desk", "Allow: INVITE, ACK, BYE, UPDATE\r\n", SDP));
    world.sent.clear();
    world.heard();
    world.endpoint.show(world.now, session, Some("111"), "");
    world.drain();
    let shown = world.last_request();
    world.receive(&respond(&shown, 481, "desk", "", ""));
    assert_eq!(world.heard(), ["ended TimedOut"]);
}
