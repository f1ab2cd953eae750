//! What people and programs command, and what they get back.

use serde::{Deserialize, Serialize};

use crate::{AgentId, CallOrder, CommandId, ContactId, MoveEnd, MoveOrder, NotNow, Secret, Slot};

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
    /// The caller's flow.
    Flow,
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
    /// About whom that one may command.
    pub scope: Scope,
    /// What.
    pub order: Order,
}

/// About whom somebody may command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// About all agents and contacts.
    All,
    /// About this agent, and about a contact while this agent talks with it. Other orders are refused as
    /// [`Refused::NotTheirContact`].
    Agent(AgentId),
}

/// What can be commanded, by subject.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Order {
    /// To an agent.
    Agent(AgentId, AgentOrder),
    /// About a contact's recording.
    Recording(ContactId, RecordingOrder),
    /// About what a contact's customer presses in secret.
    SecureInput(ContactId, SecureInputOrder),
    /// About a supervisor in a conversation.
    Supervision(SupervisionOrder),
    /// About the parties of a contact's conversation.
    Parties(ContactId, PartyOrder),
    /// Move a contact's customer, or hold or consult with a view to it.
    Move(ContactId, MoveOrder),
    /// Call a customer.
    Call(CallOrder),
    /// Connect an agent with the customer who is parked in this slot.
    PickUp {
        /// The slot.
        slot: Slot,
        /// The agent whose seat rings.
        seat: AgentId,
    },
}

/// An order to an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AgentOrder {
    /// Be ready for calls; ends a break, a wrap-up or a not-ready.
    Ready,
    /// Take a break; in a call, it begins after the call.
    Break,
}

/// An order about a contact's recording.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOrder {
    /// Leave out what is said from now on.
    Pause {
        /// Why, for the gap map and the log.
        reason: String,
    },
    /// Record again.
    Resume,
}

/// An order about what a customer presses in secret for an agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SecureInputOrder {
    /// Keep what the customer presses from now on from log, recording and agent.
    Start,
    /// End the secure input; what was pressed is kept until it is read.
    End,
    /// Hand over what was pressed, and forget it. Done as [`Done::Secret`].
    Read,
}

/// An order about a supervisor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SupervisionOrder {
    /// Have a supervisor's seat join a conversation, or change what a supervisor in it does.
    Start {
        /// Whose conversation.
        watched: Watched,
        /// The agent whose seat rings.
        seat: AgentId,
        /// How.
        how: Supervision,
    },
    /// Take a supervisor out of the conversation, or stop ringing for it.
    End {
        /// The supervisor's seat.
        seat: AgentId,
    },
}

/// An order about the parties of a conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartyOrder {
    /// Ring a colleague's seat, to have it join the conversation.
    Add {
        /// The agent whose seat rings.
        seat: AgentId,
    },
    /// Take a colleague out of the conversation again.
    Remove {
        /// The colleague's seat.
        seat: AgentId,
    },
    /// The agent leaves; whoever else talks with the customer becomes the agent.
    Leave,
}

/// Whose conversation a supervisor joins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Watched {
    /// The one that this agent is in now.
    Agent(AgentId),
    /// This contact's.
    Contact(ContactId),
}

/// What a supervisor does in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Supervision {
    /// Hears, and is heard by nobody.
    Listen,
    /// Is heard by the agent alone.
    Whisper,
    /// Is heard by everybody.
    Barge,
    /// Takes the agent's place.
    TakeOver,
}

/// Why somebody beside customer and agent is in a conversation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// As a supervisor.
    Supervisor(Supervision),
    /// As a colleague whom the agent asked in.
    Colleague,
    /// Consulted by the agent in private, while the customer hears music.
    Consulted,
}

/// The answer to a command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    /// The command's id.
    pub id: CommandId,
    /// Done, or why not.
    pub result: Result<Done, Refused>,
}

/// What a command that was done gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Done {
    /// Nothing more.
    Obeyed,
    /// What a customer pressed in secret.
    Secret(Secret),
    /// Where the customer is parked.
    Parked(Slot),
    /// How a transfer ended.
    Moved(MoveEnd),
    /// The contact that calls the customer.
    Placed(ContactId),
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
    /// It is not for who commands, whose scope is one agent: that agent does not talk with this contact.
    NotTheirContact,
    /// The contact is not being recorded.
    NotRecorded,
    /// The contact, or the agent, talks with nobody.
    NotTalking,
    /// The agent's seat rings or is in a call.
    SeatBusy,
    /// There are as many in the conversation as can be.
    ConferenceFull,
    /// Nobody like that is in the conversation.
    NoGuest,
    /// The secure input goes on.
    InputGoesOn,
    /// There is no secure input, or it was read already.
    NoInput,
    /// Nobody is consulted.
    NoConsultation,
    /// Somebody is consulted already.
    ConsultationGoesOn,
    /// No such queue in configuration.
    UnknownQueue,
    /// No such extension in the directory.
    UnknownExtension,
    /// It is outside of the hours of the extension.
    Closed,
    /// The contact's flow has no such node.
    UnknownNode,
    /// Nobody of the queue is free.
    NobodyFree,
    /// The contact was moved as often as may be.
    TooManyMoves,
    /// All parking slots are taken.
    ParkingFull,
    /// Nobody is parked there.
    EmptySlot,
    /// The number is not one that the agent may dial.
    NotAllowed,
    /// No trunk carries the number.
    NoTrunk,
    /// The customer may not be called now.
    NotNow(NotNow),
    /// The center is too busy to take commands now; try again.
    Busy,
    /// The center is shutting down.
    ShuttingDown,
}
