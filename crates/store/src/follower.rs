//! The thread that brings the spool into the database, in order, once.
//!
//! One transaction holds a group's journal rows, its changes of the tables and the sequence number they
//! reach. Each attempt begins by reading that number, so that a commit whose answer was lost is not
//! repeated.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use model::{Record, Subject};
use serde::Serialize;

use crate::db::{Connection, Db};
use crate::journal::{Shared, Stopped};
use crate::live::Live;
use crate::owner::Owner;
use crate::projection::statements;
use crate::value::values;
use crate::{NODE, Store, StoreError, sql};

/// Records in one transaction.
const GROUP: usize = 500;
/// Least time between the beginnings of two transactions, so that a busy second costs 50 fsyncs.
const PACE: Duration = Duration::from_millis(20);
/// How long a transaction may take before the connection is given up.
const TRANSACTION_LIMIT: Duration = Duration::from_secs(30);
/// Pauses after failures: the first, and the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// A spool that the database has whole is emptied beyond this size, in bytes.
const KEEP_SPOOL: u64 = 4 << 20;

pub(crate) struct Follower {
    db: Db,
    live: Arc<Live>,
    shared: Arc<Shared>,
    connection: Option<Connection>,
    owner: Owner,
    /// Byte of the spool up to which the database has everything.
    position: u64,
    pause: Duration,
}

impl Follower {
    pub(crate) fn new(store: &Store, shared: Arc<Shared>, owner: Owner) -> Follower {
        let (db, live) = store.parts();
        Follower { db, live, shared, connection: None, owner, position: 0, pause: FIRST_PAUSE }
    }

    pub(crate) async fn run(mut self) {
        while !self.shared.abandon.load(Ordering::Acquire) {
            let began = Instant::now();
            // Read before the length: once it is true, the spool does not grow any more.
            let spooled_all = self.shared.spooled_all.load(Ordering::Acquire);
            let read_all = self.position >= self.shared.spool.len();
            if spooled_all && (read_all || self.shared.stopped().is_some()) {
                break;
            }
            let stepped = if self.shared.stopped().is_some() {
                // Further entries stay in the spool, for the next start.
                self.shared.grown.notified().await;
                continue;
            } else if read_all {
                self.empty_spool(KEEP_SPOOL);
                // The spool's thread notifies at least once a second.
                self.shared.grown.notified().await;
                within(TRANSACTION_LIMIT, self.owner.keep(&self.db)).await
            } else {
                self.step().await
            };
            match stepped {
                Ok(()) => self.recovered(),
                Err(error) => self.failed(&error).await,
            }
            if !spooled_all {
                tokio::time::sleep(PACE.saturating_sub(began.elapsed())).await;
            }
        }
        if self.shared.stopped().is_none() && self.position >= self.shared.spool.len() {
            self.empty_spool(0);
        }
        self.owner.release().await;
        if let Some(connection) = self.connection.take() {
            connection.close().await;
        }
    }

    /// Brings one group into the database.
    async fn step(&mut self) -> Result<(), StoreError> {
        let batch = self
            .shared
            .spool
            .read(self.position, GROUP)
            .map_err(|source| StoreError::File { path: "the journal's spool".into(), source })?;
        if batch.damaged > 0 {
            tracing::error!(lines = batch.damaged, "the journal's spool has damaged lines; they are lost");
        }
        let mut records = batch.records;
        records.sort_by_key(|record| record.seq);
        // A record may stand in the spool twice after a crash between two writes; its number is its key.
        records.dedup_by_key(|record| record.seq);
        let before = within(TRANSACTION_LIMIT, self.commit(&records)).await?;
        self.position = batch.next;
        records.retain(|record| record.seq > before);
        if let Some(last) = records.last() {
            self.shared.committed.fetch_max(last.seq, Ordering::Relaxed);
        }
        self.live.publish(records);
        Ok(())
    }

