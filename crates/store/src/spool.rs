//! The append-only file that a record enters first, and that the database follows.
//!
//! One line a record: eight hexadecimal digits of CRC-32, a blank, the record as JSON, a line feed. What
//! does not fit its checksum is not a record: a line cut off by a crash is dropped when the file is opened,
//! a damaged one inside is skipped, counted and reported.

use std::fs::{File, OpenOptions};
use std::io::{self, BufRead, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use model::Record;

use crate::lock::open_locked;
use crate::{StoreError, upgrade};

/// The file's name in the data folder.
const FILE_NAME: &str = "journal.spool";
/// The file beside it that holds the highest number that the spool was emptied at, in decimal.
const REACHED: &str = "journal.reached";
/// Read at once by the follower, in bytes.
const READ_CHUNK: u64 = 1 << 20;

/// The spool of one data folder. One process has it at a time.
#[derive(Debug)]
pub(crate) struct Spool {
    path: PathBuf,
    writer: Mutex<Writer>,
}

#[derive(Debug)]
struct Writer {
    file: File,
    /// The length of all whole lines, in bytes; what follows was written by an append that failed.
    end: u64,
    synced: u64,
}

/// The content of the file when it was opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Found {
    /// The highest sequence number, 0 when there is none.
    pub(crate) last_seq: u64,
    /// Lines that were damaged.
    pub(crate) damaged: u64,
}

/// Records read, and where the next read begins.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) records: Vec<Record>,
    pub(crate) next: u64,
    pub(crate) damaged: u64,
}

impl Spool {
    /// Opens or makes the spool of a data folder and cuts off a line that a crash left unfinished.
    pub(crate) fn open(data: &Path) -> Result<(Spool, Found), StoreError> {
        let path = data.join(FILE_NAME);
        let failed = |source| StoreError::File { path: path.clone(), source };
        std::fs::create_dir_all(data).map_err(failed)?;
        let (mut file, ours) = open_locked(&path).map_err(failed)?;
        if !ours {
            return Err(StoreError::InUse { path });
        }
        let (end, found) = scan(&file).map_err(failed)?;
        file.set_len(end).map_err(failed)?;
        file.seek(SeekFrom::Start(end)).map_err(failed)?;
        let writer = Writer { file, end, synced: 0 };
        Ok((Spool { path, writer: Mutex::new(writer) }, found))
    }

