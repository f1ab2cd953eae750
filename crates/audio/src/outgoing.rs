//! One continuous RTP stream towards a peer, whatever it is made of (RFC 3550 section 5.1).
//!
//! A peer hears prompts, music and another party in turn. For its jitter buffer they must be one stream:
//! one SSRC, sequence numbers without a jump of ours, timestamps that follow our clock. Prompts are
//! stamped by the clock. A forwarded stream keeps its own spacing, loss and order; only its offset is
//! ours, chosen when it begins and again when it jumps.
//!
//! Our clock counts 8,000 a second; a codec whose RTP clock is faster ([`Outgoing::set_clock`]) has whole multiples.

/// A forwarded stream whose timestamps are this far from our clock gets a new offset (one second, in samples).
const STRAY: u32 = 8000;

/// The numbers of one outgoing stream.
#[derive(Debug, Clone)]
pub struct Outgoing {
    ssrc: u32,
    base: u32,
    sequence: u16,
    packets: u32,
    octets: u32,
    forwarded: Option<Forwarded>,
    fresh: bool,
    /// RTP units in one of our samples, and where both clocks meet.
    units: u32,
    met: u64,
}

#[derive(Debug, Clone, Copy)]
struct Forwarded {
    ssrc: u32,
    sequence_offset: u16,
    timestamp_offset: u32,
}

/// What the next packet's header says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Set where something new begins.
    pub marker: bool,
    /// Sequence number.
    pub sequence: u16,
    /// Timestamp.
    pub timestamp: u32,
    /// Our source.
    pub ssrc: u32,
}

impl Outgoing {
    /// A stream with random beginnings, as section 5.1 asks.
    pub fn new(ssrc: u32, sequence: u16, timestamp: u32) -> Outgoing {
        Outgoing {
            ssrc,
            base: timestamp,
            sequence,
            packets: 0,
            octets: 0,
            forwarded: None,
            fresh: true,
            units: 1,
            met: 0,
        }
    }

    /// Our source.
    pub fn ssrc(&self) -> u32 {
        self.ssrc
    }

    /// Packets and payload bytes sent, as a sender report counts them: modulo 2³².
    pub fn sent(&self) -> (u32, u32) {
        (self.packets, self.octets)
    }

    /// From `clock` samples of ours on the stream counts `rate` units a second (8,000, 16,000 or 48,000). It goes on
    /// from where it is.
    pub fn set_clock(&mut self, rate: u32, clock: u64) {
        let units = (rate / crate::RATE).max(1);
        if units != self.units {
            (self.base, self.met, self.units) = (self.timestamp(clock), clock, units);
            self.forwarded = None;
        }
    }

    /// The stream's own clock at `clock` samples of ours.
    pub fn timestamp(&self, clock: u64) -> u32 {
        let since = clock.wrapping_sub(self.met) as u32;
        self.base.wrapping_add(since.wrapping_mul(self.units))
    }

    /// The stamp of a packet of our own making, for the frame that begins at `clock`.
    pub fn own(&mut self, clock: u64, payload: usize) -> Stamp {
        self.own_at(self.timestamp(clock), payload)
    }

    /// The stamp of a packet of our own making with a given timestamp (a key's packets share theirs).
    pub fn own_at(&mut self, timestamp: u32, payload: usize) -> Stamp {
        let marker = self.fresh || self.forwarded.is_some();
        self.forwarded = None;
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        self.count(payload);
        Stamp { marker, sequence, timestamp, ssrc: self.ssrc }
    }

