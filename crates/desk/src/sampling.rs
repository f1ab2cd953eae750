//! Random samples for quality control.

use model::{ContactId, Seed};

/// Draws `count` contacts from `frame`, uniformly and without replacement; all of them when the frame has no
/// more. The same frame, count and seed give the same sample, in the order of the draw.
///
/// Every subset of the size is equally likely (a Fisher–Yates shuffle that stops after `count` places).
pub fn sample(frame: &[ContactId], count: usize, seed: u64) -> Vec<ContactId> {
    let mut pool = frame.to_vec();
    pool.sort_unstable();
    pool.dedup();
    let mut draws = Seed::new(seed).fork("quality sample");
    let count = count.min(pool.len());
    for place in 0..count {
        let rest = u64::try_from(pool.len() - place).unwrap_or(u64::MAX);
        let drawn = place + usize::try_from(draws.below(rest)).unwrap_or(0);
        pool.swap(place, drawn);
    }
    pool.truncate(count);
    pool
}

/// How many of `population` must be drawn to know a share of them to ± `error` (0–1) with the confidence of `z`
/// standard deviations (1.96: 95 %), when about `share` (0–1) of them have what is looked for: the normal approximation
/// with the correction for a finite population. 0 for an empty population; all of it for an error of 0.
pub fn sample_size(population: u64, share: f64, error: f64, z: f64) -> u64 {
    if population == 0 || error.is_nan() || error <= 0.0 {
        return population;
    }
    let endless = z * z * share * (1.0 - share) / (error * error);
    let finite = endless / (1.0 + (endless - 1.0) / population as f64);
    // At most the population: far below 2^53.
    (finite.ceil().max(1.0) as u64).min(population)
}

/// To how much a share of `population` is known (± 0–1) by `drawn` of them, with the confidence of `z` standard
/// deviations, at worst (a share of one half). `None` when nothing was drawn.
pub fn margin(population: u64, drawn: u64, z: f64) -> Option<f64> {
    if drawn == 0 {
        return None;
    }
    let (all, drawn) = (population.max(drawn) as f64, drawn as f64);
    let left = if all > 1.0 { (all - drawn) / (all - 1.0) } else { 0.0 };
    Some(z * (0.25 / drawn * left).sqrt())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    fn frame(size: i64) -> Vec<ContactId> {
        (1..=size).filter_map(ContactId::from_number).collect()
    }

    #[test]
    fn the_same_seed_gives_the_same_sample_whatever_the_order_of_the_frame() {
        let forward = frame(100);
        let backward: Vec<_> = forward.iter().rev().copied().collect();
        assert_eq!(sample(&forward, 5, 7), sample(&backward, 5, 7));
        assert_ne!(sample(&forward, 5, 7), sample(&forward, 5, 8));
    }

    #[test]
    fn every_contact_is_as_likely_as_any_other() {
        let frame = frame(10);
        let mut drawn: BTreeMap<ContactId, u32> = BTreeMap::new();
        for seed in 0..20_000 {
            for contact in sample(&frame, 3, seed) {
                *drawn.entry(contact).or_default() += 1;
            }
        }
        // 6,000 expected each, standard deviation 65: five of them are allowed.
        assert!(drawn.len() == 10 && drawn.values().all(|n| (5_675..=6_325).contains(n)), "{drawn:?}");
    }

    /// Published tables (Krejcie and Morgan 1970) and others, by the formula.
    #[test]
    fn sizes_are_those_of_the_tables() {
        for (population, share, error, z, size) in [
            (100, 0.5, 0.05, 1.96, 80),
            (500, 0.5, 0.05, 1.96, 218),
            (1_000, 0.5, 0.05, 1.96, 278),
            (5_000, 0.5, 0.05, 1.96, 357),
            (10_000, 0.5, 0.05, 1.96, 370),
            (1_000_000, 0.5, 0.05, 1.96, 385),
            (u64::MAX, 0.5, 0.05, 1.96, 385),
            (u64::MAX, 0.5, 0.03, 1.96, 1_068),
            (1_000, 0.9, 0.05, 1.96, 122),
            (200, 0.9, 0.05, 1.645, 66),
            (1_200, 0.85, 0.03, 1.96, 375),
            (40, 0.5, 0.1, 1.96, 29),
            (0, 0.5, 0.05, 1.96, 0),
            (7, 0.5, 0.0, 1.96, 7),
        ] {
            assert_eq!(sample_size(population, share, error, z), size, "of {population}");
        }
    }

    #[test]
    fn a_margin_is_what_its_size_was_computed_for() {
        for population in [100, 1_000, 10_000] {
            let margin = margin(population, sample_size(population, 0.5, 0.05, 1.96), 1.96).unwrap();
            assert!((0.047..=0.0501).contains(&margin), "{margin}");
        }
        assert_eq!(
            (margin(5, 5, 1.96), margin(5, 0, 1.96), margin(1, 1, 1.96)),
            (Some(0.0), None, Some(0.0))
        );
    }

    proptest! {
        #[test]
        fn a_sample_is_part_of_the_frame_and_repeats_nothing(size in 0_i64..50, count in 0_usize..60, seed: u64) {
            let frame = frame(size);
            let mut sample = sample(&frame, count, seed);
            prop_assert_eq!(sample.len(), count.min(frame.len()));
            prop_assert!(sample.iter().all(|contact| frame.contains(contact)));
            sample.sort_unstable();
            sample.dedup();
            prop_assert_eq!(sample.len(), count.min(frame.len()));
        }
    }
}
