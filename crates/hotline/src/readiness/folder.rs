//! Writes to a folder every few seconds, on a thread of its own: a disk that hangs is noticed and stops no other
//! thread.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use api::{Because, Condition};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded};
use text::{Text, text};
use udp::space;

use crate::checks::{LEAST, LITTLE, try_folder};

/// How often a folder is tried.
const EVERY: Duration = Duration::from_secs(2);
/// How long a disk may take; afterwards it stands still.
const PATIENCE: Duration = Duration::from_secs(10);

/// A folder that is watched for as long as this, or a clone of it, exists.
#[derive(Debug, Clone)]
pub(super) struct Watch {
    found: Arc<Mutex<Found>>,
    /// Dropped with the last clone: then the thread ends.
    _alive: Sender<()>,
}

#[derive(Debug)]
struct Found {
    at: Instant,
    fault: Option<Text>,
    /// Bytes.
    free: u64,
}

impl Watch {
    /// Starts the thread. Where the system refuses one, the folder is said to stand still.
    pub(super) fn start(name: &str, folder: PathBuf) -> Watch {
        let found = Arc::new(Mutex::new(Found { at: Instant::now(), fault: None, free: u64::MAX }));
        let (alive, ended) = bounded(0);
        let watch = Watch { found: Arc::clone(&found), _alive: alive };
        let spawned = std::thread::Builder::new()
            .name(format!("try-{name}"))
            .spawn(move || watch_folder(&folder, &found, &ended));
        if let Err(error) = spawned {
            tracing::error!(%error, name, "a folder is not watched");
        }
        watch
    }

    /// How the folder is, when at least `least` bytes should be free, and `enough` keep people from being called.
    pub(super) fn condition(&self, least: u64, enough: u64) -> Condition {
        let found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        let silent = found.at.elapsed();
        if silent > EVERY + PATIENCE {
            let seconds = silent.as_secs();
            return Condition::NotReady(Because::new(
                format!("its disk has not answered for {seconds} s"),
                format!("磁盘已 {seconds} 秒没有回应"),
            ));
        }
        if let Some(Text { en, zh }) = &found.fault {
            return Condition::NotReady(Because::new(
                format!("it cannot be written: {en}"),
                format!("无法写入：{zh}"),
            ));
        }
        let free_mb = found.free / 1_000_000;
        let why = Because::new(format!("{free_mb} MB are free"), format!("剩余 {free_mb} MB"));
        match found.free {
            free if free < least.max(LEAST) => Condition::NotReady(why),
            free if free < enough.max(LITTLE) => Condition::Warning(why),
            _ => Condition::Ready,
        }
    }
}

fn watch_folder(folder: &std::path::Path, found: &Mutex<Found>, ended: &Receiver<()>) {
    // What lies below an unmounted disk is not where anything belongs.
    let mounted = archive::is_mount(folder);
    loop {
        let is_there = !mounted || archive::is_mount(folder);
        let fault = if is_there {
            try_folder(folder).err()
        } else {
            Some(text!("its disk is not mounted", "磁盘未挂载"))
        };
        let free = space(folder).map_or(u64::MAX, |space| space.free);
        *found.lock().unwrap_or_else(PoisonError::into_inner) = Found { at: Instant::now(), fault, free };
        match ended.recv_timeout(EVERY) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}
