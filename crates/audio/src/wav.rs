//! Stereo 16-bit WAV at 8 kHz as a stream of bytes whose header is true at every step.
//!
//! The header is the classic 44 bytes: RIFF, `fmt `, `data`. After each append, [`StereoWav::header`] is
//! what belongs at the start of the file. A file that was cut off between the two has a header that says
//! too little or too much; [`repair`] tells from the file's true length what it should say.

use crate::RATE;

/// Bytes before the first sample.
pub const HEADER_LEN: usize = 44;
/// Bytes of one sample of both channels.
pub const BLOCK: u64 = 4;
/// RIFF counts in 32 bits; this much audio fits, which is 37 hours.
pub const MAX_DATA: u64 = (u32::MAX as u64 - 36) / BLOCK * BLOCK;

/// Counts what has been written, and says what the header must be.
#[derive(Debug, Clone, Default)]
pub struct StereoWav {
    samples: u64,
}

/// The file has as much as its format can hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a WAV file holds at most 4 GiB, 37 hours")]
pub struct WavFull;

impl StereoWav {
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

    /// Leaves a hole of so many samples, silence, in the file. Something must be appended behind it.
    pub fn skip(&mut self, samples: u64) -> Result<(), WavFull> {
        let samples =
            self.samples.checked_add(samples).filter(|all| *all <= MAX_DATA / BLOCK).ok_or(WavFull)?;
        self.samples = samples;
        Ok(())
    }

    /// The header that is true now.
    pub fn header(&self) -> [u8; HEADER_LEN] {
        header((self.samples * BLOCK).min(MAX_DATA) as u32)
    }
}

fn header(data: u32) -> [u8; HEADER_LEN] {
    const CHANNELS: u16 = 2;
    let byte_rate = RATE * BLOCK as u32;
    let mut out = [0; HEADER_LEN];
    let mut at = 0;
    let mut put = |bytes: &[u8]| {
        out[at..at + bytes.len()].copy_from_slice(bytes);
        at += bytes.len();
    };
    put(b"RIFF");
    put(&(data + 36).to_le_bytes());
    put(b"WAVEfmt ");
    put(&16_u32.to_le_bytes());
    put(&1_u16.to_le_bytes());
    put(&CHANNELS.to_le_bytes());
    put(&RATE.to_le_bytes());
    put(&byte_rate.to_le_bytes());
    put(&(BLOCK as u16).to_le_bytes());
    put(&16_u16.to_le_bytes());
    put(b"data");
    put(&data.to_le_bytes());
    out
}

/// What a cut-off file must be made into.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repair {
    /// The true header.
    pub header: [u8; HEADER_LEN],
    /// The length that the file must be cut or extended to: a torn last sample is dropped.
    pub file_len: u64,
    /// Samples per channel.
    pub samples: u64,
}

impl Repair {
    /// Length in milliseconds.
    pub fn duration_ms(&self) -> u64 {
        self.samples * 1000 / u64::from(RATE)
    }
}

/// The file does not begin as our recordings do.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a stereo 16-bit 8 kHz WAV file of ours")]
pub struct NotOurs;

/// Tells what a file should be from its first bytes (up to 44) and its length.
///
/// A file shorter than a header becomes an empty recording if what there is of it is the beginning of
/// one; zeros count as such, because a power cut can leave a block allocated and unwritten.
pub fn repair(head: &[u8], file_len: u64) -> Result<Repair, NotOurs> {
    let template = header(0);
    let sizes = |at: usize| (4..8).contains(&at) || (40..44).contains(&at);
    let head = head.get(..HEADER_LEN).unwrap_or(head);
    let blank = head.iter().all(|byte| *byte == 0);
    let ours = head.iter().zip(&template).enumerate().all(|(at, (is, be))| sizes(at) || is == be);
    if !(blank || ours) {
        return Err(NotOurs);
    }
    let data = file_len.saturating_sub(HEADER_LEN as u64).min(MAX_DATA);
    let samples = data / BLOCK;
    let file_len = HEADER_LEN as u64 + samples * BLOCK;
    Ok(Repair { header: header((samples * BLOCK) as u32), file_len, samples })
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
    fn the_header_is_byte_for_byte_hounds() {
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
        assert_eq!(theirs.into_inner(), [wav.header().as_slice(), &data].concat());
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
            assert_eq!(repair.samples, (cut.saturating_sub(44) / 4) as u64);
        }
    }

    #[test]
    fn a_file_of_others_is_left_alone() {
        assert_eq!(repair(b"%PDF-1.7", 1000), Err(NotOurs));
        let mut mono = header(0);
        mono[22] = 1;
        assert_eq!(repair(&mono, 1000), Err(NotOurs));
        assert!(repair(&[0; 44], 4096).is_ok(), "a block that a power cut left unwritten");
    }

    #[test]
    fn a_full_file_refuses_more_and_stays_valid() {
        let mut wav = StereoWav { samples: MAX_DATA / BLOCK };
        let mut out = Vec::new();
        assert_eq!(wav.append(&[[1, 2]], &mut out), Err(WavFull));
        assert!(out.is_empty());
        assert_eq!(wav.header()[40..44], (MAX_DATA as u32).to_le_bytes());
        assert_eq!(repair(&wav.header(), u64::MAX).unwrap().samples, MAX_DATA / BLOCK);
    }
}
