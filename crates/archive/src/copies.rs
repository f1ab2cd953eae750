//! Copies of sealed recordings in FLAC: the same samples in less room.
//!
//! ```text
//!   a.wav[.enc] ──encode──► a.flac.part[.enc] ──decode, compare──► a.flac[.enc]
//! ```
//!
//! A copy gets its name only after it was decoded again and every sample was found to be the recording's. A crash
//! leaves a part, which the next attempt overwrites. The copy of an encrypted recording is encrypted, with a key of
//! its own.

use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use audio::flac::{BLOCK, Encoder, HEADER_LEN};
use audio::wav::{self, NotOurs};
use symphonia::core::errors::Error as DecodeError;
use symphonia::core::io::{MediaSource, MediaSourceStream};

use crate::decoding::Track;
use crate::disk::{Disk, DiskFile, Folder};
use crate::names::{flac_name, flac_part_name};
use crate::vault::{self, CenterKeys, Vault};

/// Bytes written at once.
const PIECE: usize = 1 << 16;
/// A copy is never urgent: after working for a time it rests for three times as long, so that calls have the processor
/// and the disk.
const REST: u32 = 3;

/// Why there is no copy.
#[derive(Debug, thiserror::Error)]
pub enum CopyError {
    /// Something cannot be read or written.
    #[error("cannot copy {}", path.display())]
    Io {
        /// The recording.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is no recording of ours.
    #[error("{} is not copied", path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: NotOurs,
    },
    /// The copy was decoded, and is not what was recorded. It was removed.
    #[error("the copy of {} is not the same: {why}", path.display())]
    Differs {
        /// The recording.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
}

/// Makes the FLAC copy of a closed recording, beside it. Returns the copy's path and its bytes on the disk. A copy
/// that is there already is left as it is.
///
/// # Errors
/// When the recording cannot be read or the copy not written, or the copy differs from the recording. At most the part
/// remains then.
pub fn copy_as_flac(recording: &Path, keys: &Arc<CenterKeys>) -> Result<(PathBuf, u64), CopyError> {
    let io = |source| CopyError::Io { path: recording.to_owned(), source };
    let names = Names::of(recording).ok_or_else(|| io(io::ErrorKind::InvalidInput.into()))?;
    if let Ok(metadata) = fs::metadata(&names.copy) {
        return Ok((names.copy, metadata.len()));
    }
    let source = Source::open(recording, keys)?;
    match fs::remove_file(&names.part) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(io(error)),
        Ok(()) | Err(_) => {}
    }
    encode(&source, &names, keys).map_err(io)?;
    let part = File::open(&names.part).and_then(|file| vault::open(file, &names.part, keys)).map_err(io)?;
    if let Err(why) = compare(&source, part) {
        fs::remove_file(&names.part).map_err(io)?;
        return Err(CopyError::Differs { path: recording.to_owned(), why });
    }
    fs::rename(&names.part, &names.copy).map_err(io)?;
    if !recording.exists() {
        // It was erased meanwhile: its copy must not outlive it.
        fs::remove_file(&names.copy).map_err(io)?;
        return Err(io(io::ErrorKind::NotFound.into()));
    }
    File::open(&names.folder).and_then(|folder| folder.sync_all()).map_err(io)?;
    let bytes = fs::metadata(&names.copy).map_err(io)?.len();
    Ok((names.copy, bytes))
}

/// Where a copy lies, and where it is made.
struct Names {
    folder: PathBuf,
    copy: PathBuf,
    part: PathBuf,
    part_name: String,
}

impl Names {
    fn of(recording: &Path) -> Option<Names> {
        let folder = recording.parent()?.to_owned();
        let name = recording.file_name()?.to_str()?;
        let part_name = flac_part_name(name)?;
        Some(Names { copy: folder.join(flac_name(name)?), part: folder.join(&part_name), part_name, folder })
    }
}

/// A recording's samples.
struct Source {
    file: Box<dyn DiskFile>,
    header: u64,
    samples: u64,
    rate: u32,
}

