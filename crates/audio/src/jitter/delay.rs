//! How long packets must wait so that nearly all of them are there in time.
//!
//! A packet's *transit* is its arrival less its timestamp; the clocks of both ends differ, so only differences mean
//! something. The lowest transit of the last seconds is the floor; what a packet took beyond it is its delay. The
//! delays fill a histogram that slowly forgets, and the wait is the delay that 97 % of the packets do not exceed. A
//! delay far beyond that is a spike. A single spike is bridged by stretching; when spikes recur, the wait covers the
//! highest of them until none has come for a while.

/// Width of a bin of the histogram in milliseconds.
const BIN_MS: i64 = 5;
/// Bins: 0 to 200 ms, and a last one for all beyond.
const BINS: usize = 41;
/// Share of the packets that shall be in time.
const QUANTILE: f32 = 0.97;
/// Weight of a new packet once the histogram has settled: 1/500, ten seconds of 20 ms packets.
const LEAST_WEIGHT: f32 = 0.002;
/// The prior: 40 ms, as if this many packets had shown it.
const PRIOR_BIN: usize = 7;
const PRIOR_PACKETS: f32 = 10.0;
/// The floor is the quickest of this and the interval before, in milliseconds: 4 to 8 s, in which clocks
/// that are 200 ppm apart move by at most 1.6 ms.
const INTERVAL_MS: i64 = 4000;
/// A delay this far above the wait is a spike, in milliseconds.
const SPIKE_MS: i64 = 30;
/// Two spikes within this time recur, and this long the second is remembered, in milliseconds.
const RECUR_MS: i64 = 10_000;

/// The shortest and longest wait in milliseconds.
pub(super) const LEAST_MS: i64 = 20;
pub(super) const MOST_MS: i64 = 200;

/// The network's delay as the packets of one leg show it. All times in RTP units.
#[derive(Debug, Clone)]
pub(super) struct Delay {
    /// RTP units of one millisecond.
    ms: i64,
    /// Quickest transits of this interval and the one before.
    quickest: [Option<i64>; 2],
    interval_began: i64,
    histogram: [f32; BINS],
    packets: f32,
    usual_ms: i64,
    spike: Spike,
}

/// The recent spikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spike {
    /// No spike recently.
    None,
    /// One spike, with its height and when it began.
    Once { height_ms: i64, at: i64 },
    /// More than one spike: the height of the highest, and when the last one began.
    Recurring { height_ms: i64, at: i64 },
}

impl Delay {
    /// For a stream with a clock of `ms` RTP units a millisecond, before its first packet.
    pub(super) fn new(ms: i64) -> Delay {
        let mut histogram = [0.0; BINS];
        histogram[PRIOR_BIN] = 1.0;
        Delay {
            ms,
            quickest: [None; 2],
            interval_began: 0,
            histogram,
            packets: PRIOR_PACKETS,
            usual_ms: (PRIOR_BIN as i64 + 1) * BIN_MS,
            spike: Spike::None,
        }
    }

    /// Forgets the floor, because the peer's timestamps were restarted. The delays of the network are kept.
    pub(super) fn forget_floor(&mut self) {
        self.quickest = [None; 2];
    }

    /// Notes a packet of `transit` that came at `now`.
    pub(super) fn note(&mut self, transit: i64, now: i64) {
        let over_ms = self.floor().map_or(0, |floor| (transit - floor).max(0) / self.ms);
        self.note_quickest(transit, now);
        self.note_usual(over_ms);
        self.note_spike(over_ms, now);
        if over_ms > MOST_MS {
            // No wait covers this: either the way has become longer, or this is the first packet of a jam. The next
            // packets decide.
            self.quickest = [Some(transit), None];
        }
    }

    fn note_quickest(&mut self, transit: i64, now: i64) {
        if now - self.interval_began >= INTERVAL_MS * self.ms {
            self.interval_began = now;
            self.quickest = [None, self.quickest[0].or(self.quickest[1])];
        }
        self.quickest[0] = Some(self.quickest[0].map_or(transit, |quickest| quickest.min(transit)));
    }

