//! Clips of any rate to 8 kHz, as they are decoded.
//!
//! Rates from 32 kHz on are halved first, by a short filter that need not be steep. Then a windowed sinc takes them to
//! 8 kHz: its taps are computed once for each place that an output sample can have between two input samples.
//!
//! | | |
//! |---|---|
//! | pass band | to 3.4 kHz, ripple below 0.3 dB |
//! | stop band | from 4.3 kHz, below −60 dB |
//! | delay | none: the first sample made belongs to the first one taken |

use std::f64::consts::PI;

use audio::RATE;
use audio::resample::{bessel, sum};

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 22.0;
/// Where the filter halves, as a share of the lower rate (3.88 kHz).
const HALF: f64 = 0.485;
/// Shape of the Kaiser window: 70 dB.
const BETA: f64 = 6.76;
/// Rates from here on are halved first.
const HALVED_FROM: u32 = 32_000;
/// How far the halving filter reaches to each side; an odd number.
const HALVING_REACH: usize = 11;
/// Places between two input samples that have taps of their own; where a rate has more, the nearest place is taken.
const MOST_PLACES: u64 = 1_024;
/// Input samples that are worked at once.
const CHUNK: usize = 16_384;

/// Converts one clip, or a part of it that has one rate.
#[derive(Debug)]
pub(crate) struct Resampler {
    halvings: Vec<Halving>,
    /// `None` where the rate is 8 kHz already.
    filter: Option<Filter>,
    waiting: Vec<f32>,
    made: Vec<i16>,
}

impl Resampler {
    /// Of samples at `rate`.
    pub(crate) fn new(rate: u32) -> Resampler {
        let mut reached = u64::from(rate.max(1));
        let (mut halvings, mut parts) = (Vec::new(), 1);
        while reached >= u64::from(HALVED_FROM) * parts {
            halvings.push(Halving::new());
            parts *= 2;
        }
        let wanted = u64::from(RATE) * parts;
        let common = divisor(reached, wanted);
        reached /= common;
        let filter = (reached != wanted / common).then(|| Filter::new(reached, wanted / common));
        Resampler { halvings, filter, waiting: Vec::with_capacity(CHUNK), made: Vec::new() }
    }

    /// Takes samples, −1 to 1.
    pub(crate) fn extend(&mut self, samples: &[f32]) {
        for piece in samples.chunks(CHUNK) {
            self.waiting.extend_from_slice(piece);
            self.work_from(0);
        }
    }

    /// All samples at 8 kHz.
    pub(crate) fn finish(mut self) -> Vec<i16> {
        // What the filters still hold comes out behind silence.
        for index in 0..self.halvings.len() {
            self.waiting.resize(HALVING_REACH, 0.0);
            self.work_from(index);
        }
        if let Some(filter) = &mut self.filter {
            filter.finish(&mut self.made);
        }
        self.made
    }

    /// Sends what waits through the halvings from this one on, and through the filter.
    fn work_from(&mut self, first: usize) {
        for halving in self.halvings.iter_mut().skip(first) {
            halving.process(&mut self.waiting);
        }
        match &mut self.filter {
            Some(filter) => filter.process(&self.waiting, &mut self.made),
            None => self.made.extend(self.waiting.iter().map(|sample| to_16_bit(*sample))),
        }
        self.waiting.clear();
    }
}

/// Every other sample of what a half-band filter leaves. All its taps at even distances are 0 but the middle one, so
/// that it is half of every other sample, and a short filter over those between them.
#[derive(Debug)]
struct Halving {
    /// At the distances −11, −9 … 11.
    taps: [f32; HALVING_REACH + 1],
    window: Vec<f32>,
    between: Vec<f32>,
}

impl Halving {
    fn new() -> Halving {
        let tap = |index: usize| {
            let distance = 2.0 * index as f64 - HALVING_REACH as f64;
            sinc(distance * 0.5) * kaiser(distance / (HALVING_REACH as f64 + 1.0))
        };
        let taps: [f64; HALVING_REACH + 1] = std::array::from_fn(tap);
        let sum: f64 = taps.iter().sum::<f64>() * 2.0;
        let taps = taps.map(|tap| (tap / sum) as f32);
        Halving { taps, window: vec![0.0; HALVING_REACH], between: Vec::new() }
    }

    fn process(&mut self, samples: &mut Vec<f32>) {
        self.window.append(samples);
        // Each needs the samples from 11 before it to 11 behind it.
        let made = (self.window.len() + 1).saturating_sub(2 * HALVING_REACH) / 2;
        self.between.clear();
        let (pairs, odd) = self.window.as_chunks::<2>();
        self.between.extend(pairs.iter().map(|[even, _]| even));
        self.between.extend(odd);
        let middles = self.window.get(HALVING_REACH..).unwrap_or_default();
        let (pairs, odd) = middles.as_chunks::<2>();
        samples
            .extend(pairs.iter().map(|[middle, _]| middle).chain(odd).take(made).map(|middle| middle / 2.0));
        for (offset, tap) in self.taps.iter().enumerate() {
            let between = self.between.get(offset..).unwrap_or_default();
            samples.iter_mut().zip(between).for_each(|(sample, between)| *sample += tap * between);
        }
        self.window.drain(..2 * made);
    }
}

/// From any rate below 32 kHz to 8 kHz.
#[derive(Debug)]
struct Filter {
    /// Input samples for each so many output samples.
    input: u64,
    output: u64,
    places: u64,
    length: usize,
    taps: Vec<f32>,
    window: Vec<f32>,
    /// Where in the window the next output sample's begins, and how far behind that it lies, in parts of an input
    /// sample of which there are `output`.
    first: usize,
    behind: u64,
    made: u64,
    taken: u64,
}

