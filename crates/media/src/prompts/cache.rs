//! Decoded clips kept on disk, found by the hash of their files: music is decoded once and not at each start.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::read::Heard;

/// Files of this length or more are kept; a smaller one is decoded as quickly as its copy is found (1 MiB).
const LARGE: u64 = 1 << 20;
/// The first bytes of a kept clip. The number is changed when clips are decoded in another way.
const MAGIC: &[u8; 8] = b"HLCLIP01";
const ENDING: &str = "clip";
/// Samples that are written at once.
const BLOCK: usize = 1 << 19;
/// The most kept clips that no file asked for in this run; the youngest stay.
const MOST_UNUSED: usize = 16;

/// A folder of decoded clips. A failure here costs time and nothing else.
pub(super) struct Cache {
    folder: PathBuf,
    /// The folder had no clips when it was opened.
    is_new: bool,
    used: Mutex<BTreeSet<PathBuf>>,
}

impl Cache {
    /// In `folder`, which is made when the first clip is kept.
    pub(super) fn new(folder: &Path) -> Cache {
        let is_new = fs::read_dir(folder).map_or(true, |mut entries| entries.next().is_none());
        Cache { folder: folder.to_owned(), is_new, used: Mutex::default() }
    }

    /// The kept clip of a file, or the one that `read` decodes. In a new cache the file is read while its hash is
    /// computed.
    pub(super) fn heard<E>(&self, path: &Path, read: impl FnOnce() -> Result<Heard, E>) -> Result<Heard, E> {
        if !fs::metadata(path).is_ok_and(|file| file.len() >= LARGE) {
            return read();
        }
        let place = || self.place_of(path).ok();
        let (place, heard) = if self.is_new {
            std::thread::scope(|scope| {
                let place = std::thread::Builder::new().spawn_scoped(scope, place);
                let heard = read();
                (place.ok().and_then(|place| place.join().ok()).flatten(), heard)
            })
        } else {
            let place = place();
            if let Some(heard) = place.as_ref().and_then(|place| self.kept(place)) {
                return Ok(heard);
            }
            (place, read())
        };
        let heard = heard?;
        if let Some(place) = place {
            self.uses(&place);
            if let Err(error) = self.keep(&place, &heard) {
                tracing::debug!(path = %place.display(), %error, "a decoded clip was not kept");
            }
        }
        Ok(heard)
    }

    fn kept(&self, place: &Path) -> Option<Heard> {
        let heard = fs::read(place).ok().and_then(|bytes| parse(&bytes))?;
        self.uses(place);
        Some(heard)
    }

    fn uses(&self, place: &Path) {
        if let Ok(mut used) = self.used.lock() {
            used.insert(place.to_owned());
        }
    }

    /// Removes kept clips that no file asked for in this run, but not the youngest.
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

    /// Writes under another name first, so that a file with the final name is whole.
    fn keep(&self, path: &Path, heard: &Heard) -> io::Result<()> {
        fs::create_dir_all(&self.folder)?;
        let unfinished = path.with_extension(format!("{}.new", std::process::id()));
        let written = File::create(&unfinished)
            .and_then(|file| print(heard, file))
            .and_then(|()| fs::rename(&unfinished, path));
        if written.is_err() {
            let _ = fs::remove_file(&unfinished);
        }
        written
    }
}

fn print(heard: &Heard, mut file: impl Write) -> io::Result<()> {
    file.write_all(MAGIC)?;
    file.write_all(&u32::from(heard.is_short).to_le_bytes())?;
    file.write_all(&heard.skipped.to_le_bytes())?;
    file.write_all(&(heard.samples.len() as u64).to_le_bytes())?;
    let mut bytes = Vec::new();
    for samples in heard.samples.chunks(BLOCK) {
        bytes.clear();
        bytes.extend(samples.iter().flat_map(|sample| sample.to_le_bytes()));
        file.write_all(&bytes)?;
    }
    Ok(())
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
