//! The process's standard streams, written so that no stream can stop or end the process.
//!
//! A stream may be closed (its reader went away), full (a disk) or stuck (a pipe that is not read). A running center
//! therefore writes through an [`Outlet`]: a bounded queue and a thread of its own for each stream. When the queue is
//! full, lines are dropped and counted; when the stream takes lines again, the number of lost lines is written.
//! Commands that print a result and end write it directly: if the stream takes nothing, the result is lost.
//!
//! The macros that print are forbidden in this crate: they panic when the stream is closed.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crossbeam_channel::{Receiver, Sender, bounded};
use tracing_subscriber::fmt::MakeWriter;

/// Lines that may wait for a stream; further ones are dropped and counted.
const WAITING: usize = 8_192;
/// Bytes of a line that are kept.
const LONGEST: usize = 8_192;
/// How long the last lines may take when the process ends.
const LAST: Duration = Duration::from_secs(1);

static LOG: OnceLock<Outlet> = OnceLock::new();
/// Whether [`note`] writes JSON, as the log beside it does.
static NOTES_AS_JSON: AtomicBool = AtomicBool::new(false);
static ANNOUNCEMENTS: OnceLock<Outlet> = OnceLock::new();

/// Writes a line of a command's result to standard output.
pub fn print(line: impl Display) {
    // A reader that has gone wants no more of it.
    let _ = writeln!(io::stdout(), "{line}");
}

/// Writes text of a command's result to standard output as it is.
pub fn print_text(text: impl Display) {
    let mut stdout = io::stdout();
    let _ = write!(stdout, "{text}").and_then(|()| stdout.flush());
}

/// Writes a line beside a command's result to standard error, among the log. It is there after [`flush`].
pub fn note(line: impl Display) {
    log().put(noted(line).into_bytes());
}

/// Makes [`note`] write JSON objects, so that every line of standard error is one.
pub fn notes_as_json(json: bool) {
    NOTES_AS_JSON.store(json, Ordering::Relaxed);
}

fn noted(line: impl Display) -> String {
    if NOTES_AS_JSON.load(Ordering::Relaxed) {
        format!("{{\"message\":{}}}\n", crate::shown::line::json_text(&line.to_string()))
    } else {
        format!("{line}\n")
    }
}

/// Writes a line of the running center to standard output, without waiting for it.
pub fn announce(line: impl Display) {
    ANNOUNCEMENTS
        .get_or_init(|| Outlet::start("stdout", own(io::stdout())))
        .put(format!("{line}\n").into_bytes());
}

/// Where the log goes: standard error, without waiting for it.
pub fn log() -> &'static Outlet {
    LOG.get_or_init(|| Outlet::start("stderr", own(io::stderr())))
}

/// Log lines that were lost since the start, because standard error did not take them.
pub fn lost_lines() -> u64 {
    LOG.get().map_or(0, Outlet::lost)
}

/// Waits until what was announced and logged is written, for at most a second.
pub fn flush() {
    for outlet in [ANNOUNCEMENTS.get(), LOG.get()].into_iter().flatten() {
        outlet.flush(LAST);
    }
}

/// A file of our own for a standard stream: the library's stream has a lock, which a thread that waits for a stuck
/// stream would hold.
fn own(stream: impl AsFd) -> Box<dyn Write + Send> {
    match stream.as_fd().try_clone_to_owned() {
        Ok(descriptor) => Box::new(File::from(descriptor)),
        Err(_) => Box::new(io::sink()),
    }
}

/// A stream, its queue and its thread.
#[derive(Debug, Clone)]
pub struct Outlet {
    lines: Sender<Piece>,
    lost: Arc<AtomicU64>,
}

#[derive(Debug)]
enum Piece {
    Line(Vec<u8>),
    /// Answered when all before it is written.
    Mark(Sender<()>),
}

impl Outlet {
    /// Starts a thread that writes to `stream`. Where the system refuses a thread, every line is lost.
    fn start(name: &str, stream: Box<dyn Write + Send>) -> Outlet {
        let (lines, waiting) = bounded(WAITING);
        let lost = Arc::new(AtomicU64::new(0));
        let writer = Writer { waiting, stream, lost: Arc::clone(&lost), said: 0 };
        let _ = std::thread::Builder::new().name(name.to_owned()).spawn(move || writer.run());
        Outlet { lines, lost }
    }

