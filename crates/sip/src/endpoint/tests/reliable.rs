//! Reliable provisional answers (RFC 3262), both sides.

use super::*;
use crate::{Response, Status};

const REQUIRED: &str = "Require: 100rel\r\n";

impl World {
    /// A call from B that requires reliable provisional answers, let in; our tag and the RSeq of our 180.
    fn promised(&mut self) -> (SessionId, String, u32) {
        self.receive(&invite("i1", SDP, REQUIRED));
        let session = self.invited();
        self.endpoint.admit(self.now, session);
        self.drain();
        let (tag, number) = (self.our_tag(), rseq(self.last_response()).unwrap());
        (session, tag, number)
    }

    fn prack(&mut self, number: u32, tag: &str, rack: &str) -> u16 {
        let branch = format!("p{number}");
        self.receive(&inside("PRACK", number, tag, &branch, &format!("RAck: {rack}\r\n"), ""));
        self.last_response().status.code()
    }

    /// B answers provisionally.
    fn progress(&mut self, invite: &Request, tag: &str, rseq: u32, body: &str) -> Vec<Request> {
        self.sent.clear();
        let headers = format!("Require: 100rel\r\nRSeq: {rseq}\r\n");
        self.receive(&respond(invite, 183, tag, &headers, body));
        let request = |message: &Message| match message {
            Message::Request(request) => Some(request.clone()),
            Message::Response(_) => None,
        };
        self.sent.iter().filter_map(request).collect()
    }
}

fn rseq(response: &Response) -> Option<u32> {
    response.headers.text("RSeq")?.parse().ok()
}

#[test]
fn who_requires_it_gets_180_reliably_and_who_only_supports_it_does_not() {
    for (headers, rings) in [("Require: 100rel\r\n", true), ("Supported: 100rel\r\n", false), ("", false)] {
        let mut world = World::new();
        world.receive(&invite("i1", SDP, headers));
        let session = world.invited();
        world.endpoint.admit(world.now, session);
        world.drain();
        let ringing = world.last_response().clone();
        assert_eq!(ringing.status.code(), if rings { 180 } else { 100 }, "{headers}");
        assert_eq!(rseq(&ringing).is_some(), rings, "{headers}");
        world.endpoint.ring(world.now, session);
        world.drain();
        assert_eq!(world.last_response().status.code(), 180);
        assert_eq!(world.last_response().headers.count("Require"), usize::from(rings), "{headers}");
        world.sent.clear();
        world.pass(20_000);
        assert_eq!(world.statuses().is_empty(), !rings, "{headers}");
    }
}

/// 500 ms and twice as late each time, without the limit of 4 s that other copies have.
#[test]
fn a_180_without_prack_is_repeated_for_32_seconds_and_then_the_call_is_refused() {
    let mut world = World::new();
    world.promised();
    world.sent.clear();
    let mut times = Vec::new();
    while let Some(at) = world.endpoint.poll_timeout().filter(|_| times.len() < 6) {
        world.now = at;
        world.endpoint.handle_timeout(at);
        world.drain();
        if world.statuses() == [180] {
            times.push(at.ms());
        }
    }
    assert_eq!(times, [500, 1_500, 3_500, 7_500, 15_500, 31_500]);
    world.pass(1_000);
    assert_eq!(world.last_response().status.code(), 504);
    assert_eq!(world.heard(), ["ended TimedOut"]);
    world.pass(100_000);
    assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
}

