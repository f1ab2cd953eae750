//! What our FLAC encoder makes, decoded by FFmpeg.

#![allow(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::process::Command;

use audio::flac::{BLOCK, Encoder, HEADER_LEN};

fn encoded(samples: &[[i16; 2]], rate: u32) -> Vec<u8> {
    let (mut encoder, mut frames) = (Encoder::new(rate), Vec::new());
    samples.chunks(BLOCK).for_each(|block| encoder.block(block, &mut frames));
    let header = encoder.header();
    assert_eq!(header.len(), HEADER_LEN);
    [header, frames].concat()
}

/// What FFmpeg makes of a file, and of its complaints none: it checks every CRC.
fn ffmpeg(name: &str, flac: &[u8], to: &[&str]) -> Option<Vec<u8>> {
    let scratch = testing::Scratch::new(name);
    let path = scratch.join("file.flac");
    fs::write(&path, flac).unwrap();
    let run = Command::new("ffmpeg")
        .args(["-v", "warning", "-err_detect", "explode", "-i"])
        .arg(&path)
        .args(to)
        .arg("-")
        .output();
    let Ok(output) = run else {
        eprintln!("ffmpeg is missing: no second opinion");
        return None;
    };
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && said.is_empty(), "{said}");
    Some(output.stdout)
}

/// Every sample comes back; the file's bytes.
fn assert_same(name: &str, samples: &[[i16; 2]], rate: u32) -> usize {
    let flac = encoded(samples, rate);
    if let Some(heard) = ffmpeg(name, &flac, &["-f", "s16le"]) {
        let spoken: Vec<u8> = samples.as_flattened().iter().flat_map(|sample| sample.to_le_bytes()).collect();
        assert!(heard == spoken, "{} samples", samples.len());
    }
    flac.len()
}

/// Noise without a random source.
fn noise(at: usize) -> i16 {
    ((at as u32).wrapping_mul(2_654_435_761) >> 13) as i16
}

#[test]
fn every_bit_is_heard_whatever_the_length() {
    let speech = |at: usize| ((at as f64 / 9.0).sin() * 9000.0 + (at as f64 / 71.0).cos() * 3000.0) as i16;
    for length in [1, 2, 3, 4, 5, 17, 191, 192, 4095, 4096, 4097, 8000, 12_289] {
        assert_same("length", &(0..length).map(|at| [speech(at), noise(at)]).collect::<Vec<_>>(), 8000);
    }
}

#[test]
fn every_bit_is_heard_whatever_the_audio() {
    let square = |at: usize| if at.is_multiple_of(2) { [i16::MIN, i16::MAX] } else { [i16::MAX, i16::MIN] };
    assert_same("extremes", &(0..9000).map(square).collect::<Vec<_>>(), 16_000);
    assert_same("still", &[[-32_768, 0]; 5000], 16_000);
    let few_bits = |at: usize| [noise(at) & !7, noise(at) & !0x7fff];
    assert_same("few bits", &(0..9000).map(few_bits).collect::<Vec<_>>(), 8000);
}

#[test]
fn frames_are_read_past_every_length_of_their_numbers() {
    // 2,100 frames: numbers of one, two and three bytes.
    let samples: Vec<[i16; 2]> = (0..2100 * BLOCK).map(|at| [(at / BLOCK) as i16, 0]).collect();
    assert_same("frames", &samples, 8000);
}

#[test]
fn the_header_has_the_md5_of_the_samples() {
    let flac = encoded(&(0..9000).map(|at| [noise(at), -(noise(at + 1) / 2)]).collect::<Vec<_>>(), 8000);
    let Some(theirs) = ffmpeg("md5", &flac, &["-c:a", "pcm_s16le", "-f", "md5"]) else { return };
    let ours: String = flac[26..HEADER_LEN].iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(String::from_utf8_lossy(&theirs).trim(), format!("MD5={ours}"));
}
