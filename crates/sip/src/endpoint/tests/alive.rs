//! Whether a peer lives: questions in a dialog, session timers that we start, calls without any answer, pings.

use std::time::Duration;

use super::*;

const TIMER: &str = "Supported: timer\r\n";

impl World {
    fn patient(session_interval: Option<u32>, provisional_s: Option<u64>) -> World {
        let mut world = World::new();
        let provisional = provisional_s.map(Duration::from_secs);
        world.endpoint = world.endpoint.with_patience(Patience { session_interval, provisional });
        world
    }

    /// A call from B with these headers, answered and acknowledged; our tag.
    fn stands(&mut self, headers: &str) -> (SessionId, String) {
        self.receive(&invite("i1", SDP, headers));
        let session = self.invited();
        let tag = self.accept(session);
        self.receive(&inside("ACK", 1, &tag, "a1", "", ""));
        assert_eq!(self.heard(), ["connected"]);
        (session, tag)
    }

    fn ask(&mut self, session: SessionId) -> Request {
        self.sent.clear();
        self.endpoint.ask(self.now, session);
        self.drain();
        self.last_request()
    }

    fn is_empty_after_all(&mut self) {
        self.pass(100_000);
        assert_eq!((self.endpoint.session_count(), self.endpoint.transaction_count()), (0, 0));
    }
}

#[test]
fn a_peer_that_answers_lives_whatever_it_says() {
    for code in [200, 401, 405, 491, 500, 501, 503] {
        let mut world = World::new();
        let (session, _) = world.answered();
        let options = world.ask(session);
        assert_eq!(options.method, Method::Options);
        world.receive(&respond(&options, code, "theirs", "", ""));
        world.pass(60_000);
        assert_eq!(world.heard(), Vec::<String>::new(), "{code}");
    }
}

#[test]
fn a_peer_that_has_lost_the_call_is_hung_up() {
    for code in [404, 408, 410, 480, 481, 604] {
        let mut world = World::new();
        let (session, _) = world.answered();
        let options = world.ask(session);
        world.receive(&respond(&options, code, "theirs", "", ""));
        assert_eq!(world.last_request().method, Method::Bye);
        assert_eq!(world.heard(), ["ended TimedOut"], "{code}");
        world.is_empty_after_all();
    }
}

#[test]
fn a_peer_that_does_not_answer_is_gone_after_sixteen_seconds() {
    let mut world = World::new();
    let (session, _) = world.answered();
    world.ask(session);
    world.pass(15_900);
    world.ask_again_does_nothing(session);
    assert_eq!(world.heard(), Vec::<String>::new());
    world.pass(200);
    assert_eq!(world.heard(), ["ended TimedOut"]);
    world.is_empty_after_all();
}

impl World {
    fn ask_again_does_nothing(&mut self, session: SessionId) {
        self.sent.clear();
        self.endpoint.ask(self.now, session);
        self.drain();
        assert!(self.sent.is_empty(), "one question at a time");
    }
}

#[test]
fn a_request_of_the_peer_answers_the_question_too() {
    let mut world = World::new();
    let (session, tag) = world.answered();
    world.ask(session);
    world.receive(&inside("INFO", 2, &tag, "n", "Content-Type: application/dtmf\r\n", "5"));
    world.pass(14_000);
    assert_eq!(world.heard(), ["digit 5"]);
}

#[test]
fn nobody_is_asked_before_the_ack_or_after_the_end() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.accept(session);
    world.ask_again_does_nothing(session);
    world.pass(33_000);
    assert_eq!(world.heard(), ["ended TimedOut"], "never acknowledged");
    world.ask_again_does_nothing(session);
}

#[test]
fn we_ask_for_a_session_timer_where_the_caller_knows_them() {
    for (headers, expected) in [
        (TIMER, Some("1800;refresher=uas")),
        ("", None),
        ("Supported: timer\r\nMin-SE: 3600\r\n", Some("3600;refresher=uas")),
        ("Supported: timer\r\nSession-Expires: 7200;refresher=uas\r\n", Some("1800;refresher=uas")),
        ("Supported: timer\r\nSession-Expires: 7200;refresher=uac\r\n", Some("1800;refresher=uac")),
        ("Supported: timer\r\nSession-Expires: 600;refresher=uas\r\n", Some("600;refresher=uas")),
    ] {
        let mut world = World::patient(Some(1_800), None);
        world.receive(&invite("i1", SDP, headers));
        let session = world.invited();
        world.accept(session);
        let said = world.last_response().headers.text("Session-Expires").map(|text| text.into_owned());
        assert_eq!(said.as_deref(), expected, "{headers}");
    }
}

