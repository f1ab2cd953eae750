//! Each limit of Q.24 as a table, for all sixteen keys, at shifted beginnings.

use super::*;
use std::f64::consts::TAU;

const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];
const KEYS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// How keys are pressed.
#[derive(Debug, Clone, Copy)]
struct Press {
    /// Level of each tone in dBm0, low and high.
    levels: [f64; 2],
    /// Both frequencies off by this share.
    off: [f64; 2],
    ms: f64,
    /// Silence in the middle, in milliseconds.
    gap_ms: f64,
    /// Level of white noise under all of it, in dBm0.
    noise: f64,
    /// Level of the second harmonics in dB below their tones.
    harmonics: f64,
}

const USUAL: Press =
    Press { levels: [-10.0; 2], off: [0.0; 2], ms: 50.0, gap_ms: 0.0, noise: -90.0, harmonics: -90.0 };

/// Amplitude of a sine with this level in dBm0. A sine of full scale has 3.17 dBm0 (G.711 μ-law).
fn amplitude(dbm0: f64) -> f64 {
    32_768.0 * 10_f64.powf((dbm0 - 3.17) / 20.0)
}

/// White noise.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 11) as f64 / (1_u64 << 53) as f64 * 2.0 - 1.0
    }
}

/// The key pressed after `before` samples of pause, and a pause of 80 ms.
fn sound(row: usize, column: usize, press: Press, before: usize) -> Vec<i16> {
    let length = (press.ms * 8.0) as usize;
    let middle = length / 2..length / 2 + (press.gap_ms * 8.0) as usize;
    let mut noise = Noise(7);
    let tone = |hertz: f64, which: usize, at: usize| {
        let turns = TAU * hertz * (1.0 + press.off[which]) * at as f64 / 8000.0;
        let harmonic = 10_f64.powf(press.harmonics / 20.0) * (2.0 * turns).sin();
        amplitude(press.levels[which]) * (turns.sin() + harmonic)
    };
    let sample = |at: usize| {
        let on = at >= before && at < before + length && !middle.contains(&(at - before));
        let tones = if on { tone(ROWS[row], 0, at) + tone(COLUMNS[column], 1, at) } else { 0.0 };
        // The power of this noise is two thirds of a sine's with the same peak.
        let noise = noise.next() * amplitude(press.noise) * 1.5_f64.sqrt();
        (tones + noise).round().clamp(-32_768.0, 32_767.0) as i16
    };
    let sample = {
        let mut sample = sample;
        move |at| sample(at)
    };
    (0..before + length + 640).map(sample).collect()
}

fn heard(samples: &[i16]) -> Vec<u8> {
    let (mut detector, mut keys) = (DtmfDetector::default(), Vec::new());
    samples.chunks(160).for_each(|frame| detector.listen(frame, |key| keys.push(key)));
    keys
}

/// Of all keys at eight shifts, how many were heard exactly once, and how many at all.
fn tries(press: Press) -> (usize, usize, usize) {
    let (mut right, mut any, mut all) = (0, 0, 0);
    for (row, column) in (0..16).map(|key| (key / 4, key % 4)) {
        for shift in 0..8 {
            let keys = heard(&sound(row, column, press, 320 + shift * 5));
            all += 1;
            right += usize::from(keys == [KEYS[row][column]]);
            any += usize::from(!keys.is_empty());
        }
    }
    (right, any, all)
}

#[test]
fn what_must_be_taken_is_heard_exactly_once() {
    let usual = USUAL;
    let rows = [
        ("usual", usual),
        ("40 ms", Press { ms: 40.0, ..usual }),
        ("a second", Press { ms: 1000.0, ..usual }),
        ("0 dBm0", Press { levels: [0.0; 2], ..usual }),
        ("-25 dBm0", Press { levels: [-25.0; 2], ..usual }),
        ("+1.5 %", Press { off: [0.015; 2], ..usual }),
        ("-1.5 %", Press { off: [-0.015; 2], ..usual }),
        ("one up, one down by 1.5 %", Press { off: [0.015, -0.015], ms: 40.0, ..usual }),
        ("high 4 dB above low", Press { levels: [-14.0, -10.0], ..usual }),
        ("high 8 dB below low", Press { levels: [-8.0, -16.0], ..usual }),
        ("twisted and 1.5 % off", Press { levels: [-8.0, -16.0], off: [-0.015; 2], ms: 40.0, ..usual }),
        ("noise 15 dB below each tone", Press { noise: -25.0, ..usual }),
        ("noise 15 dB below each tone, 40 ms", Press { noise: -25.0, ms: 40.0, ..usual }),
        ("a break of 10 ms", Press { ms: 110.0, gap_ms: 10.0, ..usual }),
    ];
    for (name, press) in rows {
        let (right, _, all) = tries(press);
        assert_eq!(right, all, "{name}");
    }
}

