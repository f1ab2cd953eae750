//! One customer's visit: the way through the flow, the people, the line.

use serde::{Deserialize, Serialize};

use crate::{
    AgentId, ContactId, DialEnd, Digit, Diversion, End, First, GuestEnd, Language, LegQuality, MoveEnd,
    MoveTo, Number, ParkEnd, Part, Party, Personal, QueueName, SecureEnd, SegmentEnd, SegmentId, Side, Slot,
};

/// What happened to a contact.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ContactEvent {
    /// A customer's call arrived.
    #[serde(rename = "contact_started")]
    Started {
        /// The contact.
        contact: ContactId,
        /// The calling number.
        caller: Option<Personal<Number>>,
        /// The name that the caller's device showed: hostile text.
        caller_name: Option<Personal<String>>,
        /// The number whose entry it took: the dialled one, or the one that it was diverted from where the trunk says
        /// so.
        number: Number,
        /// Where the call was before it came to us; the number that the customer dialled first. Older logs have none.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        diversions: Vec<Diversion>,
        /// The trunk it came by.
        trunk: String,
        /// The language it begins in.
        language: Language,
        /// The flow it begins in, with its version.
        flow: String,
        /// The Call-ID of its INVITE: hostile text of at most 128 characters. Older logs have none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sip_call_id: Option<String>,
    },
    /// We call a customer, or an agent does. In place of `contact_started`.
    #[serde(rename = "contact_placed")]
    Placed {
        /// The contact.
        contact: ContactId,
        /// The customer's number, as the dial plan leaves it.
        customer: Personal<Number>,
        /// The number that the customer is shown; `None`: the trunk's own.
        shown: Option<Number>,
        /// The agent who is to talk with the customer; `None` where a flow is to.
        agent: Option<AgentId>,
        /// Who is called first.
        first: First,
        /// For which queue, whose wrap-up follows; `None` where a flow talks.
        queue: Option<QueueName>,
        /// The language that the customer is spoken to in.
        language: Language,
        /// The flow, with its version, where one talks with the customer.
        flow: Option<String>,
        /// The Call-ID of the INVITE of an agent who dialled: hostile text of at most 128 characters.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sip_call_id: Option<String>,
    },
    /// It rings at the customer's whom we call.
    #[serde(rename = "contact_ringing")]
    Ringing {
        /// The contact.
        contact: ContactId,
    },
    /// We answered, or the customer whom we called did; the recording began.
    #[serde(rename = "contact_answered")]
    Answered {
        /// The contact.
        contact: ContactId,
    },
    /// The caller switched language.
    LanguageChosen {
        /// The contact.
        contact: ContactId,
        /// The new language.
        language: Language,
    },
    /// The flow went to a node.
    NodeEntered {
        /// The contact.
        contact: ContactId,
        /// The node's name.
        node: String,
    },
    /// A key was pressed where the flow listens.
    DigitPressed {
        /// The contact.
        contact: ContactId,
        /// The node.
        node: String,
        /// The key.
        digit: Digit,
    },
    /// What the customer presses is kept from log, recording and agent from now on.
    SecureInputStarted {
        /// The contact.
        contact: ContactId,
        /// The node of the flow that asks; `None` when an agent's customer presses.
        node: Option<String>,
    },
    /// The customer presses in the open again.
    SecureInputEnded {
        /// The contact.
        contact: ContactId,
        /// The node of the flow that asked.
        node: Option<String>,
        /// How many keys were pressed, in the last attempt; which ones is told nowhere.
        digits: u32,
        /// How it ended.
        how: SecureEnd,
    },
    /// Somebody was handed what was pressed in secret; it is forgotten here.
    SecureInputRead {
        /// The contact.
        contact: ContactId,
        /// How many keys.
        digits: u32,
    },
    /// Caller and agent talk.
    SegmentStarted {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// Who talks with the customer.
        agent: Party,
        /// The queue it came from.
        queue: QueueName,
    },
    /// One side put the other on hold.
    HoldStarted {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// Who.
        by: Side,
    },
    /// The hold ended.
    HoldEnded {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// Who had put the other on hold.
        by: Side,
    },
    /// A seat rings, to join a conversation.
    GuestInvited {
        /// The contact.
        contact: ContactId,
        /// Who is rung.
        guest: Party,
        /// What for.
        part: Part,
    },
    /// The guest answered and is in the conversation.
    GuestJoined {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: Party,
    },
    /// The guest does something else from now on.
    GuestChanged {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: Party,
        /// What.
        part: Part,
    },
    /// The guest is in the conversation no more, or will not come.
    GuestLeft {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: Party,
        /// Why.
        how: GuestEnd,
    },
    /// The customer is to be with somebody else.
    TransferStarted {
        /// The contact.
        contact: ContactId,
        /// The agent who had the customer.
        agent: AgentId,
        /// To whom.
        to: MoveTo,
        /// The agent spoke with the target before.
        attended: bool,
    },
    /// It is known how a transfer ended. One for each that started.
    TransferEnded {
        /// The contact.
        contact: ContactId,
        /// The agent who had the customer.
        agent: AgentId,
        /// How.
        how: MoveEnd,
    },
    /// The flow dials an extension of the directory.
    ExtensionDialled {
        /// The contact.
        contact: ContactId,
        /// The extension, as the flow names it or the customer pressed it.
        extension: Number,
    },
    /// It is known how a call to an extension ended. One for each that was dialled.
    ExtensionEnded {
        /// The contact.
        contact: ContactId,
        /// The extension.
        extension: Number,
        /// How.
        how: DialEnd,
    },
    /// The customer waits in a parking slot.
    Parked {
        /// The contact.
        contact: ContactId,
        /// The slot.
        slot: Slot,
        /// The agent who had the customer.
        agent: AgentId,
    },
    /// The slot is free again: somebody picked the call up, it was too long there, or the customer left.
    Unparked {
        /// The contact.
        contact: ContactId,
        /// The slot.
        slot: Slot,
        /// Why.
        how: ParkEnd,
    },
    /// They do not talk any more.
    SegmentEnded {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// Who talks with the customer.
        agent: Party,
        /// Why.
        end: SegmentEnd,
    },
    /// The contact is over.
    #[serde(rename = "contact_ended")]
    Ended {
        /// The contact.
        contact: ContactId,
        /// How.
        end: End,
    },
    /// A party of a conversation was not heard for 3 s although it should have been.
    OneWayAudio {
        /// The contact.
        contact: ContactId,
        /// Who is not heard; `None`: the customer is not.
        agent: Option<Party>,
    },
    /// What one party's audio was like, told when its leg is over.
    QualityMeasured {
        /// The contact.
        contact: ContactId,
        /// Whose leg it was; `None`: the customer's.
        agent: Option<Party>,
        /// The figures.
        quality: LegQuality,
    },
    /// A contact's recordings may not be erased from now on, whatever the rules say.
    LegalHoldSet {
        /// The contact.
        contact: ContactId,
        /// The person on whose word.
        person: Option<String>,
        /// Why.
        reason: String,
    },
    /// The rules apply to a contact's recordings again.
    LegalHoldCleared {
        /// The contact.
        contact: ContactId,
        /// The person on whose word.
        person: Option<String>,
        /// Why.
        reason: String,
    },
}

