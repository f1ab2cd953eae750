//! Finds the audio in a file: behind tags, and in WAV files whose headers may be wrong.
//!
//! Programs that write to a pipe, or that were killed, leave WAV headers whose lengths are 0, −1 or simply wrong.
//! Players ignore that; so our decoder is given a header that we make: with the format of the file, and the length of
//! the audio that is there.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use symphonia::core::io::MediaSource;

/// A part of a file, with bytes of ours before it.
pub(super) struct Part {
    head: Vec<u8>,
    file: File,
    /// Where the part begins in the file, and how long it is.
    from: u64,
    length: u64,
    /// The next position to read, counted from the first byte of `head`.
    at: u64,
}

/// What a file holds.
pub(super) enum Content {
    /// A format that the decoder reads.
    Stream {
        /// The bytes.
        part: Part,
        /// The format, as a file's extension.
        extension: Option<String>,
    },
    /// Samples of 16 bits.
    Pcm {
        /// The samples alone.
        part: Part,
        /// Frames a second.
        rate: u32,
        /// Samples of a frame, at least 1.
        channels: usize,
    },
    /// GSM 06.10 in pairs of frames, as WAV files have it.
    GsmPairs(Part),
}

/// The audio of a file, and whether the file announces more than it holds.
pub(super) struct Opened {
    pub(super) content: Content,
    pub(super) is_short: bool,
}

/// Why a file's content cannot be handed to a decoder.
#[derive(Debug, thiserror::Error)]
pub(super) enum ContainerError {
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error("a WAV file without {0}")]
    NoChunk(&'static str),
    #[error("WAV with {0}, which cannot be read here")]
    Codec(&'static str),
}

/// Longest format chunk that is kept; further bytes mean nothing to us.
const LONGEST_FORMAT: u64 = 1_024;
/// Lengths from here on stand for "not known": programs that write to a pipe put 7FFFFFFF, 80000000 or FFFFFFFF, less
/// the header.
const UNKNOWN: u64 = 0x7fff_0000;
/// How far before the end of the file chunks behind audio of unknown length are looked for.
const TAIL: u64 = 4_096;

/// Opens a file and finds its audio.
pub(super) fn open(path: &Path) -> Result<Opened, ContainerError> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let from = skip_tags(&mut file, length)?;
    let mut magic = [0; 12];
    read_at(&mut file, from, &mut magic)?;
    if matches!(&magic[..4], b"RIFF" | b"RF64") && &magic[8..] == b"WAVE" {
        return wav(file, from + 12, length);
    }
    let extension = path.extension().and_then(|extension| extension.to_str()).map(str::to_owned);
    let part = Part { head: Vec::new(), file, from, length: length - from, at: 0 };
    Ok(Opened { content: Content::Stream { part, extension }, is_short: false })
}

/// The position after the ID3v2 tags at the begin of the file.
fn skip_tags(file: &mut File, length: u64) -> io::Result<u64> {
    let mut at = 0;
    loop {
        let mut head = [0; 10];
        read_at(file, at, &mut head)?;
        let [b'I', b'D', b'3', _, _, flags, size @ ..] = head else { return Ok(at) };
        let size = size.iter().fold(0, |size, byte| size << 7 | u64::from(byte & 0x7f));
        let footer = if flags & 0x10 != 0 { 10 } else { 0 };
        at = (at + 10 + size + footer).min(length);
    }
}

/// Fills as much as there is; the rest stays 0.
fn read_at(file: &mut File, at: u64, room: &mut [u8]) -> io::Result<usize> {
    file.seek(SeekFrom::Start(at))?;
    let mut had = 0;
    while had < room.len() {
        match file.read(&mut room[had..])? {
            0 => break,
            more => had += more,
        }
    }
    Ok(had)
}

/// The chunks of a WAV file from `at` on.
fn wav(mut file: File, mut at: u64, length: u64) -> Result<Opened, ContainerError> {
    let (mut format, mut long_length) = (Vec::new(), None);
    loop {
        let mut head = [0; 8];
        if read_at(&mut file, at, &mut head)? < head.len() {
            return Err(ContainerError::NoChunk("audio"));
        }
        let [name @ .., s0, s1, s2, s3] = head;
        let (size, body) = (u64::from(u32::from_le_bytes([s0, s1, s2, s3])), at + 8);
        match &name {
            b"fmt " => {
                format = vec![0; size.min(LONGEST_FORMAT) as usize];
                read_at(&mut file, body, &mut format)?;
            }
            b"ds64" => {
                let mut sizes = [0; 16];
                read_at(&mut file, body, &mut sizes)?;
                let [.., d0, d1, d2, d3, d4, d5, d6, d7] = sizes;
                long_length = Some(u64::from_le_bytes([d0, d1, d2, d3, d4, d5, d6, d7]));
            }
            b"data" => {
                let said = if size == 0xffff_ffff { long_length.unwrap_or(size) } else { size };
                return audio(file, &format, body, said, length);
            }
            _ => {}
        }
        at = body.saturating_add(size).saturating_add(size % 2);
    }
}

