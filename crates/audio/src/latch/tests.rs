use proptest::prelude::*;

use super::*;

/// Samples between two packets.
const PACKET: u64 = 160;

fn address(last: u8) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, last], 4000))
}

fn port(port: u16) -> SocketAddr {
    SocketAddr::from(([192, 0, 2, 1], port))
}

fn plain(from: SocketAddr, ssrc: u32, sequence: u16, at: u64) -> Heard {
    Heard { from, ssrc, sequence, at, authentic: false }
}

/// A peer that signals from the address that it announces.
fn direct() -> Latch {
    Latch::new(address(1), Some(address(1).ip()))
}

/// A peer behind address translation, which signals from `address(2)`.
fn translated() -> Latch {
    Latch::new(SocketAddr::from(([10, 0, 0, 7], 4000)), Some(address(2).ip()))
}

/// How many of `count` packets, 20 ms apart from `first` on, are accepted.
fn accepted(latch: &mut Latch, from: SocketAddr, ssrc: u32, first: u16, count: u16, at: u64) -> usize {
    let packet = |index: u16| plain(from, ssrc, first.wrapping_add(index), at + u64::from(index) * PACKET);
    (0..count).filter(|index| latch.accepts(packet(*index))).count()
}

#[test]
fn the_announced_address_is_believed_at_once_and_for_good() {
    let mut latch = direct();
    assert!(latch.accepts(plain(address(1), 7, 1, 0)));
    assert!(latch.is_final(0));
    assert_eq!(accepted(&mut latch, address(66), 8, 0, 100, 0), 0, "a stray stream moves nothing");
    assert_eq!(latch.target(), address(1));
}

#[test]
fn a_peer_behind_address_translation_is_learnt_from_its_stream() {
    let mut latch = translated();
    assert_eq!(accepted(&mut latch, address(2), 9, 65_533, 6, 0), 2, "the fifth packet proves it");
    assert_eq!(latch.target(), address(2));
}

#[test]
fn a_stranger_is_never_believed_where_signalling_and_announcement_agree() {
    let mut latch = direct();
    assert_eq!(accepted(&mut latch, address(66), 9, 0, 5_000, 0), 0);
    assert_eq!(latch.target(), address(1));
}

#[test]
fn another_port_of_the_announced_address_is_believed_after_two_seconds() {
    let mut latch = direct();
    assert_eq!(accepted(&mut latch, port(5000), 9, 0, 99, 0), 0);
    assert_eq!(accepted(&mut latch, port(5000), 9, 99, 1, 99 * PACKET), 1);
    assert_eq!(latch.target(), port(5000));
    let mut latch = direct();
    let burst = (0..10_000).filter(|sequence| latch.accepts(plain(port(5000), 9, *sequence, 0)));
    assert_eq!(burst.count(), 0, "packets sprayed in a moment prove nothing");
}

#[test]
fn a_media_gateway_beside_its_signalling_is_hardly_displaced() {
    let mut latch = Latch::new(address(1), Some(address(2).ip()));
    assert_eq!(accepted(&mut latch, address(66), 9, 0, 50, 0), 0);
    assert!(latch.accepts(plain(address(1), 7, 1, 50 * PACKET)));
    assert_eq!(accepted(&mut latch, address(66), 9, 50, 500, 50 * PACKET), 0, "it has sent");
}

#[test]
fn a_stranger_who_is_faster_loses_the_call_to_the_announced_peer() {
    let mut latch = Latch::new(address(1), None);
    assert_eq!(accepted(&mut latch, address(66), 9, 0, 5, 0), 1);
    assert!(!latch.is_final(0));
    assert!(latch.accepts(plain(address(1), 7, 1, 800)), "the announced peer is heard");
    assert!(latch.is_final(800));
    assert_eq!(latch.target(), address(1));
    assert_eq!(accepted(&mut latch, address(66), 9, 5, 45, 800), 0, "and the stranger is not, any more");
}

#[test]
fn packets_out_of_order_or_of_many_sources_prove_nothing() {
    let mut latch = Latch::new(address(1), None);
    for turn in 0..50 {
        assert!(!latch.accepts(plain(address(2), 9, turn * 2, 0)));
        assert!(!latch.accepts(plain(address(3), u32::from(turn), 1, 0)));
    }
    assert_eq!(latch.target(), address(1));
}

#[test]
fn the_peer_goes_on_from_another_port_after_a_second_of_silence() {
    for mut latch in [translated(), direct()] {
        let home = if latch.signalling == Some(address(1).ip()) { address(1) } else { address(2) };
        accepted(&mut latch, home, 9, 65_500, 40, 0);
        let silent = 39 * PACKET;
        assert_eq!(accepted(&mut latch, address(3), 9, 4, 40, silent + PACKET), 0, "not yet silent for long");
        assert_eq!(
            accepted(&mut latch, address(3), 9, 44, 20, silent + 8_000),
            19,
            "the second packet shows it"
        );
        assert_eq!(latch.target(), address(3));
        assert!(!latch.is_final(silent + 8_000 + 20 * PACKET));
    }
}

