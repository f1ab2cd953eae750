use super::*;
use model::{Codec, GapCause};

const VOICE: [i16; 160] = [500; 160];

fn packet(sequence: u16) -> RtpPacket<'static> {
    let timestamp = u32::from(sequence) * 160;
    RtpPacket { marker: false, payload_type: 8, sequence, timestamp, ssrc: 1, payload: &[] }
}

/// What a packet says, which came at `arrived`.
fn said(packet: RtpPacket<'_>, arrived: u64) -> Passage<'_> {
    Passage { packet, codec: Codec::Pcma, arrived, samples: &VOICE, narrow: &VOICE }
}

fn finished(tap: Tap, now: u64) -> (Vec<[i16; 2]>, Vec<Gap>) {
    let ((at, piece), length, gaps) = tap.finish(now);
    assert_eq!(at + piece.len() as u64, length);
    (piece, gaps)
}

#[test]
fn lost_packets_are_silence_and_told() {
    let mut tap = Tap::new(1000, FRAMES - 1, audio::RATE);
    for (sequence, arrival) in [(10, 0), (11, 160), (14, 640), (15, 800), (13, 810)] {
        tap.passage(Channel::Left, &said(packet(sequence), 1000 + arrival));
    }
    let (audio, gaps) = finished(tap, 1000 + 960);
    assert_eq!(gaps, [Gap { channel: 0, from_ms: 40, length_ms: 20, cause: GapCause::Lost }]);
    let heard: Vec<bool> = audio.chunks(160).map(|frame| frame[80][0] != 0).collect();
    assert_eq!(heard, [true, true, false, true, true, true]);
}

#[test]
fn silence_before_the_first_packet_while_at_rest_or_by_choice_is_no_loss() {
    let mut tap = Tap::new(0, FRAMES - 1, audio::RATE);
    tap.passage(Channel::Left, &said(packet(20), 3200));
    tap.rest(Channel::Left);
    tap.passage(Channel::Left, &said(packet(60), 9600));
    let quiet = RtpPacket { timestamp: 60 * 160 + 1600, ..packet(61) };
    tap.passage(Channel::Left, &said(quiet, 11_200));
    assert_eq!(finished(tap, 11_400).1, []);
}

#[test]
fn a_key_held_for_long_is_no_loss_and_moves_no_audio() {
    let mut tap = Tap::new(0, FRAMES - 1, audio::RATE);
    tap.passage(Channel::Left, &said(packet(0), 0));
    (1..150).for_each(|sequence| {
        let key = RtpPacket { timestamp: 160, payload: &[1, 0, 0, 0], ..packet(sequence) };
        tap.key(Channel::Left, &key, u64::from(sequence) * 160);
    });
    while tap.poll_piece(24_000).is_some() {}
    tap.passage(Channel::Left, &said(packet(150), 24_100));
    let (audio, gaps) = finished(tap, 24_160);
    assert_eq!(gaps, []);
    let spoken = audio.len() - 160;
    assert_eq!(audio[spoken - 1..=spoken], [[0, 0], [500, 0]], "as its own time says");
}

#[test]
fn a_peer_that_falls_silent_for_good_is_a_loss() {
    let mut tap = Tap::new(0, FRAMES - 1, audio::RATE);
    tap.passage(Channel::Left, &said(packet(0), 0));
    let (audio, gaps) = finished(tap, 8160);
    assert_eq!(gaps, [Gap { channel: 0, from_ms: 20, length_ms: 1000, cause: GapCause::Lost }]);
    assert_eq!(audio.len(), 8160);
}

#[test]
fn a_peers_slow_clock_leaves_no_holes() {
    let (mut tap, mut silent) = (Tap::new(0, FRAMES - 1, audio::RATE), 0);
    for index in 0..2000_u16 {
        // 1,000 ppm: a sample in six packets.
        let now = u64::from(index) * 160 + u64::from(index) * 160 / 1000;
        tap.passage(Channel::Left, &said(packet(index), now));
        while let Some((_, piece)) = tap.poll_piece(now) {
            silent += piece.iter().filter(|both| both[0] == 0).count();
        }
    }
    assert_eq!(silent, 0);
    assert_eq!(finished(tap, 320_320).1, []);
}

#[test]
fn pieces_follow_each_other_and_channels_stay_together() {
    let (mut tap, mut total) = (Tap::new(7, FRAMES - 1, audio::RATE), 0);
    for tick in 0..500_u16 {
        let clock = u64::from(tick) * 160 + 160;
        tap.own_frame(&VOICE, clock);
        tap.passage(Channel::Left, &said(packet(tick), clock));
        while let Some((at, piece)) = tap.poll_piece(clock) {
            assert_eq!((at, piece.len() as u64), (total, PIECE));
            if at > 0 {
                assert!(piece.iter().all(|both| *both == [500, 500]));
            }
            total += PIECE;
        }
    }
    assert_eq!(total, 76_800);
}

#[test]
fn recordings_that_begin_together_hand_on_in_different_ticks() {
    let first = |turn| {
        let mut tap = Tap::new(0, turn, audio::RATE);
        (0..).find_map(|tick| tap.poll_piece(tick * 160).map(|(_, piece)| (tick, piece.len())))
    };
    assert_eq!(
        [first(0), first(1), first(19), first(20)].map(Option::unwrap),
        [(16, 160), (17, 320), (35, 3200), (16, 160)]
    );
}

#[test]
fn nonsense_far_ahead_or_behind_is_left_out() {
    let mut tap = Tap::new(0, FRAMES - 1, audio::RATE);
    tap.own_frame(&VOICE, 1_000_000);
    tap.own_frame(&VOICE, 0);
    while tap.poll_piece(20_000).is_some() {}
    tap.own_frame(&VOICE, 0);
    assert_eq!(finished(tap, 20_000).0.len() as u64, 20_000 - 16_000);
}

#[test]
fn a_wide_recording_has_two_samples_for_each_of_narrow_audio_in_the_same_place() {
    let mut tap = Tap::new(0, FRAMES - 1, 16_000);
    for sequence in 0..50 {
        let clock = u64::from(sequence) * 160;
        tap.passage(Channel::Left, &said(packet(sequence), clock));
        tap.own_frame(&VOICE, clock);
    }
    let mut audio = Vec::new();
    while let Some((at, piece)) = tap.poll_piece(8000) {
        assert_eq!(at * 2, audio.len() as u64);
        audio.extend(piece);
    }
    let ((at, rest), length, gaps) = tap.finish(8000);
    assert_eq!((at * 2, length, gaps), (audio.len() as u64, 8000, Vec::new()));
    audio.extend(rest);
    assert_eq!(audio.len(), 16_000);
    let steady = |both: &[i16; 2]| both.iter().all(|sample| (495..=505).contains(sample));
    assert!(audio[200..15_990].iter().all(steady), "one voice without a seam");
}
