//! Which way audio flows.

use super::{Line, attribute};

/// Which way audio flows, seen from whoever says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Direction {
    /// Both ways.
    #[default]
    SendReceive,
    /// The speaker sends only.
    SendOnly,
    /// The speaker receives only.
    ReceiveOnly,
    /// Neither way.
    Inactive,
}

impl Direction {
    /// Of these two abilities.
    pub const fn of(sends: bool, receives: bool) -> Direction {
        match (sends, receives) {
            (true, true) => Direction::SendReceive,
            (true, false) => Direction::SendOnly,
            (false, true) => Direction::ReceiveOnly,
            (false, false) => Direction::Inactive,
        }
    }

    /// The speaker sends.
    pub const fn sends(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::SendOnly)
    }

    /// The speaker receives.
    pub const fn receives(self) -> bool {
        matches!(self, Direction::SendReceive | Direction::ReceiveOnly)
    }

    /// What the other side answers at most (RFC 3264 section 6.1), limited to what it wants itself.
    pub const fn answered(self, wanted: Direction) -> Direction {
        Direction::of(self.receives() && wanted.sends(), self.sends() && wanted.receives())
    }

    /// The attribute that says it (RFC 8866 section 6.7).
    pub(super) const fn attribute(self) -> &'static str {
        match self {
            Direction::SendReceive => "sendrecv",
            Direction::SendOnly => "sendonly",
            Direction::ReceiveOnly => "recvonly",
            Direction::Inactive => "inactive",
        }
    }

    /// The one that these lines say, if they say any.
    pub(super) fn find(lines: &[Line]) -> Option<Direction> {
        let all = [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive];
        all.into_iter().find(|direction| attribute(lines, direction.attribute()).next().is_some())
    }
}
