//! Follows the event log and writes the day manifests of the recordings folder.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Event, Record, RecordingEvent, RecordingState};
use tokio::sync::watch;

use crate::ledger::{LedgerError, Log, Rows};
use crate::manifest::{Fate, Line, Manifests};

/// The longest wait for the next record of the log, and the pause after a folder refused a line.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);
const PAGE: u32 = 500;

/// Makes sure that this process holds a folder's lock before something is written to it.
pub trait Guard: Send + Sync {
    /// Takes the lock again where it was lost.
    ///
    /// # Errors
    /// When another process has the lock, or the folder is not there.
    fn ensure(&self) -> io::Result<()>;
}

/// Why a line was not written.
#[derive(Debug, thiserror::Error)]
enum NotKept {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error(transparent)]
    Folder(#[from] io::Error),
}

/// Follows the log for as long as the task lives. A line that the folder does not take is tried again until it does:
/// no record is skipped.
pub async fn keep_manifests(
    (log, rows): (Arc<dyn Log>, Arc<dyn Rows>),
    (mut manifests, main): (Manifests, Arc<dyn Guard>),
    folders: Vec<PathBuf>,
    reached: watch::Sender<u64>,
) {
    let mut after = manifests.last_seq();
    let mut well = true;
    loop {
        let followed = match log.records(after, PAGE, WAIT).await {
            Ok(records) => follow_all(&*rows, (&mut manifests, &*main), &folders, &records, &mut after).await,
            Err(error) => Err(NotKept::Ledger(error)),
        };
        match &followed {
            Ok(()) if !well => tracing::warn!("the day manifests are written again"),
            Err(error) if well => {
                let error = crate::chain(error);
                tracing::error!("the day manifests cannot be written: {error:#}");
            }
            Ok(()) | Err(_) => {}
        }
        reached.send_replace(after);
        well = followed.is_ok();
        if !well {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

async fn follow_all(
    rows: &dyn Rows,
    (manifests, main): (&mut Manifests, &dyn Guard),
    folders: &[PathBuf],
    records: &[Arc<Record>],
    after: &mut u64,
) -> Result<(), NotKept> {
    for record in records {
        if let Some(line) = line_of(rows, record, folders).await? {
            main.ensure()?;
            // A line is rare and small: one for each call.
            manifests.append(line)?;
        }
        *after = record.seq;
    }
    Ok(())
}

/// The manifest line for a record; `None` where the record does not close or erase a recording.
async fn line_of(rows: &dyn Rows, record: &Record, folders: &[PathBuf]) -> Result<Option<Line>, LedgerError> {
    let Event::Recording(event) = &record.event else { return Ok(None) };
    let (recording, fate) = match event {
        RecordingEvent::Closed { recording, state: RecordingState::Sealed, .. } => (*recording, Fate::Sealed),
        RecordingEvent::Closed { recording, .. } => (*recording, Fate::Damaged),
        RecordingEvent::Erased { recording, .. } => (*recording, Fate::Erased),
        RecordingEvent::Opened { .. }
        | RecordingEvent::Paused { .. }
        | RecordingEvent::Resumed { .. }
        | RecordingEvent::Listened { .. } => return Ok(None),
    };
    let Some(row) = rows.recording(recording).await? else { return Ok(None) };
    let found = folders.iter().find_map(|folder| std::fs::metadata(folder.join(&row.path)).ok());
    Ok(Some(Line {
        seq: record.seq,
        at: record.at,
        fate,
        recording,
        contact: row.contact_id,
        bytes: found.map_or(0, |file| file.len()),
        sha256: row.sha256.unwrap_or_default(),
        duration_ms: row.duration_ms.unwrap_or(0),
        path: row.path,
        gaps: row.gaps,
    }))
}
