//! The buffer's behaviour, each condition by name. A story is a line of packets and the line of pulls that follows.

use super::*;
use proptest::prelude::*;

/// A packet of a story: when it comes (ms after the beginning), its number, its time in packets of 20 ms.
#[derive(Debug, Clone, Copy)]
struct Sent {
    at_ms: u64,
    sequence: u16,
    time: i64,
    content: Content,
    ssrc: u32,
}

fn audio(at_ms: u64, sequence: u16, time: i64) -> Sent {
    Sent { at_ms, sequence, time, content: Content::Audio(160), ssrc: 1 }
}

/// Packets `from..to`, one each 20 ms, in time.
fn steady(range: std::ops::Range<u16>) -> Vec<Sent> {
    range.map(|index| audio(u64::from(index) * 20, index, i64::from(index))).collect()
}

/// Plays a story with a pull every 20 ms: each frame as the time it belongs to, `-` for concealment, `.` for silence,
/// `~` for a description of noise.
fn play(packets: &[Sent], pulls: u64) -> (String, JitterBuffer) {
    let mut buffer = JitterBuffer::new(8000, 160);
    let mut packets = packets.to_vec();
    packets.sort_by_key(|packet| packet.at_ms);
    let mut arriving = packets.into_iter().peekable();
    let mut heard = String::new();
    for tick in 0..pulls {
        while let Some(sent) = arriving.next_if(|sent| sent.at_ms <= tick * 20) {
            push(&mut buffer, sent);
        }
        match buffer.pull(tick * 160) {
            Pull::Frame { payload, .. } => heard.push_str(&format!("{} ", payload[0])),
            Pull::Conceal { .. } => heard.push_str("- "),
            Pull::Comfort { noise: None } => heard.push_str(". "),
            Pull::Comfort { noise: Some(_) } => heard.push_str("~ "),
        }
    }
    (heard.trim_end().to_owned(), buffer)
}

fn push(buffer: &mut JitterBuffer, sent: Sent) -> Pushed {
    let timestamp = 4_294_967_000_u32.wrapping_add((sent.time * 160) as u32);
    let (sequence, ssrc) = (sent.sequence.wrapping_add(65_530), sent.ssrc);
    let packet =
        RtpPacket { marker: false, payload_type: 0, sequence, timestamp, ssrc, payload: &[sent.time as u8] };
    buffer.push(&packet, sent.content, sent.at_ms * 8)
}

