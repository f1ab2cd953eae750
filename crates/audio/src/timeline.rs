//! Where on our clock the audio of a packet belongs.
//!
//! A packet's own timestamp says where it belongs relative to its neighbours, to the sample; its arrival
//! says roughly where that is on our clock. The first packet ties the two together, and so does the first
//! after a new source or a jump. Between such moments two corrections keep a peer whose crystal is off
//! from drifting away: audio cannot arrive before it was spoken, so a packet placed too far in the future
//! pulls the tie back at once; and when for five seconds even the quickest packet came late, the tie
//! moves forward by that much.

/// A packet placed this far from its arrival belongs to a new count (one second).
const STRAY: i64 = 8000;
/// How far placement and clock may differ before the tie is moved (40 ms).
const TOLERANCE: i64 = 320;
/// Length of the interval in which the quickest packet is sought (five seconds).
const INTERVAL: u64 = 40_000;

/// Ties one peer's RTP timestamps to our clock.
#[derive(Debug, Clone, Default)]
pub struct Timeline {
    tie: Option<Tie>,
}

#[derive(Debug, Clone, Copy)]
struct Tie {
    ssrc: u32,
    /// The last placed timestamp, unwrapped by its position.
    timestamp: u32,
    position: i64,
    interval_began: u64,
    quickest: i64,
}

impl Timeline {
    /// The position on our clock, in samples, of a packet that arrived at `now`; `None` when it belongs
    /// before the clock's beginning.
    pub fn place(&mut self, ssrc: u32, timestamp: u32, now: u64) -> Option<u64> {
        let clock = i64::try_from(now).unwrap_or(i64::MAX);
        let fresh = Tie { ssrc, timestamp, position: clock, interval_began: now, quickest: i64::MAX };
        let mut tie = self.tie.filter(|tie| tie.ssrc == ssrc).unwrap_or(fresh);
        let step = i64::from(timestamp.wrapping_sub(tie.timestamp) as i32);
        let mut position = tie.position.saturating_add(step);
        let late = clock.saturating_sub(position);
        if late.abs() > STRAY {
            tie = fresh;
            position = clock;
        } else if late < -TOLERANCE {
            position = clock;
        }
        tie.quickest = tie.quickest.min(clock - position);
        if now.saturating_sub(tie.interval_began) >= INTERVAL {
            if tie.quickest > TOLERANCE {
                position += tie.quickest;
            }
            tie.interval_began = now;
            tie.quickest = i64::MAX;
        }
        self.tie = Some(Tie { timestamp, position, ..tie });
        u64::try_from(position).ok()
    }

    /// Forgets the peer: its next packet is placed by its arrival.
    pub fn reset(&mut self) {
        self.tie = None;
    }
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
            assert_eq!(timeline.place(1, timestamp, 1000 + nominal + late), Some(1000 + nominal));
        }
    }

    #[test]
    fn order_and_repetition_do_not_matter() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, 0);
        assert_eq!(timeline.place(1, 480, 480), Some(480));
        assert_eq!(timeline.place(1, 160, 490), Some(160));
        assert_eq!(timeline.place(1, 480, 500), Some(480));
        assert_eq!(timeline.place(1, 640, 640), Some(640));
    }

    #[test]
    fn a_new_source_and_a_jump_are_placed_by_arrival() {
        let mut timeline = Timeline::default();
        timeline.place(1, 0, 0);
        assert_eq!(timeline.place(2, 99, 300), Some(300));
        assert_eq!(timeline.place(2, 4_000_000_000, 460), Some(460));
        assert_eq!(timeline.place(2, 4_000_000_160, 630), Some(620));
    }

    #[test]
    fn a_crystal_that_is_off_never_drifts_away() {
        for samples_a_frame in [159.9, 160.1] {
            let mut timeline = Timeline::default();
            let (mut stamp, mut worst) = (0.0, 0);
            for frame in 0..50 * 60 * 60_u64 {
                let now = frame * 160;
                let at = timeline.place(1, stamp as i64 as u32, now).unwrap();
                worst = worst.max(at.abs_diff(now));
                stamp += samples_a_frame;
            }
            // 40 ms of tolerance and what gathers in one interval (625 ppm of five seconds: 25 samples).
            assert!(worst <= 320 + 160 + 50, "{worst}");
        }
    }

    #[test]
    fn nothing_is_placed_before_the_beginning() {
        let mut timeline = Timeline::default();
        timeline.place(1, 1000, 10);
        assert_eq!(timeline.place(1, 0, 20), None);
    }
}
