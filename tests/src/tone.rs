//! Speaking and hearing tones.

use std::f64::consts::TAU;
use std::path::Path;
use std::process::Command;

use crate::Phone;

/// The tone that customers speak with, unless a story says otherwise.
pub const CUSTOMER_HZ: u32 = 440;
/// The tone that agents speak with, unless a story says otherwise.
pub const AGENT_HZ: u32 = 880;

const RATE: u32 = 8_000;
/// Samples in a second.
const SECOND: usize = RATE as usize;
/// Samples of what is listened to in one go (50 ms).
const PIECE: usize = SECOND / 20;

/// Some seconds of a tone at 8 kHz: `.wav`, or `.ul` for the bare bytes of the µ-law.
pub fn write(path: &Path, tone_hz: u32, seconds: u32) {
    write_at(path, tone_hz, seconds, RATE, 1);
}

/// The same at any rate, in all of so many channels.
pub(crate) fn write_at(path: &Path, tone_hz: u32, seconds: u32, rate: u32, channels: u32) {
    let bare = path.extension().is_some_and(|name| name == "ul");
    let made = Command::new("sox")
        .args([
            "-n",
            "-r",
            &rate.to_string(),
            "-c",
            &channels.to_string(),
            "-e",
            if bare { "mu-law" } else { "signed" },
        ])
        .args(["-b", if bare { "8" } else { "16" }])
        .arg(path)
        .args(["synth", &seconds.to_string(), "sine", &tone_hz.to_string(), "vol", "0.4"])
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

/// The amplitude of a tone in the samples, in units of a sample, 0 to 32,767: the mean over pieces of 50 ms.
///
/// A recording follows its peer's clock by up to two samples a packet, which moves a tone by 1.3 %. Pieces so short
/// still hear it; over a second it would cancel itself.
pub fn loudness(samples: &[i16], tone_hz: u32) -> f64 {
    let pieces = samples.chunks_exact(PIECE);
    let count = pieces.len().max(1);
    pieces.map(|piece| loudness_of_piece(piece, tone_hz)).sum::<f64>() / count as f64
}

/// Goertzel's filter behind a Hann window, so that a tone beside the right one does not leak into it.
fn loudness_of_piece(piece: &[i16], tone_hz: u32) -> f64 {
    let turn = 2.0 * (TAU * f64::from(tone_hz) / f64::from(RATE)).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for (nth, sample) in piece.iter().enumerate() {
        let window = 0.5 - 0.5 * (TAU * nth as f64 / piece.len() as f64).cos();
        (last, before) = (window * f64::from(*sample) + turn * last - before, last);
    }
    let power: f64 = last * last + before * before - turn * last * before;
    4.0 * power.max(0.0).sqrt() / piece.len() as f64
}

/// How like a piece of the clip some piece of the sound is, at best: 1 is the same wave at any loudness, 0 another
/// (the normalised cross-correlation of half a second, taken at the clip's first full second).
pub fn likeness(sound: &[i16], clip: &[i16]) -> f64 {
    let piece = &clip[SECOND..SECOND + SECOND / 2];
    let power = |samples: &[i16]| samples.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>();
    let of_piece = power(piece);
    let like = |part: &[i16]| {
        let product: i64 =
            part.iter().zip(piece).map(|(a, b)| i64::from(i32::from(*a) * i32::from(*b))).sum();
        product as f64 / (power(part) * of_piece).sqrt().max(1.0)
    };
    sound.windows(piece.len()).map(like).fold(0.0, f64::max)
}

/// What a stretch of sound is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// The tone that was listened for.
    Tone,
    /// Something else: speech, music.
    Other,
    /// Nothing.
    Silence,
}

/// What one channel of a WAV file holds one after the other, in stretches of a second and more.
pub fn heard(path: &Path, channel: u16, tone_hz: u32) -> Vec<Heard> {
    let sound = samples(path, channel);
    let halves: Vec<Heard> = sound.chunks_exact(SECOND / 2).map(|part| judge(part, tone_hz)).collect();
    let long = halves.chunk_by(PartialEq::eq).filter(|stretch| stretch.len() >= 2).map(|stretch| stretch[0]);
    let mut stretches: Vec<Heard> = long.collect();
    stretches.dedup();
    println!("{} channel {channel}: {stretches:?} in {halves:?}", path.display());
    stretches
}

fn judge(part: &[i16], tone_hz: u32) -> Heard {
    let power = part.iter().map(|sample| f64::from(*sample).powi(2)).sum::<f64>() / part.len() as f64;
    if loudness(part, tone_hz) > 5_000.0 {
        Heard::Tone
    } else if power.sqrt() > 100.0 {
        Heard::Other
    } else {
        Heard::Silence
    }
}

/// The recording of a talk has the customer on its left channel and the agent on its right.
pub fn assert_each_on_its_channel(recording: &Path) {
    assert_only_tone(recording, 1, CUSTOMER_HZ, AGENT_HZ);
    assert_only_tone(recording, 2, AGENT_HZ, CUSTOMER_HZ);
}

/// Each hears the other, and not itself.
pub fn assert_hear_each_other(customer: &Phone, agent: &Phone) {
    assert_only_tone(&customer.heard(), 1, AGENT_HZ, CUSTOMER_HZ);
    assert_only_tone(&agent.heard(), 1, CUSTOMER_HZ, AGENT_HZ);
}

/// The channel holds the one tone, and less than a thirtieth of the other, in the last but one second. A clock that is
/// followed two samples at a time leaves up to an eightieth of it.
fn assert_only_tone(file: &Path, channel: u16, present_hz: u32, absent_hz: u32) {
    let sound = samples(file, channel);
    assert!(sound.len() > 3 * SECOND, "{} holds only {} samples", file.display(), sound.len());
    let part = &sound[sound.len() - 2 * SECOND..sound.len() - SECOND];
    let (present, absent) = (loudness(part, present_hz), loudness(part, absent_hz));
    println!("channel {channel}: {present_hz} Hz at {present:.1}, {absent_hz} Hz at {absent:.1}");
    assert!(
        present > 5_000.0 && absent < present / 30.0,
        "{} channel {channel}: {present_hz} Hz at {present:.0}, {absent_hz} Hz at {absent:.0}",
        file.display()
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ear_hears_its_own_tone_only_also_when_a_clock_is_followed() {
        for hz in [440.0, 440.0 * 1.006, 440.0 / 1.013] {
            let wave = |n: i32| (10_000.0 * (TAU * hz * f64::from(n) / 8_000.0).sin()) as i16;
            let sound: Vec<i16> = (0..8_000).map(wave).collect();
            assert!((loudness(&sound, 440) - 10_000.0).abs() < 800.0, "{hz} Hz: {}", loudness(&sound, 440));
            assert!(loudness(&sound, 880) < 10.0, "{hz} Hz: {}", loudness(&sound, 880));
        }
        assert!(loudness(&[], 440) < 1.0);
    }

    #[test]
    fn a_clip_is_like_itself_wherever_it_is_and_unlike_another() {
        let clip = |step: i64| -> Vec<i16> {
            (0..13_000).map(|n| (n * n * step % 20_011 - 10_000) as i16).collect()
        };
        let sound: Vec<i16> = [0; 777].into_iter().chain(clip(3).iter().map(|sample| sample / 2)).collect();
        assert!(likeness(&sound, &clip(3)) > 0.99);
        assert!(likeness(&sound, &clip(7)) < 0.5);
    }
}
