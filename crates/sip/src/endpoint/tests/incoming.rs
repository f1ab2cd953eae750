//! Calls that come in: answered, cancelled, ended.

use super::*;

#[test]
fn copies_of_an_invite_make_one_call() {
    let mut world = World::new();
    for _ in 0..7 {
        world.receive(&invite("i1", SDP, ""));
    }
    let session = world.invited();
    let tag = world.accept(session);
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
    world.accept(session);
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
fn an_invite_without_offer_gets_one_and_answers_in_the_ack() {
    for (body, heard) in [(SDP, "connected"), ("", "ended NoCommonAudio")] {
        let mut world = World::new();
        world.receive(&invite("i1", "", ""));
        let session = world.invited();
        world.endpoint.accept(world.now, session, "192.0.2.1:20000".parse().unwrap(), Codec::Pcma);
        world.drain();
        assert!(world.last_body().contains("m=audio 20000 RTP/AVP 8 0 9 96 97 98 101"));
        let tag = world.our_tag();
        world.sent.clear();
        world.receive(&inside("ACK", 1, &tag, "a1", "", body));
        assert_eq!(world.heard(), [heard]);
        let expected: &[&str] = if body.is_empty() { &["BYE"] } else { &[] };
        assert_eq!(world.methods(), expected);
    }
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    world.hang_up(session);
    assert_eq!(world.heard(), ["ended Ours"]);
    world.sent.clear();
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.methods(), ["BYE"]);
    assert_eq!(world.heard(), Vec::<String>::new());
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
    let tag = world.rings();
    world.receive(&inside("BYE", 2, &tag, "b1", "", ""));
    assert_eq!(world.statuses(), [200, 487]);
    assert_eq!(world.heard(), ["ended Cancelled"]);
}

#[test]
fn a_via_that_only_its_own_network_knows_is_answered_where_the_packet_came_from() {
    for (sent_by, port) in [
        ("10.0.0.7:5060", 40_000),
        ("192.168.1.2", 40_000),
        ("192.0.2.9:5070", 5_070),
        ("192.0.2.2:5080", 5_080),
    ] {
        let mut world = World::new();
        let text = request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", "", "")
            .replace("UDP 192.0.2.2;", &format!("UDP {sent_by};"));
        world.endpoint.handle_datagram(world.now, flow("192.0.2.2:40000"), text.as_bytes());
        let Some(Output::Send { destination, .. }) = world.endpoint.poll_output() else {
            panic!("no answer")
        };
        assert_eq!(destination.address, format!("192.0.2.2:{port}").parse().unwrap(), "{sent_by}");
    }
}

#[test]
fn descriptions_that_are_not_quite_right_or_stand_among_other_parts_are_taken() {
    let parts = format!(
        "--b\r\nContent-Type: application/isup\r\n\r\nx\r\n--b\r\nContent-Type: application/sdp\r\n\r\n{SDP}--b--\r\n"
    );
    for (headers, body) in [
        ("", SDP.replace("c=IN IP4 192.0.2.2", "c=IN IP4 pbx.example.com")),
        ("", format!("{SDP}\0")),
        ("", format!("{SDP}end\r\n")),
        ("Content-Type: multipart/mixed;boundary=b\r\n", parts),
    ] {
        let mut world = World::new();
        world.receive(&invite("i1", &body, headers));
        let Some(Event::Invited { remote: Some(remote), .. }) = world.events.first() else {
            panic!("{:?}", world.last_response())
        };
        assert_eq!(remote.rtp, "192.0.2.2:4000".parse().unwrap());
        // Likewise in an answer.
        let mut world = World::new();
        let (_, invite) = world.dialled();
        world.receive(&respond(&invite, 200, "one", headers, &body));
        assert_eq!(world.heard(), ["connected"]);
    }
}

/// We send no provisional answer but 100, which need not be reliable (RFC 3262 section 3).
#[test]
fn who_requires_reliable_provisional_answers_is_answered() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, "Require: 100rel\r\n"));
    let session = world.invited();
    let tag = world.accept(session);
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.heard(), ["connected"]);
}

/// A phone behind address translation that knows its outer address and not its outer port: nobody listens at its
/// Contact.
#[test]
fn where_packets_come_from_is_tried_beside_a_contact_with_another_port() {
    let mut world = World::new();
    let outer = "192.0.2.2:40123";
    let at = |text: String| {
        text.replace("Contact: <sip:caller@192.0.2.2>", "Contact: <sip:caller@192.0.2.2:5060>")
    };
    let receive = |world: &mut World, text: String| {
        world.endpoint.handle_datagram(world.now, flow(outer), at(text).as_bytes());
        world.drain();
    };
    receive(&mut world, invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    receive(&mut world, inside("ACK", 1, &tag, "a1", "", ""));
    world.sent_to.clear();
    world.hang_up(session);
    world.pass(600);
    assert_eq!(world.sent_to, ["192.0.2.2:5060", outer, "192.0.2.2:5060"], "the copy goes to both");
}

#[test]
fn nothing_is_heard_of_a_call_that_was_hung_up_before_its_ack() {
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    let tag = world.accept(session);
    // Shows that the 200 arrived, so that a further offer is taken.
    world.receive(&inside("OPTIONS", 2, &tag, "o", "", ""));
    world.hang_up(session);
    world.receive(&inside("INFO", 3, &tag, "n", "Content-Type: application/dtmf\r\n", "5"));
    world.receive(&inside("INVITE", 4, &tag, "r", "", SDP));
    assert_eq!(world.heard(), ["connected", "ended Ours"]);
    world.receive(&inside("ACK", 4, &tag, "a", "", ""));
    assert_eq!(world.methods(), ["BYE"]);
}

#[test]
fn the_session_timer_runs_from_our_200_however_long_it_rang() {
    let mut world = World::new();
    let wish = "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n";
    world.receive(&invite("i1", SDP, wish));
    let session = world.invited();
    world.pass(120_000);
    let tag = world.accept(session);
    world.receive(&inside("ACK", 1, &tag, "a", "", ""));
    world.pass(59_000);
    assert_eq!(world.heard(), ["connected"]);
    world.pass(2_000);
    assert_eq!(world.heard(), ["ended TimedOut"]);
}

#[test]
fn audio_before_the_answer_is_described_once_and_the_answer_says_the_same() {
    let rtp = "192.0.2.1:20000".parse().unwrap();
    let mut world = World::new();
    world.receive(&invite("i1", SDP, ""));
    let session = world.invited();
    world.sent.clear();
    for _ in 0..2 {
        world.endpoint.progress(world.now, session, rtp, Codec::Pcma);
        world.drain();
    }
    let said = world.last_body();
    assert_eq!(world.statuses(), [183], "once");
    assert!(said.contains("m=audio 20000 RTP/AVP 8"), "{said}");
    let tag = world.accept(session);
    let answered = world.last_body();
    assert_eq!((world.statuses(), answered), (vec![200], said));
    world.receive(&inside("ACK", 1, &tag, "a1", "", ""));
    assert_eq!(world.heard(), ["connected"]);
}

#[test]
fn who_offers_nothing_or_wants_it_reliable_is_rung_instead_of_hearing_audio() {
    for (body, further) in [("", ""), (SDP, "Require: 100rel\r\n")] {
        let mut world = World::new();
        world.receive(&invite("i1", body, further));
        let session = world.invited();
        world.sent.clear();
        world.endpoint.progress(world.now, session, "192.0.2.1:20000".parse().unwrap(), Codec::Pcma);
        world.drain();
        assert_eq!((world.last_body(), world.statuses()), (String::new(), vec![180]), "{further}");
    }
}
