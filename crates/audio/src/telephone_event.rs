//! Keys as RTP events (RFC 4733): sending a press, and hearing each press once.

mod receiver;

use std::collections::VecDeque;

use crate::FRAME;
pub use receiver::EventReceiver;

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
/// Frames of silence between two presses (60 ms), so that receivers see two presses.
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

#[cfg(test)]
mod tests;
