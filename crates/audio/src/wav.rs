//! Stereo 16-bit WAV at 8 or 16 kHz as a stream of bytes whose header is true at every step.
//!
//! ```text
//!   below 4 GiB   RIFF size WAVE   JUNK 28  (28 zeros)                       fmt  16 …   data size
//!   above         RF64 −1   WAVE   ds64 28  RIFF size, data size, samples    fmt  16 …   data −1
//! ```
//!
//! Above what RIFF's 32 bits count, the file is RF64 (EBU Tech 3306, ITU-R BS.2088): the 64-bit sizes stand in a
//! `ds64` chunk in the place of the `JUNK` chunk, so that the same 80 bytes are overwritten and no audio moves. After
//! each append the bytes of [`StereoWav::header`] are to be written to the start of the file. A file that was cut off
//! between the two has sizes in its header that are too small or too large; [`repair`] corrects them by the file's
//! length. Files of earlier versions had the classic 44 bytes; they are repaired too.

use std::ops::Range;

use crate::RATE;

/// Bytes before the first sample.
pub const HEADER_LEN: usize = 80;
/// Bytes before the first sample in files of earlier versions.
const OLD_HEADER_LEN: usize = 44;
/// Where a header says its samples a second, and what it says in recordings of wide-band calls.
const RATE_AT: usize = 60;
const WIDE: u32 = 16_000;
/// The `ds64` chunk's content: three 64-bit sizes and an empty table.
const DS64_LEN: usize = 28;
/// Bytes of one sample of both channels.
pub const BLOCK: u64 = 4;
/// RIFF counts in 32 bits; this much audio fits, which is 37 hours. Above it the file is RF64.
pub const MAX_RIFF: u64 = (u32::MAX as u64 - (HEADER_LEN as u64 - 8)) / BLOCK * BLOCK;
/// A file longer than this (1 TiB, a year) is a mistake.
pub const MAX_DATA: u64 = 1 << 40;

/// Counts what has been written, and says what the header must be.
#[derive(Debug, Clone)]
pub struct StereoWav {
    samples: u64,
    rate: u32,
}

impl Default for StereoWav {
    fn default() -> StereoWav {
        StereoWav::new(RATE)
    }
}

/// The file has as much as its format can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a recording holds at most 1 TiB, a year")]
pub struct WavFull;

impl StereoWav {
    /// An empty recording with `rate` samples a second.
    pub fn new(rate: u32) -> StereoWav {
        StereoWav { samples: 0, rate }
    }

    /// Samples per channel so far.
    pub fn samples(&self) -> u64 {
        self.samples
    }

    /// Appends interleaved samples (left, right) to `out` as the bytes that follow in the file. Nothing
    /// is appended when they do not fit any more.
    pub fn append(&mut self, interleaved: &[[i16; 2]], out: &mut Vec<u8>) -> Result<(), WavFull> {
        let samples = self.samples + interleaved.len() as u64;
        if samples * BLOCK > MAX_DATA {
            return Err(WavFull);
        }
        self.samples = samples;
        out.reserve(interleaved.len() * BLOCK as usize);
        for [left, right] in interleaved {
            let ([l0, l1], [r0, r1]) = (left.to_le_bytes(), right.to_le_bytes());
            out.extend([l0, l1, r0, r1]);
        }
        Ok(())
    }

    /// Leaves a hole of this many samples in the file, which reads as silence. Something must be appended behind it.
    pub fn skip(&mut self, samples: u64) -> Result<(), WavFull> {
        let samples =
            self.samples.checked_add(samples).filter(|all| *all <= MAX_DATA / BLOCK).ok_or(WavFull)?;
        self.samples = samples;
        Ok(())
    }

    /// The header that is true now.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        header((self.samples * BLOCK).min(MAX_DATA), self.rate)
    }
}

fn header(data: u64, rate: u32) -> [u8; HEADER_LEN] {
    let riff = data + HEADER_LEN as u64 - 8;
    let small = data <= MAX_RIFF;
    // 0xFFFF_FFFF says: look into ds64.
    let short = |size: u64| u32::try_from(size).ok().filter(|_| small).unwrap_or(u32::MAX).to_le_bytes();
    let mut ds64 = [0; DS64_LEN];
    if !small {
        for (slot, size) in ds64.chunks_exact_mut(8).zip([riff, data, data / BLOCK]) {
            slot.copy_from_slice(&size.to_le_bytes());
        }
    }
    let mut out = [0; HEADER_LEN];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(if small { b"RIFF" } else { b"RF64" });
    put(&short(riff));
    put(b"WAVE");
    put(if small { b"JUNK" } else { b"ds64" });
    put(&(DS64_LEN as u32).to_le_bytes());
    put(&ds64);
    put(&format_chunk(rate));
    put(b"data");
    put(&short(data));
    out
}