/// The first frames wait 40 ms; both counts wrap within each story.
#[test]
fn stories() {
    let without = |missing: &[u16]| -> Vec<Sent> {
        steady(0..10).into_iter().filter(|sent| !missing.contains(&sent.sequence)).collect()
    };
    let changed = |index: usize, sent: Sent| {
        let mut packets = steady(0..10);
        packets[index] = sent;
        packets
    };
    let joined = |first: Vec<Sent>, second: Vec<Sent>| [first, second].concat();
    let noise = |at_ms, sequence, time| Sent { content: Content::Comfort, ..audio(at_ms, sequence, time) };
    let key = |at_ms, sequence, time| Sent { content: Content::Event, ..audio(at_ms, sequence, time) };
    let other = |sent: Sent| Sent { ssrc: 2, ..sent };
    let later = |range: std::ops::Range<u16>, ms: u64, number: u16, time: i64| -> Vec<Sent> {
        steady(range)
            .into_iter()
            .map(|sent| audio(sent.at_ms + ms, sent.sequence + number, sent.time + time))
            .collect()
    };
    let stories: [(&str, Vec<Sent>, &str); 17] = [
        ("in time, across both wraps", steady(0..10), ". . 0 1 2 3 4 5 6 7 8 9"),
        ("one lost", without(&[4]), ". . 0 1 2 3 - 5 6 7 8 9"),
        ("three lost", without(&[4, 5, 6]), ". . 0 1 2 3 - - - 7 8 9"),
        ("reordered within the wait", changed(4, audio(115, 4, 4)), ". . 0 1 2 3 4 5 6 7 8 9"),
        ("overtaken at the very beginning", changed(0, audio(25, 0, 0)), ". . 0 1 2 3 4 5 6 7 8 9"),
        ("come too late", changed(4, audio(130, 4, 4)), ". . 0 1 2 3 - 5 6 7 8 9"),
        (
            "come twice",
            joined(steady(0..10), vec![audio(85, 4, 4), audio(150, 2, 2)]),
            ". . 0 1 2 3 4 5 6 7 8 9",
        ),
        (
            "all late from here on: time is stretched and nothing is lost",
            joined(steady(0..4), later(4..8, 60, 0, 0)),
            ". . 0 1 2 3 - 4 5 6 7",
        ),
        (
            "a pause without a missing number is silence, not loss",
            joined(steady(0..3), later(3..6, 400, 0, 20)),
            ". . 0 1 2 - - - - - . . . . . . . . . . . . . . . 23 24 25",
        ),
        (
            "a description of noise ends speech at once",
            joined(joined(steady(0..3), vec![noise(60, 3, 3)]), later(4..6, 200, 0, 10)),
            ". . 0 1 2 ~ . . . . . . . . . . 14 15",
        ),
        (
            "a key between audio is no loss",
            joined(
                joined(steady(0..3), (3..8).map(|i| key(u64::from(i) * 20, i, 3)).collect()),
                later(8..10, 0, 0, 0),
            ),
            ". . 0 1 2 . . . . . 8 9",
        ),
        (
            "the first packet after a pause is lost",
            joined(steady(0..3), later(4..6, 400, 0, 20)),
            ". . 0 1 2 - - - - - . . . . . . . . . . . . . . . . 24 25",
        ),
        (
            "another source takes over at once and the old one is a stray",
            joined(
                steady(0..4),
                joined(later(4..8, 0, 100, 50).into_iter().map(other).collect(), steady(5..6)),
            ),
            ". . 0 1 . . 54 55 56 57",
        ),
        (
            "a timestamp that jumps is believed at the second packet",
            joined(steady(0..4), later(4..9, 0, 0, 100)),
            ". . 0 1 2 . . 105 106 107 108",
        ),
        ("one wild timestamp is left out", changed(4, audio(80, 4, 9000)), ". . 0 1 2 3 - 5 6 7 8 9"),
        (
            "a timestamp that stands still",
            (0..6).map(|i| audio(u64::from(i) * 20, i, 0)).collect(),
            ". . 0 0 0 0 0 0",
        ),
        (
            "a number that stands still",
            (0_u16..6).map(|i| audio(u64::from(i) * 20, 0, i64::from(i))).collect(),
            ". . 0 1 2 3 4 5",
        ),
    ];
    for (name, packets, expected) in stories {
        let pulls = expected.split(' ').count() as u64;
        assert_eq!(play(&packets, pulls).0, expected, "{name}");
    }
}

#[test]
fn counts_tell_the_fate_of_each_packet() {
    let mut packets = steady(0..20);
    packets.remove(4);
    packets[7].at_ms = 300; // Number 8, far too late.
    packets.push(audio(100, 3, 3));
    packets[10].at_ms += 25; // Number 11, behind 12.
    let counts = play(&packets, 25).1.counts();
    let expected = Counts {
        received: 20,
        played: 18,
        duplicates: 1,
        late: 1,
        reordered: 2,
        lost: 1,
        conceals: counts.conceals,
        ..Counts::default()
    };
    assert_eq!(counts, expected);
    assert!((2..=7).contains(&counts.conceals), "two holes and the end: {}", counts.conceals);
}

#[test]
fn a_sender_that_stops_is_silence_after_100_ms() {
    let (heard, buffer) = play(&steady(0..5), 20);
    assert_eq!(heard, ". . 0 1 2 3 4 - - - - - . . . . . . . .");
    assert_eq!(buffer.counts().lost, 0);
}

#[test]
fn the_packet_behind_the_hole_is_offered_for_its_redundancy() {
    let mut buffer = JitterBuffer::new(8000, 160);
    [0, 1, 4]
        .into_iter()
        .for_each(|index| _ = push(&mut buffer, audio(u64::from(index) * 20, index, index.into())));
    let pulls: Vec<_> = (2..7).map(|tick| format!("{:?}", buffer.pull(tick * 160))).collect();
    assert_eq!(pulls[2], "Conceal { duration: 160, next: None }");
    assert_eq!(pulls[3], "Conceal { duration: 160, next: Some([4]) }");
    assert_eq!(pulls[4], "Frame { payload: [4], duration: 160 }");
}

