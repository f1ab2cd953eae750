//! The places that recordings are written to, and their health, shared by all recording threads.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crossbeam_channel::Sender;
use model::{MediaReport, Storage, StorageReport, StorageTrouble};

use crate::disk::{Disk, DiskFile};
use crate::tally::Tally;

/// How long a place rests after a failure before it is tried again.
pub(crate) const RETRY: Duration = Duration::from_secs(1);
/// A reader of reports that takes none for this long is not waited for any more until it reads again.
const PATIENCE: Duration = Duration::from_secs(5);

/// The places: main, and fallback where one is configured.
#[derive(Debug)]
pub(crate) struct Places {
    disks: Vec<(Storage, Arc<dyn Disk>)>,
    health: Mutex<[Health; 2]>,
    reports: Sender<MediaReport>,
    tally: Arc<Tally>,
}

#[derive(Debug, Clone, Copy, Default)]
enum Health {
    #[default]
    Well,
    /// The place returned an error, last at this instant. This was reported.
    Ill(Instant),
    /// The place has not answered since this instant; no error was returned. This was reported.
    Slow(Instant),
}

impl Places {
    /// At most two disks: main, then fallback.
    pub(crate) fn new(disks: Vec<Arc<dyn Disk>>, reports: Sender<MediaReport>, tally: Arc<Tally>) -> Places {
        let disks = Storage::ALL.into_iter().zip(disks).collect();
        Places { disks, health: Mutex::default(), reports, tally }
    }

    /// The places that may be tried now, in order. A place that hangs is waited for where there is no other: a
    /// recording that began meanwhile is opened as soon as the place answers, and must not lose the audio in the ring.
    pub(crate) fn worth_trying(&self) -> Vec<Storage> {
        let alone = self.disks.len() == 1;
        let rested = |storage: &Storage| match self.health()[index(*storage)] {
            Health::Well => true,
            Health::Slow(since) => alone || since.elapsed() >= RETRY,
            Health::Ill(since) => since.elapsed() >= RETRY,
        };
        self.all().into_iter().filter(rested).collect()
    }

    pub(crate) fn all(&self) -> Vec<Storage> {
        self.disks.iter().map(|(storage, _)| *storage).collect()
    }

    pub(crate) fn create(&self, storage: Storage, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.disk(storage)?.create(path)
    }

    pub(crate) fn remove(&self, storage: Storage, path: &str) -> io::Result<()> {
        self.disk(storage)?.remove(path)
    }

    /// `false` while the place is known to hang.
    pub(crate) fn answers(&self, storage: Storage) -> bool {
        self.disk(storage).is_ok_and(Disk::answers)
    }

    fn disk(&self, storage: Storage) -> io::Result<&dyn Disk> {
        let found = self.disks.iter().find(|(place, _)| *place == storage);
        found.map(|(_, disk)| &**disk).ok_or_else(|| io::Error::other("there is no fallback"))
    }

    /// A place returned an error. Reported where it was well before.
    pub(crate) fn failed(&self, storage: Storage, error: &io::Error) {
        self.fall(storage, Health::Ill(Instant::now()), trouble_of(error), &error.to_string());
    }

    /// A place was called and has not answered. Reported where it was well before.
    fn hangs(&self, storage: Storage) {
        let why = "the disk has not answered for seconds";
        self.fall(storage, Health::Slow(Instant::now()), StorageTrouble::Stalled, why);
    }

    fn fall(&self, storage: Storage, health: Health, trouble: StorageTrouble, why: &str) {
        let before = std::mem::replace(&mut self.health()[index(storage)], health);
        match before {
            Health::Ill(_) | Health::Slow(_) => return,
            Health::Well => {}
        }
        self.tally.storage_failed[index(storage)].store(true, Ordering::Relaxed);
        tracing::error!(%storage, ?trouble, why, "a recordings folder takes nothing; calls go on");
        self.report(MediaReport::Storage(StorageReport::Failed { storage, trouble, why: why.to_owned() }));
    }

