//! What the archive asks of the database with the rows of recordings, and of the event log.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use model::{Actor, ContactId, DueRecording, Record, RecordingId, RecordingRow, RetentionRule, Time};

/// An answer that is on its way.
pub type Asked<'a, T> = Pin<Box<dyn Future<Output = Result<T, LedgerError>> + Send + 'a>>;

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct LedgerError(#[from] Box<dyn std::error::Error + Send + Sync>);

impl LedgerError {
    /// The database's or the log's own error.
    pub fn into_inner(self) -> Box<dyn std::error::Error + Send + Sync> {
        self.0
    }

    /// Wraps an error of the database or the log.
    pub fn new(error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> LedgerError {
        LedgerError(error.into())
    }
}

/// Rows of recordings, as the database has them.
pub trait Rows: Send + Sync {
    /// One recording.
    fn recording(&self, id: RecordingId) -> Asked<'_, Option<RecordingRow>>;

    /// At most `limit` recordings in order of their ids, behind the id of this number (−1: from the first).
    fn recordings_after(&self, after: i64, limit: u32) -> Asked<'_, Vec<RecordingRow>>;

    /// At most `limit` recordings, newest first, before this one.
    fn recordings_before(&self, before: Option<RecordingId>, limit: u32) -> Asked<'_, Vec<RecordingRow>>;

    /// Whether a contact is known, and when it ended, if it has.
    fn contact(&self, id: ContactId) -> Asked<'_, Option<Stay>>;

    /// Contacts that were answered and have no recording.
    fn unrecorded(&self) -> Asked<'_, Vec<ContactId>>;

    /// Closed recordings that are more than `ms` milliseconds shorter than their contacts.
    fn shorter_by(&self, ms: u64) -> Asked<'_, Vec<Short>>;
}

/// Recordings that are to be erased, by their rows in the database.
pub trait Overdue: Send + Sync {
    /// Closed recordings whose retention is over by these rules, oldest first.
    fn due<'a>(&'a self, rules: &'a [RetentionRule], now: Time) -> Asked<'a, Vec<DueRecording>>;

    /// At most `limit` erased recordings in order of their ids, behind the id of this number (−1: from the first).
    fn erased_after(&self, after: i64, limit: u32) -> Asked<'_, Vec<DueRecording>>;
}

/// The event log.
pub trait Log: Send + Sync {
    /// At most `limit` records behind a sequence number. Waits at most `wait` for one.
    fn records(&self, after: u64, limit: u32, wait: Duration) -> Asked<'_, Vec<Arc<Record>>>;
}

/// Notes in the log what is about to be done.
pub trait Notary: Send + Sync {
    /// Notes that recordings are erased, each by its rule. Returns when the tables show it: after a crash the log then
    /// says why a file is gone, and a file that is still there is found by its row.
    fn note_erased<'a>(&'a self, by: &'a Actor, due: &'a [&'a DueRecording]) -> Asked<'a, ()>;
}

/// What the archive needs to know of a contact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stay {
    /// When it ended; `None` while it goes on.
    pub ended_at: Option<Time>,
}

/// A recording that does not cover its contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Short {
    /// The recording.
    pub recording: RecordingId,
    /// Its path below the recordings folder.
    pub path: String,
    /// Milliseconds recorded.
    pub recorded_ms: u64,
    /// Milliseconds from the contact's answer to its end.
    pub contact_ms: u64,
}
