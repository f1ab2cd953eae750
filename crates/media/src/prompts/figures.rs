//! Figures about the sound of a clip, for people who record prompts in a studio.

use audio::level::{decibels, power};

use super::Clip;
use crate::clock::milliseconds;

/// Samples of a piece by which loudness is judged (20 ms).
const PIECE: usize = 160;
/// Pieces below this are silence, in dB of full scale.
const SILENCE: f64 = -50.0;
/// A sample of this size or more is at the edge of the range.
const EDGE: u16 = 32_700;
/// Samples at the edge in a row that are heard as clipped.
const CLIPPED: usize = 3;

/// A clip in figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ClipFigures {
    /// Its length.
    pub duration_ms: u64,
    /// Loudness of the pieces that are not silence: root mean square in dB of full scale; `None` for silence alone.
    pub level_db: Option<f64>,
    /// Places where the sound was cut at the edge of the range.
    pub clippings: usize,
    /// Silence before the sound.
    pub leading_ms: u64,
    /// Silence after the sound.
    pub trailing_ms: u64,
}

impl ClipFigures {
    pub(super) fn of(clip: &Clip) -> ClipFigures {
        let loud: Vec<f64> = clip.samples.chunks(PIECE).map(power).collect();
        let sounds = |power: &&f64| decibels(**power) > SILENCE;
        let first = loud.iter().position(|power| sounds(&power)).unwrap_or(loud.len());
        let last = loud.iter().rposition(|power| sounds(&power)).map_or(first, |last| last + 1);
        let sound: Vec<f64> = loud.iter().filter(sounds).copied().collect();
        let mean = sound.iter().sum::<f64>() / sound.len().max(1) as f64;
        let pieces = |count: usize| milliseconds((count * PIECE) as u64);
        ClipFigures {
            duration_ms: milliseconds(clip.samples.len() as u64),
            level_db: (!sound.is_empty()).then(|| decibels(mean)),
            clippings: clippings(&clip.samples),
            leading_ms: pieces(first),
            trailing_ms: pieces(loud.len() - last),
        }
    }
}

fn clippings(samples: &[i16]) -> usize {
    let at_edge = |sample: &i16| sample.unsigned_abs() >= EDGE;
    samples
        .chunk_by(|a, b| at_edge(a) == at_edge(b))
        .filter(|run| run.len() >= CLIPPED && at_edge(&run[0]))
        .count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loudness_silence_and_clipping_are_measured() {
        let mut samples = vec![0; 1600];
        samples.extend((0..8000).map(|i| ((f64::from(i) * 0.3).sin() * 3_276.8) as i16));
        samples.extend([i16::MAX; 10]);
        samples.extend(vec![0; 3190]);
        let figures = ClipFigures::of(&Clip::new(samples.into()));
        let level = figures.level_db.unwrap();
        // A tenth of full scale is −20 dB, a sine's mean 3 dB less; the ten loud samples raise it a little.
        assert!((level + 22.0).abs() < 1.5, "{level}");
        assert_eq!((figures.duration_ms, figures.clippings), (1600, 1));
        assert_eq!((figures.leading_ms, figures.trailing_ms), (200, 380));
        let silent = ClipFigures::of(&Clip::new(vec![0; 800].into()));
        assert_eq!((silent.level_db, silent.leading_ms), (None, 100));
    }
}
