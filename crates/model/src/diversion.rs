//! Where a call was before it came to us.

use serde::{Deserialize, Serialize};

use crate::Number;

/// The most diversions that are kept of a call.
pub const MOST_DIVERSIONS: usize = 8;

/// A number that passed a call on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Diversion {
    /// The number; `None` when it is withheld.
    pub number: Option<Number>,
    /// Why it passed the call on.
    pub reason: DiversionReason,
}

/// Why a call was diverted, in the words of RFC 5806.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DiversionReason {
    /// Not said, or in other words.
    #[default]
    Unknown,
    /// The line was busy.
    UserBusy,
    /// Nobody picked up.
    NoAnswer,
    /// The line could not be reached.
    Unavailable,
    /// All calls are passed on.
    Unconditional,
    /// It depends on the hour.
    TimeOfDay,
    /// The line wants no calls.
    DoNotDisturb,
    /// The person sent this call on.
    Deflection,
    /// The person is at another line.
    FollowMe,
    /// The line is out of order.
    OutOfService,
    /// The person is away.
    Away,
}

/// What a trunk that is believed says about a call's way.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Diverted {
    /// Where the call was, at most [`MOST_DIVERSIONS`]; the first is the number that the customer dialled.
    pub by: Vec<Diversion>,
    /// That number chooses the entry, where it is one.
    pub chooses_entry: bool,
}

impl Diverted {
    /// The number that the customer dialled, if it may choose the entry.
    pub fn entry(&self) -> Option<&Number> {
        self.by.first()?.number.as_ref().filter(|_| self.chooses_entry)
    }
}
