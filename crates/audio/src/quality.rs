//! How good a call sounds: an estimate from what the network did (ITU-T G.107), and running figures of its audio.
//!
//! The estimate is the E-model with all its acoustic defaults: `R = 93.2 − Id − Ie,eff`. Delay counts by the piecewise
//! straight line that is usually fitted to G.107's curve (0.024 a millisecond, and 0.11 more from 177.3 ms); loss by
//! G.107 section 7.4 with the codec figures of G.113 appendix I. It is a narrow-band scale, on which wide-band codecs
//! gain nothing; it knows nothing of the microphone.

use crate::codec::Codec;
use crate::level::{Metered, VoiceMeter, decibels};

/// R without any delay or loss (G.107 section 7.7).
const BEST_R: f64 = 93.2;

/// What a network did to one direction of a call.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Network {
    /// From mouth to ear, in milliseconds.
    pub delay_ms: f64,
    /// Share of frames that were lost or came too late: 0 to 1.
    pub loss: f64,
    /// Mean length of bursts of loss over that of random loss: 1 and more (G.107's BurstR).
    pub burst_ratio: f64,
}

/// The E-model's two figures.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Estimate {
    /// Transmission rating, 0 to 93.2.
    pub r: f64,
    /// Mean opinion score, 1 to 4.41 (G.107 annex B).
    pub mos: f64,
}

/// Estimates how a direction sounds with this codec and our concealment.
pub fn estimate(codec: Codec, network: Network) -> Estimate {
    let delay = network.delay_ms.max(0.0);
    let delay_impairment = 0.024 * delay + 0.11 * (delay - 177.3).max(0.0);
    let (equipment, robustness) = impairment(codec);
    let percent = 100.0 * network.loss.clamp(0.0, 1.0);
    let spread = percent / network.burst_ratio.max(1.0) + robustness;
    let equipment = equipment + (95.0 - equipment) * percent / spread;
    let r = (BEST_R - delay_impairment - equipment).clamp(0.0, 100.0);
    Estimate { r, mos: mos(r) }
}

/// Equipment impairment Ie and robustness against loss Bpl. G.711 with concealment is G.113's; for the others G.113 has
/// no narrow-band figures, so they count as G.711, Opus with a third more robustness for its redundancy (our guess).
fn impairment(codec: Codec) -> (f64, f64) {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::L16 | Codec::L16Wide | Codec::G722 => (0.0, 25.1),
        Codec::Opus => (0.0, 33.5),
    }
}

fn mos(r: f64) -> f64 {
    if r <= 0.0 { 1.0 } else { (1.0 + 0.035 * r + r * (r - 60.0) * (100.0 - r) * 7e-6).max(1.0) }
}

/// Counts loss and its bursts, frame by frame.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LossPattern {
    frames: u64,
    lost: u64,
    bursts: u64,
    in_burst: bool,
}

impl LossPattern {
    /// Notes the next frame.
    pub fn handle(&mut self, lost: bool) {
        self.frames += 1;
        self.lost += u64::from(lost);
        self.bursts += u64::from(lost && !self.in_burst);
        self.in_burst = lost;
    }

    /// Share of frames lost: 0 to 1.
    pub fn loss(&self) -> f64 {
        self.lost as f64 / self.frames.max(1) as f64
    }

    /// G.107's BurstR, 1 or more; random loss of share p has bursts of 1/(1 − p).
    pub fn burst_ratio(&self) -> f64 {
        let mean = self.lost as f64 / self.bursts.max(1) as f64;
        (mean * (1.0 - self.loss())).max(1.0)
    }
}

/// A sample at or beyond this is clipped.
const CLIPPED: u16 = 32_600;

/// Running figures of one leg's audio, over frames of 20 ms.
#[derive(Debug, Clone, Default)]
pub struct LegFigures {
    meter: VoiceMeter,
    frames: u64,
    speech: u64,
    clipped: u64,
    /// Power of the speech, as shares of full scale.
    power: f64,
}

impl LegFigures {
    /// Takes the next 20 ms. Returns their level and whether they are speech.
    pub fn handle(&mut self, frame: &[i16]) -> Metered {
        let metered = self.meter.handle(frame);
        self.frames += 1;
        // Every sample is looked at, for a loop without a way out takes many at once.
        let peak = frame.iter().map(|sample| sample.unsigned_abs()).max();
        self.clipped += u64::from(peak >= Some(CLIPPED));
        if metered.speech {
            self.speech += 1;
            self.power += metered.power;
        }
        metered
    }

    /// Mean level of the speech in dBov; `None` when nobody spoke.
    pub fn speech_level(&self) -> Option<f64> {
        (self.speech > 0).then(|| decibels(self.power / self.speech as f64))
    }

