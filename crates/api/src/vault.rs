//! What lies between a stored recording and whoever listens.

use std::fs::File;
use std::io;
use std::path::Path;

/// Bytes to listen to, whatever the disk holds.
pub trait Audio: Send {
    /// How many there are.
    ///
    /// # Errors
    /// What the system says.
    fn length(&self) -> io::Result<u64>;

    /// Reads from a byte on; how many, 0 at the end.
    ///
    /// # Errors
    /// What the system says.
    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize>;
}

impl Audio for File {
    fn length(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        std::os::unix::fs::FileExt::read_at(self, room, offset)
    }
}

/// Why a stored recording cannot be listened to.
#[derive(Debug, thiserror::Error)]
pub enum Unopened {
    /// It is encrypted, and its key is not here or it was altered; said to the listener as it stands.
    #[error("{0}")]
    Locked(String),
    /// It cannot be read.
    #[error("it cannot be read")]
    Io(#[from] io::Error),
}

/// Opens encrypted recordings.
pub trait Vault: Send + Sync {
    /// What an encrypted file holds. Its path serves to name it.
    ///
    /// # Errors
    /// When there is no key for it, or it cannot be read.
    fn open(&self, file: File, path: &Path) -> Result<Box<dyn Audio>, Unopened>;
}
