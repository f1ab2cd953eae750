//! A leg's number said in tones, for systems that decode what phones say and encode it again: what the five tones of
//! radios' selective calling (ITU-R M.257) do, with more tones and a check.
//!
//! ```text
//!   start, seven digits of the leg, four of a check over run and leg; 100 ms each; over and over
//! ```
//!
//! A digit that equals the one before has a tone of its own, so that neighbours always differ: a listener needs no
//! clock, and time that a jitter buffer stretches does no harm.

use std::f32::consts::TAU;

/// Sixteen digits, one more of the same, and the start.
pub(super) const TONES: usize = 18;
const AGAIN: usize = 16;
const START: usize = 17;
/// Frames of 20 ms that each tone lasts.
pub(super) const HELD: usize = 5;
/// Hexadecimal digits of the leg: many times the calls of the longest run.
const LEG: usize = 7;
const CHECK: usize = 4;
const DIGITS: usize = LEG + CHECK;
/// The peaks of a tone: as loud as speech.
const PEAK: f32 = 8_000.0;
/// Frames in a row that say one tone, to be believed.
const BELIEVED: u32 = 2;
/// The share of a frame's power that its tone must have, and the least power of a sample.
const SHARE: f32 = 0.6;
const LEAST: f32 = 10_000.0;

/// The tones that one leg says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Name([usize; 1 + DIGITS]);

/// One frame of a name: its tone, and the frame's number within the name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) tone: usize,
    pub(super) frame: usize,
}

impl Name {
    pub(super) fn of(run: u32, leg: u32) -> Name {
        let said = u64::from(leg) << (4 * CHECK) | u64::from(check(run, leg));
        let mut tones = [START; 1 + DIGITS];
        let mut before = START;
        for (nth, tone) in tones.iter_mut().skip(1).enumerate() {
            let digit = (said >> (4 * (DIGITS - 1 - nth)) & 0xf) as usize;
            *tone = if digit == before { AGAIN } else { digit };
            before = *tone;
        }
        Name(tones)
    }

    /// What the packet of this number says.
    pub(super) fn place(&self, number: u32) -> Place {
        let number = number as usize;
        let tone = self.0.get(number / HELD % self.0.len()).copied().unwrap_or(START);
        Place { tone, frame: number % HELD }
    }
}

/// 20 ms of a tone; it goes on in the next 20 ms, for each has a whole number of waves.
pub(super) fn frame(tone: usize, rate: u32) -> Vec<i16> {
    let step = TAU * hertz(tone) / rate as f32;
    (0..rate / 50).map(|nth| ((step * nth as f32).sin() * PEAK) as i16).collect()
}

/// Within what telephones carry, and as far apart as 20 ms can tell.
fn hertz(tone: usize) -> f32 {
    500.0 + 150.0 * tone as f32
}

/// Listens to samples until it knows whose they are.
#[derive(Debug)]
pub(super) struct Listener {
    run: u32,
    /// The tone of the last frames, and how many those were.
    row: Option<(usize, u32)>,
    believed: Option<usize>,
    /// The digits since the start.
    digits: Vec<u8>,
}

impl Listener {
    pub(super) fn new(run: u32) -> Listener {
        Listener { run, row: None, believed: None, digits: Vec::with_capacity(DIGITS) }
    }

    /// Hears some 20 ms. A leg, when its name was heard to the end.
    pub(super) fn hear(&mut self, samples: &[i16], rate: u32) -> Option<u32> {
        let tone = tone_of(samples, rate)?;
        let before = self.row.filter(|(last, _)| *last == tone).map_or(0, |(_, count)| count);
        self.row = Some((tone, before + 1));
        (before + 1 == BELIEVED && self.believed != Some(tone)).then(|| self.believe(tone))?
    }

