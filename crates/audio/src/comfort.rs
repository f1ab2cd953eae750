//! Comfort noise (RFC 3389): describing the noise behind a silence, and making noise from a description.
//!
//! A payload is one byte of level (−dBov) and any number of reflection coefficients of an all-pole model, here at most
//! ten. Order 1 means `x[n] = e[n] − k₁·x[n−1]`, so that noise with more power at low frequencies has a negative k₁.

use crate::level::dbov;

/// The most coefficients that are kept; further ones count as zero (section 3).
const MOST_ORDER: usize = 10;
/// Bytes of the longest payload that is written.
pub const LONGEST: usize = 1 + MOST_ORDER;
/// A level that changes goes an eighth of the way with each 20 ms.
const GLIDE: f32 = 0.125;

/// What a noise is like.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Noise {
    /// Power in dB below a square wave of full scale: 0 to 127.
    level: u8,
    coefficients: [f32; MOST_ORDER],
    order: usize,
}

impl Noise {
    /// Noise of equal power at all frequencies, `level` dB below full scale (0 to 127).
    pub fn white(level: u8) -> Noise {
        Noise { level: level.min(127), coefficients: [0.0; MOST_ORDER], order: 0 }
    }

    /// Reads a payload; `None` when it is empty. The reserved index 255 counts as zero.
    pub fn parse(payload: &[u8]) -> Option<Noise> {
        let (level, coefficients) = payload.split_first()?;
        let mut noise = Noise::white(level & 0x7f);
        for (coefficient, index) in noise.coefficients.iter_mut().zip(coefficients) {
            *coefficient = if *index == 255 { 0.0 } else { coefficient_of(*index) };
            noise.order += 1;
        }
        Some(noise)
    }

    /// Writes the payload; returns its length.
    pub fn print(&self, payload: &mut [u8; LONGEST]) -> usize {
        payload[0] = self.level;
        for (index, coefficient) in payload[1..].iter_mut().zip(&self.coefficients[..self.order]) {
            *index = index_of(*coefficient);
        }
        1 + self.order
    }

    /// Describes `samples` (a frame of background, 20 ms or more) with so many coefficients, 0 to 10.
    pub fn describe(samples: &[i16], order: usize) -> Noise {
        let order = order.min(MOST_ORDER);
        let mut noise = Noise::white((-dbov(samples)).round().clamp(0.0, 127.0) as u8);
        let mut correlation = [0.0_f64; MOST_ORDER + 1];
        for (lag, sum) in correlation.iter_mut().enumerate().take(order + 1) {
            let later = samples.get(lag..).unwrap_or_default();
            let pairs = later.iter().zip(samples);
            *sum = pairs.map(|(one, other)| f64::from(*one) * f64::from(*other)).sum();
        }
        // A floor of noise under all frequencies, so that no pole comes near to ringing.
        correlation[0] = correlation[0] * 1.001 + 1.0;
        noise.order = order;
        noise.coefficients = reflection(&correlation, order);
        noise
    }

    /// Power in dB below full scale.
    pub fn level(&self) -> u8 {
        self.level
    }
}

/// Section 3.2: index 127 is zero, 0 and 254 are nearly −1 and 1.
fn coefficient_of(index: u8) -> f32 {
    258.0 * (f32::from(index) - 127.0) / 32_768.0
}

fn index_of(coefficient: f32) -> u8 {
    (coefficient * 32_768.0 / 258.0 + 127.0).round().clamp(0.0, 254.0) as u8
}

/// Levinson's and Durbin's recursion.
fn reflection(correlation: &[f64; MOST_ORDER + 1], order: usize) -> [f32; MOST_ORDER] {
    let mut reflection = [0.0_f32; MOST_ORDER];
    let (mut predictor, mut error) = ([0.0_f64; MOST_ORDER + 1], correlation[0]);
    predictor[0] = 1.0;
    for step in 1..=order {
        let sum: f64 = (0..step).map(|index| predictor[index] * correlation[step - index]).sum();
        let coefficient = if error > 0.0 { (-sum / error).clamp(-0.999, 0.999) } else { 0.0 };
        let before = predictor;
        for index in 1..=step {
            predictor[index] = before[index] + coefficient * before[step - index];
        }
        error *= 1.0 - coefficient * coefficient;
        reflection[step - 1] = coefficient as f32;
    }
    reflection
}

/// Makes noise as described, without end.
#[derive(Debug, Clone)]
pub struct NoiseMaker {
    noise: Noise,
    /// Amplitude now, and what the lattice remembers.
    amplitude: f32,
    backward: [f32; MOST_ORDER],
    dice: u64,
}

