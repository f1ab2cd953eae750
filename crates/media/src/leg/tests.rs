//! What shows that a peer lives, on a virtual clock of samples.

use std::net::UdpSocket;

use model::{Direction, Ids, Time};

use super::*;

const LIMIT: u64 = 8_000;

fn socket() -> UdpSocket {
    let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
    // As a leg's sockets are.
    socket.set_nonblocking(true).unwrap();
    socket
}

fn peer() -> SocketAddr {
    "127.0.0.1:4000".parse().unwrap()
}

fn connected(direction: Direction) -> Leg {
    let id = LegId::new(&mut Ids::new(1), Time::from_unix_ms(0));
    let mut leg = Leg::new(id, Pair { rtp: socket(), rtcp: socket(), port: 2 });
    leg.connect(RemoteMedia::new(peer(), Codec::Pcma, direction), 0);
    leg
}

fn is_silent(leg: &mut Leg, now: u64) -> bool {
    leg.link.as_mut().unwrap().poll_silent(now, LIMIT)
}

fn rtp(leg: &mut Leg, payload_type: u8, payload: &[u8], from: SocketAddr, now: u64) {
    let bytes = [&[0x80, payload_type, 0, 1, 0, 0, 0, 160, 0, 0, 0, 7], payload].concat();
    leg.hear(&RtpPacket::parse(&bytes).unwrap(), from, now);
}

#[test]
fn any_packet_of_the_settled_peer_is_a_sign_of_life() {
    let report = || audio::rtcp::compound(7, None, None, "x", false);
    let rtcp = SocketAddr::new(peer().ip(), 4001);
    type Sign = Box<dyn Fn(&mut Leg, u64)>;
    let signs: [(&str, Sign); 7] = [
        ("audio", Box::new(|leg, now| rtp(leg, 8, &[0; 160], peer(), now))),
        ("no agreed payload type", Box::new(|leg, now| rtp(leg, 77, b"x", peer(), now))),
        ("no payload", Box::new(|leg, now| rtp(leg, 8, b"", peer(), now))),
        ("no RTP", Box::new(|leg, now| leg.kept_alive(peer(), now))),
        ("RTCP", Box::new(move |leg, now| assert!(leg.hear_rtcp(&mut report(), rtcp, now, 0)))),
        ("no RTCP", Box::new(move |leg, now| assert!(leg.hear_rtcp(&mut [], rtcp, now, 0)))),
        (
            "signalling",
            Box::new(|leg, now| {
                leg.connect(RemoteMedia::new(peer(), Codec::Pcma, Direction::Both), now);
            }),
        ),
    ];
    for (name, sign) in signs {
        let mut leg = connected(Direction::Both);
        for second in 1..100 {
            sign(&mut leg, second * LIMIT - 1);
            assert!(!is_silent(&mut leg, second * LIMIT), "{name}");
        }
        assert!(is_silent(&mut leg, 100 * LIMIT + LIMIT), "{name}");
    }
}

#[test]
fn a_strangers_packet_is_none() {
    let mut leg = connected(Direction::Both);
    let stranger: SocketAddr = "127.0.0.2:4000".parse().unwrap();
    leg.kept_alive(stranger, LIMIT - 1);
    rtp(&mut leg, 8, &[0; 160], stranger, LIMIT - 1);
    rtp(&mut leg, 77, b"x", stranger, LIMIT - 1);
    leg.hear_rtcp(&mut audio::rtcp::compound(7, None, None, "x", false), stranger, LIMIT - 1, 0);
    assert!(is_silent(&mut leg, LIMIT));
}

#[test]
fn silence_is_reported_each_time_that_it_lasted_for_the_limit_whatever_was_agreed() {
    for direction in [Direction::Both, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive] {
        let mut leg = connected(direction);
        let reported = (0..10 * LIMIT).filter(|now| is_silent(&mut leg, *now)).count();
        assert_eq!(reported, 9);
    }
}

#[test]
fn who_was_silent_before_a_bridge_has_the_whole_limit_in_it() {
    let mut leg = connected(Direction::Both);
    leg.bridged(LegId::new(&mut Ids::new(2), Time::from_unix_ms(0)), LIMIT - 1);
    assert!(!is_silent(&mut leg, 2 * LIMIT - 2) && is_silent(&mut leg, 2 * LIMIT - 1));
}

#[test]
fn one_way_audio_is_reported_again_after_a_hold_and_in_the_next_bridge() {
    let mut leg = connected(Direction::Both);
    let mut ids = Ids::new(2);
    let mut bridge = |leg: &mut Leg, now| leg.bridged(LegId::new(&mut ids, Time::from_unix_ms(0)), now);
    bridge(&mut leg, 0);
    assert!(leg.poll_one_way(LIMIT, LIMIT) && !leg.poll_one_way(3 * LIMIT, LIMIT));
    leg.connect(RemoteMedia::new(peer(), Codec::Pcma, Direction::ReceiveOnly), 4 * LIMIT);
    assert!(leg.poll_one_way(5 * LIMIT, LIMIT), "it may have been passed over while the peer held");
    leg.connect(RemoteMedia::new(peer(), Codec::Pcma, Direction::Both), 6 * LIMIT);
    assert!(!leg.poll_one_way(7 * LIMIT - 1, LIMIT) && leg.poll_one_way(7 * LIMIT, LIMIT));
    bridge(&mut leg, 8 * LIMIT);
    assert!(leg.poll_one_way(9 * LIMIT, LIMIT));
}
