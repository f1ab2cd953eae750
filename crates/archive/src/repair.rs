//! Repairs recordings that a crash cut off: the header gets the true length, and the file is hashed.

use std::io;
use std::path::{Path, PathBuf};

use audio::wav::{self, HEADER_LEN, NotOurs};

use crate::disk::DiskFile;
use crate::vault::{self, CenterKeys};

/// A repaired recording.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repaired {
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// SHA-256 of the file as it is now, lower-case hexadecimal.
    pub sha256: String,
}

/// Why a recording could not be repaired.
#[derive(Debug, thiserror::Error)]
pub enum RepairError {
    /// It cannot be read or written.
    #[error("cannot repair {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not one of our recordings; it was left alone.
    #[error("{} was left alone", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NotOurs,
    },
}

/// Repairs a recording that was cut off: the header gets its true length, and a torn last sample is dropped. A whole
/// recording is not changed. An encrypted one needs its center's key. A recording whose first block a power cut left
/// blank gets a header at 8 kHz.
pub fn repair(path: &Path, keys: &CenterKeys) -> Result<Repaired, RepairError> {
    repair_at(path, audio::RATE, keys)
}

/// As [`repair`]; `rate` (samples a second) is for a file whose header is blank.
fn repair_at(path: &Path, rate: u32, keys: &CenterKeys) -> Result<Repaired, RepairError> {
    let io = |source| RepairError::Io { path: path.to_owned(), source };
    let mut file = vault::reopen(path, keys).map_err(io)?;
    let len = file.length().map_err(io)?;
    let head = head(&*file).map_err(io)?;
    let repair = wav::repair_at(&head, len, rate)
        .map_err(|source| RepairError::NotOurs { path: path.to_owned(), source })?;
    let mut write = || {
        if len != repair.file_len {
            file.set_len(repair.file_len)?;
        }
        if head != repair.header {
            file.write_at(0, &repair.header)?;
        }
        file.seal()
    };
    let sha256 = write().map_err(io)?;
    Ok(Repaired { duration_ms: repair.duration_ms(), sha256 })
}

/// Repairs a recording, whichever folder holds it. `rate`: samples a second. A recording that went on in another
/// folder lies in two files: the audio of the shorter one is copied to where the longer one has silence, and the
/// shorter one is removed.
pub fn repair_in(
    folders: &[PathBuf],
    path: &str,
    rate: u32,
    keys: &CenterKeys,
) -> Result<Repaired, RepairError> {
    let mut files: Vec<(u64, PathBuf)> = Vec::new();
    for folder in folders {
        let path = folder.join(path);
        if let Ok(metadata) = std::fs::metadata(&path) {
            files.push((metadata.len(), path));
        }
    }
    files.sort();
    let Some((_, longest)) = files.pop() else {
        let path = folders.first().map(|folder| folder.join(path)).unwrap_or_default();
        return Err(RepairError::Io { path, source: io::ErrorKind::NotFound.into() });
    };
    for (_, shorter) in files {
        let io = |source| RepairError::Io { path: shorter.clone(), source };
        repair_at(&shorter, rate, keys)?;
        bring_over(&shorter, &longest, keys).map_err(io)?;
        std::fs::remove_file(&shorter).map_err(io)?;
    }
    repair_at(&longest, rate, keys)
}

fn bring_over(from: &Path, to: &Path, keys: &CenterKeys) -> io::Result<()> {
    let (from, mut to) = (vault::reopen(from, keys)?, vault::reopen(to, keys)?);
    // Both files have the same header length: one version of this program made them.
    let (mut at, mut room) = (HEADER_LEN as u64, vec![0; 1 << 16]);
    loop {
        let read = from.read_at(at, &mut room)?;
        if read == 0 {
            return to.sync();
        }
        to.write_at(at, room.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
}

fn head(file: &dyn DiskFile) -> io::Result<Vec<u8>> {
    let mut head = vec![0; HEADER_LEN];
    let read = file.read_at(0, &mut head)?;
    head.truncate(read);
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{File, OpenOptions};
    use std::os::unix::fs::FileExt;

    use crate::disk::FolderFile;
    use audio::wav::{MAX_RIFF, StereoWav};
    use testing::Scratch;

    #[test]
    fn a_blank_first_block_becomes_the_header_of_the_recordings_own_rate() {
        let scratch = Scratch::new("blank");
        for (rate, duration_ms) in [(8_000, 2_000), (16_000, 1_000)] {
            let blank = vec![0; HEADER_LEN + 16_000 * 4];
            std::fs::write(scratch.join("a.wav"), blank).unwrap();
            let folders = [scratch.path().to_owned()];
            let repaired = repair_in(&folders, "a.wav", rate, &CenterKeys::default()).unwrap();
            assert_eq!(repaired.duration_ms, duration_ms);
            let reader = hound::WavReader::open(scratch.join("a.wav")).unwrap();
            assert_eq!((reader.spec().sample_rate, reader.duration()), (rate, 16_000));
        }
    }

    #[test]
    fn a_file_above_four_gigabytes_is_repaired_and_other_tools_read_its_length() {
        let scratch = Scratch::new("rf64");
        let path = scratch.join("long.wav");
        let file = File::create(&path).unwrap();
        // The header of a file that was killed just before the switch; the rest is a hole, and a torn sample.
        let len = HEADER_LEN as u64 + MAX_RIFF + 32_002;
        file.write_all_at(&StereoWav::default().header(), 0).unwrap();
        file.set_len(len).unwrap();
        let file = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        let first = head(&FolderFile::open(&path).unwrap()).unwrap();
        let repair = wav::repair(&first, len).unwrap();
        assert!(first.starts_with(b"RIFF") && repair.header.starts_with(b"RF64"));
        assert_eq!(repair.samples, MAX_RIFF / 4 + 8000);
        file.set_len(repair.file_len).unwrap();
        file.write_all_at(&repair.header, 0).unwrap();
        let read = std::process::Command::new("ffprobe")
            .args(["-v", "error", "-show_entries", "stream=duration_ts", "-of", "csv=p=0"])
            .arg(&path)
            .output();
        match read {
            Ok(output) => {
                let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
                assert_eq!(said, (MAX_RIFF / 4 + 8000).to_string());
            }
            Err(_) => eprintln!("ffprobe is not here: RF64 was not read by another tool"),
        }
    }
}
