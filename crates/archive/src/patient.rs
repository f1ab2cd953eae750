//! A disk with a time limit for each answer. Where recordings may go on in a second folder, a disk that hangs must not
//! take their audio with it.
//!
//! ```text
//!            no answer for 5 s                      it answers
//! Answers ───────────────────────► Stands still ───────────────► Answers
//!                                   refuses at once
//! ```
//!
//! A thread of its own calls the disk, because a call may hang in the kernel until the disk answers. A call whose
//! caller gave up is still carried out when the disk answers: its bytes go to the file that the recording has left, at
//! their own offset. A file that is created so late is removed again.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crossbeam_channel::{Sender, TrySendError};

use crate::disk::{Disk, DiskFile};

/// The longest wait for the disk: shorter than the audio that the frame rings hold.
const LIMIT: Duration = Duration::from_secs(5);
/// The longest wait for the hash of a whole recording, which reads hundreds of megabytes.
const LIMIT_SEAL: Duration = Duration::from_secs(60);
/// Calls that wait for the disk's thread; each caller has at most one.
const QUESTIONS: usize = 256;

/// A disk whose calls have a time limit.
#[derive(Debug)]
pub(crate) struct Patient {
    disk: Arc<dyn Disk>,
    hand: Hand,
}

impl Patient {
    /// Starts the disk's thread, which ends when the disk and its files are gone.
    pub(crate) fn new(disk: Arc<dyn Disk>) -> io::Result<Patient> {
        Ok(Patient { disk, hand: Hand::new()? })
    }
}

impl Disk for Patient {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        let (disk, name) = (self.disk.clone(), path.to_owned());
        let unmake = {
            let (disk, name) = (self.disk.clone(), path.to_owned());
            move |late: io::Result<Box<dyn DiskFile>>| {
                if late.is_ok() {
                    // The file hinders nobody but a later attempt to create it, which fails with an error of its own.
                    let _: io::Result<()> = disk.remove(&name);
                }
            }
        };
        let file = self.hand.ask(LIMIT, move || disk.create(&name), unmake)?;
        Ok(Box::new(PatientFile { file: Arc::new(Mutex::new(file)), hand: self.hand.clone() }))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        let (disk, name) = (self.disk.clone(), path.to_owned());
        self.hand.ask(LIMIT, move || disk.remove(&name), drop)
    }

    fn answers(&self) -> bool {
        !self.hand.stands_still()
    }
}

/// A file of a patient disk. Only the disk's thread takes the lock.
struct PatientFile {
    file: Arc<Mutex<Box<dyn DiskFile>>>,
    hand: Hand,
}

impl PatientFile {
    fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        question: impl FnOnce(&mut dyn DiskFile) -> io::Result<T> + Send + 'static,
    ) -> io::Result<T> {
        let file = self.file.clone();
        let question = move || question(&mut **file.lock().unwrap_or_else(PoisonError::into_inner));
        self.hand.ask(limit, question, drop)
    }
}

impl DiskFile for PatientFile {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let bytes = bytes.to_vec();
        self.ask(LIMIT, move |file| file.write_at(offset, &bytes))
    }

    fn sync(&mut self) -> io::Result<()> {
        self.ask(LIMIT, |file| file.sync())
    }

    fn seal(&mut self) -> io::Result<String> {
        self.ask(LIMIT_SEAL, |file| file.seal())
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        let wanted = room.len();
        let bytes = self.ask(LIMIT, move |file| {
            let mut bytes = vec![0; wanted];
            let read = file.read_at(offset, &mut bytes)?;
            bytes.truncate(read);
            Ok(bytes)
        })?;
        room.iter_mut().zip(&bytes).for_each(|(room, byte)| *room = *byte);
        Ok(bytes.len())
    }

    /// While the disk hangs this is unknown. The file counts as there, so that it is not created a second time.
    fn is_there(&self) -> bool {
        self.ask(LIMIT, |file| Ok(file.is_there())).unwrap_or(true)
    }

    fn length(&self) -> io::Result<u64> {
        self.ask(LIMIT, |file| file.length())
    }

    fn set_len(&mut self, len: u64) -> io::Result<()> {
        self.ask(LIMIT, move |file| file.set_len(len))
    }
}

/// Hands calls to the thread that calls the disk.
#[derive(Debug, Clone)]
struct Hand {
    questions: Sender<Question>,
    unheard: Arc<Unheard>,
}

type Question = Box<dyn FnOnce() + Send>;

/// Calls whose callers gave up, and how many of them were answered since. The two counters may be read in any order;
/// they are equal once the disk has caught up.
#[derive(Debug, Default)]
struct Unheard {
    given_up: AtomicU64,
    answered: AtomicU64,
}

impl Hand {
    fn new() -> io::Result<Hand> {
        let (questions, asked) = crossbeam_channel::bounded::<Question>(QUESTIONS);
        // Nobody joins this thread: it may hang in the kernel for ever.
        std::thread::Builder::new()
            .name("disk".to_owned())
            .spawn(move || asked.iter().for_each(|question| question()))?;
        Ok(Hand { questions, unheard: Arc::default() })
    }

    fn stands_still(&self) -> bool {
        let Unheard { given_up, answered } = &*self.unheard;
        answered.load(Ordering::Acquire) < given_up.load(Ordering::Acquire)
    }

    /// Hands over a call and waits for at most `limit`. An answer that comes later is given to `late`.
    fn ask<T: Send + 'static>(
        &self,
        limit: Duration,
        question: impl FnOnce() -> io::Result<T> + Send + 'static,
        late: impl FnOnce(io::Result<T>) + Send + 'static,
    ) -> io::Result<T> {
        if self.stands_still() {
            return Err(no_answer());
        }
        // The channel has no room, so that an answer is either received or known not to be.
        let (reply, answer) = crossbeam_channel::bounded(0);
        let unheard = self.unheard.clone();
        let ask = move || {
            if let Err(given_up) = reply.send(question()) {
                late(given_up.into_inner());
                unheard.answered.fetch_add(1, Ordering::Release);
            }
        };
        match self.questions.try_send(Box::new(ask)) {
            Ok(()) => {}
            Err(TrySendError::Full(_)) => return Err(no_answer()),
            Err(TrySendError::Disconnected(_)) => return Err(io::Error::other("the disk's thread is gone")),
        }
        answer.recv_timeout(limit).unwrap_or_else(|_| {
            self.unheard.given_up.fetch_add(1, Ordering::Release);
            Err(no_answer())
        })
    }
}

fn no_answer() -> io::Error {
    io::Error::new(io::ErrorKind::TimedOut, "the disk does not answer")
}
