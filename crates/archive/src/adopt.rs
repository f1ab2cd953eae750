//! Recordings that the database does not know are brought back: from their manifest lines, and from their files.
//!
//! A database that was restored from an older copy lacks the rows of what was recorded since. Their files and signed
//! manifest lines are still there. Adopting writes the events that make the rows again, under new sequence numbers; the
//! manifests get a line for each of them at the next start, as for every event of a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use model::{Actor, ContactId, Entry, Ids, RecordingEvent, RecordingId, RecordingRow, RecordingState, Time};
use serde::Serialize;

use crate::ledger::{LedgerError, Rows};
use crate::manifest::{Fate, Line};
use crate::names::contact_of;
use crate::repair::{RepairError, repair_in};
use crate::shelves::Shelves;
use crate::verify::{VerifyError, wav_files};

/// The maker of the ids of recordings whose own ids are lost.
const MAKER: u16 = 3;
/// Rows read at once.
const PAGE: u32 = 500;
/// Newest files that a start looks at.
const LOOKED_AT: usize = 200;
/// The rule's name in the event of an erasure that only the manifest knows.
const ERASED_BEFORE: &str = "erased before the database was restored";

/// What is done with one recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Adopted {
    /// The recording; `None` for a file without a manifest line, which gets a new id.
    pub recording: Option<RecordingId>,
    /// Its contact.
    pub contact: Option<ContactId>,
    /// Path below the recordings folder.
    pub path: String,
    /// `manifest`, `file` or `erased`; `unknown` for a file whose name is none of ours, which is left alone.
    pub from: &'static str,
    /// Why it was left alone.
    pub fault: Option<String>,
}

/// The newest files of a recordings folder: of its last day, the last by name.
///
/// # Errors
/// When a folder cannot be read.
pub fn newest_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut day = folder.to_owned();
    for _ in 0..3 {
        let Some(last) = numbered(&day)?.pop() else { return Ok(Vec::new()) };
        day.push(last);
    }
    let files: Vec<String> = wav_files(&day)?.into_iter().collect();
    Ok(files.into_iter().rev().take(LOOKED_AT).collect())
}

fn numbered(folder: &Path) -> std::io::Result<Vec<String>> {
    if !folder.is_dir() {
        return Ok(Vec::new());
    }
    let mut names = Vec::new();
    for entry in std::fs::read_dir(folder)? {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if name.bytes().all(|byte| byte.is_ascii_digit()) && folder.join(&name).is_dir() {
            names.push(name);
        }
    }
    names.sort();
    Ok(names)
}

/// What there is to adopt.
#[derive(Debug, Default)]
pub struct Plan {
    /// Manifest lines without a row.
    lines: Vec<Line>,
    /// Manifest lines of erasures that the rows do not know.
    erased: Vec<Line>,
    /// Files with neither line nor row.
    files: Vec<(String, Option<ContactId>)>,
    faults: BTreeMap<String, String>,
}

impl Plan {
    /// What has manifest lines or files, and no row.
    ///
    /// # Errors
    /// When the rows or a folder cannot be read.
    pub async fn make(rows: &dyn Rows, shelves: &Shelves, lines: &[Line]) -> Result<Plan, VerifyError> {
        let mut files = BTreeSet::new();
        for folder in &shelves.folders {
            let failed = |source| VerifyError::Folder { path: folder.clone(), source };
            files.append(&mut wav_files(folder).map_err(failed)?);
        }
        let rows = all_rows(rows).await?;
        let mut plan = Plan::default();
        for line in lines {
            match (line.fate, rows.get(&line.recording)) {
                (Fate::Erased, Some(row)) if row.state != RecordingState::Erased => {
                    plan.erased.push(line.clone());
                }
                (Fate::Erased, _) => {}
                (Fate::Sealed | Fate::Damaged, None) => plan.lines.push(line.clone()),
                (Fate::Sealed | Fate::Damaged, Some(_)) => {}
            }
        }
        let listed: BTreeSet<&str> = lines.iter().map(|line| line.path.as_str()).collect();
        let known: BTreeSet<&str> = rows.values().map(|row| row.path.as_str()).collect();
        let strangers =
            files.iter().filter(|path| !listed.contains(path.as_str()) && !known.contains(path.as_str()));
        plan.files = strangers.map(|path| (path.clone(), contact_of(path))).collect();
        Ok(plan)
    }

    /// What makes the rows. Files that no line proves are repaired, which reads and writes the disk.
    pub fn entries(&mut self, shelves: &Shelves, now: fn() -> Time) -> Vec<Entry> {
        let mut entries = Vec::new();
        for line in &self.lines {
            entries.extend(entries_of(line, shelves));
        }
        for line in &self.erased {
            let (recording, contact, sha256) = (line.recording, line.contact, line.sha256.clone());
            let event = RecordingEvent::Erased { recording, contact, rule: ERASED_BEFORE.to_owned(), sha256 };
            entries.push(Entry { at: now(), by: Some(Actor::CommandLine), event: event.into() });
        }
        let mut ids = Ids::new(MAKER);
        for (path, contact) in &self.files {
            let Some(contact) = contact else { continue };
            match file_entries(path, *contact, &mut ids, (shelves, now)) {
                Ok(made) => entries.extend(made),
                Err(error) => _ = self.faults.insert(path.clone(), crate::chain(&error)),
            }
        }
        entries
    }

