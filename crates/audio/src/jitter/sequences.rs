//! Which sequence numbers came (RFC 3550 section 5.1): loss, repetition and disorder of one source.

/// A forward jump of this many packets is still the same count (RFC 3550 appendix A.1).
const MAX_DROPOUT: u16 = 3000;
/// Numbers behind the newest that are remembered one by one.
const MEMORY: u16 = 128;

/// What a sequence number says of its packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Note {
    /// Newer than all before, by this many.
    Ahead(u16),
    /// Older than the newest, and new to us.
    Old,
    /// It came before.
    Repeated,
    /// A number that cannot belong to this count: the count is restarted.
    Jump,
}

/// The numbers of one source.
#[derive(Debug, Clone)]
pub(super) struct Sequences {
    newest: u16,
    /// Bit n: `newest − n` came.
    seen: u128,
    expected: u64,
    came: u64,
}

impl Sequences {
    /// A count whose first packet is `first`.
    pub(super) fn new(first: u16) -> Sequences {
        Sequences { newest: first, seen: 1, expected: 1, came: 1 }
    }

    /// Notes that `sequence` came.
    pub(super) fn note(&mut self, sequence: u16) -> Note {
        let (ahead, behind) = (sequence.wrapping_sub(self.newest), self.newest.wrapping_sub(sequence));
        if behind < MEMORY {
            let bit = 1_u128 << behind;
            if self.seen & bit != 0 {
                return Note::Repeated;
            }
            self.seen |= bit;
            self.came += 1;
            Note::Old
        } else if ahead < MAX_DROPOUT {
            self.seen = self.seen.checked_shl(u32::from(ahead)).unwrap_or(0) | 1;
            (self.newest, self.expected, self.came) =
                (sequence, self.expected + u64::from(ahead), self.came + 1);
            Note::Ahead(ahead)
        } else {
            (self.newest, self.seen, self.expected, self.came) =
                (sequence, 1, self.expected + 1, self.came + 1);
            Note::Jump
        }
    }

    /// True when no number between `before` and `after` (both left out) is missing.
    pub(super) fn none_missing(&self, before: u16, after: u16) -> bool {
        let between = after.wrapping_sub(before).wrapping_sub(1);
        if between == 0 || between > u16::MAX - MEMORY {
            return true; // Neighbours, or a count that stands still or went back.
        }
        let nearest = self.newest.wrapping_sub(after).wrapping_add(1);
        between < MEMORY
            && nearest.checked_add(between).is_some_and(|end| end <= MEMORY)
            && (nearest..nearest + between).all(|back| self.seen & (1 << back) != 0)
    }

    /// Numbers that never came.
    pub(super) fn lost(&self) -> u64 {
        self.expected.saturating_sub(self.came)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_number_is_judged() {
        let cases: [(&[u16], u16, Note, u64); 8] = [
            (&[5], 6, Note::Ahead(1), 0),
            (&[65_534, 65_535], 0, Note::Ahead(1), 0),
            (&[5, 6], 6, Note::Repeated, 0),
            (&[5, 8], 6, Note::Old, 1),
            (&[5, 8, 6], 6, Note::Repeated, 1),
            (&[65_535, 2], 0, Note::Old, 1),
            (&[5], 2000, Note::Ahead(1995), 1994),
            (&[5], 40_000, Note::Jump, 0),
        ];
        for (before, sequence, note, lost) in cases {
            let mut sequences = Sequences::new(before[0]);
            before[1..].iter().for_each(|before| _ = sequences.note(*before));
            assert_eq!((sequences.note(sequence), sequences.lost()), (note, lost), "{before:?} {sequence}");
        }
    }

    #[test]
    fn missing_numbers_between_two_are_known() {
        let mut sequences = Sequences::new(65_530);
        [65_531, 65_533, 0, 1, 200].into_iter().for_each(|sequence| _ = sequences.note(sequence));
        let cases = [
            (65_530, 65_531, true),
            (65_531, 65_533, false),
            (0, 1, true),
            (1, 200, false),
            (65_530, 200, false),
            (200, 200, true),
        ];
        for (before, after, none) in cases {
            assert_eq!(sequences.none_missing(before, after), none, "{before} {after}");
        }
    }
}
