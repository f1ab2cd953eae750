//! Where recordings are written: a folder, or in tests something that fails.
//!
//! A folder that was a mount point when it was opened must still be one when a file is made in it: otherwise the
//! recording would go to the disk below the mount point.

use std::fmt;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::{Component, Path, PathBuf};

/// Makes recording files.
pub trait Disk: fmt::Debug + Send + Sync {
    /// Makes a new file at a path below the disk's root. Fails when it exists already.
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>>;
    /// Removes a file that was made here.
    fn remove(&self, _path: &str) -> io::Result<()> {
        Ok(())
    }
    /// `false` while the disk is known not to answer.
    fn answers(&self) -> bool {
        true
    }
}

/// One recording file.
pub trait DiskFile: Send {
    /// Writes at a byte offset.
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()>;
    /// Makes what was written survive a power cut.
    fn sync(&mut self) -> io::Result<()>;
    /// Makes the file itself survive a power cut, and reads its SHA-256 back, in lower-case hexadecimal.
    fn seal(&mut self) -> io::Result<String>;
    /// Reads at a byte offset, also after the file was deleted. Returns the number of bytes read, 0 at the end of the
    /// file.
    fn read_at(&self, _offset: u64, _room: &mut [u8]) -> io::Result<usize> {
        Ok(0)
    }
    /// `false` when the file was deleted or another file has its name: what is written to it then, nobody will find.
    fn is_there(&self) -> bool {
        true
    }
    /// Its length in bytes.
    fn length(&self) -> io::Result<u64> {
        Err(io::ErrorKind::Unsupported.into())
    }
    /// Cuts it off or extends it with zeros.
    fn set_len(&mut self, _len: u64) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

/// A folder of the file system.
#[derive(Debug)]
pub struct Folder {
    root: PathBuf,
    mounted: bool,
}

impl Folder {
    /// Opens a folder, and makes it where it does not exist.
    pub fn open(root: &Path) -> io::Result<Folder> {
        fs::create_dir_all(root)?;
        Ok(Folder { root: root.to_owned(), mounted: is_mount(root) })
    }

    /// A folder that need not exist yet: each new file tries again to make it.
    pub fn later(root: &Path) -> Folder {
        let _: io::Result<()> = fs::create_dir_all(root);
        Folder { root: root.to_owned(), mounted: is_mount(root) }
    }

    /// Looks whether the disk that was mounted here when the folder was opened still is.
    ///
    /// # Errors
    /// `NotFound` when it is not.
    pub fn is_mounted(&self) -> io::Result<()> {
        if self.mounted && !is_mount(&self.root) {
            return Err(io::Error::new(io::ErrorKind::NotFound, "its disk is not mounted"));
        }
        Ok(())
    }
}

/// True when another file system than that of the folder above it is mounted on `folder`.
pub fn is_mount(folder: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|metadata| metadata.dev()).ok();
    matches!((device(folder), device(&folder.join(".."))), (Some(own), Some(above)) if own != above)
}

impl Disk for Folder {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let path = self.root.join(inside(path)?);
        self.is_mounted()?;
        let parent = path.parent().unwrap_or(&self.root).to_owned();
        fs::create_dir_all(&parent)?;
        let file = OpenOptions::new().read(true).write(true).create_new(true).open(&path)?;
        File::open(&parent)?.sync_all()?;
        Ok(Box::new(FolderFile::of(file, &path)))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        fs::remove_file(self.root.join(inside(path)?))
    }
}

fn inside(path: &str) -> io::Result<&Path> {
    let relative = Path::new(path);
    let inside = relative.components().all(|part| matches!(part, Component::Normal(_)));
    if !inside || path.is_empty() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a path outside the recordings folder"));
    }
    Ok(relative)
}

/// A file of the file system.
pub(crate) struct FolderFile {
    file: File,
    path: PathBuf,
    parent: PathBuf,
}

impl FolderFile {
    /// Opens an existing file for writing.
    pub(crate) fn open(path: &Path) -> io::Result<FolderFile> {
        Ok(FolderFile::of(OpenOptions::new().read(true).write(true).open(path)?, path))
    }

    /// An open file.
    pub(crate) fn of(file: File, path: &Path) -> FolderFile {
        let parent = match path.parent() {
            Some(parent) if parent != Path::new("") => parent.to_owned(),
            Some(_) | None => PathBuf::from("."),
        };
        FolderFile { file, path: path.to_owned(), parent }
    }
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

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        self.file.read_at(room, offset)
    }

    fn is_there(&self) -> bool {
        let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
        let ours = self.file.metadata().map(id).ok();
        ours.is_some() && ours == fs::metadata(&self.path).map(id).ok()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.file.set_len(len)
    }
}

/// The SHA-256 of a whole file.
fn sha256(file: &File) -> io::Result<String> {
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
