//! Sorts the packets that a phone receives: who sent them, which are missing, and which the system made itself.

use audio::rtp::RtpPacket;

use super::super::stamp::Stamp;
use super::Durations;

/// What one phone sent and heard in one call.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct LegFigures {
    pub(crate) leg: u32,
    pub(crate) sent: u64,
    /// Numbers of packets that the bad network took.
    pub(crate) unsent: Vec<u32>,
    /// The leg whose voice was heard first.
    pub(crate) counterpart: Option<u32>,
    /// The first and the highest number heard of it.
    pub(crate) numbers: Option<(u32, u32)>,
    /// Different numbers heard of it.
    pub(crate) received: u64,
    /// Heard again.
    pub(crate) repeated: u64,
    /// Heard after a higher number.
    pub(crate) reordered: u64,
    /// Different numbers heard with other codes than were sent.
    pub(crate) changed: u64,
    /// Heard of any other leg.
    pub(crate) foreign: u64,
    /// Heard from the system itself: prompts, music, silence, and a voice that it encoded again.
    pub(crate) made: u64,
    /// How often the counterpart's name was heard.
    pub(crate) names: u64,
    /// Packets that the ear decoded.
    pub(crate) decoded: u64,
}

/// How many sequence numbers below the highest are remembered, so that a late packet is not taken for a repeated one.
const REMEMBERED: u32 = 128;

/// What was heard so far.
#[derive(Debug, Default)]
pub(super) struct Heard {
    counterpart: Option<u32>,
    first: u32,
    highest: u32,
    /// Bit `n`: the number `highest - n` was heard.
    window: u128,
    received: u64,
    repeated: u64,
    reordered: u64,
    changed: u64,
    foreign: u64,
    made: u64,
    names: u64,
    last_made: Option<Made>,
}

/// The system's own packet heard last.
#[derive(Debug, Clone, Copy)]
struct Made {
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    arrived_us: u64,
}

impl Heard {
    /// A packet with a stamp arrived. Whose voice it was when it is the first of the call.
    pub(super) fn stamp(
        &mut self,
        stamp: &Stamp,
        as_sent: bool,
        arrived_us: u64,
        durations: &mut Durations,
    ) -> Option<u32> {
        self.last_made = None;
        let news = self.counterpart.is_none().then_some(stamp.leg);
        if *self.counterpart.get_or_insert(stamp.leg) != stamp.leg {
            self.foreign += 1;
            return None;
        }
        if !self.hears_stamps() {
            (self.first, self.highest) = (stamp.number, stamp.number);
        }
        if self.place(stamp.number) {
            self.changed += u64::from(!as_sent);
            durations.delay.count(arrived_us.saturating_sub(stamp.sent_us));
        }
        news
    }

    /// Whether the number is new.
    fn place(&mut self, number: u32) -> bool {
        let ahead = number.saturating_sub(self.highest);
        self.window = self.window.checked_shl(ahead).unwrap_or(0);
        self.highest = self.highest.max(number);
        let behind = self.highest - number;
        self.reordered += u64::from(behind > 0);
        // So late that it may be a repetition, or from before the first packet.
        let known = behind >= REMEMBERED || number < self.first || self.window >> behind & 1 == 1;
        if known {
            self.repeated += u64::from(number >= self.first);
            return false;
        }
        self.window |= 1 << behind;
        self.received += 1;
        true
    }

    /// Stamps arrive: packets are passed on as they are, or between the laws of G.711.
    pub(super) fn hears_stamps(&self) -> bool {
        self.received > 0
    }

    /// A name was heard. Whose voice it was when it is the first of the call.
    pub(super) fn name(&mut self, leg: u32) -> Option<u32> {
        let news = self.counterpart.is_none().then_some(leg);
        let known = *self.counterpart.get_or_insert(leg) == leg;
        let count = if known { &mut self.names } else { &mut self.foreign };
        *count += 1;
        news
    }

    /// Takes a packet without a stamp, which the system made. `clock`: RTP units a second.
    pub(super) fn made_by_the_system(
        &mut self,
        packet: &RtpPacket,
        clock: u32,
        arrived_us: u64,
        durations: &mut Durations,
    ) {
        self.made += 1;
        let RtpPacket { ssrc, sequence, timestamp, .. } = *packet;
        if let Some(last) = self.last_made
            && (last.ssrc, last.sequence.wrapping_add(1)) == (ssrc, sequence)
        {
            let units = u64::from(timestamp.wrapping_sub(last.timestamp));
            let wanted = units * 1_000_000 / u64::from(clock.max(1));
            durations.spacing.count(arrived_us.saturating_sub(last.arrived_us).abs_diff(wanted));
        }
        self.last_made = Some(Made { ssrc, sequence, timestamp, arrived_us });
    }

    /// The figures about the received packets; the leg adds the others.
    pub(super) fn close(self) -> LegFigures {
        LegFigures {
            counterpart: self.counterpart,
            numbers: self.hears_stamps().then_some((self.first, self.highest)),
            received: self.received,
            repeated: self.repeated,
            reordered: self.reordered,
            changed: self.changed,
            foreign: self.foreign,
            made: self.made,
            names: self.names,
            ..LegFigures::default()
        }
    }
}
