//! Keys as RTP events (RFC 4733): sending a press, and hearing each press once.

use std::collections::VecDeque;

use crate::FRAME;

/// Payload of one telephone event packet (section 2.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TelephoneEvent {
    /// 0–15 are the keys of a telephone; others exist.
    pub event: u8,
    /// Set on the last packets of a press.
    pub end: bool,
    /// Loudness in −dBm0, 0–63.
    pub volume: u8,
    /// Samples since the press began.
    pub duration: u16,
}

impl TelephoneEvent {
    /// Reads the first event of a payload; `None` when it is too short.
    pub fn parse(payload: &[u8]) -> Option<TelephoneEvent> {
        let ([event, flags, d0, d1], _) = payload.split_first_chunk::<4>()?;
        Some(TelephoneEvent {
            event: *event,
            end: flags & 0x80 != 0,
            volume: flags & 0x3f,
            duration: u16::from_be_bytes([*d0, *d1]),
        })
    }

    /// The four bytes of the payload.
    pub fn print(&self) -> [u8; 4] {
        let [d0, d1] = self.duration.to_be_bytes();
        [self.event, u8::from(self.end) << 7 | (self.volume & 0x3f), d0, d1]
    }
}

/// How long a sent key sounds, in samples (100 ms).
const PRESS: u16 = 800;
/// The end packet is sent this often (section 2.5.1.4).
const END_PACKETS: u8 = 3;
/// Frames of silence between two presses (60 ms), so that receivers tell them apart.
const PAUSE_FRAMES: u8 = 3;
/// −10 dBm0, the level that telephones use.
const VOLUME: u8 = 10;

/// Sends keys, one packet per 20 ms frame.
///
/// ```text
///   Quiet ──press──► Sounding (5 packets) ──► Ending (3 packets) ──► Pausing (3 frames) ──► Quiet
/// ```
#[derive(Debug, Clone, Default)]
pub struct EventSender {
    waiting: VecDeque<u8>,
    state: Sending,
}

#[derive(Debug, Clone, Copy, Default)]
enum Sending {
    #[default]
    Quiet,
    Sounding {
        event: u8,
        duration: u16,
    },
    Ending {
        event: u8,
        left: u8,
    },
    Pausing {
        left: u8,
    },
}

/// What to send in this frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventFrame {
    /// No key is being sent: audio has the frame.
    Idle,
    /// Between two keys: nothing is sent.
    Pause,
    /// An event packet.
    Packet {
        /// The payload.
        event: TelephoneEvent,
        /// The first packet of a press: set the marker, and take the timestamp that the whole press keeps.
        first: bool,
    },
}

/// Keys that may wait; more are refused, because nobody dials that fast.
const LONGEST_QUEUE: usize = 64;

impl EventSender {
    /// Queues a key; false when too many wait already.
    pub fn press(&mut self, event: u8) -> bool {
        let room = self.waiting.len() < LONGEST_QUEUE;
        if room {
            self.waiting.push_back(event);
        }
        room
    }

    /// True when no key sounds or waits.
    pub fn is_idle(&self) -> bool {
        self.waiting.is_empty() && matches!(self.state, Sending::Quiet)
    }

    /// What to send in the next 20 ms frame.
    pub fn poll_frame(&mut self) -> EventFrame {
        match self.state {
            Sending::Quiet => match self.waiting.pop_front() {
                Some(event) => self.sound(event, FRAME as u16, true),
                None => EventFrame::Idle,
            },
            Sending::Sounding { event, duration } => self.sound(event, duration, false),
            Sending::Ending { event, left } => {
                self.state = match left {
                    0 | 1 => Sending::Pausing { left: PAUSE_FRAMES },
                    _ => Sending::Ending { event, left: left - 1 },
                };
                let event = TelephoneEvent { event, end: true, volume: VOLUME, duration: PRESS };
                EventFrame::Packet { event, first: false }
            }
            Sending::Pausing { left } => {
                self.state = if left > 1 { Sending::Pausing { left: left - 1 } } else { Sending::Quiet };
                EventFrame::Pause
            }
        }
    }

    fn sound(&mut self, event: u8, duration: u16, first: bool) -> EventFrame {
        let next = duration + FRAME as u16;
        self.state = if next > PRESS {
            Sending::Ending { event, left: END_PACKETS }
        } else {
            Sending::Sounding { event, duration: next }
        };
        EventFrame::Packet { event: TelephoneEvent { event, end: false, volume: VOLUME, duration }, first }
    }
}