impl Source {
    fn open(path: &Path, keys: &CenterKeys) -> Result<Source, CopyError> {
        let io = |source| CopyError::Io { path: path.to_owned(), source };
        let file = File::open(path).and_then(|file| vault::open(file, path, keys)).map_err(io)?;
        let mut head = vec![0; wav::HEADER_LEN];
        let read = vault::read_all(&*file, 0, &mut head).map_err(io)?;
        head.truncate(read);
        let found = wav::repair(&head, file.length().map_err(io)?);
        let found = found.map_err(|source| CopyError::NotOurs { path: path.to_owned(), source })?;
        Ok(Source { file, header: found.header.len() as u64, samples: found.samples, rate: found.rate })
    }

    /// At most `count` samples, beginning with sample number `from`.
    fn read(&self, from: u64, count: usize) -> io::Result<Vec<[i16; 2]>> {
        let left = usize::try_from(self.samples.saturating_sub(from)).unwrap_or(usize::MAX);
        let mut bytes = vec![0; count.min(left) * wav::BLOCK as usize];
        let read = vault::read_all(&*self.file, self.header + from * wav::BLOCK, &mut bytes)?;
        if read < bytes.len() {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let (samples, _) = bytes.as_chunks::<4>();
        let sample =
            |[l0, l1, r0, r1]: &[u8; 4]| [i16::from_le_bytes([*l0, *l1]), i16::from_le_bytes([*r0, *r1])];
        Ok(samples.iter().map(sample).collect())
    }
}

/// When the present piece of work began; [`Pace::rest`] rests three times as long as it took.
struct Pace(Instant);

impl Pace {
    fn rest(&mut self) {
        std::thread::sleep(self.0.elapsed() * REST);
        self.0 = Instant::now();
    }
}

fn encode(source: &Source, names: &Names, keys: &Arc<CenterKeys>) -> io::Result<()> {
    let disk = Vault::new(Arc::new(Folder::open(&names.folder)?), Arc::clone(keys));
    let mut part = disk.create(&names.part_name)?;
    let (mut encoder, mut out, mut at) = (Encoder::new(source.rate), vec![0; HEADER_LEN], 0);
    let (mut from, mut pace) = (0, Pace(Instant::now()));
    while from < source.samples {
        let block = source.read(from, BLOCK)?;
        encoder.block(&block, &mut out);
        from += block.len() as u64;
        if out.len() >= PIECE {
            part.write_at(at, &out)?;
            at += out.len() as u64;
            out.clear();
            pace.rest();
        }
    }
    part.write_at(at, &out)?;
    part.write_at(0, &encoder.header())?;
    part.sync()
}

/// Decodes a copy and compares it, sample by sample.
fn compare(source: &Source, copy: Box<dyn DiskFile>) -> Result<(), String> {
    if source.samples == 0 {
        // Without a frame there is nothing to decode.
        return Ok(());
    }
    let said = |error: DecodeError| error.to_string();
    let Track { mut format, mut decoder, .. } = decoder_of(copy).map_err(said)?;
    let (mut at, mut heard, mut pace) = (0_u64, Vec::<i16>::new(), Pace(Instant::now()));
    while let Some(packet) = format.next_packet().map_err(said)? {
        let buffer = decoder.decode(&packet).map_err(said)?;
        if (buffer.spec().rate(), buffer.spec().channels().count()) != (source.rate, 2) {
            return Err("another rate, or not two channels".to_owned());
        }
        heard.resize(buffer.samples_interleaved(), 0);
        buffer.copy_to_slice_interleaved(&mut heard);
        let recorded = source.read(at, heard.len() / 2).map_err(|error| error.to_string())?;
        if recorded.as_flattened() != heard {
            return Err(format!("it differs behind sample {at}"));
        }
        at += recorded.len() as u64;
        pace.rest();
    }
    if at == source.samples { Ok(()) } else { Err(format!("it has {at} of {} samples", source.samples)) }
}

fn decoder_of(copy: Box<dyn DiskFile>) -> Result<Track, DecodeError> {
    let len = copy.length()?;
    let stream = Box::new(Stream { file: Mutex::new(copy), at: 0, len });
    Track::open(MediaSourceStream::new(stream, Default::default()), "flac")
}

/// A stored file as the decoder reads it. The lock is there because a decoder may be shared, which ours is not.
struct Stream {
    file: Mutex<Box<dyn DiskFile>>,
    at: u64,
    len: u64,
}

impl Read for Stream {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.file.get_mut().unwrap_or_else(PoisonError::into_inner).read_at(self.at, room)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Stream {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::End(offset) => (self.len, offset),
            SeekFrom::Current(offset) => (self.at, offset),
        };
        let outside = || io::Error::from(io::ErrorKind::InvalidInput);
        self.at = base.checked_add_signed(offset).ok_or_else(outside)?;
        Ok(self.at)
    }
}

