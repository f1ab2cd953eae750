//! What we know of a stream that we receive: RFC 3550 appendix A.1 (validity), A.3 (loss), A.8 (jitter).
//!
//! ```text
//!   first packet ──► Probation ──2 in order──► Valid ──bad jump──► Valid, one suspect
//!                       ▲                                             │ the jump goes on: restart
//!                       └── out of order                              ▼
//!                                                              Valid (counted afresh)
//! ```

use crate::rtcp::ReportBlock;
use crate::rtp::RtpPacket;

/// Packets in order before a source is believed.
const MIN_SEQUENTIAL: u8 = 2;
/// A forward jump of this many packets is still the same stream.
const MAX_DROPOUT: u16 = 3000;
/// A packet this far behind is still the same stream.
const MAX_MISORDER: u16 = 100;

/// Statistics of one synchronisation source.
#[derive(Debug, Clone)]
pub struct Source {
    ssrc: u32,
    /// In-order packets still wanted before the source counts.
    probation: u8,
    highest: u16,
    wraps: u32,
    base: u32,
    received: u32,
    /// The sequence number that would prove a restart.
    suspect: Option<u16>,
    expected_before: u32,
    received_before: u32,
    transit: Option<i64>,
    /// Jitter in sixteenths of a sample, as appendix A.8 keeps it.
    jitter16: i64,
}

/// What a packet's sequence number says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Validity {
    /// The source is not believed yet.
    Probation,
    /// A believable packet of this stream.
    Valid,
    /// A jump that the stream cannot have made; two of them in a row count as a restart.
    Jump,
}

impl Source {
    /// A source, on probation, of which nothing has been counted yet.
    pub fn new(ssrc: u32, first_sequence: u16) -> Source {
        let mut source = Source {
            ssrc,
            probation: MIN_SEQUENTIAL,
            highest: first_sequence,
            wraps: 0,
            base: 0,
            received: 0,
            suspect: None,
            expected_before: 0,
            received_before: 0,
            transit: None,
            jitter16: 0,
        };
        source.restart(first_sequence);
        source.highest = first_sequence.wrapping_sub(1);
        source
    }

    /// Whose statistics these are.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Counts a packet that arrived at `arrival` (samples on our clock).
    pub fn handle(&mut self, packet: &RtpPacket<'_>, arrival: u64) -> Validity {
        let validity = self.handle_sequence(packet.sequence);
        if validity == Validity::Valid {
            self.handle_transit(packet.timestamp, arrival);
        }
        validity
    }

    fn handle_sequence(&mut self, sequence: u16) -> Validity {
        let ahead = sequence.wrapping_sub(self.highest);
        if self.probation > 0 {
            if ahead == 1 {
                self.probation -= 1;
                self.highest = sequence;
                if self.probation > 0 {
                    return Validity::Probation;
                }
                self.restart(sequence);
            } else {
                self.probation = MIN_SEQUENTIAL - 1;
                self.highest = sequence;
                return Validity::Probation;
            }
        } else if ahead < MAX_DROPOUT {
            if sequence < self.highest {
                self.wraps = self.wraps.wrapping_add(1);
            }
            self.highest = sequence;
        } else if ahead <= 0u16.wrapping_sub(MAX_MISORDER) {
            if self.suspect != Some(sequence) {
                self.suspect = Some(sequence.wrapping_add(1));
                return Validity::Jump;
            }
            self.restart(sequence);
        }
        self.received = self.received.saturating_add(1);
        Validity::Valid
    }

    fn restart(&mut self, sequence: u16) {
        self.base = u32::from(sequence);
        self.highest = sequence;
        self.wraps = 0;
        self.received = 0;
        self.suspect = None;
        self.expected_before = 0;
        self.received_before = 0;
        self.transit = None;
    }

    fn handle_transit(&mut self, timestamp: u32, arrival: u64) {
        // Both clocks wrap at 2³²; only differences matter.
        let transit = i64::from((arrival as u32).wrapping_sub(timestamp) as i32);
        if let Some(before) = self.transit {
            let change = i64::from((transit - before) as i32).abs();
            self.jitter16 += change - ((self.jitter16 + 8) >> 4);
        }
        self.transit = Some(transit);
    }

    /// Packets received since the stream was believed.
    pub fn received(&self) -> u32 {
        self.received
    }

    /// Packets that should have come and did not; negative when duplicates outnumber them.
    pub fn lost(&self) -> i64 {
        i64::from(self.expected()) - i64::from(self.received)
    }

