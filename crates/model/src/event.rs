//! The event log: what happened, in order, once.
//!
//! Tables, boards, streams and reports are made from these and from nothing else. A variant or field may be
//! added; none may change its meaning, for old logs must stay readable.

mod states;

use serde::{Deserialize, Serialize};

pub use states::{
    Activity, GuestEnd, LeaveReason, NotReadyReason, OfferOutcome, RecordingState, SecureEnd, SegmentEnd,
    Shift,
};

use crate::{
    Actor, AgentId, ContactId, Digit, Diversion, End, EndedBy, Gap, Language, LegQuality, Number, OfferId,
    Part, QueueName, RecordingId, SampleFrame, SegmentId, Storage, StorageTrouble, Time,
};

/// One entry of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// 1, 2, 3 … without a gap, for as long as the database lives.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// What.
    pub event: Event,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Event {
    /// The center began to work. All seats are offline, all agents without a call.
    CenterStarted {
        /// Version of the program.
        version: String,
    },
    /// The center takes no new calls any more.
    DrainStarted,
    /// The machine's clock was set. Instants from here on are by the new time, what is open now began by it too: whatever
    /// began before and is not over is dated `by_ms` later than its own event says, so that how long it lasts stays true.
    ClockSet {
        /// Forwards, or negative: backwards; in ms.
        by_ms: i64,
    },
    /// A customer's call arrived.
    ContactStarted {
        /// The contact.
        contact: ContactId,
        /// The calling number.
        caller: Option<Number>,
        /// The name that the caller's device showed: hostile text.
        caller_name: Option<String>,
        /// The number whose entry it took: the dialled one, or the one that it was diverted from where the trunk says so.
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
    /// We answered; the recording began.
    ContactAnswered {
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
        /// Who wanted it.
        by: Actor,
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
        /// Who commanded it, when somebody did.
        by: Option<Actor>,
    },
    /// Somebody was handed what was pressed in secret; it is forgotten here.
    SecureInputRead {
        /// The contact.
        contact: ContactId,
        /// How many keys.
        digits: u32,
        /// Who.
        by: Actor,
    },
    /// The contact joined a queue.
    QueueEntered {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// Seconds of virtual waiting that it starts with.
        bonus_s: u32,
        /// 1-based place at that moment.
        position: u32,
    },
    /// The contact left a queue.
    QueueLeft {
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// Why.
        reason: LeaveReason,
        /// Real waiting in milliseconds.
        waited_ms: u64,
    },
    /// An agent's seat rings for a contact.
    OfferMade {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The queue.
        queue: QueueName,
        /// The agent.
        agent: AgentId,
        /// The contact's score in seconds.
        score_s: u64,
        /// How long the agent had been idle, in milliseconds.
        idle_ms: u64,
    },
    /// An offer ended.
    OfferEnded {
        /// The offer.
        offer: OfferId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentId,
        /// How.
        outcome: OfferOutcome,
    },
    /// Caller and agent talk.
    SegmentStarted {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentId,
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
        by: EndedBy,
    },
    /// The hold ended.
    HoldEnded {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// Who had put the other on hold.
        by: EndedBy,
    },
    /// A seat rings, to join a conversation.
    GuestInvited {
        /// The contact.
        contact: ContactId,
        /// The agent whose seat it is.
        guest: AgentId,
        /// What for.
        part: Part,
        /// Who commanded it.
        by: Actor,
    },
    /// The guest answered and is in the conversation.
    GuestJoined {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: AgentId,
    },
    /// The guest does something else from now on.
    GuestChanged {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: AgentId,
        /// What.
        part: Part,
        /// Who commanded it.
        by: Actor,
    },
    /// The guest is in the conversation no more, or will not come.
    GuestLeft {
        /// The contact.
        contact: ContactId,
        /// The guest.
        guest: AgentId,
        /// Why.
        how: GuestEnd,
        /// Who commanded it, when somebody did.
        by: Option<Actor>,
    },
    /// They do not talk any more.
    SegmentEnded {
        /// The segment.
        segment: SegmentId,
        /// The contact.
        contact: ContactId,
        /// The agent.
        agent: AgentId,
        /// Why.
        end: SegmentEnd,
    },
    /// The contact is over.
    ContactEnded {
        /// The contact.
        contact: ContactId,
        /// How.
        end: End,
    },
    /// A recording began; its row follows from this.
    RecordingOpened {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Path below the recordings folder.
        path: String,
        /// Channels: 2.
        channels: u16,
        /// Samples a second.
        rate: u32,
    },
    /// A recording leaves out what is said from now on.
    RecordingPaused {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Who wanted it.
        by: Actor,
        /// Why.
        reason: String,
    },
    /// A recording goes on.
    RecordingResumed {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Who wanted it; `None` when the conversation that it was paused in ended.
        by: Option<Actor>,
    },
    /// A recording reached its end state.
    RecordingClosed {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// `Sealed`, or `Damaged` when it was cut off or could not be written.
        state: RecordingState,
        /// Length in milliseconds.
        duration_ms: u64,
        /// SHA-256 of the file, lower-case hexadecimal; empty when there is no file.
        sha256: String,
        /// Spans without audio.
        gaps: Vec<Gap>,
        /// What went wrong, if anything.
        fault: Option<String>,
    },
    /// A party of a conversation was not heard for 3 s although it should have been.
    OneWayAudio {
        /// The contact.
        contact: ContactId,
        /// The agent who is not heard; `None`: the customer is not.
        agent: Option<AgentId>,
    },
    /// What one party's audio was like, told when its leg is over.
    QualityMeasured {
        /// The contact.
        contact: ContactId,
        /// The agent whose leg it was; `None`: the customer's.
        agent: Option<AgentId>,
        /// The figures.
        quality: LegQuality,
    },
    /// Somebody listened to or fetched a recording.
    RecordingListened {
        /// The recording.
        recording: RecordingId,
        /// Who.
        by: Actor,
    },
    /// A sample for quality checks was drawn. The same frame and seed draw it again.
    SampleDrawn {
        /// What it was drawn from.
        frame: Box<SampleFrame>,
        /// How many contacts that was.
        size: u64,
        /// SHA-256 of their ids, each with a line end, lower-case hexadecimal.
        sha256: String,
        /// The seed.
        seed: u64,
        /// How many were drawn.
        drawn: u64,
        /// Who drew it.
        by: Actor,
    },
    /// Somebody read SIP messages that were kept in memory.
    SipTraceRead {
        /// Those of this contact.
        contact: Option<ContactId>,
        /// Those of calls from this number.
        number: Option<Number>,
        /// How many.
        messages: u64,
        /// Who.
        by: Actor,
    },
    /// A contact's recordings may not be erased from now on, whatever the rules say.
    LegalHoldSet {
        /// The contact.
        contact: ContactId,
        /// Who commanded it.
        by: Actor,
        /// The person on whose word.
        person: Option<String>,
        /// Why.
        reason: String,
    },
    /// The rules apply to a contact's recordings again.
    LegalHoldCleared {
        /// The contact.
        contact: ContactId,
        /// Who commanded it.
        by: Actor,
        /// The person on whose word.
        person: Option<String>,
        /// Why.
        reason: String,
    },
    /// A recording was erased by a rule. Said before its file is removed, so that none vanishes untold.
    RecordingErased {
        /// The recording.
        recording: RecordingId,
        /// Its contact.
        contact: ContactId,
        /// Who had the rules applied.
        by: Actor,
        /// The rule's name.
        rule: String,
        /// SHA-256 of what was erased, lower-case hexadecimal; empty when it had none.
        sha256: String,
    },
    /// A place that recordings are written to takes nothing any more. Calls go on.
    StorageFailed {
        /// Which.
        storage: Storage,
        /// What is wrong.
        trouble: StorageTrouble,
        /// In the system's words.
        why: String,
    },
    /// A place that recordings are written to works again.
    StorageRestored {
        /// Which.
        storage: Storage,
    },
    /// An agent's state changed.
    AgentChanged {
        /// The agent.
        agent: AgentId,
        /// May the agent work?
        shift: Shift,
        /// What does the agent do?
        activity: Activity,
        /// True while the seat is registered.
        seat_online: bool,
        /// Who commanded it; `None` when it followed from a call or the registrar.
        by: Option<Actor>,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, Reached};

    #[test]
    fn a_record_survives_the_journal() {
        let mut ids = crate::Ids::new(0);
        let at = Time::from_unix_ms(1_800_000_000_123);
        let record = Record {
            seq: 42,
            at,
            event: Event::AgentChanged {
                agent: "1001".parse().unwrap(),
                shift: Shift::NotReady(NotReadyReason::NoAnswer),
                activity: Activity::Idle,
                seat_online: true,
                by: Some(Actor::Token("console".to_owned())),
            },
        };
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.contains(r#""type":"agent_changed""#), "{text}");
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);

        let ended = Event::ContactEnded {
            contact: ContactId::new(&mut ids, at),
            end: End::new(Cause::HungUp, EndedBy::Caller, Reached::Person),
        };
        let text = serde_json::to_string(&ended).unwrap();
        assert!(text.contains(r#""class":"answered""#), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), ended);
    }
}
