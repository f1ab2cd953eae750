//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

/// A failure of the store.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The URL names no database that we speak.
    #[error("a database URL begins with sqlite: or postgres://")]
    UnknownUrl,
    /// The database refused or did not answer.
    #[error("the database failed")]
    Database(#[from] sqlx::Error),
    /// The schema could not be brought up to date.
    #[error("the database's schema could not be brought up to date")]
    Migration(#[from] sqlx::migrate::MigrateError),
    /// A later version of the program made it.
    #[error("a later version of Hotline made it: schema {found}, this program knows {known}")]
    Newer {
        /// The newest schema in it.
        found: i64,
        /// The newest that this program knows.
        known: i64,
    },
    /// The file is no database, or what it holds does not fit together.
    #[error("it is damaged: {what}")]
    Damaged {
        /// What the database said.
        what: String,
    },
    /// Only reading is allowed.
    #[error("it cannot be written: {why}")]
    ReadOnly {
        /// Why not.
        why: &'static str,
    },
    /// The database did not answer in time.
    #[error("the database did not answer within {seconds} s")]
    TimedOut {
        /// How long it had.
        seconds: u64,
    },
    /// The SQLite file was deleted or replaced while it was open.
    #[error("{} is not the file any more that was opened", path.display())]
    Replaced {
        /// The file.
        path: PathBuf,
    },
    /// A file or folder could not be used.
    #[error("cannot use {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process writes to this data folder.
    #[error("{} is in use by another process", path.display())]
    InUse {
        /// The spool.
        path: PathBuf,
    },
    /// A row holds what this version cannot read.
    #[error("the database holds {what:?}, which this version cannot read")]
    Unreadable {
        /// The text.
        what: String,
    },
    /// A token with this name exists.
    #[error("a token named {name:?} exists; revoke it first")]
    NameTaken {
        /// The name.
        name: String,
    },
    /// The system gave no random bytes.
    #[error("the system gave no random bytes: {0}")]
    Random(String),
}