impl MediaSource for Stream {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::wav::StereoWav;
    use testing::Scratch;

    /// A recording of `samples` samples at 16 kHz, written by the vault.
    fn record(scratch: &Scratch, name: &str, keys: &Arc<CenterKeys>, samples: usize) -> PathBuf {
        let (mut wav, mut data) = (StereoWav::new(16_000), Vec::new());
        let voice = |at: usize| ((at as f64 / 7.0).sin() * 8000.0) as i16;
        wav.append(&(0..samples).map(|at| [voice(at), voice(at * 2)]).collect::<Vec<_>>(), &mut data)
            .unwrap();
        let disk = Vault::new(Arc::new(Folder::open(scratch.path()).unwrap()), keys.clone());
        let mut file = disk.create(name).unwrap();
        file.write_at(0, &[wav.header().as_slice(), &data].concat()).unwrap();
        scratch.join(name)
    }

    #[test]
    fn a_copy_is_smaller_proven_and_made_once() {
        let scratch = Scratch::new("plain");
        let keys = Arc::default();
        for samples in [0, 1, 4096, 50_001] {
            let path = record(&scratch, &format!("{samples}.wav"), &keys, samples);
            fs::write(scratch.join(format!("{samples}.flac.part")), "of a crash").unwrap();
            let (copy, bytes) = copy_as_flac(&path, &keys).unwrap();
            assert_eq!(copy, scratch.join(format!("{samples}.flac")));
            assert!(!scratch.join(format!("{samples}.flac.part")).exists());
            assert!(samples < 10_000 || bytes * 10 < fs::metadata(&path).unwrap().len() * 9, "{bytes}");
            assert_eq!(copy_as_flac(&path, &keys).unwrap(), (copy, bytes));
        }
    }

    #[test]
    fn a_copy_of_an_encrypted_recording_is_encrypted() {
        let scratch = Scratch::new("encrypted");
        let key = crate::CenterKey::create(&scratch.join("key")).unwrap();
        let keys = Arc::new(CenterKeys::new(Some(key), Vec::new()));
        let path = record(&scratch, "a.wav.enc", &keys, 30_000);
        let (copy, _) = copy_as_flac(&path, &keys).unwrap();
        assert_eq!(copy, scratch.join("a.flac.enc"));
        assert!(!fs::read(&copy).unwrap().windows(4).any(|bytes| bytes == b"fLaC"));
        let seen = vault::open(File::open(&copy).unwrap(), &copy, &keys).unwrap();
        let mut magic = [0; 4];
        vault::read_all(&*seen, 0, &mut magic).unwrap();
        assert_eq!(&magic, b"fLaC");
    }

    #[test]
    fn a_copy_that_is_not_the_same_is_refused() {
        let scratch = Scratch::new("differs");
        let keys = Arc::default();
        let path = record(&scratch, "a.wav", &keys, 20_000);
        let (copy, _) = copy_as_flac(&path, &keys).unwrap();
        let other = Source::open(&record(&scratch, "b.wav", &keys, 19_999), &keys).unwrap();
        let opened = || vault::open(File::open(&copy).unwrap(), &copy, &keys).unwrap();
        assert!(compare(&other, opened()).is_err());
        let mut bytes = fs::read(&copy).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(&copy, bytes).unwrap();
        assert!(compare(&Source::open(&path, &keys).unwrap(), opened()).is_err());
    }
}
