//! Counting durations by their length, for percentiles of millions of them in a few kilobytes.

use serde::Serialize;

/// Below this each microsecond has a bucket; above, each doubling has half as many: an error below 0.8 %.
const EXACT: u64 = 256;
const HALF: u64 = EXACT / 2;
/// 2^40 µs is twelve days.
const LONGEST_US: u64 = 1 << 40;

/// How many durations were how long.
#[derive(Debug, Clone, Default)]
pub(super) struct Histogram {
    counts: Vec<u64>,
    count: u64,
    longest_us: u64,
}

/// Its percentiles, in microseconds; none of nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub(super) struct Percentiles {
    pub(super) count: u64,
    pub(super) p50: Option<u64>,
    pub(super) p99: Option<u64>,
    #[serde(rename = "p99.9")]
    pub(super) p999: Option<u64>,
    pub(super) longest: Option<u64>,
}

impl Histogram {
    pub(super) fn count(&mut self, microseconds: u64) {
        let bucket = bucket(microseconds.min(LONGEST_US));
        if self.counts.len() <= bucket {
            self.counts.resize(bucket + 1, 0);
        }
        if let Some(count) = self.counts.get_mut(bucket) {
            *count += 1;
        }
        self.count += 1;
        self.longest_us = self.longest_us.max(microseconds);
    }

    pub(super) fn add(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        self.counts.iter_mut().zip(&other.counts).for_each(|(ours, theirs)| *ours += theirs);
        self.count += other.count;
        self.longest_us = self.longest_us.max(other.longest_us);
    }

    /// The duration that a share (0 to 1) of all does not exceed; `None` of nothing.
    pub(super) fn quantile(&self, share: f64) -> Option<u64> {
        let wanted = ((self.count as f64 * share).ceil() as u64).clamp(1, self.count.max(1));
        let mut seen = 0;
        let bucket = self.counts.iter().position(|count| {
            seen += count;
            seen >= wanted
        })?;
        Some(longest_of(bucket).min(self.longest_us))
    }

    pub(super) fn percentiles(&self) -> Percentiles {
        Percentiles {
            count: self.count,
            p50: self.quantile(0.5),
            p99: self.quantile(0.99),
            p999: self.quantile(0.999),
            longest: self.quantile(1.0),
        }
    }
}

fn bucket(microseconds: u64) -> usize {
    // Doublings above the exact range: 0 for 256 to 511.
    let doublings = u64::from((microseconds / EXACT).checked_ilog2().map_or(0, |log| log + 1));
    let place = microseconds >> doublings;
    let bucket = if doublings == 0 { place } else { EXACT + (doublings - 1) * HALF + place - HALF };
    usize::try_from(bucket).unwrap_or(usize::MAX)
}

/// The longest duration in a bucket.
fn longest_of(bucket: usize) -> u64 {
    let bucket = bucket as u64;
    if bucket < EXACT {
        return bucket;
    }
    let (doublings, place) = ((bucket - EXACT) / HALF + 1, (bucket - EXACT) % HALF + HALF);
    ((place + 1) << doublings) - 1
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(durations: impl IntoIterator<Item = u64>) -> Histogram {
        let mut histogram = Histogram::default();
        durations.into_iter().for_each(|duration| histogram.count(duration));
        histogram
    }

    #[test]
    fn percentiles_of_a_thousand() {
        let figures = of(1..=1000).percentiles();
        assert_eq!(figures.count, 1000);
        let near = |found: Option<u64>, exact: u64| {
            let found = found.unwrap();
            assert!(found >= exact && found <= exact + exact / 120, "{found} is not {exact}");
        };
        near(figures.p50, 500);
        near(figures.p99, 990);
        near(figures.p999, 999);
        assert_eq!(figures.longest, Some(1000));
    }

    #[test]
    fn short_ones_are_exact_and_nothing_has_no_percentiles() {
        assert_eq!(of([3, 3, 3, 200]).percentiles().p50, Some(3));
        assert_eq!(of([200]).percentiles().p999, Some(200));
        assert_eq!(of([]).percentiles().p50, None);
    }

    #[test]
    fn every_duration_lies_in_a_bucket_that_ends_at_most_a_hundred_and_twentieth_later() {
        for power in 0..40 {
            for near in [1_u64 << power, (1 << power) + 1, (1 << power) * 3 / 2, (1 << (power + 1)) - 1] {
                let end = longest_of(bucket(near));
                assert!(end >= near && end - near <= near / 120, "{near} ends at {end}");
            }
        }
        assert_eq!(of([u64::MAX]).quantile(1.0).map(|longest| longest >= LONGEST_US), Some(true));
    }

    #[test]
    fn two_threads_figures_add_up() {
        let mut both = of(0..500);
        both.add(&of(500..1000));
        assert_eq!(both.percentiles(), of(0..1000).percentiles());
    }
}
