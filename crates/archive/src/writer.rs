//! Recording threads: they own the open files, and alone wait for the disk.
//!
//! ```text
//!   Open ──► Writing (through trouble: see `writing`) ──Seal──► on disk, reported
//!     │          └──Seal, while a disk with a part of it stands still──► CutOff ──it answers──► as above
//!     └─ the path is refused ──► Failed (reported once; pieces are counted) ──Seal──► forgotten
//! ```
//!
//! Each piece is written after the last, then the header is updated: a process that is killed between the two leaves a
//! file whose header counts too little, and which plays. Every ten seconds of audio are synced, so a power cut costs
//! at most these and the kernel's write-back. Sealing syncs file and folder before the hash is read back.

use std::collections::BTreeMap;
use std::time::Duration;

use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TrySendError};
use model::{Gap, Kept, MediaReport, RecordingId, RecordingReport};

use crate::storage::{Beat, Places, RETRY};
use crate::tally::{Tally, add, shift};
use crate::writing::{Desk, Outcome, Writing};

/// Samples of both channels, left and right.
pub type Buffer = Vec<[i16; 2]>;

/// A message from a media thread to a recording thread.
#[derive(Debug)]
pub enum ToWriter {
    /// Make the file.
    Open {
        /// The recording.
        recording: RecordingId,
        /// Its path below the recordings folder.
        path: String,
        /// Samples a second.
        rate: u32,
    },
    /// Write audio at a position (in samples of 8 kHz, whatever the rate). Audio that is missing before it was dropped
    /// on the way.
    Piece {
        /// The recording.
        recording: RecordingId,
        /// The position of its first sample.
        at: u64,
        /// The audio.
        audio: Buffer,
    },
    /// Close and report.
    Seal {
        /// The recording.
        recording: RecordingId,
        /// Its length, in samples of 8 kHz.
        length: u64,
        /// Its spans without audio.
        gaps: Vec<Gap>,
    },
}

/// Empty buffers that are kept ready for media threads.
const READY: usize = 128;
/// The most empty buffers that are kept.
pub(crate) const SPARES: usize = 2 * READY;

/// Works until every media thread has ended, then seals the recordings that are still open. Buffers go back to the
/// media threads by `spares`.
pub(crate) fn run(
    (messages, spares, room): (&Receiver<ToWriter>, &Sender<Buffer>, usize),
    places: &Places,
    beat: &Beat,
    reports: &Sender<MediaReport>,
    tally: &Tally,
) {
    let desk = Desk { places, beat };
    let (files, cut_off) = (BTreeMap::new(), Vec::new());
    let mut writer = Writer { desk, spares, reports, tally, files, cut_off, patience: PATIENCE };
    loop {
        stock(spares, room);
        match messages.recv_timeout(RETRY) {
            Ok(message) => writer.handle(message),
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        writer.seal_what_is_whole_again();
    }
    writer.leave_what_is_cut_off();
    for (recording, file) in std::mem::take(&mut writer.files) {
        let length = file.length();
        writer.seal(recording, file, length, Vec::new());
    }
}

/// Makes buffers ahead and writes to their memory: the first write to a page makes the kernel find and clear it, which
/// takes 3.5 ms for a huge page. Done here, no packet waits for it.
fn stock(spares: &Sender<Buffer>, room: usize) {
    while spares.len() < READY {
        let mut buffer = vec![[1, 1]; room];
        buffer.clear();
        if spares.try_send(buffer).is_err() {
            return;
        }
    }
}

struct Writer<'a> {
    desk: Desk<'a>,
    spares: &'a Sender<Buffer>,
    reports: &'a Sender<MediaReport>,
    tally: &'a Tally,
    files: BTreeMap<RecordingId, File>,
    /// Ended recordings whose beginning is on a disk that hangs; they wait for it.
    cut_off: Vec<Ended>,
    patience: Duration,
}

struct Ended {
    recording: RecordingId,
    writing: Writing,
    length: u64,
    gaps: Vec<Gap>,
}

enum File {
    Writing(Writing),
    Failed,
}

/// The longest wait for the reader of reports.
const PATIENCE: Duration = Duration::from_secs(5);

