//! Streaming conversion between 8, 16 and 48 kHz by a polyphase FIR filter.
//!
//! One Kaiser-windowed sinc of 44 samples of the lower rate. With rates in kHz low : high and frequencies as shares of
//! the lower rate (for 8 kHz in brackets):
//!
//! | | |
//! |---|---|
//! | pass band | to 0.43 (3.4 kHz), ripple below 0.1 dB |
//! | −6 dB | 0.485 (3.9 kHz) |
//! | stop band | from 0.54 (4.3 kHz), below −65 dB: images and aliases alike |
//! | delay | 22 samples of the lower rate: 2.75 ms at 8 kHz, 1.4 ms between 16 and 48 kHz |
//!
//! Frames of any length; whatever the lengths, the sound is the same. Nothing is allocated after construction.

/// Samples of the lower rate on each side of the filter's middle.
const REACH: usize = 22;
/// Where the filter halves, as a share of the lower rate.
const HALF: f64 = 0.485;
/// Shape of the Kaiser window: 70 dB.
const BETA: f64 = 6.76;
/// Input samples taken at once.
const CHUNK: usize = 960;

/// Converts one stream.
#[derive(Debug, Clone)]
pub struct Resampler {
    direction: Direction,
    /// The filter; going up, one part for each phase.
    taps: Box<[f32]>,
    /// Taps of one sum.
    length: usize,
    /// The last `length` samples of the input, then a chunk of new ones.
    window: Box<[f32]>,
}

#[derive(Debug, Clone, Copy)]
enum Direction {
    Same,
    /// Makes this many samples of each input sample.
    Up(usize),
    /// Makes one sample of `ratio` input samples; some of them have come since the last one.
    Down {
        ratio: usize,
        since: usize,
    },
}

impl Resampler {
    /// From one rate to another, of 8000, 16000 and 48000 Hz; `None` for any other.
    pub fn new(from: u32, to: u32) -> Option<Resampler> {
        let known = |rate| [8000, 16_000, 48_000].contains(&rate);
        if !known(from) || !known(to) {
            return None;
        }
        let ratio = (from.max(to) / from.min(to)) as usize;
        let (direction, taps, length) = match (from < to, ratio) {
            (_, 1) => (Direction::Same, Vec::new(), 0),
            (true, _) => (Direction::Up(ratio), by_phase(&filter(ratio), ratio), 2 * REACH),
            (false, _) => {
                let taps: Vec<f32> = filter(ratio).into_iter().map(|tap| tap as f32).collect();
                (Direction::Down { ratio, since: 0 }, taps, 2 * REACH * ratio)
            }
        };
        let window = vec![0.0; length + CHUNK].into_boxed_slice();
        Some(Resampler { direction, taps: taps.into_boxed_slice(), length, window })
    }

    /// Delay in samples of the output.
    pub fn delay(&self) -> usize {
        match self.direction {
            Direction::Same => 0,
            Direction::Up(ratio) => REACH * ratio,
            Direction::Down { .. } => REACH,
        }
    }

    /// Converts `input` to the start of `out`; returns the samples made. What finds no room in `out` is lost, so give
    /// it room for `input`'s length times the ratio, rounded up.
    pub fn process(&mut self, input: &[i16], out: &mut [i16]) -> usize {
        let mut made = 0;
        for chunk in input.chunks(CHUNK) {
            let room = out.get_mut(made..).unwrap_or_default();
            made += match self.direction {
                Direction::Same => {
                    room.iter_mut().zip(chunk).for_each(|(out, sample)| *out = *sample);
                    chunk.len().min(room.len())
                }
                Direction::Up(ratio) => self.up(ratio, chunk, room),
                Direction::Down { ratio, since } => self.down(ratio, since, chunk, room),
            };
        }
        made
    }