#[test]
fn prack_ends_the_copies_once_and_what_matches_nothing_gets_481() {
    let mut world = World::new();
    let (session, tag, number) = world.promised();
    for (at, rack) in (2..).zip([format!("{} 1 INVITE", number + 1), format!("{number} 2 INVITE")]) {
        assert_eq!(world.prack(at, &tag, &rack), 481, "{rack}");
    }
    for (at, rack) in (4..).zip(["", "1", "1 1 INVITE x", "99999999999 1 INVITE", "-1 1 INVITE", "1 1 BYE"]) {
        assert_eq!(world.prack(at, &tag, rack), 400, "{rack}");
    }
    world.sent.clear();
    world.pass(600);
    assert_eq!(world.statuses(), [180], "still waiting");
    assert_eq!(world.prack(20, &tag, &format!("{number} 1 INVITE")), 200);
    world.sent.clear();
    world.pass(60_000);
    assert_eq!(world.statuses(), Vec::<u16>::new());
    assert_eq!(world.prack(21, &tag, &format!("{number} 1 INVITE")), 481, "once");
    world.accept(session);
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.heard(), ["connected"]);
    assert_eq!(world.prack(22, &tag, &format!("{number} 1 INVITE")), 481, "also later");
}

/// A 180 without description holds nothing up (RFC 3262 section 3), and its PRACK may have left before our 200 came.
#[test]
fn a_final_answer_ends_the_copies_and_a_late_prack_is_answered_but_is_no_ack() {
    let mut world = World::new();
    let (session, tag, number) = world.promised();
    world.accept(session);
    world.sent.clear();
    world.pass(3_000);
    assert!(world.statuses().iter().all(|status| *status == 200), "no further 180");
    assert_eq!(world.prack(2, &tag, &format!("{number} 1 INVITE")), 200);
    assert_eq!(world.heard(), Vec::<String>::new());
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.heard(), ["connected"]);
}

#[test]
fn a_refusal_or_a_withdrawal_ends_the_copies() {
    type End = fn(&mut World, SessionId);
    let ends: [(End, &[u16]); 2] = [
        (|world, session| world.endpoint.refuse(world.now, session, &Answer::new(Status::BUSY_HERE)), &[486]),
        (|world, _| world.receive(&request("CANCEL", 1, "<sip:8000@192.0.2.1>", "i1", "", "")), &[200, 487]),
    ];
    for (end, expected) in ends {
        let mut world = World::new();
        let (session, tag, number) = world.promised();
        world.sent.clear();
        end(&mut world, session);
        world.drain();
        assert_eq!(world.statuses(), expected);
        assert_eq!(world.prack(2, &tag, &format!("{number} 1 INVITE")), 481);
        world.sent.clear();
        world.pass(100_000);
        assert!(!world.statuses().contains(&180));
        assert_eq!((world.endpoint.session_count(), world.endpoint.transaction_count()), (0, 0));
    }
}

#[test]
fn who_offers_nothing_is_told_nothing_before_our_offer() {
    let mut world = World::new();
    world.receive(&invite("i1", "", REQUIRED));
    let session = world.invited();
    world.endpoint.admit(world.now, session);
    world.endpoint.ring(world.now, session);
    world.drain();
    assert_eq!(world.statuses(), [100]);
    world.accept(session);
    assert_eq!(world.statuses(), [200]);
}

#[test]
fn a_description_in_prack_is_refused_for_an_offer_is_open() {
    let mut world = World::new();
    let (_, tag, number) = world.promised();
    world.receive(&inside("PRACK", 2, &tag, "p", &format!("RAck: {number} 1 INVITE\r\n"), SDP));
    assert_eq!(world.last_response().status.code(), 400);
}

#[test]
fn support_is_said_where_it_is_wanted() {
    for (reliable, expected) in [(false, None), (true, Some("100rel"))] {
        let mut world = World::new();
        world.endpoint.dial(world.now, Dial { reliable, ..dial() });
        world.drain();
        assert_eq!(world.last_request().headers.text("Supported").as_deref(), expected);
    }
}

