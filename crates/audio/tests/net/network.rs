//! A network that loses, delays, repeats and reorders, with a generator of its own.

use audio::rtp::RtpPacket;

/// How packets are lost.
#[derive(Debug, Clone)]
pub(crate) enum Loss {
    None,
    /// Each alone, with this probability.
    Random(f64),
    /// Gilbert and Elliott's two states: all is lost in the bad one.
    Bursty {
        to_bad: f64,
        to_good: f64,
    },
}

impl Loss {
    /// Loss of `share` in bursts of `length` packets on average.
    pub(crate) fn bursty(share: f64, length: f64) -> Loss {
        Loss::Bursty { to_bad: share / (1.0 - share) / length, to_good: 1.0 / length }
    }
}

/// What a network does to a stream of 20 ms packets.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) seed: u64,
    pub(crate) loss: Loss,
    /// Mean of the exponential delay beyond the shortest, in milliseconds.
    pub(crate) jitter_ms: f64,
    /// True when packets queue behind each other, as in one router; false when they may overtake.
    pub(crate) in_order: bool,
    /// Share that comes twice.
    pub(crate) duplicates: f64,
    /// How fast the peer's clock runs against ours.
    pub(crate) drift_ppm: f64,
    /// Every so many packets, one and its followers are held up this long.
    pub(crate) spike_every: u64,
    pub(crate) spike_ms: f64,
}

impl Default for Network {
    fn default() -> Network {
        Network {
            seed: 1,
            loss: Loss::None,
            jitter_ms: 0.0,
            in_order: true,
            duplicates: 0.0,
            drift_ppm: 0.0,
            spike_every: u64::MAX,
            spike_ms: 0.0,
        }
    }
}

/// All troubles together.
pub(crate) fn bad(seed: u64, drift_ppm: f64) -> Network {
    Network {
        seed,
        loss: Loss::bursty(0.03, 3.0),
        jitter_ms: 15.0,
        in_order: false,
        duplicates: 0.01,
        drift_ppm,
        spike_every: 2500,
        spike_ms: 120.0,
    }
}

/// A packet that arrives.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Arrival {
    /// When, in samples of our clock.
    pub(crate) at: u64,
    /// Its place in the stream.
    pub(crate) index: u64,
    /// When it would have arrived without any delay beyond the shortest.
    pub(crate) truth: u64,
}

impl Arrival {
    pub(crate) fn packet(&self) -> RtpPacket<'static> {
        RtpPacket {
            marker: false,
            payload_type: 0,
            sequence: (self.index as u16).wrapping_add(65_000),
            timestamp: (self.index as u32).wrapping_mul(160).wrapping_add(4_294_000_000),
            ssrc: 7,
            payload: &[0; 160],
        }
    }
}

/// Shortest way through the network, in samples (50 ms).
const SHORTEST: f64 = 400.0;

impl Network {
    /// Carries `count` packets; in the order of their arrival.
    pub(crate) fn carry(&self, count: u64) -> Vec<Arrival> {
        let (mut dice, mut bad, mut queue) = (Dice(self.seed), false, 0.0_f64);
        let mut arrivals = Vec::new();
        for index in 0..count {
            let truth = index as f64 * 160.0 / (1.0 + self.drift_ppm / 1e6) + SHORTEST;
            let jitter = -dice.roll().ln() * self.jitter_ms * 8.0;
            if index % self.spike_every == self.spike_every - 1 {
                queue = truth + self.spike_ms * 8.0;
            }
            let mut at = (truth + jitter).max(queue);
            if self.in_order {
                queue = at;
            }
            if self.is_lost(&mut dice, &mut bad) {
                continue;
            }
            let copies = 1 + u64::from(dice.roll() < self.duplicates);
            for _ in 0..copies {
                arrivals.push(Arrival { at: at as u64, index, truth: truth as u64 });
                at += 40.0;
            }
        }
        arrivals.sort_by_key(|arrival| arrival.at);
        arrivals
    }

    fn is_lost(&self, dice: &mut Dice, bad: &mut bool) -> bool {
        match self.loss {
            Loss::None => false,
            Loss::Random(share) => dice.roll() < share,
            Loss::Bursty { to_bad, to_good } => {
                *bad = if *bad { dice.roll() >= to_good } else { dice.roll() < to_bad };
                *bad
            }
        }
    }
}

/// How many of `count` packets never arrive.
pub(crate) fn lost(arrivals: &[Arrival], count: u64) -> u64 {
    let mut came: Vec<u64> = arrivals.iter().map(|arrival| arrival.index).collect();
    came.sort_unstable();
    came.dedup();
    count - came.len() as u64
}

/// SplitMix64: small, and the same everywhere.
struct Dice(u64);

impl Dice {
    /// A number above 0 and at most 1.
    fn roll(&mut self) -> f64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) >> 11) as f64 / (1_u64 << 53) as f64 + f64::MIN_POSITIVE
    }
}
