//! The length of a recording, by its file alone.

use std::fs::File;
use std::io::{self, Read as _, Seek as _, SeekFrom};

use model::RecordingRow;

/// Bytes of an encrypted recording that are not audio: the envelope, then the WAV header and at most 16 bytes of
/// padding.
const ENVELOPE: u64 = 4096;
const HEADER: u64 = 80;

/// The length by the size of the file: without the key its header cannot be read.
pub(super) fn encrypted_length_ms(file: &File, row: &RecordingRow) -> io::Result<Result<u64, &'static str>> {
    let mut magic = [0; 8];
    let mut start = file;
    if start.seek(SeekFrom::Start(0)).and_then(|_| start.read_exact(&mut magic)).is_err()
        || magic != *b"HOTLREC\0"
    {
        return Ok(Err("not an encrypted recording of ours"));
    }
    let audio = file.metadata()?.len().saturating_sub(ENVELOPE + HEADER);
    Ok(Ok((audio / (row.channels * 2).max(1)).saturating_mul(1000) / row.rate.max(1)))
}

/// The length by the header, or the fault of the header.
pub(super) fn file_length_ms(file: &mut File, row: &RecordingRow) -> io::Result<Result<u64, &'static str>> {
    let total = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    let mut riff = [0; 12];
    if total < 12 {
        return Ok(Err("shorter than a header"));
    }
    file.read_exact(&mut riff)?;
    if !(riff.starts_with(b"RIFF") || riff.starts_with(b"RF64")) || !riff.ends_with(b"WAVE") {
        return Ok(Err("not RIFF/WAVE"));
    }
    let (mut at, mut shape, mut long) = (12, None, None);
    while at + 8 <= total {
        let mut head = [0; 8];
        file.seek(SeekFrom::Start(at))?;
        file.read_exact(&mut head)?;
        let [a, b, c, d, length @ ..] = head;
        let length = u64::from(u32::from_le_bytes(length));
        // Above 4 GiB the length stands in ds64 (EBU Tech 3306).
        let length = match (&[a, b, c, d], long) {
            (b"data", Some(long)) if length == u64::from(u32::MAX) => long,
            _ => length,
        };
        if length > total.saturating_sub(at + 8) {
            return Ok(Err("a chunk is longer than the file"));
        }
        match &[a, b, c, d] {
            b"fmt " if length >= 16 => {
                let mut format = [0; 16];
                file.read_exact(&mut format)?;
                shape = Some(format);
            }
            b"ds64" if length >= 16 => {
                let mut sizes = [0; 16];
                file.read_exact(&mut sizes)?;
                let [_, _, _, _, _, _, _, _, data @ ..] = sizes;
                long = Some(u64::from_le_bytes(data));
            }
            b"data" => return Ok(data_length_ms(length, shape, row)),
            _ => {}
        }
        at += 8 + length + length % 2;
    }
    Ok(Err("no audio chunk"))
}

fn data_length_ms(length: u64, shape: Option<[u8; 16]>, row: &RecordingRow) -> Result<u64, &'static str> {
    let [f0, f1, c0, c1, r0, r1, r2, r3, .., b0, b1] = shape.ok_or("audio before its format")?;
    let (format, channels) = (u16::from_le_bytes([f0, f1]), u64::from(u16::from_le_bytes([c0, c1])));
    let rate = u64::from(u32::from_le_bytes([r0, r1, r2, r3]));
    if format != 1 || u16::from_le_bytes([b0, b1]) != 16 {
        return Err("not 16-bit PCM");
    }
    if channels != row.channels || rate != row.rate || channels == 0 || rate == 0 {
        return Err("not the channels or the rate of the row");
    }
    Ok((length / (channels * 2)).saturating_mul(1000) / rate)
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{ContactId, Ids, RecordingId, RecordingState, Time};

    #[test]
    fn the_length_of_a_file_above_four_gigabytes_stands_in_ds64() {
        let scratch = testing::Scratch::new("verify-rf64");
        let path = scratch.path().join("long.wav");
        // 37 hours and 20 minutes: 32 bytes a millisecond.
        let (ms, at) = (134_400_000_u64, Time::from_unix_ms(0));
        let data = ms * 32;
        let mut head = b"RF64\xff\xff\xff\xffWAVEds64\x1c\0\0\0".to_vec();
        head.extend([data + 72, data, data / 4].map(u64::to_le_bytes).concat());
        head.extend(
            b"\0\0\0\0fmt \x10\0\0\0\x01\0\x02\0\x40\x1f\0\0\0\x7d\0\0\x04\0\x10\0data\xff\xff\xff\xff",
        );
        std::fs::write(&path, &head).unwrap();
        let mut file = File::options().read(true).write(true).open(&path).unwrap();
        file.set_len(80 + data).unwrap();
        let row = RecordingRow {
            id: RecordingId::new(&mut Ids::new(1), at),
            contact_id: ContactId::new(&mut Ids::new(1), at),
            path: "long.wav".to_owned(),
            encrypted: false,
            state: RecordingState::Sealed,
            opened_at: at,
            closed_at: None,
            duration_ms: Some(ms),
            channels: 2,
            rate: 8000,
            sha256: None,
            gaps: Vec::new(),
            fault: None,
            listened: 0,
        };
        assert_eq!(file_length_ms(&mut file, &row).unwrap(), Ok(ms));
        file.set_len(80 + data - 4).unwrap();
        assert_eq!(file_length_ms(&mut file, &row).unwrap(), Err("a chunk is longer than the file"));
    }
}