    /// Commits what the database does not have yet; the sequence number that it had before.
    async fn commit(&mut self, records: &[Record]) -> Result<u64, StoreError> {
        self.owner.keep(&self.db).await?;
        // Taken out of the field until the commit has succeeded: after a failure the next attempt opens a new
        // connection.
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => self.db.connect().await?,
        };
        connection.check_file()?;
        connection.execute("BEGIN", &[]).await?;
        let before = lock_state(&mut connection).await?;
        self.owner.check(&mut connection, &self.db).await?;
        let (repeated, _) = records.split_at(records.partition_point(|record| record.seq <= before));
        if let Some(seq) = first_taken(&mut connection, repeated).await? {
            return Err(StoreError::SequenceTaken { seq });
        }
        let new: Vec<&Record> = records.iter().filter(|record| record.seq > before).collect();
        let mut last = before;
        for record in new {
            if record.seq != last + 1 && record.seq != self.shared.resumed_after + 1 {
                tracing::error!(after = last, next = record.seq, "the journal has a gap");
            }
            append(&mut connection, record, &record.event.subject(), print(&record.event)?).await?;
            apply(&mut connection, record).await?;
            last = record.seq;
        }
        connection.execute(sql::ADVANCE_STATE, &values![last]).await?;
        connection.execute("COMMIT", &[]).await?;
        self.connection = Some(connection);
        Ok(before)
    }

    fn recovered(&mut self) {
        self.pause = FIRST_PAUSE;
        if !self.shared.database_ok.swap(true, Ordering::Relaxed) {
            tracing::warn!("the database follows again");
        }
    }

    async fn failed(&mut self, error: &StoreError) {
        if let Some(stopped) = Stopped::by(error) {
            self.shared.database_ok.store(false, Ordering::Relaxed);
            self.shared.stop(stopped);
            tracing::error!(%error, "the journal writes no more to the database; events stay in the spool");
            return;
        }
        if self.shared.database_ok.swap(false, Ordering::Relaxed) {
            let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
            tracing::error!(%error, cause, "the database does not follow; events wait in the spool");
        }
        tokio::time::sleep(self.pause).await;
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
    }

    fn empty_spool(&mut self, larger_than: u64) {
        if self.position <= larger_than {
            return;
        }
        let reached = self.shared.committed.load(Ordering::Relaxed);
        match self.shared.spool.reset_if_read(self.position, reached) {
            Ok(true) => self.position = 0,
            Ok(false) => {}
            Err(error) => tracing::error!(%error, "the journal's spool cannot be emptied"),
        }
    }
}

/// A database that hangs is given up.
async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    let timed_out = StoreError::TimedOut { seconds: limit.as_secs() };
    tokio::time::timeout(limit, work).await.map_err(|_| timed_out).and_then(|done| done)
}

/// The first of these records, in order, whose number the journal has given to another one, or has passed over.
pub(crate) async fn first_taken(
    connection: &mut Connection,
    records: &[Record],
) -> Result<Option<u64>, StoreError> {
    let (Some(first), Some(last)) = (records.first(), records.last()) else { return Ok(None) };
    let rows = connection.rows(crate::queries::WRITTEN, &values![NODE, first.seq, last.seq]).await?;
    let mut written = rows.into_iter().map(crate::queries::read_record);
    for record in records {
        loop {
            match written.next().transpose()? {
                Some(before) if before.seq < record.seq => {}
                Some(same) if same == *record => break,
                Some(_) | None => return Ok(Some(record.seq)),
            }
        }
    }
    Ok(None)
}

/// Makes the tables again from the journal, in one transaction that the journal's follower waits for. The
/// number of records that were read.
pub(crate) async fn rebuild(db: &Db) -> Result<u64, StoreError> {
    const PAGE: i64 = 1000;
    let mut connection = db.connect().await?;
    connection.execute("BEGIN", &[]).await?;
    let last = lock_state(&mut connection).await?;
    for empty in sql::EMPTY_PROJECTIONS {
        connection.execute(empty, &[]).await?;
    }
    let (mut after, mut count) = (0, 0);
    loop {
        let rows = connection.rows(crate::queries::JOURNAL_PAGE, &values![NODE, after, PAGE]).await?;
        if rows.is_empty() {
            break;
        }
        for row in rows {
            let record = crate::queries::read_record(row)?;
            apply(&mut connection, &record).await?;
            (after, count) = (record.seq, count + 1);
        }
    }
    connection.execute(sql::ADVANCE_STATE, &values![after.max(last)]).await?;
    connection.execute("COMMIT", &[]).await?;
    connection.close().await;
    Ok(count)
}

pub(crate) async fn lock_state(connection: &mut Connection) -> Result<u64, StoreError> {
    let rows = connection.rows(sql::LOCK_STATE, &[]).await?;
    let missing = || StoreError::Unreadable { what: "no state of the projections".to_owned() };
    rows.into_iter().next().ok_or_else(missing)?.count()
}

async fn apply(connection: &mut Connection, record: &Record) -> Result<(), StoreError> {
    for statement in statements(record) {
        connection.execute(statement.sql, &statement.values).await?;
    }
    Ok(())
}

/// Writes a record's row of the journal. `body`: its event, as JSON.
pub(crate) async fn append(
    connection: &mut Connection,
    record: &Record,
    subject: &Subject,
    body: String,
) -> Result<(), StoreError> {
    let Record { node, seq, at, by, event: _ } = record;
    let by = by.as_ref().map(print).transpose()?;
    let values = values![*node, *seq, subject.to_string(), *at, by, body];
    connection.execute(sql::APPEND, &values).await
}

fn print<T: Serialize>(part: &T) -> Result<String, StoreError> {
    serde_json::to_string(part)
        .map_err(|error| StoreError::Unreadable { what: format!("an event that does not print: {error}") })
}
