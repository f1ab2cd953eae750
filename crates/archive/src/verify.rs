//! Compares rows with files, and files with rows.

mod length;

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};
use std::path::{Component, Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use model::{ContactId, ENCRYPTED, GapCause, RecordingId, RecordingRow, RecordingState, Time};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::hexadecimal;
use crate::ledger::{LedgerError, Rows, Short, Stay};
use crate::names::paths_of;

/// Rows read at once.
const PAGE: u32 = 500;
/// A recording's length in its row may differ from that of its file by less than a packet.
const LENGTH_TOLERANCE_MS: u64 = 20;
/// A sealed recording may be shorter than its contact by this: the answer is logged before the first tick that
/// records, and the end before the tail is drained.
const SHORTER_MS: u64 = 1000;
/// How long after a contact's end its recording may still be open.
const SEALING: Duration = Duration::from_secs(5);

/// A difference between rows and files.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, thiserror::Error)]
#[serde(tag = "difference", rename_all = "snake_case")]
pub enum Difference {
    /// A row whose file is missing.
    #[error("recording {recording}: its file {path} is missing")]
    FileMissing {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
    },
    /// A file that no row knows.
    #[error("{path}: no recording has this file")]
    RowMissing {
        /// Path below the recordings folder.
        path: String,
    },
    /// A row whose path leads out of the recordings folder.
    #[error("recording {recording}: its path {path:?} leads out of the recordings folder")]
    PathOutside {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
    },
    /// A file that cannot be read.
    #[error("recording {recording}: {path} cannot be read: {why}")]
    Unreadable {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
        /// Why.
        why: String,
    },
    /// A header that is not that of a WAV file of the row's shape.
    #[error("recording {recording}: the header of {path} is invalid: {why}")]
    HeaderInvalid {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
        /// Why.
        why: String,
    },
    /// A file that is longer or shorter than its row says.
    #[error("recording {recording}: the row says {row_ms} ms, {path} has {file_ms} ms")]
    LengthDiffers {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
        /// Milliseconds in the row.
        row_ms: u64,
        /// Milliseconds in the file.
        file_ms: u64,
    },
    /// A sealed recording that does not cover its contact from answer to end.
    #[error("recording {recording}: {path} has {recorded_ms} ms of a contact of {contact_ms} ms")]
    ShorterThanContact {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
        /// Milliseconds recorded.
        recorded_ms: u64,
        /// Milliseconds from the contact's answer to its end.
        contact_ms: u64,
    },
    /// A file whose bytes are not those that were sealed.
    #[error("recording {recording}: {path} is not what was sealed: its SHA-256 is {file}, not {row}")]
    HashDiffers {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
        /// SHA-256 in the row.
        row: String,
        /// SHA-256 of the file.
        file: String,
    },
    /// A recording that is still open although its contact is over.
    #[error("recording {recording}: still open, but contact {contact} has ended")]
    StillOpen {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
    },
    /// A closed recording without a hash.
    #[error("recording {recording}: sealed without a SHA-256")]
    HashMissing {
        /// The recording.
        recording: RecordingId,
    },
    /// An erased recording whose file is there.
    #[error("recording {recording}: erased, but {path} is still there")]
    NotErased {
        /// The recording.
        recording: RecordingId,
        /// The path in the row.
        path: String,
    },
    /// A recording of which nothing was written: its contact, which was answered, has none.
    #[error(
        "contact {contact}: answered, but nothing of its recording {recording} was written: {why} 已接通但未能录音"
    )]
    NotWritten {
        /// The contact.
        contact: ContactId,
        /// The recording.
        recording: RecordingId,
        /// Why.
        why: String,
    },
    /// An answered contact that was not recorded.
    #[error("contact {contact}: answered, but it has no recording 已接通但没有录音")]
    NotRecorded {
        /// The contact.
        contact: ContactId,
    },
}

/// Why rows and files could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// The rows cannot be read.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A folder cannot be read.
    #[error("cannot use {}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

