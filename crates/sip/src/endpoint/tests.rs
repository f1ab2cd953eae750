//! Sessions on a virtual clock: two endpoints in one world, and a peer that speaks by hand.

mod encrypted;
mod limits;

use std::time::Duration;

use super::*;
use crate::{
    AudioCodec, Credentials, Direction, LocalAudio, Method, OfferedAudio, Request, Response, Security,
};

const A: &str = "192.0.2.1:5060";
const B: &str = "192.0.2.2:5060";
const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0 8 101\r\n\
                   a=rtpmap:101 telephone-event/8000\r\n";

fn flow(source: &str) -> Flow {
    Flow { transport: Transport::Udp, source: source.parse().unwrap() }
}

/// An endpoint at A whose peer at B is the test itself.
struct World {
    endpoint: Endpoint,
    now: Moment,
    sent: Vec<Message>,
    events: Vec<Event>,
}

impl World {
    fn new() -> World {
        World::limited(100, 1_000)
    }

    fn limited(max_sessions: usize, max_transactions: usize) -> World {
        let settings = EndpointSettings {
            local: A.parse().unwrap(),
            user_agent: "test".to_owned(),
            max_sessions,
            max_transactions,
        };
        let endpoint = Endpoint::new(settings, Random::new([3; 32]));
        World { endpoint, now: Moment::from_ms(0), sent: Vec::new(), events: Vec::new() }
    }

    fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { bytes, .. } => self.sent.push(parse_datagram(&bytes).unwrap()),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    fn receive(&mut self, text: &str) {
        self.endpoint.handle_datagram(self.now, flow(B), text.as_bytes());
        self.drain();
    }

    /// Lets timers fire up to `ms` from now, one by one.
    fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    fn statuses(&mut self) -> Vec<u16> {
        let status = |message: Message| match message {
            Message::Response(response) => Some(response.status.code()),
            Message::Request(_) => None,
        };
        self.sent.drain(..).filter_map(status).collect()
    }

    fn methods(&mut self) -> Vec<String> {
        let method = |message: Message| match message {
            Message::Request(request) => Some(request.method.to_string()),
            Message::Response(_) => None,
        };
        self.sent.drain(..).filter_map(method).collect()
    }

