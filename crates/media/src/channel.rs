//! The two channels of a recording.

/// Left has the customer, right everybody else whom the customer hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Channel {
    Left,
    Right,
}

impl Channel {
    /// This channel's sample of a pair.
    pub(crate) fn of(self, both: &mut [i16; 2]) -> &mut i16 {
        match self {
            Channel::Left => &mut both[0],
            Channel::Right => &mut both[1],
        }
    }
}
