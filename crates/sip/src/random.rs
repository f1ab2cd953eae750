//! Unguessable tokens from a seed that the caller brings.

use sha2::{Digest, Sha256};

/// A stream of tokens that depends on its seed alone: SHA-256 over the seed and a counter.
///
/// Tags, branches, Call-IDs and nonces come from here. They keep strangers from ending other people's
/// calls, so a shell seeds this from the operating system; a test seeds it with a constant.
#[derive(Clone)]
pub struct Random {
    seed: [u8; 32],
    counter: u64,
}

impl Random {
    /// The stream of this seed.
    pub fn new(seed: [u8; 32]) -> Random {
        Random { seed, counter: 0 }
    }

    /// The next number, uniform over all of `u64`.
    pub fn draw(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        let hash = Sha256::new().chain_update(self.seed).chain_update(self.counter.to_be_bytes()).finalize();
        hash.iter().take(8).fold(0, |number, byte| number << 8 | u64::from(*byte))
    }

    /// A number from 0 to `most`, both among them.
    pub fn up_to(&mut self, most: u32) -> u32 {
        // Of 2^64 numbers no remainder is more likely than another by as much as one in 2^32.
        u32::try_from(self.draw() % (u64::from(most) + 1)).unwrap_or(most)
    }

    /// Fills `bytes`, for keys.
    pub fn fill(&mut self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(8) {
            chunk.iter_mut().zip(self.draw().to_be_bytes()).for_each(|(byte, drawn)| *byte = drawn);
        }
    }

    /// Sixteen hexadecimal digits.
    pub fn token(&mut self) -> String {
        format!("{:016x}", self.draw())
    }

    /// A number in `low..=high`; `low` when the range is empty.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        let width = high.saturating_sub(low).saturating_add(1);
        low.saturating_add(self.draw() % width)
    }
}

impl std::fmt::Debug for Random {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Random")
    }
}
