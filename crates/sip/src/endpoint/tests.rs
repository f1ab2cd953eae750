//! Sessions on a virtual clock: two endpoints in one world, and a peer that speaks by hand.

mod alive;
mod changes;
mod encrypted;
mod generated;
mod incoming;
mod limits;
mod listening;
mod model;
mod net;
mod outgoing;
mod refer;
mod referring;
mod refusals;
mod reliable;
mod services;
mod shown;
mod takeover;
mod transfers;
mod walk;
mod world;

use super::*;
use crate::{Codec, Credentials, Direction, Method, OfferedAudio, Request, Security};
use world::{A, B, C, SDP, World, at, dial, flow, inside, invite, request, respond};

#[test]
fn responses_go_where_rport_and_received_say() {
    let mut world = World::new();
    let options = request("OPTIONS", 1, "<sip:8000@192.0.2.1>", "o", "", "");
    for (via, expected) in [
        ("192.0.2.2;branch=z9hG4bKo1", "192.0.2.2:5060"),
        ("192.0.2.2:6060;branch=z9hG4bKo2", "192.0.2.2:6060"),
        ("10.0.0.1:6060;branch=z9hG4bKo3", "192.0.2.2:7070"),
        ("198.51.100.1:6060;branch=z9hG4bKo5", "192.0.2.2:6060"),
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
    b.endpoint.cx.settings.local = vec![B.parse().unwrap()];
    b.endpoint.handle_message(b.now, at(A, B), Message::Request(invite));
    b.drain();
    let remote: Vec<OfferedAudio> = b
        .events
        .iter()
        .filter_map(|event| match event {
            Event::Invited { remote, .. } => remote.clone(),
            _ => None,
        })
        .collect();
    assert_eq!(remote[0].codecs, [Codec::Pcma, Codec::Pcmu]);
    let session = b.invited();
    b.endpoint.accept(b.now, session, B.parse().unwrap(), Codec::Pcma);
    b.drain();
    let ok = b.sent.pop().unwrap();
    a.endpoint.handle_message(a.now, flow(B), ok);
    a.drain();
    assert_eq!(a.heard(), ["connected"]);
    let ack = a.sent.pop().unwrap();
    b.endpoint.handle_message(b.now, at(A, B), ack);
    b.drain();
    assert_eq!(b.heard(), ["connected"]);
}
