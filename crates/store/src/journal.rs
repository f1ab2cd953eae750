//! The one writer of the journal.
//!
//! ```text
//!  center, API … ── append ──► inbox ── thread "journal" ──► spool file ── thread "journal-db" ──► database
//!       ([`Log`]: memory only, numbers)  (one write per group)            (one transaction per group)   │
//!                                                                                live readers ◄─────────┘
//! ```
//!
//! An entry gets its number when it enters the inbox, under the inbox's lock. So the order of the numbers is the order
//! of the inbox, of the spool and of the database, with any number of writers.
//!
//! Every record goes this way, whether the database is well or not: the spool is written first and the database
//! follows it. So a database that is slow, full or gone only lengthens the distance between the two, and a start after
//! a crash does what is done all the time: read the spool, skip the records that the database has.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use model::{Entry, Record};
use tokio::sync::Notify;

use crate::follower::Follower;
use crate::log::Log;
use crate::owner::Owner;
use crate::renumber;
use crate::spool::Spool;
use crate::{NODE, Store, StoreError};

/// Records that wait in memory for the spool's disk. At 300 bytes each, 150 MB; at 1,000 records a second,
/// eight minutes of a disk that does not write at all.
const INBOX_LIMIT: usize = 500_000;
/// How often the spool is forced to disk while the database does not follow.
const SYNC_EVERY: Duration = Duration::from_secs(1);
/// How long the spool rests after its disk refused a write.
const DISK_PAUSE: Duration = Duration::from_millis(200);

/// Why the journal writes no more to the database, until the next start. Its records stay in the spool.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// Another center has claimed the database.
    OwnerLost,
    /// The database has another event under a number of this journal.
    SequenceTaken,
}

impl Stopped {
    /// The cause and the next step, in English and in Chinese.
    pub fn text(self) -> (&'static str, &'static str) {
        match self {
            Stopped::OwnerLost => (
                "another center took the database; events stay in the spool: stop one of the two and restart the other",
                "数据库已被另一个呼叫中心接管，事件保留在缓冲文件中，请停止其一并重启另一个",
            ),
            Stopped::SequenceTaken => (
                "the database has another event under a number of this center; events stay in the spool: restart to bring them in",
                "事件编号被占用，事件保留在缓冲文件中，重启后补入",
            ),
        }
    }

    /// The errors after which nothing may be written.
    pub(crate) fn by(error: &StoreError) -> Option<Stopped> {
        match error {
            StoreError::Lost { .. } => Some(Stopped::OwnerLost),
            StoreError::SequenceTaken { .. } => Some(Stopped::SequenceTaken),
            _ => None,
        }
    }
}

/// The state of the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct JournalStatus {
    /// The last record that was appended.
    pub appended_seq: u64,
    /// The last record that the database has.
    pub committed_seq: u64,
    /// True while the database follows.
    pub database_ok: bool,
    /// True while the spool's disk takes what is written.
    pub spool_ok: bool,
    /// Bytes in the spool file.
    pub spool_bytes: u64,
    /// Records that were dropped because the inbox was full.
    pub dropped: u64,
    /// Why nothing more is written to the database, if so.
    pub stopped: Option<Stopped>,
}

/// The journal's writing end. Clones write to the same journal.
#[derive(Debug, Clone)]
pub struct Journal {
    shared: Arc<Shared>,
    log: Log,
    threads: Arc<Mutex<Vec<JoinHandle<()>>>>,
}

/// What the appending side, the spool's thread and the database's thread share.
#[derive(Debug)]
pub(crate) struct Shared {
    inbox: Mutex<Inbox>,
    arrived: Condvar,
    pub(crate) spool: Spool,
    /// Wakes the follower: the spool has grown, or it is time to end.
    pub(crate) grown: Notify,
    pub(crate) spooled_all: AtomicBool,
    pub(crate) abandon: AtomicBool,
    pub(crate) database_ok: AtomicBool,
    pub(crate) committed: AtomicU64,
    spool_ok: AtomicBool,
    appended: AtomicU64,
    /// Numbers up to this one were given out by this log before, also where the database does not know them.
    pub(crate) resumed_after: u64,
    dropped: AtomicU64,
    stopped: OnceLock<Stopped>,
}

#[derive(Debug)]
struct Inbox {
    records: VecDeque<Record>,
    /// The last number that was given out.
    last_seq: u64,
    closed: bool,
}

