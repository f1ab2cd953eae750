//! Mixing.

/// Adds `more` to `sum`, sample by sample, saturating: two loud speakers clip, they don't wrap.
pub fn mix(sum: &mut [i16], more: &[i16]) {
    sum.iter_mut().zip(more).for_each(|(sum, more)| *sum = sum.saturating_add(*more));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loud_voices_clip_and_do_not_wrap() {
        let mut sum = [30_000, -30_000, 100, 7];
        mix(&mut sum, &[10_000, -10_000, -300]);
        assert_eq!(sum, [i16::MAX, i16::MIN, -200, 7]);
    }
}
