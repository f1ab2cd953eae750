//! Locks of folders and files that one process at a time may write to.
//!
//! A lock is a file that its holder has locked with `flock`, for as long as the process lives. The file names the
//! holder, as JSON, for the error message of a process that is refused. The file is never removed: with a second file
//! of the same name two processes could each hold a lock.

use std::fmt;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use model::Time;
use serde::{Deserialize, Serialize};

use crate::StoreError;

/// The name of the lock file in a recordings folder.
pub const LOCK_FILE: &str = ".hotline.lock";
/// The name of the lock file in a data folder, which may be a recordings folder as well.
const DATA_LOCK_FILE: &str = ".hotline-data.lock";
/// The most that is read of a lock file, in bytes.
const LONGEST: u64 = 4096;

/// A process that holds a lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// The machine's name.
    pub host: String,
    /// The process id on that machine.
    pub pid: u32,
    /// When it took the lock.
    pub since: Time,
    /// Its data folder.
    pub data: PathBuf,
}

impl Holder {
    /// This process, with its data folder.
    pub fn this(data: &Path) -> Holder {
        let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let since = Time::from_unix_ms(i64::try_from(since.as_millis()).unwrap_or(i64::MAX));
        let data = std::path::absolute(data).unwrap_or_else(|_| data.to_owned());
        Holder { host: host.trim().to_owned(), pid: std::process::id(), since, data }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Holder { host, pid, since, data } = self;
        write!(
            out,
            "process 进程 {pid}, host 主机 {host}, since 自 {since}, data folder 数据目录 {}",
            data.display()
        )
    }
}

/// A lock that is held until it is dropped.
#[derive(Debug)]
pub struct Lock {
    path: PathBuf,
    file: File,
}

impl Lock {
    /// Locks a data folder, which is made when it is not there.
    ///
    /// # Errors
    /// As [`Lock::folder`].
    pub fn data(folder: &Path, holder: &Holder) -> Result<Lock, StoreError> {
        Lock::in_folder(folder, DATA_LOCK_FILE, holder)
    }

    /// Locks a recordings folder, which is made when it is not there.
    ///
    /// # Errors
    /// [`StoreError::Held`] when another process holds it; [`StoreError::File`] when the lock file cannot be written.
    pub fn folder(folder: &Path, holder: &Holder) -> Result<Lock, StoreError> {
        Lock::in_folder(folder, LOCK_FILE, holder)
    }

    fn in_folder(folder: &Path, name: &str, holder: &Holder) -> Result<Lock, StoreError> {
        std::fs::create_dir_all(folder)
            .map_err(|source| StoreError::File { path: folder.to_owned(), source })?;
        Lock::file(folder.join(name), folder, holder)
    }

    /// Takes the lock file `path`, which guards `what`.
    pub(crate) fn file(path: PathBuf, what: &Path, holder: &Holder) -> Result<Lock, StoreError> {
        let failed = |source| StoreError::File { path: path.clone(), source };
        let (mut file, ours) = open_locked(&path).map_err(failed)?;
        if !ours {
            let holder = read(&mut file).map(Box::new);
            return Err(StoreError::Held { path: what.to_owned(), holder });
        }
        write(&mut file, holder).map_err(failed)?;
        Ok(Lock { path, file })
    }

    /// True while the lock file's name leads to the file that is locked. After a folder was replaced or its disk
    /// remounted it does not, and another process may hold a lock of the same name.
    pub fn stands(&self) -> bool {
        let ours = self.file.metadata().ok().map(|metadata| identity(&metadata));
        ours.is_some() && ours == std::fs::metadata(&self.path).ok().map(|metadata| identity(&metadata))
    }
}

#[cfg(unix)]
fn identity(metadata: &std::fs::Metadata) -> (u64, u64) {
    use std::os::unix::fs::MetadataExt as _;
    (metadata.dev(), metadata.ino())
}

#[cfg(not(unix))]
fn identity(_: &std::fs::Metadata) -> (u64, u64) {
    (0, 0)
}

/// Opens or makes a file to read and write; true when this process has locked it, false while another holds it.
pub(crate) fn open_locked(path: &Path) -> io::Result<(File, bool)> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
    match file.try_lock() {
        Ok(()) => Ok((file, true)),
        Err(TryLockError::WouldBlock) => Ok((file, false)),
        Err(TryLockError::Error(source)) => Err(source),
    }
}

/// Who the file names; `None` when that cannot be read.
fn read(file: &mut File) -> Option<Holder> {
    let mut text = String::new();
    file.seek(SeekFrom::Start(0)).ok()?;
    file.take(LONGEST).read_to_string(&mut text).ok()?;
    serde_json::from_str(&text).ok()
}

fn write(file: &mut File, holder: &Holder) -> io::Result<()> {
    let text = serde_json::to_string(holder)? + "\n";
    file.seek(SeekFrom::Start(0))?;
    file.set_len(0)?;
    file.write_all(text.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use testing::Scratch;

    #[test]
    fn a_second_taker_learns_who_holds_the_folder() {
        let scratch = Scratch::new("lock");
        let holder = Holder::this(Path::new("/somewhere/var"));
        let first = Lock::folder(scratch.path(), &holder).unwrap();
        let refused = Lock::folder(scratch.path(), &Holder::this(Path::new("/elsewhere"))).unwrap_err();
        let StoreError::Held { holder: Some(found), .. } = &refused else { panic!("{refused}") };
        assert_eq!(**found, holder);
        let text = refused.to_string();
        for part in [&std::process::id().to_string(), "/somewhere/var", "占用"] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        drop(first);
        Lock::folder(scratch.path(), &holder).unwrap();
    }

    #[test]
    fn a_lock_whose_file_was_replaced_stands_no_longer() {
        let scratch = Scratch::new("lock-replaced");
        let lock = Lock::folder(scratch.path(), &Holder::this(scratch.path())).unwrap();
        assert!(lock.stands());
        std::fs::rename(scratch.path().join(LOCK_FILE), scratch.path().join("away")).unwrap();
        assert!(!lock.stands());
        let _second = Lock::folder(scratch.path(), &Holder::this(scratch.path())).unwrap();
        assert!(!lock.stands());
    }
}
