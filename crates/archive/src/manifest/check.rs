//! Checks folders against their manifests, with nothing but the public key.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io;
use std::path::{Component, Path, PathBuf};

use super::{Fate, HEAD, Head, Line, Link, MANIFEST, PublicKeys, SIGNATURE, days, parse, sha256};
use crate::verify::{hash, wav_files};

/// A difference between what was recorded and what is in the folders.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// There is no manifest to check against.
    #[error("{folder}: no manifest.jsonl is here or in a day's folder below 没有清单")]
    NoManifest {
        /// The folder.
        folder: String,
    },
    /// A line that has not our format.
    #[error("{manifest} line {line}: cannot be read: {why} 无法读取")]
    Unreadable {
        /// The manifest.
        manifest: String,
        /// 1-based.
        line: usize,
        /// Why.
        why: String,
    },
    /// A line whose signature does not match its text.
    #[error("{manifest} line {line}: bad signature: altered, or signed with another key 签名不符")]
    BadSignature {
        /// The manifest.
        manifest: String,
        /// 1-based.
        line: usize,
    },
    /// Lines that are missing.
    #[error("{manifest} line {line}: entries {from} to {until} before it are missing 缺少条目")]
    EntriesMissing {
        /// The manifest.
        manifest: String,
        /// 1-based.
        line: usize,
        /// The first missing.
        from: u64,
        /// The last missing.
        until: u64,
    },
    /// A line with a number that is not above the number of the line before it: moved or repeated.
    #[error(
        "{manifest} line {line}: entry {entry} stands behind entry {after}: reordered or repeated 顺序被改动"
    )]
    Reordered {
        /// The manifest.
        manifest: String,
        /// 1-based.
        line: usize,
        /// Its number.
        entry: u64,
        /// The number before it.
        after: u64,
    },
    /// A line that is not chained to the line before it.
    #[error("{manifest} line {line}: the line before it is not the one it was chained to 链条断裂")]
    ChainBroken {
        /// The manifest.
        manifest: String,
        /// 1-based.
        line: usize,
    },
    /// The chain ends before the line that `manifest.head` names.
    #[error("truncated: the last entry was {head}, {last} is the last that is here 清单被截断")]
    Truncated {
        /// By `manifest.head`.
        head: u64,
        /// In the manifests.
        last: u64,
    },
    /// `manifest.head` is missing, unsigned, or names another line.
    #[error("manifest.head: {why}")]
    HeadWrong {
        /// What is wrong.
        why: String,
    },
    /// A file that is listed and missing.
    #[error("{path}: missing 文件缺失")]
    FileMissing {
        /// Below the recordings folder.
        path: String,
    },
    /// A file whose bytes are not those that were sealed.
    #[error("{path}: altered: its SHA-256 is {found}, not {listed} 文件被改动")]
    FileAltered {
        /// Below the recordings folder.
        path: String,
        /// By the manifest.
        listed: String,
        /// Of the file.
        found: String,
    },
    /// A file that no line lists.
    #[error("{path}: no manifest lists it: inserted, or still being recorded 清单中没有此文件")]
    FileInserted {
        /// Below the recordings folder.
        path: String,
    },
    /// A file that was erased and is there.
    #[error("{path}: was erased, and is there 已删除的文件仍在")]
    FileBack {
        /// Below the recordings folder.
        path: String,
    },
    /// A file that cannot be read.
    #[error("{path}: cannot be read: {why}")]
    FileUnreadable {
        /// Below the recordings folder.
        path: String,
        /// Why.
        why: String,
    },
}

/// Checks recordings folders: the first has the manifests, the others may have more files. A single day's folder may
/// be checked too. Returns the findings and the number of entries.
///
/// # Errors
/// When a folder cannot be read.
pub fn check(folders: &[PathBuf], keys: &PublicKeys) -> io::Result<(Vec<Finding>, u64)> {
    let Some(first) = folders.first() else { return Ok((Vec::new(), 0)) };
    let alone = first.join(MANIFEST).is_file();
    let manifests = if alone { vec![(String::new(), first.join(MANIFEST))] } else { days(first)? };
    let mut chain =
        Chain { keys, last: None, hashes: BTreeMap::new(), lines: Vec::new(), findings: Vec::new() };
    if manifests.is_empty() {
        chain.findings.push(Finding::NoManifest { folder: first.display().to_string() });
    }
    for (day, path) in manifests {
        let text = String::from_utf8_lossy(&fs::read(&path)?).into_owned();
        let name = if day.is_empty() { MANIFEST.to_owned() } else { format!("{day}/{MANIFEST}") };
        for (number, line) in (1..).zip(text.lines()) {
            chain.follow(&name, number, line, alone);
        }
    }
    if !alone && !chain.hashes.is_empty() {
        chain.check_head(first);
    }
    let Chain { lines, mut findings, .. } = chain;
    let count = lines.len() as u64;
    compare_files(folders, alone, &lines, &mut findings)?;
    Ok((findings, count))
}

struct Chain<'a> {
    keys: &'a PublicKeys,
    /// Number and hash of the line before.
    last: Option<(u64, String)>,
    hashes: BTreeMap<u64, String>,
    lines: Vec<Line>,
    findings: Vec<Finding>,
}

