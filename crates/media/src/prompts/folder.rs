//! The files of the prompts folder, and the names of their clips.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use super::{Fault, PromptError};

/// Endings of files that are read.
const READ: [&str; 7] = ["wav", "wave", "flac", "mp3", "ogg", "oga", "opus"];
/// Endings of audio that is not read.
const FOREIGN: [&str; 22] = [
    "aac", "aif", "aiff", "al", "alaw", "amr", "ape", "au", "caf", "g722", "gsm", "m4a", "mp4", "pcm", "ra",
    "raw", "sln", "snd", "ul", "ulaw", "webm", "wma",
];
/// All audio files of a folder and those below it.
pub(super) fn find(root: &Path, dir: &Path, files: &mut Vec<PathBuf>, faults: &mut Vec<Fault>) {
    let unreadable = |path: &Path, source| Fault {
        clip: clip_name(root, path).filter(|_| ends_in(path, &READ)),
        error: PromptError::Unreadable { path: path.to_owned(), source },
    };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(source) => return faults.push(unreadable(dir, source)),
    };
    for entry in entries {
        let path = match entry {
            Ok(entry) if entry.file_name().as_encoded_bytes().starts_with(b".") => continue,
            Ok(entry) => entry.path(),
            Err(source) => {
                faults.push(unreadable(dir, source));
                continue;
            }
        };
        match path.metadata() {
            Ok(metadata) if metadata.is_dir() => find(root, &path, files, faults),
            Ok(_) if ends_in(&path, &READ) || is_foreign(&path) => files.push(path),
            Err(source) if ends_in(&path, &READ) => faults.push(unreadable(&path, source)),
            Ok(_) | Err(_) => {}
        }
    }
}

/// The files by the names of their clips. Of two for one name, a foreign one is passed over, and others are a fault.
pub(super) fn without_twins(
    root: &Path,
    files: Vec<PathBuf>,
    faults: &mut Vec<Fault>,
) -> Vec<(String, PathBuf)> {
    let mut named: BTreeMap<String, PathBuf> = BTreeMap::new();
    for path in files {
        let Some(name) = clip_name(root, &path) else { continue };
        match named.get_mut(&name) {
            None => _ = named.insert(name, path),
            Some(_) if is_foreign(&path) => {}
            Some(other) if is_foreign(other) => *other = path,
            Some(other) => {
                let error = PromptError::Twice(other.clone(), path);
                faults.push(Fault { clip: Some(name), error });
            }
        }
    }
    // Neither of the two is taken: which one was meant is not known.
    let is_twice = |name: &String| faults.iter().any(|fault| fault.clip.as_ref() == Some(name));
    named.into_iter().filter(|(name, _)| !is_twice(name)).collect()
}

/// Whether a file is of a kind that cannot be a prompt but is often meant as one.
pub(super) fn is_foreign(path: &Path) -> bool {
    ends_in(path, &FOREIGN)
}

fn ends_in(path: &Path, endings: &[&str]) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| endings.iter().any(|known| known.eq_ignore_ascii_case(extension)))
}

/// Folder and stem below the root, with `/` between them.
fn clip_name(root: &Path, path: &Path) -> Option<String> {
    let relative = path.strip_prefix(root).ok()?.with_extension("");
    let parts: Option<Vec<&str>> = relative.iter().map(|part| part.to_str()).collect();
    Some(parts?.join("/"))
}