    fn note_usual(&mut self, over_ms: i64) {
        self.packets += 1.0;
        let weight = (1.0 / self.packets).max(LEAST_WEIGHT);
        self.histogram.iter_mut().for_each(|share| *share *= 1.0 - weight);
        let bin = usize::try_from(over_ms / BIN_MS).unwrap_or(0).min(BINS - 1);
        self.histogram[bin] += weight;
        let mut sum = 0.0;
        let reached = self.histogram.iter().position(|share| {
            sum += share;
            sum >= QUANTILE
        });
        self.usual_ms = (reached.unwrap_or(BINS - 1) as i64 + 1) * BIN_MS;
    }

    fn note_spike(&mut self, over_ms: i64, now: i64) {
        let high = over_ms > self.usual_ms + SPIKE_MS;
        let recent = |at: i64| now - at <= RECUR_MS * self.ms;
        // The packets of one jam are one spike: they come at nearly the same time.
        let same = |at: i64| now - at <= MOST_MS * self.ms;
        self.spike = match self.spike {
            Spike::Once { height_ms, at } if high && same(at) => {
                Spike::Once { height_ms: height_ms.max(over_ms), at }
            }
            Spike::Once { height_ms, at } | Spike::Recurring { height_ms, at } if high && recent(at) => {
                Spike::Recurring { height_ms: height_ms.max(over_ms), at: now }
            }
            Spike::None | Spike::Once { .. } | Spike::Recurring { .. } if high => {
                Spike::Once { height_ms: over_ms, at: now }
            }
            Spike::Once { at, .. } | Spike::Recurring { at, .. } if !recent(at) => Spike::None,
            spike @ (Spike::None | Spike::Once { .. } | Spike::Recurring { .. }) => spike,
        };
    }

    /// The quickest transit of late; `None` before the first packet.
    pub(super) fn floor(&self) -> Option<i64> {
        self.quickest.into_iter().flatten().min()
    }

    /// How long after the quickest a packet's audio is played, in RTP units: 20 to 200 ms.
    pub(super) fn target(&self) -> i64 {
        let wanted = match self.spike {
            Spike::Recurring { height_ms, .. } => self.usual_ms.max(height_ms + BIN_MS),
            Spike::None | Spike::Once { .. } => self.usual_ms,
        };
        wanted.clamp(LEAST_MS, MOST_MS) * self.ms
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The wait in milliseconds after packets every 20 ms with these delays in milliseconds.
    fn wait(delays: impl IntoIterator<Item = i64>) -> i64 {
        let mut delay = Delay::new(8);
        for (index, over) in delays.into_iter().enumerate() {
            let at = index as i64 * 160;
            delay.note(777 + over * 8, at + over * 8);
        }
        delay.target() / 8
    }

    #[test]
    fn the_wait_is_what_nearly_all_packets_need() {
        let every = |n: i64, high: i64| (0..3000).map(move |i| if i % n == n - 1 { high } else { 0 });
        let cases = [
            (wait([]), 40, "the prior"),
            (wait((0..3000).map(|_| 0)), 20, "none"),
            (wait((0..3000).map(|i| i * 7 % 60)), 60, "even up to 60 ms"),
            (wait(every(10, 90)), 95, "a tenth of the packets 90 ms late"),
            (wait((0..3000).map(|i| i * 37 % 400)), 200, "never more than 200 ms"),
            (wait((0..3000).map(|i| if i == 1500 { 150 } else { 0 })), 20, "one spike"),
            (wait(every(300, 120)), 125, "recurring spikes"),
            (wait(every(300, 120).chain((0..600).map(|_| 0))), 20, "spikes that stayed away"),
        ];
        for (wait, expected, case) in cases {
            assert_eq!(wait, expected, "{case}");
        }
    }

    #[test]
    fn the_floor_follows_a_clock_that_is_off_and_a_longer_way() {
        let mut delay = Delay::new(8);
        for index in 0..50 * 600 {
            // 200 ppm slow: a sample in 5,000.
            delay.note(index * 160 / 5000, index * 160);
        }
        let now = 50 * 600 * 160 / 5000;
        let floor = delay.floor().unwrap();
        assert!((now - 13..=now).contains(&floor), "{floor} of {now}");
        delay.note(now + 4000, 50 * 600 * 160);
        assert_eq!(delay.floor(), Some(now + 4000), "500 ms longer is followed at once");
        delay.note(now + 3840, 50 * 600 * 160);
        assert_eq!(delay.floor(), Some(now + 3840), "and each quicker packet too");
    }
}
