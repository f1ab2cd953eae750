//! The counters of media, readable from any thread.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// Counts since the start, and what is open now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Counters {
    /// RTP packets taken.
    pub packets_in: u64,
    /// RTP packets sent.
    pub packets_out: u64,
    /// RTP packets that peers sent and that did not arrive.
    pub packets_lost: u64,
    /// Datagrams that were not RTP of the leg's peer: malformed, of another payload type, or from another source.
    pub packets_ignored: u64,
    /// SRTP and SRTCP packets that were refused: made with another key, changed on the way, or received before.
    pub packets_forged: u64,
    /// Times that a party of a conversation was not heard although it should have been.
    pub one_way: u64,
    /// 20 ms ticks that began more than 20 ms late.
    pub late_ticks: u64,
    /// 20 ms frames of recordings dropped because a disk was too slow or failed.
    pub frames_dropped: u64,
    /// Keys and silences not reported because the reader was too slow.
    pub reports_dropped: u64,
    /// Legs open now.
    pub open_legs: u64,
    /// Recordings open now.
    pub open_recordings: u64,
    /// Of these, the ones that no place takes now: their audio becomes gaps.
    pub interrupted_recordings: u64,
    /// Recordings that went on in another place or file than they began in.
    pub recordings_moved: u64,
    /// Media threads that have no room for more calls now.
    pub strained: u64,
    /// Which places fail now, in the order of [`model::Storage::ALL`].
    pub storage_failed: [bool; 2],
}

/// The counters themselves.
#[derive(Debug, Default)]
pub(crate) struct Tally {
    pub(crate) packets_in: AtomicU64,
    pub(crate) packets_out: AtomicU64,
    pub(crate) packets_lost: AtomicU64,
    pub(crate) packets_ignored: AtomicU64,
    pub(crate) packets_forged: AtomicU64,
    pub(crate) one_way: AtomicU64,
    pub(crate) late_ticks: AtomicU64,
    pub(crate) reports_dropped: AtomicU64,
    pub(crate) open_legs: AtomicI64,
    pub(crate) strained: AtomicI64,
    pub(crate) recordings: Arc<archive::Tally>,
}

impl Tally {
    pub(crate) fn read(&self) -> Counters {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let open = |gauge: &AtomicI64| u64::try_from(gauge.load(Ordering::Relaxed)).unwrap_or(0);
        let recordings = self.recordings.read();
        Counters {
            packets_in: count(&self.packets_in),
            packets_out: count(&self.packets_out),
            packets_lost: count(&self.packets_lost),
            packets_ignored: count(&self.packets_ignored),
            packets_forged: count(&self.packets_forged),
            one_way: count(&self.one_way),
            late_ticks: count(&self.late_ticks),
            frames_dropped: recordings.frames_dropped,
            reports_dropped: count(&self.reports_dropped),
            open_legs: open(&self.open_legs),
            open_recordings: recordings.open_recordings,
            interrupted_recordings: recordings.interrupted_recordings,
            recordings_moved: recordings.recordings_moved,
            strained: open(&self.strained),
            storage_failed: recordings.storage_failed,
        }
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
