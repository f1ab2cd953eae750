//! What people and programs command, and what they get back.

use serde::{Deserialize, Serialize};

use crate::{AgentId, CommandId, ContactId, RecordingId};

/// Who commands, for the audit trail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The agent, by a feature code from the seat.
    Agent(AgentId),
    /// The bearer of an API token, by the token's name.
    Token(String),
    /// Somebody at the command line of the machine.
    CommandLine,
    /// The center itself, at the hour that its configuration says.
    Schedule,
}

/// A command to the center.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    /// Comes back in the reply.
    pub id: CommandId,
    /// Who commands.
    pub by: Actor,
    /// What.
    pub order: AgentOrder,
}

/// What can be commanded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOrder {
    /// Make an agent ready for calls; ends a break, a wrap-up or a not-ready.
    Ready {
        /// The agent.
        agent: AgentId,
    },
    /// Send an agent on a break; in a call, it begins after the call.
    Break {
        /// The agent.
        agent: AgentId,
    },
    /// Leave out of a contact's recording what is said from now on.
    PauseRecording {
        /// The contact.
        contact: ContactId,
        /// The agent who asks, and who must be talking in it; `None` for those who may always.
        agent: Option<AgentId>,
        /// Why, for the gap map and the log.
        reason: String,
    },
    /// Record a contact again.
    ResumeRecording {
        /// The contact.
        contact: ContactId,
        /// As for the pause.
        agent: Option<AgentId>,
    },
    /// Note in the log that a contact's recordings may not be erased, or may be again.
    NoteLegalHold {
        /// The contact.
        contact: ContactId,
        /// True to hold, false to let go.
        held: bool,
        /// The person on whose word, beside whoever commands.
        person: Option<String>,
        /// Why.
        reason: String,
    },
    /// Note in the log that a recording is being erased by a rule.
    NoteErased {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// The rule's name.
        rule: String,
        /// SHA-256 of what is erased; empty when it had none.
        sha256: String,
    },
    /// Note in the log that somebody listened to or fetched a recording.
    NoteListened {
        /// The recording.
        recording: RecordingId,
        /// Its contact, when known.
        contact: Option<ContactId>,
    },
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// The command's id.
    pub id: CommandId,
    /// Done, or why not.
    pub result: Result<(), Refused>,
}

/// Why a command was not done. A value, not an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Refused {
    /// No such agent in configuration.
    UnknownAgent,
    /// The agent's seat is not registered.
    SeatOffline,
    /// No such contact is in progress.
    UnknownContact,
    /// The agent does not talk with this contact.
    NotTheirContact,
    /// The contact is not being recorded.
    NotRecorded,
    /// The center is too busy to take commands now; try again.
    Busy,
    /// The center is shutting down.
    ShuttingDown,
}