#[test]
fn what_must_not_be_taken_is_never_heard() {
    let usual = USUAL;
    let rows = [
        ("23 ms", Press { ms: 23.0, ..usual }),
        ("-30 dBm0", Press { levels: [-30.0; 2], ..usual }),
        ("both +3.5 %", Press { off: [0.035; 2], ..usual }),
        ("both -3.5 %", Press { off: [-0.035; 2], ..usual }),
        ("low +3.5 %", Press { off: [0.035, 0.0], ..usual }),
        ("low -3.5 %", Press { off: [-0.035, 0.0], ..usual }),
        ("high +3.5 %", Press { off: [0.0, 0.035], ..usual }),
        ("high -3.5 %", Press { off: [0.0, -0.035], ..usual }),
        ("high 8 dB above low", Press { levels: [-18.0, -10.0], ..usual }),
        ("high 12 dB below low", Press { levels: [-6.0, -18.0], ..usual }),
        ("a voice with second harmonics 5 dB below", Press { harmonics: -5.0, ms: 200.0, ..usual }),
        ("one tone alone", Press { levels: [-10.0, -90.0], ms: 200.0, ..usual }),
        ("under noise as strong", Press { noise: -10.0, ms: 200.0, ..usual }),
    ];
    for (name, press) in rows {
        let (_, any, all) = tries(press);
        assert_eq!(any, 0, "{name}: {any} of {all}");
    }
}

#[test]
fn a_pause_of_40_ms_parts_two_presses_and_keys_follow_each_other() {
    let cut = |row, column| {
        let mut press = sound(row, column, USUAL, 0);
        press.truncate(400 + 320);
        press
    };
    for shift in 0..8 {
        let presses =
            [vec![0; 160 + shift * 5], cut(1, 1), cut(1, 1), cut(3, 1), cut(3, 2), cut(0, 0)].concat();
        assert_eq!(heard(&presses), [5, 5, 0, 11, 1], "{shift}");
    }
    let joined: Vec<i16> = [(0, 0), (1, 1)]
        .into_iter()
        .flat_map(|(row, column)| sound(row, column, USUAL, 0)[..400].to_vec())
        .collect();
    assert_eq!(heard(&joined), [1, 5], "without any pause");
}

#[test]
fn frames_of_any_length_hear_the_same() {
    let press = sound(2, 2, USUAL, 320);
    for length in [1, 33, 160, 4000] {
        let (mut detector, mut keys) = (DtmfDetector::default(), Vec::new());
        press.chunks(length).for_each(|frame| detector.listen(frame, |key| keys.push(key)));
        assert_eq!(keys, [9]);
        assert!(!detector.is_pressed());
    }
}

#[test]
fn noise_tones_and_extremes_are_no_keys() {
    let mut noise = Noise(3);
    let white: Vec<i16> = (0..80_000).map(|_| (noise.next() * 30_000.0) as i16).collect();
    assert_eq!(heard(&white), []);
    assert_eq!(heard(&[i16::MIN; 4000]), []);
    // Dial tone, ringing, busy and the tones of China, Europe and America.
    for pair in
        [(450.0, 450.0), (425.0, 425.0), (350.0, 440.0), (440.0, 480.0), (480.0, 620.0), (950.0, 1400.0)]
    {
        let tone = |hertz: f64, at: i32| 8000.0 * (TAU * hertz * f64::from(at) / 8000.0).sin();
        let sound: Vec<i16> = (0..8000).map(|at| (tone(pair.0, at) + tone(pair.1, at)) as i16).collect();
        assert_eq!(heard(&sound), [], "{pair:?}");
    }
}
