//! One peer's stream in a recording: the place of each packet, and the packets that never came.

use std::ops::Range;

use audio::reader::Passage;
use audio::rtp::RtpPacket;
use audio::timeline::Timeline;
use model::{Gap, GapCause};

use crate::clock::milliseconds;

/// Silence at the very end counts as loss from this length on (500 ms); a shorter one is the usual end of a call.
const LAST_GAP: u64 = 4000;
/// The most gaps of one channel; further ones are joined to the last.
const MOST_GAPS: usize = 10_000;

/// A peer's stream.
#[derive(Debug, Default)]
pub(crate) struct Track {
    timeline: Timeline,
    covered: Option<Covered>,
    gaps: Vec<Range<u64>>,
}

/// The newest packet of a stream.
#[derive(Debug, Clone, Copy)]
struct Covered {
    until: u64,
    ssrc: u32,
    sequence: u16,
}

impl Track {
    /// The end of the newest audio, while the stream goes on.
    pub(crate) fn covered_until(&self) -> Option<u64> {
        self.covered.map(|covered| covered.until)
    }

    /// The place of a packet's audio that arrived at `now`. Audio before `emitted` was handed on already.
    pub(crate) fn place(&mut self, passage: &Passage<'_>, now: u64, emitted: u64) -> Option<u64> {
        let Passage { packet, codec, narrow, .. } = passage;
        let at = self.timeline.place(packet.ssrc, packet.timestamp, codec.clock(), now)?;
        let until = at.saturating_add(narrow.len() as u64);
        let here = Covered { until, ssrc: packet.ssrc, sequence: packet.sequence };
        let Some(before) = self.covered.filter(|covered| covered.ssrc == packet.ssrc) else {
            self.covered = Some(here);
            return Some(at);
        };
        let ahead = packet.sequence.wrapping_sub(before.sequence);
        // A pause without a missing number is the peer's choice.
        if at > before.until && ahead > 1 {
            self.lose(before.until..at);
        } else if until > emitted {
            self.find(at..until);
        }
        let newer = ahead < 0x8000;
        let sequence = if newer { packet.sequence } else { before.sequence };
        self.covered = Some(Covered { until: until.max(before.until), sequence, ..here });
        Some(at)
    }

    /// Packets of a key have the timestamp of its beginning, which says nothing about the place of audio. They cover
    /// the time until now, and their sequence numbers are not missing.
    pub(crate) fn key(&mut self, packet: &RtpPacket<'_>, now: u64) {
        let covered = self.covered.as_mut().filter(|covered| covered.ssrc == packet.ssrc);
        let Some(covered) = covered else { return };
        if packet.sequence.wrapping_sub(covered.sequence) < 0x8000 {
            covered.sequence = packet.sequence;
            covered.until = covered.until.max(now);
        }
    }

    /// Silence until the next packet is no loss, and the place of that packet is determined as at the start.
    pub(crate) fn rest(&mut self) {
        self.covered = None;
        self.timeline.reset();
    }

    /// Notes audio that never came.
    fn lose(&mut self, gap: Range<u64>) {
        let full = self.gaps.len() >= MOST_GAPS;
        match self.gaps.last_mut() {
            Some(last) if last.end == gap.start || full => last.end = gap.end,
            _ => self.gaps.push(gap),
        }
    }

    /// Audio of a late packet was counted as lost: it is taken off again.
    fn find(&mut self, found: Range<u64>) {
        let touches = |gap: &Range<u64>| gap.start < found.end && found.start < gap.end;
        let Some(index) = self.gaps.iter().rposition(touches) else { return };
        let gap = self.gaps.remove(index);
        let parts = [gap.start..found.start.min(gap.end), found.end.max(gap.start)..gap.end];
        let parts = parts.into_iter().filter(|part| part.start < part.end);
        self.gaps.splice(index..index, parts);
    }

    /// The losses of a recording of this length.
    pub(crate) fn finish(mut self, channel: u8, length: u64) -> Vec<Gap> {
        if let Some(covered) = self.covered
            && covered.until + LAST_GAP <= length
        {
            self.lose(covered.until..length);
        }
        let gap = |range: Range<u64>| Gap {
            channel,
            from_ms: milliseconds(range.start),
            length_ms: milliseconds(range.end.min(length).saturating_sub(range.start)),
            cause: GapCause::Lost,
        };
        self.gaps.into_iter().map(gap).filter(|gap| gap.length_ms > 0).collect()
    }
}
