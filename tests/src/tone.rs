//! Speaking and hearing tones.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

const RATE: u32 = 8_000;

/// Two minutes of a tone as a WAV file.
pub(crate) fn write(path: &Path, tone_hz: u32) {
    let made = Command::new("sox")
        .args(["-n", "-r", "8000", "-c", "1", "-b", "16"])
        .arg(path)
        .args(["synth", "120", "sine", &tone_hz.to_string(), "vol", "0.4"])
        .status();
    assert!(made.expect("sox is installed (tests/install.sh)").success(), "sox made no tone");
}

/// One channel of a WAV file, counted from 1, as 8 kHz samples.
pub fn samples(path: &Path, channel: u16) -> Vec<i16> {
    let output = Command::new("sox")
        .arg(path)
        .args([
            "-t",
            "raw",
            "-e",
            "signed",
            "-b",
            "16",
            "-L",
            "-r",
            "8000",
            "-",
            "remix",
            &channel.to_string(),
        ])
        .output()
        .expect("sox is installed (tests/install.sh)");
    assert!(output.status.success(), "sox: {}", String::from_utf8_lossy(&output.stderr));
    output.stdout.chunks_exact(2).map(|pair| i16::from_le_bytes([pair[0], pair[1]])).collect()
}

/// The amplitude of a tone in the samples, in units of a sample: 0 to 32,767 (Goertzel's filter).
pub fn loudness(samples: &[i16], tone_hz: u32) -> f64 {
    let turn = 2.0 * (TAU * f64::from(tone_hz) / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        (last, before) = (f64::from(*sample) + turn * last - before, last);
    }
    let power: f64 = last * last + before * before - turn * last * before;
    2.0 * power.max(0.0).sqrt() / samples.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ear_hears_its_own_tone_only() {
        let sound: Vec<i16> =
            (0..8_000).map(|n| (10_000.0 * (TAU * 440.0 * f64::from(n) / 8_000.0).sin()) as i16).collect();
        assert!((loudness(&sound, 440) - 10_000.0).abs() < 50.0);
        assert!(loudness(&sound, 880) < 50.0);
        assert!(loudness(&[], 440) < 1.0);
    }
}
