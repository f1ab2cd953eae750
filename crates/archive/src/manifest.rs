//! Day manifests: the recordings of each day in a chain of hashes, signed, so that no change goes unseen.
//!
//! Each day's folder below the recordings folder has a `manifest.jsonl` with a line for each recording that was
//! sealed, closed as damaged, or erased on that day. A line holds the SHA-256 of the line before it (the first line of
//! a day: of the last line of the day before) and is signed with Ed25519. `manifest.head` in the recordings folder,
//! signed too, names the last line, so that lines cut off at the end are missed.
//!
//! The manifests follow the event log as the tables do: a line holds the sequence number of its event, so a writer
//! that was stopped goes on after the last line.

mod check;
mod key;

pub use check::{Finding, check};
pub use key::{PublicKeys, SigningKey, SigningKeyError};

use std::collections::BTreeMap;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};

use model::{ContactId, Gap, RecordingId, Time, Zone};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::hexadecimal;

/// The name of a day's manifest.
pub(crate) const MANIFEST: &str = "manifest.jsonl";
/// The name of the file that names the last line.
const HEAD: &str = "manifest.head";
/// Separates the signed text of a line from its signature.
const SIGNATURE: &str = ",\"signature\":\"";

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Whole.
    Sealed,
    /// Cut off, or not written to its end.
    Damaged,
    /// Deleted by rule.
    Erased,
}

/// The content of a line: one recording and what became of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Line {
    /// Sequence number of the event in the log.
    pub seq: u64,
    /// When the event happened.
    pub at: Time,
    /// What became of the recording.
    pub fate: Fate,
    /// The recording.
    pub recording: RecordingId,
    /// Its contact.
    pub contact: ContactId,
    /// Path below the recordings folder.
    pub path: String,
    /// SHA-256 of the file, lower-case hexadecimal; empty when there is none.
    pub sha256: String,
    /// Bytes of the file.
    pub bytes: u64,
    /// Length in milliseconds.
    pub duration_ms: u64,
    /// Spans without audio.
    pub gaps: Vec<Gap>,
}

/// A line with its place in the chain.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Link {
    /// 1, 2, 3 … through all days.
    entry: u64,
    /// SHA-256 of the line before, with its signature; zeros for the very first.
    previous: String,
    #[serde(flatten)]
    line: Line,
}

/// The last line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Head {
    entry: u64,
    seq: u64,
    day: String,
    /// SHA-256 of that line.
    sha256: String,
}

/// The writer of the manifests of a recordings folder.
#[derive(Debug)]
pub struct Manifests {
    root: PathBuf,
    key: SigningKey,
    zone: Zone,
    head: Head,
}

impl Manifests {
    /// Reads the newest manifest and goes on after its last line; a line torn by a crash is cut off.
    ///
    /// # Errors
    /// When a folder or manifest cannot be read, or its last line has not our format.
    pub fn open(root: &Path, key: SigningKey, zone: Zone) -> io::Result<Manifests> {
        let mut head = Head { entry: 0, seq: 0, day: String::new(), sha256: "0".repeat(64) };
        for (day, path) in days(root)?.into_iter().rev() {
            let text = fs::read_to_string(&path)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            if whole < text.len() {
                OpenOptions::new().write(true).open(&path)?.set_len(whole as u64)?;
            }
            let Some(last) = text.get(..whole).and_then(|text| text.lines().next_back()) else { continue };
            let link: Link = parse(last).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
            head = Head { entry: link.entry, seq: link.line.seq, day, sha256: sha256(last) };
            break;
        }
        Ok(Manifests { root: root.to_owned(), key, zone, head })
    }

    /// The sequence number of the event in the last line, 0 without a line.
    pub fn last_seq(&self) -> u64 {
        self.head.seq
    }

