//! Tones, and a meter of a tone's share in a signal: for tests, tone generation and the demo.

use std::f64::consts::TAU;

use crate::RATE;

/// A sine that goes on from where the last samples ended.
#[derive(Debug, Clone)]
pub struct Sine {
    phase: f64,
    step: f64,
    amplitude: f64,
}

impl Sine {
    /// A sine of `hertz` (below 4000) whose peaks reach `amplitude` (0–32767).
    pub fn new(hertz: f64, amplitude: i16) -> Sine {
        Sine { phase: 0.0, step: hertz / f64::from(RATE), amplitude: f64::from(amplitude) }
    }

    /// Fills `samples` with what comes next.
    pub fn fill(&mut self, samples: &mut [i16]) {
        for sample in samples {
            *sample = ((self.phase * TAU).sin() * self.amplitude).round() as i16;
            self.phase = (self.phase + self.step).fract();
        }
    }
}

/// How strong a frequency is in a signal, in dB relative to a full-scale sine; −120 when there is none.
///
/// Goertzel's recursion under a Hann window, so that a neighbouring tone 100 Hz away leaks less than
/// −60 dB into the reading when 100 ms or more are measured.
pub fn level_db(samples: &[i16], hertz: f64) -> f64 {
    let count = samples.len() as f64;
    let coefficient = 2.0 * (TAU * hertz / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for (index, sample) in samples.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * index as f64 / count).cos();
        let next = f64::from(*sample) * window + coefficient * last - before;
        (before, last) = (last, next);
    }
    let power = last * last + before * before - coefficient * last * before;
    // A full-scale sine under a Hann window sums to a quarter of its samples.
    let amplitude = power.max(0.0).sqrt() / (count.max(1.0) / 4.0) / 32_768.0;
    (20.0 * amplitude.max(1e-6).log10()).max(-120.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_meter_reads_the_tone_and_not_its_neighbour() {
        let mut samples = vec![0; 1600];
        Sine::new(440.0, 16_384).fill(&mut samples);
        assert!((level_db(&samples, 440.0) + 6.0).abs() < 0.1);
        assert!(level_db(&samples, 880.0) < -60.0);
        assert!(level_db(&samples, 540.0) < -60.0);
        assert_eq!(level_db(&[0; 800], 440.0), -120.0);
        assert_eq!(level_db(&[], 440.0), -120.0);
    }

    #[test]
    fn a_sine_goes_on_without_a_click() {
        let (mut whole, mut parts) = ([0; 320], [0; 320]);
        Sine::new(880.0, 10_000).fill(&mut whole);
        let mut sine = Sine::new(880.0, 10_000);
        parts.chunks_mut(160).for_each(|part| sine.fill(part));
        assert_eq!(whole, parts);
    }
}