    fn believe(&mut self, tone: usize) -> Option<u32> {
        self.believed = Some(tone);
        let last = self.digits.last().copied();
        match (tone, last) {
            (START, _) => {
                self.digits.clear();
                return None;
            }
            // After the last digit only a start makes sense.
            _ if self.digits.len() >= DIGITS => return None,
            (AGAIN, last) => self.digits.extend(last),
            (digit, _) => self.digits.extend(u8::try_from(digit)),
        }
        if self.digits.len() < DIGITS {
            return None;
        }
        let said = self.digits.iter().fold(0, |said: u64, digit| said << 4 | u64::from(*digit));
        let leg = u32::try_from(said >> (4 * CHECK)).ok()?;
        (said as u16 == check(self.run, leg)).then_some(leg)
    }
}

/// The tone that a frame has and little else.
fn tone_of(samples: &[i16], rate: u32) -> Option<usize> {
    let all: f32 = samples.iter().map(|sample| f32::from(*sample).powi(2)).sum();
    let count = samples.len() as f32;
    if all < LEAST * count.max(1.0) {
        return None;
    }
    // A tone that fills the frame sums to this.
    let whole = all * count / 2.0;
    (0..TONES).find(|tone| power(samples, hertz(*tone) / rate as f32) > SHARE * whole)
}

/// Goertzel's recursion at a frequency in waves a sample.
fn power(samples: &[i16], waves: f32) -> f32 {
    let coefficient = 2.0 * (TAU * waves).cos();
    let (mut last, mut before) = (0.0, 0.0);
    for sample in samples {
        let next = f32::from(*sample) + coefficient * last - before;
        (before, last) = (last, next);
    }
    last * last + before * before - coefficient * last * before
}

/// FNV-1a, folded: a name that was misheard, or is another run's, is no name.
fn check(run: u32, leg: u32) -> u16 {
    let bytes = run.to_be_bytes().into_iter().chain(leg.to_be_bytes());
    let hash = bytes.fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    (hash >> 16 ^ hash) as u16
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUN: u32 = 0xdead_beef;

    /// The samples of these frames of a name, at 8 kHz.
    fn said(leg: u32, frames: std::ops::Range<u32>) -> Vec<i16> {
        let name = Name::of(RUN, leg);
        frames.flat_map(|number| frame(name.place(number).tone, 8_000)).collect()
    }

    fn heard(samples: &[i16]) -> Vec<u32> {
        let mut listener = Listener::new(RUN);
        samples.chunks(160).filter_map(|frame| listener.hear(frame, 8_000)).collect()
    }

    #[test]
    fn every_name_is_heard_whole_wherever_listening_begins() {
        for leg in [0, 1, 0x11, 0x0fff_ffff, 0x0abc_def0, 70_000] {
            for begin in [0, 3, 31, 58] {
                let names = heard(&said(leg, begin..begin + 120));
                assert!(
                    !names.is_empty() && names.iter().all(|name| *name == leg),
                    "{leg:x} from {begin}: {names:x?}"
                );
            }
        }
    }

    #[test]
    fn frames_need_not_begin_where_those_of_the_speaker_do() {
        for shift in [1, 40, 80, 159] {
            assert_eq!(heard(&said(77, 0..61)[shift..]), [77], "{shift}");
        }
    }

    #[test]
    fn a_lost_tone_another_run_and_silence_are_nobodys_name() {
        let mut cut = said(77, 0..61);
        cut.drain(160 * 10..160 * 15);
        assert_eq!(heard(&cut), [0; 0]);
        let mut stranger = Listener::new(RUN + 1);
        assert!(said(77, 0..61).chunks(160).all(|frame| stranger.hear(frame, 8_000).is_none()));
        assert_eq!(heard(&[0; 16_000]), [0; 0]);
    }

    #[test]
    fn neighbours_differ_so_that_no_clock_is_needed() {
        for leg in 0..5_000 {
            let name = Name::of(RUN, leg);
            let ring = name.0.iter().chain([&START]);
            assert!(ring.clone().zip(ring.skip(1)).all(|(one, next)| one != next), "{name:?}");
        }
    }
}