impl NoiseMaker {
    /// Silence until the first description; `seed` makes two makers differ.
    pub fn new(seed: u64) -> NoiseMaker {
        NoiseMaker { noise: Noise::white(127), amplitude: 0.0, backward: [0.0; MOST_ORDER], dice: seed }
    }

    /// From now on the noise becomes like this; its level glides.
    pub fn follow(&mut self, noise: Noise) {
        self.noise = noise;
    }

    /// Fills a frame.
    pub fn fill(&mut self, frame: &mut [i16]) {
        let whole = 32_768.0 * 10_f32.powf(-f32::from(self.noise.level) / 20.0);
        // The model's own gain is taken off, so that the level is that of the noise.
        let gain: f32 =
            self.noise.coefficients.iter().map(|coefficient| 1.0 - coefficient * coefficient).product();
        let wanted = if self.noise.level == 127 { 0.0 } else { whole * gain.sqrt() };
        self.amplitude += (wanted - self.amplitude) * if self.amplitude == 0.0 { 1.0 } else { GLIDE };
        for sample in frame {
            let excitation = self.roll() * self.amplitude;
            *sample = self.lattice(excitation).round() as i16; // `as` saturates.
        }
    }

    fn lattice(&mut self, excitation: f32) -> f32 {
        let mut forward = excitation;
        for step in (0..self.noise.order).rev() {
            let coefficient = self.noise.coefficients[step];
            forward -= coefficient * self.backward[step];
            let behind = self.backward[step] + coefficient * forward;
            if let Some(next) = self.backward.get_mut(step + 1) {
                *next = behind;
            }
        }
        self.backward[0] = forward;
        forward
    }

    /// Noise of power 1, from the sum of two dice.
    fn roll(&mut self) -> f32 {
        let mut die = || {
            self.dice =
                self.dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (self.dice >> 40) as f32 / (1_u32 << 24) as f32 - 0.5
        };
        // Two dice of ±½ have power 1/6.
        (die() + die()) * 6.0_f32.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn made(noise: Noise) -> Vec<i16> {
        let (mut maker, mut samples) = (NoiseMaker::new(5), vec![0; 16_000]);
        maker.follow(noise);
        samples.chunks_mut(160).for_each(|frame| maker.fill(frame));
        samples
    }

    #[test]
    fn a_payload_is_read_and_written() {
        let noise = Noise::parse(&[0xc0, 127, 0, 254, 255]).unwrap();
        assert_eq!((noise.level(), noise.order), (64, 4), "the highest bit is not the level's");
        let mut payload = [0; LONGEST];
        assert_eq!(noise.print(&mut payload), 5);
        assert_eq!(payload[..5], [64, 127, 0, 254, 127]);
        assert_eq!(Noise::parse(&[]), None);
        assert_eq!(Noise::parse(&[7; 100]).unwrap().order, MOST_ORDER);
    }

    #[test]
    fn the_level_is_as_described() {
        for level in [20, 40, 60, 70] {
            for payload in [&[level][..], &[level, 30], &[level, 220, 60]] {
                let heard = dbov(&made(Noise::parse(payload).unwrap()));
                assert!((heard + f64::from(level)).abs() < 1.0, "{payload:?}: {heard} dBov");
            }
        }
        assert_eq!(dbov(&made(Noise::white(127))), -127.0);
    }

    #[test]
    fn noise_described_and_made_again_has_the_same_spectrum() {
        let original = made(Noise::parse(&[30, 40, 160, 100]).unwrap());
        let noise = Noise::describe(&original, 3);
        let mut payload = [0; LONGEST];
        noise.print(&mut payload);
        for (index, (made, described)) in [30, 40, 160, 100].iter().zip(payload).enumerate() {
            assert!(described.abs_diff(*made) <= 4, "{index}: {described} of {made}");
        }
    }

    #[test]
    fn a_level_glides() {
        let mut maker = NoiseMaker::new(1);
        let (mut before, mut after) = ([0; 160], [0; 160]);
        maker.follow(Noise::white(50));
        maker.fill(&mut before);
        maker.follow(Noise::white(30));
        maker.fill(&mut after);
        assert!(dbov(&after) < -40.0, "{}", dbov(&after));
    }

    proptest! {
        #[test]
        fn no_payload_rings_or_panics(payload in proptest::collection::vec(any::<u8>(), 0..20)) {
            if let Some(noise) = Noise::parse(&payload) {
                let samples = made(Noise { level: noise.level.max(30), ..noise });
                prop_assert!(dbov(&samples[8000..]) < -10.0);
            }
        }
    }
}
