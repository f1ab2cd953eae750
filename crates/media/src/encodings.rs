//! Clips in the codecs that have a state (all but G.711): each frame of a row of clips is encoded once on a thread,
//! for its first listener; every later listener is sent the same bytes.

use std::collections::BTreeMap;

use model::{Codec, OpusFormat, RemoteMedia};

use crate::ear::{LONGEST, Mouth};
use crate::prompts::Edition;

/// The most bytes that a thread keeps: 80 minutes of Opus or of G.722, which is more than a center's prompts.
const MOST: usize = 32 << 20;

/// The scores of one thread.
#[derive(Debug)]
pub(crate) struct Encodings {
    scores: BTreeMap<ScoreId, Score>,
    newest: u64,
    /// Frames asked for so far; a score notes this number when it is played, so the lowest was not played for longest.
    asked: u64,
    held: usize,
    most: usize,
}

/// The id of a score. An id is not used again after its score was dropped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct ScoreId(u64);

/// A row of clips in one codec.
#[derive(Debug)]
struct Score {
    clips: Vec<Edition>,
    codec: Codec,
    wish: OpusFormat,
    mouth: Mouth,
    /// By number; `None` for a frame that no listener has asked for yet.
    frames: Vec<Option<Box<[u8]>>>,
    /// The number of the frame that the encoder can encode next.
    next: usize,
    asked: u64,
    held: usize,
}

/// One frame of a row of clips.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Passage<'a> {
    pub(crate) clips: &'a [Edition],
    /// Its number since the row began.
    pub(crate) number: usize,
    /// 20 ms at 8 kHz.
    pub(crate) samples: &'a [i16],
}

impl Default for Encodings {
    fn default() -> Encodings {
        Encodings { scores: BTreeMap::new(), newest: 0, asked: 0, held: 0, most: MOST }
    }
}

impl Encodings {
    /// A frame for a peer, from the score in `place`; empty when nothing need be sent. `None` when the encoder is not
    /// at this frame and the frame was not kept: it must be encoded for this listener alone.
    pub(crate) fn frame(
        &mut self,
        place: &mut Option<ScoreId>,
        passage: Passage<'_>,
        remote: &RemoteMedia,
    ) -> Option<&[u8]> {
        self.asked += 1;
        let known =
            place.filter(|id| self.scores.get(id).is_some_and(|score| score.suits(passage.clips, remote)));
        let id = match known.or_else(|| self.find(passage.clips, remote)) {
            Some(id) => id,
            None => self.add(passage, remote)?,
        };
        *place = Some(id);
        let score = self.scores.get_mut(&id)?;
        score.asked = self.asked;
        let before = score.held;
        score.come_to(passage)?;
        self.held += score.held - before;
        self.give_up_old(id);
        self.scores.get(&id)?.frames.get(passage.number)?.as_deref()
    }

    fn find(&self, clips: &[Edition], remote: &RemoteMedia) -> Option<ScoreId> {
        self.scores.iter().find_map(|(id, score)| score.suits(clips, remote).then_some(*id))
    }

    fn add(&mut self, passage: Passage<'_>, remote: &RemoteMedia) -> Option<ScoreId> {
        let mouth = Mouth::new(remote).ok()?;
        self.newest += 1;
        let id = ScoreId(self.newest);
        let score = Score {
            clips: passage.clips.to_vec(),
            codec: remote.codec,
            wish: remote.opus,
            mouth,
            frames: Vec::new(),
            next: passage.number,
            asked: self.asked,
            held: 0,
        };
        self.scores.insert(id, score);
        Some(id)
    }

    /// Makes room by dropping the scores that were not played for longest, but not `playing`.
    fn give_up_old(&mut self, playing: ScoreId) {
        while self.held > self.most {
            let others = self.scores.iter().filter(|(id, _)| **id != playing);
            let Some(oldest) = others.min_by_key(|(_, score)| score.asked).map(|(id, _)| *id) else { return };
            if let Some(score) = self.scores.remove(&oldest) {
                self.held -= score.held;
            }
        }
    }
}

impl Score {
    fn suits(&self, clips: &[Edition], remote: &RemoteMedia) -> bool {
        self.codec == remote.codec && self.wish == remote.opus && self.clips == clips
    }

