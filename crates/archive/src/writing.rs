//! One recording on its way to the disk, also while a disk fails.
//!
//! ```text
//!   At(part) ──refused, gone──► another place or a new file ──► At(part)
//!      ▲                                  │ none
//!      └────── tried once a second ◄── Away
//! ```
//!
//! A recording is one file with one time base. While no place takes its audio, the file has silence there and a gap
//! `Dropped`. When the recording goes on in another file, the audio of the first file is copied over at the seal,
//! because copying in mid-call would cost other recordings their audio; until then the new file has silence there.

use std::io;

use audio::wav::{BLOCK, HEADER_LEN, StereoWav};
use model::{Gap, GapCause, Storage};

use crate::disk::DiskFile;
use crate::storage::{Beat, Places, is_the_paths_fault};

/// Samples between two syncs (10 s; 5 s of a wide recording).
const SYNC: u64 = 80_000;
/// Samples between two checks whether the file is still there (2 s; 1 s of a wide recording).
const LOOK: u64 = 16_000;
/// The most attempts to find a place at one time.
const ATTEMPTS: usize = 4;

/// A recording being written.
pub(crate) struct Writing {
    path: String,
    target: Target,
    /// Files that the recording went on from, oldest first.
    left: Vec<Part>,
    wav: StereoWav,
    rate: u32,
    synced: u64,
    looked: u64,
    gaps: Vec<Gap>,
}

enum Target {
    At(Part),
    /// No place takes its audio. Holds the file that it was in last, if any.
    Away(Option<Part>),
}

/// A file that holds the recording's audio from a position on.
struct Part {
    storage: Storage,
    file: Box<dyn DiskFile>,
    from: u64,
}

/// A recording that was ended.
pub(crate) struct Outcome {
    pub(crate) duration_ms: u64,
    pub(crate) sha256: String,
    pub(crate) gaps: Vec<Gap>,
    /// Why it is not whole.
    pub(crate) fault: Option<String>,
}

/// The places, and the heartbeat of the thread that calls them.
#[derive(Clone, Copy)]
pub(crate) struct Desk<'a> {
    pub(crate) places: &'a Places,
    pub(crate) beat: &'a Beat,
}

impl Desk<'_> {
    /// Calls a place; the watch sees how long it takes.
    fn ask<T>(&self, storage: Storage, ask: impl FnOnce() -> io::Result<T>) -> io::Result<T> {
        self.beat.ask(storage);
        let answer = ask();
        self.beat.rest();
        answer
    }
}

impl Writing {
    /// Makes the file in the first place that takes it. Fails only where the path itself is refused.
    pub(crate) fn create(desk: Desk<'_>, path: String, rate: u32) -> io::Result<Writing> {
        let mut writing = Writing {
            path,
            target: Target::Away(None),
            left: Vec::new(),
            wav: StereoWav::new(rate),
            rate,
            synced: 0,
            looked: 0,
            gaps: Vec::new(),
        };
        let tried = desk.places.worth_trying();
        writing.settle_in(desk, &tried)?;
        Ok(writing)
    }

    /// Writes audio at a position, in samples of 8 kHz. `false` when no place took it.
    pub(crate) fn piece(&mut self, desk: Desk<'_>, at: u64, audio: &[[i16; 2]]) -> bool {
        let at = at * self.scale();
        self.persist(desk, |writing| {
            writing.look()?;
            writing.fill_until(at)?;
            writing.append(audio)?;
            writing.sync_when_due()
        })
    }

    /// Whether no place takes its audio now.
    pub(crate) fn is_away(&self) -> bool {
        matches!(self.target, Target::Away(_))
    }

    /// How often it went on in another file.
    pub(crate) fn moves(&self) -> usize {
        self.left.len()
    }

    /// Whether a part of it lies on a disk that hangs now.
    pub(crate) fn is_cut_off(&self, places: &Places) -> bool {
        self.left.iter().any(|part| !places.answers(part.storage))
    }

    /// Its length so far, in samples of 8 kHz.
    pub(crate) fn length(&self) -> u64 {
        self.wav.samples() / self.scale()
    }

    /// Samples of the file for one sample of 8 kHz.
    fn scale(&self) -> u64 {
        u64::from(self.rate / audio::RATE).max(1)
    }

    /// Samples of the file in milliseconds.
    fn milliseconds(&self, samples: u64) -> u64 {
        // Of 8 kHz: 8 samples a millisecond.
        samples / self.scale() / 8
    }