fn format_chunk(rate: u32) -> [u8; 24] {
    const CHANNELS: u16 = 2;
    let mut out = [0; 24];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"fmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&rate.to_le_bytes());
    put(&(rate * BLOCK as u32).to_le_bytes());
    put(&(BLOCK as u16).to_le_bytes());
    put(&16_u16.to_le_bytes());
    out
}

/// The header of earlier versions.
fn old_header(data: u64) -> [u8; OLD_HEADER_LEN] {
    let data = u32::try_from(data).unwrap_or(u32::MAX);
    let mut out = [0; OLD_HEADER_LEN];
    let parts: [&[u8]; 6] = [
        b"RIFF",
        &data.saturating_add(36).to_le_bytes(),
        b"WAVE",
        &format_chunk(RATE),
        b"data",
        &data.to_le_bytes(),
    ];
    for (slot, byte) in out.iter_mut().zip(parts.concat()) {
        *slot = byte;
    }
    out
}

/// What a cut-off file must be made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The true header: 80 bytes, or 44 in a file of an earlier version.
    pub header: Vec<u8>,
    /// The length that the file must be cut or extended to: a torn last sample is dropped.
    pub file_len: u64,
    /// Samples per channel.
    pub samples: u64,
    /// Samples a second, as the header says, or as the caller when it says nothing yet.
    pub rate: u32,
}

impl Repair {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples * 1000 / u64::from(self.rate)
    }
}

/// The file does not begin as our recordings do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stereo 16-bit WAV file of ours at 8 or 16 kHz")]
pub struct NotOurs;

/// Tells what a file should be from its first bytes (up to 80) and its length.
///
/// A file shorter than a header becomes an empty recording if what there is of it is the beginning of
/// one; zeros count as such, because a power cut can leave a block allocated and unwritten. Such a file becomes one at
/// 8 kHz.
pub fn repair(head: &[u8], file_len: u64) -> Result<Repair, NotOurs> {
    repair_at(head, file_len, RATE)
}