    /// Appends records. On an error nothing of them is in the spool.
    pub(crate) fn append<'a>(&self, records: impl Iterator<Item = &'a Record>) -> io::Result<()> {
        let mut lines = Vec::new();
        for record in records {
            print_line(record, &mut lines)?;
        }
        let mut writer = self.writer();
        let end = writer.end;
        writer.file.set_len(end)?;
        writer.file.seek(SeekFrom::Start(end))?;
        writer.file.write_all(&lines)?;
        writer.end = end + lines.len() as u64;
        Ok(())
    }

    /// Puts other records in the place of all that are here, as one step; `aside` is the new name of the file with the
    /// old ones.
    pub(crate) fn replace(
        self,
        records: &mut dyn Iterator<Item = Record>,
        aside: &Path,
    ) -> io::Result<Spool> {
        let new = self.path.with_extension("spool.new");
        let mut file = OpenOptions::new().read(true).write(true).create(true).truncate(true).open(&new)?;
        file.try_lock().map_err(io::Error::from)?;
        let mut lines = Vec::new();
        let mut end = 0;
        for record in records {
            lines.clear();
            print_line(&record, &mut lines)?;
            file.write_all(&lines)?;
            end += lines.len() as u64;
        }
        file.sync_all()?;
        std::fs::hard_link(&self.path, aside)?;
        std::fs::rename(&new, &self.path)?;
        if let Some(folder) = self.path.parent() {
            File::open(folder)?.sync_all()?;
        }
        Ok(Spool { path: self.path, writer: Mutex::new(Writer { file, end, synced: end }) })
    }

    /// Forces to disk what was appended since the last time.
    pub(crate) fn sync(&self) -> io::Result<()> {
        let (file, end) = {
            let writer = self.writer();
            if writer.synced == writer.end {
                return Ok(());
            }
            (writer.file.try_clone()?, writer.end)
        };
        // Without the lock: the follower goes on reading while a slow disk works.
        file.sync_data()?;
        let mut writer = self.writer();
        writer.synced = end.min(writer.end);
        Ok(())
    }

    /// The spool's file.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Bytes in the spool.
    pub(crate) fn len(&self) -> u64 {
        self.writer().end
    }

    /// The highest number that the spool was emptied at, 0 when it never was.
    pub(crate) fn reached(&self) -> u64 {
        let text = std::fs::read_to_string(self.path.with_file_name(REACHED)).unwrap_or_default();
        text.trim().parse().unwrap_or(0)
    }

    /// Empties the spool if `read` is still its end. `reached`: the last number that was in it.
    pub(crate) fn reset_if_read(&self, read: u64, reached: u64) -> io::Result<bool> {
        let mut writer = self.writer();
        if writer.end != read {
            return Ok(false);
        }
        // First: the spool's records say the same until they are gone.
        let (path, new) =
            (self.path.with_file_name(REACHED), self.path.with_file_name("journal.reached.new"));
        std::fs::write(&new, format!("{}\n", reached.max(self.reached())))?;
        std::fs::rename(new, path)?;
        writer.file.set_len(0)?;
        writer.file.seek(SeekFrom::Start(0))?;
        (writer.end, writer.synced) = (0, 0);
        Ok(true)
    }

    /// Reads at most `limit` records from byte `from` on.
    pub(crate) fn read(&self, from: u64, limit: usize) -> io::Result<Batch> {
        let end = self.len();
        let mut file = File::open(&self.path)?;
        file.seek(SeekFrom::Start(from))?;
        let mut lines = BufReader::new(file.take(end.saturating_sub(from)));
        let mut batch = Batch { next: from, ..Batch::default() };
        let mut line = Vec::new();
        while batch.records.len() < limit && batch.next - from < READ_CHUNK {
            line.clear();
            let length = lines.read_until(b'\n', &mut line)?;
            if length == 0 {
                break;
            }
            match parse_line(&line) {
                Some(record) => batch.records.push(record),
                None => batch.damaged += 1,
            }
            batch.next += length as u64;
        }
        Ok(batch)
    }

    fn writer(&self) -> MutexGuard<'_, Writer> {
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn scan(file: &File) -> io::Result<(u64, Found)> {
    let mut lines = BufReader::new(file);
    let (mut end, mut last_seq, mut damaged) = (0, 0, 0);
    let mut line = Vec::new();
    loop {
        line.clear();
        let length = lines.read_until(b'\n', &mut line)?;
        if length == 0 || line.last() != Some(&b'\n') {
            return Ok((end, Found { last_seq, damaged }));
        }
        end += length as u64;
        match parse_line(&line) {
            Some(record) => last_seq = record.seq.max(last_seq),
            None => damaged += 1,
        }
    }
}

fn print_line(record: &Record, lines: &mut Vec<u8>) -> io::Result<()> {
    let json = serde_json::to_vec(record)?;
    write!(lines, "{:08x} ", crc32(&json))?;
    lines.extend_from_slice(&json);
    lines.push(b'\n');
    Ok(())
}

fn parse_line(line: &[u8]) -> Option<Record> {
    let (checksum, rest) = line.split_at_checked(8)?;
    let json = rest.strip_prefix(b" ")?.strip_suffix(b"\n")?;
    let checksum = u32::from_str_radix(std::str::from_utf8(checksum).ok()?, 16).ok()?;
    if crc32(json) != checksum {
        return None;
    }
    serde_json::from_slice(json).ok().or_else(|| upgrade::read_line(json))
}

