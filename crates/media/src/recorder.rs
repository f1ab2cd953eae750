//! The recordings of one media thread, and the rings that take them to the recording threads.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use model::{RecordingId, RecordingSpec};

use crate::Map;
use crate::counters::{Tally, add};
use crate::tap::{PIECE, Tap};
use crate::writer::ToWriter;

/// Open recordings.
#[derive(Debug)]
pub(crate) struct Recorder {
    taps: Map<RecordingId, Tap>,
    rings: Vec<Sender<ToWriter>>,
    /// Beginnings and ends that found their ring full. They must not be lost, and there are at most two
    /// of a recording; audio gives way to them.
    waiting: VecDeque<ToWriter>,
    tally: Arc<Tally>,
}

impl Recorder {
    pub(crate) fn new(rings: Vec<Sender<ToWriter>>, tally: Arc<Tally>) -> Recorder {
        Recorder { taps: Map::new(), rings, waiting: VecDeque::new(), tally }
    }

    pub(crate) fn start(&mut self, spec: RecordingSpec, now: u64) {
        let RecordingSpec { recording, path, .. } = spec;
        self.taps.insert(recording, Tap::new(now));
        self.waiting.push_back(ToWriter::Open { recording, path });
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
            while let Some((at, audio)) = tap.poll_piece(now) {
                pieces.push(ToWriter::Piece { recording: *recording, at, audio });
            }
        }
        pieces.into_iter().for_each(|piece| self.send_piece(piece));
    }

    /// Ends everything. Waits for the rings: the thread is about to end.
    pub(crate) fn finish(&mut self, now: u64) {
        let open: Vec<RecordingId> = self.taps.keys().copied().collect();
        open.into_iter().for_each(|recording| self.stop(recording, now));
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

    /// Audio never waits, and never overtakes the beginning of its file. The writer sees from the next
    /// position what is missing, and makes it a gap.
    fn send_piece(&mut self, piece: ToWriter) {
        let sent =
            self.waiting.is_empty() && self.ring(&piece).is_some_and(|ring| ring.try_send(piece).is_ok());
        if !sent {
            add(&self.tally.frames_dropped, PIECE / audio::FRAME as u64);
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
