//! Makes FLAC copies of closed recordings, one after another, never in the way of calls.
//!
//! The event log is the queue: what is closed while a copy is being made waits there. What an earlier run left
//! without a copy is found by its missing file, newest first, when the program starts.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use media::CenterKeys;
use model::{Event, RecordingEvent, RecordingState};
use store::{RecordingFilter, RecordingRow, Store, StoreError};
use tokio::sync::watch;

/// How long the log is waited for at once, and how long a database that refused is left alone.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(5);
const PAGE: u32 = 500;

/// Where recordings lie, and what opens them.
#[derive(Clone)]
pub(crate) struct Copier {
    pub(crate) store: Store,
    pub(crate) folders: Vec<PathBuf>,
    pub(crate) keys: Arc<CenterKeys>,
}

impl Copier {
    /// Makes what is missing, then follows the log behind `after` for as long as the task lives.
    /// How far it is goes to `reached`.
    pub(crate) async fn follow(self, mut after: u64, reached: watch::Sender<u64>) {
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

    async fn catch_up(&self) -> Result<(), StoreError> {
        let mut filter = RecordingFilter { limit: PAGE, ..RecordingFilter::default() };
        loop {
            let page = self.store.recordings(&filter).await?;
            let Some(last) = page.last() else { return Ok(()) };
            filter.before = Some(last.id);
            for row in page {
                self.copy(row).await;
            }
        }
    }

    async fn follow_on(&self, after: &mut u64) -> Result<(), StoreError> {
        for record in self.store.wait_journal(*after, PAGE, WAIT).await? {
            if let Event::Recording(RecordingEvent::Closed { recording, .. }) = &record.event
                && let Some(row) = self.store.recording(*recording).await?
            {
                self.copy(row).await;
            }
            *after = record.seq;
        }
        Ok(())
    }

    /// Makes the copy of one recording. What fails is told, and tried again at the next start.
    async fn copy(&self, row: RecordingRow) {
        match row.state {
            RecordingState::Sealed | RecordingState::Damaged => {}
            RecordingState::Open | RecordingState::Erased => return,
        }
        let (copier, id) = (self.clone(), row.id);
        let copied = tokio::task::spawn_blocking(move || copier.copy_file(&row.path)).await;
        match copied.map_err(anyhow::Error::from).and_then(|copied| copied) {
            Ok(Some(bytes)) => tracing::debug!(recording = %id, bytes, "a recording has its FLAC copy"),
            Ok(None) => {}
            Err(error) => {
                let why = format!("{error:#}");
                tracing::error!(recording = %id, why, "no FLAC copy: the recording itself is whole; tried again at the next start");
            }
        }
    }

    /// The copy's bytes; `None` where there is nothing to copy, or a copy is there.
    fn copy_file(&self, path: &str) -> anyhow::Result<Option<u64>> {
        let below = |folder: &PathBuf| folder.join(Path::new(path));
        let Some(recording) = self.folders.iter().map(below).find(|path| path.is_file()) else {
            return Ok(None);
        };
        let copy = model::flac_name(path);
        if copy.is_some_and(|copy| self.folders.iter().any(|folder| folder.join(&copy).is_file())) {
            return Ok(None);
        }
        let (_, bytes) = media::copy_as_flac(&recording, &self.keys)?;
        Ok(Some(bytes))
    }
}
