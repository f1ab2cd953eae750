//! Likeness of two stretches of sound, which finds the pitch period of a voice.

/// How alike two stretches are: their normalised cross-correlation, −1 to 1; 0 when one is silent.
///
/// Only every `step`th sample is looked at.
fn likeness(one: &[i16], other: &[i16], step: usize) -> f32 {
    let (mut product, mut energy, mut other_energy) = (0_i64, 0_i64, 0_i64);
    for (one, other) in one.iter().zip(other).step_by(step) {
        let (one, other) = (i32::from(*one), i32::from(*other));
        product += i64::from(one * other);
        energy += i64::from(one * one);
        other_energy += i64::from(other * other);
    }
    let scale = (energy as f32 * other_energy as f32).sqrt();
    if scale > 0.0 { product as f32 / scale } else { 0.0 }
}

/// Where in `field` the stretch that is most like `fixed` begins, from `first` to `last`, and how alike it is.
///
/// Every second place is tried with every second sample, then the neighbours of the best with all of them.
pub(crate) fn best_match(fixed: &[i16], field: &[i16], first: usize, last: usize) -> (usize, f32) {
    let at = |place: usize, step: usize| {
        let candidate = field.get(place..place + fixed.len()).unwrap_or_default();
        (place, likeness(fixed, candidate, step))
    };
    let best = |one: (usize, f32), other: (usize, f32)| if other.1 > one.1 { other } else { one };
    let coarse = (first..=last).step_by(2).map(|place| at(place, 2)).fold((first, -1.0), best);
    let near = coarse.0.saturating_sub(1).max(first)..=(coarse.0 + 1).min(last);
    near.map(|place| at(place, 1)).fold((first, -1.0), best)
}

/// Passes from one sample to another: part 0 of `parts` is all `from`, the last but none of it.
pub(crate) fn blend(from: i16, to: i16, part: usize, parts: usize) -> i16 {
    let (from, to, part, parts) = (i64::from(from), i64::from(to), part as i64, parts.max(1) as i64);
    (from + (to - from) * part / parts) as i16
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Sine;

    #[test]
    fn the_period_of_a_tone_is_found() {
        for (hertz, period) in [(100.0, 80), (80.0, 100), (125.0, 64)] {
            let mut samples = [0; 400];
            Sine::new(hertz, 8000).fill(&mut samples);
            let (at, alike) = best_match(&samples[240..400], &samples[..400], 240 - 120, 240 - 40);
            assert_eq!(240 - at, period);
            assert!(alike > 0.99);
        }
        assert_eq!(best_match(&[0; 8], &[0; 16], 2, 6), (2, 0.0));
    }
}