    fn up(&mut self, ratio: usize, chunk: &[i16], out: &mut [i16]) -> usize {
        self.take(chunk);
        let made = (chunk.len() * ratio).min(out.len());
        for (index, group) in out[..made].chunks_mut(ratio).enumerate() {
            let recent = &self.window[index + 1..][..self.length];
            for (phase, out) in group.iter_mut().enumerate() {
                *out = to_16_bit(sum(recent, &self.taps[phase * self.length..][..self.length]));
            }
        }
        self.keep(chunk.len());
        made
    }

    fn down(&mut self, ratio: usize, since: usize, chunk: &[i16], out: &mut [i16]) -> usize {
        self.take(chunk);
        let due = (0..chunk.len()).skip((ratio - 1 - since) % ratio).step_by(ratio);
        let mut made = 0;
        for (index, out) in due.zip(out.iter_mut()) {
            *out = to_16_bit(sum(&self.window[index + 1..][..self.length], &self.taps));
            made += 1;
        }
        self.direction = Direction::Down { ratio, since: (since + chunk.len()) % ratio };
        self.keep(chunk.len());
        made
    }

    fn take(&mut self, chunk: &[i16]) {
        let new = &mut self.window[self.length..];
        new.iter_mut().zip(chunk).for_each(|(new, sample)| *new = f32::from(*sample));
    }

    fn keep(&mut self, taken: usize) {
        self.window.copy_within(taken..taken + self.length, 0);
    }
}

/// The filter at the higher rate, oldest sample first; its sum is 1.
fn filter(ratio: usize) -> Vec<f64> {
    let count = 2 * REACH * ratio;
    let middle = (REACH * ratio) as f64;
    let tap = |index: usize| {
        let distance = index as f64 - middle;
        let angle = std::f64::consts::TAU * HALF * distance / ratio as f64;
        let sinc = if distance == 0.0 { 1.0 } else { angle.sin() / angle };
        sinc * bessel(BETA * (1.0 - (distance / middle).powi(2)).max(0.0).sqrt())
    };
    let taps: Vec<f64> = (0..count).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.into_iter().map(|tap| tap / sum).collect()
}

/// The filter cut into one part for each of `ratio` output samples, each with sum 1.
fn by_phase(filter: &[f64], ratio: usize) -> Vec<f32> {
    let part = |phase: usize| filter.iter().skip(ratio - 1 - phase).step_by(ratio);
    let parts = (0..ratio).flat_map(|phase| part(phase).map(|tap| (tap * ratio as f64) as f32));
    parts.collect()
}

/// The modified Bessel function of order 0, which shapes the Kaiser window.
pub fn bessel(x: f64) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for order in 1..40 {
        term *= (x / 2.0 / f64::from(order)).powi(2);
        sum += term;
    }
    sum
}

/// Products of two equally long slices, added up in eight lanes that the compiler makes a vector of.
pub fn sum(samples: &[f32], taps: &[f32]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    let (samples, taps) = (samples.chunks_exact(8), taps.chunks_exact(8));
    let rest: f32 = samples.remainder().iter().zip(taps.remainder()).map(|(sample, tap)| sample * tap).sum();
    for (samples, taps) in samples.zip(taps) {
        for (lane, (sample, tap)) in lanes.iter_mut().zip(samples.iter().zip(taps)) {
            *lane += sample * tap;
        }
    }
    lanes.iter().sum::<f32>() + rest
}