/// Compares every recording's row with its file and with the length of its contact, every file with the rows,
/// and looks for answered contacts without a recording. Reads every byte of every closed recording.
///
/// # Errors
///
/// When the rows or the recordings folder itself cannot be read. A single file that cannot be read is
/// a difference.
pub async fn verify(rows: &dyn Rows, folders: &[PathBuf]) -> Result<Vec<Difference>, VerifyError> {
    // Files are listed before rows are read: a call that begins meanwhile has its row by the time its file is looked
    // up.
    let mut files = BTreeSet::new();
    for folder in folders {
        let failed = |source| VerifyError::Folder { path: folder.clone(), source };
        files.append(&mut wav_files(folder).map_err(failed)?);
    }
    let mut differences = Vec::new();
    let mut known = BTreeSet::new();
    let mut after = -1;
    loop {
        let page = rows.recordings_after(after, PAGE).await?;
        let Some(last) = page.last() else { break };
        after = last.id.number();
        for row in page {
            if row.state == RecordingState::Open {
                differences.extend(still_open(rows, &row, folders).await?);
            }
            if nothing_written(&row) {
                differences.push(not_written(&row));
            }
            known.insert(row.path.clone());
            differences.extend(compare(&row, folders));
        }
    }
    let strangers = files.into_iter().filter(|path| !known.contains(path));
    differences.extend(strangers.map(|path| Difference::RowMissing { path }));
    let unrecorded = rows.unrecorded().await?;
    differences.extend(unrecorded.into_iter().map(|contact| Difference::NotRecorded { contact }));
    let short = |Short { recording, path, recorded_ms, contact_ms }| Difference::ShorterThanContact {
        recording,
        path,
        recorded_ms,
        contact_ms,
    };
    differences.extend(rows.shorter_by(SHORTER_MS).await?.into_iter().map(short));
    Ok(differences)
}

/// Whether nothing of a recording is on any disk: it failed at its start, or no place took any of its audio.
fn nothing_written(row: &RecordingRow) -> bool {
    match row.state {
        RecordingState::Damaged if row.sha256.is_none() => true,
        RecordingState::Sealed | RecordingState::Damaged => is_empty(row),
        RecordingState::Open | RecordingState::Erased => false,
    }
}

/// Whether the disks took less than 5 % of a recording: its file holds silence.
fn is_empty(row: &RecordingRow) -> bool {
    let duration = row.duration_ms.unwrap_or(0);
    let dropped = row.gap_ms(duration, |cause| matches!(cause, GapCause::Dropped));
    duration > 0 && dropped.saturating_mul(20) > duration.saturating_mul(19)
}

fn not_written(row: &RecordingRow) -> Difference {
    let why = row.fault.clone().unwrap_or_else(|| "no folder took it".to_owned());
    Difference::NotWritten { contact: row.contact_id, recording: row.id, why }
}

async fn still_open(
    rows: &dyn Rows,
    row: &RecordingRow,
    folders: &[PathBuf],
) -> Result<Option<Difference>, LedgerError> {
    let contact = rows.contact(row.contact_id).await?;
    let since_unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = Time::from_unix_ms(i64::try_from(since_unix.as_millis()).unwrap_or(i64::MAX));
    let long_ended = |contact: Stay| contact.ended_at.is_some_and(|at| now.since(at) > SEALING);
    if contact.is_none_or(long_ended) {
        return Ok(Some(Difference::StillOpen { recording: row.id, contact: row.contact_id }));
    }
    let written = folders.iter().any(|folder| folder.join(&row.path).is_file());
    let late = now.since(row.opened_at) > SEALING;
    let why = "the call goes on, and no file was made yet".to_owned();
    Ok((late && !written).then_some(Difference::NotWritten {
        contact: row.contact_id,
        recording: row.id,
        why,
    }))
}

