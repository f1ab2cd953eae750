//! The event journal and its projections, SQLite and PostgreSQL.
//!
//! The [`Journal`] writes what the center tells; the [`Store`] answers what people ask. Every table but
//! the journal and the tokens can be dropped and made again from the journal.

mod coverage;
mod db;
mod error;
mod follower;
mod journal;
mod live;
mod manifest;
mod projection;
mod queries;
mod retention;
mod rows;
#[cfg(test)]
mod scratch;
mod spool;
mod sql;
#[cfg(test)]
mod stories;
mod token;
mod unfinished;
mod value;
mod verify;

pub use coverage::Coverage;
pub use error::StoreError;
pub use journal::{InboxFull, Journal, JournalStatus};
pub use manifest::{Fate, Finding, KeyError, Line, Manifests, PublicKeys, SigningKey, check};
pub use queries::{ContactFilter, RecordingFilter, digest_of_ids};
pub use retention::{DueRecording, LegalHold};
pub use rows::{AgentRow, Contact, QualityRow, QueueRow, QueueVisit, RecordingRow, Segment};
pub use token::{Bearer, Role, TokenRow};
pub use unfinished::{OpenOffer, Unfinished};
pub use verify::{Difference, verify};

pub(crate) use value::{Row, Value};

use std::sync::Arc;
use std::time::Duration;

use model::Record;

use crate::db::Db;
use crate::live::Live;

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

    /// The last sequence number that this process knows to be committed.
    pub fn committed_seq(&self) -> u64 {
        self.live.committed()
    }

    /// Makes all projections anew from the journal; the number of records read. The journal's follower
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
        let mut watch = self.live.watch();
        let reached = tokio::time::timeout(limit, watch.wait_for(|committed| *committed >= seq)).await;
        matches!(reached, Ok(Ok(_)))
    }

    pub(crate) fn parts(&self) -> (Db, Arc<Live>) {
        (self.db.clone(), Arc::clone(&self.live))
    }

    pub(crate) fn db(&self) -> &Db {
        &self.db
    }
}
