//! How much of a contact is in its recordings.

use model::{GapCause, RecordingRow};
use serde::Serialize;

use crate::Contact;

/// Recorded and answered time of a contact.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Coverage {
    /// Milliseconds from the answer to the end.
    pub answered_ms: u64,
    /// The recorded part of it. Masked audio, and audio that our own disks lost, is not counted.
    pub recorded_ms: u64,
    /// Milliseconds that a person had left out.
    pub masked_ms: u64,
    /// Milliseconds that our disks did not take.
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
            masked_ms += row.gap_ms(u64::MAX, |cause| matches!(cause, GapCause::Masked { .. }));
            dropped_ms += row.gap_ms(u64::MAX, |cause| matches!(cause, GapCause::Dropped));
            let is_missing = |cause: &GapCause| !matches!(cause, GapCause::Lost | GapCause::Held);
            recorded_ms += duration - row.gap_ms(duration, is_missing);
        }
        // The recording begins a moment before the answer.
        let recorded_ms = recorded_ms.min(answered_ms);
        let ratio = if answered_ms == 0 { 1.0 } else { recorded_ms as f64 / answered_ms as f64 };
        Some(Coverage { answered_ms, recorded_ms, masked_ms, dropped_ms, ratio })
    }
}