impl Filter {
    fn new(input: u64, output: u64) -> Filter {
        let ratio = input as f64 / output as f64;
        // Cycles for each input sample, doubled.
        let cutoff = 2.0 * HALF / ratio.max(1.0);
        let reach = CROSSINGS / cutoff;
        let (before, places) = (reach.ceil() as usize, output.min(MOST_PLACES));
        let length = (2 * before).next_multiple_of(8);
        let taps = (0..places).flat_map(|place| {
            let between = place as f64 / places as f64;
            let distance = move |index: usize| index as f64 - (before as f64 - 1.0) - between;
            let tap = move |index| {
                let distance = distance(index);
                (cutoff * sinc(distance * cutoff) * kaiser(distance / reach)) as f32
            };
            (0..length).map(tap)
        });
        // The first sample's window begins before the clip.
        let window = vec![0.0; before - 1];
        Filter {
            input,
            output,
            places,
            length,
            taps: taps.collect(),
            window,
            first: 0,
            behind: 0,
            made: 0,
            taken: 0,
        }
    }

    fn process(&mut self, samples: &[f32], made: &mut Vec<i16>) {
        self.taken += samples.len() as u64;
        self.window.extend_from_slice(samples);
        let (whole, part) = ((self.input / self.output) as usize, self.input % self.output);
        let had = made.len();
        while let Some(window) = self.window.get(self.first..self.first + self.length) {
            let place = if self.places == self.output {
                self.behind as usize
            } else {
                (self.behind * self.places / self.output) as usize
            };
            let taps = self.taps.get(place * self.length..(place + 1) * self.length).unwrap_or_default();
            made.push(to_16_bit(sum(window, taps)));
            self.first += whole;
            self.behind += part;
            if self.behind >= self.output {
                (self.first, self.behind) = (self.first + 1, self.behind - self.output);
            }
        }
        self.made += (made.len() - had) as u64;
        let done = self.first.min(self.window.len());
        self.window.drain(..done);
        self.first -= done;
    }

    /// The clip is over: what remains is heard before silence.
    fn finish(&mut self, made: &mut Vec<i16>) {
        let wanted = usize::try_from(self.taken * self.output / self.input).unwrap_or(usize::MAX);
        let before = wanted.saturating_sub(usize::try_from(self.made).unwrap_or(0));
        let had = made.len();
        self.process(&vec![0.0; self.length], made);
        made.truncate(had + before);
    }
}

fn divisor(a: u64, b: u64) -> u64 {
    if b == 0 { a } else { divisor(b, a % b) }
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Kaiser window over −1 to 1.
fn kaiser(x: f64) -> f64 {
    if x.abs() > 1.0 { 0.0 } else { bessel(BETA * (1.0 - x * x).max(0.0).sqrt()) / bessel(BETA) }
}

fn to_16_bit(sample: f32) -> i16 {
    let scaled = sample * 32_768.0;
    // Half away from 0, as `round` does by a call for each sample; `as` saturates.
    (scaled + 0.5_f32.copysign(scaled)) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::level_db;

    fn tone(hertz: f64, rate: u32) -> Vec<f32> {
        (0..rate).map(|i| ((f64::from(i) * hertz / f64::from(rate) * 2.0 * PI).sin() * 0.5) as f32).collect()
    }

    fn resample(samples: &[f32], rate: u32) -> Vec<i16> {
        let mut resampler = Resampler::new(rate);
        resampler.extend(samples);
        resampler.finish()
    }

    #[test]
    fn speech_passes_and_what_would_fold_back_does_not() {
        for rate in [9000, 11_025, 16_000, 22_050, 22_255, 32_000, 44_100, 44_101, 48_000, 96_000, 192_000] {
            for hertz in [300.0, 1000.0, 3400.0] {
                let level = level_db(&resample(&tone(hertz, rate), rate), hertz);
                assert!((level + 6.02).abs() < 0.3, "{hertz} Hz at {rate}: {level} dB");
            }
            if rate > 10_000 {
                // 4,600 Hz would be heard as 3,400 Hz.
                let folded = level_db(&resample(&tone(4600.0, rate), rate), 3400.0);
                assert!(folded < -60.0, "{rate}: {folded} dB");
            }
            if rate >= 32_000 {
                // Halved, it would be heard as itself; folded by the halving, as 1,000 Hz.
                let folded = level_db(&resample(&tone(f64::from(rate) / 2.0 - 1000.0, rate), rate), 1000.0);
                assert!(folded < -60.0, "{rate}, halved: {folded} dB");
            }
        }
    }

    #[test]
    fn a_second_stays_a_second_and_nothing_is_late() {
        for rate in [8000, 11_025, 16_000, 44_100, 48_000, 96_000] {
            let mut samples = tone(500.0, rate);
            samples.iter_mut().take(rate as usize / 2).for_each(|sample| *sample = 0.0);
            let heard = resample(&samples, rate);
            assert!(heard.len().abs_diff(8000) <= 8, "{rate}: {} samples", heard.len());
            let begins = heard.iter().position(|sample| sample.unsigned_abs() > 3000).unwrap_or(0);
            assert!(begins.abs_diff(4002) <= 6, "{rate}: the tone begins at {begins}");
        }
    }

    #[test]
    fn a_rate_below_ours_and_clips_of_a_few_samples_are_heard() {
        assert!((level_db(&resample(&tone(500.0, 6000), 6000), 500.0) + 6.02).abs() < 0.3);
        for length in 0..200 {
            resample(&vec![0.5; length], 44_100);
        }
    }
}