/// CRC-32 as in ISO 3309 (reflected polynomial edb88320).
fn crc32(bytes: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut byte = 0;
        while byte < 256 {
            let mut crc = byte as u32;
            let mut bit = 0;
            while bit < 8 {
                crc = if crc & 1 == 1 { 0xedb8_8320 ^ (crc >> 1) } else { crc >> 1 };
                bit += 1;
            }
            table[byte] = crc;
            byte += 1;
        }
        table
    };
    let step = |crc: u32, byte: &u8| TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8);
    !bytes.iter().fold(!0, step)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NODE;
    use model::{CenterEvent, Time};
    use testing::Scratch;

    fn record(seq: u64) -> Record {
        Record {
            node: NODE,
            seq,
            at: Time::from_unix_ms(seq as i64),
            by: None,
            event: CenterEvent::DrainStarted.into(),
        }
    }

    fn seqs(batch: &Batch) -> Vec<u64> {
        batch.records.iter().map(|record| record.seq).collect()
    }

    #[test]
    fn checksum_is_the_standard_one() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn a_line_cut_off_anywhere_loses_that_line_alone() {
        let scratch = Scratch::new("torn");
        let (spool, _) = Spool::open(scratch.path()).unwrap();
        spool.append([record(1), record(2)].iter()).unwrap();
        let whole = std::fs::read(scratch.path().join(FILE_NAME)).unwrap();
        drop(spool);
        let first = whole.iter().position(|byte| *byte == b'\n').unwrap() + 1;
        for cut in first..whole.len() {
            std::fs::write(scratch.path().join(FILE_NAME), &whole[..cut]).unwrap();
            let (spool, found) = Spool::open(scratch.path()).unwrap();
            assert_eq!(found, Found { last_seq: 1, damaged: 0 }, "cut at {cut}");
            spool.append([record(2)].iter()).unwrap();
            assert_eq!(seqs(&spool.read(0, 10).unwrap()), [1, 2], "cut at {cut}");
        }
    }

    #[test]
    fn a_flipped_bit_is_no_record() {
        let scratch = Scratch::new("flipped");
        let (spool, _) = Spool::open(scratch.path()).unwrap();
        spool.append([record(1), record(2), record(3)].iter()).unwrap();
        drop(spool);
        let mut bytes = std::fs::read(scratch.path().join(FILE_NAME)).unwrap();
        let second = bytes.iter().position(|byte| *byte == b'\n').unwrap() + 20;
        bytes[second] ^= 1;
        std::fs::write(scratch.path().join(FILE_NAME), bytes).unwrap();
        let (spool, found) = Spool::open(scratch.path()).unwrap();
        assert_eq!(found, Found { last_seq: 3, damaged: 1 });
        assert_eq!(seqs(&spool.read(0, 10).unwrap()), [1, 3]);
    }

    #[test]
    fn reading_goes_on_where_it_stopped_and_a_read_spool_empties() {
        let scratch = Scratch::new("resume");
        let (spool, _) = Spool::open(scratch.path()).unwrap();
        spool.append((1..=5).map(record).collect::<Vec<_>>().iter()).unwrap();
        let first = spool.read(0, 2).unwrap();
        assert_eq!(seqs(&first), [1, 2]);
        assert!(!spool.reset_if_read(first.next, 2).unwrap());
        let rest = spool.read(first.next, 10).unwrap();
        assert_eq!(seqs(&rest), [3, 4, 5]);
        assert_eq!(spool.reached(), 0);
        assert!(spool.reset_if_read(rest.next, 5).unwrap());
        assert_eq!(spool.reached(), 5);
        spool.append([record(6)].iter()).unwrap();
        assert_eq!(seqs(&spool.read(0, 10).unwrap()), [6]);
    }

    #[test]
    fn a_second_process_is_refused() {
        let scratch = Scratch::new("locked");
        let _first = Spool::open(scratch.path()).unwrap();
        assert!(matches!(Spool::open(scratch.path()), Err(StoreError::InUse { .. })));
    }
}
