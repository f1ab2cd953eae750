//! The folders that recordings are written to.

use serde::{Deserialize, Serialize};

use crate::{Storage, StorageTrouble};

/// What happened to a folder of recordings.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum StorageEvent {
    /// A place that recordings are written to takes nothing any more. Calls go on.
    #[serde(rename = "storage_failed")]
    Failed {
        /// Which.
        storage: Storage,
        /// What is wrong.
        trouble: StorageTrouble,
        /// In the system's words.
        why: String,
    },
    /// A place that recordings are written to works again.
    #[serde(rename = "storage_restored")]
    Restored {
        /// Which.
        storage: Storage,
    },
}

impl StorageEvent {
    /// Which folder.
    pub fn storage(&self) -> Storage {
        match self {
            StorageEvent::Failed { storage, .. } | StorageEvent::Restored { storage } => *storage,
        }
    }
}