impl Chain<'_> {
    fn follow(&mut self, manifest: &str, line: usize, text: &str, alone: bool) {
        let manifest = manifest.to_owned();
        if !is_signed(self.keys, text) {
            self.findings.push(Finding::BadSignature { manifest: manifest.clone(), line });
        }
        let link: Link = match parse(text) {
            Ok(link) => link,
            Err(why) => return self.findings.push(Finding::Unreadable { manifest, line, why }),
        };
        let zeros = || (0, "0".repeat(64));
        // Where a day's folder is checked alone, the line that its first line is chained to is not known.
        let begins = self.last.is_none() && alone;
        let (before, hash) = self.last.take().unwrap_or_else(zeros);
        if begins {
        } else if link.entry <= before {
            self.findings.push(Finding::Reordered { manifest, line, entry: link.entry, after: before });
        } else if link.entry > before + 1 {
            let (from, until) = (before + 1, link.entry - 1);
            self.findings.push(Finding::EntriesMissing { manifest, line, from, until });
        } else if link.previous != hash {
            self.findings.push(Finding::ChainBroken { manifest, line });
        }
        let hash = sha256(text);
        self.hashes.insert(link.entry, hash.clone());
        self.last = Some((link.entry, hash));
        self.lines.push(link.line);
    }

    fn check_head(&mut self, root: &Path) {
        let last = self.hashes.last_key_value().map_or(0, |(entry, _)| *entry);
        let wrong = |why: &str| Finding::HeadWrong { why: why.to_owned() };
        let Ok(text) = fs::read_to_string(root.join(HEAD)) else {
            return self
                .findings
                .push(wrong("it is missing: nothing proves that the chain is not cut short"));
        };
        let text = text.trim_end();
        if !is_signed(self.keys, text) {
            return self.findings.push(wrong("bad signature"));
        }
        match parse::<Head>(text) {
            Err(why) => self.findings.push(wrong(&why)),
            Ok(head) if head.entry > last => {
                self.findings.push(Finding::Truncated { head: head.entry, last })
            }
            Ok(head) if self.hashes.get(&head.entry) != Some(&head.sha256) => {
                self.findings.push(wrong("the line it names is another one"));
            }
            Ok(_) => {}
        }
    }
}

fn is_signed(keys: &PublicKeys, text: &str) -> bool {
    let parts = text.rsplit_once(SIGNATURE).and_then(|(body, end)| Some((body, end.strip_suffix("\"}")?)));
    let Some((body, signature)) = parts else { return false };
    from_hexadecimal(signature).is_some_and(|signature| keys.prove(body.as_bytes(), &signature))
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let byte = |at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok();
    (0..text.len()).step_by(2).map(byte).collect()
}

fn compare_files(
    folders: &[PathBuf],
    alone: bool,
    lines: &[Line],
    findings: &mut Vec<Finding>,
) -> io::Result<()> {
    let mut files: BTreeSet<String> = BTreeSet::new();
    for folder in folders {
        files.append(&mut wav_files(folder)?);
    }
    // The last line of a path says whether the file should be there, and its hash.
    let latest: BTreeMap<&str, &Line> = lines.iter().map(|line| (line.path.as_str(), line)).collect();
    for (path, line) in &latest {
        let inside = Path::new(path).components().all(|part| matches!(part, Component::Normal(_)));
        let name =
            Path::new(path).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let own = if alone { name } else { (*path).to_owned() };
        files.remove(&own);
        // A call over midnight lies in the folder of the day before.
        let places = folders
            .iter()
            .map(|folder| folder.join(&own))
            .chain(folders.iter().filter(|_| alone).map(|folder| folder.join("../../..").join(path)));
        let found = places.into_iter().find(|place| inside && place.is_file());
        findings.extend(compare(line, found.as_deref()));
    }
    let beside = if alone { beside(folders) } else { String::new() };
    let strangers = files.into_iter().filter(|file| !beside.contains(&format!("/{file}\"")));
    findings.extend(strangers.map(|path| Finding::FileInserted { path }));
    Ok(())
}

fn compare(line: &Line, file: Option<&Path>) -> Option<Finding> {
    let path = line.path.clone();
    let file = match (line.fate, file) {
        (Fate::Erased, None) => return None,
        (Fate::Erased, Some(_)) => return Some(Finding::FileBack { path }),
        // A recording of which nothing could be written has no file.
        (Fate::Sealed | Fate::Damaged, _) if line.sha256.is_empty() => return None,
        (Fate::Sealed | Fate::Damaged, None) => return Some(Finding::FileMissing { path }),
        (Fate::Sealed | Fate::Damaged, Some(file)) => file,
    };
    match File::open(file).and_then(|mut file| hash(&mut file)) {
        Ok(found) if found == line.sha256 => None,
        Ok(found) => Some(Finding::FileAltered { path, listed: line.sha256.clone(), found }),
        Err(error) => Some(Finding::FileUnreadable { path, why: error.to_string() }),
    }
}

/// The manifests of the days before and after one that is checked alone: calls over midnight are listed there.
fn beside(folders: &[PathBuf]) -> String {
    let mut all = String::new();
    for folder in folders {
        for entry in fs::read_dir(folder.join("..")).into_iter().flatten().flatten() {
            all += &fs::read_to_string(entry.path().join(MANIFEST)).unwrap_or_default();
        }
    }
    all
}
