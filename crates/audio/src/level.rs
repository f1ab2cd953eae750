//! How loud a stream is, and whether somebody speaks in it.

/// Power of `samples` in dBov: 0 is a square wave of full scale, a full sine −3.01; −127 for silence.
pub fn dbov(samples: &[i16]) -> f64 {
    decibels(power(samples))
}

/// A power as a share of full scale, in dBov, −127 or more.
pub fn decibels(power: f64) -> f64 {
    if power > 0.0 { (10.0 * power.log10()).max(-127.0) } else { -127.0 }
}

/// Sums that are kept side by side, so that the compiler may take as many samples at once.
const LANES: usize = 8;

/// Mean power of `samples` as a share of full scale: 0 to 1.
pub fn power(samples: &[i16]) -> f64 {
    let (whole, rest) = samples.as_chunks::<LANES>();
    let mut sums = [0.0_f32; LANES];
    for chunk in whole {
        for (sum, sample) in sums.iter_mut().zip(chunk) {
            *sum += f32::from(*sample) * f32::from(*sample);
        }
    }
    let squares = sums.into_iter().chain(rest.iter().map(|sample| f32::from(*sample).powi(2)));
    let energy: f64 = squares.map(f64::from).sum();
    energy / (samples.len().max(1) as f64 * 32_768.0 * 32_768.0)
}

// Levels as powers, so that no frame needs a logarithm: those of an open call come fifty times a second.

/// Speech is at least this far above the noise (9 dB), and at least this loud (−50 dBov).
const ABOVE_NOISE: f64 = 7.943_282;
const LEAST: f64 = 1e-5;
/// The noise is at most this loud (−35 dBov): louder is speech, whatever it is made of. It is at least −90 dBov.
const MOST_NOISE: f64 = 3.162_278e-4;
const LEAST_NOISE: f64 = 1e-9;
/// How fast the estimate of the noise rises in a frame: 2.5 dB a second.
const RISE: f64 = 1.011_579;
/// Frames that count as speech after the last loud one (200 ms).
const HANGOVER: u8 = 10;

/// Separates speech from background in frames of 20 ms: simple, and good enough for statistics and for not sending
/// silence. The background is the lowest recent level.
#[derive(Debug, Clone)]
pub struct VoiceMeter {
    noise: f64,
    hangover: u8,
}

impl Default for VoiceMeter {
    fn default() -> VoiceMeter {
        VoiceMeter { noise: MOST_NOISE, hangover: 0 }
    }
}

/// A frame as the meter saw it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Metered {
    /// Mean power, as a share of full scale.
    pub power: f64,
    /// True when somebody speaks.
    pub speech: bool,
}

impl VoiceMeter {
    /// Takes the next 20 ms.
    pub fn handle(&mut self, frame: &[i16]) -> Metered {
        let power = power(frame);
        self.noise =
            if power < self.noise { power.max(LEAST_NOISE) } else { (self.noise * RISE).min(MOST_NOISE) };
        let loud = power >= LEAST && power >= self.noise * ABOVE_NOISE;
        self.hangover = if loud { HANGOVER } else { self.hangover.saturating_sub(1) };
        Metered { power, speech: self.hangover > 0 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::comfort::{Noise, NoiseMaker};
    use crate::tone::Sine;

    #[test]
    fn levels_are_those_of_known_signals() {
        let mut sine = vec![0; 8000];
        Sine::new(1000.0, i16::MAX).fill(&mut sine);
        assert!((dbov(&sine) + 3.01).abs() < 0.01);
        assert_eq!(dbov(&[i16::MIN; 8]), 0.0);
        assert_eq!((dbov(&[]), dbov(&[0; 160])), (-127.0, -127.0));
        assert!((dbov(&[328; 160]) + 40.0).abs() < 0.02);
    }

    /// Shares of frames that are heard as speech: in a second of background, and in a second of tone upon it.
    fn shares(background: u8, tone: i16) -> (usize, usize) {
        let (mut maker, mut meter) = (NoiseMaker::new(1), VoiceMeter::default());
        let mut sine = Sine::new(300.0, tone);
        maker.follow(Noise::white(background));
        let mut speech = |frames: usize, on: bool| {
            (0..frames)
                .filter(|_| {
                    let (mut frame, mut more) = ([0; 160], [0; 160]);
                    maker.fill(&mut frame);
                    sine.fill(&mut more);
                    if on {
                        crate::mix::mix(&mut frame, &more);
                    }
                    meter.handle(&frame).speech
                })
                .count()
        };
        (speech(50, false), speech(50, true))
    }

    #[test]
    fn speech_stands_out_of_its_background() {
        let rows = [
            ("a quiet line", 70, 3000, (0, 50)),
            ("an office", 45, 3000, (0, 50)),
            ("a street", 38, 8000, (0, 50)),
            ("a whisper below −50 dBov", 70, 80, (0, 0)),
            ("no louder than the background", 40, 400, (0, 0)),
        ];
        for (name, background, tone, expected) in rows {
            assert_eq!(shares(background, tone), expected, "{name}");
        }
    }

    #[test]
    fn speech_hangs_over_by_200_ms() {
        let mut meter = VoiceMeter::default();
        meter.handle(&[0; 160]);
        assert!(meter.handle(&[8000; 160]).speech);
        let after = (0..30).filter(|_| meter.handle(&[0; 160]).speech).count();
        assert_eq!(after, usize::from(HANGOVER) - 1);
    }
}
