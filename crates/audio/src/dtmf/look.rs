//! Looks at the last 25 ms of audio and decides whether they are a key.

use std::f32::consts::TAU;

use crate::RATE;

/// Samples of 5 ms.
pub(super) const SLICE: usize = 40;
/// Slices of one measurement, and of two that are one slice apart.
const WINDOW: usize = 4;
const SLICES: usize = WINDOW + 1;

/// Rows and columns of the keypad, in hertz (Q.23).
const HERTZ: [f32; 8] = [697.0, 770.0, 852.0, 941.0, 1209.0, 1336.0, 1477.0, 1633.0];
/// Events by row and column.
const KEYS: [[u8; 4]; 4] = [[1, 2, 3, 12], [4, 5, 6, 13], [7, 8, 9, 14], [10, 0, 11, 15]];

/// How far a tone may be off its frequency.
const TOLERANCE: f32 = 0.025;
/// Least power of a tone: −27 dBm0. A sine of full scale is +3.14 dBm0 (G.711) and has power 0.5.
const LEAST_POWER: f32 = 0.000_484;
/// Most power of the high tone over the low one (+6 dB), and of the low one over the high one (10 dB).
const MOST_TWIST: f32 = 3.98;
const MOST_REVERSE_TWIST: f32 = 10.0;
/// Least share of both tones in all power.
const LEAST_SHARE: f32 = 0.82;
/// Least energy of a slice as a share of the strongest.
const LEAST_SLICE: f32 = 0.35;

/// A complex amplitude.
#[derive(Debug, Clone, Copy, Default)]
struct Phasor {
    re: f32,
    im: f32,
}

impl Phasor {
    fn of_turns(turns: f32) -> Phasor {
        let (im, re) = (turns * TAU).sin_cos();
        Phasor { re, im }
    }

    fn plus(self, other: Phasor) -> Phasor {
        Phasor { re: self.re + other.re, im: self.im + other.im }
    }

    fn times(self, other: Phasor) -> Phasor {
        Phasor { re: self.re * other.re - self.im * other.im, im: self.re * other.im + self.im * other.re }
    }

    fn power(self) -> f32 {
        self.re * self.re + self.im * self.im
    }
}

/// The last five slices as the eight filters saw them.
#[derive(Debug, Clone)]
pub(super) struct Looker {
    /// Sine and cosine of each frequency over a slice.
    tables: [[[f32; SLICE]; 2]; 8],
    /// How each frequency's phase turns from slice to slice, for the slices of a look.
    turns: [[Phasor; SLICES]; 8],
    amplitudes: [[Phasor; 8]; SLICES],
    energies: [f32; SLICES],
}

/// A tone as measured.
struct Tone {
    power: f32,
    in_tune: bool,
}

impl Default for Looker {
    fn default() -> Looker {
        let turn = |hertz: f32, samples: usize| (hertz * samples as f32 / RATE as f32).fract();
        let table = |hertz: f32| {
            let at = |sample| Phasor::of_turns(-turn(hertz, sample));
            [std::array::from_fn(|sample| at(sample).re), std::array::from_fn(|sample| at(sample).im)]
        };
        let turns = |hertz: f32| std::array::from_fn(|slice| Phasor::of_turns(-turn(hertz, slice * SLICE)));
        Looker {
            tables: HERTZ.map(table),
            turns: HERTZ.map(turns),
            amplitudes: [[Phasor::default(); 8]; SLICES],
            energies: [0.0; SLICES],
        }
    }
}

impl Looker {
    /// Takes the next 5 ms. Returns the key that sounds in the last 25 ms, if one does.
    pub(super) fn look(&mut self, slice: &[i16; SLICE]) -> Option<u8> {
        let slice = slice.map(|sample| f32::from(sample) / 32_768.0);
        self.amplitudes.copy_within(1.., 0);
        self.energies.copy_within(1.., 0);
        self.energies[SLICES - 1] = product(&slice, &slice);
        for (amplitude, [cosine, sine]) in self.amplitudes[SLICES - 1].iter_mut().zip(&self.tables) {
            *amplitude = Phasor { re: product(&slice, cosine), im: product(&slice, sine) };
        }
        if !self.is_steady() {
            return None;
        }
        let (row, column) = (self.strongest(0..4), self.strongest(4..8));
        let (low, high) = (self.tone(row), self.tone(column));
        let all: f32 = self.energies[1..].iter().sum::<f32>() / (WINDOW * SLICE) as f32;
        let is_key = low.in_tune
            && high.in_tune
            && low.power.min(high.power) >= LEAST_POWER
            && high.power <= MOST_TWIST * low.power
            && low.power <= MOST_REVERSE_TWIST * high.power
            && low.power + high.power >= LEAST_SHARE * all;
        is_key.then(|| KEYS[row][column - 4])
    }

    /// True when there is sound, and all slices are about as strong.
    fn is_steady(&self) -> bool {
        let most = self.energies.iter().copied().fold(0.0, f32::max);
        let least = self.energies.iter().copied().fold(f32::INFINITY, f32::min);
        least >= LEAST_SLICE * most && most >= LEAST_POWER * SLICE as f32
    }

    fn strongest(&self, which: std::ops::Range<usize>) -> usize {
        let power = |index: usize| self.amplitude(index, 1).power();
        let first = which.start;
        which.fold(first, |best, index| if power(index) > power(best) { index } else { best })
    }

    /// A frequency's amplitude over the four slices from `first` on, with phases as of the first slice of all.
    fn amplitude(&self, index: usize, first: usize) -> Phasor {
        let slices = self.amplitudes.iter().zip(&self.turns[index]).skip(first).take(WINDOW);
        slices.fold(Phasor::default(), |sum, (slice, turn)| sum.plus(slice[index].times(*turn)))
    }

    fn tone(&self, index: usize) -> Tone {
        let (before, now) = (self.amplitude(index, 0), self.amplitude(index, 1));
        let advance = now.times(Phasor { im: -before.im, ..before });
        // A slice is 5 ms, so a turn between both measurements is 200 Hz.
        let off = advance.im.atan2(advance.re) / TAU * (RATE as f32 / SLICE as f32);
        let samples = (WINDOW * SLICE) as f32;
        // The loss of a 20 ms filter for a tone that is off its middle frequency.
        let seen = sinc(off * samples / RATE as f32);
        let power = 2.0 * now.power() / (samples * samples) / (seen * seen).max(0.1);
        Tone { power, in_tune: off.abs() <= TOLERANCE * HERTZ[index] }
    }
}

fn sinc(turns: f32) -> f32 {
    let angle = turns * TAU / 2.0;
    if angle.abs() < 1e-3 { 1.0 } else { angle.sin() / angle }
}

/// The sum of products, in eight lanes that the compiler makes a vector of.
fn product(one: &[f32; SLICE], other: &[f32; SLICE]) -> f32 {
    let mut lanes = [0.0_f32; 8];
    for (one, other) in one.chunks_exact(8).zip(other.chunks_exact(8)) {
        for (lane, (one, other)) in lanes.iter_mut().zip(one.iter().zip(other)) {
            *lane += one * other;
        }
    }
    lanes.iter().sum()
}