/// Hears keys: one per press, whichever of its packets are lost, repeated or out of order.
///
/// A press is known by the timestamp of its beginning, which all its packets carry. A press longer than
/// 65,535 samples goes on under a new timestamp (section 2.5.1.3); that one is recognised because it
/// begins exactly where the full one ended.
#[derive(Debug, Clone, Default)]
pub struct EventReceiver {
    heard: VecDeque<Press>,
}

#[derive(Debug, Clone, Copy)]
struct Press {
    ssrc: u32,
    event: u8,
    timestamp: u32,
    duration: u16,
}

/// Presses remembered, so that late repetitions of them are not heard again.
const MEMORY: usize = 16;
/// A segment at least this long may be continued by another (8.1 s).
const NEARLY_FULL: u16 = 0xfd00;

impl EventReceiver {
    /// Takes an event packet; `Some(event)` when it is the first that is heard of a press.
    pub fn handle(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) -> Option<u8> {
        let TelephoneEvent { event, duration, .. } = TelephoneEvent::parse(payload)?;
        let known = self.heard.iter_mut().find(|press| press.ssrc == ssrc && press.timestamp == timestamp);
        if let Some(press) = known {
            press.duration = press.duration.max(duration);
            return None;
        }
        let goes_on = self.heard.iter().any(|press| {
            let gap = timestamp.wrapping_sub(press.timestamp.wrapping_add(u32::from(press.duration)));
            (press.ssrc, press.event) == (ssrc, event)
                && press.duration >= NEARLY_FULL
                && gap <= u32::from(u16::MAX - NEARLY_FULL)
        });
        if self.heard.len() == MEMORY {
            self.heard.pop_front();
        }
        self.heard.push_back(Press { ssrc, event, timestamp, duration });
        (!goes_on).then_some(event)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The packets of `keys` as `(timestamp, payload)`, as the sender would put them on the wire.
    fn sent(keys: &[u8]) -> Vec<(u32, [u8; 4])> {
        let mut sender = EventSender::default();
        keys.iter().for_each(|key| assert!(sender.press(*key)));
        let (mut packets, mut began) = (Vec::new(), 0);
        for frame in 0_u32.. {
            match sender.poll_frame() {
                EventFrame::Idle => break,
                EventFrame::Pause => {}
                EventFrame::Packet { event, first } => {
                    if first {
                        began = frame * 160;
                    }
                    packets.push((began, event.print()));
                }
            }
        }
        packets
    }

    fn heard(packets: impl IntoIterator<Item = (u32, [u8; 4])>) -> Vec<u8> {
        let mut receiver = EventReceiver::default();
        packets.into_iter().filter_map(|(at, payload)| receiver.handle(9, at, &payload)).collect()
    }

    #[test]
    fn a_press_is_five_growing_packets_and_three_ends() {
        let events: Vec<_> =
            sent(&[5]).iter().map(|(_, bytes)| TelephoneEvent::parse(bytes).unwrap()).collect();
        let durations: Vec<_> = events.iter().map(|event| event.duration).collect();
        assert_eq!(durations, [160, 320, 480, 640, 800, 800, 800, 800]);
        assert_eq!(events.iter().filter(|event| event.end).count(), 3);
        assert!(events.iter().all(|event| event.event == 5));
    }

    #[test]
    fn whichever_packets_arrive_a_press_is_heard_once() {
        let packets = sent(&[7]);
        for arriving in 1..1_u32 << packets.len() {
            let some =
                (0..packets.len()).filter(|index| arriving & 1 << index != 0).map(|index| packets[index]);
            assert_eq!(heard(some), [7], "{arriving:08b}");
        }
    }

    #[test]
    fn the_same_key_twice_is_two_presses() {
        assert_eq!(heard(sent(&[1, 1, 2])), [1, 1, 2]);
    }

    #[test]
    fn a_press_held_longer_than_the_counter_is_one_press() {
        let press =
            |at, duration| (at, TelephoneEvent { event: 3, end: false, volume: 10, duration }.print());
        assert_eq!(heard([press(0, 160), press(0, 0xffff), press(0xffff, 160), press(0xffff, 320)]), [3]);
        assert_eq!(heard([press(0, 160), press(0, 800), press(800, 160)]), [3, 3]);
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
            receiver.handle(0, at, &payload);
            receiver.handle(0, at.wrapping_add(1), &payload);
        }
    }
}