    /// Ends the recording: audio in other files is copied over, then the file is hashed as it lies on the disk.
    pub(crate) fn seal(mut self, desk: Desk<'_>, length: u64, gaps: Vec<Gap>) -> Outcome {
        let length = length * self.scale();
        self.try_everything(desk);
        let whole = self.persist(desk, |writing| {
            writing.look()?;
            writing.fill_until(length)
        });
        if !whole {
            self.miss(self.wav.samples()..length);
        }
        self.bring_over(desk);
        self.gaps.extend(gaps);
        self.gaps.sort_by_key(|gap| (gap.from_ms, gap.channel));
        let mut fault = (!whole).then(|| "no place took it to its end".to_owned());
        let sha256 = self.hash(desk).unwrap_or_else(|error| {
            fault = Some(format!("cannot seal: {error}"));
            String::new()
        });
        let duration_ms = if sha256.is_empty() { 0 } else { self.milliseconds(self.wav.samples()) };
        Outcome { duration_ms, sha256, gaps: self.gaps, fault }
    }

    /// Does `work` with the file; where that fails, in another place.
    fn persist(&mut self, desk: Desk<'_>, mut work: impl FnMut(&mut Writing) -> io::Result<()>) -> bool {
        for _ in 0..ATTEMPTS {
            let tried = desk.places.worth_trying();
            if self.is_away() && self.settle_in(desk, &tried).is_err() {
                return false;
            }
            let Target::At(Part { storage, .. }) = &self.target else { return false };
            let storage = *storage;
            match desk.ask(storage, || work(self)) {
                Ok(()) => {
                    desk.places.works(storage);
                    return true;
                }
                Err(error) => self.leave(desk, storage, &error),
            }
        }
        false
    }

    /// A place failed. Where the file was removed and its folder can be made again, a new file is made there at once.
    fn leave(&mut self, desk: Desk<'_>, storage: Storage, error: &io::Error) {
        desk.places.failed(storage, error);
        self.target = match std::mem::replace(&mut self.target, Target::Away(None)) {
            Target::At(part) => Target::Away(Some(part)),
            Target::Away(part) => Target::Away(part),
        };
        if error.kind() == io::ErrorKind::NotFound {
            // Without success no place takes the recording, and it is tried again later.
            let _: io::Result<()> = self.settle_in(desk, &[storage]);
        }
    }

    /// At the end all places are tried, also those that failed a moment ago.
    fn try_everything(&mut self, desk: Desk<'_>) {
        if self.is_away() {
            // The outcome is seen by the next write.
            let _: io::Result<()> = self.settle_in(desk, &desk.places.all());
        }
    }

    /// Goes on in the first of these places that takes it, in the present file or a new one.
    fn settle_in(&mut self, desk: Desk<'_>, places: &[Storage]) -> io::Result<()> {
        let mut refusal = None;
        for storage in places.iter().copied() {
            let Target::Away(before) = std::mem::replace(&mut self.target, Target::Away(None)) else {
                return Ok(());
            };
            match before {
                Some(part) if part.storage == storage && part.file.is_there() => {
                    self.target = Target::At(part);
                    return Ok(());
                }
                before => self.target = Target::Away(before),
            }
            match desk.ask(storage, || self.make(desk.places, storage)) {
                Ok(()) => return Ok(()),
                Err(error) if is_the_paths_fault(&error) => refusal = Some(error),
                Err(error) => desk.places.failed(storage, &error),
            }
        }
        // A new recording whose path is refused will not be taken later either.
        match refusal {
            Some(error) if matches!(self.target, Target::Away(None)) && self.left.is_empty() => Err(error),
            Some(_) | None => Ok(()),
        }
    }

    fn make(&mut self, places: &Places, storage: Storage) -> io::Result<()> {
        let mut file = places.create(storage, &self.path)?;
        let made = file.write_at(0, &StereoWav::new(self.rate).header()).and_then(|()| file.sync());
        if let Err(error) = made {
            drop(file);
            // An empty file would stand in the way of the next attempt.
            let _: io::Result<()> = places.remove(storage, &self.path);
            return Err(error);
        }
        let part = Part { storage, file, from: self.wav.samples() };
        if let Target::Away(Some(before)) = std::mem::replace(&mut self.target, Target::At(part)) {
            tracing::warn!(path = self.path, %storage, "a recording goes on in another file");
            self.left.push(before);
        }
        Ok(())
    }

    fn file(&mut self) -> io::Result<&mut Box<dyn DiskFile>> {
        match &mut self.target {
            Target::At(part) => Ok(&mut part.file),
            Target::Away(_) => Err(io::Error::other("no place takes it")),
        }
    }

