//! Turns decoded audio into the samples of a clip: one channel, 8 kHz, parts of different rates joined.
//!
//! Long audio is resampled on a thread of its own while the rest is decoded.

use std::mem;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::{Builder, JoinHandle};

use crate::resample::Resampler;

/// Samples that are passed on at once.
const PIECE: usize = 65_536;
/// Pieces that may wait for the other thread: 2 MiB.
const WAITING: usize = 8;

/// A piece of one channel, and its rate.
type Piece = (u32, Vec<f32>);

/// Takes audio as it is decoded.
#[derive(Default)]
pub(super) struct Joining {
    /// The rate of the samples that were not passed on yet.
    rate: u32,
    mono: Vec<f32>,
    worker: Worker,
}

enum Worker {
    Here(Parts),
    Elsewhere(SyncSender<Piece>, JoinHandle<Parts>),
}

impl Default for Worker {
    fn default() -> Worker {
        Worker::Here(Parts::default())
    }
}

/// The clip so far.
#[derive(Default)]
struct Parts {
    current: Option<(u32, Resampler)>,
    done: Vec<i16>,
}

impl Joining {
    /// Takes interleaved samples, their channels averaged.
    pub(super) fn take(&mut self, rate: u32, channels: usize, interleaved: &[f32]) {
        self.begin(rate);
        match channels {
            1 => self.mono.extend_from_slice(interleaved),
            2 => self.mono.extend(interleaved.as_chunks::<2>().0.iter().map(|[a, b]| (a + b) * 0.5)),
            _ => {
                let share = 1.0 / channels as f32;
                let frames = interleaved.chunks_exact(channels);
                self.mono.extend(frames.map(|frame| frame.iter().sum::<f32>() * share));
            }
        }
        self.pass_on_what_is_much();
    }

    /// As [`Joining::take`], for samples of 16 bits as they lie in a file.
    pub(super) fn take_pcm(&mut self, rate: u32, channels: usize, bytes: &[u8]) {
        self.begin(rate);
        let share = 1.0 / (32_768.0 * channels as f32);
        let sample = |bytes: &[u8; 2]| i32::from(i16::from_le_bytes(*bytes));
        let (samples, _) = bytes.as_chunks::<2>();
        match channels {
            2 => self.mono.extend(
                samples.as_chunks::<2>().0.iter().map(|[a, b]| (sample(a) + sample(b)) as f32 * share),
            ),
            _ => {
                let frames = samples.chunks_exact(channels);
                self.mono.extend(frames.map(|frame| frame.iter().map(sample).sum::<i32>() as f32 * share));
            }
        }
        self.pass_on_what_is_much();
    }

    /// All samples at 8 kHz.
    pub(super) fn finish(mut self) -> Vec<i16> {
        self.pass_on();
        match self.worker {
            Worker::Here(parts) => parts.finish(),
            Worker::Elsewhere(pieces, thread) => {
                drop(pieces);
                match thread.join() {
                    Ok(parts) => parts.finish(),
                    // The reader of files catches a decoder's panic, and catches this one too.
                    Err(panic) => std::panic::resume_unwind(panic),
                }
            }
        }
    }

    fn begin(&mut self, rate: u32) {
        if self.rate != rate {
            self.pass_on();
            self.rate = rate;
        }
    }

    fn pass_on_what_is_much(&mut self) {
        if self.mono.len() >= PIECE {
            self.go_elsewhere();
            self.pass_on();
        }
    }

    fn pass_on(&mut self) {
        if self.mono.is_empty() {
            return;
        }
        match &mut self.worker {
            Worker::Here(parts) => {
                parts.take(self.rate, &self.mono);
                self.mono.clear();
            }
            Worker::Elsewhere(pieces, _) => {
                let fresh = Vec::with_capacity(self.mono.capacity());
                // If the thread is gone, it panicked; `finish` passes the panic on.
                let _ = pieces.send((self.rate, mem::replace(&mut self.mono, fresh)));
            }
        }
    }

    /// Lets a thread resample from now on, where the system has one.
    fn go_elsewhere(&mut self) {
        if matches!(self.worker, Worker::Elsewhere(..)) {
            return;
        }
        let (pieces, waiting) = sync_channel::<Piece>(WAITING);
        let (hand_over, handed) = sync_channel(1);
        let thread = Builder::new().name("resampler".to_owned()).spawn(move || {
            let mut parts: Parts = handed.recv().unwrap_or_default();
            for (rate, mono) in waiting {
                parts.take(rate, &mono);
            }
            parts
        });
        let Ok(thread) = thread else { return };
        if let Worker::Here(parts) = mem::replace(&mut self.worker, Worker::Elsewhere(pieces, thread)) {
            // The channel has room for it.
            let _ = hand_over.send(parts);
        }
    }
}

impl Parts {
    fn take(&mut self, rate: u32, mono: &[f32]) {
        if self.current.as_ref().is_none_or(|(before, _)| *before != rate) {
            self.close();
            self.current = Some((rate, Resampler::new(rate)));
        }
        if let Some((_, resampler)) = &mut self.current {
            resampler.extend(mono);
        }
    }

    fn close(&mut self) {
        if let Some((_, resampler)) = self.current.take() {
            let made = resampler.finish();
            if self.done.is_empty() {
                self.done = made;
            } else {
                self.done.extend_from_slice(&made);
            }
        }
    }

    fn finish(mut self) -> Vec<i16> {
        self.close();
        self.done
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use audio::tone::Sine;

    /// A tone in both channels, the second at half the level.
    fn stereo(frames: usize) -> Vec<i16> {
        let mut mono = vec![0; frames];
        // A fortieth of the rate, whichever it is.
        Sine::new(200.0, 8_000).fill(&mut mono);
        mono.into_iter().flat_map(|sample| [sample, sample / 2]).collect()
    }

    fn alone(rate: u32, stereo: &[i16]) -> Vec<i16> {
        let mono: Vec<f32> = stereo
            .as_chunks::<2>()
            .0
            .iter()
            .map(|[a, b]| (f32::from(*a) + f32::from(*b)) / 65_536.0)
            .collect();
        let mut resampler = Resampler::new(rate);
        resampler.extend(&mono);
        resampler.finish()
    }

    #[test]
    fn what_is_long_and_changes_its_rate_is_the_same_as_its_parts_alone() {
        let parts = [(44_100, 1_000), (48_000, 300_000), (44_100, 200_001), (8_000, 7)];
        let (mut joining, mut floats, mut wanted) = (Joining::default(), Joining::default(), Vec::new());
        for (rate, frames) in parts {
            let samples = stereo(frames);
            for piece in samples.chunks(4_098) {
                let bytes: Vec<u8> = piece.iter().flat_map(|sample| sample.to_le_bytes()).collect();
                joining.take_pcm(rate, 2, &bytes);
                let decoded: Vec<f32> = piece.iter().map(|sample| f32::from(*sample) / 32_768.0).collect();
                floats.take(rate, 2, &decoded);
            }
            wanted.extend(alone(rate, &samples));
        }
        assert!(matches!(joining.worker, Worker::Elsewhere(..)), "so much is resampled on another thread");
        assert!(joining.finish() == wanted && floats.finish() == wanted);
    }

    #[test]
    fn what_is_short_needs_no_thread_and_any_number_of_channels_is_averaged() {
        let mut joining = Joining::default();
        joining.take_pcm(8_000, 3, &[0, 3, 0, 6, 0, 0, 0, 0xfd, 0, 0xfa, 0, 0]);
        assert!(matches!(joining.worker, Worker::Here(_)));
        assert_eq!(joining.finish(), [0x300, -0x300]);
    }
}
