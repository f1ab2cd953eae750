//! The packets of one voice: audio every 20 ms, keys in its place while one sounds.

use audio::FRAME;
use audio::rtp::RtpPacket;
use audio::telephone_event::{EventFrame, EventSender};

/// A sender's stream.
#[derive(Debug)]
pub(crate) struct Voice {
    ssrc: u32,
    /// RTP units of 20 ms.
    step: u32,
    sequence: u16,
    timestamp: u32,
    event_timestamp: u32,
    keys: EventSender,
}

/// The next packet, but for its audio.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Frame {
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    key: Option<[u8; 4]>,
}

impl Voice {
    /// A stream of this source, at 8000 RTP units a second.
    pub(crate) fn new(ssrc: u32) -> Voice {
        Voice {
            ssrc,
            step: FRAME as u32,
            sequence: 0,
            timestamp: 0,
            event_timestamp: 0,
            keys: EventSender::default(),
        }
    }

    /// From now on the stream has `clock` RTP units a second.
    pub(crate) fn keep_time(&mut self, clock: u32) {
        self.step = clock / 50;
    }

    /// Queues a key, as RFC 4733 numbers them.
    pub(crate) fn press(&mut self, event: u8) {
        // More keys than anybody dials are refused, and then one was lost: as with a hasty finger.
        self.keys.press(event);
    }

    /// What goes out in the next 20 ms; nothing in the pause between two keys, and none for a peer that does
    /// not take keys.
    pub(crate) fn next(&mut self, audio_type: u8, telephone_event: Option<u8>) -> Option<Frame> {
        self.timestamp = self.timestamp.wrapping_add(self.step);
        let (payload_type, marker, timestamp, key) = match (self.keys.poll_frame(), telephone_event) {
            (EventFrame::Packet { event, first }, Some(kind)) => {
                if first {
                    self.event_timestamp = self.timestamp;
                }
                (kind, first, self.event_timestamp, Some(event.print()))
            }
            (EventFrame::Pause | EventFrame::Packet { .. }, _) => return None,
            (EventFrame::Idle, _) => (audio_type, false, self.timestamp, None),
        };
        self.sequence = self.sequence.wrapping_add(1);
        let (sequence, ssrc) = (self.sequence, self.ssrc);
        Some(Frame { marker, payload_type, sequence, timestamp, ssrc, key })
    }
}

impl Frame {
    /// It carries a key and no audio.
    pub(crate) fn is_key(&self) -> bool {
        self.key.is_some()
    }

    /// Writes the packet with this audio; returns its length, `None` when there is no room.
    pub(crate) fn print(&self, audio: &[u8], datagram: &mut [u8]) -> Option<usize> {
        let Frame { marker, payload_type, sequence, timestamp, ssrc, key } = *self;
        let payload = key.as_ref().map_or(audio, |key| &key[..]);
        RtpPacket { marker, payload_type, sequence, timestamp, ssrc, payload }.print(datagram)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_takes_the_place_of_audio_and_time_goes_on() {
        let mut voice = Voice::new(7);
        assert!(!voice.next(8, Some(101)).unwrap().is_key());
        voice.press(1);
        let frames: Vec<Option<Frame>> = (0..12).map(|_| voice.next(8, Some(101))).collect();
        let keys: Vec<Frame> = frames.iter().flatten().copied().filter(Frame::is_key).collect();
        assert!(keys.len() >= 8 && keys.iter().all(|frame| frame.timestamp == 320), "{keys:?}");
        assert!(keys[0].marker && !keys[1].marker);
        let after = voice.next(8, Some(101)).unwrap();
        assert_eq!((after.is_key(), after.timestamp), (false, 14 * 160));
    }

    #[test]
    fn without_telephone_events_the_keys_time_is_silent() {
        let mut voice = Voice::new(7);
        voice.press(1);
        assert_eq!(voice.next(8, None), None);
    }
}