/// The same; `rate` is that of a file which says nothing of itself.
pub fn repair_at(head: &[u8], file_len: u64, rate: u32) -> Result<Repair, NotOurs> {
    let head = head.get(..HEADER_LEN).unwrap_or(head);
    let is_old = head.get(12..16) == Some(b"fmt ".as_slice());
    let most = if is_old { u64::from(u32::MAX) - 36 } else { MAX_DATA };
    let header_len = if is_old { OLD_HEADER_LEN } else { HEADER_LEN } as u64;
    let samples = file_len.saturating_sub(header_len).min(most) / BLOCK;
    let data = samples * BLOCK;
    // All zeros above its name: what a power cut leaves of a block.
    let blank = head.iter().all(|byte| *byte == 0);
    let rate = match head.get(RATE_AT..RATE_AT + 4) {
        _ if blank => rate,
        Some(bytes) if !is_old && bytes == WIDE.to_le_bytes() => WIDE,
        Some(_) | None => RATE,
    };
    let fits = |template: &[u8], sizes: &[Range<usize>]| {
        let free = |at: usize| sizes.iter().any(|range| range.contains(&at));
        head.iter().zip(template).enumerate().all(|(at, (is, be))| is == be || free(at))
    };
    let ours = if is_old {
        fits(&old_header(0), &[4..8, 40..44])
    } else {
        // The sizes of a header that was not yet made true; which of the two it is says its first word.
        let sizes = [4..8, 20..20 + DS64_LEN, HEADER_LEN - 4..HEADER_LEN];
        fits(&header(0, rate), &sizes) || fits(&header(MAX_DATA, rate), &sizes)
    };
    if !(blank || ours) {
        return Err(NotOurs);
    }
    let header = if is_old { old_header(data).to_vec() } else { header(data, rate).to_vec() };
    Ok(Repair { header, file_len: header_len + data, samples, rate })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tone::Sine;

    fn a_second() -> (StereoWav, Vec<u8>) {
        let (mut left, mut right) = ([0; 8000], [0; 8000]);
        Sine::new(440.0, 8000).fill(&mut left);
        Sine::new(880.0, 8000).fill(&mut right);
        let both: Vec<[i16; 2]> = left.into_iter().zip(right).map(|(l, r)| [l, r]).collect();
        let (mut wav, mut data) = (StereoWav::default(), Vec::new());
        wav.append(&both, &mut data).unwrap();
        (wav, data)
    }

    fn samples_read_by_hound(file: &[u8]) -> Vec<i16> {
        let mut reader = hound::WavReader::new(file).unwrap();
        let spec = reader.spec();
        assert_eq!((spec.channels, spec.sample_rate, spec.bits_per_sample), (2, 8000, 16));
        reader.samples::<i16>().map(Result::unwrap).collect()
    }

    #[test]
    fn another_reader_finds_what_was_written() {
        let (wav, data) = a_second();
        let file = [wav.header().as_slice(), &data].concat();
        let samples = samples_read_by_hound(&file);
        assert_eq!(samples.len(), 16_000);
        let written: Vec<i16> =
            data.chunks(2).map(|bytes| i16::from_le_bytes([bytes[0], bytes[1]])).collect();
        assert_eq!(samples, written);
    }

    #[test]
    fn the_format_and_the_data_are_byte_for_byte_hounds() {
        let (wav, data) = a_second();
        let mut theirs = std::io::Cursor::new(Vec::new());
        let spec = hound::WavSpec {
            channels: 2,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut writer = hound::WavWriter::new(&mut theirs, spec).unwrap();
        for bytes in data.chunks(2) {
            writer.write_sample(i16::from_le_bytes([bytes[0], bytes[1]])).unwrap();
        }
        writer.finalize().unwrap();
        let ours = [wav.header().as_slice(), &data].concat();
        assert_eq!(theirs.into_inner()[12..], ours[48..], "all but the reserved chunk");
    }

    #[test]
    fn a_file_of_an_earlier_version_is_repaired_as_such() {
        let (_, data) = a_second();
        let file = [old_header(0).as_slice(), &data].concat();
        let repair = repair(&file, file.len() as u64).unwrap();
        assert_eq!((repair.header.as_slice(), repair.samples), (old_header(32_000).as_slice(), 8000));
    }

    #[test]
    fn above_four_gigabytes_the_header_is_rf64_and_nothing_moves() {
        let at = |samples| StereoWav { samples, rate: RATE }.header();
        let (small, large) = (at(MAX_RIFF / BLOCK), at(MAX_RIFF / BLOCK + 1));
        assert!(small.starts_with(b"RIFF") && &small[12..16] == b"JUNK");
        assert!(
            large.starts_with(b"RF64\xff\xff\xff\xffWAVEds64") && large.ends_with(b"data\xff\xff\xff\xff")
        );
        assert_eq!(small[48..76], large[48..76]);
        let size = |at: usize| u64::from_le_bytes(large[at..at + 8].try_into().unwrap());
        assert_eq!((size(20), size(28), size(36)), (MAX_RIFF + 4 + 72, MAX_RIFF + 4, MAX_RIFF / BLOCK + 1));
        // A header from before the switch, a file from after it, and the other way round.
        let repaired = repair(&small, 80 + MAX_RIFF + 4).unwrap();
        assert_eq!((repaired.header.as_slice(), repaired.file_len), (large.as_slice(), 80 + MAX_RIFF + 4));
        assert_eq!(repair(&large, 80 + MAX_RIFF + 3).unwrap().header, small);
    }

    #[test]
    fn a_file_cut_off_at_any_byte_is_repaired_to_its_true_length() {
        let (wav, data) = a_second();
        let file = [wav.header().as_slice(), &data].concat();
        for cut in (0..200).chain([1000, 31_999, file.len() - 1, file.len()]) {
            let cut_off = &file[..cut];
            let repair = repair(cut_off, cut as u64).unwrap();
            let mut repaired = cut_off.to_vec();
            repaired.resize(repair.file_len as usize, 0);
            repaired[..HEADER_LEN].copy_from_slice(&repair.header);
            let samples = samples_read_by_hound(&repaired);
            assert_eq!(samples.len() as u64, repair.samples * 2, "cut at {cut}");
            assert_eq!(repair.samples, (cut.saturating_sub(HEADER_LEN) / 4) as u64);
        }
    }

    #[test]
    fn a_wide_file_says_so_and_is_repaired_as_such() {
        let (mut wav, mut data) = (StereoWav::new(16_000), Vec::new());
        wav.append(&[[1, 2]; 16_000], &mut data).unwrap();
        let file = [wav.header().as_slice(), &data].concat();
        let reader = hound::WavReader::new(file.as_slice()).unwrap();
        assert_eq!((reader.spec().sample_rate, reader.duration()), (16_000, 16_000));
        let repair = repair(&file, file.len() as u64 - 32_000).unwrap();
        assert_eq!((repair.rate, repair.samples, repair.duration_ms()), (16_000, 8000, 500));
        assert_eq!(hound::WavReader::new(repair.header.as_slice()).unwrap().spec().sample_rate, 16_000);
    }

    #[test]
    fn a_file_of_others_is_left_alone() {
        assert_eq!(repair(b"%PDF-1.7", 1000), Err(NotOurs));
        let mut mono = header(0, RATE);
        mono[58] = 1;
        assert_eq!(repair(&mono, 1000), Err(NotOurs));
        assert!(repair(&[0; 44], 4096).is_ok(), "a block that a power cut left unwritten");
    }

    #[test]
    fn a_full_file_refuses_more_and_stays_valid() {
        let mut wav = StereoWav { samples: MAX_DATA / BLOCK, rate: RATE };
        let mut out = Vec::new();
        assert_eq!(wav.append(&[[1, 2]], &mut out), Err(WavFull));
        assert!(out.is_empty());
        assert_eq!(wav.header()[28..36], MAX_DATA.to_le_bytes());
        assert_eq!(repair(&wav.header(), u64::MAX).unwrap().samples, MAX_DATA / BLOCK);
    }
}