    /// The last line of each recording in the manifests of a folder, in the order of the log. Signatures are not
    /// checked: [`check`] does that.
    ///
    /// # Errors
    /// When a manifest cannot be read, or a line has not our format.
    pub fn fates(root: &Path) -> io::Result<Vec<Line>> {
        let mut latest: BTreeMap<RecordingId, Line> = BTreeMap::new();
        for (_, path) in days(root)? {
            let text = fs::read_to_string(&path)?;
            let whole = text.rfind('\n').map_or(0, |end| end + 1);
            for line in text.get(..whole).unwrap_or_default().lines() {
                let link: Link =
                    parse(line).map_err(|why| io::Error::new(io::ErrorKind::InvalidData, why))?;
                latest.insert(link.line.recording, link.line);
            }
        }
        let mut lines: Vec<Line> = latest.into_values().collect();
        lines.sort_by_key(|line| line.seq);
        Ok(lines)
    }

    /// Adds a line; it is on the disk when this returns. A line whose event is in the manifests already is skipped.
    ///
    /// # Errors
    /// When the line cannot be written; it may be tried again.
    pub fn append(&mut self, line: Line) -> io::Result<()> {
        if line.seq <= self.head.seq {
            return Ok(());
        }
        let (year, month, day) = line.at.date(self.zone.offset(line.at));
        // A clock that was set back does not open an earlier day: the chain goes by day.
        let day = format!("{year:04}/{month:02}/{day:02}").max(self.head.day.clone());
        let (entry, seq, previous) = (self.head.entry + 1, line.seq, self.head.sha256.clone());
        let text = self.sign(&Link { entry, previous, line })?;
        let path = self.root.join(&day).join(MANIFEST);
        let folder = self.root.join(&day);
        fs::create_dir_all(&folder)?;
        let mut file = OpenOptions::new().create(true).append(true).open(&path)?;
        let before = file.metadata()?.len();
        let written = file.write_all(format!("{text}\n").as_bytes()).and_then(|()| file.sync_all());
        if let Err(error) = written {
            // Half a line would make every later line unreadable.
            let _: io::Result<()> = file.set_len(before);
            return Err(error);
        }
        File::open(&folder)?.sync_all()?;
        self.head = Head { entry, seq, day, sha256: sha256(&text) };
        self.write_head()
    }

    fn write_head(&self) -> io::Result<()> {
        let new = self.root.join("manifest.head.new");
        fs::write(&new, self.sign(&self.head)? + "\n")?;
        fs::rename(new, self.root.join(HEAD))
    }

    fn sign(&self, what: &impl Serialize) -> io::Result<String> {
        let mut body = serde_json::to_string(what).map_err(io::Error::other)?;
        body.pop();
        let signature = hexadecimal(&self.key.sign(body.as_bytes()));
        Ok(format!("{body}{SIGNATURE}{signature}\"}}"))
    }
}

/// The manifests below a folder, with their days, oldest first.
fn days(root: &Path) -> io::Result<Vec<(String, PathBuf)>> {
    let mut found = Vec::new();
    for year in numbered(root, 4)? {
        for month in numbered(&root.join(&year), 2)? {
            for day in numbered(&root.join(&year).join(&month), 2)? {
                let day = format!("{year}/{month}/{day}");
                let path = root.join(&day).join(MANIFEST);
                if path.is_file() {
                    found.push((day, path));
                }
            }
        }
    }
    Ok(found)
}

/// The folders in `folder` whose names have `digits` digits, in order.
fn numbered(folder: &Path, digits: usize) -> io::Result<Vec<String>> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.len() == digits
            && name.bytes().all(|byte| byte.is_ascii_digit())
            && folder.join(&name).is_dir()
        {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// Parses a signed text, which is given without its signature.
fn parse<T: serde::de::DeserializeOwned>(text: &str) -> Result<T, String> {
    let (body, _) = text.rsplit_once(SIGNATURE).ok_or("it has no signature")?;
    serde_json::from_str(&format!("{body}}}")).map_err(|error| error.to_string())
}

fn sha256(text: &str) -> String {
    hexadecimal(&Sha256::digest(text.as_bytes()))
}

#[cfg(test)]
mod tests;