impl Writer<'_> {
    fn handle(&mut self, message: ToWriter) {
        match message {
            ToWriter::Open { recording, path, rate } => self.open(recording, path, rate),
            ToWriter::Piece { recording, at, mut audio } => {
                self.piece(recording, at, &audio);
                audio.clear();
                // A buffer that finds no room is freed.
                let _: Result<(), TrySendError<Buffer>> = self.spares.try_send(audio);
            }
            ToWriter::Seal { recording, length, gaps } => {
                if let Some(file) = self.files.remove(&recording) {
                    self.seal(recording, file, length, gaps);
                }
            }
        }
    }

    fn open(&mut self, recording: RecordingId, path: String, rate: u32) {
        shift(&self.tally.open_recordings, 1);
        let file = match Writing::create(self.desk, path, rate) {
            Ok(writing) => {
                shift(&self.tally.interrupted_recordings, i64::from(writing.is_away()));
                File::Writing(writing)
            }
            Err(error) => {
                self.fail(recording, format!("cannot make the file: {error}"), Kept::default());
                File::Failed
            }
        };
        self.files.insert(recording, file);
    }

    fn piece(&mut self, recording: RecordingId, at: u64, audio: &[[i16; 2]]) {
        let taken = match self.files.get_mut(&recording) {
            Some(File::Writing(writing)) => {
                let before = (writing.is_away(), writing.moves());
                let taken = writing.piece(self.desk, at, audio);
                let change = i64::from(writing.is_away()) - i64::from(before.0);
                shift(&self.tally.interrupted_recordings, change);
                add(&self.tally.recordings_moved, (writing.moves() - before.1) as u64);
                taken
            }
            Some(File::Failed) => false,
            None => return,
        };
        if !taken {
            add(&self.tally.frames_dropped, (audio.len() as u64).div_ceil(audio::FRAME as u64));
        }
    }

    fn seal(&mut self, recording: RecordingId, file: File, length: u64, gaps: Vec<Gap>) {
        match file {
            File::Writing(writing) if writing.is_cut_off(self.desk.places) => {
                self.cut_off.push(Ended { recording, writing, length, gaps });
            }
            File::Writing(writing) => self.end(Ended { recording, writing, length, gaps }),
            File::Failed => shift(&self.tally.open_recordings, -1),
        }
    }

    fn seal_what_is_whole_again(&mut self) {
        let places = self.desk.places;
        let whole: Vec<Ended> =
            self.cut_off.extract_if(.., |ended| !ended.writing.is_cut_off(places)).collect();
        whole.into_iter().for_each(|ended| self.end(ended));
    }

    /// The next start finds both parts and joins them. If they were sealed now, the first part would be lost.
    fn leave_what_is_cut_off(&mut self) {
        for Ended { recording, .. } in self.cut_off.drain(..) {
            shift(&self.tally.open_recordings, -1);
            tracing::error!(%recording, "a recording's first part is on a disk that does not answer; it is left to be repaired");
        }
    }

    fn end(&mut self, ended: Ended) {
        let Ended { recording, writing, length, gaps } = ended;
        let away = writing.is_away();
        let Outcome { duration_ms, sha256, gaps, fault } = writing.seal(self.desk, length, gaps);
        // Counted after the seal: a recording counts as open while its file is written or read back.
        shift(&self.tally.interrupted_recordings, -i64::from(away));
        shift(&self.tally.open_recordings, -1);
        match fault {
            None => self.report(MediaReport::Recording(
                recording,
                RecordingReport::Sealed(Kept { duration_ms, sha256, gaps }),
            )),
            Some(why) => self.fail(recording, why, Kept { duration_ms, sha256, gaps }),
        }
    }

    fn fail(&mut self, recording: RecordingId, why: String, kept: Kept) {
        tracing::error!(%recording, why, kept_ms = kept.duration_ms, "a recording is not whole");
        self.report(MediaReport::Recording(recording, RecordingReport::Failed { why, kept }));
    }

    /// Sends a report, and waits for its reader: nothing on this thread is in real time, and the end of a recording
    /// must be reported. A reader that took nothing for [`PATIENCE`] is not waited for any more until it reads again;
    /// the recordings that it misses are on the disk and found at the next start.
    fn report(&mut self, report: MediaReport) {
        let sent = self.reports.send_timeout(report, self.patience);
        self.patience = if sent.is_ok() { PATIENCE } else { Duration::ZERO };
        if let Err(error) = sent {
            tracing::error!(report = ?error.into_inner(), "nobody reads what became of a recording");
        }
    }
}

impl File {
    fn length(&self) -> u64 {
        match self {
            File::Writing(writing) => writing.length(),
            File::Failed => 0,
        }
    }
}