    /// Interarrival jitter in samples.
    pub fn jitter(&self) -> u32 {
        u32::try_from(self.jitter16 >> 4).unwrap_or(u32::MAX)
    }

    fn expected(&self) -> u32 {
        if self.probation > 0 {
            return 0;
        }
        self.highest_sequence().wrapping_sub(self.base).saturating_add(1)
    }

    fn highest_sequence(&self) -> u32 {
        self.wraps << 16 | u32::from(self.highest)
    }

    /// The report block for our next RTCP report; starts the next interval. `None` while nothing is
    /// believed. The two fields about the peer's own reports are left 0 for the caller to fill.
    pub fn report(&mut self) -> Option<ReportBlock> {
        if self.probation > 0 {
            return None;
        }
        let expected = self.expected().wrapping_sub(self.expected_before);
        let received = self.received.wrapping_sub(self.received_before);
        (self.expected_before, self.received_before) = (self.expected(), self.received);
        let lost = u64::from(expected.saturating_sub(received));
        let fraction = (lost * 256).checked_div(u64::from(expected)).unwrap_or(0);
        Some(ReportBlock {
            ssrc: self.ssrc,
            fraction_lost: u8::try_from(fraction).unwrap_or(u8::MAX),
            lost: self.lost().clamp(-0x80_0000, 0x7f_ffff) as i32,
            highest_sequence: self.highest_sequence(),
            jitter: self.jitter(),
            last_sender_report: 0,
            delay_since: 0,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn packet(sequence: u16, timestamp: u32) -> RtpPacket<'static> {
        RtpPacket { marker: false, payload_type: 0, sequence, timestamp, ssrc: 1, payload: &[0; 160] }
    }

    /// Feeds sequence numbers 20 ms apart and returns the source.
    fn fed(sequences: impl IntoIterator<Item = u16>) -> Source {
        let mut sequences = sequences.into_iter().peekable();
        let mut source = Source::new(1, *sequences.peek().unwrap());
        for (index, sequence) in sequences.enumerate() {
            source.handle(&packet(sequence, index as u32 * 160), index as u64 * 160);
        }
        source
    }

    #[test]
    fn a_source_is_believed_after_two_packets_in_order() {
        let mut source = Source::new(1, 10);
        assert_eq!(source.handle(&packet(10, 0), 0), Validity::Probation);
        assert_eq!(source.report(), None);
        assert_eq!(source.handle(&packet(20, 160), 160), Validity::Probation);
        assert_eq!(source.handle(&packet(21, 320), 320), Validity::Valid);
        assert_eq!((source.received(), source.lost()), (1, 0));
    }

    #[test]
    fn counts_loss_across_the_wrap() {
        let sequences = (65_530..=65_535).chain(0..10).filter(|s| *s != 65_533 && *s != 4);
        let mut source = fed(sequences);
        assert_eq!(source.lost(), 2);
        let block = source.report().unwrap();
        assert_eq!(block.highest_sequence, 0x0001_0009);
        assert_eq!((block.lost, block.fraction_lost), (2, (2 * 256 / 15) as u8));
        assert_eq!(source.report().unwrap().fraction_lost, 0, "nothing was lost since");
    }

    #[test]
    fn late_and_repeated_packets_are_of_the_stream() {
        let source = fed([1, 2, 3, 5, 4, 6, 6]);
        assert_eq!((source.received(), source.lost()), (6, -1));
    }

    #[test]
    fn one_wild_packet_is_not_believed_and_two_are_a_restart() {
        let mut source = fed(1..=10);
        assert_eq!(source.handle(&packet(30_000, 0), 0), Validity::Jump);
        assert_eq!(source.handle(&packet(11, 0), 0), Validity::Valid);
        assert_eq!(source.handle(&packet(30_000, 0), 0), Validity::Jump);
        assert_eq!(source.handle(&packet(30_001, 0), 0), Validity::Valid);
        assert_eq!(source.lost(), 0);
    }

    #[test]
    fn jitter_follows_appendix_a8() {
        let mut source = Source::new(1, 0);
        let mut expected = 0_i64;
        for index in 0..200_u16 {
            // Every other packet is 40 samples (5 ms) late.
            let late = u64::from(index % 2) * 40;
            source.handle(&packet(index, u32::from(index) * 160), u64::from(index) * 160 + late);
            if index > 1 {
                expected += 40 - ((expected + 8) >> 4);
            }
        }
        assert_eq!(i64::from(source.jitter()), expected >> 4);
        assert!((38..=40).contains(&source.jitter()));
    }
}
