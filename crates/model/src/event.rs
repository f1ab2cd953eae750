//! The event log: what happened, in order, once.
//!
//! Tables, boards, streams and reports are made from these and from nothing else. A variant or field may be
//! added; none may change its meaning, for old logs must stay readable.
//!
//! Events are grouped by what they are about, a file each. In JSON the group stands in `about`, the event in `type`:
//! `{"about":"queue","type":"queue_entered","contact":"c06xq3m8k0r000",…}`.

mod agent;
mod center;
mod contact;
mod queue;
mod recording;
mod states;
mod storage;
mod subject;

use serde::{Deserialize, Serialize};

pub use agent::AgentEvent;
pub use center::CenterEvent;
pub use contact::ContactEvent;
pub use queue::QueueEvent;
pub use recording::RecordingEvent;
pub use states::{
    Activity, DialEnd, GuestEnd, LeaveReason, NotReadyReason, OfferOutcome, ParkEnd, RecordingState,
    SecureEnd, SegmentEnd, Shift,
};
pub use storage::StorageEvent;
pub use subject::Subject;

use crate::{Actor, Time};

/// The number of a node: a process that appends to a log of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Node(pub u16);

impl Node {
    /// The node of a center that has one machine.
    pub const FIRST: Node = Node(1);
}

/// One line of the log.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Record {
    /// Whose log it is.
    pub node: Node,
    /// 1, 2, 3 … without a gap, for as long as the database lives.
    pub seq: u64,
    /// When.
    pub at: Time,
    /// Who caused it; `None` when it followed from something else.
    pub by: Option<Actor>,
    /// What.
    pub event: Event,
}

/// What is to be a line of the log: a record that has no number yet. The log gives it one when it is appended.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// When.
    pub at: Time,
    /// Who caused it; `None` when it followed from something else.
    pub by: Option<Actor>,
    /// What.
    pub event: Event,
}

impl Entry {
    /// The entry under a number.
    pub fn numbered(self, node: Node, seq: u64) -> Record {
        let Entry { at, by, event } = self;
        Record { node, seq, at, by, event }
    }
}

/// What happened, by what it is about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "about", rename_all = "snake_case")]
pub enum Event {
    /// The center.
    Center(CenterEvent),
    /// A customer's visit.
    Contact(ContactEvent),
    /// A contact in a queue.
    Queue(QueueEvent),
    /// An agent.
    Agent(AgentEvent),
    /// A recording.
    Recording(RecordingEvent),
    /// A folder that recordings are written to.
    Storage(StorageEvent),
}

impl Event {
    /// Whose story it belongs to. What belongs to a customer's visit has the contact as its subject, whatever group
    /// it is of, so that all of a contact is read at once.
    pub fn subject(&self) -> Subject {
        match self {
            Event::Center(event) => event.subject(),
            Event::Contact(event) => Subject::Contact(event.contact()),
            Event::Queue(event) => Subject::Contact(event.contact()),
            Event::Agent(event) => Subject::Agent(event.agent().clone()),
            Event::Recording(event) => event.subject(),
            Event::Storage(event) => Subject::Storage(event.storage()),
        }
    }
}

macro_rules! groups {
    ($($group:ident: $events:ident),*) => {
        $(impl From<$events> for Event {
            fn from(event: $events) -> Event {
                Event::$group(event)
            }
        })*
    };
}

groups!(
    Center: CenterEvent, Contact: ContactEvent, Queue: QueueEvent, Agent: AgentEvent,
    Recording: RecordingEvent, Storage: StorageEvent
);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Cause, ContactId, End, EndedBy, Ids, Reached, RecordingId, Storage};

    #[test]
    fn a_record_survives_the_journal() {
        let mut ids = Ids::new(0);
        let at = Time::from_unix_ms(1_800_000_000_123);
        let record = Record {
            node: Node::FIRST,
            seq: 42,
            at,
            by: Some(Actor::Token("console".to_owned())),
            event: Event::Agent(AgentEvent::Changed {
                agent: "1001".parse().unwrap(),
                shift: Shift::NotReady(NotReadyReason::NoAnswer),
                activity: Activity::Idle,
                seat_online: true,
            }),
        };
        let text = serde_json::to_string(&record).unwrap();
        assert!(text.starts_with(r#"{"node":1,"seq":42,"#), "{text}");
        assert!(
            text.contains(r#""by":{"token":"console"},"event":{"about":"agent","type":"agent_changed""#),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<Record>(&text).unwrap(), record);

        let contact = ContactId::new(&mut ids, at);
        let end = End::new(Cause::HungUp, EndedBy::Caller, Reached::Person);
        let ended = Event::from(ContactEvent::Ended { contact, end });
        let text = serde_json::to_string(&ended).unwrap();
        assert!(text.contains(r#""class":"answered""#), "{text}");
        assert_eq!(serde_json::from_str::<Event>(&text).unwrap(), ended);
    }

    #[test]
    fn a_word_that_is_not_known_is_named() {
        for (json, word) in [
            (r#"{"about":"weather","type":"rain"}"#, "unknown variant `weather`"),
            (r#"{"about":"queue","type":"rain"}"#, "unknown variant `rain`"),
            (r#"{"about":"queue"}"#, "missing field `type`"),
            (r#"{"type":"drain_started"}"#, "missing field `about`"),
        ] {
            let said = serde_json::from_str::<Event>(json).unwrap_err().to_string();
            assert!(said.contains(word), "{json}: {said}");
        }
    }

    #[test]
    fn all_of_a_visit_has_the_contact_as_its_subject() {
        let mut ids = Ids::new(0);
        let (contact, recording) =
            (ContactId::new(&mut ids, Time::default()), RecordingId::new(&mut ids, Time::default()));
        let listened = |contact| Event::from(RecordingEvent::Listened { recording, contact });
        let read = |contact| Event::from(CenterEvent::SipTraceRead { contact, number: None, messages: 1 });
        for (event, subject) in [
            (ContactEvent::Answered { contact }.into(), format!("contact:{contact}")),
            (listened(Some(contact)), format!("contact:{contact}")),
            (listened(None), format!("recording:{recording}")),
            (read(Some(contact)), format!("contact:{contact}")),
            (read(None), "center".to_owned()),
            (StorageEvent::Restored { storage: Storage::Fallback }.into(), "storage:fallback".to_owned()),
        ] {
            assert_eq!(event.subject().to_string(), subject, "{event:?}");
        }
    }
}
