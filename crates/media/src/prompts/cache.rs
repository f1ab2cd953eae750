//! Decoded clips kept on disk, found by what their files hold: music is decoded once and not at each start.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::read::Heard;

/// Files from this length on are kept: smaller ones are decoded as quickly as found (1 MiB).
const LARGE: u64 = 1 << 20;
/// Marks a file of ours; another number when clips are decoded in another way.
const MAGIC: &[u8; 8] = b"HLCLIP01";
const ENDING: &str = "clip";
/// Clips that stay although nobody asked for them, the youngest.
const MOST_UNUSED: usize = 16;

/// A folder of decoded clips. Whatever fails here costs time and nothing else.
pub(super) struct Cache {
    folder: PathBuf,
    used: Mutex<BTreeSet<PathBuf>>,
}

impl Cache {
    /// In `folder`, which is made when the first clip is kept.
    pub(super) fn new(folder: &Path) -> Cache {
        Cache { folder: folder.to_owned(), used: Mutex::default() }
    }

    /// What was kept of a file, or what `read` hears in it.
    pub(super) fn heard<E>(&self, path: &Path, read: impl FnOnce() -> Result<Heard, E>) -> Result<Heard, E> {
        let is_large = fs::metadata(path).is_ok_and(|file| file.len() >= LARGE);
        let Some(kept) = is_large.then(|| self.place_of(path).ok()).flatten() else { return read() };
        if let Ok(mut used) = self.used.lock() {
            used.insert(kept.clone());
        }
        if let Some(heard) = fs::read(&kept).ok().and_then(|bytes| parse(&bytes)) {
            return Ok(heard);
        }
        let heard = read()?;
        if let Err(error) = self.keep(&kept, &heard) {
            tracing::debug!(path = %kept.display(), %error, "a decoded clip was not kept");
        }
        Ok(heard)
    }

    /// Removes what nobody asked for, but for the youngest.
    pub(super) fn tidy(&self) {
        let Ok(used) = self.used.lock() else { return };
        let Ok(entries) = fs::read_dir(&self.folder) else { return };
        let unused =
            |path: &PathBuf| path.extension().is_some_and(|end| end == ENDING) && !used.contains(path);
        let paths = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(unused);
        let age = |path: PathBuf| {
            let changed = fs::metadata(&path).and_then(|file| file.modified());
            (changed.unwrap_or(SystemTime::UNIX_EPOCH), path)
        };
        let mut unused: Vec<_> = paths.map(age).collect();
        unused.sort();
        let old = unused.len().saturating_sub(MOST_UNUSED);
        for (_, path) in unused.into_iter().take(old) {
            let _ = fs::remove_file(path);
        }
    }

    fn place_of(&self, path: &Path) -> io::Result<PathBuf> {
        let (mut file, mut hash) = (File::open(path)?, Sha256::new());
        let mut room = vec![0; 1 << 20];
        loop {
            match file.read(&mut room)? {
                0 => break,
                read => hash.update(room.get(..read).unwrap_or_default()),
            }
        }
        let name: String = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
        Ok(self.folder.join(name).with_extension(ENDING))
    }

    /// Under another name first, so that a file with this name is whole.
    fn keep(&self, path: &Path, heard: &Heard) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        let written = fs::write(&unfinished, print(heard)).and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

fn print(heard: &Heard) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(heard.samples.len() * 2 + 24);
    bytes.extend_from_slice(MAGIC);
    bytes.extend_from_slice(&u32::from(heard.is_short).to_le_bytes());
    bytes.extend_from_slice(&heard.skipped.to_le_bytes());
    bytes.extend_from_slice(&(heard.samples.len() as u64).to_le_bytes());
    heard.samples.iter().for_each(|sample| bytes.extend_from_slice(&sample.to_le_bytes()));
    bytes
}

fn parse(bytes: &[u8]) -> Option<Heard> {
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (short, rest) = rest.split_first_chunk::<4>()?;
    let (skipped, rest) = rest.split_first_chunk::<4>()?;
    let (count, rest) = rest.split_first_chunk::<8>()?;
    let (samples, odd) = rest.as_chunks::<2>();
    let is_whole = odd.is_empty() && u64::from_le_bytes(*count) == samples.len() as u64;
    (magic == MAGIC && is_whole).then(|| Heard {
        samples: samples.iter().map(|bytes| i16::from_le_bytes(*bytes)).collect(),
        is_short: u32::from_le_bytes(*short) != 0,
        skipped: u32::from_le_bytes(*skipped),
    })
}
