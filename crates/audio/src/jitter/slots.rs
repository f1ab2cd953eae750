//! Room for waiting packets, made once: entries in the order of their time, payloads in one slab.

use std::collections::VecDeque;

/// What a waiting packet is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    /// Its beginning in RTP units, unwrapped.
    pub(super) position: i64,
    /// How long its audio lasts in RTP units; 0 for a description of noise.
    pub(super) duration: i64,
    pub(super) sequence: u16,
    len: usize,
    slot: usize,
}

/// Waiting packets, earliest first.
#[derive(Debug)]
pub(super) struct Slots {
    entries: VecDeque<Entry>,
    free: Vec<usize>,
    slab: Box<[u8]>,
    longest: usize,
}

impl Slots {
    /// Room for `count` packets of at most `longest` bytes.
    pub(super) fn new(count: usize, longest: usize) -> Slots {
        Slots {
            entries: VecDeque::with_capacity(count),
            free: (0..count).collect(),
            slab: vec![0; count * longest].into_boxed_slice(),
            longest,
        }
    }

    /// The longest payload that is kept.
    pub(super) fn longest(&self) -> usize {
        self.longest
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn is_full(&self) -> bool {
        self.free.is_empty()
    }

    /// The earliest packet.
    pub(super) fn first(&self) -> Option<&Entry> {
        self.entries.front()
    }

    /// The bytes of a packet that is waiting, or was the last to be popped.
    pub(super) fn payload(&self, entry: &Entry) -> &[u8] {
        let from = entry.slot * self.longest;
        self.slab.get(from..from + entry.len).unwrap_or_default()
    }

    /// Keeps a packet in its place; false when its time is taken, it is too long, or there is no room.
    pub(super) fn insert(&mut self, position: i64, duration: i64, sequence: u16, payload: &[u8]) -> bool {
        if payload.len() > self.longest {
            return false;
        }
        let at = self.entries.partition_point(|entry| entry.position < position);
        // A description of noise may share its time with audio; two pieces of audio may not.
        let taken = |entry: &Entry| entry.position == position && (entry.duration > 0) == (duration > 0);
        if self.entries.get(at).is_some_and(taken) {
            return false;
        }
        let Some(slot) = self.free.pop() else { return false };
        let from = slot * self.longest;
        if let Some(room) = self.slab.get_mut(from..from + payload.len()) {
            room.copy_from_slice(payload);
        }
        self.entries.insert(at, Entry { position, duration, sequence, len: payload.len(), slot });
        true
    }

    /// Takes the earliest packet out. Its payload can be read until the next packet is inserted.
    pub(super) fn pop(&mut self) -> Option<Entry> {
        let entry = self.entries.pop_front()?;
        self.free.push(entry.slot);
        Some(entry)
    }

    /// Forgets all packets; how many there were.
    pub(super) fn clear(&mut self) -> u64 {
        let count = self.entries.len() as u64;
        while self.pop().is_some() {}
        count
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packets_come_out_in_the_order_of_their_time() {
        let mut slots = Slots::new(4, 8);
        for (position, sequence) in [(320, 2), (0, 0), (480, 3), (160, 1)] {
            assert!(slots.insert(position, 160, sequence, &[sequence as u8; 8]));
        }
        assert!(slots.is_full() && !slots.insert(640, 160, 4, &[]), "no room");
        for sequence in 0..4 {
            let entry = slots.pop().unwrap();
            assert_eq!((entry.sequence, slots.payload(&entry)), (sequence, &[sequence as u8; 8][..]));
        }
        assert_eq!(slots.pop(), None);
    }

    #[test]
    fn a_taken_time_and_a_long_payload_are_refused() {
        let mut slots = Slots::new(4, 8);
        assert!(slots.insert(0, 160, 0, &[1]));
        assert!(!slots.insert(0, 160, 1, &[1]));
        assert!(slots.insert(0, 0, 1, &[60]), "noise beside audio");
        assert!(!slots.insert(160, 160, 2, &[0; 9]));
        assert_eq!(slots.clear(), 2);
        assert_eq!(slots.len(), 0);
    }
}
