//! What becomes of records whose numbers another writer has taken: they get new ones, and nothing is lost.
//!
//! Two centers on one database, or a database that was replaced, leave a spool whose numbers the database gave to other
//! events. At the next start, under the database's lock, these records are numbered again behind the database's last.
//! The spool as it was is kept beside it.

use std::path::PathBuf;

use model::Record;

use crate::db::Db;
use crate::follower::first_taken;
use crate::spool::Spool;
use crate::{StoreError, queries};

/// Records compared at once.
const GROUP: usize = 500;

/// True when the database has another event under a number of the spool.
pub(crate) async fn conflicts(db: &Db, spool: &Spool, committed: u64) -> Result<bool, StoreError> {
    let mut connection = db.connect().await?;
    let mut position = 0;
    while position < spool.len() {
        let mut batch = spool.read(position, GROUP).map_err(|source| unreadable(spool, source))?;
        position = batch.next;
        batch.records.retain(|record| record.seq <= committed);
        batch.records.sort_by_key(|record| record.seq);
        batch.records.dedup_by_key(|record| record.seq);
        if first_taken(&mut connection, &batch.records).await?.is_some() {
            connection.close().await;
            return Ok(true);
        }
    }
    connection.close().await;
    Ok(false)
}

/// Numbers what the database does not have from `committed + 1` on; the new spool and its last number.
pub(crate) async fn renumber(db: &Db, spool: Spool, committed: u64) -> Result<(Spool, u64), StoreError> {
    let missing = missing(db, &spool, committed).await?;
    let last = committed + missing.len() as u64;
    let aside = aside(&spool)?;
    tracing::error!(
        events = missing.len(),
        first = committed + 1,
        last,
        kept = %aside.display(),
        "another writer took numbers of events in the spool: they get new numbers; the spool as it was is kept"
    );
    let path = spool.path().to_owned();
    let mut renumbered = (committed + 1..).zip(missing).map(|(seq, record)| Record { seq, ..record });
    let spool = spool.replace(&mut renumbered, &aside).map_err(|source| StoreError::File { path, source })?;
    Ok((spool, last))
}

/// The records of the spool that the database does not have, in order, each once.
async fn missing(db: &Db, spool: &Spool, committed: u64) -> Result<Vec<Record>, StoreError> {
    let (mut position, mut missing): (u64, Vec<Record>) = (0, Vec::new());
    while position < spool.len() {
        let batch = spool.read(position, GROUP).map_err(|source| unreadable(spool, source))?;
        position = batch.next;
        for record in batch.records {
            let written = if record.seq <= committed {
                queries::read_journal(db, record.seq.saturating_sub(1), 1).await?
            } else {
                Vec::new()
            };
            if written.first().is_none_or(|written| **written != record) {
                missing.push(record);
            }
        }
    }
    missing.sort_by_key(|record| record.seq);
    missing.dedup();
    Ok(missing)
}

/// A name beside the spool that is free.
fn aside(spool: &Spool) -> Result<PathBuf, StoreError> {
    let free = (1..1000)
        .map(|n| spool.path().with_extension(format!("spool.taken-{n}")))
        .find(|path| !path.exists());
    let none = || {
        std::io::Error::new(std::io::ErrorKind::AlreadyExists, "1,000 spools were set aside: move them away")
    };
    free.ok_or_else(|| unreadable(spool, none()))
}

fn unreadable(spool: &Spool, source: std::io::Error) -> StoreError {
    StoreError::File { path: spool.path().to_owned(), source }
}
