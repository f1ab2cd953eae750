//! Services of RFC 5359 by their names there, as a center between the phones speaks them: each phone has a call with the center, which
//! joins them. The transfers (sections 2.4 and 2.5) are in `transfers`.

use super::net::{AGENT, CENTER, Net, TARGET};
use super::*;
use crate::Status;

/// What the center hears of its peers' audio.
fn changes(net: &mut Net) -> Vec<Direction> {
    let change = |event: Event| match event {
        Event::Changed { remote, .. } => Some(remote.direction),
        _ => None,
    };
    net.heard[CENTER].drain(..).filter_map(change).collect()
}

fn offers(net: &mut Net, session: SessionId, direction: Direction) {
    assert!(net.endpoints[AGENT].reoffer(net.now, session, direction));
    net.run();
}

/// A phone that is dialled says this at once; what the center hears of it.
fn refused(net: &mut Net, answer: &Answer) -> Vec<String> {
    let (_, target) = net.ring(CENTER, TARGET);
    net.heard[CENTER].clear();
    net.endpoints[TARGET].refuse(net.now, target, answer);
    net.run();
    let heard = |event: Event| match event {
        Event::Redirected { .. } => Some("redirected".to_owned()),
        Event::Ended { why, .. } => Some(format!("{why:?}")),
        _ => None,
    };
    net.heard[CENTER].drain(..).filter_map(heard).collect()
}

/// 2.1, and 2.3: who holds is sent the center's music by the description that the call has anyway.
#[test]
fn call_hold_with_music() {
    let mut net = Net::new();
    let (_, agent) = net.call(CENTER, AGENT);
    net.ladder();
    for (direction, seen) in
        [(Direction::SendOnly, Direction::SendOnly), (Direction::SendReceive, Direction::SendReceive)]
    {
        offers(&mut net, agent, direction);
        assert_eq!(net.ladder(), ["agent INVITE", "center 200 INVITE", "agent ACK"]);
        assert_eq!(changes(&mut net), [seen]);
    }
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// 2.2: the phone holds, has a second call, and takes the first one back.
#[test]
fn consultation_hold() {
    let mut net = Net::new();
    let (_, first) = net.call(CENTER, AGENT);
    offers(&mut net, first, Direction::SendOnly);
    let (second, _) = net.call(AGENT, CENTER);
    assert_eq!(net.calls(), [2, 2, 0]);
    net.ladder();
    net.hang_up(AGENT, second);
    offers(&mut net, first, Direction::SendReceive);
    let expected = ["agent BYE", "center 200 BYE", "agent INVITE", "center 200 INVITE", "agent ACK"];
    assert_eq!(net.ladder(), expected);
    assert_eq!(changes(&mut net), [Direction::SendOnly, Direction::SendReceive]);
    assert_eq!(net.calls(), [1, 1, 0]);
}

/// 2.7 and 2.8: the phone sends the call on, or is busy, and the center calls another.
#[test]
fn call_forwarding_unconditional_and_busy() {
    let elsewhere = Answer::new(Status::new(302).unwrap()).with("Contact", "<sip:agent@192.0.2.2>");
    for (answer, heard) in [
        (elsewhere, vec!["redirected".to_owned(), "Refused(Status(302))".to_owned()]),
        (Answer::new(Status::BUSY_HERE), vec!["Refused(Status(486))".to_owned()]),
    ] {
        let mut net = Net::new();
        assert_eq!(refused(&mut net, &answer), heard);
        assert_eq!(net.calls(), [0, 0, 0]);
        net.call(CENTER, AGENT);
        assert_eq!(net.calls(), [1, 1, 0]);
    }
}

/// 2.9, and 2.12 with one more: who does not answer is withdrawn, and the next one is called.
#[test]
fn call_forwarding_no_answer_and_find_me() {
    let mut net = Net::new();
    let (rings, _) = net.ring(CENTER, TARGET);
    net.ladder();
    net.hang_up(CENTER, rings);
    let withdrawn = ["center CANCEL", "target 200 CANCEL", "target 487 INVITE", "center ACK"];
    assert_eq!(net.ladder(), withdrawn);
    assert_eq!(net.calls(), [0, 0, 0]);
    net.call(CENTER, AGENT);
    assert_eq!(
        net.ladder(),
        ["center INVITE", "agent 180 INVITE", "agent 200 INVITE", "center ACK"],
        "the next one hears nothing of the first"
    );
}

/// 2.10: a third party is added by a call of its own, and stays when the first one leaves.
#[test]
fn third_party_is_added() {
    let mut net = Net::new();
    let (_, agent) = net.call(CENTER, AGENT);
    net.call(CENTER, TARGET);
    assert_eq!(net.calls(), [2, 1, 1]);
    net.hang_up(AGENT, agent);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// 2.15 and 2.16: the parked call is the center's; the phone that parked is let go, and another calls the slot.
#[test]
fn call_park_and_pickup() {
    let mut net = Net::new();
    let (ours, _) = net.call(CENTER, AGENT);
    net.ladder();
    net.hang_up(CENTER, ours);
    assert_eq!(net.ladder(), ["center BYE", "agent 200 BYE"]);
    net.call(TARGET, CENTER);
    assert_eq!(net.ladder(), ["target INVITE", "center 180 INVITE", "center 200 INVITE", "target ACK"]);
    assert_eq!(net.calls(), [1, 0, 1]);
}

/// 2.18: the center calls the one who clicked, then the other.
#[test]
fn click_to_dial() {
    let mut net = Net::new();
    net.call(CENTER, AGENT);
    let (rings, _) = net.ring(CENTER, TARGET);
    assert_eq!(net.calls(), [2, 1, 1]);
    // The center withdraws the second call when the first one ends before the answer.
    net.hang_up(CENTER, rings);
    assert_eq!(net.calls(), [1, 1, 0]);
}
