//! What the archive asks, answered by the database and the event log.

use std::sync::Arc;
use std::time::Duration;

use archive::{Asked, LedgerError, Log, Notary, Overdue, Rows, Short, Stay};
use model::{
    Actor, ContactId, DueRecording, Entry, Record, RecordingEvent, RecordingId, RecordingRow, RetentionRule,
    Time,
};
use store::{RecordingFilter, ShortRecording, Store};

use crate::system::clock::now;

/// How long the tables may take to show what was appended.
const PATIENCE: Duration = Duration::from_secs(3);

/// The database.
#[derive(Debug, Clone)]
pub struct Ledger(pub Store);

impl Rows for Ledger {
    fn recording(&self, id: RecordingId) -> Asked<'_, Option<RecordingRow>> {
        Box::pin(async move { self.0.recording(id).await.map_err(LedgerError::new) })
    }

    fn recordings_after(&self, after: i64, limit: u32) -> Asked<'_, Vec<RecordingRow>> {
        Box::pin(async move { self.0.recordings_after(after, limit).await.map_err(LedgerError::new) })
    }

    fn recordings_before(&self, before: Option<RecordingId>, limit: u32) -> Asked<'_, Vec<RecordingRow>> {
        let filter = RecordingFilter { before, limit, ..RecordingFilter::default() };
        Box::pin(async move { self.0.recordings(&filter).await.map_err(LedgerError::new) })
    }

    fn contact(&self, id: ContactId) -> Asked<'_, Option<Stay>> {
        Box::pin(async move {
            let contact = self.0.contact(id).await.map_err(LedgerError::new)?;
            Ok(contact.map(|contact| Stay { ended_at: contact.ended_at }))
        })
    }

    fn unrecorded(&self) -> Asked<'_, Vec<ContactId>> {
        Box::pin(async move { self.0.unrecorded().await.map_err(LedgerError::new) })
    }

    fn shorter_by(&self, ms: u64) -> Asked<'_, Vec<Short>> {
        let short = |ShortRecording { id, path, recorded_ms, contact_ms }| Short {
            recording: id,
            path,
            recorded_ms,
            contact_ms,
        };
        Box::pin(async move {
            let rows = self.0.short_recordings(ms).await.map_err(LedgerError::new)?;
            Ok(rows.into_iter().map(short).collect())
        })
    }
}

impl Overdue for Ledger {
    fn due<'a>(&'a self, rules: &'a [RetentionRule], now: Time) -> Asked<'a, Vec<DueRecording>> {
        Box::pin(async move { self.0.due_recordings(rules, now).await.map_err(LedgerError::new) })
    }

    fn erased_after(&self, after: i64, limit: u32) -> Asked<'_, Vec<DueRecording>> {
        Box::pin(async move { self.0.erased_recordings(after, limit).await.map_err(LedgerError::new) })
    }
}

impl Log for Ledger {
    fn records(&self, after: u64, limit: u32, wait: Duration) -> Asked<'_, Vec<Arc<Record>>> {
        Box::pin(async move { self.0.wait_journal(after, limit, wait).await.map_err(LedgerError::new) })
    }
}

/// The way into the event log.
pub struct Scribe(pub store::Log);

impl Notary for Scribe {
    fn note_erased<'a>(&'a self, by: &'a Actor, due: &'a [&'a DueRecording]) -> Asked<'a, ()> {
        Box::pin(async move {
            let mut last = None;
            for due in due {
                let event = RecordingEvent::Erased {
                    recording: due.recording_id,
                    contact: due.contact_id,
                    rule: due.rule.clone(),
                    sha256: due.sha256.clone().unwrap_or_default(),
                };
                let entry = Entry { at: now(), by: Some(by.clone()), event: event.into() };
                last = Some(self.0.append(entry).map_err(LedgerError::new)?);
            }
            match last {
                Some(seq) if !self.0.applied(seq, PATIENCE).await => {
                    Err(LedgerError::new("it is in the event log; the tables do not show it yet"))
                }
                Some(_) | None => Ok(()),
            }
        })
    }
}