#[test]
fn we_refresh_by_update_where_that_is_allowed_and_else_by_reinvite() {
    for (allow, expected) in [("Allow: INVITE, UPDATE\r\n", Method::Update), ("", Method::Invite)] {
        let mut world = World::patient(Some(90), None);
        world.stands(&format!("{TIMER}{allow}"));
        for _ in 0..3 {
            world.sent.clear();
            world.pass(45_100);
            let refresh = world.sent.iter().find_map(|message| match message {
                Message::Request(request) => Some(request.clone()),
                Message::Response(_) => None,
            });
            let refresh = refresh.unwrap();
            assert_eq!(refresh.method, expected);
            assert_eq!(refresh.headers.text("Session-Expires").unwrap(), "90;refresher=uac");
            let (kind, body) = if expected == Method::Invite { (TIMER, SDP) } else { (TIMER, "") };
            world.receive(&respond(&refresh, 200, "theirs", kind, body));
        }
        // A description, the same one too, is where the peer's audio is learnt again.
        assert!(world.heard().iter().all(|event| event.starts_with("changed")));
        // Then the peer is silent.
        world.pass(45_100 + 33_000);
        assert_eq!(world.heard(), ["ended TimedOut"]);
        world.is_empty_after_all();
    }
}

#[test]
fn an_update_that_is_not_taken_after_all_becomes_a_reinvite() {
    let mut world = World::patient(Some(90), None);
    world.stands("Supported: timer\r\nAllow: UPDATE\r\n");
    world.pass(45_100);
    let update = world.last_request();
    world.receive(&respond(&update, 405, "theirs", "", ""));
    assert_eq!(world.last_request().method, Method::Invite);
}

#[test]
fn a_call_of_ours_asks_for_a_timer_and_takes_what_it_gets() {
    for (said, refreshes, ends) in [
        ("Session-Expires: 90;refresher=uac\r\n", true, false),
        ("Require: timer\r\nSession-Expires: 90;refresher=uas\r\n", false, true),
        ("", false, false),
    ] {
        let mut world = World::patient(Some(1_800), None);
        let (_, invite) = world.dialled();
        assert_eq!(invite.headers.text("Session-Expires").unwrap(), "1800;refresher=uac");
        assert_eq!(invite.headers.text("Supported").unwrap(), "timer");
        world.receive(&respond(&invite, 200, "theirs", said, SDP));
        world.sent.clear();
        world.pass(46_000);
        assert_eq!(world.methods().contains(&"INVITE".to_owned()), refreshes, "{said}");
        world.pass(16_000);
        assert_eq!(world.heard().contains(&"ended TimedOut".to_owned()), ends, "{said}");
    }
}

#[test]
fn an_interval_that_is_too_short_for_the_peer_is_lengthened() {
    let mut world = World::patient(Some(90), None);
    let (_, invite) = world.dialled();
    world.receive(&respond(&invite, 422, "t", "Min-SE: 600\r\n", ""));
    let again = world.last_request();
    assert_eq!(again.headers.text("Session-Expires").unwrap(), "600;refresher=uac");
    assert_eq!(again.headers.text("Min-SE").unwrap(), "600");
    assert_eq!(again.headers.text("CSeq").unwrap(), "2 INVITE");
    world.receive(&respond(&again, 200, "t", "Session-Expires: 600;refresher=uac\r\n", SDP));
    assert_eq!(world.heard(), ["connected"]);

    let mut stubborn = World::patient(Some(90), None);
    let (_, mut invite) = stubborn.dialled();
    for _ in 0..4 {
        stubborn.receive(&respond(&invite, 422, "t", "Min-SE: 600\r\n", ""));
        if let Some(Message::Request(request)) = stubborn.sent.last() {
            invite = request.clone();
        }
    }
    assert_eq!(stubborn.heard(), ["ended Refused(Status(422))"]);
}

#[test]
fn a_call_without_any_answer_is_given_up_early_and_ended_whenever_it_answers() {
    for late in [None, Some(180), Some(200)] {
        let mut world = World::patient(None, Some(4));
        let (_, invite) = world.dialled();
        world.pass(3_900);
        assert_eq!(world.heard(), Vec::<String>::new());
        world.pass(200);
        assert_eq!(world.heard(), ["ended TimedOut"]);
        world.sent.clear();
        world.pass(10_000);
        assert_eq!(world.methods(), Vec::<String>::new(), "no further copies");
        if let Some(code) = late {
            world.receive(&respond(&invite, code, "t", "", if code == 200 { SDP } else { "" }));
            let expected: &[&str] = if code == 200 { &["ACK", "BYE"] } else { &["CANCEL"] };
            assert_eq!(world.methods(), expected);
        }
        world.is_empty_after_all();
        assert_eq!(world.heard(), Vec::<String>::new());
    }
}

#[test]
fn any_answer_in_time_keeps_a_call() {
    for code in [100, 180, 183] {
        let mut world = World::patient(None, Some(4));
        let (_, invite) = world.dialled();
        world.pass(3_900);
        world.receive(&respond(&invite, code, "t", "", ""));
        world.pass(120_000);
        assert!(!world.heard().contains(&"ended TimedOut".to_owned()), "{code}");
    }
}

