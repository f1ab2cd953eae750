//! `hotline recordings adopt`: what the database lost is brought back by the archive, and its events are written to the
//! log.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use archive::{Manifests, Plan, Shelves};
use store::{Holder, Journal, Lock, Store};

pub use archive::Adopted;

use crate::at_rest::guard;
use crate::at_rest::ledger::Ledger;
use crate::system::clock::now;
use crate::system::folders::Folders;

/// How long the database may take for the events of what was adopted.
const COMMITTING: Duration = Duration::from_secs(60);

/// Where everything is.
#[derive(Debug)]
pub struct Places<'a> {
    /// The data folder and the recordings folder.
    pub folders: &'a Folders,
    /// All folders that recordings lie in, the one with the manifests first, and what opens encrypted ones.
    pub shelves: Shelves,
}

/// Makes rows of recordings that have none. With `dry_run` nothing is written. The center must not run: it alone writes
/// the log while it does.
///
/// # Errors
/// When a center runs on these folders or this database, or one of them cannot be read.
pub async fn adopt(store: &Store, places: &Places<'_>, dry_run: bool) -> anyhow::Result<Vec<Adopted>> {
    let holder = Holder::this(&places.folders.data);
    let _data = Lock::data(&places.folders.data, &holder)?;
    let _recordings = guard::take_all(&places.shelves.folders, &holder)?;
    let ledger = Ledger(store.clone());
    let lines = Manifests::fates(&places.folders.recordings)
        .with_context(|| format!("read the manifests in {}", places.folders.recordings.display()))?;
    if dry_run {
        return Ok(Plan::make(&ledger, &places.shelves, &lines).await?.into_adopted());
    }
    let known = lines.last().map_or(0, |line| line.seq);
    let journal = Journal::start_after(store, &places.folders.data, known).await?;
    // What waited in the spool may have the rows that seem to be missing.
    if !store.wait_committed(journal.status().appended_seq, COMMITTING).await {
        bail!("the database does not take the events of the last run 数据库未接受上次运行的事件");
    }
    let mut plan = Plan::make(&ledger, &places.shelves, &lines).await?;
    let shelves = places.shelves.clone();
    let made = tokio::task::spawn_blocking(move || {
        let entries = plan.entries(&shelves, now);
        (plan, entries)
    });
    let (plan, entries) = made.await.with_context(|| "repair the files")?;
    for entry in entries {
        journal.log().append(entry)?;
    }
    let closing = journal.clone();
    let closed = tokio::task::spawn_blocking(move || closing.close(COMMITTING)).await;
    if !matches!(closed, Ok(true)) {
        bail!(
            "the database did not take everything: the rest waits in the spool for the next start 其余事件留待下次启动"
        );
    }
    Ok(plan.into_adopted())
}

/// Says in the log what the database does not know, as far as a start can see it.
pub(crate) async fn notice(store: &Store, journal: &Journal, folders: &[PathBuf]) {
    let (database, known) = (journal.status().appended_seq, journal.last_seq());
    let strangers = match newest_strangers(store, folders).await {
        Ok(strangers) => strangers,
        Err(error) => {
            return tracing::warn!("the recordings folder was not compared with the database: {error:#}");
        }
    };
    if known > database || strangers > 0 {
        tracing::warn!(
            database,
            known,
            files_without_rows = strangers,
            "recordings may have no rows: stop the center and run `hotline recordings adopt --dry-run` \
             部分录音可能没有记录：请停止服务后运行 hotline recordings adopt --dry-run"
        );
    }
}

/// How many of the newest files have no contact in the database.
async fn newest_strangers(store: &Store, folders: &[PathBuf]) -> anyhow::Result<usize> {
    let mut strangers = 0;
    for folder in folders {
        let folder = folder.clone();
        let newest = tokio::task::spawn_blocking(move || archive::newest_files(&folder)).await??;
        for path in newest {
            let Some(contact) = archive::contact_of(&path) else { continue };
            strangers += usize::from(store.contact(contact).await?.is_none());
        }
    }
    Ok(strangers)
}
