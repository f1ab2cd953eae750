//! To whom a peer is connected (RFC 3325), by UPDATE or re-INVITE.

use super::*;

/// A call that we made stands; its peer takes UPDATE, or does not.
fn standing(takes_update: bool) -> (World, SessionId) {
    let mut world = World::new();
    let (session, invite) = world.dialled();
    let update = if takes_update { ", UPDATE" } else { "" };
    world.receive(&respond(&invite, 200, "desk", &format!("Allow: INVITE, ACK, BYE{update}\r\n"), SDP));
    world.sent.clear();
    (world, session)
}

/// Shows the peer this one; the last request since.
fn show(world: &mut World, session: SessionId, number: Option<&str>, display: &str) -> Request {
    world.endpoint.show(world.now, session, number, display);
    world.drain();
    world.last_request()
}

#[test]
fn a_peer_is_shown_to_whom_it_is_connected() {
    for takes_update in [true, false] {
        let (mut world, session) = standing(takes_update);
        let shown = show(&mut world, session, Some("13800000000"), "inquiry \"zh\"");
        assert_eq!(shown.method, if takes_update { Method::Update } else { Method::Invite });
        assert_eq!(shown.body.is_empty(), takes_update);
        let identity = shown.headers.text("P-Asserted-Identity").unwrap().into_owned();
        assert_eq!(identity, "\"inquiry \\\"zh\\\"\" <sip:13800000000@192.0.2.1>");
        // A phone that refuses it keeps its call.
        world.receive(&respond(&shown, 488, "desk", "", ""));
        world.sent.clear();
        let shown = show(&mut world, session, None, "");
        assert_eq!(shown.headers.text("Privacy").as_deref(), Some("id"));
        assert_eq!(world.endpoint.session_count(), 1);
    }
}

/// Without UPDATE: the identity that changes while a re-INVITE is under way is shown after it.
#[test]
fn the_last_identity_is_the_one_that_is_shown() {
    let (mut world, session) = standing(false);
    let shown = show(&mut world, session, Some("111"), "");
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
    let (mut world, session) = standing(true);
    world.heard();
    let shown = show(&mut world, session, Some("111"), "");
    world.receive(&respond(&shown, 481, "desk", "", ""));
    assert_eq!(world.heard(), ["ended TimedOut"]);
}

/// RFC 3261 section 21.4.6: an Allow may be wrong. The identity follows when our own re-INVITE is over.
#[test]
fn who_refuses_update_after_all_is_shown_by_a_reinvite() {
    for is_busy in [false, true] {
        let (mut world, session) = standing(true);
        let update = show(&mut world, session, Some("111"), "");
        let hold = is_busy.then(|| world.reoffer(session, Direction::SendOnly));
        world.sent.clear();
        world.receive(&respond(&update, 405, "desk", "", ""));
        if let Some(hold) = hold {
            assert!(world.sent.is_empty(), "one re-INVITE at a time");
            world.receive(&respond(&hold, 200, "desk", "", SDP));
        }
        let shown = world.last_request();
        assert_eq!(shown.method, Method::Invite);
        let identity = shown.headers.text("P-Asserted-Identity").unwrap().into_owned();
        assert_eq!(identity, "<sip:111@192.0.2.1>");
    }
}

/// The peer's own re-INVITE crosses ours: 491, a pause, and the identity comes after all (RFC 3261 section 14.1).
#[test]
fn an_identity_that_meets_the_peers_own_change_is_shown_later() {
    let (mut world, session) = standing(false);
    let shown = show(&mut world, session, Some("111"), "");
    world.receive(&respond(&shown, 491, "desk", "", ""));
    world.sent.clear();
    world.pass(5_000);
    let again = world.sent.iter().find_map(|message| match message {
        Message::Request(request) if request.method == Method::Invite => Some(request),
        Message::Request(_) | Message::Response(_) => None,
    });
    assert!(again.unwrap().headers.text("P-Asserted-Identity").unwrap().contains("111"));
    assert_eq!(world.endpoint.session_count(), 1);
}
