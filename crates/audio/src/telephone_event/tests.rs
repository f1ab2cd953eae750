use proptest::prelude::*;

use super::*;
use crate::rtp::RtpPacket;

/// An event packet on the wire.
#[derive(Debug, Clone, Copy)]
struct Sent {
    marker: bool,
    sequence: u16,
    timestamp: u32,
    payload: [u8; 4],
}

/// The packets of `keys`, as our sender would put them on the wire.
fn sent(keys: &[u8]) -> Vec<Sent> {
    let mut sender = EventSender::default();
    keys.iter().for_each(|key| assert!(sender.press(*key)));
    let (mut packets, mut timestamp, mut sequence) = (Vec::new(), 0, 65_530_u16);
    for frame in 0_u32.. {
        match sender.poll_frame() {
            EventFrame::Idle => break,
            EventFrame::Pause => {}
            EventFrame::Packet { event, first } => {
                if first {
                    timestamp = frame * 160;
                }
                packets.push(Sent { marker: first, sequence, timestamp, payload: event.print() });
                sequence = sequence.wrapping_add(1);
            }
        }
    }
    packets
}

fn heard(packets: impl IntoIterator<Item = Sent>) -> Vec<u8> {
    let mut receiver = EventReceiver::default();
    let packet = |sent: &Sent| {
        let Sent { marker, sequence, timestamp, .. } = *sent;
        receiver.handle(&RtpPacket {
            marker,
            payload_type: 101,
            sequence,
            timestamp,
            ssrc: 9,
            payload: &sent.payload,
        })
    };
    packets.into_iter().collect::<Vec<_>>().iter().filter_map(packet).collect()
}

/// `keys` as a sender would put them on the wire whose packets are changed by `change`: by the packet's place in its
/// press (0–7, the last three end it) and the timestamp units since its beginning.
fn sent_oddly(keys: &[u8], change: impl Fn(&mut Sent, u32, u32)) -> Vec<Sent> {
    let mut packets = sent(keys);
    for (index, packet) in (0_u32..).zip(&mut packets) {
        let place = index % 8;
        change(packet, place, place * 160);
    }
    packets
}

#[test]
fn a_press_is_five_growing_packets_and_three_ends() {
    let events: Vec<_> =
        sent(&[5]).iter().map(|sent| TelephoneEvent::parse(&sent.payload).unwrap()).collect();
    let durations: Vec<_> = events.iter().map(|event| event.duration).collect();
    assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800, 800]);
    assert_eq!(events.iter().filter(|event| event.end).count(), 3);
    assert!(events.iter().all(|event| event.event == 5));
}

#[test]
fn whichever_packets_arrive_a_press_is_heard_once() {
    let packets = sent(&[7]);
    for arriving in 1..1_u32 << packets.len() {
        let some = (0..packets.len()).filter(|index| arriving & 1 << index != 0).map(|index| packets[index]);
        assert_eq!(heard(some), [7], "{arriving:08b}");
    }
}

#[test]
fn the_same_key_twice_is_two_presses() {
    assert_eq!(heard(sent(&[1, 1, 2])), [1, 1, 2]);
}

#[test]
fn a_press_held_longer_than_the_counter_is_one_press() {
    let press = |sequence, timestamp, duration| {
        let event = TelephoneEvent { event: 3, end: false, volume: 10, duration };
        Sent { marker: false, sequence, timestamp, payload: event.print() }
    };
    let segments =
        [press(1, 0, 160), press(400, 0, 0xffff), press(900, 0xffff, 160), press(901, 0xffff, 320)];
    assert_eq!(heard(segments), [3]);
}

