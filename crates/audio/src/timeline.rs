//! Where on our clock the audio of a packet belongs.
//!
//! A packet's own timestamp says where it belongs relative to its neighbours, to the sample; its arrival
//! says roughly where that is on our clock. The first packet ties the two together, and so does the first
//! after a new source or a jump. A packet is as late as the network made it, so the tie is right when the
//! quickest packet of late arrives exactly at its place. What the tie is off is *owed*: at once when a packet
//! arrives before its place, because audio cannot arrive before it was spoken; and after each two seconds in
//! which even the quickest packet came late.
//!
//! What is owed is paid where nobody hears it: all of it in a pause of the peer, else [`STEP`] sample a packet
//! (6,000 ppm of 20 ms packets; crystals are off by 200), and two while more than 20 ms are owed. A hole of so
//! few samples is closed by a straight line ([`close`]). Only from 100 ms is it paid at once: then the peer's
//! clock stood still or its way changed.

use crate::RATE;

/// A packet placed this far from its arrival belongs to a new count (one second).
const STRAY: i64 = 8000;
/// Owed from here, it is paid at once (100 ms).
const JUMP: i64 = 800;
/// Owed from here, it is paid in steps of two (20 ms).
const HURRY: i64 = 160;
/// What is paid with each packet, in samples.
pub const STEP: i64 = 1;
/// The longest hole between two packets that a payment leaves, in samples.
pub const LONGEST_HOLE: u64 = 2 * STEP as u64;
/// A tie that is off by less is right (1 ms).
const TOLERANCE: i64 = 8;
/// Length of the interval in which the quickest packet is sought (two seconds), and the packets it needs.
const INTERVAL: u64 = 16_000;
const INTERVAL_PACKETS: u32 = 25;
/// A step of the timestamp from here is a pause of the peer (100 ms).
const PAUSE: i64 = 800;

/// Ties one peer's RTP timestamps to our clock.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    tie: Option<Tie>,
}

#[derive(Debug, Clone, Copy)]
struct Tie {
    ssrc: u32,
    /// RTP units of a sample of 8 kHz.
    units: i64,
    /// The newest timestamp, and where it was placed.
    timestamp: u32,
    position: i64,
    interval_began: u64,
    packets: u32,
    /// How late the quickest packet of the interval was.
    quickest: i64,
    /// How far the tie must still move: forward if positive.
    owed: i64,
}

impl Timeline {
    /// The position on our clock, in samples, of a packet that arrived at `now`; `None` when it belongs
    /// before the clock's beginning. `rtp_clock`: RTP units a second, 8000 or a multiple.
    pub fn place(&mut self, ssrc: u32, timestamp: u32, rtp_clock: u32, now: u64) -> Option<u64> {
        let clock = i64::try_from(now).unwrap_or(i64::MAX);
        let units = i64::from((rtp_clock / RATE).max(1));
        let fresh = Tie {
            ssrc,
            units,
            timestamp,
            position: clock,
            interval_began: now,
            packets: 0,
            quickest: i64::MAX,
            owed: 0,
        };
        let mut tie = self.tie.filter(|tie| tie.ssrc == ssrc && tie.units == units).unwrap_or(fresh);
        let step = i64::from(timestamp.wrapping_sub(tie.timestamp) as i32) / units;
        let mut position = tie.position.saturating_add(step);
        if clock.saturating_sub(position).abs() > STRAY {
            tie = fresh;
            position = clock;
        } else {
            tie.judge(clock.saturating_sub(position), now);
            // Only what is new moves: a late packet goes where its neighbours went.
            if step > 0 {
                position += tie.pay(step);
                (tie.timestamp, tie.position) = (timestamp, position);
            }
        }
        self.tie = Some(tie);
        u64::try_from(position).ok()
    }

    /// Forgets the peer: its next packet is placed by its arrival.
    pub fn reset(&mut self) {
        self.tie = None;
    }
}

impl Tie {
    /// Learns from a packet that came `late` samples after its place.
    fn judge(&mut self, late: i64, now: u64) {
        self.owed = self.owed.min(late.max(-STRAY));
        self.quickest = self.quickest.min(late);
        self.packets = self.packets.saturating_add(1);
        let over = now.saturating_sub(self.interval_began) >= INTERVAL && self.packets >= INTERVAL_PACKETS;
        if over {
            if self.quickest > TOLERANCE {
                self.owed = self.quickest;
            }
            (self.interval_began, self.packets, self.quickest) = (now, 0, i64::MAX);
        }
    }

    /// How far to move with a packet that begins `step` samples after the newest.
    fn pay(&mut self, step: i64) -> i64 {
        let most = match self.owed.abs() {
            JUMP.. => i64::MAX,
            _ if step >= PAUSE => step / 2,
            HURRY.. => 2 * STEP,
            _ => STEP,
        };
        let paid = self.owed.clamp(-most, most);
        self.owed -= paid;
        self.quickest = self.quickest.saturating_sub(paid);
        paid
    }
}