/// Advice over time for a peer whose packets come every `1000 − ppm/1000` ms, obeyed by 5 ms a time.
fn drifting(ppm: i64) -> (JitterBuffer, i64, u64) {
    let (mut buffer, mut obeyed, mut conceals) = (JitterBuffer::new(8000, 160), 0, 0);
    let (mut debt, mut sent) = (0_i64, 0_u16);
    for tick in 0..50 * 300_u64 {
        let due = |sent: u16| i64::from(sent) * 160 * (1_000_000 - ppm) / 1_000_000;
        while due(sent) <= tick as i64 * 160 {
            let packet = RtpPacket {
                marker: false,
                payload_type: 0,
                sequence: sent,
                timestamp: u32::from(sent) * 160,
                ssrc: 1,
                payload: &[0],
            };
            buffer.push(&packet, Content::Audio(160), due(sent) as u64);
            sent += 1;
        }
        match buffer.advice(tick * 160, usize::try_from(debt.max(0)).expect("positive")) {
            Advice::Keep => {}
            Advice::Shrink { .. } => (obeyed, debt) = (obeyed + 1, debt - 40),
            Advice::Grow => (obeyed, debt) = (obeyed - 1, debt + 40),
        }
        // `debt` is what the player has decoded and not played; it pulls when that is not enough for a tick.
        while debt < 160 {
            match buffer.pull(tick * 160) {
                Pull::Frame { .. } => debt += 160,
                Pull::Conceal { duration, .. } => {
                    (debt, conceals) = (debt + i64::from(duration), conceals + 1)
                }
                Pull::Comfort { .. } => debt += 160,
            }
        }
        debt -= 160;
    }
    (buffer, obeyed, conceals)
}

#[test]
fn clocks_that_are_apart_cost_no_audio() {
    // Five minutes of 200 ppm are 60 ms: twelve pieces of 5 ms; the wait may differ by its band at the end.
    for (ppm, sign) in [(200, 1), (-200, -1), (0, 0)] {
        let (buffer, obeyed, conceals) = drifting(ppm);
        let counts = buffer.counts();
        assert_eq!((counts.lost, counts.late, counts.discarded, conceals), (0, 0, 0, 0), "{ppm}");
        let least = if sign == 0 { 0 } else { 6 };
        assert!(obeyed * sign >= least && obeyed.abs() <= 14, "{ppm} ppm: {obeyed}");
    }
}

#[test]
fn a_jam_is_trimmed_to_200_ms() {
    let mut packets = steady(0..30);
    packets[10..].iter_mut().for_each(|sent| sent.at_ms = sent.at_ms.max(600));
    let (heard, buffer) = play(&packets, 45);
    let counts = buffer.counts();
    assert_eq!((counts.discarded, counts.lost, counts.late), (8, 0, 0), "{heard}");
    assert!(heard.contains(". 18 19 20"), "{heard}");
}

#[test]
fn what_cannot_be_kept_is_refused() {
    let mut buffer = JitterBuffer::new(8000, 4);
    let packet =
        RtpPacket { marker: false, payload_type: 0, sequence: 0, timestamp: 0, ssrc: 1, payload: &[0; 5] };
    assert_eq!(buffer.push(&packet, Content::Audio(160), 0), Pushed::Refused);
    let packet = RtpPacket { payload: &[0; 4], ..packet };
    for duration in [0, 1601, u32::MAX] {
        assert_eq!(buffer.push(&packet, Content::Audio(duration), 0), Pushed::Refused);
    }
}

proptest! {
    /// Whatever comes, each packet has exactly one fate, and no pull panics.
    #[test]
    fn no_packet_is_counted_twice_or_forgotten(
        packets in proptest::collection::vec((any::<u16>(), any::<u32>(), 0_u32..3, 0_u8..4, 0_u64..4000, any::<bool>()), 1..200),
    ) {
        let mut buffer = JitterBuffer::new(48_000, 8);
        let (mut now, mut sequence, mut timestamp) = (0, 0_u16, 0_u32);
        for (number, time, ssrc, content, wait, wild) in packets {
            (sequence, timestamp) = if wild { (number, time) } else { (sequence.wrapping_add(number % 4), timestamp.wrapping_add(time % 4 * 960)) };
            now += wait;
            let packet = RtpPacket { marker: wild, payload_type: 0, sequence, timestamp, ssrc, payload: &[0; 8] };
            let content = [Content::Audio(960), Content::Audio(480), Content::Comfort, Content::Event][usize::from(content)];
            buffer.push(&packet, content, now);
            buffer.pull(now);
            buffer.advice(now, 160);
            let counts = buffer.counts();
            let fates = counts.played + counts.noises + counts.events + counts.duplicates + counts.late
                + counts.strays + counts.discarded + buffer.waiting() as u64;
            prop_assert_eq!(fates, counts.received);
        }
        buffer.pull(u64::MAX);
    }
}
