//! A simulated bad network between the phones and the system under test, which loses, delays and repeats packets.

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Weather {
    /// Packets lost, of a million.
    pub(super) lost: u64,
    /// Packets that the next one overtakes, of a million.
    pub(super) reordered: u64,
    /// The longest random delay, in microseconds.
    pub(super) jitter_us: u64,
}

/// What becomes of a packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fate {
    /// It never arrives.
    Lost,
    /// The packet leaves this many microseconds late.
    Delayed(u64),
}

/// Later than the next packet, which is due after 20 ms.
const OVERTAKEN_US: u64 = 25_000;

impl Weather {
    /// The fate of the next packet. Two packets of one phone may change places through jitter alone when it is
    /// more than 20 ms.
    pub(super) fn fate(&self, dice: &mut Dice) -> Fate {
        if self.lost > 0 && dice.below(1_000_000) < self.lost {
            return Fate::Lost;
        }
        let overtaken = self.reordered > 0 && dice.below(1_000_000) < self.reordered;
        let late = if self.jitter_us > 0 { dice.below(self.jitter_us + 1) } else { 0 };
        Fate::Delayed(late + if overtaken { OVERTAKEN_US } else { 0 })
    }
}

/// Numbers that depend on their seed alone, so that a run can be repeated: SplitMix64 (Steele, Lea and Flood, 2014).
#[derive(Debug, Clone)]
pub(crate) struct Dice(u64);

impl Dice {
    /// Those of one leg of a run.
    pub(crate) fn new(run: u32, leg: u32) -> Dice {
        let mut dice = Dice(u64::from(run) << 32 | u64::from(leg));
        // The first draw parts the streams of neighbours.
        dice.0 = dice.draw();
        dice
    }

    fn draw(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`, which is far below 2^64: small ones are favoured by less than a millionth.
    fn below(&mut self, bound: u64) -> u64 {
        self.draw().checked_rem(bound).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(weather: Weather) -> Vec<Fate> {
        let mut dice = Dice::new(1, 7);
        (0..10_000).map(|_| weather.fate(&mut dice)).collect()
    }

    #[test]
    fn fair_weather_does_nothing() {
        assert!(fates(Weather::default()).iter().all(|fate| *fate == Fate::Delayed(0)));
    }

    #[test]
    fn five_percent_are_lost_and_one_seed_is_one_storm() {
        let weather = Weather { lost: 50_000, ..Weather::default() };
        let lost = fates(weather).iter().filter(|fate| **fate == Fate::Lost).count();
        assert!((400..600).contains(&lost), "{lost}");
        assert_eq!(fates(weather), fates(weather));
    }

    #[test]
    fn jitter_stays_in_bounds_and_the_overtaken_leave_after_the_next() {
        let weather = Weather { jitter_us: 8_000, reordered: 100_000, ..Weather::default() };
        let delays: Vec<u64> = fates(weather)
            .iter()
            .map(|fate| match fate {
                Fate::Delayed(late) => *late,
                Fate::Lost => panic!("nothing is lost here"),
            })
            .collect();
        let overtaken = delays.iter().filter(|late| **late > 20_000).count();
        assert!((800..1200).contains(&overtaken), "{overtaken}");
        assert!(delays.iter().all(|late| *late <= 8_000 || (25_000..=33_000).contains(late)));
    }
}
