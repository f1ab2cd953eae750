//! Whose story an event belongs to.

use std::fmt;

use crate::{AgentId, ContactId, RecordingId, Storage};

/// What one story of the log is about. Its text is the key of the log's index: `center`, `contact:c06xq3m8k0r000`,
/// `agent:1001`, `recording:r06xq3m8k0r001`, `storage:main`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Subject {
    /// The center as a whole.
    Center,
    /// A customer's visit with all that belongs to it: offers, segments, guests, its recordings.
    Contact(ContactId),
    /// An agent.
    Agent(AgentId),
    /// A recording whose contact is not known.
    Recording(RecordingId),
    /// A folder that recordings are written to.
    Storage(Storage),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Subject::Center => f.write_str("center"),
            Subject::Contact(contact) => write!(f, "contact:{contact}"),
            Subject::Agent(agent) => write!(f, "agent:{agent}"),
            Subject::Recording(recording) => write!(f, "recording:{recording}"),
            Subject::Storage(storage) => write!(f, "storage:{storage}"),
        }
    }
}