    /// A place took audio. Reported as restored where it had failed, unless the failure is only a moment old: a full
    /// disk takes a little now and then.
    pub(crate) fn works(&self, storage: Storage) {
        if !self.tally.storage_failed[index(storage)].load(Ordering::Relaxed) {
            return;
        }
        let mut health = self.health();
        let (Health::Ill(since) | Health::Slow(since)) = health[index(storage)] else { return };
        if since.elapsed() < RETRY {
            return;
        }
        health[index(storage)] = Health::Well;
        drop(health);
        self.tally.storage_failed[index(storage)].store(false, Ordering::Relaxed);
        tracing::warn!(%storage, "a recordings folder works again");
        self.report(MediaReport::Storage(StorageReport::Restored { storage }));
    }

    fn health(&self) -> std::sync::MutexGuard<'_, [Health; 2]> {
        self.health.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sends a report, and waits for its reader. Never called on a media thread.
    fn report(&self, report: MediaReport) {
        if let Err(error) = self.reports.send_timeout(report, PATIENCE) {
            tracing::error!(report = ?error.into_inner(), "nobody reads what became of a recordings folder");
        }
    }
}

/// Whether the path itself is the cause of the error, and would be on any disk.
pub(crate) fn is_the_paths_fault(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::InvalidInput | io::ErrorKind::AlreadyExists)
}

fn index(storage: Storage) -> usize {
    match storage {
        Storage::Main => 0,
        Storage::Fallback => 1,
    }
}

fn trouble_of(error: &io::Error) -> StorageTrouble {
    match error.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => StorageTrouble::Full,
        io::ErrorKind::NotFound | io::ErrorKind::StaleNetworkFileHandle => StorageTrouble::Gone,
        io::ErrorKind::TimedOut => StorageTrouble::Stalled,
        _ => StorageTrouble::Failed,
    }
}

/// The call that a recording thread has made to a disk, for the watch.
#[derive(Debug)]
pub(crate) struct Beat {
    origin: Instant,
    /// Milliseconds since `origin` when the disk was called, plus 1; 0 while no call is in progress.
    asked: AtomicU64,
    storage: AtomicU64,
}

/// A disk that has not answered for this long counts as stalled.
const STALLED: Duration = Duration::from_secs(3);

impl Beat {
    pub(crate) fn new() -> Beat {
        Beat { origin: Instant::now(), asked: AtomicU64::new(0), storage: AtomicU64::new(0) }
    }

    /// Notes that a place is called.
    pub(crate) fn ask(&self, storage: Storage) {
        self.storage.store(index(storage) as u64, Ordering::Relaxed);
        self.asked.store(self.now().saturating_add(1), Ordering::Release);
    }

    /// Notes that the place answered.
    pub(crate) fn rest(&self) {
        self.asked.store(0, Ordering::Release);
    }

    /// The place that has not answered for longer than [`STALLED`].
    pub(crate) fn stalled(&self) -> Option<Storage> {
        let asked = self.asked.load(Ordering::Acquire).checked_sub(1)?;
        let long = self.now().saturating_sub(asked) >= STALLED.as_millis() as u64;
        let storage = self.storage.load(Ordering::Relaxed) as usize;
        long.then(|| Storage::ALL.get(storage).copied()).flatten()
    }

    fn now(&self) -> u64 {
        u64::try_from(self.origin.elapsed().as_millis()).unwrap_or(u64::MAX - 1)
    }
}

/// Reports the places that recording threads wait for, until the threads have ended.
pub(crate) fn watch(beats: &[Arc<Beat>], places: &Places, ended: &crossbeam_channel::Receiver<()>) {
    const EVERY: Duration = Duration::from_millis(500);
    while let Err(crossbeam_channel::RecvTimeoutError::Timeout) = ended.recv_timeout(EVERY) {
        for storage in beats.iter().filter_map(|beat| beat.stalled()) {
            places.hangs(storage);
        }
    }
}
