//! Legal holds, and the erasing of recordings whose retention is over.

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

/// The outcome for a recording whose retention is over.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The recording.
    #[serde(flatten)]
    pub due: DueRecording,
    /// It was erased before, but a file of it was still on the disk.
    pub again: bool,
    /// Its files are gone.
    pub erased: bool,
    /// Why they are not gone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// Why the rules could not be applied. Recordings that were erased before the error stay erased.
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
    /// An eraser of the recordings in `folders`. It asks `overdue` what is due, and `notary` to note each erasure
    /// first.
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

    /// Erased recordings of which a file is still on the disk. They are found by looking, so a failure need not be
    /// remembered.
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
        // Each file is tried, also when one before it could not be removed.
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

/// Removes a file from every folder. A file that is not there counts as removed.
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use model::{ContactId, Ids, RecordingId};

    use super::*;
    use crate::ledger::Asked;
    use testing::Scratch;

    /// A list of what is due, and a notary that can be made to fail.
    #[derive(Default)]
    struct Fake {
        due: Vec<DueRecording>,
        erased: std::sync::Mutex<Vec<DueRecording>>,
        is_away: AtomicBool,
        /// Whose files must be there while their erasure is noted.
        folder: PathBuf,
    }

    impl Overdue for Fake {
        fn due<'a>(&'a self, _: &'a [RetentionRule], _: Time) -> Asked<'a, Vec<DueRecording>> {
            let erased = self.erased.lock().unwrap().clone();
            Box::pin(
                async move { Ok(self.due.iter().filter(|due| !erased.contains(due)).cloned().collect()) },
            )
        }

        fn erased_after(&self, after: i64, _: u32) -> Asked<'_, Vec<DueRecording>> {
            let behind = |due: &&DueRecording| due.recording_id.number() > after;
            let erased = self.erased.lock().unwrap().iter().filter(behind).cloned().collect();
            Box::pin(async move { Ok(erased) })
        }
    }

    impl Notary for Fake {
        fn note_erased<'a>(&'a self, _: &'a Actor, due: &'a [&'a DueRecording]) -> Asked<'a, ()> {
            Box::pin(async move {
                if self.is_away.load(Ordering::Relaxed) {
                    return Err(LedgerError::new("the log takes nothing"));
                }
                for due in due {
                    assert!(self.folder.join(&due.path).is_file(), "{} is gone before its record", due.path);
                    self.erased.lock().unwrap().push((*due).clone());
                }
                Ok(())
            })
        }
    }

    /// Three recordings of one rule, the second of them held, with copies.
    fn three(folder: &Path) -> Arc<Fake> {
        let at = Time::from_unix_ms(0);
        let due = |n: u16| {
            let (recording_id, contact_id) =
                (RecordingId::new(&mut Ids::new(n), at), ContactId::new(&mut Ids::new(n), at));
            let path = format!("{n}.wav");
            paths_of(&path).for_each(|path| std::fs::write(folder.join(path), "audio").unwrap());
            let (queue, sha256, rule, held) = (None, None, "all".to_owned(), n == 2);
            DueRecording { recording_id, contact_id, path, sha256, opened_at: at, queue, rule, held }
        };
        let due = [1, 2, 3].map(due).to_vec();
        Arc::new(Fake { due, folder: folder.to_owned(), ..Fake::default() })
    }

    fn files(folder: &Path) -> usize {
        std::fs::read_dir(folder).unwrap().count()
    }

    #[tokio::test]
    async fn a_recording_is_noted_and_then_gone_with_its_copies_and_a_held_one_stays() {
        let scratch = Scratch::new("erasure");
        let fake = three(scratch.path());
        let eraser = Eraser::new(vec![scratch.path().to_owned()], fake.clone(), fake.clone());
        let erase = async |dry_run| {
            let outcomes = eraser.erase(&[], Time::from_unix_ms(0), &Actor::Schedule, dry_run).await;
            outcomes.unwrap().into_iter().map(|outcome| outcome.erased).collect::<Vec<_>>()
        };
        assert_eq!((erase(true).await, files(scratch.path())), (vec![false; 3], 9));
        assert_eq!((erase(false).await, files(scratch.path())), (vec![true, false, true], 3));
        // What came back is removed again, without a second record.
        std::fs::write(scratch.path().join("1.flac"), "audio").unwrap();
        assert_eq!((erase(false).await, files(scratch.path())), (vec![true, false], 3));
        assert_eq!((fake.erased.lock().unwrap().len(), eraser.unerased()), (2, 0));
    }

    #[tokio::test]
    async fn what_cannot_be_noted_is_not_removed() {
        let scratch = Scratch::new("unnoted");
        let fake = three(scratch.path());
        fake.is_away.store(true, Ordering::Relaxed);
        let eraser = Eraser::new(vec![scratch.path().to_owned()], fake.clone(), fake.clone());
        let refused = eraser.erase(&[], Time::from_unix_ms(0), &Actor::Schedule, false).await.unwrap_err();
        assert!(matches!(refused, NotApplied::Ledger(_)), "{refused}");
        assert_eq!(files(scratch.path()), 9);
    }

    #[test]
    fn a_path_that_leads_out_of_the_folder_is_not_removed() {
        let scratch = Scratch::new("outside");
        let folder = scratch.path().join("recordings");
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(scratch.path().join("passwd"), "").unwrap();
        assert!(remove_in(&[folder], Path::new("../passwd")).is_err());
        assert!(scratch.path().join("passwd").exists());
    }
}
