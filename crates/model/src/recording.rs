//! Recordings as the tables show them.

use serde::Serialize;

use crate::{ContactId, Gap, GapCause, QueueName, RecordingId, RecordingState, Time};

/// A recording's row.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct RecordingRow {
    /// The recording.
    pub id: RecordingId,
    /// Its contact.
    pub contact_id: ContactId,
    /// Path below the recordings folder.
    pub path: String,
    /// Whether its file is encrypted, which its path tells too.
    pub encrypted: bool,
    /// Where it is in its life.
    pub state: RecordingState,
    /// When it began.
    pub opened_at: Time,
    /// When it reached its end state.
    pub closed_at: Option<Time>,
    /// Length in milliseconds, once closed.
    pub duration_ms: Option<u64>,
    /// Channels: 2.
    pub channels: u64,
    /// Samples a second.
    pub rate: u64,
    /// SHA-256 of the file in lower-case hexadecimal, once closed.
    pub sha256: Option<String>,
    /// Spans without audio.
    pub gaps: Vec<Gap>,
    /// What went wrong, if anything.
    pub fault: Option<String>,
    /// How often somebody listened to or fetched it.
    pub listened: u64,
}

impl RecordingRow {
    /// Milliseconds before `end` that gaps of some causes cover, on either channel.
    pub fn gap_ms(&self, end: u64, wanted: impl Fn(&GapCause) -> bool) -> u64 {
        total(&spans(&self.gaps, wanted), end)
    }
}

/// A recording that a rule has erased now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct DueRecording {
    /// The recording.
    pub recording_id: RecordingId,
    /// Its contact.
    pub contact_id: ContactId,
    /// Path below the recordings folder.
    pub path: String,
    /// SHA-256 of the file, if it has one.
    pub sha256: Option<String>,
    /// When it began.
    pub opened_at: Time,
    /// The contact's last queue.
    pub queue: Option<QueueName>,
    /// The rule's name.
    pub rule: String,
    /// A legal hold keeps it all the same.
    pub held: bool,
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
    use crate::Actor;

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
