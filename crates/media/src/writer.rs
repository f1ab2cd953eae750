//! Recording threads: they own the open files, and alone wait for the disk.
//!
//! ```text
//!   Open ──► Writing ──Seal──► sealed on disk, reported
//!               │
//!               └─ disk fails ──► Failed (reported once; pieces are counted) ──Seal──► forgotten
//! ```
//!
//! Each piece is written behind the last, then the header is made true: killed between the two, a file
//! says less than it holds and plays. Every ten seconds of audio are synced, so a power cut costs at most
//! that and the kernel's write-back; sealing syncs file and folder before the hash is read back.

use std::io;
use std::time::Duration;

use audio::wav::{HEADER_LEN, StereoWav};
use crossbeam_channel::{Receiver, Sender};
use model::{Gap, GapCause, MediaReport, RecordingId};

use crate::Map;
use crate::clock::milliseconds;
use crate::counters::{Tally, add, shift};
use crate::disk::{Disk, DiskFile};

/// What a media thread tells a recording thread.
#[derive(Debug)]
pub(crate) enum ToWriter {
    /// Make the file.
    Open { recording: RecordingId, path: String },
    /// Write what belongs at a position (in samples). What is missing before it was dropped.
    Piece { recording: RecordingId, at: u64, audio: Vec<[i16; 2]> },
    /// Close and report.
    Seal { recording: RecordingId, length: u64, gaps: Vec<Gap> },
}

/// Works until every media thread is gone, then seals what is still open.
pub(crate) fn run(
    messages: &Receiver<ToWriter>,
    disk: &dyn Disk,
    reports: &Sender<MediaReport>,
    tally: &Tally,
) {
    let mut writer = Writer { disk, reports, tally, files: Map::new(), patience: PATIENCE };
    messages.iter().for_each(|message| writer.handle(message));
    for (recording, file) in std::mem::take(&mut writer.files) {
        let length = file.length();
        writer.seal(recording, file, length, Vec::new());
    }
}

struct Writer<'a> {
    disk: &'a dyn Disk,
    reports: &'a Sender<MediaReport>,
    tally: &'a Tally,
    files: Map<RecordingId, File>,
    patience: Duration,
}

enum File {
    Writing(Writing),
    Failed,
}

struct Writing {
    file: Box<dyn DiskFile>,
    wav: StereoWav,
    synced: u64,
    gaps: Vec<Gap>,
}

/// How long a reader of reports is waited for.
const PATIENCE: Duration = Duration::from_secs(5);
/// Samples between two syncs (10 s).
const SYNC: u64 = 80_000;
/// Silence is written in pieces of this many samples, so that a long gap needs little memory.
const SILENCE: u64 = 8000;

impl Writer<'_> {
    fn handle(&mut self, message: ToWriter) {
        match message {
            ToWriter::Open { recording, path } => self.open(recording, &path),
            ToWriter::Piece { recording, at, audio } => self.piece(recording, at, &audio),
            ToWriter::Seal { recording, length, gaps } => {
                if let Some(file) = self.files.remove(&recording) {
                    self.seal(recording, file, length, gaps);
                }
            }
        }
    }

    fn open(&mut self, recording: RecordingId, path: &str) {
        shift(&self.tally.open_recordings, 1);
        let file = match Writing::create(self.disk, path) {
            Ok(writing) => File::Writing(writing),
            Err(error) => self.fail(recording, "cannot make the file", &error),
        };
        self.files.insert(recording, file);
    }

    fn piece(&mut self, recording: RecordingId, at: u64, audio: &[[i16; 2]]) {
        let outcome = match self.files.get_mut(&recording) {
            Some(File::Writing(writing)) => writing.piece(at, audio),
            Some(File::Failed) => {
                let frames = (audio.len() as u64).div_ceil(audio::FRAME as u64);
                return add(&self.tally.frames_dropped, frames);
            }
            None => return,
        };
        if let Err(error) = outcome {
            let failed = self.fail(recording, "cannot write", &error);
            self.files.insert(recording, failed);
        }
    }

    fn seal(&mut self, recording: RecordingId, file: File, length: u64, gaps: Vec<Gap>) {
        shift(&self.tally.open_recordings, -1);
        match file {
            File::Failed => {}
            File::Writing(mut writing) => match writing.seal(length, gaps) {
                Ok(sha256) => {
                    let duration_ms = milliseconds(writing.wav.samples());
                    let gaps = writing.gaps;
                    self.report(MediaReport::Sealed { recording, duration_ms, sha256, gaps });
                }
                Err(error) => _ = self.fail(recording, "cannot seal", &error),
            },
        }
    }

    fn fail(&mut self, recording: RecordingId, what: &str, error: &io::Error) -> File {
        tracing::error!(%recording, %error, "{what}; the call goes on without its recording");
        self.report(MediaReport::RecordingFailed { recording, why: format!("{what}: {error}") });
        File::Failed
    }

    /// Waits for the reader, for nothing real-time happens on this thread and a recording's end must be
    /// told. A reader that took nothing for [`PATIENCE`] counts as gone until it reads again: what it
    /// misses is on disk and found at the next start.
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
            File::Writing(writing) => writing.wav.samples(),
            File::Failed => 0,
        }
    }
}

impl Writing {
    fn create(disk: &dyn Disk, path: &str) -> io::Result<Writing> {
        let mut file = disk.create(path)?;
        let wav = StereoWav::default();
        file.write_at(0, &wav.header())?;
        file.sync()?;
        Ok(Writing { file, wav, synced: 0, gaps: Vec::new() })
    }

    fn piece(&mut self, at: u64, audio: &[[i16; 2]]) -> io::Result<()> {
        self.fill_until(at)?;
        self.append(audio)?;
        if self.wav.samples() >= self.synced + SYNC {
            self.synced = self.wav.samples();
            self.file.sync()?;
        }
        Ok(())
    }

    /// Silence for what was dropped on the way here.
    fn fill_until(&mut self, at: u64) -> io::Result<()> {
        let from = self.wav.samples();
        if at <= from {
            return Ok(());
        }
        let (from_ms, length_ms) = (milliseconds(from), milliseconds(at - from));
        let gap = |channel| Gap { channel, from_ms, length_ms, cause: GapCause::Dropped };
        self.gaps.extend([gap(0), gap(1)]);
        while self.wav.samples() < at {
            let count = (at - self.wav.samples()).min(SILENCE);
            self.append(&vec![[0, 0]; usize::try_from(count).unwrap_or(0)])?;
        }
        Ok(())
    }

    fn append(&mut self, audio: &[[i16; 2]]) -> io::Result<()> {
        let offset = HEADER_LEN as u64 + self.wav.samples() * audio::wav::BLOCK;
        let mut bytes = Vec::new();
        self.wav.append(audio, &mut bytes).map_err(io::Error::other)?;
        self.file.write_at(offset, &bytes)?;
        self.file.write_at(0, &self.wav.header())
    }

    fn seal(&mut self, length: u64, gaps: Vec<Gap>) -> io::Result<String> {
        self.fill_until(length)?;
        self.gaps.extend(gaps);
        self.gaps.sort_by_key(|gap| (gap.from_ms, gap.channel));
        self.file.seal()
    }
}
