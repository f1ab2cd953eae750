//! Where recordings are written: a folder, or in tests something that fails.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Component, Path, PathBuf};

/// Makes recording files.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a new file at a path below the disk's root. Fails when it exists already.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
}

/// One recording file.
pub trait DiskFile: Send {
    /// Writes at a byte offset.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes the file itself survive a power cut, and reads its SHA-256 back, in lower-case hexadecimal.
    fn seal(&mut self) -> io::Result<String>;
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// A folder, made when it does not exist.
    pub fn open(root: &Path) -> io::Result<Folder> {
        fs::create_dir_all(root)?;
        Ok(Folder { root: root.to_owned() })
    }
}

impl Disk for Folder {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let relative = Path::new(path);
        let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
        if !inside || path.is_empty() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path outside the recordings folder"));
        }
        let path = self.root.join(relative);
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        File::open(&parent)?.sync_all()?;
        Ok(Box::new(FolderFile { file, parent }))
    }
}

struct FolderFile {
    file: File,
    parent: PathBuf,
}

impl DiskFile for FolderFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.file.write_all_at(bytes, offset)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.file.sync_data()
    }

    fn seal(&mut self) -> io::Result<String> {
        self.file.sync_all()?;
        File::open(&self.parent)?.sync_all()?;
        sha256(&self.file)
    }
}

/// The SHA-256 of a whole file.
pub(crate) fn sha256(file: &File) -> io::Result<String> {
    use sha2::{Digest, Sha256};
    let mut digest = Sha256::new();
    let mut block = vec![0; 1 << 16];
    let mut offset = 0;
    loop {
        let read = file.read_at(&mut block, offset)?;
        if read == 0 {
            break;
        }
        digest.update(block.get(..read).unwrap_or_default());
        offset += read as u64;
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}
