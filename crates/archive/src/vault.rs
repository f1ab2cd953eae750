//! Encryption of recordings at rest: a layer between the recording threads and the [`Disk`] with the files.
//!
//! ```text
//!   on the disk   envelope (4,096 bytes) ║ AES-256-XTS of (the file, 1 to 16 bytes of padding)
//!   seen above    the file
//! ```
//!
//! Files whose name ends in [`ENCRYPTED`] pass through this layer; all others go to the disk unchanged. The padding
//! fills the last block, and each of its bytes holds their number, so the length of the file follows from the length
//! on the disk. A block of zeros on the disk is a hole: it reads as zeros, as it would in a plain file. A block that
//! was written looks like one with a probability of 2⁻¹²⁸.
//!
//! XTS encrypts and does not authenticate. That a sealed file is unchanged is proven by its hash in the signed
//! manifest, which is of the bytes on the disk.

mod envelope;
mod keys;
mod xts;

pub use envelope::Locked;
pub use keys::{CenterKey, CenterKeys, KeyError, KeyId};

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::Arc;

use model::ENCRYPTED;

use crate::disk::{Disk, DiskFile, FolderFile};
use envelope::LEN;
use xts::{BLOCK, Xts};

/// True for the name of a file that is encrypted.
pub(crate) fn is_encrypted(path: &str) -> bool {
    path.ends_with(ENCRYPTED)
}

/// A disk that encrypts the files whose names say so, and passes their content on in the clear.
#[derive(Debug)]
pub struct Vault {
    disk: Arc<dyn Disk>,
    keys: Arc<CenterKeys>,
}

impl Vault {
    /// Encrypts with the current key of these.
    pub fn new(disk: Arc<dyn Disk>, keys: Arc<CenterKeys>) -> Vault {
        Vault { disk, keys }
    }
}

impl Disk for Vault {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        if !is_encrypted(path) {
            return self.disk.create(path);
        }
        let inner = self.disk.create(path)?;
        match Encrypted::create(inner, &self.keys) {
            Ok(file) => Ok(Box::new(file)),
            Err(error) => {
                // Without its envelope the file would stand in the way of the next attempt.
                let _: io::Result<()> = self.disk.remove(path);
                Err(error)
            }
        }
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.disk.remove(path)
    }

    fn answers(&self) -> bool {
        self.disk.answers()
    }
}

/// Opens a stored file for reading; an encrypted one is read in the clear.
///
/// # Errors
/// The system's error; where keys are the reason, [`Locked::of`] finds it.
pub fn open(file: File, path: &Path, keys: &CenterKeys) -> io::Result<Box<dyn DiskFile>> {
    clear(FolderFile::of(file, path), path, keys)
}

/// Opens a stored file to be repaired. One that was cut off before its first sync gets a new envelope.
pub(crate) fn reopen(path: &Path, keys: &CenterKeys) -> io::Result<Box<dyn DiskFile>> {
    let mut file = FolderFile::open(path)?;
    if is_encrypted(&path.to_string_lossy()) && is_blank(&file)? {
        file.set_len(0)?;
        return Ok(Box::new(Encrypted::create(Box::new(file), keys)?));
    }
    clear(file, path, keys)
}

fn clear(file: FolderFile, path: &Path, keys: &CenterKeys) -> io::Result<Box<dyn DiskFile>> {
    if is_encrypted(&path.to_string_lossy()) {
        return Ok(Box::new(Encrypted::open(Box::new(file), keys)?));
    }
    Ok(Box::new(file))
}

/// Whether no envelope was ever synced. Then there is no audio behind it either: the first sync comes before the
/// audio. A longer file without an envelope is something else, and is left alone.
fn is_blank(file: &FolderFile) -> io::Result<bool> {
    let mut block = [0; LEN];
    let read = read_all(file, 0, &mut block)?;
    let is_short = file.length()? <= 2 * LEN as u64;
    Ok(read < LEN || is_short && block.iter().all(|byte| *byte == 0))
}

/// An encrypted file, read and written in the clear.
struct Encrypted {
    inner: Box<dyn DiskFile>,
    xts: Xts,
    /// Length in bytes, without envelope and padding.
    len: u64,
}

impl Encrypted {
    fn create(mut inner: Box<dyn DiskFile>, keys: &CenterKeys) -> io::Result<Encrypted> {
        let center = keys.wrapping().ok_or_else(|| io::Error::other("there is no key to encrypt with"))?;
        let (key, block) = envelope::seal(center)?;
        inner.write_at(0, &block)?;
        Ok(Encrypted { inner, xts: Xts::new(&key), len: 0 })
    }

    fn open(inner: Box<dyn DiskFile>, keys: &CenterKeys) -> io::Result<Encrypted> {
        let mut block = [0; LEN];
        if read_all(&*inner, 0, &mut block)? < LEN {
            return Err(Locked::NotOurs.into());
        }
        let key = envelope::open(keys, &block)?;
        let stored = inner.length()?.saturating_sub(LEN as u64);
        let mut file = Encrypted { inner, xts: Xts::new(&key), len: stored - stored % BLOCK as u64 };
        if let Some(last) = file.len.checked_sub(BLOCK as u64) {
            file.len -= padding(&file.block(last)?);
        }
        Ok(file)
    }