fn to_16_bit(sample: f32) -> i16 {
    sample.round() as i16 // `as` saturates.
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;

    const RATES: [u32; 3] = [8000, 16_000, 48_000];

    fn tone(hertz: f64, rate: u32, count: usize) -> Vec<i16> {
        (0..count)
            .map(|i| (16_384.0 * (TAU * hertz * i as f64 / f64::from(rate)).sin()).round() as i16)
            .collect()
    }

    /// Converts one second in frames of `length`.
    fn convert(samples: &[i16], from: u32, to: u32, length: usize) -> Vec<i16> {
        let mut resampler = Resampler::new(from, to).unwrap();
        let (mut out, mut all) = ([0; 6000], Vec::new());
        for frame in samples.chunks(length) {
            let made = resampler.process(frame, &mut out);
            all.extend_from_slice(&out[..made]);
        }
        all
    }

    /// Level of `hertz` in dB of full scale.
    fn level(samples: &[i16], hertz: f64, rate: u32) -> f64 {
        crate::tone::level_db(&samples[samples.len() / 4..], hertz * 8000.0 / f64::from(rate))
    }

    fn pairs() -> impl Iterator<Item = (u32, u32)> {
        RATES.into_iter().flat_map(|from| RATES.map(|to| (from, to))).filter(|(from, to)| from != to)
    }

    #[test]
    fn the_pass_band_is_flat_within_a_tenth_of_a_db() {
        for (from, to) in pairs() {
            let low = f64::from(from.min(to));
            for share in [0.01, 0.05, 0.125, 0.25, 0.35, 0.4, 0.425] {
                let hertz = (low * share).round();
                let heard = convert(&tone(hertz, from, from as usize), from, to, from as usize / 50);
                assert_eq!(heard.len(), to as usize);
                let level = level(&heard, hertz, to);
                assert!((level + 6.02).abs() < 0.1, "{from} to {to}, {hertz} Hz: {level} dB");
            }
        }
    }

    #[test]
    fn aliases_and_images_are_65_db_down() {
        // (from, to, tone, where its alias or image would be heard)
        let rows = [
            (16_000, 8000, 5000.0, 3000.0),
            (16_000, 8000, 4330.0, 3670.0),
            (16_000, 8000, 7900.0, 100.0),
            (48_000, 8000, 5000.0, 3000.0),
            (48_000, 8000, 15_000.0, 1000.0),
            (48_000, 8000, 20_500.0, 3500.0),
            (48_000, 16_000, 8700.0, 7300.0),
            (48_000, 16_000, 17_000.0, 1000.0),
            (8000, 16_000, 3000.0, 5000.0),
            (8000, 16_000, 300.0, 7700.0),
            (8000, 48_000, 1000.0, 7000.0),
            (8000, 48_000, 3000.0, 13_000.0),
            (16_000, 48_000, 7000.0, 9000.0),
        ];
        for (from, to, hertz, elsewhere) in rows {
            let heard = convert(&tone(hertz, from, from as usize), from, to, from as usize / 50);
            let level = level(&heard, elsewhere, to) + 6.02;
            assert!(level < -65.0, "{from} to {to}: {hertz} Hz at {elsewhere} Hz with {level} dB");
        }
    }

    #[test]
    fn the_length_of_frames_does_not_matter() {
        for (from, to) in pairs() {
            let samples = tone(700.0, from, 4800);
            let whole = convert(&samples, from, to, 960);
            for length in [1, 7, 160, 333] {
                assert_eq!(convert(&samples, from, to, length), whole, "{from} to {to} by {length}");
            }
        }
    }

    #[test]
    fn the_delay_is_as_told() {
        for (from, to) in pairs() {
            let mut samples = vec![0; 960];
            samples[480] = 20_000;
            let heard = convert(&samples, from, to, 960);
            let peak = heard.iter().enumerate().max_by_key(|(_, sample)| **sample).unwrap().0;
            let expected = 480 * to as usize / from as usize + Resampler::new(from, to).unwrap().delay();
            assert!(peak.abs_diff(expected) <= 1, "{from} to {to}: {peak}, not {expected}");
        }
    }

    #[test]
    fn loud_sound_saturates_and_other_rates_are_refused() {
        let square: Vec<i16> = (0..960).map(|i| if i / 10 % 2 == 0 { i16::MAX } else { i16::MIN }).collect();
        assert!(convert(&square, 8000, 16_000, 160).contains(&i16::MAX));
        assert!(Resampler::new(44_100, 8000).is_none());
        let mut same = Resampler::new(8000, 8000).unwrap();
        assert_eq!(same.process(&[1, 2, 3], &mut [0; 2]), 2);
    }
}
