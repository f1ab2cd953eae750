//! Spans of a recording that are silent on purpose: masked by a person, or held by the customer's side.

use std::ops::Range;

use model::{Actor, Gap, GapCause};

use crate::channel::Channel;
use crate::clock::milliseconds;

/// Holds shorter than this (100 ms) are the way a session changes, not a hold.
const SHORTEST_HOLD: u64 = 800;

/// The silent spans of one recording, in samples since it began.
#[derive(Debug, Default)]
pub(crate) struct Spans {
    masks: Vec<Mask>,
    held: Vec<(Channel, Range<u64>)>,
    /// Since when each channel is held.
    holding: [Option<u64>; 2],
}

#[derive(Debug)]
struct Mask {
    from: u64,
    /// `None` while it goes on.
    until: Option<u64>,
    by: Actor,
    reason: String,
}

impl Spans {
    /// Audio that belongs here or later is left out. A second mask while one goes on changes nothing.
    pub(crate) fn mask(&mut self, at: u64, by: Actor, reason: String) {
        if self.masks.last().is_none_or(|mask| mask.until.is_some()) {
            self.masks.push(Mask { from: at, until: None, by, reason });
        }
    }

    /// Audio that belongs here or later is recorded again.
    pub(crate) fn unmask(&mut self, at: u64) {
        if let Some(mask) = self.masks.last_mut().filter(|mask| mask.until.is_none()) {
            mask.until = Some(at.max(mask.from));
        }
    }

    /// The session says that nothing comes on a channel, until something does.
    pub(crate) fn hold(&mut self, channel: Channel, at: u64) {
        self.holding[channel as usize].get_or_insert(at);
    }

    /// Something was written to a channel.
    pub(crate) fn written(&mut self, channel: Channel, at: u64) {
        if let Some(since) = self.holding[channel as usize].take()
            && at >= since + SHORTEST_HOLD
        {
            self.held.push((channel, since..at));
        }
    }

    /// Makes masked audio silent: `piece` begins at `at`, has `scale` samples for each of 8 kHz and is about to leave
    /// for the disk.
    pub(crate) fn blank(&self, at: u64, scale: usize, piece: &mut [[i16; 2]]) {
        let end = at.saturating_add((piece.len() / scale) as u64);
        for mask in &self.masks {
            let (from, until) = (mask.from.max(at), mask.until.unwrap_or(end).min(end));
            if from < until {
                let index =
                    |sample: u64| usize::try_from(sample - at).unwrap_or(usize::MAX).saturating_mul(scale);
                let masked = piece.get_mut(index(from)..index(until)).unwrap_or_default();
                masked.fill([0, 0]);
            }
        }
    }

    /// All spans as gaps, at the end of the recording.
    pub(crate) fn finish(mut self, length: u64) -> Vec<Gap> {
        for channel in [Channel::Left, Channel::Right] {
            self.written(channel, length);
        }
        let gap = |channel: Channel, span: Range<u64>, cause| Gap {
            channel: channel as u8,
            from_ms: milliseconds(span.start),
            length_ms: milliseconds(span.end.min(length).saturating_sub(span.start)),
            cause,
        };
        let mut gaps = Vec::new();
        for Mask { from, until, by, reason } in self.masks {
            let span = from..until.unwrap_or(length);
            let cause = GapCause::Masked { by, reason };
            gaps.push(gap(Channel::Left, span.clone(), cause.clone()));
            gaps.push(gap(Channel::Right, span, cause));
        }
        gaps.extend(self.held.into_iter().map(|(channel, span)| gap(channel, span, GapCause::Held)));
        gaps.retain(|gap| gap.length_ms > 0);
        gaps
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn who() -> Actor {
        Actor::Token("lin".to_owned())
    }

    #[test]
    fn a_mask_silences_what_belongs_into_it_and_keeps_who_and_why() {
        let mut spans = Spans::default();
        spans.mask(800, who(), "card".to_owned());
        spans.mask(900, Actor::CommandLine, "again".to_owned());
        let mut piece = vec![[5, 6]; 1600];
        spans.blank(0, 1, &mut piece);
        assert!(
            piece[..800].iter().all(|both| *both == [5, 6])
                && piece[800..].iter().all(|both| *both == [0, 0])
        );
        spans.unmask(2400);
        spans.unmask(9000);
        let mut piece = vec![[5, 6]; 1600];
        spans.blank(1600, 1, &mut piece);
        assert!(
            piece[..800].iter().all(|both| *both == [0, 0])
                && piece[800..].iter().all(|both| *both == [5, 6])
        );
        let gaps = spans.finish(8000);
        let cause = GapCause::Masked { by: who(), reason: "card".to_owned() };
        let gap = |channel| Gap { channel, from_ms: 100, length_ms: 200, cause: cause.clone() };
        assert_eq!(gaps, [gap(0), gap(1)]);
    }

    #[test]
    fn a_mask_that_nobody_ends_lasts_to_the_end() {
        let mut spans = Spans::default();
        spans.mask(4000, who(), "card".to_owned());
        assert_eq!(spans.finish(8000)[1].length_ms, 500);
    }

    #[test]
    fn a_hold_lasts_until_something_is_written() {
        let mut spans = Spans::default();
        spans.hold(Channel::Left, 800);
        spans.hold(Channel::Left, 1600);
        spans.written(Channel::Right, 2000);
        spans.written(Channel::Left, 4000);
        spans.hold(Channel::Right, 4000);
        spans.written(Channel::Right, 4100);
        let gap = Gap { channel: 0, from_ms: 100, length_ms: 400, cause: GapCause::Held };
        assert_eq!(spans.finish(8000), [gap]);
    }
}
