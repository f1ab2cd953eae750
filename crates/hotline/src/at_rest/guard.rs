//! The folders that one center at a time writes to: data and recordings, the fallback included.
//!
//! Two centers on one recordings folder would mix the lines of their keys in one manifest, and break its chain for
//! ever. Each folder has a lock file ([`store::LOCK_FILE`]) that is held while the center runs. Where the lock cannot
//! be taken because the folder is away (an unmounted disk, a fallback that comes later), it is taken before the first
//! file is made there.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::bail;
use archive::{Disk, DiskFile, Folder, Guard};
use store::{Holder, Lock, StoreError};

/// A recordings folder and its lock.
#[derive(Debug)]
pub struct Guarded {
    folder: Folder,
    root: PathBuf,
    holder: Holder,
    lock: Mutex<Option<Lock>>,
}

impl Guarded {
    /// Takes the folder for this process. One that is away or takes no file now is taken later.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process has it.
    pub fn take(root: &Path, holder: &Holder) -> Result<Arc<Guarded>, StoreError> {
        let lock = match Lock::folder(root, holder) {
            Ok(lock) => Some(lock),
            Err(held @ StoreError::Held { .. }) => return Err(held),
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                tracing::error!(folder = %root.display(), %error, cause, "a recordings folder cannot be locked; tried again with each file");
                None
            }
        };
        Ok(Arc::new(Guarded {
            folder: Folder::later(root),
            root: root.to_owned(),
            holder: holder.clone(),
            lock: Mutex::new(lock),
        }))
    }
}

impl Guard for Guarded {
    fn ensure(&self) -> io::Result<()> {
        self.folder.is_mounted()?;
        let mut lock = self.lock.lock().unwrap_or_else(PoisonError::into_inner);
        if lock.as_ref().is_some_and(Lock::stands) {
            return Ok(());
        }
        // The old one is kept until there is a new one: the folder may come back.
        let taken = Lock::folder(&self.root, &self.holder).map_err(|error| match error {
            StoreError::File { source, .. } => source,
            held => io::Error::other(held.to_string()),
        })?;
        *lock = Some(taken);
        Ok(())
    }
}

impl Disk for Guarded {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.ensure()?;
        self.folder.create(path)
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.folder.remove(path)
    }
}

/// Takes all of these folders.
///
/// # Errors
/// As [`Guarded::take`], and when two of them are one.
pub fn take_all(folders: &[PathBuf], holder: &Holder) -> anyhow::Result<Vec<Arc<Guarded>>> {
    let mut taken: Vec<Arc<Guarded>> = Vec::new();
    for folder in folders {
        let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_owned());
        if let Some(same) = taken.iter().find(|before| real(&before.root) == real(folder)) {
            bail!(
                "recordings folder and fallback are one folder: {} and {}; name another disk as the fallback, or none \
                 录音目录与备用目录相同，请改用另一磁盘或不设备用目录",
                same.root.display(),
                folder.display()
            );
        }
        taken.push(Guarded::take(folder, holder)?);
    }
    Ok(taken)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use testing::Scratch;

    #[test]
    fn a_folder_that_another_took_is_refused_also_after_ours_was_lost() {
        let root = Scratch::new("lost");
        let folder = root.join("recordings");
        let ours = Guarded::take(&folder, &Holder::this(root.path())).unwrap();
        assert!(Guarded::take(&folder, &Holder::this(root.path())).is_err());
        // The folder is replaced, as by a disk that is mounted again, and another center takes it.
        fs::rename(&folder, root.join("away")).unwrap();
        let theirs = Guarded::take(&folder, &Holder::this(root.path())).unwrap();
        let Err(refused) = ours.create("a.wav") else { panic!("two writers") };
        assert!(refused.to_string().contains(&std::process::id().to_string()), "{refused}");
        assert!(!folder.join("a.wav").exists());
        drop(theirs);
        assert!(ours.create("a.wav").is_ok());
    }

    #[test]
    fn a_fallback_that_is_the_recordings_folder_is_no_fallback() {
        let root = Scratch::new("one");
        std::os::unix::fs::symlink(root.path(), root.join("link")).unwrap();
        let refused =
            take_all(&[root.path().to_owned(), root.join("link")], &Holder::this(root.path())).unwrap_err();
        assert!(refused.to_string().contains("are one folder"), "{refused}");
    }

    #[test]
    fn a_folder_that_comes_later_is_locked_before_its_first_file() {
        let root = Scratch::new("later");
        let folder = root.join("disk/recordings");
        // A file stands where the folder should be.
        fs::write(root.join("disk"), "").unwrap();
        let guarded = Guarded::take(&folder, &Holder::this(root.path())).unwrap();
        assert!(guarded.create("a.wav").is_err());
        fs::remove_file(root.join("disk")).unwrap();
        guarded.create("a.wav").unwrap();
        let second = Guarded::take(&folder, &Holder::this(root.path()));
        assert!(matches!(second, Err(StoreError::Held { .. })));
    }
}