#[test]
fn each_reliable_answer_is_acknowledged_once_and_in_order() {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    let first = world.progress(&invite, "one", 7, "");
    assert_eq!(first[0].method, Method::Prack);
    assert_eq!(first[0].headers.text("RAck").unwrap(), "7 1 INVITE");
    assert_eq!(first[0].headers.text("CSeq").unwrap(), "2 PRACK");
    assert!(first[0].headers.text("To").unwrap().ends_with(";tag=one"));
    assert_eq!(first[0].uri, "sip:1001@192.0.2.2");
    world.receive(&respond(&first[0], 200, "one", "", ""));
    for passed_over in [7, 9, 6] {
        assert_eq!(world.progress(&invite, "one", passed_over, ""), [], "{passed_over}");
    }
    assert_eq!(world.progress(&invite, "one", 8, "")[0].headers.text("RAck").unwrap(), "8 1 INVITE");
    // Another branch counts by itself.
    assert_eq!(world.progress(&invite, "two", 900, "")[0].headers.text("CSeq").unwrap(), "2 PRACK");
    assert_eq!(world.heard(), ["ringing"]);
    world.receive(&respond(&invite, 200, "one", "", SDP));
    world.hang_up(session);
    assert_eq!(world.last_request().headers.text("CSeq").unwrap(), "4 BYE", "numbers of the branch go on");
    world.receive(&respond(&invite, 200, "two", "", SDP));
    assert_eq!(world.last_request().headers.text("CSeq").unwrap(), "3 BYE");
}

#[test]
fn an_unanswered_prack_is_repeated_and_a_copy_of_the_answer_brings_no_second() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    world.progress(&invite, "one", 1, "");
    world.sent.clear();
    world.pass(600);
    assert_eq!(world.methods(), ["PRACK"]);
    assert_eq!(world.progress(&invite, "one", 1, ""), []);
}

#[test]
fn an_answer_in_a_reliable_183_counts_when_the_200_repeats_none() {
    for (in_183, in_200, expected) in [
        (SDP, "", ["early", "connected"]),
        ("", "", ["ringing", "ended NoCommonAudio"]),
        (SDP, SDP, ["early", "connected"]),
    ] {
        let mut world = World::new();
        let (_, invite) = world.dialled();
        world.progress(&invite, "one", 1, in_183);
        world.receive(&respond(&invite, 200, "one", "", in_200));
        assert_eq!(world.heard(), expected);
    }
    // The answer of another branch is none of this one.
    let mut world = World::new();
    let (_, invite) = world.dialled();
    world.progress(&invite, "one", 1, &SDP.replace("4000", "4400"));
    world.progress(&invite, "two", 1, SDP);
    world.receive(&respond(&invite, 200, "one", "", ""));
    let remote = world.events.iter().find_map(|event| match event {
        Event::Connected { remote, .. } => Some(remote.rtp),
        _ => None,
    });
    assert_eq!(remote, "192.0.2.2:4400".parse().ok());
}

#[test]
fn a_reliable_answer_that_makes_no_dialog_still_rings() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    let headers = "Require: 100rel\r\nRSeq: 1\r\n";
    let bare = respond(&invite, 180, "x", headers, "").replace(";tag=x", "");
    world.receive(&bare);
    assert_eq!(world.methods(), Vec::<String>::new());
    for useless in ["RSeq: 0\r\n", "RSeq: x\r\n", "RSeq: 4294967296\r\n", ""] {
        world.receive(&respond(&invite, 180, "x", &format!("Require: 100rel\r\n{useless}"), ""));
        assert_eq!(world.methods(), Vec::<String>::new(), "{useless}");
    }
    assert_eq!(world.heard(), ["ringing"]);
}

#[test]
fn branches_without_number_are_not_remembered() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    let acknowledged = (0..200).filter(|nth| !world.progress(&invite, &format!("b{nth}"), 1, "").is_empty());
    assert_eq!(acknowledged.count(), 16);
}

#[test]
fn a_peer_that_never_stops_is_acknowledged_so_often_and_no_more() {
    let mut world = World::new();
    let (_, invite) = world.dialled();
    let acknowledged = (1..1_000).filter(|rseq| !world.progress(&invite, "one", *rseq, "").is_empty());
    assert_eq!(acknowledged.count(), 32);
    assert!(world.endpoint.transaction_count() < 40);
    world.receive(&respond(&invite, 200, "one", "", SDP));
    assert_eq!(world.heard(), ["ringing", "connected"]);
}
