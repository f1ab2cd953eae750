//! Making speech a pitch period shorter or longer without a click (pitch-synchronous overlap-add).
//!
//! A jitter buffer that must wait less leaves sound out, one that must wait longer plays some twice. Cut at any
//! place that would click; so a stretch that repeats itself is sought, one pitch period of a voice (2.5 to
//! 15 ms), and the sound passes from one repetition into the other. In silence any length will do; in noise or at
//! an onset nothing is changed, unless it is urgent.

use crate::pitch::{best_match, blend};

/// Likeness from which two repetitions may pass into each other, and from which they must when it is urgent.
const ALIKE: f32 = 0.8;
const ALIKE_ENOUGH: f32 = 0.4;
/// Sound below this is silence: −50 dB of full scale, as the root of the mean square.
const SILENCE: i64 = 104;

/// Samples that must be known from the place on, for [`shrink`] and [`grow`], at `rate` Hz: 30 ms.
pub fn needed(rate: u32) -> usize {
    2 * longest(rate)
}

/// Samples that must be known before the place, for [`grow`], and the most that changes: 15 ms.
pub fn longest(rate: u32) -> usize {
    rate as usize * 15 / 1000
}

fn shortest(rate: u32) -> usize {
    rate as usize * 5 / 2000
}

/// What is compared: 7.5 ms.
fn window(rate: u32) -> usize {
    rate as usize * 15 / 2000
}

/// Leaves out a pitch period from `at` on in the first `used` samples of `buffer`; how many samples fewer there are
/// now. 0 when nothing fits or fewer than [`needed`] samples are there.
pub fn shrink(rate: u32, buffer: &mut [i16], at: usize, used: usize, urgent: bool) -> usize {
    let Some(sound) = buffer.get_mut(at..used).filter(|sound| sound.len() >= needed(rate)) else { return 0 };
    let fixed = sound.get(..window(rate)).unwrap_or_default();
    let (period, alike) = best_match(fixed, sound, shortest(rate), longest(rate));
    if !fits(sound.get(..needed(rate)).unwrap_or_default(), alike, urgent) {
        return 0;
    }
    for index in 0..period {
        sound[index] = blend(sound[index], sound[index + period], index, period);
    }
    sound.copy_within(2 * period.., period);
    period
}

/// Plays the pitch period before `at` twice; how many samples more the first `used` of `buffer` are now. 0 when
/// nothing fits, or too little is known or free: [`longest`] before and behind `at`, and behind `used`.
pub fn grow(rate: u32, buffer: &mut [i16], at: usize, used: usize, urgent: bool) -> usize {
    let most = longest(rate);
    if at < most || used < at + most || buffer.len() < used + most {
        return 0;
    }
    let fixed = buffer.get(at..at + window(rate)).unwrap_or_default();
    let (place, alike) = best_match(fixed, buffer, at - most, at - shortest(rate));
    if !fits(buffer.get(at - most..at + most).unwrap_or_default(), alike, urgent) {
        return 0;
    }
    let period = at - place;
    buffer.copy_within(at..used, at + period);
    for index in 0..period {
        buffer[at + index] = blend(buffer[at + period + index], buffer[place + index], index, period);
    }
    period
}

fn fits(sound: &[i16], alike: f32, urgent: bool) -> bool {
    let energy: i64 = sound.iter().map(|sample| i64::from(*sample) * i64::from(*sample)).sum();
    alike >= if urgent { ALIKE_ENOUGH } else { ALIKE } || energy < SILENCE * SILENCE * sound.len() as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Sine;

    /// A voice of 110 Hz with two formants, at 8 kHz.
    fn voice() -> Vec<i16> {
        let mut sum = vec![0_i16; 1000];
        for (hertz, level) in [(110.0, 3000), (550.0, 4000), (1210.0, 2000), (2420.0, 800)] {
            let mut part = vec![0; 1000];
            Sine::new(hertz, level).fill(&mut part);
            sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
        }
        sum
    }

    fn largest_step(samples: &[i16]) -> i32 {
        samples.windows(2).map(|two| (i32::from(two[1]) - i32::from(two[0])).abs()).max().unwrap_or(0)
    }

    /// White noise of the given amplitude.
    fn noise(amplitude: i64) -> Vec<i16> {
        let mut state = 1_u64;
        let mut roll = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            ((state >> 33) as i64 % (2 * amplitude + 1) - amplitude) as i16
        };
        (0..1000).map(|_| roll()).collect()
    }

    #[test]
    fn a_voice_changes_by_whole_periods_and_does_not_click() {
        let before = voice();
        for change in [shrink, grow] {
            let mut samples = before.clone();
            let changed = change(8000, &mut samples, 300, 700, false);
            // 72.7 samples are one period of 110 Hz.
            assert!((72..=73).contains(&changed), "{changed}");
            let used = if samples[300..700] == before[300..700] { 0 } else { 700 - changed };
            assert!(used > 0 && largest_step(&samples[..used]) <= largest_step(&before) * 105 / 100);
        }
    }

    #[test]
    fn silence_changes_and_noise_only_when_it_is_urgent() {
        let cases = [(0, false, true), (50, false, true), (8000, false, false)];
        for (amplitude, urgent, changes) in cases {
            for change in [shrink, grow] {
                let changed = change(8000, &mut noise(amplitude.max(1)), 300, 700, urgent);
                assert_eq!(changed > 0, changes, "{amplitude}");
            }
        }
    }

    #[test]
    fn too_little_sound_is_left_alone() {
        let mut samples = voice();
        assert_eq!(shrink(8000, &mut samples, 300, 539, true), 0);
        assert_eq!(grow(8000, &mut samples, 119, 700, true), 0);
        assert_eq!(grow(8000, &mut samples, 300, 419, true), 0);
        assert_eq!(grow(8000, &mut samples, 300, 881, true), 0);
        assert_eq!(shrink(8000, &mut samples, 5000, 5, true), 0);
        assert_eq!(samples, voice());
    }
}
