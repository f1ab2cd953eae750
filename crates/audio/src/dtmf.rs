//! Keys heard in the audio itself (DTMF), within the limits of ITU-T Q.24.
//!
//! Every 5 ms the eight frequencies of Q.23 are measured over the last 20 ms (Goertzel's filters as products with
//! tables, which the compiler makes vectors of), twice: now and 5 ms ago. From the two phases each tone's frequency is
//! known to a few hertz, which the width of such a short filter could not give. Sound is a key when
//!
//! - one low and one high tone hold at least 82 % of all power, which speech with its harmonics does not do;
//! - each is within 2.5 % of its frequency (Q.24: ±1.5 % must be taken, ±3.5 % must not);
//! - each is at least −27 dBm0 (taken down to −25, not below −30);
//! - the high one is at most 6 dB above and 10 dB below the low one (taken from −8 to +4);
//! - no 5 ms of the 25 ms is much weaker than another;
//! - and so at two looks in a row: 40 ms are always enough, 23 ms never.
//!
//! A key ends after 45 ms without such looks: a break of 10 ms does not split it, a pause of 40 ms (which spoils looks
//! for 60 ms) always does.

mod look;
#[cfg(test)]
mod tests;

use look::{Looker, SLICE};

/// Looks in a row that make a key.
const LOOKS: u8 = 2;
/// Looks in a row without a key that end it.
const MISSES: u8 = 9;

/// Detects keys in audio of 8 kHz. It allocates nothing.
#[derive(Debug, Clone, Default)]
pub struct DtmfDetector {
    looker: Looker,
    /// Samples of the slice that is not full yet.
    slice: Vec5ms,
    state: State,
}

#[derive(Debug, Clone)]
struct Vec5ms {
    samples: [i16; SLICE],
    filled: usize,
}

impl Default for Vec5ms {
    fn default() -> Vec5ms {
        Vec5ms { samples: [0; SLICE], filled: 0 }
    }
}

/// ```text
///   Quiet ──look──► Maybe ──second look──► Pressed ──nine misses──► Quiet
///                     └──miss──► Quiet        └──two looks of another key──► Pressed
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
enum State {
    #[default]
    Quiet,
    /// A key that was seen in `looks` looks, too few to report it.
    Maybe { key: u8, looks: u8 },
    /// A key that was reported. `misses`: looks since that did not see it; `other`: another key, with the number of
    /// looks that saw it.
    Pressed { key: u8, misses: u8, other: Option<(u8, u8)> },
}

impl DtmfDetector {
    /// Takes the next samples, in any number. Calls `heard` for each key once it is certain, with its event number of
    /// RFC 4733: 0 to 9, 10 for `*`, 11 for `#`, 12 to 15 for A to D.
    pub fn listen(&mut self, mut samples: &[i16], mut heard: impl FnMut(u8)) {
        while !samples.is_empty() {
            let slice = &mut self.slice;
            let (now, rest) = samples.split_at(samples.len().min(SLICE - slice.filled));
            slice.samples[slice.filled..slice.filled + now.len()].copy_from_slice(now);
            slice.filled += now.len();
            samples = rest;
            if slice.filled == SLICE {
                slice.filled = 0;
                let look = self.looker.look(&slice.samples);
                let (state, told) = self.state.after(look);
                self.state = state;
                told.into_iter().for_each(&mut heard);
            }
        }
    }

    /// True from when a key is reported until it ends.
    pub fn is_pressed(&self) -> bool {
        matches!(self.state, State::Pressed { .. })
    }
}

impl State {
    /// The state after a look, and the key to report, if one became certain.
    fn after(self, look: Option<u8>) -> (State, Option<u8>) {
        match (self, look) {
            (State::Quiet | State::Maybe { .. }, None) => (State::Quiet, None),
            (State::Maybe { key, looks }, Some(seen)) if key == seen => State::seen(key, looks + 1),
            (State::Quiet | State::Maybe { .. }, Some(seen)) => State::seen(seen, 1),
            (State::Pressed { key, .. }, Some(seen)) if key == seen => {
                (State::Pressed { key, misses: 0, other: None }, None)
            }
            (State::Pressed { key, misses, other }, Some(seen)) => {
                let looks = other.filter(|(before, _)| *before == seen).map_or(1, |(_, looks)| looks + 1);
                if looks >= LOOKS {
                    return State::seen(seen, looks);
                }
                (State::Pressed { key, misses, other: Some((seen, looks)) }, None)
            }
            (State::Pressed { misses, .. }, None) if misses + 1 >= MISSES => (State::Quiet, None),
            (State::Pressed { key, misses, .. }, None) => {
                (State::Pressed { key, misses: misses + 1, other: None }, None)
            }
        }
    }

    fn seen(key: u8, looks: u8) -> (State, Option<u8>) {
        if looks >= LOOKS {
            (State::Pressed { key, misses: 0, other: None }, Some(key))
        } else {
            (State::Maybe { key, looks }, None)
        }
    }
}
