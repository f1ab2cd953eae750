//! Where a center keeps what it has.

use std::path::{Path, PathBuf};

use crate::config::{Configuration, Server};

/// Folders that a running center writes to.
#[derive(Debug, Clone)]
pub struct Folders {
    /// Database, spool, control token.
    pub data: PathBuf,
    /// Recordings.
    pub recordings: PathBuf,
}

/// The database of a configuration: its URL, or SQLite in the data folder.
pub fn database_url(configuration: &Configuration, data: &Path) -> String {
    let default = || format!("sqlite:{}", data.join("hotline.db").display());
    configuration.server.database.clone().unwrap_or_else(default)
}

/// The folders that recordings may lie in.
pub fn recordings_folders(server: &Server, folders: &Folders) -> Vec<PathBuf> {
    [Some(folders.recordings.clone()), server.recordings_fallback.clone()].into_iter().flatten().collect()
}
