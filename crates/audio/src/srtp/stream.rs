//! Packet indices, and which of them were there before (RFC 3711 sections 3.3.1 and 3.3.2).

use super::error::SrtpError;

/// The highest index: 32 bits of rollover counter and 16 of sequence number.
const LAST: u64 = (1 << 48) - 1;
/// Indices that are remembered, counted from the highest.
const WIDTH: u64 = 128;
/// Sources of one key that are remembered. When one more speaks, the one that was silent longest is
/// forgotten, and what it sent long ago could be replayed.
const SOURCES: usize = 16;

/// The highest index of a source, and which of those below it were there.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Window {
    highest: u64,
    /// Bit n stands for `highest - n`; 0 as long as nothing was there.
    seen: u128,
}

impl Window {
    /// The index of a sequence number: of those that end in it the nearest to the highest (appendix A).
    pub(super) fn index_of(&self, sequence: u16) -> Result<u64, SrtpError> {
        if self.seen == 0 {
            return Ok(u64::from(sequence));
        }
        let ahead = i64::from(sequence.wrapping_sub(self.highest as u16) as i16);
        // Before the first of all: a packet that overtook the rollover counter's zero.
        let index = self.highest.checked_add_signed(ahead).ok_or(SrtpError::Old)?;
        if index > LAST { Err(SrtpError::UsedUp) } else { Ok(index) }
    }

    /// True to its name, or why not.
    pub(super) fn is_new(&self, index: u64) -> Result<(), SrtpError> {
        let Some(behind) = self.highest.checked_sub(index) else { return Ok(()) };
        if self.seen == 0 {
            return Ok(());
        }
        if behind >= WIDTH {
            return Err(SrtpError::Old);
        }
        if self.seen >> behind & 1 == 1 { Err(SrtpError::Replayed) } else { Ok(()) }
    }

    /// Notes an index whose packet is authentic.
    pub(super) fn note(&mut self, index: u64) {
        match index.checked_sub(self.highest) {
            Some(ahead) if ahead >= WIDTH || self.seen == 0 => (self.highest, self.seen) = (index, 1),
            Some(ahead) => (self.highest, self.seen) = (index, self.seen << ahead | 1),
            None if self.seen == 0 => (self.highest, self.seen) = (index, 1),
            None => {
                let behind = self.highest - index;
                self.seen |= if behind < WIDTH { 1 << behind } else { 0 };
            }
        }
    }
}

#[derive(Debug, Clone, Copy, Default)]
struct Stream {
    ssrc: u32,
    rtp: Window,
    rtcp: Window,
}

/// The sources that speak with one key, the last to be noted first. Each has its own indices, so that
/// returning to an old source replays nothing.
#[derive(Debug, Default)]
pub(super) struct Streams {
    streams: [Stream; SOURCES],
    known: usize,
}

impl Streams {
    pub(super) fn rtp(&self, ssrc: u32) -> Window {
        self.find(ssrc).map(|stream| stream.rtp).unwrap_or_default()
    }

    pub(super) fn rtcp(&self, ssrc: u32) -> Window {
        self.find(ssrc).map(|stream| stream.rtcp).unwrap_or_default()
    }

    pub(super) fn note_rtp(&mut self, ssrc: u32, index: u64) {
        self.first(ssrc).rtp.note(index);
    }

    pub(super) fn note_rtcp(&mut self, ssrc: u32, index: u64) {
        self.first(ssrc).rtcp.note(index);
    }

    fn find(&self, ssrc: u32) -> Option<&Stream> {
        self.streams.iter().take(self.known).find(|stream| stream.ssrc == ssrc)
    }

    /// The source's place, moved to the front.
    fn first(&mut self, ssrc: u32) -> &mut Stream {
        let [first, ..] = &self.streams;
        if self.known == 0 || first.ssrc != ssrc {
            let at = self.streams.iter().take(self.known).position(|stream| stream.ssrc == ssrc);
            let at = at.unwrap_or_else(|| {
                self.known = (self.known + 1).min(SOURCES);
                if let Some(last) = self.streams.get_mut(self.known - 1) {
                    *last = Stream { ssrc, ..Stream::default() };
                }
                self.known - 1
            });
            if let Some(streams) = self.streams.get_mut(..=at) {
                streams.rotate_right(1);
            }
        }
        let [first, ..] = &mut self.streams;
        first
    }
}