impl Journal {
    /// Claims the database and starts the two threads. What an earlier process left in the spool goes into the database
    /// first; [`Journal::last_seq`] already counts it.
    ///
    /// # Errors
    ///
    /// When the data folder cannot be used, another process uses it or the database, or the database does not answer.
    pub async fn start(store: &Store, data: &Path) -> Result<Journal, StoreError> {
        Journal::start_after(store, data, 0).await
    }

    /// As [`Journal::start`]; new records get numbers above `known` at least. A database that was restored from an
    /// older copy does not have the newest numbers, which others have seen: manifests of recordings, followers of the
    /// events.
    ///
    /// # Errors
    ///
    /// As [`Journal::start`].
    pub async fn start_after(store: &Store, data: &Path, known: u64) -> Result<Journal, StoreError> {
        let (spool, mut found) = Spool::open(data)?;
        if found.damaged > 0 {
            tracing::error!(lines = found.damaged, "the journal's spool has damaged lines; they are lost");
        }
        let owner = Owner::claim(store.db(), data).await?;
        let committed = store.last_seq().await?;
        let spool = match renumber::conflicts(store.db(), &spool, committed).await? {
            true => {
                let (spool, renumbered) = renumber::renumber(store.db(), spool, committed).await?;
                found.last_seq = renumbered;
                spool
            }
            false => spool,
        };
        let appended = committed.max(found.last_seq);
        let resumed_after = appended.max(known).max(spool.reached());
        if resumed_after > appended {
            tracing::warn!(
                database = appended,
                known = resumed_after,
                "the database is older than manifests or data folder: it was restored from an older copy; new events go on above the \
                 highest number that was given out 数据库比清单或数据目录旧（已从较旧的备份恢复），新事件从已用的最高编号之后继续"
            );
        }
        let shared = Arc::new(Shared::new(spool, (committed, appended, resumed_after)));
        let follower = Follower::new(store, Arc::clone(&shared), owner);
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let thread_failed = |source| StoreError::File { path: data.to_owned(), source };
        let runtime = runtime.map_err(thread_failed)?;
        let spooler = Arc::clone(&shared);
        let threads = vec![
            spawn("journal", move || spooler.run_spool()).map_err(thread_failed)?,
            spawn("journal-db", move || runtime.block_on(follower.run())).map_err(thread_failed)?,
        ];
        let log = Log::new(Arc::clone(&shared), store);
        Ok(Journal { shared, log, threads: Arc::new(Mutex::new(threads)) })
    }

    /// The way to append entries.
    pub fn log(&self) -> &Log {
        &self.log
    }

    /// The last sequence number that was given out; the next record has the one after it. Above that of journal and
    /// spool after the database was restored from an older copy ([`JournalStatus::appended_seq`]).
    pub fn last_seq(&self) -> u64 {
        self.shared.inbox().last_seq
    }

    /// The state of the journal.
    pub fn status(&self) -> JournalStatus {
        JournalStatus {
            appended_seq: self.shared.appended.load(Ordering::Relaxed),
            committed_seq: self.shared.committed.load(Ordering::Relaxed),
            database_ok: self.shared.database_ok.load(Ordering::Relaxed),
            spool_ok: self.shared.spool_ok.load(Ordering::Relaxed),
            spool_bytes: self.shared.spool.len(),
            dropped: self.shared.dropped.load(Ordering::Relaxed),
            stopped: self.shared.stopped(),
        }
    }

    /// Takes no more entries, and waits at most `limit` until the database has all of them; returns whether it has.
    /// Missing entries stay in the spool, on disk, for the next start. Blocks: call it off the async threads.
    pub fn close(&self, limit: Duration) -> bool {
        self.shared.inbox().closed = true;
        self.shared.arrived.notify_all();
        let mut threads = self.threads.lock().unwrap_or_else(PoisonError::into_inner);
        let deadline = Instant::now() + limit;
        while threads.iter().any(|thread| !thread.is_finished()) && Instant::now() < deadline {
            std::thread::sleep(Duration::from_millis(2));
        }
        self.shared.abandon.store(true, Ordering::Release);
        self.shared.grown.notify_one();
        // A thread that hangs in a write to a dead disk must not keep the process from ending.
        for thread in threads.drain(..).filter(JoinHandle::is_finished) {
            if thread.join().is_err() {
                tracing::error!("a journal thread panicked");
            }
        }
        let status = self.status();
        status.committed_seq >= status.appended_seq
    }
}

