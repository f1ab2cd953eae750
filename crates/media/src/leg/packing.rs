//! Packets of other lengths than our frames of 20 ms, for peers that asked for them by `a=ptime` or `a=maxptime`
//! (RFC 3264 section 6.1, RFC 3551 section 4.2), and what lengths a peer sends itself.
//!
//! Opus packets are passed on and made as they are: each says how long it is, and cutting one takes a decoder.

use audio::FRAME;
use model::{Codec, RemoteMedia};

use crate::ear::{LONGEST, WIDEST};

/// Milliseconds of the frames that we make.
const FRAME_MS: u8 = 20;
/// Waiting audio that is older than this is sent as it is: something else came between (60 ms).
const STALE: u64 = 480;
/// Packets of one length in a row by which a peer's length is known.
const IN_A_ROW: u8 = 3;

/// Bytes of a millisecond of audio; `None` for a codec whose packets cannot be cut.
fn bytes_a_ms(codec: Codec) -> Option<usize> {
    match codec {
        Codec::Pcmu | Codec::Pcma | Codec::G722 => Some(8),
        Codec::L16 => Some(16),
        Codec::L16Wide => Some(32),
        Codec::Opus => None,
    }
}

/// The packet length, in milliseconds, that a peer asked for, limited to what fits into a datagram. `None`: any
/// length.
pub(super) fn wanted_ms(remote: &RemoteMedia) -> Option<u8> {
    let most = LONGEST / bytes_a_ms(remote.codec)? / 10 * 10;
    let most = u8::try_from(most).unwrap_or(u8::MAX);
    remote.packet_ms.map(|wanted| wanted.min(most))
}

/// Repacks frames to packets of the length that a peer asked for. Nothing is allocated after construction.
#[derive(Debug)]
pub(super) struct Packing {
    /// Bytes of a packet, and of 20 ms.
    length: usize,
    frame: usize,
    codes: Box<[u8; LONGEST + 2 * WIDEST]>,
    taken: usize,
    filled: usize,
    /// When the first byte that waits is due, in samples of our clock.
    begins: u64,
}

impl Packing {
    /// `None` where each frame is a packet.
    pub(super) fn new(remote: &RemoteMedia) -> Option<Packing> {
        let ms = wanted_ms(remote).filter(|ms| *ms != FRAME_MS)?;
        let bytes = bytes_a_ms(remote.codec)?;
        let (length, frame) = (usize::from(ms) * bytes, usize::from(FRAME_MS) * bytes);
        let codes = Box::new([0; LONGEST + 2 * WIDEST]);
        Some(Packing { length, frame, codes, taken: 0, filled: 0, begins: 0 })
    }

    /// Whether the packets have the length that `remote` asks for.
    pub(super) fn suits(&self, remote: &RemoteMedia) -> bool {
        Packing::new(remote).is_some_and(|other| (other.length, other.frame) == (self.length, self.frame))
    }

    /// Whether a frame that begins at `clock` continues the waiting audio.
    pub(super) fn goes_on(&self, clock: u64) -> bool {
        self.taken == self.filled || self.begins + self.samples(self.filled - self.taken) == clock
    }

    /// Takes a frame.
    pub(super) fn put(&mut self, codes: &[u8], clock: u64) {
        if self.taken == self.filled {
            self.begins = clock;
        }
        self.codes.copy_within(self.taken..self.filled, 0);
        (self.taken, self.filled) = (0, self.filled - self.taken);
        if let Some(room) = self.codes.get_mut(self.filled..self.filled + codes.len()) {
            room.copy_from_slice(codes);
            self.filled += codes.len();
        }
    }

    /// The next whole packet, and when it begins.
    pub(super) fn poll(&mut self) -> Option<(u64, &[u8])> {
        (self.filled - self.taken >= self.length).then(|| self.take(self.length))
    }

    /// The waiting audio as a short packet, because something else is sent at `clock`.
    pub(super) fn poll_rest(&mut self, clock: u64) -> Option<(u64, &[u8])> {
        let waits = self.filled - self.taken;
        let (begins, rest) = self.take(waits);
        (waits > 0 && clock.saturating_sub(begins) <= STALE).then_some((begins, rest))
    }

    fn take(&mut self, length: usize) -> (u64, &[u8]) {
        let (from, begins) = (self.taken, self.begins);
        self.taken += length;
        self.begins += self.samples(length);
        (begins, self.codes.get(from..self.taken).unwrap_or_default())
    }

    fn samples(&self, bytes: usize) -> u64 {
        (bytes * FRAME / self.frame) as u64
    }
}