    /// Puts a line, with its line end, at the end of the queue.
    fn put(&self, mut line: Vec<u8>) {
        if line.len() > LONGEST {
            line.truncate(LONGEST - 1);
            line.push(b'\n');
        }
        if self.lines.try_send(Piece::Line(line)).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn lost(&self) -> u64 {
        self.lost.load(Ordering::Relaxed)
    }

    fn flush(&self, limit: Duration) {
        let (mark, written) = bounded(1);
        if self.lines.send_timeout(Piece::Mark(mark), limit).is_ok() {
            let _ = written.recv_timeout(limit);
        }
    }
}

struct Writer {
    waiting: Receiver<Piece>,
    stream: Box<dyn Write + Send>,
    lost: Arc<AtomicU64>,
    /// How many lost lines were reported on the stream.
    said: u64,
}

impl Writer {
    fn run(mut self) {
        while let Ok(piece) = self.waiting.recv() {
            match piece {
                Piece::Line(line) => {
                    if self.stream.write_all(&line).is_err() {
                        self.lost.fetch_add(1, Ordering::Relaxed);
                    } else if self.waiting.is_empty() {
                        self.say_what_was_lost();
                    }
                }
                Piece::Mark(mark) => _ = mark.send(()),
            }
        }
    }

    fn say_what_was_lost(&mut self) {
        let lost = self.lost.load(Ordering::Relaxed);
        let new = lost.saturating_sub(self.said);
        let line = noted(format_args!("{new} lines were lost here 此处丢失 {new} 行"));
        let said = |stream: &mut dyn Write| stream.write_all(line.as_bytes());
        if new > 0 && said(&mut *self.stream).is_ok() {
            self.said = lost;
        }
    }
}

/// One line of the log: the subscriber writes each in one piece.
#[derive(Debug)]
pub struct LogLine(&'static Outlet);

impl Write for LogLine {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        self.0.put(line.to_vec());
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for &'static Outlet {
    type Writer = LogLine;

    fn make_writer(&self) -> LogLine {
        LogLine(self)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    use super::*;

    /// A stream whose reader may be slow, and one whose reader is gone.
    fn outlet(stream: UnixStream) -> Outlet {
        Outlet::start("test", Box::new(stream))
    }

    #[test]
    fn a_stream_that_nobody_reads_stops_nobody_and_says_later_what_was_lost() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let outlet = outlet(ours);
        let line = [b"x".repeat(999), b"\n".to_vec()].concat();
        let most = u64::try_from(WAITING).expect("a number") + 10_000;
        (0..most).for_each(|_| outlet.put(line.clone()));
        let lost = outlet.lost();
        assert!(lost > 0, "the queue and the socket hold less than {most} lines");

        let kept = usize::try_from(most - lost).expect("a number");
        let mut read = vec![0; kept * line.len()];
        theirs.read_exact(&mut read).expect("the lines that were kept");
        assert!(read.chunks(line.len()).all(|chunk| chunk == line), "whole lines");
        outlet.put(b"after\n".to_vec());
        drop(outlet);
        let mut rest = String::new();
        theirs.read_to_string(&mut rest).expect("the rest");
        assert_eq!(rest.matches(&format!("{lost} lines were lost here")).count(), 1, "{rest}");
        assert!(rest.contains("after\n"), "{rest}");
    }

    #[test]
    fn a_stream_whose_reader_is_gone_loses_lines_and_nothing_else() {
        let (ours, theirs) = UnixStream::pair().expect("a pair of sockets");
        drop(theirs);
        let outlet = outlet(ours);
        outlet.put(b"one\n".to_vec());
        outlet.put(b"two\n".to_vec());
        outlet.flush(LAST);
        assert_eq!(outlet.lost(), 2);
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let (ours, mut theirs) = UnixStream::pair().expect("a pair of sockets");
        let outlet = outlet(ours);
        outlet.put(b"y".repeat(100_000));
        drop(outlet);
        let mut read = Vec::new();
        theirs.read_to_end(&mut read).expect("the line");
        assert_eq!((read.len(), read.last()), (LONGEST, Some(&b'\n')));
    }
}