#[test]
fn a_200_that_makes_no_dialog_is_acknowledged_and_ended_once() {
    type Change = fn(String) -> String;
    let cases: [(&str, Change); 5] = [
        ("no To tag", |ok| ok.replace(";tag=t\r\n", "\r\n")),
        ("no Contact", |ok| ok.replace("Contact: <sip:1001@192.0.2.2>\r\n", "")),
        ("neither", |ok| ok.replace(";tag=t\r\n", "\r\n").replace("Contact: <sip:1001@192.0.2.2>\r\n", "")),
        ("broken Contact", |ok| ok.replace("Contact: <sip:1001@192.0.2.2>", "Contact: <<<")),
        ("broken To", |ok| ok.replace("To: <sip", "To: <<<sip")),
    ];
    for (name, change) in cases {
        let mut world = World::new();
        let (_, invite) = world.dialled();
        let ok = change(respond(&invite, 200, "t", "", SDP));
        world.receive(&ok);
        let uris: Vec<String> = world
            .sent
            .iter()
            .filter_map(|sent| match sent {
                Message::Request(request) => Some(request.uri.clone()),
                Message::Response(_) => None,
            })
            .collect();
        assert!(uris.iter().all(|uri| uri.contains("@192.0.2.2")), "{name}: {uris:?}");
        assert_eq!(world.methods(), ["ACK", "BYE"], "{name}");
        world.receive(&ok);
        assert_eq!(world.methods(), ["ACK"], "{name}: a copy is acknowledged, not ended again");
        assert_eq!(world.heard(), ["ended Refused(Status(500))"], "{name}");
        world.is_empty_after_all();
    }
}

#[test]
fn copies_of_an_unusable_200_are_acknowledged_and_ended_once() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    let ok = respond(&invite, 200, "t", "", "");
    world.receive(&ok);
    world.receive(&ok);
    assert_eq!(world.methods(), ["ACK", "BYE", "ACK"]);
    assert_eq!(world.heard(), ["ended NoCommonAudio"]);
}

#[test]
fn a_contact_is_reachable_when_it_answers_anything() {
    for (code, reachable) in [(200, true), (404, true), (501, true), (480, false), (503, false)] {
        let mut world = World::new();
        world.endpoint.ping(world.now, "sip:1001@192.0.2.2:5060", flow(B).into(), "ping");
        world.drain();
        let options = world.last_request();
        world.receive(&respond(&options, code, "t", "", ""));
        assert_eq!(world.heard(), [format!("pinged {reachable}")]);
    }
    let mut silent = World::new();
    silent.endpoint.ping(silent.now, "sip:1001@192.0.2.2:5060", flow(B).into(), "ping");
    silent.pass(8_100);
    assert_eq!(silent.heard(), ["pinged false"]);
    silent.is_empty_after_all();
}

/// A request of the peer overtakes its ACK, which then comes, or never does.
#[test]
fn a_request_before_the_ack_shows_that_the_call_stands() {
    let reinvite = ("INVITE", "", SDP.replace("4000", "4002"), "changed SendReceive");
    let update = ("UPDATE", "", SDP.replace("4000", "4002"), "changed SendReceive");
    let key = ("INFO", "Content-Type: application/dtmf\r\n", "5".to_owned(), "digit 5");
    for (method, headers, body, expected) in [reinvite, update, key] {
        let mut world = World::new();
        world.receive(&invite("i1", SDP, ""));
        let session = world.invited();
        let tag = world.accept(session);
        world.receive(&inside(method, 2, &tag, "early", headers, &body));
        assert_eq!(world.last_response().status.code(), 200, "{method}");
        assert_eq!(world.heard(), ["connected", expected]);
        world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
        if method == "INVITE" {
            world.receive(&inside("ACK", 2, &tag, "a2", "", ""));
        }
        world.pass(60_000);
        assert_eq!(world.heard(), Vec::<String>::new(), "connected once");
        world.hang_up(session);
        assert_eq!(world.heard(), ["ended Ours"]);
    }
}

#[test]
fn a_bye_before_the_ack_ends_the_call_and_an_ack_that_never_comes_does_too() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("BYE", 2, &tag, "b", "", ""));
    assert_eq!(world.heard(), ["ended HungUp"]);

    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("OPTIONS", 2, &tag, "o", "", ""));
    world.pass(33_000);
    assert_eq!(world.heard(), ["connected", "ended TimedOut"]);
}

#[test]
fn an_offer_of_ours_waits_for_the_ack_that_answers_it() {
    let mut world = World::new();
    world.receive(&invite("i1", "", ""));
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("INVITE", 2, &tag, "early", "", SDP));
    assert_eq!(world.last_response().status.code(), 491);
    world.receive(&inside("ACK", 1, &tag, "a1", "", SDP));
    assert_eq!(world.heard(), ["connected"]);
}
