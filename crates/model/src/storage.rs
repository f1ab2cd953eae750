//! Where recordings are written, what can be wrong with a place, and how long they are kept.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::QueueName;

/// What the names of encrypted recordings end in, behind the name that they would have otherwise.
pub const ENCRYPTED: &str = ".enc";

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