    /// Share of frames without speech: 0 to 1.
    pub fn silence(&self) -> f64 {
        if self.frames == 0 { 0.0 } else { 1.0 - self.speech as f64 / self.frames as f64 }
    }

    /// Frames with clipped samples.
    pub fn clipped(&self) -> u64 {
        self.clipped
    }

    /// Frames so far.
    pub fn frames(&self) -> u64 {
        self.frames
    }
}

/// Who spoke when, of two, over frames of 20 ms.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct TalkOver {
    /// Frames in which both spoke.
    pub both: u64,
    /// Frames in which neither did.
    pub neither: u64,
    /// Frames in all.
    pub frames: u64,
    /// Times that the second began while the first spoke, and the other way round.
    pub interruptions: [u64; 2],
    spoke: [bool; 2],
}

impl TalkOver {
    /// Notes the next frame of both.
    pub fn handle(&mut self, first: bool, second: bool) {
        let [first_spoke, second_spoke] = self.spoke;
        self.frames += 1;
        self.both += u64::from(first && second);
        self.neither += u64::from(!first && !second);
        self.interruptions[0] += u64::from(second && !second_spoke && first && first_spoke);
        self.interruptions[1] += u64::from(first && !first_spoke && second && second_spoke);
        self.spoke = [first, second];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn network(delay_ms: f64, loss: f64, burst_ratio: f64) -> Network {
        Network { delay_ms, loss, burst_ratio }
    }

    #[test]
    fn mos_of_r_is_g107s_table() {
        for (r, expected) in
            [(93.2, 4.41), (90.0, 4.34), (80.0, 4.03), (70.0, 3.60), (60.0, 3.10), (50.0, 2.58)]
        {
            assert!((mos(r) - expected).abs() < 0.01, "{r}: {}", mos(r));
        }
        assert_eq!((mos(0.0), mos(1.0)), (1.0, 1.0));
    }

    #[test]
    fn delay_and_loss_cost_what_the_model_says() {
        let rows = [
            (Codec::Pcma, network(0.0, 0.0, 1.0), 93.2),
            (Codec::Pcma, network(100.0, 0.0, 1.0), 90.8),
            (Codec::Pcma, network(150.0, 0.0, 1.0), 89.6),
            (Codec::Pcma, network(400.0, 0.0, 1.0), 59.1),
            // 95 · 1/(1 + 25.1) and 95 · 5/(5 + 25.1).
            (Codec::Pcma, network(0.0, 0.01, 1.0), 89.56),
            (Codec::Pcma, network(0.0, 0.05, 1.0), 77.42),
            (Codec::Pcma, network(0.0, 0.05, 2.0), 75.99),
            (Codec::Pcma, network(9999.0, 1.0, 9.0), 0.0),
            (Codec::Pcma, network(-5.0, -1.0, 0.0), 93.2),
        ];
        for (codec, network, r) in rows {
            let estimate = estimate(codec, network);
            assert!((estimate.r - r).abs() < 0.05, "{network:?}: {estimate:?}");
        }
    }

    #[test]
    fn bursts_are_told_from_random_loss() {
        let count = |pattern: &dyn Fn(u32) -> bool| {
            let mut loss = LossPattern::default();
            (0..10_000).for_each(|frame| loss.handle(pattern(frame)));
            (loss.loss(), loss.burst_ratio())
        };
        assert_eq!(count(&|_| false), (0.0, 1.0));
        assert_eq!(count(&|frame| frame % 20 == 0), (0.05, 1.0));
        let (loss, ratio) = count(&|frame| frame % 80 < 4);
        assert!((loss - 0.05).abs() < 1e-9 && (ratio - 3.8).abs() < 0.01, "{loss} {ratio}");
    }

    #[test]
    fn a_legs_figures() {
        let mut figures = LegFigures::default();
        assert_eq!((figures.speech_level(), figures.silence()), (None, 0.0));
        for frame in 0..400 {
            let sample = match frame % 200 {
                100..150 => 3277,
                _ => 0,
            };
            figures.handle(&[sample; 160]);
        }
        figures.handle(&[i16::MIN; 160]);
        let speech = figures.speech_level().unwrap();
        // Speech at −20 dBov for 1 s of 4, its hangover of nine silent frames, and one frame at full scale.
        assert!((-17.8..-17.7).contains(&speech), "{speech}");
        assert!((0.69..0.72).contains(&figures.silence()), "{}", figures.silence());
        assert_eq!((figures.clipped(), figures.frames()), (1, 401));
    }

    #[test]
    fn talking_over_each_other_is_counted() {
        let mut talk = TalkOver::default();
        let frames = [(false, false), (true, false), (true, true), (true, true), (false, true), (true, true)];
        frames.into_iter().for_each(|(first, second)| talk.handle(first, second));
        assert_eq!((talk.both, talk.neither, talk.frames, talk.interruptions), (3, 1, 6, [1, 1]));
    }
}