    /// What is done with each.
    pub fn into_adopted(self) -> Vec<Adopted> {
        let of_line = |from| {
            move |line: Line| {
                let (recording, contact) = (Some(line.recording), Some(line.contact));
                Adopted { recording, contact, path: line.path, from, fault: None }
            }
        };
        let faults = self.faults;
        let of_file = |(path, contact): (String, Option<ContactId>)| {
            let from = if contact.is_some() { "file" } else { "unknown" };
            let unnamed = contact.is_none().then(|| "its name is none of ours 文件名无法识别".to_owned());
            let fault = faults.get(&path).cloned().or(unnamed);
            Adopted { recording: None, contact, path, from, fault }
        };
        let lines = self.lines.into_iter().map(of_line("manifest"));
        let erased = self.erased.into_iter().map(of_line("erased"));
        lines.chain(erased).chain(self.files.into_iter().map(of_file)).collect()
    }
}

async fn all_rows(rows: &dyn Rows) -> Result<BTreeMap<RecordingId, RecordingRow>, LedgerError> {
    let (mut all, mut before) = (BTreeMap::new(), None);
    loop {
        let page = rows.recordings_before(before, PAGE).await?;
        let Some(last) = page.last() else { return Ok(all) };
        before = Some(last.id);
        all.extend(page.into_iter().map(|row| (row.id, row)));
    }
}

/// A recording as its manifest line has it.
fn entries_of(line: &Line, shelves: &Shelves) -> [Entry; 2] {
    let Line { recording, contact, path, duration_ms, .. } = line.clone();
    let opened = line.at - Duration::from_millis(duration_ms);
    let state = match line.fate {
        Fate::Sealed => RecordingState::Sealed,
        Fate::Damaged | Fate::Erased => RecordingState::Damaged,
    };
    let fault = matches!(state, RecordingState::Damaged).then(|| "adopted from its manifest".to_owned());
    let (sha256, gaps) = (line.sha256.clone(), line.gaps.clone());
    let rate = rate_of(&path, shelves);
    [
        nobodys(opened, RecordingEvent::Opened { recording, contact, path, channels: 2, rate }),
        nobodys(
            line.at,
            RecordingEvent::Closed { recording, contact, state, duration_ms, sha256, gaps, fault },
        ),
    ]
}

/// A file that nothing proves: it is repaired, hashed as it is now, and never called sealed.
fn file_entries(
    path: &str,
    contact: ContactId,
    ids: &mut Ids,
    (shelves, now): (&Shelves, fn() -> Time),
) -> Result<[Entry; 2], RepairError> {
    let rate = rate_of(path, shelves);
    // When it was written last, as far as the file says: repairing changes that.
    let at = written_at(path, shelves).unwrap_or_else(now);
    let repaired = repair_in(&shelves.folders, path, rate, &shelves.keys)?;
    let recording = RecordingId::new(ids, at);
    let duration_ms = repaired.duration_ms;
    let opened = at - Duration::from_millis(duration_ms);
    let closed = RecordingEvent::Closed {
        recording,
        contact,
        state: RecordingState::Damaged,
        duration_ms,
        sha256: repaired.sha256,
        gaps: Vec::new(),
        fault: Some("adopted from its file: no row and no manifest line tells what it was".to_owned()),
    };
    let path = path.to_owned();
    let began = RecordingEvent::Opened { recording, contact, path, channels: 2, rate };
    Ok([nobodys(opened, began), nobodys(at, closed)])
}

/// What happened then, caused by nobody.
fn nobodys(at: Time, event: RecordingEvent) -> Entry {
    Entry { at, by: None, event: event.into() }
}

fn written_at(path: &str, shelves: &Shelves) -> Option<Time> {
    let found = shelves.folders.iter().find_map(|folder| std::fs::metadata(folder.join(path)).ok())?;
    let since = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Time::from_unix_ms(i64::try_from(since.as_millis()).ok()?))
}

/// Samples a second by the file's header; 8,000 where it cannot be read.
fn rate_of(path: &str, shelves: &Shelves) -> u32 {
    let read = shelves.open(path).ok().and_then(|file| {
        let mut head = [0; 128];
        let read = file.read_at(0, &mut head).ok()?;
        let head = head.get(..read)?;
        // Behind the chunk's name and size: format and channels, 2 bytes each, then the rate.
        let format = head.windows(4).position(|name| name == b"fmt ")?;
        let rate = head.get(format + 12..format + 16)?;
        Some(u32::from_le_bytes(rate.try_into().ok()?))
    });
    read.filter(|rate| *rate > 0).unwrap_or(audio::RATE)
}