    /// Encodes the frame unless it is kept already. `None` when the encoder is at another frame; it can always be
    /// reset to the first.
    fn come_to(&mut self, passage: Passage<'_>) -> Option<()> {
        let Passage { number, samples, .. } = passage;
        if matches!(self.frames.get(number), Some(Some(_))) {
            return Some(());
        }
        if number != self.next && number != 0 {
            return None;
        }
        let mut payload = [0; LONGEST];
        let length = self.mouth.say(samples, audio::RATE, &mut payload).unwrap_or(0);
        if self.frames.len() <= number {
            self.frames.resize(number + 1, None);
        }
        *self.frames.get_mut(number)? = Some(payload.get(..length)?.into());
        self.next = number + 1;
        self.held += length + size_of::<Box<[u8]>>();
        Some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::Sine;
    use model::Direction;

    fn remote(codec: Codec) -> RemoteMedia {
        RemoteMedia::new(([127, 0, 0, 1], 4000).into(), codec, Direction::Both)
    }

    fn tone(number: usize) -> [i16; 160] {
        let (mut sine, mut samples) = (Sine::new(400.0, 8000), [0; 160]);
        (0..=number).for_each(|_| sine.fill(&mut samples));
        samples
    }

    const A: Edition = Edition::nth(1);
    const B: Edition = Edition::nth(2);
    const C: Edition = Edition::nth(3);

    fn heard(
        encodings: &mut Encodings,
        place: &mut Option<ScoreId>,
        (clip, number): (Edition, usize),
        codec: Codec,
    ) -> Option<Vec<u8>> {
        let (clips, samples) = ([clip], tone(number));
        let passage = Passage { clips: &clips, number, samples: &samples };
        encodings.frame(place, passage, &remote(codec)).map(<[u8]>::to_vec)
    }

    #[test]
    fn whoever_comes_later_is_sent_the_same_bytes_and_each_codec_has_its_own() {
        let mut encodings = Encodings::default();
        for codec in [Codec::G722, Codec::Opus, Codec::L16Wide] {
            let (mut first, mut second) = (None, None);
            let all: Vec<_> =
                (0..5).map(|number| heard(&mut encodings, &mut first, (A, number), codec).unwrap()).collect();
            assert!(all.iter().all(|frame| !frame.is_empty()));
            let again: Vec<_> = (0..5)
                .map(|number| heard(&mut encodings, &mut second, (A, number), codec).unwrap())
                .collect();
            assert!(all == again && first == second, "{codec:?}");
        }
        assert_eq!(encodings.scores.len(), 3);
    }

    #[test]
    fn a_listener_who_comes_where_the_encoder_is_not_is_spoken_to_alone() {
        let (mut encodings, mut place) = (Encodings::default(), None);
        assert!(heard(&mut encodings, &mut place, (A, 7), Codec::G722).is_some(), "the first comes anywhere");
        assert!(heard(&mut encodings, &mut None, (A, 3), Codec::G722).is_none());
        assert!(
            heard(&mut encodings, &mut place, (A, 8), Codec::G722).is_some(),
            "nobody disturbs the first"
        );
        assert!(
            heard(&mut encodings, &mut None, (A, 0), Codec::G722).is_some(),
            "a beginning is shared again"
        );
    }

    #[test]
    fn what_was_not_played_for_longest_gives_way() {
        let mut encodings = Encodings { most: 3 * (160 + size_of::<Box<[u8]>>()), ..Encodings::default() };
        let mut places = [None; 3];
        for (clip, place) in [A, B, C].into_iter().zip(&mut places) {
            heard(&mut encodings, place, (clip, 0), Codec::G722).unwrap();
        }
        heard(&mut encodings, &mut places[0], (A, 1), Codec::G722).unwrap();
        let kept = |encodings: &Encodings| -> Vec<Edition> {
            encodings.scores.values().flat_map(|score| score.clips.clone()).collect()
        };
        assert_eq!(kept(&encodings), [A, C]);
        assert!(heard(&mut encodings, &mut places[1], (B, 1), Codec::G722).is_some(), "it is made anew");
        assert_eq!(kept(&encodings), [A, B]);
        assert_eq!(encodings.held, 3 * (160 + size_of::<Box<[u8]>>()));
    }
}
