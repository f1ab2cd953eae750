//! The recording threads, and the way to them.

use std::io;
use std::sync::Arc;
use std::thread::JoinHandle;

use crossbeam_channel::{Receiver, Sender, bounded};
use model::MediaReport;

use crate::disk::Disk;
use crate::patient::Patient;
use crate::storage::{self, Beat, Places};
use crate::tally::Tally;
use crate::vault::{CenterKeys, Vault};
use crate::writer::{self, Buffer, SPARES, ToWriter};

/// Messages that wait for one recording thread: 16 s of 400 recordings. More become gaps.
const FRAMES: usize = 16_384;

/// The recording threads, which run until every ring to them is dropped, and their watch.
#[derive(Debug)]
pub struct Writers {
    /// The way to each thread. A recording's messages all take one of them, in order.
    pub rings: Vec<Sender<ToWriter>>,
    /// Buffers that the threads made ahead, or have done with.
    pub spares: Receiver<Buffer>,
    /// The threads.
    pub handles: Vec<JoinHandle<()>>,
}

/// What recording threads work with.
#[derive(Debug)]
pub struct WriterSettings {
    /// How many threads, at least 1.
    pub threads: usize,
    /// The disks, in the clear: the first, and the one that takes over.
    pub disks: Vec<Arc<dyn Disk>>,
    /// What encrypts the recordings whose paths end in [`model::ENCRYPTED`].
    pub keys: Arc<CenterKeys>,
    /// Samples that a new buffer has room for.
    pub room: usize,
}

impl Writers {
    /// Starts the threads. What becomes of recordings and disks is sent to `reports`.
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(
        settings: WriterSettings,
        reports: &Sender<MediaReport>,
        tally: &Arc<Tally>,
    ) -> io::Result<Writers> {
        let WriterSettings { threads, disks, keys, room } = settings;
        // Where there is nowhere else to go, a disk is waited for.
        let disks = if disks.len() > 1 { patiently(disks)? } else { disks };
        let vault = |disk| Arc::new(Vault::new(disk, keys.clone())) as Arc<dyn Disk>;
        let disks = disks.into_iter().map(vault).collect();
        let places = Arc::new(Places::new(disks, reports.clone(), tally.clone()));
        let (back, spares) = bounded(SPARES);
        let (mut rings, mut handles, mut beats) = (Vec::new(), Vec::new(), Vec::new());
        // The watch ends when the last recording thread has dropped its end of this.
        let (alive, ended) = bounded::<()>(0);
        for index in 0..threads.max(1) {
            let (ring, messages) = bounded(FRAMES);
            let (places, beat, alive) = (places.clone(), Arc::new(Beat::new()), alive.clone());
            let (reports, back, tally) = (reports.clone(), back.clone(), tally.clone());
            beats.push(beat.clone());
            let run = move || {
                writer::run((&messages, &back, room), &places, &beat, &reports, &tally);
                drop(alive);
            };
            handles.push(spawn(format!("rec-{index}"), run)?);
            rings.push(ring);
        }
        handles.push(spawn("rec-watch".to_owned(), move || storage::watch(&beats, &places, &ended))?);
        Ok(Writers { rings, spares, handles })
    }
}

fn patiently(disks: Vec<Arc<dyn Disk>>) -> io::Result<Vec<Arc<dyn Disk>>> {
    disks.into_iter().map(|disk| Ok(Arc::new(Patient::new(disk)?) as Arc<dyn Disk>)).collect()
}

fn spawn(name: String, run: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    std::thread::Builder::new().name(name).spawn(run)
}
