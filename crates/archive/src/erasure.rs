//! Legal holds, and the erasing of what the rules keep no longer.

use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use model::{Actor, DueRecording, RetentionRule, Time};
use serde::Serialize;
use tokio::sync::{Mutex, MutexGuard};

use crate::ledger::{LedgerError, Notary, Overdue};
use crate::names::paths_of;

/// Recordings whose erasure is noted together, before the first of their files is removed.
const GROUP: usize = 200;
/// Rows read at once.
const PAGE: u32 = 500;

/// What became of a recording whose time is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// Which.
    #[serde(flatten)]
    pub due: DueRecording,
    /// It was erased before, and a file of it was still there.
    pub again: bool,
    /// Its files are gone.
    pub erased: bool,
    /// Why they are not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Why the rules could not be applied. What was erased until then stays so.
#[derive(Debug, thiserror::Error)]
pub enum NotApplied {
    /// The rows or the log do not answer.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The folders cannot be looked at.
    #[error("the recordings folder cannot be looked at")]
    Folder(#[source] io::Error),
}

/// Erases recordings by rule. It alone removes a recording's files.
pub struct Eraser {
    folders: Vec<PathBuf>,
    overdue: Arc<dyn Overdue>,
    notary: Arc<dyn Notary>,
    custody: Mutex<()>,
    unerased: AtomicU64,
}

impl Eraser {
    /// Of recordings in these folders. What is erased is noted first.
    pub fn new(folders: Vec<PathBuf>, overdue: Arc<dyn Overdue>, notary: Arc<dyn Notary>) -> Eraser {
        Eraser { folders, overdue, notary, custody: Mutex::new(()), unerased: AtomicU64::new(0) }
    }

    /// While this is held nothing is erased: holds and erasures go one after the other.
    pub async fn custody(&self) -> MutexGuard<'_, ()> {
        self.custody.lock().await
    }

    /// How many erased recordings' files the last erasing could not remove.
    pub fn unerased(&self) -> u64 {
        self.unerased.load(Ordering::Relaxed)
    }

    /// Erases what could not be erased before, then what is due now. With `dry_run` nothing is noted or removed.
    ///
    /// # Errors
    /// When the rows or the log do not answer, or a folder cannot be looked at.
    pub async fn erase(
        &self,
        rules: &[RetentionRule],
        now: Time,
        by: &Actor,
        dry_run: bool,
    ) -> Result<Vec<Outcome>, NotApplied> {
        let _custody = self.custody().await;
        let mut outcomes = Vec::new();
        for due in self.left_over().await? {
            outcomes.push(self.remove(due, true, dry_run).await);
        }
        let mut due = self.overdue.due(rules, now).await?.into_iter().peekable();
        while due.peek().is_some() {
            let group: Vec<DueRecording> = due.by_ref().take(GROUP).collect();
            if !dry_run {
                let erased: Vec<&DueRecording> = group.iter().filter(|due| !due.held).collect();
                self.notary.note_erased(by, &erased).await?;
            }
            for due in group {
                outcomes.push(self.remove(due, false, dry_run).await);
            }
        }
        if !dry_run {
            let failed = outcomes.iter().filter(|outcome| outcome.fault.is_some()).count();
            self.unerased.store(failed as u64, Ordering::Relaxed);
        }
        Ok(outcomes)
    }

    /// Erased recordings of which a file is still there: the disk itself remembers what failed.
    async fn left_over(&self) -> Result<Vec<DueRecording>, NotApplied> {
        let (mut after, mut left) = (-1, Vec::new());
        loop {
            let page = self.overdue.erased_after(after, PAGE).await?;
            let Some(last) = page.last() else { return Ok(left) };
            after = last.recording_id.number();
            let folders = self.folders.clone();
            let is_there = move |due: &DueRecording| {
                let mut paths = paths_of(&due.path);
                paths.any(|path| folders.iter().any(|folder| folder.join(&path).try_exists().unwrap_or(true)))
            };
            let look = move || page.into_iter().filter(is_there).collect::<Vec<_>>();
            let looked = tokio::task::spawn_blocking(look).await;
            left.extend(looked.map_err(|error| NotApplied::Folder(io::Error::other(error)))?);
        }
    }

    /// Removes all files of a recording, unless it is held or only asked about.
    async fn remove(&self, due: DueRecording, again: bool, dry_run: bool) -> Outcome {
        if dry_run || due.held {
            return Outcome { due, again, erased: false, fault: None };
        }
        let (folders, path) = (self.folders.clone(), due.path.clone());
        // Each is tried, also when one stays.
        let removing = move || {
            paths_of(&path).map(|path| remove_in(&folders, Path::new(&path))).fold(Ok(()), Result::and)
        };
        let removed = tokio::task::spawn_blocking(removing).await;
        let fault = removed.unwrap_or_else(|error| Err(io::Error::other(error))).err().map(|error| {
            tracing::error!(
                recording = %due.recording_id, path = due.path, %error,
                "an erased recording's file stays: make its folder writable; the next run tries again"
            );
            error.to_string()
        });
        Outcome { due, again, erased: fault.is_none(), fault }
    }
}

/// Removes it wherever it lies. One that is not there is erased already.
fn remove_in(folders: &[PathBuf], path: &Path) -> io::Result<()> {
    let outside = || io::Error::other("the path leads out of the recordings folder");
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    for folder in folders {
        match folder.join(path).canonicalize() {
            Ok(full) if full.starts_with(folder.canonicalize()?) => std::fs::remove_file(full)?,
            Ok(_) => return Err(outside()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}
