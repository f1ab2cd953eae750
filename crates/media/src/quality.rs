//! The quality of one peer's audio, measured while it comes.

use audio::quality::{LegFigures, LossPattern, Network, TalkOver, estimate};
use audio::rtcp::ReportBlock;
use model::{Codec, LegQuality};

/// The delay of a caller's voice beside that of the network, in milliseconds: a packet of 20 ms, and a jitter buffer
/// of the same length at least.
const OWN_DELAY_MS: f64 = 40.0;
/// A jump of the sequence number by this much or more is another stream, and no loss.
const JUMP: u16 = 100;
/// Length of a frame in milliseconds.
const FRAME_MS: u64 = 20;

/// Samples of a frame at 8 kHz.
const FRAME: usize = 160;
/// A peer that spoke and sends nothing for this long has stopped speaking, in samples at 8 kHz: 100 ms.
const SILENT_AFTER: u64 = 800;

/// Running figures of a leg. Instants are in samples at 8 kHz.
#[derive(Debug)]
pub(crate) struct Quality {
    packets: u64,
    lost: u64,
    pattern: LossPattern,
    newest: Option<(u32, u16)>,
    figures: LegFigures,
    talk: TalkOver,
    round_trip_ms: Option<u64>,
    /// Samples that do not make 20 ms yet: peers may send 10 or 30 ms a packet.
    rest: ([i16; FRAME], usize),
    speaks: bool,
    /// When the peer was heard last.
    heard_at: u64,
    /// When the first frame of a conversation was measured.
    beside_since: Option<u64>,
}

impl Default for Quality {
    fn default() -> Quality {
        Quality {
            packets: 0,
            lost: 0,
            pattern: LossPattern::default(),
            newest: None,
            figures: LegFigures::default(),
            talk: TalkOver::default(),
            round_trip_ms: None,
            rest: ([0; FRAME], 0),
            speaks: false,
            heard_at: 0,
            beside_since: None,
        }
    }
}

impl Quality {
    /// Notes a packet; what is missing before it is lost unless it comes late.
    pub(crate) fn packet(&mut self, ssrc: u32, sequence: u16) {
        self.packets += 1;
        let ahead = match self.newest {
            Some((before, newest)) if before == ssrc => sequence.wrapping_sub(newest),
            Some(_) | None => 1,
        };
        if ahead == 0 || ahead > 0x8000 {
            self.lost = self.lost.saturating_sub(u64::from(ahead > 0));
            return;
        }
        if ahead < JUMP {
            (1..ahead).for_each(|_| self.pattern.handle(true));
            self.lost += u64::from(ahead - 1);
        }
        self.pattern.handle(false);
        self.newest = Some((ssrc, sequence));
    }

    /// Notes what the peer said, at 8 kHz.
    pub(crate) fn audio(&mut self, mut samples: &[i16], now: u64) {
        self.heard_at = now;
        while !samples.is_empty() {
            let (rest, filled) = &mut self.rest;
            let room = rest.get_mut(*filled..).unwrap_or_default();
            let taken = room.len().min(samples.len());
            let (new, later) = samples.split_at(taken);
            room.iter_mut().zip(new).for_each(|(place, sample)| *place = *sample);
            *filled += taken;
            samples = later;
            if *filled == FRAME {
                *filled = 0;
                self.speaks = self.figures.handle(&rest[..]).speech;
            }
        }
    }

    /// Whether the peer speaks at `now`. A peer that sends nothing does not.
    pub(crate) fn speaks(&self, now: u64) -> bool {
        self.speaks && now.saturating_sub(self.heard_at) <= SILENT_AFTER
    }

    /// Notes a packet of a conversation in which the other party speaks or not. Packets may be short, come in bursts or
    /// twice: no more frames are counted than fit into the time since the first.
    pub(crate) fn beside(&mut self, other_speaks: bool, now: u64) {
        let since = *self.beside_since.get_or_insert(now);
        if self.talk.frames <= now.saturating_sub(since) / FRAME as u64 {
            self.talk.handle(self.speaks(now), other_speaks);
        }
    }

    /// Computes the round trip from a peer's report about our stream, which came at `ntp` (RFC 3550 section 6.4.1).
    pub(crate) fn reported(&mut self, block: &ReportBlock, ntp: u64) {
        if block.last_sender_report == 0 {
            return;
        }
        let now = (ntp >> 16) as u32;
        let units = now.wrapping_sub(block.last_sender_report).wrapping_sub(block.delay_since);
        // A clock that was set meanwhile gives nonsense; half the range of the counter is taken for that.
        if units < u32::MAX / 2 {
            self.round_trip_ms = Some(u64::from(units) * 1000 / 65_536);
        }
    }

