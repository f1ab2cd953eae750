//! Where a center keeps what it has.

use std::path::PathBuf;

/// Folders that a running center writes to.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Database, spool, control token.
    pub data: PathBuf,
    /// Recordings.
    pub recordings: PathBuf,
}
