//! What the last run was cut off in is ended: calls, offers, recordings.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use archive::{CenterKeys, Fate, Line, Manifests};
use model::{Event, RecordingEvent, RecordingId, RecordingState};
use store::{Journal, RecordingRow, Store};

use crate::system::clock::now;

/// How long the database may take for the records of the last run.
const COMMITTING: Duration = Duration::from_secs(30);

/// Waits until the database has what the last run left in the spool.
///
/// # Errors
/// When it does not take it in time.
pub(super) async fn follow_spool(store: &Store, journal: &Journal) -> anyhow::Result<()> {
    if store.wait_committed(journal.status().appended_seq, COMMITTING).await {
        return Ok(());
    }
    bail!(
        "the database does not take the records of the last run within {} s; they stay in the spool \
         数据库未接收上次运行的记录，事件保留在缓冲文件中",
        COMMITTING.as_secs()
    )
}

/// The events that end what the last run was cut off in, its recordings repaired.
///
/// # Errors
/// When the database does not answer.
pub(super) async fn endings(
    store: &Store,
    journal: &Journal,
    folders: &[PathBuf],
    keys: &CenterKeys,
) -> anyhow::Result<Vec<Event>> {
    let unfinished = store.unfinished().await.with_context(|| "read what the last run left open")?;
    let mut events = unfinished.endings(now());
    // A copy of the database from mid-call shows recordings as open that were sealed and signed since.
    let restored = journal.last_seq() > journal.status().appended_seq;
    let signed = match folders.first() {
        Some(main) if restored && !unfinished.recordings.is_empty() => signed(Manifests::fates(main)?),
        Some(_) | None => BTreeMap::new(),
    };
    events.extend(unfinished.recordings.iter().map(|row| closed(row, signed.get(&row.id), folders, keys)));
    Ok(events)
}

fn signed(lines: Vec<Line>) -> BTreeMap<RecordingId, Line> {
    lines.into_iter().filter(|line| line.fate == Fate::Sealed).map(|line| (line.recording, line)).collect()
}

/// The end of a recording that its row shows as open: as it was signed, if its file still is what was signed.
fn closed(row: &RecordingRow, signed: Option<&Line>, folders: &[PathBuf], keys: &CenterKeys) -> Event {
    let rate = u32::try_from(row.rate).unwrap_or(audio::RATE);
    let (duration_ms, sha256, fault) = match archive::repair_in(folders, &row.path, rate, keys) {
        Ok(repaired) => {
            (repaired.duration_ms, repaired.sha256, "cut off; repaired at the next start".to_owned())
        }
        Err(error) => (0, String::new(), format!("cut off; {:#}", anyhow::Error::from(error))),
    };
    let (state, gaps, fault) = match signed {
        Some(line) if line.sha256 == sha256 => (RecordingState::Sealed, line.gaps.clone(), None),
        Some(_) | None => (RecordingState::Damaged, Vec::new(), Some(fault)),
    };
    Event::Recording(RecordingEvent::Closed {
        recording: row.id,
        contact: row.contact_id,
        state,
        duration_ms,
        sha256,
        gaps,
        fault,
    })
}