/// Measures the length of a peer's packets.
#[derive(Debug, Default)]
pub(super) struct Spacing {
    ms: Option<u8>,
    next: Option<u8>,
    in_a_row: u8,
}

impl Spacing {
    /// Takes a packet of audio. Returns whether the known length has changed.
    pub(super) fn hear(&mut self, codec: Codec, payload: usize) -> bool {
        let ms = bytes_a_ms(codec).and_then(|bytes| u8::try_from(payload / bytes).ok());
        if ms == self.ms {
            self.in_a_row = 0;
            return false;
        }
        self.in_a_row = if ms == self.next { self.in_a_row + 1 } else { 1 };
        self.next = ms;
        let changed = self.in_a_row >= IN_A_ROW;
        if changed {
            (self.ms, self.in_a_row) = (ms, 0);
        }
        changed
    }

    /// Whether packets of this length can be forwarded to a peer that wants packets of `wanted` milliseconds.
    pub(super) fn suits(&self, wanted: Option<u8>) -> bool {
        self.ms.zip(wanted).is_none_or(|(ms, wanted)| ms == wanted)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Direction;

    fn remote(codec: Codec, packet_ms: Option<u8>) -> RemoteMedia {
        RemoteMedia { packet_ms, ..RemoteMedia::new(([127, 0, 0, 1], 4000).into(), codec, Direction::Both) }
    }

    /// The packets that are made of `frames` frames: when each begins, and its length.
    fn packets(codec: Codec, ms: u8, frames: usize) -> Vec<(u64, usize)> {
        let (mut packing, mut made) = (Packing::new(&remote(codec, Some(ms))).unwrap(), Vec::new());
        for index in 0..frames {
            let frame: Vec<u8> = (0..packing.frame).map(|at| (index * packing.frame + at) as u8).collect();
            packing.put(&frame, index as u64 * 160);
            while let Some((begins, codes)) = packing.poll() {
                made.push((begins, codes.to_vec()));
            }
        }
        let all: Vec<u8> = made.iter().flat_map(|(_, codes)| codes.clone()).collect();
        assert!(all.iter().enumerate().all(|(at, code)| *code == at as u8), "in order");
        made.into_iter().map(|(begins, codes)| (begins, codes.len())).collect()
    }

    #[test]
    fn frames_become_packets_of_the_length_asked_for_without_a_seam() {
        assert_eq!(packets(Codec::Pcma, 10, 2), [(0, 80), (80, 80), (160, 80), (240, 80)]);
        assert_eq!(packets(Codec::Pcma, 30, 3), [(0, 240), (240, 240)]);
        assert_eq!(packets(Codec::G722, 40, 4), [(0, 320), (320, 320)]);
        assert_eq!(packets(Codec::L16, 60, 6), [(0, 960), (480, 960)]);
        assert_eq!(packets(Codec::L16Wide, 60, 4), [(0, 1280), (320, 1280)], "no more fits into a datagram");
    }

    #[test]
    fn a_frame_is_a_packet_where_nothing_else_was_asked_for() {
        for (codec, ms) in [(Codec::Pcma, None), (Codec::Pcma, Some(20)), (Codec::Opus, Some(60))] {
            assert!(Packing::new(&remote(codec, ms)).is_none(), "{codec:?} {ms:?}");
        }
    }

    #[test]
    fn what_waits_is_sent_before_something_else_and_forgotten_when_it_is_old() {
        let mut packing = Packing::new(&remote(Codec::Pcmu, Some(60))).unwrap();
        packing.put(&[1; 160], 0);
        assert!(packing.goes_on(160) && !packing.goes_on(320));
        assert_eq!(packing.poll_rest(200).map(|(begins, codes)| (begins, codes.len())), Some((0, 160)));
        assert!(packing.poll_rest(200).is_none() && packing.goes_on(8_000));
        packing.put(&[1; 160], 8_000);
        assert!(packing.poll_rest(16_000).is_none());
        assert!(packing.poll_rest(8_000).is_none(), "given up once");
    }

    #[test]
    fn the_length_that_a_peer_sends_is_known_after_three_packets_and_an_odd_one_changes_nothing() {
        let mut spacing = Spacing::default();
        let lengths = [320, 320, 320, 80, 320, 160, 160, 160, 160];
        let changes = lengths.map(|length| spacing.hear(Codec::Pcma, length));
        assert_eq!(changes, [false, false, true, false, false, false, false, true, false]);
        assert!(spacing.suits(Some(20)) && spacing.suits(None) && !spacing.suits(Some(40)));
        assert!(Spacing::default().suits(Some(40)));
    }
}
