//! The owner of a database: the one center whose journal may write to it.
//!
//! ```text
//!   claim ──lock is free──► Owner ──the lock's session is lost──► asks for the lock again ──► Owner
//!     │                       │                                        └─ not free, the row has our token ──► tried later
//!     └─ held ──► refused     └─ the row has another token ──► lost for good: the journal stops
//! ```
//!
//! Two things guard the database. A lock keeps a second center from starting: in PostgreSQL an advisory lock on a
//! session of its own, in SQLite a locked file beside the database. A token in the table `owner` keeps a former owner
//! from writing: each transaction of the journal reads it after it has locked `projection_state`, which a claim locks
//! as well. So the token decides also where the lock fails: a session that the server gave up unnoticed, a pooler
//! between the two, a lock file that was deleted.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use model::Time;

use crate::db::{Connection, Db};
use crate::lock::{Holder, Lock};
use crate::value::{hexadecimal, values};
use crate::{Row, StoreError, sql};

/// How long a claim waits for a former owner that is just ending.
const PATIENCE: Duration = Duration::from_secs(3);
/// How often a claim tries meanwhile.
const AGAIN: Duration = Duration::from_millis(50);
/// How often the session that holds the lock is asked whether it still does.
pub(crate) const CHECK_EVERY: Duration = Duration::from_secs(5);

/// The right to write a journal, for one process.
#[derive(Debug)]
pub(crate) struct Owner {
    token: String,
    holder: Holder,
    hold: Hold,
    /// When lock and token were found to be ours last.
    checked: Instant,
}

#[derive(Debug)]
enum Hold {
    /// Beside a SQLite database.
    File(Lock),
    /// A PostgreSQL session; `None` after it was lost.
    Session(Option<Connection>),
}

impl Owner {
    /// Makes this process the owner, and gives a log without a name its name.
    ///
    /// # Errors
    /// [`StoreError::Owned`] or [`StoreError::Held`] when another process is the owner; otherwise when the database
    /// fails.
    pub(crate) async fn claim(db: &Db, data: &Path) -> Result<Owner, StoreError> {
        let holder = Holder::this(data);
        let deadline = Instant::now() + PATIENCE;
        let hold = loop {
            match Hold::take(db, &holder).await {
                Ok(hold) => break hold,
                Err(StoreError::Owned { .. } | StoreError::Held { .. }) if Instant::now() < deadline => {
                    tokio::time::sleep(AGAIN).await;
                }
                Err(error) => return Err(error),
            }
        };
        let (token, log) = (random()?, random()?);
        let mut connection = db.connect().await?;
        connection.execute("BEGIN", &[]).await?;
        connection.rows(sql::LOCK_STATE, &[]).await?;
        let Holder { host, pid, since, data } = &holder;
        let data = data.display().to_string();
        let values = values![token.as_str(), host.as_str(), u64::from(*pid), *since, data, log];
        connection.execute(sql::CLAIM, &values).await?;
        connection.execute("COMMIT", &[]).await?;
        connection.close().await;
        Ok(Owner { token, holder, hold, checked: Instant::now() })
    }

    /// Looks whether lock and token are still ours, at most every [`CHECK_EVERY`], and takes a lost lock again.
    ///
    /// # Errors
    /// When the lock is not held now. [`StoreError::Lost`]: another center has claimed the database.
    pub(crate) async fn keep(&mut self, db: &Db) -> Result<(), StoreError> {
        let unheld = matches!(self.hold, Hold::Session(None));
        if !unheld && self.checked.elapsed() < CHECK_EVERY {
            return Ok(());
        }
        if !self.hold.stands().await {
            tracing::warn!("the lock of the database was lost; it is taken again");
            self.hold = match Hold::take(db, &self.holder).await {
                Ok(hold) => hold,
                Err(error) => {
                    // With another token another center has written, not only locked.
                    self.compare(db.rows(sql::OWNER, &[]).await?, db)?;
                    return Err(error);
                }
            };
        }
        self.compare(db.rows(sql::OWNER, &[]).await?, db)?;
        self.checked = Instant::now();
        Ok(())
    }

    /// Reads in a transaction that has locked the state of the projections whether this process may write.
    ///
    /// # Errors
    /// [`StoreError::Lost`] when another center has claimed the database since.
    pub(crate) async fn check(&self, connection: &mut Connection, db: &Db) -> Result<(), StoreError> {
        self.compare(connection.rows(sql::OWNER, &[]).await?, db)
    }

    fn compare(&self, rows: Vec<Row>, db: &Db) -> Result<(), StoreError> {
        match rows.into_iter().next().map(read).transpose()? {
            Some((token, _)) if token == self.token => Ok(()),
            found => Err(StoreError::Lost {
                database: db.place(),
                holder: found.and_then(|(_, holder)| holder).map(Box::new),
            }),
        }
    }

    /// Lets go of the lock.
    pub(crate) async fn release(self) {
        if let Hold::Session(Some(connection)) = self.hold {
            connection.close().await;
        }
    }
}

impl Hold {
    /// True while the lock is held. A session that does not answer is given up.
    async fn stands(&mut self) -> bool {
        match self {
            Hold::File(lock) => lock.stands(),
            Hold::Session(session) => {
                let Some(mut held) = session.take() else { return false };
                *session = held.rows(sql::HOLDS_LOCK, &[]).await.is_ok_and(truth).then_some(held);
                session.is_some()
            }
        }
    }

    async fn take(db: &Db, holder: &Holder) -> Result<Hold, StoreError> {
        if let Some(path) = db.file() {
            let path = std::fs::canonicalize(&path).unwrap_or(path);
            let lock = PathBuf::from(format!("{}.lock", path.display()));
            return Ok(Hold::File(Lock::file(lock, &path, holder)?));
        }
        let mut connection = db.connect().await?;
        for setting in sql::NOTICE_A_DEAD_PEER {
            connection.execute(setting, &[]).await?;
        }
        if !truth(connection.rows(sql::TAKE_LOCK, &[]).await?) {
            let refused = refusal(&mut connection, db).await;
            connection.close().await;
            return Err(refused);
        }
        Ok(Hold::Session(Some(connection)))
    }
}

/// The refusal that names the present owner.
async fn refusal(connection: &mut Connection, db: &Db) -> StoreError {
    let rows = connection.rows(sql::OWNER, &[]).await.unwrap_or_default();
    let holder = rows.into_iter().next().and_then(|row| read(row).ok()).and_then(|(_, holder)| holder);
    StoreError::Owned { database: db.place(), holder: holder.map(Box::new) }
}

/// Token and owner; no owner before the first claim.
fn read(mut row: Row) -> Result<(String, Option<Holder>), StoreError> {
    let (token, host) = (row.text()?, row.text()?);
    let (pid, since): (u64, Time) = (row.count()?, row.time()?);
    let holder =
        Holder { host, pid: u32::try_from(pid).unwrap_or(0), since, data: PathBuf::from(row.text()?) };
    let claimed = !token.is_empty();
    Ok((token, claimed.then_some(holder)))
}

fn truth(rows: Vec<Row>) -> bool {
    rows.into_iter().next().is_some_and(|mut row| matches!(row.count(), Ok(1)))
}

fn random() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| StoreError::Random(error.to_string()))?;
    Ok(hexadecimal(&bytes))
}
