//! Hearing presses of keys, each once.

use std::collections::VecDeque;

use super::TelephoneEvent;
use crate::rtp::RtpPacket;

/// Hears keys: one per press, whichever of its packets are lost, repeated or out of order.
///
/// All packets of a press should carry the timestamp of its beginning (RFC 4733 section 2.5.1.2). Some senders move the
/// timestamp with each packet, or change it in the packets that end the press. So a packet is of a press that was heard
/// before when its key and SSRC are the same and one of these is true:
///
/// - its timestamp lies within the press, or up to 20 ms after it: two presses have a longer pause between them;
/// - it follows the press by sequence number (at most two packets lost in between), has no marker bit, and the press
///   has not ended, or both packets end it;
/// - the press is as long as the duration field can say, and the packet goes on where it ended (section 2.5.1.3).
///
/// A packet that follows the end of a press and does not end it begins another one, whatever its timestamp: some
/// senders never move theirs.
#[derive(Debug, Clone, Default)]
pub struct EventReceiver {
    /// The latest press last.
    heard: VecDeque<Press>,
}

/// What was heard of a press.
#[derive(Debug, Clone, Copy)]
struct Press {
    ssrc: u32,
    event: u8,
    /// The earliest timestamp, and the latest with its duration.
    began: u32,
    until: u32,
    /// The longest duration of a packet.
    duration: u16,
    /// The newest sequence number.
    sequence: u16,
    ended: bool,
}

/// Presses remembered, so that late repetitions of them are not heard again.
const MEMORY: usize = 16;
/// A segment at least this long may be continued by another (8.1 s).
const NEARLY_FULL: u16 = 0xfd00;
/// Timestamp units by which packets of one press may lie behind its end, 20 ms at 8,000 a second.
const BEHIND: u32 = 160;
/// The same ahead of its first packet, for packets that overtook each other (50 ms).
const AHEAD: u32 = 400;
/// The furthest that a packet of the same press is behind the newest by sequence number: two were lost.
const NEAR: u16 = 3;

impl EventReceiver {
    /// Takes an event packet; `Some(event)` when it is the first that is heard of a press.
    pub fn handle(&mut self, packet: &RtpPacket<'_>) -> Option<u8> {
        let event = TelephoneEvent::parse(packet.payload)?;
        let latest = self.heard.iter().rposition(|press| press.ssrc == packet.ssrc);
        let known = self.heard.iter_mut().enumerate().rev().find(|(index, press)| {
            (press.ssrc, press.event) == (packet.ssrc, event.event)
                && !press.is_followed_by(packet, &event)
                && (press.spans(packet) || latest == Some(*index) && press.goes_on_with(packet, &event))
        });
        if let Some((_, press)) = known {
            press.take(packet, &event);
            return None;
        }
        if self.heard.len() == MEMORY {
            self.heard.pop_front();
        }
        self.heard.push_back(Press::new(packet, &event));
        Some(event.event)
    }
}

impl Press {
    fn new(packet: &RtpPacket<'_>, event: &TelephoneEvent) -> Press {
        Press {
            ssrc: packet.ssrc,
            event: event.event,
            began: packet.timestamp,
            until: packet.timestamp.wrapping_add(u32::from(event.duration)),
            duration: event.duration,
            sequence: packet.sequence,
            ended: event.end,
        }
    }

    /// Takes a further packet of the press.
    fn take(&mut self, packet: &RtpPacket<'_>, event: &TelephoneEvent) {
        let until = packet.timestamp.wrapping_add(u32::from(event.duration));
        if is_after(until, self.until) {
            self.until = until;
        }
        if is_after(self.began, packet.timestamp) {
            self.began = packet.timestamp;
        }
        self.duration = self.duration.max(event.duration);
        if self.steps_to(packet) < 0x8000 {
            self.sequence = packet.sequence;
        }
        self.ended |= event.end;
    }

    /// Packets from the newest of the press to this one; above `0x7fff` it is an older one.
    fn steps_to(&self, packet: &RtpPacket<'_>) -> u16 {
        packet.sequence.wrapping_sub(self.sequence)
    }

    /// The press has ended and the packet begins another one.
    fn is_followed_by(&self, packet: &RtpPacket<'_>, event: &TelephoneEvent) -> bool {
        self.ended && !event.end && (1..0x8000).contains(&self.steps_to(packet))
    }

    /// The timestamp is of this press.
    fn spans(&self, packet: &RtpPacket<'_>) -> bool {
        let length = self.until.wrapping_sub(self.began);
        let overtaken = self.steps_to(packet) >= 0x8000;
        let full = if self.duration >= NEARLY_FULL { u32::from(u16::MAX - NEARLY_FULL) } else { 0 };
        packet.timestamp.wrapping_sub(self.began) <= length.saturating_add(BEHIND.max(full))
            || overtaken && self.began.wrapping_sub(packet.timestamp) <= AHEAD
    }

    /// By its sequence number the packet is of this press.
    fn goes_on_with(&self, packet: &RtpPacket<'_>, event: &TelephoneEvent) -> bool {
        let near = if self.ended { NEAR - 1 } else { NEAR };
        !packet.marker && self.ended <= event.end && (1..=near).contains(&self.steps_to(packet))
    }
}

/// True when timestamp `a` is after `b`, across the wrap.
fn is_after(a: u32, b: u32) -> bool {
    (1..0x8000_0000).contains(&a.wrapping_sub(b))
}