/// Fills the hole that a payment left between two samples with a straight line.
pub fn close(before: i16, after: i16, hole: usize) -> impl Iterator<Item = i16> {
    let (from, to, parts) = (i64::from(before), i64::from(after), hole as i64 + 1);
    (1..parts).map(move |part| (from + (to - from) * part / parts) as i16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arrival_jitter_does_not_move_audio() {
        let mut timeline = Timeline::default();
        let late = [0, 70, 0, 400, 240, 80, 0];
        for (index, late) in late.into_iter().enumerate() {
            let nominal = index as u64 * 160;
            let timestamp = (u32::MAX - 200).wrapping_add(nominal as u32);
            assert_eq!(timeline.place(1, timestamp, RATE, 1000 + nominal + late), Some(1000 + nominal));
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, RATE, 0);
        assert_eq!(timeline.place(1, 480, RATE, 480), Some(480));
        assert_eq!(timeline.place(1, 160, RATE, 490), Some(160));
        assert_eq!(timeline.place(1, 480, RATE, 500), Some(480));
        assert_eq!(timeline.place(1, 640, RATE, 640), Some(640));
    }

    #[test]
    fn a_new_source_and_a_jump_are_placed_by_arrival() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, RATE, 0);
        assert_eq!(timeline.place(2, 99, RATE, 300), Some(300));
        assert_eq!(timeline.place(2, 4_000_000_000, RATE, 460), Some(460));
        assert_eq!(timeline.place(2, 4_000_000_160, RATE, 630), Some(620));
    }

    #[test]
    fn a_crystal_that_is_off_never_drifts_away() {
        for samples_a_frame in [159.9, 159.968, 160.032, 160.1] {
            let mut timeline = Timeline::default();
            let (mut stamp, mut worst, mut last) = (0.0, 0, 0);
            for frame in 0..50 * 60 * 60_u64 {
                let now = frame * 160;
                let at = timeline.place(1, stamp as i64 as u32, RATE, now).unwrap();
                assert!(frame == 0 || (158..=162).contains(&(at - last)), "{}", at - last);
                (worst, last) = (worst.max(at.abs_diff(now)), at);
                stamp += samples_a_frame;
            }
            // 1 ms of tolerance and what gathers in one interval (625 ppm of two seconds: 10 samples).
            assert!(worst <= 8 + 10 + 2, "{worst}");
        }
    }

    /// Places packets of 20 ms that come `late(index)` samples late; how far each is from its true place.
    fn off(packets: u64, late: impl Fn(u64) -> u64) -> Vec<i64> {
        let mut timeline = Timeline::default();
        let place = |index: u64| {
            let at = timeline.place(1, (index * 160) as u32, RATE, index * 160 + late(index));
            at.unwrap() as i64 - index as i64 * 160
        };
        (0..packets).map(place).collect()
    }

    #[test]
    fn a_first_packet_that_was_late_is_made_good_step_by_step() {
        let off = off(500, |index| if index == 0 { 480 } else { 0 });
        assert_eq!((off[0], off[499]), (480, 0));
        assert!(off.windows(2).all(|two| (0..=2).contains(&(two[0] - two[1]))));
    }

    #[test]
    fn a_way_that_grew_longer_is_followed() {
        let steps = off(1000, |index| if index < 300 { 0 } else { 400 });
        assert_eq!(steps[999], 400);
        assert!(steps.windows(2).all(|two| (0..=2).contains(&(two[1] - two[0]))));
        let jump = off(1000, |index| if index < 300 { 0 } else { 4000 });
        assert_eq!((jump[299], jump[600]), (0, 4000), "at once, and not within the first packets");
        assert_eq!(jump[310], 0);
    }

    #[test]
    fn in_a_pause_all_is_paid_at_once() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, RATE, 400);
        assert_eq!(timeline.place(1, 160, RATE, 160), Some(558), "early by 400: two samples");
        assert_eq!(timeline.place(1, 4160, RATE, 4160), Some(4160), "the rest in the pause");
    }

    #[test]
    fn a_hole_is_closed_by_a_straight_line() {
        assert_eq!(close(0, 300, 2).collect::<Vec<_>>(), [100, 200]);
        assert_eq!(close(i16::MIN, i16::MAX, 1).collect::<Vec<_>>(), [-1]);
        assert_eq!(close(5, 9, 0).count(), 0);
    }

    #[test]
    fn nothing_is_placed_before_the_beginning() {
        let mut timeline = Timeline::default();
        timeline.place(1, 1000, RATE, 10);
        assert_eq!(timeline.place(1, 0, RATE, 20), None);
    }
}
