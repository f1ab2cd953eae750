//! Recordings that the database does not know are brought back: from their manifest lines, and from their files.
//!
//! A database that was restored from an older copy lacks the rows of what was recorded since. Their files and signed manifest
//! lines are still there. Adopting writes the events that make the rows again, under new sequence numbers; the manifests get a
//! line for each of them at the next start, as for every event of a recording.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use media::CenterKeys;
use model::{Actor, ContactId, Entry, Ids, RecordingEvent, RecordingId, RecordingState, Time};
use serde::Serialize;
use store::{Fate, Holder, Journal, Line, Lock, Manifests, RecordingFilter, RecordingRow, Store};

use crate::clock::now;
use crate::guard;
use crate::serve::Folders;

/// The maker of the ids of recordings whose own ids are lost.
const MAKER: u16 = 3;
/// Rows read at once.
const PAGE: u32 = 500;
/// Newest files that a start looks at.
const LOOKED_AT: usize = 200;
/// How long the database may take for the events of what was adopted.
const COMMITTING: Duration = Duration::from_secs(60);
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

/// Where everything is.
#[derive(Debug)]
pub struct Places<'a> {
    /// The data folder and the recordings folder.
    pub folders: &'a Folders,
    /// All folders that recordings lie in, the one with the manifests first.
    pub recordings: &'a [PathBuf],
    /// What opens encrypted recordings.
    pub keys: &'a CenterKeys,
}

/// Makes rows of recordings that have none. With `dry_run` nothing is written. The center must not run: it alone writes the log
/// while it does.
///
/// # Errors
/// When a center runs on these folders or this database, or one of them cannot be read.
pub async fn adopt(store: &Store, places: &Places<'_>, dry_run: bool) -> anyhow::Result<Vec<Adopted>> {
    let holder = Holder::this(&places.folders.data);
    let _data = Lock::data(&places.folders.data, &holder)?;
    let _recordings = guard::take_all(places.recordings, &holder)?;
    let lines = Manifests::fates(&places.folders.recordings)
        .with_context(|| format!("read the manifests in {}", places.folders.recordings.display()))?;
    if dry_run {
        return Ok(Plan::make(store, places, &lines).await?.into_adopted());
    }
    let known = lines.last().map_or(0, |line| line.seq);
    let journal = Journal::start_after(store, &places.folders.data, known).await?;
    // What waited in the spool may have the rows that seem to be missing.
    if !store.wait_committed(journal.status().appended_seq, COMMITTING).await {
        bail!("the database does not take the events of the last run 数据库未接受上次运行的事件");
    }
    let mut plan = Plan::make(store, places, &lines).await?;
    for entry in plan.entries(places).await {
        journal.log().append(entry)?;
    }
    let closing = journal.clone();
    let closed = tokio::task::spawn_blocking(move || closing.close(COMMITTING)).await;
    if !matches!(closed, Ok(true)) {
        bail!(
            "the database did not take everything: the rest waits in the spool for the next start 其余事件留待下次启动"
        );
    }
    Ok(plan.into_adopted())
}

/// Says in the log what the database does not know, as far as a start can see it.
pub(crate) async fn notice(store: &Store, journal: &Journal, folders: &[PathBuf]) {
    let (database, known) = (journal.status().appended_seq, journal.last_seq());
    let strangers = match newest_strangers(store, folders).await {
        Ok(strangers) => strangers,
        Err(error) => {
            return tracing::warn!("the recordings folder was not compared with the database: {error:#}");
        }
    };
    if known > database || strangers > 0 {
        tracing::warn!(
            database,
            known,
            files_without_rows = strangers,
            "recordings may have no rows: stop the center and run `hotline recordings adopt --dry-run` \
             部分录音可能没有记录：请停止服务后运行 hotline recordings adopt --dry-run"
        );
    }
}

/// How many of the newest files have no contact in the database.
async fn newest_strangers(store: &Store, folders: &[PathBuf]) -> anyhow::Result<usize> {
    let mut strangers = 0;
    for folder in folders {
        let folder = folder.clone();
        let newest = tokio::task::spawn_blocking(move || newest_files(&folder)).await??;
        for path in newest {
            let Some(contact) = contact_of(&path) else { continue };
            strangers += usize::from(store.contact(contact).await?.is_none());
        }
    }
    Ok(strangers)
}

