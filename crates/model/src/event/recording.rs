//! Recordings, from the first frame to the erasure.

use serde::{Deserialize, Serialize};

use crate::{ContactId, Gap, RecordingId, RecordingState, Subject};

/// What happened to a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum RecordingEvent {
    /// A recording began; its row follows from this.
    #[serde(rename = "recording_opened")]
    Opened {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Path below the recordings folder.
        path: String,
        /// Channels: 2.
        channels: u16,
        /// Samples a second.
        rate: u32,
    },
    /// A recording leaves out what is said from now on.
    #[serde(rename = "recording_paused")]
    Paused {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Why.
        reason: String,
    },
    /// A recording goes on. Nobody caused it when the conversation that it was paused in ended.
    #[serde(rename = "recording_resumed")]
    Resumed {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
    },
    /// A recording reached its end state.
    #[serde(rename = "recording_closed")]
    Closed {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// `Sealed`, or `Damaged` when it was cut off or could not be written.
        state: RecordingState,
        /// Length in milliseconds.
        duration_ms: u64,
        /// SHA-256 of the file, lower-case hexadecimal; empty when there is no file.
        sha256: String,
        /// Spans without audio.
        gaps: Vec<Gap>,
        /// What went wrong, if anything.
        fault: Option<String>,
    },
    /// Somebody listened to or fetched a recording.
    #[serde(rename = "recording_listened")]
    Listened {
        /// The recording.
        recording: RecordingId,
        /// Its contact. Older logs have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        contact: Option<ContactId>,
    },
    /// A recording was erased by a rule. It is in the log before its file is removed.
    #[serde(rename = "recording_erased")]
    Erased {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// The rule's name.
        rule: String,
        /// SHA-256 of what was erased, lower-case hexadecimal; empty when it had none.
        sha256: String,
    },
}

impl RecordingEvent {
    /// The contact that the recording belongs to; the recording itself where an older log does not say which.
    pub fn subject(&self) -> Subject {
        match self {
            RecordingEvent::Opened { contact, .. }
            | RecordingEvent::Paused { contact, .. }
            | RecordingEvent::Resumed { contact, .. }
            | RecordingEvent::Closed { contact, .. }
            | RecordingEvent::Erased { contact, .. } => Subject::Contact(*contact),
            RecordingEvent::Listened { recording, contact } => {
                contact.map_or(Subject::Recording(*recording), Subject::Contact)
            }
        }
    }
}
