//! The clips that play to one leg.

use std::sync::Arc;

use audio::FRAME;
use audio::g711::Law;
use model::{ClipId, PlayId, PlayMode, RemoteMedia};

use crate::encodings::{Encodings, Passage, ScoreId};
use crate::prompts::{Clip, Edition, Prompts};

/// Clips, one after another, cut into 20 ms frames.
#[derive(Debug)]
pub(crate) struct Player {
    pub(crate) play: PlayId,
    clips: Vec<Arc<Clip>>,
    editions: Vec<Edition>,
    mode: PlayMode,
    clip: usize,
    sample: usize,
    /// Frames since the first clip began.
    number: usize,
    /// Its score in [`Encodings`], for a codec other than G.711.
    score: Option<ScoreId>,
}

/// Where a loop stopped, so that it can go on from there.
#[derive(Debug, Clone)]
pub(crate) struct Pause {
    editions: Vec<Edition>,
    clip: usize,
    sample: usize,
    number: usize,
}

/// One frame in both forms: for the wire and for the recording.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Counted from the first clip's beginning.
    pub(crate) number: usize,
    pub(crate) codes: [u8; FRAME],
    pub(crate) samples: [i16; FRAME],
}

impl Player {
    /// A player of those clips that exist; missing ones are logged. A loop that was paused as `pause` continues there.
    pub(crate) fn new(
        prompts: &Prompts,
        play: PlayId,
        names: &[ClipId],
        mode: PlayMode,
        pause: Option<&Pause>,
    ) -> Player {
        let find = |name: &ClipId| {
            let clip = prompts.find(name);
            if clip.is_none() {
                tracing::warn!(clip = %name, %play, "a clip that should play does not exist");
            }
            clip
        };
        let clips: Vec<_> = names.iter().filter_map(find).collect();
        let editions: Vec<_> = clips.iter().map(|clip| clip.edition).collect();
        let resumed = pause.filter(|pause| mode == PlayMode::Loop && pause.editions == editions);
        let (clip, sample, number) =
            resumed.map_or((0, 0, 0), |pause| (pause.clip, pause.sample, pause.number));
        Player { play, clips, editions, mode, clip, sample, number, score: None }
    }

    /// Its position, for a loop.
    pub(crate) fn pause(self) -> Option<Pause> {
        let Player { editions, clip, sample, number, .. } = self;
        (self.mode == PlayMode::Loop).then_some(Pause { editions, clip, sample, number })
    }

    /// The next frame; the end of the last one is filled with silence. `None` when everything was played. Each round
    /// of a loop begins with a whole frame, so that a frame number stands for the same audio in every round.
    pub(crate) fn frame(&mut self, law: Law) -> Option<Frame> {
        if self.mode == PlayMode::Loop && self.clip >= self.clips.len() {
            (self.clip, self.sample, self.number) = (0, 0, 0);
        }
        let mut frame = Frame { number: self.number, codes: [law.silence(); FRAME], samples: [0; FRAME] };
        self.number += 1;
        let mut filled = 0;
        while filled < FRAME {
            let Some(clip) = self.clips.get(self.clip) else { break };
            let wire = match law {
                Law::Mu => &clip.mu,
                Law::A => &clip.a,
            };
            let codes = wire.get(self.sample..).unwrap_or_default();
            let count = codes.len().min(FRAME - filled);
            let (into, until) = (filled, filled + count);
            copy(frame.codes.get_mut(into..until), codes);
            copy(frame.samples.get_mut(into..until), clip.samples.get(self.sample..).unwrap_or_default());
            filled = until;
            self.sample += count;
            if count == codes.len() {
                (self.clip, self.sample) = (self.clip + 1, 0);
            }
        }
        // A loop without clips is silence until it is stopped.
        (filled > 0 || self.mode == PlayMode::Loop).then_some(frame)
    }

