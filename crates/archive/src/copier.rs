//! Makes FLAC copies of closed recordings, one after another, never in the way of calls.
//!
//! The event log is the queue: what is closed while a copy is being made waits there. What an earlier run left
//! without a copy is found by its missing file, newest first, when the program starts.

use std::sync::Arc;
use std::time::Duration;

use model::{Event, RecordingEvent, RecordingRow, RecordingState};
use tokio::sync::watch;

use crate::copies::{CopyError, copy_as_flac};
use crate::ledger::{LedgerError, Log, Rows};
use crate::names::flac_name;
use crate::shelves::Shelves;

/// How long the log is waited for at once, and how long a database that refused is left alone.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(5);
const PAGE: u32 = 500;

/// Makes the copies.
#[derive(Clone)]
pub struct Copier {
    /// What says which recordings are closed.
    pub log: Arc<dyn Log>,
    /// Their rows.
    pub rows: Arc<dyn Rows>,
    /// Where they lie, and what opens them.
    pub shelves: Shelves,
}

impl Copier {
    /// Makes what is missing, then follows the log behind `after` for as long as the task lives.
    /// The last sequence number that was dealt with goes to `reached`.
    pub async fn follow(self, mut after: u64, reached: watch::Sender<u64>) {
        while let Err(error) = self.catch_up().await {
            tracing::warn!(%error, "the database does not answer: copies of recordings wait");
            tokio::time::sleep(PAUSE).await;
        }
        loop {
            if let Err(error) = self.follow_on(&mut after).await {
                tracing::warn!(%error, "the database does not answer: copies of recordings wait");
                tokio::time::sleep(PAUSE).await;
            }
            reached.send_replace(after);
        }
    }

    async fn catch_up(&self) -> Result<(), LedgerError> {
        let mut before = None;
        loop {
            let page = self.rows.recordings_before(before, PAGE).await?;
            let Some(last) = page.last() else { return Ok(()) };
            before = Some(last.id);
            for row in page {
                self.copy(row).await;
            }
        }
    }

    async fn follow_on(&self, after: &mut u64) -> Result<(), LedgerError> {
        for record in self.log.records(*after, PAGE, WAIT).await? {
            if let Event::Recording(RecordingEvent::Closed { recording, .. }) = &record.event
                && let Some(row) = self.rows.recording(*recording).await?
            {
                self.copy(row).await;
            }
            *after = record.seq;
        }
        Ok(())
    }

    /// Makes the copy of one recording. A failure is logged; the next start tries again.
    async fn copy(&self, row: RecordingRow) {
        match row.state {
            RecordingState::Sealed | RecordingState::Damaged => {}
            RecordingState::Open | RecordingState::Erased => return,
        }
        let (copier, id) = (self.clone(), row.id);
        let copied = tokio::task::spawn_blocking(move || copier.copy_file(&row.path)).await;
        let ended = copied.map_err(|error| crate::chain(&error));
        match ended.and_then(|copied| copied.map_err(|error| crate::chain(&error))) {
            Ok(Some(bytes)) => tracing::debug!(recording = %id, bytes, "a recording has its FLAC copy"),
            Ok(None) => {}
            Err(why) => {
                tracing::error!(recording = %id, why, "no FLAC copy: the recording itself is whole; tried again at the next start");
            }
        }
    }

    /// The copy's bytes; `None` where there is nothing to copy, or a copy is there.
    fn copy_file(&self, path: &str) -> Result<Option<u64>, CopyError> {
        let Some(recording) = self.shelves.place_of(path) else { return Ok(None) };
        if flac_name(path).is_some_and(|copy| self.shelves.place_of(&copy).is_some()) {
            return Ok(None);
        }
        let (_, bytes) = copy_as_flac(&recording, &self.shelves.keys)?;
        Ok(Some(bytes))
    }
}