/// The audio of a WAV file: `said` bytes from `from` on, as far as its header goes.
fn audio(mut file: File, format: &[u8], from: u64, said: u64, length: u64) -> Result<Opened, ContainerError> {
    let there = length.saturating_sub(from);
    let is_unknown = said == 0 || said >= UNKNOWN && said > there;
    let audio = if is_unknown { there - behind(&mut file, from, length)? } else { said.min(there) };
    let is_short = !is_unknown && said > there;
    let field = |at: usize| format.get(at..at + 2).map(|bytes| u16::from_le_bytes([bytes[0], bytes[1]]));
    let tag = match field(0).ok_or(ContainerError::NoChunk("a format"))? {
        0xfffe => field(24).unwrap_or(0xfffe),
        tag => tag,
    };
    let part = |head: Vec<u8>| Part { head, file, from, length: audio, at: 0 };
    let rate =
        format.get(4..8).and_then(|bytes| bytes.first_chunk()).map_or(0, |bytes| u32::from_le_bytes(*bytes));
    let channels = field(2).map_or(0, usize::from);
    let is_pcm = tag == 0x01 && field(14) == Some(16) && field(12).map(usize::from) == Some(2 * channels);
    let content = match tag {
        0x01 if is_pcm && rate > 0 && channels > 0 => Content::Pcm { part: part(Vec::new()), rate, channels },
        0x31 => Content::GsmPairs(part(Vec::new())),
        0x50 | 0x55 => Content::Stream { part: part(Vec::new()), extension: Some("mp3".to_owned()) },
        0x01 | 0x02 | 0x03 | 0x06 | 0x07 | 0x11 | 0xfffe => {
            // Whole blocks of all channels: a decoder would refuse a part of one.
            let block = u64::from(field(12).unwrap_or(1).max(1));
            let head = header(format, audio - audio % block);
            Content::Stream { part: part(head), extension: Some("wav".to_owned()) }
        }
        0x45 => return Err(ContainerError::Codec("G.726")),
        0x65 | 0x64 => return Err(ContainerError::Codec("G.722 or G.726")),
        0x160..=0x163 => return Err(ContainerError::Codec("Windows Media Audio")),
        _ => return Err(ContainerError::Codec("a codec that is not known")),
    };
    Ok(Opened { content, is_short })
}

/// Bytes of chunks behind audio of unknown length: `LIST` with names of programs, mostly.
fn behind(file: &mut File, from: u64, length: u64) -> io::Result<u64> {
    let tail_from = from.max(length.saturating_sub(TAIL));
    let mut tail = vec![0; usize::try_from(length - tail_from).unwrap_or(0)];
    read_at(file, tail_from, &mut tail)?;
    let ends_the_file = |at: usize| {
        let chunk = tail.get(at..)?;
        let (name, rest) = chunk.split_first_chunk::<4>()?;
        let (size, body) = rest.split_first_chunk::<4>()?;
        let size = u32::from_le_bytes(*size) as usize;
        let is_known = matches!(name, b"LIST" | b"id3 " | b"ID3 " | b"bext" | b"fact" | b"cue ");
        (is_known && (size == body.len() || size + 1 == body.len())).then_some(chunk.len() as u64)
    };
    Ok((0..tail.len()).find_map(ends_the_file).unwrap_or(0))
}

/// A WAV header for this many bytes of audio.
fn header(format: &[u8], audio: u64) -> Vec<u8> {
    let size = |length: u64| u32::try_from(length).unwrap_or(u32::MAX - 64).to_le_bytes();
    let format_length = format.len() as u64;
    [
        b"RIFF",
        &size(4 + 8 + format_length + 8 + audio)[..],
        b"WAVEfmt ",
        &size(format_length),
        format,
        b"data",
        &size(audio),
    ]
    .concat()
}

impl Part {
    fn whole(&self) -> u64 {
        self.head.len() as u64 + self.length
    }
}

impl Read for Part {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let head = usize::try_from(self.at).ok().and_then(|at| self.head.get(at..)).unwrap_or_default();
        let read = if head.is_empty() {
            let behind = self.at - self.head.len() as u64;
            let most = usize::try_from(self.length.saturating_sub(behind)).unwrap_or(usize::MAX);
            let most = room.len().min(most);
            self.file.seek(SeekFrom::Start(self.from + behind))?;
            self.file.read(&mut room[..most])?
        } else {
            let most = room.len().min(head.len());
            room[..most].copy_from_slice(&head[..most]);
            most
        };
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Part {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (base, offset) = match to {
            SeekFrom::Start(at) => (at, 0),
            SeekFrom::Current(offset) => (self.at, offset),
            SeekFrom::End(offset) => (self.whole(), offset),
        };
        let before = || io::Error::new(io::ErrorKind::InvalidInput, "a place before the beginning");
        self.at = base.checked_add_signed(offset).ok_or_else(before)?;
        Ok(self.at)
    }
}

impl MediaSource for Part {
    fn is_seekable(&self) -> bool {
        true
    }

    fn byte_len(&self) -> Option<u64> {
        Some(self.whole())
    }
}