    /// A frame of this player in the codec of a peer, shared with all who hear the same clips; empty when nothing
    /// need be sent, `None` when it has to be encoded for this peer alone.
    pub(crate) fn coded<'a>(
        &mut self,
        frame: &Frame,
        remote: &RemoteMedia,
        encodings: &'a mut Encodings,
    ) -> Option<&'a [u8]> {
        let passage = Passage { clips: &self.editions, number: frame.number, samples: &frame.samples };
        encodings.frame(&mut self.score, passage, remote)
    }
}

fn copy<T: Copy>(into: Option<&mut [T]>, from: &[T]) {
    into.into_iter().flatten().zip(from).for_each(|(into, from)| *into = *from);
}

#[cfg(test)]
mod tests {
    use std::sync::LazyLock;

    use super::*;
    use model::{Ids, Time};

    fn prompts() -> Prompts {
        let mut prompts = Prompts::empty();
        prompts.insert("a", &[1000; 200]);
        prompts.insert("b", &[-1000; 40]);
        prompts
    }

    fn player(names: &[&str], mode: PlayMode, pause: Option<&Pause>) -> Player {
        static PROMPTS: LazyLock<Prompts> = LazyLock::new(prompts);
        player_of(&PROMPTS, names, mode, pause)
    }

    fn player_of(prompts: &Prompts, names: &[&str], mode: PlayMode, pause: Option<&Pause>) -> Player {
        let play = PlayId::new(&mut Ids::new(0), Time::from_unix_ms(1_800_000_000_000));
        let names: Vec<_> = names.iter().map(|name| ClipId::from(*name)).collect();
        Player::new(prompts, play, &names, mode, pause)
    }

    #[test]
    fn clips_follow_each_other_without_a_seam() {
        let mut player = player(&["a", "missing", "b"], PlayMode::Once, None);
        assert!(player.frame(Law::A).unwrap().samples.iter().all(|s| *s == 1000));
        let last = player.frame(Law::A).unwrap();
        assert_eq!(last.samples[..40], [1000; 40]);
        assert_eq!(last.samples[40..80], [-1000; 40]);
        assert_eq!(last.samples[80..], [0; 80]);
        assert_eq!(last.codes[80], Law::A.silence());
        assert!(player.frame(Law::A).is_none());
    }

    #[test]
    fn a_loop_goes_on_where_it_stopped() {
        let mut first = player(&["a", "b"], PlayMode::Loop, None);
        first.frame(Law::Mu).unwrap();
        let pause = first.pause().unwrap();
        let mut resumed = player(&["a", "b"], PlayMode::Loop, Some(&pause));
        let next = resumed.frame(Law::Mu).unwrap();
        assert_eq!((next.samples[39], next.samples[40], next.samples[80]), (1000, -1000, 0));
        let round = resumed.frame(Law::Mu).unwrap();
        assert_eq!(
            [(next.number, next.samples[0]), (round.number, round.samples[159])],
            [(1, 1000), (0, 1000)]
        );
        let other = player(&["b"], PlayMode::Loop, Some(&pause)).frame(Law::Mu).unwrap();
        assert_eq!((other.samples[39], other.samples[40]), (-1000, 0), "rounds begin with a frame");
    }

    #[test]
    fn a_loop_whose_clip_was_replaced_meanwhile_begins_anew() {
        let mut first = player(&["a"], PlayMode::Loop, None);
        first.frame(Law::Mu).unwrap();
        let pause = first.pause().unwrap();
        let mut replaced = player_of(&prompts(), &["a"], PlayMode::Loop, Some(&pause));
        assert_eq!(replaced.frame(Law::Mu).unwrap().number, 0);
    }

    #[test]
    fn nothing_to_play_ends_once_and_is_silence_in_a_loop() {
        assert!(player(&["missing"], PlayMode::Once, None).frame(Law::A).is_none());
        assert_eq!(player(&["missing"], PlayMode::Loop, None).frame(Law::A).unwrap().samples, [0; 160]);
    }
}