    /// Reads whole blocks from a block's offset on. Holes read as zeros.
    fn blocks(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        let read = read_all(&*self.inner, LEN as u64 + offset, room)?;
        room[read..].fill(0);
        let mut rest = &mut room[..];
        let mut first = offset / BLOCK as u64;
        // The room consists of runs of written blocks with holes between them.
        while !rest.is_empty() {
            let hole = run(rest, true);
            let until = hole + run(&rest[hole..], false);
            let (before, behind) = rest.split_at_mut(until);
            let written = &mut before[hole..];
            self.xts.decrypt(first + (hole / BLOCK) as u64, written);
            first += ((hole + written.len()) / BLOCK) as u64;
            rest = behind;
        }
        Ok(read)
    }

    fn block(&self, offset: u64) -> io::Result<[u8; BLOCK]> {
        let mut block = [0; BLOCK];
        self.blocks(offset, &mut block)?;
        Ok(block)
    }

    /// Encrypts whole blocks and writes them where they belong.
    fn put(&mut self, offset: u64, mut bytes: Vec<u8>) -> io::Result<()> {
        self.xts.encrypt(offset / BLOCK as u64, &mut bytes);
        self.inner.write_at(LEN as u64 + offset, &bytes)
    }

    /// The bytes between the begin of a block and an offset in it.
    fn before(&self, offset: u64) -> io::Result<Vec<u8>> {
        let within = (offset % BLOCK as u64) as usize;
        if within == 0 {
            return Ok(Vec::new());
        }
        Ok(self.block(offset - within as u64)?[..within].to_vec())
    }

    /// Overwrites the padding with zeros, because data will follow behind a hole.
    fn blank_the_padding(&mut self) -> io::Result<()> {
        let mut block = self.before(self.len)?;
        let at = self.len - block.len() as u64;
        block.resize(BLOCK, 0);
        self.put(at, block)
    }
}

impl DiskFile for Encrypted {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if offset > self.len {
            self.blank_the_padding()?;
        }
        let end = offset + bytes.len() as u64;
        let mut whole = self.before(offset)?;
        let from = offset - whole.len() as u64;
        whole.extend_from_slice(bytes);
        let within = whole.len() % BLOCK;
        if end >= self.len {
            pad(&mut whole);
        } else if within > 0 {
            whole.extend_from_slice(&self.block(end - within as u64)?[within..]);
        }
        self.put(from, whole)?;
        self.len = self.len.max(end);
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        self.inner.sync()
    }

    fn seal(&mut self) -> io::Result<String> {
        self.inner.seal()
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.len.saturating_sub(offset)).unwrap_or(usize::MAX);
        let wanted = room.len().min(left);
        if wanted == 0 {
            return Ok(0);
        }
        let within = (offset % BLOCK as u64) as usize;
        let mut blocks = vec![0; (within + wanted).next_multiple_of(BLOCK)];
        let read = self.blocks(offset - within as u64, &mut blocks)?;
        let found = wanted.min(read.saturating_sub(within));
        room[..found].copy_from_slice(&blocks[within..within + found]);
        Ok(found)
    }

    fn is_there(&self) -> bool {
        self.inner.is_there()
    }

    fn length(&self) -> io::Result<u64> {
        Ok(self.len)
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        if len > self.len {
            self.blank_the_padding()?;
        }
        let mut last = self.before(len)?;
        let from = len - last.len() as u64;
        pad(&mut last);
        let end = from + last.len() as u64;
        self.put(from, last)?;
        self.inner.set_len(LEN as u64 + end)?;
        self.len = len;
        Ok(())
    }
}

/// The number of bytes at the start that belong to zero blocks (`zeros`), or to other blocks.
fn run(blocks: &[u8], zeros: bool) -> usize {
    let same = |block: &&[u8]| block.iter().all(|byte| *byte == 0) == zeros;
    blocks.chunks_exact(BLOCK).take_while(same).count() * BLOCK
}

/// Pads to a whole block with at least one byte; each padding byte holds their number (PKCS #7, RFC 5652 section 6.3).
fn pad(bytes: &mut Vec<u8>) {
    let count = BLOCK - bytes.len() % BLOCK;
    bytes.resize(bytes.len() + count, count as u8);
}

/// How many bytes of the last block are padding; 0 in a file that was cut off within its audio.
fn padding(block: &[u8; BLOCK]) -> u64 {
    let count = block[BLOCK - 1];
    let is_padding = (1..=BLOCK as u8).contains(&count)
        && block.iter().rev().take(usize::from(count)).all(|byte| *byte == count);
    if is_padding { u64::from(count) } else { 0 }
}

/// Reads until the room is full or the file ends.
pub(crate) fn read_all(file: &dyn DiskFile, offset: u64, room: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < room.len() {
        match file.read_at(offset + filled as u64, &mut room[filled..])? {
            0 => break,
            read => filled += read,
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests;
