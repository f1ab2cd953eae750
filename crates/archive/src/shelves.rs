//! Recordings in their folders, opened to be listened to or exported.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::disk::DiskFile;
use crate::vault::{self, CenterKeys, Locked};

/// Bytes exported at once.
const PIECE: usize = 1 << 16;

/// Why a stored recording cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// It is encrypted, and its key is not here or it was altered; shown to the listener as it stands.
    #[error("{0}")]
    Locked(String),
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// The folders that recordings lie in, and what opens those that are encrypted.
#[derive(Debug, Clone)]
pub struct Shelves {
    /// The first, and the one that takes over.
    pub folders: Vec<PathBuf>,
    /// The keys.
    pub keys: Arc<CenterKeys>,
}

impl Shelves {
    /// Opens a file in the first folder that has it; an encrypted file is read in the clear. The file must lie below
    /// that folder after all links are followed.
    ///
    /// # Errors
    /// When there is no such file, it cannot be read, or there is no key for it.
    pub fn open(&self, path: &str) -> Result<Box<dyn DiskFile>, Unopened> {
        let path = Path::new(path);
        let file = self.find(path)?;
        vault::open(file, path, &self.keys).map_err(|error| match Locked::of(&error) {
            Some(locked) => Unopened::Locked(locked.to_string()),
            None => Unopened::Io(error),
        })
    }

    fn find(&self, path: &Path) -> io::Result<File> {
        let mut refusal = io::Error::other("there is no recordings folder");
        for folder in &self.folders {
            match open_below(folder, path) {
                Ok(opened) => return Ok(opened),
                Err(error) => refusal = error,
            }
        }
        Err(refusal)
    }

    /// Where a file lies: the path in the first folder that has it.
    pub fn place_of(&self, path: &str) -> Option<PathBuf> {
        self.folders.iter().map(|folder| folder.join(path)).find(|path| path.is_file())
    }
}

fn open_below(folder: &Path, path: &Path) -> io::Result<File> {
    let outside = || io::Error::other("the path leads out of the recordings folder");
    if !path.components().all(|part| matches!(part, Component::Normal(_))) {
        return Err(outside());
    }
    let full = folder.join(path).canonicalize()?;
    if !full.starts_with(folder.canonicalize()?) {
        return Err(outside());
    }
    let file = File::open(full)?;
    if !file.metadata()?.is_file() {
        return Err(io::Error::other("not a file"));
    }
    Ok(file)
}

/// Writes the content of a file to a new file that its owner alone may read. Returns the number of bytes.
///
/// # Errors
/// When `from` cannot be read, or the new file exists already or cannot be written.
pub fn export(from: &dyn DiskFile, to: &Path) -> io::Result<u64> {
    let mut out = BufWriter::new(OpenOptions::new().write(true).create_new(true).mode(0o600).open(to)?);
    let (mut at, mut room) = (0, vec![0; PIECE]);
    loop {
        let read = from.read_at(at, &mut room)?;
        if read == 0 {
            out.into_inner()?.sync_all()?;
            return Ok(at);
        }
        out.write_all(room.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
}
