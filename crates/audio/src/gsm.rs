//! GSM 06.10 full rate (ETSI EN 300 961): decoding alone, for prompts that come from other systems.
//!
//! A frame of 20 ms is 160 samples in 260 bits. WAV files (format tag 0x31) keep two frames in 65 bytes, lowest bit
//! first.

use std::array;

/// Bytes of two frames as WAV files have them.
pub const PAIR: usize = 65;
/// Samples of a frame.
pub const FRAME: usize = 160;

/// Bits of the eight coded log area ratios.
const RATIO_BITS: [u32; 8] = [6, 6, 5, 5, 4, 4, 3, 3];
/// How they are decoded (table 4.1): offset, smallest code, and the inverse of the slope.
const OFFSET: [i16; 8] = [0, 0, 2048, -2560, 94, -1792, -341, -1144];
const SMALLEST: [i16; 8] = [-32, -32, -16, -16, -8, -8, -4, -4];
const INVERSE: [i16; 8] = [13_107, 13_107, 13_107, 13_107, 19_223, 17_476, 31_454, 29_708];
/// Gains of the long-term predictor (table 4.3b).
const GAIN: [i16; 4] = [3277, 11_469, 21_299, 32_767];
/// Normalised direct mantissas (table 4.6).
const MANTISSA: [i16; 8] = [18_431, 20_479, 22_527, 24_575, 26_623, 28_671, 30_719, 32_767];
/// Samples that the long-term predictor looks back at most.
const HISTORY: usize = 120;

/// Decodes one stream.
#[derive(Debug, Clone)]
pub struct GsmDecoder {
    /// The residual before the sub-frame, oldest first.
    history: [i16; HISTORY],
    ratios: [i16; 8],
    /// The memory of the lattice filter.
    lattice: [i16; 9],
    lag: usize,
    emphasis: i16,
}

impl Default for GsmDecoder {
    fn default() -> GsmDecoder {
        GsmDecoder { history: [0; HISTORY], ratios: [0; 8], lattice: [0; 9], lag: 40, emphasis: 0 }
    }
}

/// What a quarter of a frame says.
struct SubFrame {
    lag: usize,
    gain: usize,
    grid: usize,
    block: i16,
    pulses: [i16; 13],
}

impl GsmDecoder {
    /// Decodes two frames.
    pub fn decode_pair(&mut self, pair: &[u8; PAIR]) -> [i16; 2 * FRAME] {
        let mut bits = Bits { bytes: pair, at: 0 };
        let mut out = [0; 2 * FRAME];
        for frame in out.chunks_mut(FRAME) {
            self.decode(&mut bits, frame);
        }
        out
    }

    fn decode(&mut self, bits: &mut Bits<'_>, out: &mut [i16]) {
        let codes: [i16; 8] = array::from_fn(|index| bits.take(RATIO_BITS[index]));
        let ratios = array::from_fn(|index| log_area_ratio(index, codes[index]));
        for quarter in out.chunks_mut(FRAME / 4) {
            self.residual(&SubFrame::read(bits), quarter);
        }
        self.synthesise(&ratios, out);
        self.ratios = ratios;
        for sample in out {
            self.emphasis = sample.saturating_add(times(self.emphasis, 28_180));
            // The lowest three bits say nothing (section 4.3.7).
            *sample = self.emphasis.saturating_add(self.emphasis) & !7;
        }
    }

    /// The long-term predictor: the pulses on their grid, and what was heard a lag ago.
    fn residual(&mut self, sub: &SubFrame, out: &mut [i16]) {
        if (40..=HISTORY).contains(&sub.lag) {
            self.lag = sub.lag;
        }
        let pulses = sub.decoded();
        for (index, out) in out.iter_mut().enumerate() {
            let on_grid = index.checked_sub(sub.grid).filter(|from| from % 3 == 0).map(|from| from / 3);
            let pulse = on_grid.and_then(|index| pulses.get(index)).copied().unwrap_or(0);
            // The lag is at least a sub-frame, so that only what lies before it is looked at.
            let before = self.history[HISTORY - self.lag + index];
            *out = pulse.saturating_add(times(GAIN[sub.gain], before));
        }
        self.history.copy_within(FRAME / 4.., 0);
        self.history[HISTORY - FRAME / 4..].copy_from_slice(out);
    }

    /// The short-term filter, whose ratios go over from the last frame's to this one's in three steps (table 4.2).
    fn synthesise(&mut self, ratios: &[i16; 8], out: &mut [i16]) {
        let mix = |weight: fn(i16, i16) -> i16| -> [i16; 8] {
            array::from_fn(|index| reflection(weight(self.ratios[index], ratios[index])))
        };
        let steps = [
            (0..13, mix(|old, new| (old >> 2).saturating_add(new >> 2).saturating_add(old >> 1))),
            (13..27, mix(|old, new| (old >> 1).saturating_add(new >> 1))),
            (27..40, mix(|old, new| (old >> 2).saturating_add(new >> 2).saturating_add(new >> 1))),
            (40..FRAME, mix(|_, new| new)),
        ];
        for (samples, reflections) in steps {
            for sample in &mut out[samples] {
                for index in (0..8).rev() {
                    *sample = sample.saturating_sub(times(reflections[index], self.lattice[index]));
                    let passed = times(reflections[index], *sample);
                    self.lattice[index + 1] = self.lattice[index].saturating_add(passed);
                }
                self.lattice[0] = *sample;
            }
        }
    }
}

