//! Counters of recordings, readable from any thread.

use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};

/// Counts since the start, and what is open now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counts {
    /// 20 ms frames of recordings dropped because a disk was too slow or failed.
    pub frames_dropped: u64,
    /// Recordings open now.
    pub open_recordings: u64,
    /// Of these, the ones that no place takes now: their audio is lost and becomes gaps.
    pub interrupted_recordings: u64,
    /// Recordings that went on in another place or file than they began in.
    pub recordings_moved: u64,
    /// Which places fail now, in the order of [`model::Storage::ALL`].
    pub storage_failed: [bool; 2],
}

/// The counters themselves.
#[derive(Debug, Default)]
pub struct Tally {
    pub(crate) frames_dropped: AtomicU64,
    pub(crate) open_recordings: AtomicI64,
    pub(crate) interrupted_recordings: AtomicI64,
    pub(crate) recordings_moved: AtomicU64,
    pub(crate) storage_failed: [AtomicBool; 2],
}

impl Tally {
    /// The present values.
    pub fn read(&self) -> Counts {
        let open = |gauge: &AtomicI64| u64::try_from(gauge.load(Ordering::Relaxed)).unwrap_or(0);
        Counts {
            frames_dropped: self.frames_dropped.load(Ordering::Relaxed),
            open_recordings: open(&self.open_recordings),
            interrupted_recordings: open(&self.interrupted_recordings),
            recordings_moved: self.recordings_moved.load(Ordering::Relaxed),
            storage_failed: self.storage_failed.each_ref().map(|failed| failed.load(Ordering::Relaxed)),
        }
    }

    /// Frames of 20 ms that never reached a recording thread.
    pub fn drop_frames(&self, frames: u64) {
        add(&self.frames_dropped, frames);
    }
}

/// Adds to a counter.
pub(crate) fn add(counter: &AtomicU64, more: u64) {
    counter.fetch_add(more, Ordering::Relaxed);
}

/// Moves a gauge.
pub(crate) fn shift(gauge: &AtomicI64, by: i64) {
    gauge.fetch_add(by, Ordering::Relaxed);
}
