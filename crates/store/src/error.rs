//! What can go wrong with the store.

use std::io;
use std::path::PathBuf;

use crate::lock::Holder;

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
    /// The file is no database, or its content is inconsistent.
    #[error("it is damaged: {what}")]
    Damaged {
        /// The database's finding.
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
    /// Another process holds the lock of this folder or file.
    #[error(
        "{} is in use by another center 正被另一个呼叫中心占用: {}; stop that one, or give this one a folder of its own 请先停止它，或另用目录",
        path.display(),
        who(holder)
    )]
    Held {
        /// The folder or file.
        path: PathBuf,
        /// The holder; `None` when the lock file does not say.
        holder: Option<Box<Holder>>,
    },
    /// Another center writes to this database.
    #[error(
        "the database {database} is in use by another center 数据库正被另一个呼叫中心占用: {}; stop that one, or give this one a database \
         of its own (if that machine is gone, the database server notices within a minute) 请先停止它，或另用数据库",
        who(holder)
    )]
    Owned {
        /// Which database, without a password.
        database: String,
        /// The other center.
        holder: Option<Box<Holder>>,
    },
    /// Another center has claimed the database while this one ran.
    #[error(
        "the database {database} was taken by another center 数据库已被另一个呼叫中心接管: {}; this one writes no more to it: events stay \
         in the spool. Stop one of the two and restart the other 事件保留在缓冲文件中，请停止其一并重启另一个",
        who(holder)
    )]
    Lost {
        /// Which database, without a password.
        database: String,
        /// The other center.
        holder: Option<Box<Holder>>,
    },
    /// The database has another event under a number that this journal gave out.
    #[error(
        "event {seq} in the database is not the one that this center wrote 事件编号 {seq} 已被占用: another center wrote there, or the \
         database was restored; events stay in the spool, restart to bring them in 事件保留在缓冲文件中，重启后补入"
    )]
    SequenceTaken {
        /// The sequence number.
        seq: u64,
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

fn who(holder: &Option<Box<Holder>>) -> String {
    match holder {
        Some(holder) => holder.to_string(),
        None => "unknown 未知".to_owned(),
    }
}