    /// Checks that the file still has its name: a deleted file takes every write, and nobody will find it.
    fn look(&mut self) -> io::Result<()> {
        if self.wav.samples() < self.looked {
            return Ok(());
        }
        self.looked = self.wav.samples() + LOOK;
        if self.file()?.is_there() {
            return Ok(());
        }
        self.looked = 0;
        Err(io::Error::new(io::ErrorKind::NotFound, "the file or its folder was removed"))
    }

    /// Appends silence for audio that was dropped, up to position `at`.
    fn fill_until(&mut self, at: u64) -> io::Result<()> {
        let from = self.wav.samples();
        if at <= from {
            return Ok(());
        }
        // All but the last sample is a hole in the file, which reads as zeros and costs no writes.
        self.put(at - from - 1, &[[0, 0]])?;
        self.miss(from..at);
        Ok(())
    }

    fn miss(&mut self, span: std::ops::Range<u64>) {
        let (from_ms, length_ms) =
            (self.milliseconds(span.start), self.milliseconds(span.end - span.start.min(span.end)));
        let gap = |channel| Gap { channel, from_ms, length_ms, cause: GapCause::Dropped };
        self.gaps.extend([gap(0), gap(1)]);
    }

    fn append(&mut self, audio: &[[i16; 2]]) -> io::Result<()> {
        self.put(0, audio)
    }

    /// Leaves a hole of `hole` samples, writes audio behind it, then updates the header. After an error nothing counts
    /// as written.
    fn put(&mut self, hole: u64, audio: &[[i16; 2]]) -> io::Result<()> {
        let mut wav = self.wav.clone();
        wav.skip(hole).map_err(io::Error::other)?;
        let offset = HEADER_LEN as u64 + wav.samples() * BLOCK;
        let mut bytes = Vec::new();
        wav.append(audio, &mut bytes).map_err(io::Error::other)?;
        let file = self.file()?;
        file.write_at(offset, &bytes)?;
        file.write_at(0, &wav.header())?;
        self.wav = wav;
        Ok(())
    }

    fn sync_when_due(&mut self) -> io::Result<()> {
        if self.wav.samples() < self.synced + SYNC {
            return Ok(());
        }
        self.synced = self.wav.samples();
        self.file()?.sync()
    }

    /// Copies the audio of the files that were left to its place in the present one, and removes them.
    fn bring_over(&mut self, desk: Desk<'_>) {
        let left = std::mem::take(&mut self.left);
        let mut ends: Vec<u64> = left.iter().skip(1).map(|part| part.from).collect();
        let Target::At(Part { storage, from, file }) = &mut self.target else { return };
        ends.push(*from);
        let mut missing = Vec::new();
        for (part, until) in left.iter().zip(ends) {
            match desk.ask(*storage, || copy(&*part.file, file.as_mut(), part.from..until)) {
                Ok(reached) if reached >= until => {
                    if part.file.is_there()
                        && let Err(error) = desk.places.remove(part.storage, &self.path)
                    {
                        tracing::warn!(path = self.path, %error, "the first part of a recording stays");
                    }
                }
                Ok(reached) => missing.push(reached..until),
                Err(error) => {
                    tracing::error!(path = self.path, %error, "the first part of a recording cannot be read");
                    missing.push(part.from..until);
                }
            }
        }
        missing.into_iter().for_each(|span| self.miss(span));
    }

    fn hash(&mut self, desk: Desk<'_>) -> io::Result<String> {
        let part = match &mut self.target {
            Target::At(part) | Target::Away(Some(part)) => part,
            Target::Away(None) => return Err(io::Error::other("it was never taken")),
        };
        if !part.file.is_there() {
            return Err(io::Error::new(io::ErrorKind::NotFound, "its file is gone"));
        }
        desk.ask(part.storage, || part.file.seal())
    }
}

/// Copies a span of samples. Returns the position that was reached.
fn copy(from: &dyn DiskFile, to: &mut dyn DiskFile, span: std::ops::Range<u64>) -> io::Result<u64> {
    let place = |sample: u64| HEADER_LEN as u64 + sample * BLOCK;
    let (mut at, end) = (place(span.start), place(span.end));
    let mut room = vec![0; 1 << 16];
    while at < end {
        let wanted = usize::try_from(end - at).unwrap_or(usize::MAX).min(room.len());
        let read = from.read_at(at, room.get_mut(..wanted).unwrap_or_default())?;
        if read == 0 {
            break;
        }
        to.write_at(at, room.get(..read).unwrap_or_default())?;
        at += read as u64;
    }
    Ok((at - HEADER_LEN as u64) / BLOCK)
}