    /// The stamp of a packet of another stream that is forwarded in ours. `steady` packets (audio) may set a new
    /// offset between both streams; others (keys, whose timestamp is that of their beginning) may not.
    pub fn forward(&mut self, incoming: (u32, u16, u32), clock: u64, steady: bool, payload: usize) -> Stamp {
        let (ssrc, sequence, timestamp) = incoming;
        let here = self.timestamp(clock);
        let fits = |known: &Forwarded| {
            let distance = timestamp.wrapping_add(known.timestamp_offset).wrapping_sub(here) as i32;
            known.ssrc == ssrc && (!steady || distance.unsigned_abs() <= STRAY * self.units)
        };
        let known = self.forwarded.filter(fits);
        let anchored = known.unwrap_or(Forwarded {
            ssrc,
            sequence_offset: self.sequence.wrapping_sub(sequence),
            timestamp_offset: here.wrapping_sub(timestamp),
        });
        self.forwarded = Some(anchored);
        let sequence = sequence.wrapping_add(anchored.sequence_offset);
        // A late packet does not turn the counter back.
        if sequence.wrapping_sub(self.sequence) < 0x8000 {
            self.sequence = sequence.wrapping_add(1);
        }
        self.count(payload);
        let timestamp = timestamp.wrapping_add(anchored.timestamp_offset);
        Stamp { marker: known.is_none(), sequence, timestamp, ssrc: self.ssrc }
    }

    fn count(&mut self, payload: usize) {
        self.fresh = false;
        self.packets = self.packets.wrapping_add(1);
        self.octets = self.octets.wrapping_add(payload as u32);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompt_then_party_then_prompt_is_one_stream() {
        let mut outgoing = Outgoing::new(1, 65_534, 1000);
        let first = outgoing.own(0, 160);
        assert_eq!((first.marker, first.sequence, first.timestamp), (true, 65_534, 1000));
        assert_eq!(outgoing.own(160, 160).sequence, 65_535);
        let party = outgoing.forward((9, 500, 77_000), 320, true, 160);
        assert_eq!((party.marker, party.sequence, party.timestamp), (true, 0, 1320));
        let party = outgoing.forward((9, 501, 77_160), 500, true, 160);
        assert_eq!((party.marker, party.sequence, party.timestamp), (false, 1, 1480));
        let again = outgoing.own(640, 160);
        assert_eq!((again.marker, again.sequence, again.timestamp), (true, 2, 1640));
        assert_eq!(outgoing.sent(), (5, 800));
    }

    #[test]
    fn a_faster_clock_counts_in_multiples_from_where_the_stream_is() {
        let mut outgoing = Outgoing::new(1, 0, 1000);
        assert_eq!(outgoing.own(160, 160).timestamp, 1160);
        outgoing.set_clock(48_000, 320);
        assert_eq!([320, 480].map(|clock| outgoing.own(clock, 80).timestamp), [1320, 2280]);
        let party = [0, 960].map(|timestamp| outgoing.forward((9, 7, timestamp), 640, true, 80).timestamp);
        assert_eq!(party, [3240, 4200]);
    }

    #[test]
    fn loss_and_disorder_of_the_party_stay_visible() {
        let mut outgoing = Outgoing::new(1, 0, 0);
        let sequences = [10, 13, 12, 14].map(|sequence: u16| {
            let timestamp = u32::from(sequence) * 160;
            outgoing.forward((9, sequence, timestamp), u64::from(sequence) * 160, true, 160).sequence
        });
        assert_eq!(sequences, [0, 3, 2, 4]);
    }

    #[test]
    fn a_jump_of_the_partys_clock_or_source_does_not_reach_the_peer() {
        let mut outgoing = Outgoing::new(1, 0, 0);
        outgoing.forward((9, 1, 0), 0, true, 160);
        let jumped = outgoing.forward((9, 2, 3_000_000_000), 160, true, 160);
        assert_eq!((jumped.sequence, jumped.timestamp), (1, 160));
        let other = outgoing.forward((10, 40_000, 5), 320, true, 160);
        assert_eq!((other.sequence, other.timestamp, other.marker), (2, 320, true));
        let key = outgoing.forward((10, 40_001, 5), 80_000, false, 4);
        assert_eq!(key.timestamp, 320, "a long press keeps the time of its beginning");
    }
}