impl SubFrame {
    fn read(bits: &mut Bits<'_>) -> SubFrame {
        SubFrame {
            lag: bits.take(7) as usize,
            gain: bits.take(2) as usize,
            grid: bits.take(2) as usize,
            block: bits.take(6),
            pulses: array::from_fn(|_| bits.take(3)),
        }
    }

    /// The pulses' amplitudes (sections 4.2.15 and 4.2.16).
    fn decoded(&self) -> [i16; 13] {
        let mut exponent = if self.block > 15 { (self.block >> 3) - 1 } else { 0 };
        let mut mantissa = self.block - (exponent << 3);
        if mantissa == 0 {
            (exponent, mantissa) = (-4, 7);
        } else {
            while mantissa <= 7 {
                (exponent, mantissa) = (exponent - 1, mantissa << 1 | 1);
            }
            mantissa -= 8;
        }
        let shift = 6 - exponent;
        let half = 1_i16 << (shift - 1).max(0);
        let factor = MANTISSA[usize::try_from(mantissa).unwrap_or(0) % MANTISSA.len()];
        self.pulses.map(|pulse| times(factor, ((pulse << 1) - 7) << 12).saturating_add(half) >> shift)
    }
}

fn log_area_ratio(index: usize, code: i16) -> i16 {
    let scaled = ((code + SMALLEST[index]) << 10).saturating_sub(OFFSET[index] << 1);
    let ratio = times(INVERSE[index], scaled);
    ratio.saturating_add(ratio)
}

/// From a log area ratio to a reflection coefficient, in three straight pieces (table 3.2).
fn reflection(ratio: i16) -> i16 {
    let size = ratio.saturating_abs();
    let size = match size {
        0..11_059 => size << 1,
        11_059..20_070 => size + 11_059,
        _ => (size >> 2).saturating_add(26_112),
    };
    if ratio < 0 { -size } else { size }
}

/// The rounded product of two fractions of 15 bits.
fn times(a: i16, b: i16) -> i16 {
    i16::try_from((i32::from(a) * i32::from(b) + 16_384) >> 15).unwrap_or(i16::MAX)
}

/// Reads bits, the lowest of each byte first.
struct Bits<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Bits<'_> {
    fn take(&mut self, count: u32) -> i16 {
        let bit = |at: usize| self.bytes.get(at / 8).is_some_and(|byte| byte >> (at % 8) & 1 == 1);
        let taken =
            (0..count).fold(0, |taken, index| taken | i16::from(bit(self.at + index as usize)) << index);
        self.at += count as usize;
        taken
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f64::consts::TAU;
    use std::io::Write;
    use std::process::{Command, Stdio};

    /// What SoX makes of samples, written as this kind of file and read as that one.
    fn sox(arguments: &[&str], input: &[u8]) -> Option<Vec<u8>> {
        let run = Command::new("sox").args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut run = run.ok()?;
        // It fits into the pipe, so that nobody waits for anybody.
        run.stdin.take()?.write_all(input).ok()?;
        Some(run.wait_with_output().ok()?.stdout)
    }

    /// Speech-like sound: tones that come and go, and noise.
    fn sound() -> Vec<i16> {
        let mut noise = 1_u32;
        (0..16_000)
            .map(|index| {
                noise = noise.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let time = f64::from(index) / 8000.0;
                let tone =
                    (time * 300.0 * TAU).sin() * (time * 3.0).sin() + (time * 1100.0 * TAU).sin() * 0.3;
                (tone * 9000.0) as i16 + (noise >> 22) as i16 - 512
            })
            .collect()
    }

    #[test]
    fn it_decodes_what_another_program_encoded_as_that_one_does() {
        let bytes: Vec<u8> = sound().iter().flat_map(|sample| sample.to_le_bytes()).collect();
        let raw = ["-t", "raw", "-r", "8000", "-e", "signed", "-b", "16", "-c", "1", "-"];
        let to_wav = [&raw[..], &["-t", "wav", "-e", "gsm-full-rate", "-"]].concat();
        let Some(wav) = sox(&to_wav, &bytes).filter(|wav| wav.len() > 1000) else {
            return eprintln!("sox is missing: GSM was not compared");
        };
        let theirs = sox(&[&["-t", "wav", "-"], &raw[..]].concat(), &wav).unwrap_or_default();
        let theirs: Vec<i16> =
            theirs.chunks_exact(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect();
        let data = wav.windows(4).position(|name| name == b"data").unwrap() + 8;
        let mut decoder = GsmDecoder::default();
        let ours: Vec<i16> = wav[data..]
            .chunks_exact(PAIR)
            .flat_map(|pair| decoder.decode_pair(pair.try_into().unwrap()))
            .collect();
        let count = theirs.len().min(ours.len());
        assert!(count > 15_000, "{} and {}", theirs.len(), ours.len());
        assert_eq!(ours[..count], theirs[..count], "to the bit");
        assert!(ours.iter().any(|sample| sample.unsigned_abs() > 5000), "and not of silence");
    }

    #[test]
    fn no_bits_panic() {
        let mut decoder = GsmDecoder::default();
        for byte in 0..=u8::MAX {
            let pair = array::from_fn(|index| byte.wrapping_mul(index as u8 | 1).wrapping_add(byte >> 3));
            decoder.decode_pair(&pair);
        }
        decoder.decode_pair(&[0xff; PAIR]);
        decoder.decode_pair(&[0; PAIR]);
    }
}
