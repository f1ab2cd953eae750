//! Who is heard in a file in which three people speak, each a tone.

use std::path::Path;

use crate::{AGENT_HZ, CUSTOMER_HZ, loudness, samples};

/// The tone of the third one beside customer and agent: a supervisor, a colleague.
pub const THIRD_HZ: u32 = 1320;

/// Half a second.
const PIECE: usize = 4000;

/// Whether customer, agent and the third one are heard.
pub type Voices = [bool; 3];

/// The file ends with these voices one after the other, each for a second at least. Silence and music between them do not
/// count.
///
/// # Panics
/// When it does not.
pub fn assert_heard(file: &Path, channel: u16, expected: &[Voices]) {
    let sound = samples(file, channel);
    let voices = |piece: &[i16]| [CUSTOMER_HZ, AGENT_HZ, THIRD_HZ].map(|hz| loudness(piece, hz) > 3_000.0);
    let halves: Vec<Voices> = sound.chunks_exact(PIECE).map(voices).collect();
    let long = halves.chunk_by(PartialEq::eq).filter(|stretch| stretch.len() >= 2).map(|stretch| stretch[0]);
    let mut stretches: Vec<Voices> = long.filter(|voices| *voices != [false; 3]).collect();
    stretches.dedup();
    println!("{} channel {channel}: {stretches:?} in {halves:?}", file.display());
    assert!(stretches.ends_with(expected), "{} channel {channel}: {stretches:?}", file.display());
}