fn spawn(name: &str, body: impl FnOnce() + Send + 'static) -> std::io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name.to_owned()).spawn(body)
}

impl Shared {
    fn new(spool: Spool, (committed, appended, resumed_after): (u64, u64, u64)) -> Shared {
        Shared {
            inbox: Mutex::new(Inbox { records: VecDeque::new(), last_seq: resumed_after, closed: false }),
            arrived: Condvar::new(),
            spool,
            grown: Notify::new(),
            spooled_all: AtomicBool::new(false),
            abandon: AtomicBool::new(false),
            database_ok: AtomicBool::new(true),
            committed: AtomicU64::new(committed),
            spool_ok: AtomicBool::new(true),
            appended: AtomicU64::new(appended),
            resumed_after,
            dropped: AtomicU64::new(0),
            stopped: OnceLock::new(),
        }
    }

    /// Why nothing more is written to the database.
    pub(crate) fn stopped(&self) -> Option<Stopped> {
        self.stopped.get().copied()
    }

    /// The first reason stays.
    pub(crate) fn stop(&self, why: Stopped) {
        let _: Result<(), Stopped> = self.stopped.set(why);
    }

    /// Numbers entries and moves them to the inbox, in order, while it has room; the others stay in `entries`. Returns
    /// the number of the last one that was moved.
    pub(crate) fn append(&self, entries: &mut VecDeque<Entry>) -> Option<u64> {
        let mut inbox = self.inbox();
        let room = if inbox.closed { 0 } else { INBOX_LIMIT.saturating_sub(inbox.records.len()) };
        let taken = room.min(entries.len());
        for entry in entries.drain(..taken) {
            inbox.last_seq += 1;
            let record = entry.numbered(NODE, inbox.last_seq);
            inbox.records.push_back(record);
        }
        let last = inbox.last_seq;
        drop(inbox);
        if taken == 0 {
            return None;
        }
        self.appended.fetch_max(last, Ordering::Relaxed);
        self.arrived.notify_one();
        Some(last)
    }

    /// Counts an entry that was lost.
    pub(crate) fn drop_one(&self) {
        self.dropped.fetch_add(1, Ordering::Relaxed);
    }

    fn inbox(&self) -> MutexGuard<'_, Inbox> {
        self.inbox.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The spool's thread: writes all new records of the inbox with one append.
    fn run_spool(&self) {
        let mut synced_at = Instant::now();
        loop {
            let (group, closed) = self.next_group();
            if !group.is_empty() && !self.write_group(&group, closed) {
                self.inbox().put_back(group);
                if self.abandon.load(Ordering::Acquire) {
                    return;
                }
                std::thread::sleep(DISK_PAUSE);
                continue;
            }
            self.grown.notify_one();
            let behind = !self.database_ok.load(Ordering::Relaxed);
            if closed || (behind && synced_at.elapsed() >= SYNC_EVERY) {
                if let Err(error) = self.spool.sync() {
                    tracing::error!(%error, "the journal's spool cannot be forced to disk");
                }
                synced_at = Instant::now();
            }
            if closed && self.inbox().records.is_empty() {
                self.spooled_all.store(true, Ordering::Release);
                self.grown.notify_one();
                return;
            }
        }
    }

    fn next_group(&self) -> (VecDeque<Record>, bool) {
        let inbox = self.inbox();
        let (mut inbox, _) = self
            .arrived
            .wait_timeout_while(inbox, SYNC_EVERY, |inbox| inbox.records.is_empty() && !inbox.closed)
            .unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut inbox.records), inbox.closed)
    }

    fn write_group(&self, group: &VecDeque<Record>, closed: bool) -> bool {
        let written = self.spool.append(group.iter());
        let was_ok = self.spool_ok.swap(written.is_ok(), Ordering::Relaxed);
        match written {
            Ok(()) if !was_ok => tracing::warn!("the journal's spool can be written again"),
            Err(error) if was_ok || closed => {
                tracing::error!(%error, "the journal's spool cannot be written; records wait in memory");
            }
            Ok(()) | Err(_) => {}
        }
        self.spool_ok.load(Ordering::Relaxed)
    }
}

impl Inbox {
    fn put_back(&mut self, mut group: VecDeque<Record>) {
        group.append(&mut self.records);
        self.records = group;
    }
}
