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
