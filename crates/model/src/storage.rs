//! Where recordings are written, what can be wrong with a place, and how long they are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::QueueName;

/// What the names of encrypted recordings end in, behind the name that they would have otherwise.
pub const ENCRYPTED: &str = ".enc";

/// The path of a recording's FLAC copy: beside it, encrypted as it is. `None` for what is no recording's path.
pub fn flac_name(path: &str) -> Option<String> {
    let clear = path.strip_suffix(ENCRYPTED);
    let stem = clear.unwrap_or(path).strip_suffix(".wav")?;
    Some(format!("{stem}.flac{}", clear.map_or("", |_| ENCRYPTED)))
}

/// The path at which that copy is made, until it is proven.
pub fn flac_part_name(path: &str) -> Option<String> {
    let copy = flac_name(path)?;
    // Its name says whether it is encrypted, also as a part.
    Some(match copy.strip_suffix(ENCRYPTED) {
        Some(clear) => format!("{clear}.part{ENCRYPTED}"),
        None => format!("{copy}.part"),
    })
}

/// Every path that may hold a recording's audio: what must be gone when it is erased.
pub fn paths_of(path: &str) -> impl Iterator<Item = String> {
    [Some(path.to_owned()), flac_name(path), flac_part_name(path)].into_iter().flatten()
}

/// A folder that recordings are written to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Storage {
    /// The first choice.
    Main,
    /// Takes over while the first fails.
    Fallback,
}

impl Storage {
    /// Both, in the order in which they are tried.
    pub const ALL: [Storage; 2] = [Storage::Main, Storage::Fallback];
}

impl fmt::Display for Storage {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Storage::Main => "main",
            Storage::Fallback => "fallback",
        })
    }
}

/// What is wrong with a place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StorageTrouble {
    /// No room is left.
    Full,
    /// The folder, its mount or a file in it has vanished.
    Gone,
    /// A write has not come back for seconds.
    Stalled,
    /// Any other refusal.
    Failed,
}

/// A change of a place's health.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageReport {
    /// It does not take recordings any more. Their audio goes to the other place, or becomes gaps.
    Failed {
        /// Which.
        storage: Storage,
        /// What is wrong.
        trouble: StorageTrouble,
        /// In the system's words.
        why: String,
    },
    /// It takes recordings again.
    Restored {
        /// Which.
        storage: Storage,
    },
}

/// How long recordings are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RetentionRule {
    /// Its name, for the log.
    pub name: String,
    /// Only contacts whose last queue was this; `None` for those that no other rule names.
    pub queue: Option<QueueName>,
    /// Days from the beginning of the recording.
    pub days: u32,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_lies_beside_its_recording_and_is_encrypted_as_it_is() {
        let name = |path| flac_name(path);
        assert_eq!(name("2026/11/24/c.wav").as_deref(), Some("2026/11/24/c.flac"));
        assert_eq!(name("2026/11/24/c.wav.enc").as_deref(), Some("2026/11/24/c.flac.enc"));
        let all = |path| paths_of(path).collect::<Vec<_>>().join(" ");
        assert_eq!(all("c.wav.enc"), "c.wav.enc c.flac.enc c.flac.part.enc");
        assert_eq!(all("c.wav"), "c.wav c.flac c.flac.part");
        assert_eq!((name("c.flac"), name("manifest.jsonl")), (None, None));
    }
}
