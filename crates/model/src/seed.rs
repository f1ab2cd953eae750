//! Randomness that replays.

/// A stream of numbers that depends on its seed alone. [`Seed::fork`] makes an independent stream for a
/// label, so that a new draw in one part of the system does not shift the draws of another.
///
/// SplitMix64 (Steele, Lea and Flood, 2014). Not for secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seed {
    state: u64,
}

impl Seed {
    /// The stream of this seed.
    pub fn new(seed: u64) -> Seed {
        Seed { state: seed }
    }

    /// The stream for `label`; the same each time it is asked, whatever was drawn here in between.
    pub fn fork(&self, label: &str) -> Seed {
        // FNV-1a mixes the label in; the extra draw separates the fork from the parent's own stream.
        let hash = label.bytes().fold(0xcbf2_9ce4_8422_2325, |hash: u64, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        let mut fork = Seed { state: self.state ^ hash };
        fork.draw();
        fork
    }

    /// The next number, uniform over all of `u64`.
    pub fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number in `0..bound`, each equally likely; 0 when `bound` is 0.
    pub fn below(&mut self, bound: u64) -> u64 {
        if bound == 0 {
            return 0;
        }
        // Draws past the last whole multiple of `bound` would favour small numbers: draw again.
        let limit = u64::MAX - u64::MAX % bound;
        loop {
            let draw = self.draw();
            if draw < limit {
                return draw % bound;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forks_do_not_depend_on_draws_elsewhere() {
        let mut seed = Seed::new(7);
        let before = seed.fork("sampling").draw();
        let mut other = seed.fork("offers");
        other.draw();
        assert_eq!(seed.fork("sampling").draw(), before);
        assert_ne!(seed.fork("offers").draw(), before);
        assert_ne!(seed.draw(), before);
    }

    #[test]
    fn below_covers_its_range_evenly() {
        let mut seed = Seed::new(1);
        let mut counts = [0_u32; 6];
        for _ in 0..60_000 {
            counts[usize::try_from(seed.below(6)).unwrap()] += 1;
        }
        assert!(counts.iter().all(|count| (9_500..10_500).contains(count)), "{counts:?}");
    }
}
