//! The recording threads, and the channels to them.

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

/// Messages that wait for one recording thread: 16 s of 400 recordings. Beyond that audio is dropped and becomes gaps.
const FRAMES: usize = 16_384;

/// The recording threads, which run until every ring to them is dropped, and the thread that watches them.
#[derive(Debug)]
pub struct Writers {
    /// A ring to each thread. All messages of one recording take the same ring, in order.
    pub rings: Vec<Sender<ToWriter>>,
    /// Empty buffers, for media threads to fill.
    pub spares: Receiver<Buffer>,
    /// The threads.
    pub handles: Vec<JoinHandle<()>>,
}

/// The settings of recording threads.
#[derive(Debug)]
pub struct WriterSettings {
    /// How many threads, at least 1.
    pub threads: usize,
    /// The disks, unencrypted: the first, and the one that takes over.
    pub disks: Vec<Arc<dyn Disk>>,
    /// What encrypts the recordings whose paths end in [`model::ENCRYPTED`].
    pub keys: Arc<CenterKeys>,
    /// Samples that fit into a new buffer.
    pub room: usize,
}

impl Writers {
    /// Starts the threads. Reports about recordings and disks are sent to `reports`.
    ///
    /// # Errors
    /// When a thread cannot be made.
    pub fn start(
        settings: WriterSettings,
        reports: &Sender<MediaReport>,
        tally: &Arc<Tally>,
    ) -> io::Result<Writers> {
        let WriterSettings { threads, disks, keys, room } = settings;
        // With a single disk there is no other place to go: the disk is waited for without a limit.
        let disks = if disks.len() > 1 { patiently(disks)? } else { disks };
        let vault = |disk| Arc::new(Vault::new(disk, keys.clone())) as Arc<dyn Disk>;
        let disks = disks.into_iter().map(vault).collect();
        let places = Arc::new(Places::new(disks, reports.clone(), tally.clone()));
        let (back, spares) = bounded(SPARES);
        let (mut rings, mut handles, mut beats) = (Vec::new(), Vec::new(), Vec::new());
        // The watch ends when the last recording thread has dropped its sender.
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
