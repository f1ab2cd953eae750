//! The event journal and its projections, SQLite and PostgreSQL.
//!
//! The [`Log`] takes entries of the center, the API and others, the [`Journal`] writes them, and the [`Store`] answers
//! queries. Every table but the journal and the tokens can be dropped and made again from the journal.

mod coverage;
mod db;
mod error;
mod follower;
mod journal;
mod live;
mod lock;
mod log;
mod owner;
mod probe;
mod projection;
mod queries;
mod renumber;
mod retention;
mod rows;
mod spool;
mod sql;
mod standing;
#[cfg(test)]
mod stories;
mod token;
mod unfinished;
mod upgrade;
mod value;

pub use coverage::Coverage;
pub use error::StoreError;
pub use journal::{Journal, JournalStatus, Stopped};
pub use lock::{Holder, LOCK_FILE, Lock};
pub use log::{InboxFull, Log};
/// A row of a recording, which the archive knows too.
pub use model::{DueRecording, RecordingRow};
pub use probe::{Depth, Probed, database_file, place, probe};
pub use queries::{ContactFilter, RecordingFilter, digest_of_ids};
pub use retention::LegalHold;
pub use rows::{AgentRow, Contact, QualityRow, QueueRow, QueueVisit, Segment, ShortRecording};
pub use standing::Standing;
pub use token::{Bearer, Role, TokenRow};
pub use unfinished::{OpenOffer, Unfinished};

pub(crate) use value::{Row, Value};

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use model::{ContactId, Node, Record, Subject};

use crate::db::Db;
use crate::live::Live;

/// The number of this process's log. One machine has one log; where several share a database, each has a number of its
/// own.
pub(crate) const NODE: Node = Node::FIRST;

/// An open database. Clones share its connections.
#[derive(Debug, Clone)]
pub struct Store {
    db: Db,
    live: Arc<Live>,
}

impl Store {
    /// Opens `sqlite:PATH` or `postgres://…`, makes the database file where there is none, and brings the
    /// schema up to date.
    ///
    /// # Errors
    ///
    /// When the URL names neither database, or the database does not answer.
    pub async fn open(url: &str) -> Result<Store, StoreError> {
        let db = Db::open(url).await?;
        let committed = queries::last_seq(&db).await?;
        Ok(Store { db, live: Arc::new(Live::new(committed)) })
    }

    /// True when the database answers a question now, and is still the one that was opened.
    pub async fn answers(&self) -> bool {
        let there = match &self.db {
            Db::Sqlite { options, .. } => options.get_filename().exists(),
            Db::Postgres { .. } => true,
        };
        there && queries::last_seq(&self.db).await.is_ok()
    }

    /// Closes the connections; queries fail from now on.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// The last sequence number in the database, 0 when there is none. What still waits in the spool is
    /// not counted: [`Journal::last_seq`] counts it.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn last_seq(&self) -> Result<u64, StoreError> {
        let seq = queries::last_seq(&self.db).await?;
        self.live.advance(seq);
        Ok(seq)
    }

    /// The log's id: a random name that it was given when a journal first wrote it, in lower-case hexadecimal.
    /// Another database has another; a copy that was restored has the same. Empty before the first journal.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn log_id(&self) -> Result<String, StoreError> {
        let rows = self.db.rows(sql::LOG_ID, &[]).await?;
        rows.into_iter().next().map_or_else(|| Ok(String::new()), |mut row| row.text())
    }

    /// The last sequence number that this process knows to be committed.
    pub fn committed_seq(&self) -> u64 {
        self.live.committed()
    }

    /// Writes a consistent copy of a SQLite database to a new file, while others read and write; false for
    /// PostgreSQL, whose own tools do that.
    ///
    /// # Errors
    ///
    /// When the database does not answer or the file cannot be written.
    pub async fn copy_to(&self, file: &Path) -> Result<bool, StoreError> {
        if self.db.file().is_none() {
            return Ok(false);
        }
        self.db.execute(sql::COPY, &value::values![file.display().to_string()]).await?;
        let synced = std::fs::File::open(file).and_then(|file| file.sync_all());
        synced.map_err(|source| StoreError::File { path: file.to_owned(), source })?;
        Ok(true)
    }

    /// What SQLite finds wrong with its file; empty when it is whole, and for PostgreSQL.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn damage(&self) -> Result<Vec<String>, StoreError> {
        if self.db.file().is_none() {
            return Ok(Vec::new());
        }
        let rows = self.db.rows("PRAGMA integrity_check", &[]).await?;
        let found = queries::read_all(rows, |mut row| row.text())?;
        Ok(found.into_iter().filter(|line| line != "ok").collect())
    }

    /// Makes all projections again from the journal; the number of records read. The journal's follower
    /// waits meanwhile.
    ///
    /// # Errors
    ///
    /// When the database fails; the tables are then as before.
    pub async fn rebuild(&self) -> Result<u64, StoreError> {
        follower::rebuild(&self.db).await
    }

    /// At most `limit` records after sequence number `after`, in order.
    ///
    /// # Errors
    ///
    /// When they are not in memory and the database does not answer.
    pub async fn read_journal(&self, after: u64, limit: u32) -> Result<Vec<Arc<Record>>, StoreError> {
        match self.live.after(after, usize::try_from(limit).unwrap_or(usize::MAX)) {
            Some(records) => Ok(records),
            None => queries::read_journal(&self.db, after, limit).await,
        }
    }

    /// At most `limit` records of a contact's story after sequence number `after`, in order: all that has the contact
    /// as its subject ([`model::Event::subject`]).
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn story(&self, contact: ContactId, after: u64, limit: u32) -> Result<Vec<Record>, StoreError> {
        queries::read_story(&self.db, &Subject::Contact(contact), after, limit).await
    }

    /// Like [`Store::read_journal`], but waits at most `wait` for the first record to come.
    ///
    /// # Errors
    ///
    /// As [`Store::read_journal`].
    pub async fn wait_journal(
        &self,
        after: u64,
        limit: u32,
        wait: Duration,
    ) -> Result<Vec<Arc<Record>>, StoreError> {
        let next = after.saturating_add(1);
        if self.wait_committed(next, wait).await {
            self.read_journal(after, limit).await
        } else {
            Ok(Vec::new())
        }
    }

    /// Waits at most `limit` until record `seq` is committed; true if it is.
    pub async fn wait_committed(&self, seq: u64, limit: Duration) -> bool {
        self.live.reaches(seq, limit).await
    }

    pub(crate) fn parts(&self) -> (Db, Arc<Live>) {
        (self.db.clone(), Arc::clone(&self.live))
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}
