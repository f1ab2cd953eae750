//! The bad network between the phones and the system under test: what it does to each packet that a phone sends.

use model::Seed;

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
    /// It leaves so many microseconds late.
    Delayed(u64),
}

/// Later than the next packet, which is due after 20 ms.
const OVERTAKEN_US: u64 = 25_000;

impl Weather {
    /// The fate of the next packet. Two packets of one phone may change places through jitter alone when it is
    /// more than 20 ms.
    pub(super) fn fate(&self, seed: &mut Seed) -> Fate {
        if self.lost > 0 && seed.below(1_000_000) < self.lost {
            return Fate::Lost;
        }
        let overtaken = self.reordered > 0 && seed.below(1_000_000) < self.reordered;
        let late = if self.jitter_us > 0 { seed.below(self.jitter_us + 1) } else { 0 };
        Fate::Delayed(late + if overtaken { OVERTAKEN_US } else { 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fates(weather: Weather) -> Vec<Fate> {
        let mut seed = Seed::new(1).fork("net");
        (0..10_000).map(|_| weather.fate(&mut seed)).collect()
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