/// The newest files of a recordings folder: of its last day, the last by name.
fn newest_files(folder: &Path) -> std::io::Result<Vec<String>> {
    let mut day = folder.to_owned();
    for _ in 0..3 {
        let Some(last) = numbered(&day)?.pop() else { return Ok(Vec::new()) };
        day.push(last);
    }
    let files: Vec<String> = store::wav_files(&day)?.into_iter().collect();
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

/// The contact that a recording's file is named after.
fn contact_of(path: &str) -> Option<ContactId> {
    let name = path.rsplit('/').next()?;
    name.split('.').next()?.parse().ok()
}

/// What there is to adopt.
#[derive(Debug, Default)]
struct Plan {
    /// Manifest lines without a row.
    lines: Vec<Line>,
    /// Manifest lines of erasures that the rows do not know.
    erased: Vec<Line>,
    /// Files with neither line nor row.
    files: Vec<(String, Option<ContactId>)>,
    faults: BTreeMap<String, String>,
}

impl Plan {
    async fn make(store: &Store, places: &Places<'_>, lines: &[Line]) -> anyhow::Result<Plan> {
        let mut files = BTreeSet::new();
        for folder in places.recordings {
            let found = store::wav_files(folder);
            files.append(&mut found.with_context(|| format!("read {}", folder.display()))?);
        }
        let rows = all_rows(store).await?;
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

    /// What makes the rows.
    async fn entries(&mut self, places: &Places<'_>) -> Vec<Entry> {
        let mut entries = Vec::new();
        for line in &self.lines {
            entries.extend(entries_of(line, places));
        }
        for line in &self.erased {
            let (recording, contact, sha256) = (line.recording, line.contact, line.sha256.clone());
            let event = RecordingEvent::Erased { recording, contact, rule: ERASED_BEFORE.to_owned(), sha256 };
            entries.push(Entry { at: now(), by: Some(Actor::CommandLine), event: event.into() });
        }
        let mut ids = Ids::new(MAKER);
        for (path, contact) in &self.files {
            let Some(contact) = contact else { continue };
            match file_entries(path, *contact, &mut ids, places) {
                Ok(made) => entries.extend(made),
                Err(error) => _ = self.faults.insert(path.clone(), format!("{error:#}")),
            }
        }
        entries
    }

    fn into_adopted(self) -> Vec<Adopted> {
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

async fn all_rows(store: &Store) -> anyhow::Result<BTreeMap<RecordingId, RecordingRow>> {
    let mut rows = BTreeMap::new();
    let mut filter = RecordingFilter { limit: PAGE, ..RecordingFilter::default() };
    loop {
        let page = store.recordings(&filter).await?;
        let Some(last) = page.last() else { return Ok(rows) };
        filter.before = Some(last.id);
        rows.extend(page.into_iter().map(|row| (row.id, row)));
    }
}

/// A recording as its manifest line has it.
fn entries_of(line: &Line, places: &Places<'_>) -> [Entry; 2] {
    let Line { recording, contact, path, duration_ms, .. } = line.clone();
    let opened = line.at - Duration::from_millis(duration_ms);
    let state = match line.fate {
        Fate::Sealed => RecordingState::Sealed,
        Fate::Damaged | Fate::Erased => RecordingState::Damaged,
    };
    let fault = matches!(state, RecordingState::Damaged).then(|| "adopted from its manifest".to_owned());
    let (sha256, gaps) = (line.sha256.clone(), line.gaps.clone());
    let rate = rate_of(&path, places);
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
    places: &Places<'_>,
) -> anyhow::Result<[Entry; 2]> {
    let rate = rate_of(path, places);
    // When it was written last, as far as the file says: repairing changes that.
    let at = written_at(path, places).unwrap_or_else(now);
    let repaired = media::repair_in(places.recordings, path, rate, places.keys)?;
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

fn written_at(path: &str, places: &Places<'_>) -> Option<Time> {
    let found = places.recordings.iter().find_map(|folder| std::fs::metadata(folder.join(path)).ok())?;
    let since = found.modified().ok()?.duration_since(std::time::UNIX_EPOCH).ok()?;
    Some(Time::from_unix_ms(i64::try_from(since.as_millis()).ok()?))
}

/// Samples a second by the file's header; 8,000 where it cannot be read.
fn rate_of(path: &str, places: &Places<'_>) -> u32 {
    let mut full = places.recordings.iter().map(|folder| folder.join(path));
    let read = full.find(|full| full.is_file()).and_then(|full| {
        let file = media::open(std::fs::File::open(&full).ok()?, &full, places.keys).ok()?;
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