    /// The figures so far; `None` when nothing came.
    pub(crate) fn read(&self, codec: Codec, jitter_units: u32) -> Option<LegQuality> {
        if self.packets == 0 {
            return None;
        }
        let jitter_ms = u64::from(jitter_units) * 1000 / u64::from(codec.clock());
        let network = Network {
            delay_ms: self.round_trip_ms.unwrap_or(0) as f64 / 2.0 + OWN_DELAY_MS + 2.0 * jitter_ms as f64,
            loss: self.pattern.loss(),
            burst_ratio: self.pattern.burst_ratio(),
        };
        Some(LegQuality {
            codec,
            packets: self.packets,
            lost: self.lost,
            jitter_ms,
            round_trip_ms: self.round_trip_ms,
            mos: hundredths(estimate(codec, network).mos),
            speech_dbov: self.figures.speech_level().map(hundredths),
            silence: hundredths(self.figures.silence()),
            clipped_ms: self.figures.clipped() * FRAME_MS,
            talk_over_ms: self.talk.both * FRAME_MS,
        })
    }
}

/// Rounded to hundredths, so that the log and the tables hold the same number.
fn hundredths(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    fn heard(sequences: impl IntoIterator<Item = u16>) -> LegQuality {
        let mut quality = Quality::default();
        sequences.into_iter().for_each(|sequence| quality.packet(7, sequence));
        quality.read(Codec::Pcma, 80).unwrap()
    }

    #[test]
    fn loss_counts_what_never_came_and_not_what_came_late() {
        let all = heard((0..100).map(|n: u16| n.wrapping_add(65_500)));
        assert_eq!((all.packets, all.lost, all.jitter_ms), (100, 0, 10));
        assert!(all.mos > 4.3, "{all:?}");
        let some = heard((0..100).filter(|n| n % 10 != 5));
        assert_eq!((some.packets, some.lost), (90, 10));
        assert!(some.mos < 3.5 && some.mos > 2.5, "{some:?}");
        assert_eq!(heard([1, 2, 4, 3, 5]).lost, 0);
        assert_eq!(heard([1, 2, 30_000, 30_001]).lost, 0, "another stream");
        assert_eq!(Quality::default().read(Codec::Pcma, 0), None);
    }

    #[test]
    fn no_more_talk_over_is_counted_than_there_was_talk() {
        let loud: Vec<i16> = (0..80).map(|n| if n % 8 < 4 { 9_000 } else { -9_000 }).collect();
        let mut quality = Quality::default();
        quality.packet(7, 1);
        // 10 ms a packet, for 2 s, each reported twice, by a clock of 8 samples a millisecond.
        for ten_ms in 0..200_u64 {
            quality.audio(&loud, ten_ms * 80);
            quality.beside(true, ten_ms * 80);
            quality.beside(true, ten_ms * 80);
        }
        let both = quality.read(Codec::Pcma, 0).unwrap().talk_over_ms;
        assert!((1_800..=2_000).contains(&both), "{both}");
        assert!(quality.speaks(200 * 80));
        // The peer sends nothing more; the other goes on for a second.
        for ten_ms in 220..320 {
            assert!(!quality.speaks(ten_ms * 80));
            quality.beside(true, ten_ms * 80);
        }
        assert_eq!(quality.read(Codec::Pcma, 0).unwrap().talk_over_ms, both);
    }

    #[test]
    fn the_round_trip_is_ours_less_the_peers() {
        let mut quality = Quality::default();
        quality.packet(7, 1);
        let sent = 0x1234_5678_u32;
        let block = ReportBlock { last_sender_report: sent, delay_since: 65_536, ..ReportBlock::default() };
        // It comes back after 1.25 s, one of which the peer kept it.
        let back = u64::from(sent + 65_536 + 16_384) << 16;
        quality.reported(&block, back);
        assert_eq!(quality.read(Codec::Pcma, 0).unwrap().round_trip_ms, Some(250));
        quality.reported(&ReportBlock::default(), back);
        assert_eq!(quality.read(Codec::Pcma, 0).unwrap().round_trip_ms, Some(250), "no report to go by");
    }
}
