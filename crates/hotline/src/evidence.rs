//! Keeps the day manifests of the recordings folder behind the event log.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use model::{Event, Record, RecordingEvent, RecordingState};
use store::{Fate, Line, Manifests, Store, StoreError};
use tokio::sync::watch;

use crate::guard::Guarded;

/// How long the log is waited for at once, and how long a folder that refused is left alone.
const WAIT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_secs(1);
const PAGE: u32 = 500;

/// Follows the log for as long as the task lives. A folder that takes no line now gets it later: nothing is
/// passed over.
pub(crate) async fn follow(
    store: Store,
    (mut manifests, main): (Manifests, Arc<Guarded>),
    folders: Vec<PathBuf>,
    reached: watch::Sender<u64>,
) {
    let mut after = manifests.last_seq();
    let mut well = true;
    loop {
        let followed = match store.wait_journal(after, PAGE, WAIT).await {
            Ok(records) => follow_all(&store, (&mut manifests, &main), &folders, &records, &mut after).await,
            Err(error) => Err(anyhow::Error::from(error)),
        };
        match &followed {
            Ok(()) if !well => tracing::warn!("the day manifests are written again"),
            Err(error) if well => tracing::error!("the day manifests cannot be written: {error:#}"),
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
    store: &Store,
    (manifests, main): (&mut Manifests, &Guarded),
    folders: &[PathBuf],
    records: &[Arc<Record>],
    after: &mut u64,
) -> anyhow::Result<()> {
    for record in records {
        if let Some(line) = line_of(store, record, folders).await? {
            main.ensure()?;
            // A line is rare and small: one for each call.
            manifests.append(line)?;
        }
        *after = record.seq;
    }
    Ok(())
}

/// What a record tells of a recording's fate.
async fn line_of(store: &Store, record: &Record, folders: &[PathBuf]) -> Result<Option<Line>, StoreError> {
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
    let Some(row) = store.recording(recording).await? else { return Ok(None) };
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