fn compare(row: &RecordingRow, folders: &[PathBuf]) -> Vec<Difference> {
    let (recording, path) = (row.id, row.path.clone());
    let inside = Path::new(&path).components().all(|part| matches!(part, Component::Normal(_)));
    if !inside {
        return vec![Difference::PathOutside { recording, path }];
    }
    // The first folder that has the file counts: files in the fallback have the same paths.
    let found = folders.iter().map(|folder| folder.join(&path)).find(|full| full.is_file());
    let full = found.clone().unwrap_or_default();
    if row.state == RecordingState::Erased {
        let left = paths_of(&path).filter(|path| folders.iter().any(|folder| folder.join(path).is_file()));
        return left.map(|path| Difference::NotErased { recording, path }).collect();
    }
    match (row.state, found.is_some()) {
        (RecordingState::Open | RecordingState::Erased, _) => Vec::new(),
        // A recording of which nothing could be written is damaged and has no hash: see `nothing_written`.
        (RecordingState::Damaged, false) if row.sha256.is_none() => Vec::new(),
        (RecordingState::Sealed | RecordingState::Damaged, false) => {
            vec![Difference::FileMissing { recording, path }]
        }
        (RecordingState::Sealed | RecordingState::Damaged, true) => match compare_file(row, &full) {
            Ok(differences) => differences,
            Err(error) => vec![Difference::Unreadable { recording, path, why: error.to_string() }],
        },
    }
}

fn compare_file(row: &RecordingRow, full: &Path) -> io::Result<Vec<Difference>> {
    let (recording, path) = (row.id, row.path.clone());
    let mut file = File::open(full)?;
    let mut differences = Vec::new();
    let length = if row.encrypted {
        length::encrypted_length_ms(&file, row)?
    } else {
        length::file_length_ms(&mut file, row)?
    };
    match length {
        Err(why) => {
            let why = why.to_owned();
            differences.push(Difference::HeaderInvalid { recording, path: path.clone(), why });
        }
        Ok(file_ms) => {
            let row_ms = row.duration_ms.unwrap_or(0);
            if row_ms.abs_diff(file_ms) >= LENGTH_TOLERANCE_MS {
                differences.push(Difference::LengthDiffers {
                    recording,
                    path: path.clone(),
                    row_ms,
                    file_ms,
                });
            }
        }
    }
    let Some(sealed) = &row.sha256 else {
        differences.push(Difference::HashMissing { recording });
        return Ok(differences);
    };
    let found = hash(&mut file)?;
    if found != *sealed {
        differences.push(Difference::HashDiffers { recording, path, row: sealed.clone(), file: found });
    }
    Ok(differences)
}

/// The SHA-256 of a file in lower-case hexadecimal.
///
/// # Errors
///
/// When it cannot be read.
pub fn sha256_of(path: &Path) -> io::Result<String> {
    hash(&mut File::open(path)?)
}

pub(crate) fn hash(file: &mut File) -> io::Result<String> {
    file.seek(SeekFrom::Start(0))?;
    let mut sha256 = Sha256::new();
    let mut chunk = vec![0; 1 << 16];
    loop {
        let length = file.read(&mut chunk)?;
        if length == 0 {
            return Ok(hexadecimal(&sha256.finalize()));
        }
        sha256.update(&chunk[..length]);
    }
}

/// Every `.wav` below the folder, encrypted or not, as rows name them, in order. A folder that is not there has
/// none.
///
/// # Errors
///
/// When a folder cannot be read.
pub fn wav_files(folder: &Path) -> io::Result<BTreeSet<String>> {
    let mut files = BTreeSet::new();
    let mut folders: Vec<PathBuf> = if folder.exists() { vec![folder.to_owned()] } else { Vec::new() };
    while let Some(next) = folders.pop() {
        for entry in std::fs::read_dir(next)? {
            let path = entry?.path();
            if path.is_dir() && !path.is_symlink() {
                folders.push(path);
            } else if let Ok(below) = path.strip_prefix(folder) {
                let below = below.to_string_lossy().into_owned();
                if below.strip_suffix(ENCRYPTED).unwrap_or(&below).ends_with(".wav") {
                    files.insert(below);
                }
            }
        }
    }
    Ok(files)
}