#[test]
fn who_guesses_the_ssrc_or_the_sequence_number_alone_is_never_taken() {
    let mut latch = direct();
    accepted(&mut latch, address(1), 9, 100, 10, 0);
    for at in [8_000 + 9 * PACKET, 80_000, 800_000] {
        assert_eq!(accepted(&mut latch, address(66), 8, 110, 40, at), 0, "another SSRC");
        assert_eq!(accepted(&mut latch, address(66), 9, 60_000, 40, at), 0, "numbers from before");
        assert_eq!(accepted(&mut latch, address(66), 9, 30_000, 40, at), 0, "numbers too far ahead");
    }
}

#[test]
fn an_authentic_packet_needs_no_other_proof_and_still_waits_for_silence() {
    let mut latch = direct();
    let packet = |last, ssrc, at| Heard { authentic: true, ..plain(address(last), ssrc, 1, at) };
    assert!(latch.accepts(packet(4, 9, 0)), "learnt at once");
    assert!(!latch.accepts(packet(5, 9, 7_999)));
    assert!(latch.accepts(packet(5, 10, 8_000)));
    assert_eq!(latch.target(), address(5));
}

#[test]
fn a_straggler_from_the_old_port_moves_nothing_back() {
    let mut latch = direct();
    accepted(&mut latch, address(1), 9, 0, 10, 0);
    accepted(&mut latch, address(3), 9, 60, 10, 10_000);
    assert!(latch.accepts(plain(address(1), 9, 8, 12_000)), "it is the peer's all the same");
    assert_eq!(latch.target(), address(3));
    assert!(latch.accepts(plain(address(1), 9, 70, 12_160)), "back at the announced address");
    assert_eq!(latch.target(), address(1));
}

#[test]
fn the_source_before_an_announcement_is_forgotten_once_the_announced_address_speaks() {
    let announced = SocketAddr::from(([10, 0, 0, 7], 4000));
    let mut latch = translated();
    accepted(&mut latch, address(2), 9, 0, 10, 0);
    latch.announce(announced, Some(address(2).ip()));
    assert!(latch.accepts(plain(announced, 10, 100, 1_600)));
    assert!(!latch.accepts(plain(address(2), 9, 11, 1_760)), "the announced address speaks");
    assert!(latch.accepts(plain(announced, 10, 101, 1_760)));
    assert_eq!(latch.target(), announced);
}

#[test]
fn each_announcement_learns_again_and_the_old_source_is_heard_until_then() {
    let mut latch = translated();
    accepted(&mut latch, address(2), 9, 0, 10, 0);
    latch.announce(SocketAddr::from(([10, 0, 0, 7], 4000)), Some(address(2).ip()));
    assert_eq!(latch.target(), address(2), "still sent to");
    let moved = SocketAddr::new(address(2).ip(), 4444);
    assert_eq!(
        accepted(&mut latch, moved, 77, 500, 5, 1_600),
        1,
        "a new stream, without a second of silence"
    );
    assert_eq!(latch.target(), moved);
    latch.announce(address(4), Some(address(4).ip()));
    assert_eq!(latch.target(), address(4), "another address is sent to at once");
    assert!(latch.accepts(plain(address(4), 8, 1, 3_200)));
}

#[test]
fn the_old_source_wins_over_a_stranger_after_an_announcement() {
    let mut latch = translated();
    accepted(&mut latch, address(2), 9, 0, 10, 0);
    latch.announce(SocketAddr::from(([10, 0, 0, 7], 4000)), Some(address(2).ip()));
    assert_eq!(accepted(&mut latch, address(66), 5, 0, 5, 1_600), 1, "faster, and its address is private");
    assert!(latch.accepts(plain(address(2), 9, 10, 2_400)));
    assert_eq!(latch.target(), address(2));
}

proptest! {
    /// While the announced address speaks, nobody else is accepted, whatever he sends.
    #[test]
    fn nobody_is_heard_beside_a_peer_that_speaks(
        strangers in proptest::collection::vec((2_u8..5, 0_u32..3, 0_u16..40), 1..200),
    ) {
        let mut latch = direct();
        for (index, (last, ssrc, sequence)) in (0_u64..).zip(strangers) {
            prop_assert!(latch.accepts(plain(address(1), 1, index as u16, index * PACKET)));
            prop_assert!(!latch.accepts(plain(address(last), ssrc, sequence, index * PACKET + 80)));
            prop_assert_eq!(latch.target(), address(1));
        }
    }
}