impl ContactEvent {
    /// Whose visit it belongs to.
    pub fn contact(&self) -> ContactId {
        match self {
            ContactEvent::Started { contact, .. }
            | ContactEvent::Placed { contact, .. }
            | ContactEvent::Ringing { contact }
            | ContactEvent::Answered { contact }
            | ContactEvent::LanguageChosen { contact, .. }
            | ContactEvent::NodeEntered { contact, .. }
            | ContactEvent::DigitPressed { contact, .. }
            | ContactEvent::SecureInputStarted { contact, .. }
            | ContactEvent::SecureInputEnded { contact, .. }
            | ContactEvent::SecureInputRead { contact, .. }
            | ContactEvent::SegmentStarted { contact, .. }
            | ContactEvent::HoldStarted { contact, .. }
            | ContactEvent::HoldEnded { contact, .. }
            | ContactEvent::GuestInvited { contact, .. }
            | ContactEvent::GuestJoined { contact, .. }
            | ContactEvent::GuestChanged { contact, .. }
            | ContactEvent::GuestLeft { contact, .. }
            | ContactEvent::TransferStarted { contact, .. }
            | ContactEvent::TransferEnded { contact, .. }
            | ContactEvent::ExtensionDialled { contact, .. }
            | ContactEvent::ExtensionEnded { contact, .. }
            | ContactEvent::Parked { contact, .. }
            | ContactEvent::Unparked { contact, .. }
            | ContactEvent::SegmentEnded { contact, .. }
            | ContactEvent::Ended { contact, .. }
            | ContactEvent::OneWayAudio { contact, .. }
            | ContactEvent::QualityMeasured { contact, .. }
            | ContactEvent::LegalHoldSet { contact, .. }
            | ContactEvent::LegalHoldCleared { contact, .. } => *contact,
        }
    }
}
