//! The recordings of one media thread, and the rings that take them to the recording threads.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use archive::{Buffer, Tally, ToWriter};
use crossbeam_channel::{Receiver, Sender, TrySendError};
use model::{RecordingId, RecordingSpec};

use crate::tap::Tap;

/// Open recordings.
#[derive(Debug)]
pub(crate) struct Recorder {
    taps: BTreeMap<RecordingId, Tap>,
    begun: u64,
    rings: Vec<Sender<ToWriter>>,
    /// Empty buffers from the recording threads.
    spares: Receiver<Buffer>,
    /// Openings and seals that found their ring full. They must not be lost, and there are at most two of a
    /// recording; audio is dropped for them.
    waiting: VecDeque<ToWriter>,
    tally: Arc<Tally>,
}

impl Recorder {
    pub(crate) fn new(rings: Vec<Sender<ToWriter>>, spares: Receiver<Buffer>, tally: Arc<Tally>) -> Recorder {
        Recorder { taps: BTreeMap::new(), begun: 0, rings, spares, waiting: VecDeque::new(), tally }
    }

    pub(crate) fn start(&mut self, spec: RecordingSpec, now: u64) {
        let RecordingSpec { recording, path, rate, .. } = spec;
        self.begun += 1;
        let mut tap = Tap::new(now, self.begun, rate);
        if let Ok(spare) = self.spares.try_recv() {
            tap.begin_in(spare);
        }
        self.taps.insert(recording, tap);
        self.waiting.push_back(ToWriter::Open { recording, path, rate });
        self.send_waiting();
    }

    pub(crate) fn stop(&mut self, recording: RecordingId, now: u64) {
        let Some(tap) = self.taps.remove(&recording) else { return };
        let ((at, audio), length, gaps) = tap.finish(now);
        self.send_piece(ToWriter::Piece { recording, at, audio });
        self.waiting.push_back(ToWriter::Seal { recording, length, gaps });
        self.send_waiting();
    }

    pub(crate) fn tap(&mut self, recording: Option<RecordingId>) -> Option<&mut Tap> {
        self.taps.get_mut(&recording?)
    }

    /// Hands on what is complete.
    pub(crate) fn tick(&mut self, now: u64) {
        self.send_waiting();
        let mut pieces = Vec::new();
        for (recording, tap) in &mut self.taps {
            while tap.has_piece(now) {
                if let Ok(spare) = self.spares.try_recv() {
                    tap.lend(spare);
                }
                let piece = tap.poll_piece(now);
                pieces.extend(piece.map(|(at, audio)| ToWriter::Piece { recording: *recording, at, audio }));
            }
        }
        pieces.into_iter().for_each(|piece| self.send_piece(piece));
    }

    /// Ends everything. Waits for the rings: the thread is about to end.
    pub(crate) fn finish(&mut self, now: u64) {
        let open: Vec<RecordingId> = self.taps.keys().copied().collect();
        for recording in open {
            self.stop(recording, now);
        }
        for message in std::mem::take(&mut self.waiting) {
            let sent = self.ring(&message).is_some_and(|ring| ring.send(message).is_ok());
            if !sent {
                tracing::error!("a recording thread is gone; a recording is left to be repaired");
            }
        }
    }

    fn send_waiting(&mut self) {
        while let Some(message) = self.waiting.pop_front() {
            match self.ring(&message).map(|ring| ring.try_send(message)) {
                Some(Err(TrySendError::Full(message))) => {
                    self.waiting.push_front(message);
                    break;
                }
                Some(Err(TrySendError::Disconnected(_))) | None => {
                    tracing::error!("a recording thread is gone");
                }
                Some(Ok(())) => {}
            }
        }
    }

    /// Audio never waits, and never overtakes the opening of its file. The writer sees from the next position what is
    /// missing, and makes it a gap.
    fn send_piece(&mut self, piece: ToWriter) {
        let frames = match &piece {
            ToWriter::Piece { audio, .. } => (audio.len() as u64).div_ceil(audio::FRAME as u64),
            ToWriter::Open { .. } | ToWriter::Seal { .. } => 0,
        };
        let sent =
            self.waiting.is_empty() && self.ring(&piece).is_some_and(|ring| ring.try_send(piece).is_ok());
        if !sent {
            self.tally.drop_frames(frames);
        }
    }

    fn ring(&self, message: &ToWriter) -> Option<&Sender<ToWriter>> {
        let recording = match message {
            ToWriter::Open { recording, .. }
            | ToWriter::Piece { recording, .. }
            | ToWriter::Seal { recording, .. } => recording,
        };
        let mixed = (recording.number() as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        self.rings.get(usize::try_from(mixed).unwrap_or(0) % self.rings.len().max(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tap::{PIECE, ROOM};
    use archive::{Disk, Folder, WriterSettings, Writers};
    use model::{ContactId, Gap, GapCause, Ids, Kept, LegId, MediaReport, RecordingReport, Time};

    /// A disk that stands still for two seconds of audio, seen as a ring with room for three messages that
    /// nobody reads in that time.
    #[test]
    fn a_disk_that_stands_still_costs_a_counted_gap_and_no_message() {
        let scratch = testing::Scratch::new("recorder");
        let disk: Arc<dyn Disk> = Arc::new(Folder::open(scratch.path()).unwrap());
        let tally = Arc::new(Tally::default());
        let (ring, messages) = crossbeam_channel::bounded(3);
        let (reports, read) = crossbeam_channel::bounded(10);
        let (_back, spares) = crossbeam_channel::bounded(10);
        let mut recorder = Recorder::new(vec![ring], spares, tally.clone());
        let (mut ids, now) = (Ids::new(0), Time::from_unix_ms(1_800_000_000_000));
        let recording = RecordingId::new(&mut ids, now);
        let (contact, leg) = (ContactId::new(&mut ids, now), LegId::new(&mut ids, now));
        recorder.start(RecordingSpec { recording, contact, leg, path: "a.wav".to_owned(), rate: 8000 }, 0);
        // The beginning and two pieces fit; the next five do not.
        (1..=7).for_each(|piece| recorder.tick(PIECE * piece + 2400));
        let taken: Vec<ToWriter> = messages.try_iter().collect();
        assert_eq!((taken.len(), tally.read().frames_dropped), (3, 5 * 20));
        recorder.tick(PIECE * 8 + 2400);
        recorder.stop(recording, PIECE * 8 + 2400);
        drop(recorder);
        let settings = WriterSettings { threads: 1, disks: vec![disk], keys: Arc::default(), room: ROOM };
        let Writers { rings, handles, .. } = Writers::start(settings, &reports, &tally).unwrap();
        taken.into_iter().chain(messages).for_each(|message| rings[0].send(message).unwrap());
        drop(rings);
        handles.into_iter().for_each(|handle| handle.join().unwrap());
        let Ok(MediaReport::Recording(_, RecordingReport::Sealed(Kept { duration_ms, gaps, .. }))) =
            read.try_recv()
        else {
            panic!("sealed")
        };
        let gap = |channel| Gap { channel, from_ms: 440, length_ms: 2000, cause: GapCause::Dropped };
        assert_eq!((duration_ms, gaps), (3500, vec![gap(0), gap(1)]));
    }
}
