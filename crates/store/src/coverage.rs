//! How much of a contact is in its recordings.

use model::{Gap, GapCause};
use serde::Serialize;

use crate::{Contact, RecordingRow};

/// Recorded and answered time of a contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// From the answer to the end.
    pub answered_ms: u64,
    /// Of it, in a recording: what was masked, or lost by our own disks, is not.
    pub recorded_ms: u64,
    /// Left out because a person wanted it.
    pub masked_ms: u64,
    /// Left out because our disks did not take it.
    pub dropped_ms: u64,
    /// `recorded_ms / answered_ms`, 0–1.
    pub ratio: f64,
}

impl Coverage {
    /// `None` while the contact goes on or a recording of it is open, and when it was never answered.
    pub fn of(contact: &Contact, recordings: &[RecordingRow]) -> Option<Coverage> {
        let answered = contact.ended_at?.since(contact.answered_at?);
        let answered_ms = u64::try_from(answered.as_millis()).unwrap_or(u64::MAX);
        let (mut recorded_ms, mut masked_ms, mut dropped_ms) = (0, 0, 0);
        for row in recordings {
            let duration = row.duration_ms?;
            let masked = spans(&row.gaps, |cause| matches!(cause, GapCause::Masked { .. }));
            let dropped = spans(&row.gaps, |cause| matches!(cause, GapCause::Dropped));
            let missing = spans(&row.gaps, |cause| !matches!(cause, GapCause::Lost | GapCause::Held));
            masked_ms += total(&masked, u64::MAX);
            dropped_ms += total(&dropped, u64::MAX);
            recorded_ms += duration - total(&missing, duration);
        }
        // The recording begins a moment before the answer counts.
        let recorded_ms = recorded_ms.min(answered_ms);
        let ratio = if answered_ms == 0 { 1.0 } else { recorded_ms as f64 / answered_ms as f64 };
        Some(Coverage { answered_ms, recorded_ms, masked_ms, dropped_ms, ratio })
    }
}

/// True when our disks took next to nothing (less than 5 %) of a recording: its file holds silence.
pub(crate) fn is_empty(row: &RecordingRow) -> bool {
    let duration = row.duration_ms.unwrap_or(0);
    let dropped = total(&spans(&row.gaps, |cause| matches!(cause, GapCause::Dropped)), duration);
    duration > 0 && dropped.saturating_mul(20) > duration.saturating_mul(19)
}

/// The spans of gaps of some causes, joined over both channels, in order.
fn spans(gaps: &[Gap], wanted: impl Fn(&GapCause) -> bool) -> Vec<(u64, u64)> {
    let ends = |gap: &Gap| (gap.from_ms, gap.from_ms.saturating_add(gap.length_ms));
    let mut all: Vec<(u64, u64)> = gaps.iter().filter(|gap| wanted(&gap.cause)).map(ends).collect();
    all.sort_unstable();
    let mut joined: Vec<(u64, u64)> = Vec::new();
    for (from, until) in all {
        match joined.last_mut() {
            Some(last) if from <= last.1 => last.1 = last.1.max(until),
            _ => joined.push((from, until)),
        }
    }
    joined
}

/// Their length before `end`.
fn total(spans: &[(u64, u64)], end: u64) -> u64 {
    spans.iter().map(|(from, until)| (*until).min(end).saturating_sub(*from)).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Actor;

    #[test]
    fn spans_of_both_channels_count_once() {
        let gap = |channel, from_ms, length_ms, cause| Gap { channel, from_ms, length_ms, cause };
        let masked = || GapCause::Masked { by: Actor::CommandLine, reason: "card".to_owned() };
        let gaps = [
            gap(0, 100, 200, masked()),
            gap(1, 100, 200, masked()),
            gap(0, 250, 100, GapCause::Dropped),
            gap(1, 900, 500, GapCause::Lost),
        ];
        let ours = spans(&gaps, |cause| !matches!(cause, GapCause::Lost | GapCause::Held));
        assert_eq!((ours.clone(), total(&ours, u64::MAX), total(&ours, 300)), (vec![(100, 350)], 250, 200));
    }
}
