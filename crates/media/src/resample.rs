//! Any rate to 8 kHz by a windowed sinc, once per clip at the start: quality before speed.

use std::f64::consts::PI;

use audio::RATE;

/// Zero crossings of the sinc on each side.
const CROSSINGS: f64 = 32.0;
/// The edge of the pass band as a share of the lower Nyquist frequency (3.7 of 4 kHz), which leaves the
/// filter's slope below it.
const PASS: f64 = 0.925;

/// Samples (−1 to 1) at `rate` as 16-bit samples at 8 kHz.
pub(crate) fn resample(samples: &[f32], rate: u32) -> Vec<i16> {
    if rate == RATE {
        return samples.iter().map(|sample| to_16_bit(f64::from(*sample))).collect();
    }
    let rate = f64::from(rate.max(1));
    let ratio = rate / f64::from(RATE);
    // The filter's cut-off in cycles per input sample, doubled.
    let cutoff = PASS / ratio.max(1.0);
    let reach = CROSSINGS / cutoff;
    let count = (samples.len() as f64 / ratio).floor() as usize;
    (0..count).map(|index| to_16_bit(at(samples, index as f64 * ratio, cutoff, reach))).collect()
}

/// The filtered signal at a place between input samples.
fn at(samples: &[f32], place: f64, cutoff: f64, reach: f64) -> f64 {
    let first = (place - reach).ceil().max(0.0) as usize;
    let last = ((place + reach).floor().max(0.0) as usize + 1).min(samples.len());
    let window = samples.get(first..last).unwrap_or_default();
    let weighed = window.iter().enumerate().map(|(index, sample)| {
        let distance = (first + index) as f64 - place;
        f64::from(*sample) * cutoff * sinc(distance * cutoff) * blackman(distance / reach)
    });
    weighed.sum()
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

/// The Blackman window over −1 to 1: side lobes below −58 dB.
fn blackman(x: f64) -> f64 {
    0.42 + 0.5 * (PI * x).cos() + 0.08 * (2.0 * PI * x).cos()
}

fn to_16_bit(sample: f64) -> i16 {
    (sample * 32_768.0).round().clamp(-32_768.0, 32_767.0) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::level_db;

    fn tone(hertz: f64, rate: u32) -> Vec<f32> {
        (0..rate).map(|i| ((f64::from(i) * hertz / f64::from(rate) * 2.0 * PI).sin() * 0.5) as f32).collect()
    }

    #[test]
    fn speech_passes_and_what_would_fold_back_does_not() {
        for rate in [11_025, 16_000, 22_050, 44_100, 48_000] {
            for hertz in [300.0, 1000.0, 3400.0] {
                let level = level_db(&resample(&tone(hertz, rate), rate), hertz);
                assert!((level + 6.02).abs() < 0.3, "{hertz} Hz at {rate}: {level} dB");
            }
            // 4,600 Hz would be heard as 3,400 Hz.
            let folded = level_db(&resample(&tone(4600.0, rate), rate), 3400.0);
            assert!(folded < -60.0, "{rate}: {folded} dB");
        }
    }
}
