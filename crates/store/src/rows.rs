//! The rows that people ask for, with the names that they have in JSON.

use model::{
    Activity, AgentId, Cause, ContactId, Diversion, ENCRYPTED, End, EndedBy, Language, LeaveReason,
    LegQuality, Number, Party, Personal, QueueName, RecordingId, RecordingRow, SegmentId, Shift, Time, Way,
};
use serde::Serialize;

use crate::{Row, StoreError};

/// One customer's visit.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Contact {
    /// The contact.
    pub id: ContactId,
    /// Which way it came about.
    pub direction: Way,
    /// The customer's number: the calling one, or the one that we called.
    pub caller: Option<Personal<Number>>,
    /// The name that the caller's device showed: hostile text.
    pub caller_name: Option<Personal<String>>,
    /// The number of ours: the one whose entry it took, or that we showed; `None`: the trunk's own was shown.
    pub number: Option<Number>,
    /// Where the call was before it came to us; the number that the customer dialled first.
    pub diversions: Vec<Diversion>,
    /// The trunk it came by; `None` of one that we called.
    pub trunk: Option<String>,
    /// The language, the last one chosen.
    pub language: Language,
    /// The flow it began in; `None` where an agent called.
    pub flow: Option<String>,
    /// The flow's node it was in last.
    pub node: Option<String>,
    /// The queue it was in last.
    pub queue: Option<QueueName>,
    /// Who talked with the customer last.
    pub agent: Option<Party>,
    /// When the call arrived.
    pub started_at: Time,
    /// When we answered it.
    pub answered_at: Option<Time>,
    /// When it first talked to an agent.
    pub talked_at: Option<Time>,
    /// When it was over.
    pub ended_at: Option<Time>,
    /// How it ended.
    pub end: Option<End>,
    /// Its recording.
    pub recording_id: Option<RecordingId>,
}

impl Contact {
    pub(crate) fn read(mut row: Row) -> Result<Contact, StoreError> {
        Ok(Contact {
            id: row.id(ContactId::from_number)?,
            direction: row.word()?,
            caller: row.maybe_name()?,
            caller_name: row.maybe_text()?.map(Personal::new),
            number: row.maybe_name()?,
            diversions: row.json()?,
            trunk: row.maybe_text()?,
            language: row.name()?,
            flow: row.maybe_text()?,
            node: row.maybe_text()?,
            queue: row.maybe_name()?,
            agent: row.maybe_name()?,
            started_at: row.time()?,
            answered_at: row.maybe_time()?,
            talked_at: row.maybe_time()?,
            ended_at: row.maybe_time()?,
            end: match (row.maybe_word()?, row.maybe_word()?, row.maybe_word()?) {
                (Some(by), Some(cause), Some(class)) => Some(End { by, cause, class }),
                _ => None,
            },
            recording_id: row.maybe_id(RecordingId::from_number)?,
        })
    }
}

/// A contact's stay in a queue.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueVisit {
    /// The contact.
    pub contact_id: ContactId,
    /// The queue.
    pub queue: QueueName,
    /// When it joined.
    pub entered_at: Time,
    /// Seconds of virtual waiting that it started with.
    pub bonus_s: u64,
    /// 1-based place at that moment.
    pub position: u64,
    /// When it left.
    pub left_at: Option<Time>,
    /// Why it left.
    pub reason: Option<LeaveReason>,
    /// Real waiting in milliseconds.
    pub waited_ms: Option<u64>,
}

impl QueueVisit {
    pub(crate) fn read(mut row: Row) -> Result<QueueVisit, StoreError> {
        Ok(QueueVisit {
            contact_id: row.id(ContactId::from_number)?,
            queue: row.name()?,
            entered_at: row.time()?,
            bonus_s: row.count()?,
            position: row.count()?,
            left_at: row.maybe_time()?,
            reason: row.maybe_word()?,
            waited_ms: row.maybe_count()?,
        })
    }
}

/// What one party's audio of a contact was like.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QualityRow {
    /// Whose leg it was; `None`: the customer's.
    pub agent: Option<Party>,
    /// When the leg was over.
    pub measured_at: Time,
    /// The figures.
    #[serde(flatten)]
    pub figures: LegQuality,
}

impl QualityRow {
    pub(crate) fn read(mut row: Row) -> Result<QualityRow, StoreError> {
        Ok(QualityRow { agent: row.maybe_name()?, measured_at: row.time()?, figures: row.json()? })
    }
}

