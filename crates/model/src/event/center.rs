//! The center itself: its start and its end, its clock, and what was read out of it.

use serde::{Deserialize, Serialize};

use crate::{ContactId, Number, SampleFrame, SettingChange, Subject};

/// What happened to the center.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum CenterEvent {
    /// The center began to work. All seats are offline, all agents without a call.
    #[serde(rename = "center_started")]
    Started {
        /// Version of the program.
        version: String,
    },
    /// The center takes no new calls any more.
    DrainStarted,
    /// The machine's clock was set. Instants from here on are by the new time, what is open now began by it too:
    /// whatever began before and is not over is dated `by_ms` later than its own event says, so that how long it
    /// lasts stays true.
    ClockSet {
        /// Forwards, or negative: backwards; in ms.
        by_ms: i64,
    },
    /// The configuration was read anew, and holds since.
    ConfigurationReplaced {
        /// How many values differ.
        count: u64,
        /// The first 500 of them.
        changes: Vec<SettingChange>,
    },
    /// A sample for quality checks was drawn. The same frame and seed draw it again.
    SampleDrawn {
        /// What it was drawn from.
        frame: Box<SampleFrame>,
        /// How many contacts that was.
        size: u64,
        /// SHA-256 of their ids, each with a line end, lower-case hexadecimal.
        sha256: String,
        /// The seed.
        seed: u64,
        /// How many were drawn.
        drawn: u64,
    },
    /// Somebody read SIP messages that were kept in memory.
    SipTraceRead {
        /// Those of this contact.
        contact: Option<ContactId>,
        /// Those of calls from this number.
        number: Option<Number>,
        /// How many.
        messages: u64,
    },
}

impl CenterEvent {
    /// The center, but for SIP messages that were read of one contact.
    pub fn subject(&self) -> Subject {
        match self {
            CenterEvent::SipTraceRead { contact: Some(contact), .. } => Subject::Contact(*contact),
            CenterEvent::Started { .. }
            | CenterEvent::DrainStarted
            | CenterEvent::ClockSet { .. }
            | CenterEvent::ConfigurationReplaced { .. }
            | CenterEvent::SampleDrawn { .. }
            | CenterEvent::SipTraceRead { contact: None, .. } => Subject::Center,
        }
    }
}
