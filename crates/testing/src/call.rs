//! One call as the log has it.

use model::{
    Activity, AgentEvent, AgentId, Cause, ContactEvent, ContactId, Diversion, DiversionReason, End, EndedBy,
    Event, Gap, GapCause, Ids, Language, LeaveReason, OfferId, OfferOutcome, QueueEvent, QueueName, Reached,
    RecordingEvent, RecordingId, RecordingState, SegmentEnd, SegmentId, Shift, Side, Time,
};

/// When the calls began, in milliseconds since 1970: in 2023, long before what the clock shows while a test runs.
pub const BEGAN: i64 = 1_700_000_000_000;

/// The caller's name: careless readers would take it for the end of a JSON string, for HTML, a header or SQL. A
/// database does not keep the NUL in it.
pub const CALLER_NAME: &str = "\"},<script>\r\n'; DROP TABLE contacts; --\0 张";

/// A call that an agent answered.
#[derive(Debug, Clone)]
pub struct Call {
    /// The ids of its contact and recording are made of it, see [`contact`] and [`recording`].
    pub number: u16,
    /// The queue in which the customer waited for 1 s.
    pub queue: QueueName,
    /// The agent who answered.
    pub agent: AgentId,
    /// The recording's file, relative to the recordings folder.
    pub path: String,
    /// The SHA-256 of the recording's file in hexadecimal digits.
    pub sha256: String,
}

/// The contact of call number `n`.
pub fn contact(n: u16) -> ContactId {
    ContactId::new(&mut Ids::new(n), began(n))
}

/// The recording of call number `n`.
pub fn recording(n: u16) -> RecordingId {
    RecordingId::new(&mut Ids::new(n), began(n))
}

/// The events of call number `n` from its start to its end.
///
/// # Panics
/// If `queue` or `agent` is not valid as a name.
pub fn call(n: u16, queue: &str, agent: &str) -> Vec<Event> {
    Call::new(n, queue, agent).events()
}

fn began(n: u16) -> Time {
    Time::from_unix_ms(BEGAN + i64::from(n))
}

impl Call {
    /// Call number `n`, recorded in `n.wav`, whose hash is all zeros.
    ///
    /// # Panics
    /// If `queue` or `agent` is not valid as a name.
    pub fn new(n: u16, queue: &str, agent: &str) -> Call {
        Call {
            number: n,
            queue: queue.parse().expect("the name of a queue"),
            agent: agent.parse().expect("the id of an agent"),
            path: format!("{n}.wav"),
            sha256: "00".repeat(32),
        }
    }

    /// All events in the order of the log. The last two are the end of the contact and of its recording, which is
    /// sealed, 1000 ms long, with a gap of 20 ms.
    pub fn events(&self) -> Vec<Event> {
        [self.arrives(), self.waits(), self.talks(), self.ends()].concat()
    }

    fn contact(&self) -> ContactId {
        contact(self.number)
    }

    fn arrives(&self) -> Vec<Event> {
        let contact = self.contact();
        vec![
            Event::Contact(ContactEvent::Started {
                contact,
                caller: Some("13800000000".parse().expect("a number")),
                diversions: vec![Diversion {
                    number: "4001234567".parse().ok(),
                    reason: DiversionReason::UserBusy,
                }],
                caller_name: Some(CALLER_NAME.to_owned().into()),
                number: "8000".parse().expect("a number"),
                trunk: "local".to_owned(),
                language: Language::ZhCn,
                flow: "main@1".to_owned(),
                sip_call_id: None,
            }),
            Event::Recording(RecordingEvent::Opened {
                recording: recording(self.number),
                contact,
                path: self.path.clone(),
                channels: 2,
                rate: 8000,
            }),
            Event::Contact(ContactEvent::Answered { contact }),
        ]
    }

    fn waits(&self) -> Vec<Event> {
        let (contact, queue, agent) = (self.contact(), self.queue.clone(), self.agent.clone());
        let offer = OfferId::new(&mut Ids::new(self.number), began(self.number));
        let outcome = OfferOutcome::Accepted;
        let made = QueueEvent::OfferMade {
            offer,
            contact,
            queue: queue.clone(),
            agent: agent.clone(),
            score_s: 3,
            idle_ms: 9,
        };
        vec![
            Event::Queue(QueueEvent::Entered { contact, queue: queue.clone(), bonus_s: 0, position: 1 }),
            Event::Queue(made),
            Event::Queue(QueueEvent::OfferEnded { offer, contact, agent, outcome }),
            Event::Queue(QueueEvent::Left { contact, queue, reason: LeaveReason::Answered, waited_ms: 1000 }),
        ]
    }

    /// Both sides hold in the conversation.
    fn talks(&self) -> Vec<Event> {
        let (contact, queue, agent) = (self.contact(), self.queue.clone(), self.agent.clone());
        let segment = SegmentId::new(&mut Ids::new(self.number), began(self.number));
        let party = agent.clone().into();
        let end = SegmentEnd { by: EndedBy::Caller, cause: Cause::HungUp };
        vec![
            Event::Contact(ContactEvent::SegmentStarted { segment, contact, agent: agent.into(), queue }),
            self.agent_is(Activity::Talking),
            Event::Contact(ContactEvent::HoldStarted { segment, contact, by: Side::Company }),
            Event::Contact(ContactEvent::HoldStarted { segment, contact, by: Side::Customer }),
            Event::Contact(ContactEvent::HoldEnded { segment, contact, by: Side::Company }),
            Event::Contact(ContactEvent::HoldEnded { segment, contact, by: Side::Customer }),
            Event::Contact(ContactEvent::SegmentEnded { segment, contact, agent: party, end }),
            self.agent_is(Activity::WrapUp),
        ]
    }

    fn agent_is(&self, activity: Activity) -> Event {
        let (agent, shift) = (self.agent.clone(), Shift::Ready);
        Event::Agent(AgentEvent::Changed { agent, shift, activity, seat_online: true })
    }

    fn ends(&self) -> Vec<Event> {
        let contact = self.contact();
        let end = End::new(Cause::HungUp, EndedBy::Caller, Reached::Person);
        vec![
            Event::Contact(ContactEvent::Ended { contact, end }),
            Event::Recording(RecordingEvent::Closed {
                recording: recording(self.number),
                contact,
                state: RecordingState::Sealed,
                duration_ms: 1000,
                sha256: self.sha256.clone(),
                gaps: vec![Gap { channel: 0, from_ms: 20, length_ms: 20, cause: GapCause::Lost }],
                fault: None,
            }),
        ]
    }
}