/// A caller together with one agent.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Segment {
    /// The segment.
    pub id: SegmentId,
    /// The contact.
    pub contact_id: ContactId,
    /// Who talked with the customer.
    pub agent: Party,
    /// The queue it came from.
    pub queue: QueueName,
    /// When they began to talk.
    pub started_at: Time,
    /// When they ended.
    pub ended_at: Option<Time>,
    /// Who ended it.
    pub ended_by: Option<EndedBy>,
    /// Why it ended.
    pub cause: Option<Cause>,
    /// How often one side held the other.
    pub holds: u64,
    /// Milliseconds on hold.
    pub held_ms: u64,
}

impl Segment {
    pub(crate) fn read(mut row: Row) -> Result<Segment, StoreError> {
        Ok(Segment {
            id: row.id(SegmentId::from_number)?,
            contact_id: row.id(ContactId::from_number)?,
            agent: row.name()?,
            queue: row.name()?,
            started_at: row.time()?,
            ended_at: row.maybe_time()?,
            ended_by: row.maybe_word()?,
            cause: row.maybe_word()?,
            holds: row.count()?,
            held_ms: row.count()?,
        })
    }
}

/// Reads the columns of `recording_columns!`.
pub(crate) fn read_recording(mut row: Row) -> Result<RecordingRow, StoreError> {
    let (id, contact_id) = (row.id(RecordingId::from_number)?, row.id(ContactId::from_number)?);
    let path = row.text()?;
    Ok(RecordingRow {
        id,
        contact_id,
        encrypted: path.ends_with(ENCRYPTED),
        path,
        state: row.word()?,
        opened_at: row.time()?,
        closed_at: row.maybe_time()?,
        duration_ms: row.maybe_count()?,
        channels: row.count()?,
        rate: row.count()?,
        sha256: row.maybe_text()?,
        gaps: row.json()?,
        fault: row.maybe_text()?,
        listened: row.count()?,
    })
}

/// A closed recording that does not cover its contact.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShortRecording {
    /// The recording.
    pub id: RecordingId,
    /// Path below the recordings folder.
    pub path: String,
    /// Milliseconds recorded.
    pub recorded_ms: u64,
    /// Milliseconds from the contact's answer to its end.
    pub contact_ms: u64,
}

/// An agent's state now.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct AgentRow {
    /// The agent.
    pub id: AgentId,
    /// May the agent work?
    pub shift: Shift,
    /// What does the agent do?
    pub activity: Activity,
    /// True while the seat is registered.
    pub seat_online: bool,
    /// Since when; `None` for an agent of whom nothing was ever heard.
    pub since: Option<Time>,
}

impl AgentRow {
    pub(crate) fn unheard(id: AgentId) -> AgentRow {
        let (shift, activity) = (Shift::SignedOut, Activity::Idle);
        AgentRow { id, shift, activity, seat_online: false, since: None }
    }

    pub(crate) fn read(mut row: Row) -> Result<AgentRow, StoreError> {
        Ok(AgentRow {
            id: row.name()?,
            shift: row.word()?,
            activity: row.word()?,
            seat_online: row.int()? != 0,
            since: row.maybe_time()?,
        })
    }
}

/// A queue now and since the day began.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QueueRow {
    /// The queue.
    pub name: QueueName,
    /// Contacts that wait now.
    pub waiting: u64,
    /// How long the longest of them has waited, in milliseconds; 0 when nobody waits.
    pub longest_waiting_ms: u64,
    /// Contacts that entered today.
    pub offered: u64,
    /// Of these, answered by an agent.
    pub answered: u64,
    /// Of these, given up by the caller.
    pub abandoned: u64,
    /// Of these, answered within 20 s.
    pub answered_in_time: u64,
    /// `answered_in_time / (offered − those who have waited for less than 20 s yet)`, 0–1; `None` when that is 0: who
    /// still waits below the threshold has neither met nor missed it.
    pub service_level: Option<f64>,
}

impl QueueRow {
    pub(crate) fn quiet(name: QueueName) -> QueueRow {
        QueueRow {
            name,
            waiting: 0,
            longest_waiting_ms: 0,
            offered: 0,
            answered: 0,
            abandoned: 0,
            answered_in_time: 0,
            service_level: None,
        }
    }

    pub(crate) fn read(mut row: Row, now: Time) -> Result<QueueRow, StoreError> {
        let (name, waiting) = (row.name()?, row.count()?);
        let since = row.maybe_time()?;
        let longest = since.map_or(0, |since| now.since(since).as_millis());
        let (offered, answered, abandoned) = (row.count()?, row.count()?, row.count()?);
        let answered_in_time = row.count()?;
        let decided = offered.saturating_sub(row.count()?);
        Ok(QueueRow {
            name,
            waiting,
            longest_waiting_ms: u64::try_from(longest).unwrap_or(u64::MAX),
            offered,
            answered,
            abandoned,
            answered_in_time,
            service_level: (decided > 0).then(|| answered_in_time as f64 / decided as f64),
        })
    }
}