    fn last_response(&self) -> &Response {
        match self.sent.last() {
            Some(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    fn last_request(&self) -> Request {
        match self.sent.last() {
            Some(Message::Request(request)) => request.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Short names of the events so far.
    fn heard(&mut self) -> Vec<String> {
        let name = |event: Event| match event {
            Event::Invited { .. } => "invited".to_owned(),
            Event::Ringing { .. } => "ringing".to_owned(),
            Event::Connected { .. } => "connected".to_owned(),
            Event::Changed { remote, .. } => format!("changed {:?}", remote.direction),
            Event::Digit { key, .. } => format!("digit {key}"),
            Event::Ended { why, .. } => format!("ended {why:?}"),
            Event::Register { .. } => "register".to_owned(),
        };
        self.events.drain(..).map(name).collect()
    }

    fn invited(&mut self) -> SessionId {
        let found = self.events.iter().find_map(|event| match event {
            Event::Invited { session, .. } => Some(*session),
            _ => None,
        });
        self.events.clear();
        found.unwrap()
    }

    /// A call from B, answered and acknowledged.
    fn answered(&mut self) -> (SessionId, String) {
        self.receive(&invite("i1", SDP, ""));
        let session = self.invited();
        self.endpoint.accept(self.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
        self.drain();
        let tag = self.last_response().to().unwrap().tag().unwrap().to_owned();
        self.receive(&inside("ACK", 1, &tag, "a1", "", ""));
        assert_eq!(self.heard(), ["connected"]);
        self.sent.clear();
        (session, tag)
    }

    /// A call to B, with what was sent.
    fn dialled(&mut self) -> (SessionId, Request) {
        let session = self.endpoint.dial(self.now, dial());
        self.drain();
        let request = self.last_request();
        self.sent.clear();
        (session, request)
    }
}

fn dial() -> Dial {
    Dial {
        call_id: "out".to_owned(),
        uri: "sip:1001@192.0.2.2:5060".to_owned(),
        destination: flow(B).into(),
        caller: "8000".to_owned(),
        display: "inquiry 0:12".to_owned(),
        audio: LocalAudio {
            rtp: "192.0.2.1:20000".parse().unwrap(),
            codecs: vec![AudioCodec::Pcma, AudioCodec::Pcmu],
            direction: Direction::SendReceive,
            security: Security::default(),
            session_id: 9,
            version: 1,
        },
        credentials: None,
    }
}

fn invite(branch: &str, body: &str, headers: &str) -> String {
    request("INVITE", 1, "<sip:8000@192.0.2.1>", branch, headers, body)
}

fn inside(method: &str, number: u32, tag: &str, branch: &str, headers: &str, body: &str) -> String {
    request(method, number, &format!("<sip:8000@192.0.2.1>;tag={tag}"), branch, headers, body)
}

fn request(method: &str, number: u32, to: &str, branch: &str, headers: &str, body: &str) -> String {
    let kind = if body.is_empty() || headers.contains("Content-Type") {
        ""
    } else {
        "Content-Type: application/sdp\r\n"
    };
    format!(
        "{method} sip:8000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{branch}\r\n\
         From: <sip:caller@192.0.2.2>;tag=theirs\r\nTo: {to}\r\nCall-ID: call\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:caller@192.0.2.2>\r\nMax-Forwards: 70\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// B's answer to a request of A.
fn respond(request: &Request, code: u16, tag: &str, headers: &str, body: &str) -> String {
    let value = |name| request.headers.text(name).unwrap().into_owned();
    let to = value("To");
    let to = if to.contains("tag=") { to } else { format!("{to};tag={tag}") };
    format!(
        "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:1001@192.0.2.2>\r\n{headers}Content-Length: {}\r\n\r\n{body}",
        value("Via"),
        value("From"),
        value("Call-ID"),
        value("CSeq"),
        body.len()
    )
}

#[test]
fn copies_of_an_invite_make_one_call() {
    let mut world = World::new();
    for _ in 0..7 {
        world.receive(&invite("i1", SDP, ""));
    }
    let session = world.invited();
    world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
    world.drain();
    let tag = world.last_response().to().unwrap().tag().unwrap().to_owned();
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
    world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
    world.drain();
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
    let tag = world.last_response().to().unwrap().tag().unwrap().to_owned();
    world.sent.clear();
    world.receive(&inside("BYE", 2, &tag, "b1", "", ""));
    assert_eq!(world.statuses(), [200, 487]);
    assert_eq!(world.heard(), ["ended Cancelled"]);
}

#[test]
fn strangers_to_a_dialog_get_481_and_a_stray_ack_nothing() {
    let mut world = World::new();
    for (number, method) in ["BYE", "INFO", "UPDATE", "REFER", "OPTIONS", "INVITE"].into_iter().enumerate() {
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
        ("Require: 100rel\r\n", SDP, 420, "Unsupported"),
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
    for (method, status) in [("REFER", 405), ("MESSAGE", 405), ("PRACK", 405), ("JUMP", 501)] {
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
fn hold_and_resume_by_the_peer() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    let steps = [
        ("a=sendonly\r\n", "a=recvonly", vec!["changed SendOnly"]),
        ("a=inactive\r\n", "a=inactive", vec!["changed Inactive"]),
        ("a=sendrecv\r\n", "a=sendrecv", vec!["changed SendReceive"]),
        ("a=sendrecv\r\n", "a=sendrecv", vec![]),
    ];
    for (number, (attribute, answer, heard)) in (2..).zip(steps) {
        world.receive(&inside(
            "INVITE",
            number,
            &tag,
            &format!("r{number}"),
            "",
            &format!("{SDP}{attribute}"),
        ));
        let body = String::from_utf8(world.last_response().body.clone()).unwrap();
        assert!(body.contains(answer), "{body}");
        world.receive(&inside("ACK", number, &tag, &format!("k{number}"), "", ""));
        assert_eq!(world.heard(), heard);
    }
    let zero = SDP.replace("c=IN IP4 192.0.2.2", "c=IN IP4 0.0.0.0");
    world.receive(&inside("UPDATE", 9, &tag, "u", "", &zero));
    assert!(String::from_utf8_lossy(&world.last_response().body).contains("a=recvonly"));
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
        world.receive(&inside(
            "INVITE",
            number,
            &tag,
            &format!("r{number}"),
            "",
            &format!("{SDP}{attribute}"),
        ));
        let body = String::from_utf8(world.last_response().body.clone()).unwrap();
        versions.push(body.lines().nth(1).unwrap().split(' ').nth(2).unwrap().to_owned());
        world.receive(&inside("ACK", number, &tag, &format!("k{number}"), "", ""));
    }
    assert_eq!(versions, ["1", "2", "2"]);
}

#[test]
fn an_invite_without_offer_gets_one_and_answers_in_the_ack() {
    for (body, heard) in [(SDP, "connected"), ("", "ended NoCommonAudio")] {
        let mut world = World::new();
        world.receive(&invite("i1", "", ""));
        let session = world.invited();
        world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcma);
        world.drain();
        let response = world.last_response();
        assert!(String::from_utf8_lossy(&response.body).contains("m=audio 20000 RTP/AVP 8 0 9 96 97 98 101"));
        let tag = response.to().unwrap().tag().unwrap().to_owned();
        world.sent.clear();
        world.receive(&inside("ACK", 1, &tag, "a1", "", body));
        assert_eq!(world.heard(), [heard]);
        let expected: &[&str] = if body.is_empty() { &["BYE"] } else { &[] };
        assert_eq!(world.methods(), expected);
    }
}

#[test]
fn a_reinvite_without_offer_gets_a_full_one() {
    let mut world = World::new();
    let (_, tag) = world.answered();
    world.receive(&inside("INVITE", 2, &tag, "r", "", ""));
    assert!(String::from_utf8_lossy(&world.last_response().body).contains("a=sendrecv"));
    world.receive(&inside("ACK", 2, &tag, "k", "", &SDP.replace("4000", "4002")));
    assert_eq!(world.heard(), ["changed SendReceive"]);
}

#[test]
fn glare_is_answered_and_tried_again() {
    let mut world = World::new();
    let (session, tag) = world.answered();
    assert!(world.endpoint.reoffer(world.now, session, Direction::SendOnly));
    world.drain();
    let ours = world.last_request();
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
    assert!(world.endpoint.reoffer(world.now, session, Direction::SendOnly));
    assert!(!world.endpoint.reoffer(world.now, session, Direction::SendReceive));
    world.drain();
    let ours = world.last_request();
    assert!(String::from_utf8_lossy(&ours.body).contains("a=sendonly"));
    world.sent.clear();
    let body = format!("{SDP}a=recvonly\r\n");
    let ok = respond(&ours, 200, "t", "Content-Type: application/sdp\r\n", &body);
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
fn an_outbound_call_from_ring_to_bye() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    world.receive(&respond(&invite, 100, "t", "", ""));
    world.receive(&respond(&invite, 180, "t", "", ""));
    world.receive(&respond(&invite, 180, "t", "", ""));
    let ok = respond(&invite, 200, "t", "Content-Type: application/sdp\r\n", SDP);
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
    world.receive(&respond(&invite, 200, "one", "Content-Type: application/sdp\r\n", SDP));
    world.sent.clear();
    world.receive(&respond(&invite, 200, "two", "Content-Type: application/sdp\r\n", SDP));
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
    world.endpoint.hang_up(world.now, session, None);
    world.drain();
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
    world.endpoint.hang_up(world.now, session, None);
    world.drain();
    world.receive(&respond(&invite, 200, "t", "Content-Type: application/sdp\r\n", SDP));
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
    world.endpoint.hang_up(world.now, session, None);
    world.drain();
    world.pass(70_000);
    assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
    assert_eq!(world.heard(), ["ringing", "ended Ours"]);
}

#[test]
fn useless_answers_are_ended_cleanly() {
    for (tag, headers, body) in [
        ("t", "Content-Type: application/sdp\r\n", SDP.replace("0 8 101", "18")),
        ("t", "", String::new()),
        ("t", "Content-Type: application/sdp\r\n", SDP.replace("m=audio", "m=video")),
    ] {
        let mut world = World::new();
        let (_, invite) = world.dialled();
        world.receive(&respond(&invite, 200, tag, headers, &body));
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
fn session_timers_run_out_or_are_refreshed() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, "Supported: timer\r\nSession-Expires: 90\r\n"));
    let session = world.invited();
    world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
    world.drain();
    let response = world.last_response();
    assert_eq!(response.headers.text("Session-Expires").unwrap(), "90;refresher=uac");
    let tag = response.to().unwrap().tag().unwrap().to_owned();
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
    world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
    world.drain();
    let tag = world.last_response().to().unwrap().tag().unwrap().to_owned();
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    world.sent.clear();
    world.pass(45_100);
    assert_eq!(world.last_request().headers.text("Session-Expires").unwrap(), "90;refresher=uac");
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), AudioCodec::Pcmu);
    world.drain();
    let tag = world.last_response().to().unwrap().tag().unwrap().to_owned();
    world.endpoint.hang_up(world.now, session, None);
    world.drain();
    assert_eq!(world.heard(), ["ended Ours"]);
    world.sent.clear();
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.methods(), ["BYE"]);
    assert_eq!(world.heard(), Vec::<String>::new());
}

#[test]
fn responses_go_where_rport_and_received_say() {
    let mut world = World::new();
    let options = request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", "", "");
    for (via, expected) in [
        ("192.0.2.2;branch=z9hG4bKo1", "192.0.2.2:5060"),
        ("192.0.2.2:6060;branch=z9hG4bKo2", "192.0.2.2:6060"),
        ("10.0.0.1:6060;branch=z9hG4bKo3", "192.0.2.2:6060"),
        ("10.0.0.1:6060;rport;branch=z9hG4bKo4", "192.0.2.2:7070"),
    ] {
        let number = via.chars().last().unwrap();
        let text = options.replace("192.0.2.2;branch=z9hG4bKo\r\n", &format!("{via}\r\n"));
        let text = text.replace("CSeq: 1", &format!("CSeq: {number}"));
        world.endpoint.handle_datagram(world.now, flow("192.0.2.2:7070"), text.as_bytes());
        match world.endpoint.poll_output() {
            Some(Output::Send { destination, .. }) => {
                assert_eq!(destination.address, expected.parse().unwrap())
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn two_endpoints_talk_to_each_other() {
    let mut a = World::new();
    let (_, invite) = a.dialled();
    assert_eq!(invite.method, Method::Invite);
    let mut b = World::new();
    b.endpoint.settings.local = B.parse().unwrap();
    b.endpoint.handle_message(b.now, flow(A), Message::Request(invite));
    b.drain();
    let remote: Vec<OfferedAudio> = b
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Invited { remote, .. } => remote.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(remote[0].codecs, [AudioCodec::Pcma, AudioCodec::Pcmu]);
    let session = b.invited();
    b.endpoint.accept(b.now, session, B.parse().unwrap(), AudioCodec::Pcma);
    b.drain();
    let ok = b.sent.pop().unwrap();
    a.endpoint.handle_message(a.now, flow(B), ok);
    a.drain();
    assert_eq!(a.heard(), ["connected"]);
    let ack = a.sent.pop().unwrap();
    b.endpoint.handle_message(b.now, flow(A), ack);
    b.drain();
    assert_eq!(b.heard(), ["connected"]);
}