/// Packets of a key sent four times, by every way of moving the timestamp that was met.
#[test]
fn a_press_is_one_press_however_its_timestamps_move() {
    type Change = fn(&mut Sent, u32, u32);
    let event = |sent: &Sent| TelephoneEvent::parse(&sent.payload).unwrap();
    let ways: [(&str, Change); 8] = [
        ("with each packet", |sent, _, since| sent.timestamp += since),
        ("with each packet, all of one length", |sent, _, since| {
            sent.timestamp += since;
            sent.payload[2..].copy_from_slice(&160_u16.to_be_bytes());
        }),
        ("with each packet, without a length", |sent, _, since| {
            sent.timestamp += since;
            sent.payload[2..].copy_from_slice(&[0; 2]);
        }),
        ("by more than the length says", |sent, _, since| {
            sent.timestamp += since * 5 / 2;
            sent.payload[2..].copy_from_slice(&160_u16.to_be_bytes());
        }),
        ("at the end", |sent, place, _| sent.timestamp += if place >= 5 { 800 } else { 0 }),
        ("in each packet of the end", |sent, place, since| {
            sent.timestamp += if place >= 5 { since } else { 0 };
        }),
        ("far away at the end", |sent, place, _| sent.timestamp += if place >= 5 { 1_000_000 } else { 0 }),
        ("backwards", |sent, _, since| sent.timestamp = sent.timestamp.wrapping_sub(since)),
    ];
    for (way, change) in ways {
        let packets = sent_oddly(&[5, 5, 5, 1], change);
        assert_eq!(heard(packets.iter().copied()), [5, 5, 5, 1], "{way}");
        // One of each press is lost, the marker of the first packet too.
        for lost in 0..8 {
            let rest = packets.iter().enumerate().filter(|(index, _)| index % 8 != lost);
            assert_eq!(heard(rest.map(|(_, sent)| *sent)), [5, 5, 5, 1], "{way}, packet {lost} lost");
        }
        assert!(packets.iter().all(|sent| [1, 5].contains(&event(sent).event)));
    }
}

#[test]
fn presses_under_one_timestamp_are_told_apart_by_their_ends() {
    let packets = sent_oddly(&[5, 5, 7, 5], |sent, _, _| sent.timestamp = 4_000);
    assert_eq!(heard(packets), [5, 5, 7, 5]);
}

#[test]
fn audio_between_the_packets_of_a_press_changes_nothing() {
    let mut packets = sent_oddly(&[5, 5], |sent, _, since| sent.timestamp += since);
    for (index, packet) in (0_u16..).zip(&mut packets) {
        packet.sequence = index * 2;
    }
    assert_eq!(heard(packets), [5, 5]);
}

#[test]
fn too_many_keys_are_refused() {
    let mut sender = EventSender::default();
    assert_eq!((0..100).filter(|_| sender.press(1)).count(), LONGEST_QUEUE);
}

proptest! {
    /// Each press is heard once as long as one of its eight packets arrives, whatever happens to the
    /// rest.
    #[test]
    fn loss_repetition_and_disorder_change_nothing(
        keys in proptest::collection::vec(0_u8..16, 1..6),
        fate in proptest::collection::vec(0_u8..4, 48),
        swaps in proptest::collection::vec(0_usize..48, 20),
    ) {
        let packets = sent(&keys);
        let mut arriving = Vec::new();
        for (index, packet) in packets.iter().enumerate() {
            // 0: lost, unless it is the last of its press; 1, 2: once; 3: twice.
            let copies = match fate[index % fate.len()] { 0 => usize::from(index % 8 == 7), 3 => 2, _ => 1 };
            arriving.extend(std::iter::repeat_n(*packet, copies));
        }
        for at in swaps {
            if at + 1 < arriving.len() {
                arriving.swap(at, at + 1);
            }
        }
        let (mut heard, mut keys) = (heard(arriving), keys);
        heard.sort_unstable();
        keys.sort_unstable();
        prop_assert_eq!(heard, keys);
    }

    #[test]
    fn no_payload_panics(payload in proptest::collection::vec(any::<u8>(), 0..12), at: u32) {
        let mut receiver = EventReceiver::default();
        let payload = &payload[..];
        let packet = RtpPacket { marker: false, payload_type: 101, sequence: 0, timestamp: at, ssrc: 0, payload };
        receiver.handle(&packet);
        receiver.handle(&RtpPacket { timestamp: at.wrapping_add(1), sequence: 1, ..packet });
    }
}
