//! What people and programs ask. Each statement is valid in SQLite and in PostgreSQL as it stands.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use model::{AgentId, ContactId, QueueName, Record, RecordingId, SampleFrame, Subject, Time, Way};

use sha2::{Digest, Sha256};

use crate::db::Db;
use crate::rows::read_recording;
use crate::value::{hexadecimal, print_word, values};
use crate::{
    AgentRow, Contact, NODE, QualityRow, QueueRow, QueueVisit, RecordingRow, Row, Segment, ShortRecording,
    Store, StoreError,
};

/// Which contacts, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContactFilter {
    /// Only those older than this one: the last of the page before.
    pub before: Option<ContactId>,
    /// Only those whose last queue was this.
    pub queue: Option<QueueName>,
    /// Only those whose last agent was this.
    pub agent: Option<AgentId>,
    /// Only those that came about this way.
    pub direction: Option<Way>,
    /// Only those that arrived then or later.
    pub since: Option<Time>,
    /// The most rows.
    pub limit: u32,
}

impl Default for ContactFilter {
    fn default() -> ContactFilter {
        ContactFilter { before: None, queue: None, agent: None, direction: None, since: None, limit: 100 }
    }
}

/// Which recordings, newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordingFilter {
    /// Only those older than this one: the last of the page before.
    pub before: Option<RecordingId>,
    /// Only those of this contact.
    pub contact: Option<ContactId>,
    /// Only those that began then or later.
    pub since: Option<Time>,
    /// The most rows.
    pub limit: u32,
}

impl Default for RecordingFilter {
    fn default() -> RecordingFilter {
        RecordingFilter { before: None, contact: None, since: None, limit: 100 }
    }
}

/// # Errors
///
/// All queries fail when the database does not answer, or holds what this version cannot read.
impl Store {
    /// Contacts, newest first.
    pub async fn contacts(&self, filter: &ContactFilter) -> Result<Vec<Contact>, StoreError> {
        let (queue, agent) = (filter.queue.as_ref(), filter.agent.as_ref());
        let values = values![
            filter.before.map_or(i64::MAX, ContactId::number),
            queue.map(QueueName::as_str),
            agent.map(AgentId::as_str),
            filter.since.map_or(i64::MIN, Time::unix_ms),
            filter.limit,
            filter.direction.as_ref().map(print_word),
        ];
        read_all(self.db().rows(CONTACTS, &values).await?, Contact::read)
    }

    /// One contact.
    pub async fn contact(&self, id: ContactId) -> Result<Option<Contact>, StoreError> {
        let rows = self.db().rows(CONTACT, &values![id.number()]).await?;
        rows.into_iter().next().map(Contact::read).transpose()
    }

    /// What each party of a contact sounded like, in the order in which their legs ended.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn quality(&self, contact: ContactId) -> Result<Vec<QualityRow>, StoreError> {
        read_all(self.db().rows(QUALITY, &values![contact.number()]).await?, QualityRow::read)
    }

    /// A contact's time with agents, in order.
    pub async fn segments(&self, contact: ContactId) -> Result<Vec<Segment>, StoreError> {
        read_all(self.db().rows(SEGMENTS, &values![contact.number()]).await?, Segment::read)
    }

    /// A contact's stays in queues, in order.
    pub async fn queue_visits(&self, contact: ContactId) -> Result<Vec<QueueVisit>, StoreError> {
        read_all(self.db().rows(QUEUE_VISITS, &values![contact.number()]).await?, QueueVisit::read)
    }

    /// Recordings, newest first.
    pub async fn recordings(&self, filter: &RecordingFilter) -> Result<Vec<RecordingRow>, StoreError> {
        let values = values![
            filter.before.map_or(i64::MAX, RecordingId::number),
            filter.contact.map(ContactId::number),
            filter.since.map_or(i64::MIN, Time::unix_ms),
            filter.limit,
        ];
        read_all(self.db().rows(RECORDINGS, &values).await?, read_recording)
    }

    /// Recordings in order of their ids, behind one (−1: from the first).
    pub async fn recordings_after(&self, after: i64, limit: u32) -> Result<Vec<RecordingRow>, StoreError> {
        read_all(self.db().rows(RECORDINGS_PAGE, &values![after, limit]).await?, read_recording)
    }

    /// Contacts that were answered and have no recording.
    pub async fn unrecorded(&self) -> Result<Vec<ContactId>, StoreError> {
        let contacts = read_all(self.db().rows(UNRECORDED, &[]).await?, Contact::read)?;
        Ok(contacts.into_iter().map(|contact| contact.id).collect())
    }

    /// Closed recordings that are more than `by_ms` milliseconds shorter than their contacts.
    pub async fn short_recordings(&self, by_ms: u64) -> Result<Vec<ShortRecording>, StoreError> {
        let read = |mut row: Row| {
            Ok(ShortRecording {
                id: row.id(RecordingId::from_number)?,
                path: row.text()?,
                recorded_ms: row.count()?,
                contact_ms: row.count()?,
            })
        };
        read_all(self.db().rows(SHORT_RECORDINGS, &values![by_ms]).await?, read)
    }

    /// One recording.
    pub async fn recording(&self, id: RecordingId) -> Result<Option<RecordingRow>, StoreError> {
        let rows = self.db().rows(RECORDING, &values![id.number()]).await?;
        rows.into_iter().next().map(read_recording).transpose()
    }

    /// Every agent, by id: those in `configured`, and those with events in the journal.
    pub async fn agents(&self, configured: &[AgentId]) -> Result<Vec<AgentRow>, StoreError> {
        let mut agents: BTreeMap<AgentId, AgentRow> =
            configured.iter().map(|id| (id.clone(), AgentRow::unheard(id.clone()))).collect();
        for row in self.db().rows(AGENTS, &[]).await? {
            let agent = AgentRow::read(row)?;
            agents.insert(agent.id.clone(), agent);
        }
        Ok(agents.into_values().collect())
    }

    /// Every queue, by name: those of `configured` and those that have waiting contacts or had some since
    /// `day_began`.
    pub async fn queues(
        &self,
        configured: &[QueueName],
        day_began: Time,
        now: Time,
    ) -> Result<Vec<QueueRow>, StoreError> {
        let mut queues: BTreeMap<QueueName, QueueRow> =
            configured.iter().map(|name| (name.clone(), QueueRow::quiet(name.clone()))).collect();
        for row in self.db().rows(QUEUES, &values![day_began, now - THRESHOLD]).await? {
            let queue = QueueRow::read(row, now)?;
            queues.insert(queue.name.clone(), queue);
        }
        Ok(queues.into_values().collect())
    }

    /// The contacts of a frame, by id: what quality samples are drawn from.
    pub async fn sampling_frame(&self, frame: &SampleFrame) -> Result<Vec<ContactId>, StoreError> {
        let SampleFrame { until, since, queue, agent, outcome, direction, language, shortest_s, longest_s } =
            frame;
        let (outcome, direction) = (outcome.as_ref().map(print_word), direction.as_ref().map(print_word));
        let values = values![
            queue.as_ref().map(QueueName::as_str),
            agent.as_ref().map(AgentId::as_str),
            outcome.as_deref(),
            language.map(|language| language.tag()),
            since.map_or(i64::MIN, Time::unix_ms),
            *until,
            shortest_s.map_or(0, |seconds| i64::from(seconds) * 1_000),
            longest_s.map_or(i64::MAX, |seconds| i64::from(seconds) * 1_000),
            direction.as_deref(),
        ];
        read_all(self.db().rows(SAMPLING_FRAME, &values).await?, |mut row| row.id(ContactId::from_number))
    }

    /// True when some contact was in this queue.
    pub async fn knows_queue(&self, queue: &QueueName) -> Result<bool, StoreError> {
        Ok(!self.db().rows(KNOWN_QUEUE, &values![queue.as_str()]).await?.is_empty())
    }

    /// True when some contact talked to this agent.
    pub async fn knows_agent(&self, agent: &AgentId) -> Result<bool, StoreError> {
        Ok(!self.db().rows(KNOWN_AGENT, &values![agent.as_str()]).await?.is_empty())
    }
}

/// SHA-256 of ids, each with a line end, in lower-case hexadecimal. Two frames with the same ids have the same one.
pub fn digest_of_ids(ids: &[ContactId]) -> String {
    let mut hash = Sha256::new();
    ids.iter().for_each(|id| hash.update(format!("{id}\n")));
    hexadecimal(&hash.finalize())
}

pub(crate) async fn last_seq(db: &Db) -> Result<u64, StoreError> {
    let rows = db.rows("SELECT seq FROM projection_state WHERE id = 1", &[]).await?;
    let missing = || StoreError::Unreadable { what: "no state of the projections".to_owned() };
    rows.into_iter().next().ok_or_else(missing)?.count()
}

pub(crate) async fn read_journal(db: &Db, after: u64, limit: u32) -> Result<Vec<Arc<Record>>, StoreError> {
    let rows = db.rows(JOURNAL_PAGE, &values![NODE, after, limit]).await?;
    read_all(rows, |row| read_record(row).map(Arc::new))
}

pub(crate) async fn read_story(
    db: &Db,
    subject: &Subject,
    after: u64,
    limit: u32,
) -> Result<Vec<Record>, StoreError> {
    let rows = db.rows(STORY, &values![subject.to_string(), NODE, after, limit]).await?;
    read_all(rows, read_record)
}

pub(crate) fn read_record(mut row: Row) -> Result<Record, StoreError> {
    Ok(Record {
        node: row.node()?,
        seq: row.count()?,
        at: row.time()?,
        by: row.maybe_json()?,
        event: row.json()?,
    })
}

pub(crate) fn read_all<T>(
    rows: Vec<Row>,
    read: impl Fn(Row) -> Result<T, StoreError>,
) -> Result<Vec<T>, StoreError> {
    rows.into_iter().map(read).collect()
}

macro_rules! records {
    ($rest:literal) => {
        concat!("SELECT node, seq, at_ms, actor, event FROM journal ", $rest)
    };
}

pub(crate) const JOURNAL_PAGE: &str = records!("WHERE node = $1 AND seq > $2 ORDER BY seq LIMIT $3");

/// What the journal has under a node's numbers from `$2` to `$3`.
pub(crate) const WRITTEN: &str = records!("WHERE node = $1 AND seq >= $2 AND seq <= $3 ORDER BY seq");

const STORY: &str = records!("WHERE subject = $1 AND node = $2 AND seq > $3 ORDER BY seq LIMIT $4");

macro_rules! contact_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, COALESCE(direction, 'inbound'), caller, caller_name, NULLIF(number, ''), ",
            "COALESCE(diversions, '[]'), NULLIF(trunk, ''), language, NULLIF(flow, ''), node, queue, agent, started_ms, ",
            "answered_ms, talked_ms, ended_ms, ended_by, cause, class, recording FROM contacts ",
            $rest
        )
    };
}

const CONTACTS: &str = contact_columns!(
    "WHERE id < $1 AND ($2 IS NULL OR queue = $2) AND ($3 IS NULL OR agent = $3) AND started_ms >= $4
         AND ($6 IS NULL OR COALESCE(direction, 'inbound') = $6) ORDER BY id DESC LIMIT $5"
);
const CONTACT: &str = contact_columns!("WHERE id = $1");
pub(crate) const OPEN_CONTACTS: &str = contact_columns!("WHERE ended_ms IS NULL ORDER BY id");
/// A recording is opened before its contact is answered, so contacts in progress count too.
const UNRECORDED: &str = contact_columns!(
    "WHERE answered_ms IS NOT NULL
         AND NOT EXISTS (SELECT 1 FROM recordings WHERE recordings.id = contacts.recording) ORDER BY id"
);

macro_rules! recording_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, contact, path, state, opened_ms, closed_ms, duration_ms, channels, rate, sha256, ",
            "gaps, fault, listened FROM recordings ",
            $rest
        )
    };
}

const RECORDINGS: &str = recording_columns!(
    "WHERE id < $1 AND ($2 IS NULL OR contact = $2) AND opened_ms >= $3 ORDER BY id DESC LIMIT $4"
);
const RECORDING: &str = recording_columns!("WHERE id = $1");
pub(crate) const OPEN_RECORDINGS: &str = recording_columns!("WHERE state = 'open' ORDER BY id");
const RECORDINGS_PAGE: &str = recording_columns!("WHERE id > $1 ORDER BY id LIMIT $2");

const QUALITY: &str = "SELECT agent, measured_ms, figures FROM quality WHERE contact = $1 ORDER BY seq";

/// Closed recordings that are shorter than their contacts by more than `$1` milliseconds. The end of a contact that was
/// cut off by a crash is dated by the next start: its recording ended before.
const SHORT_RECORDINGS: &str =
    "SELECT r.id, r.path, r.duration_ms, c.ended_ms - c.answered_ms FROM recordings r
     JOIN contacts c ON c.id = r.contact
     WHERE (r.state = 'sealed' OR (r.state = 'damaged' AND r.sha256 IS NOT NULL AND c.cause <> 'crashed'))
         AND r.duration_ms + $1 < c.ended_ms - c.answered_ms ORDER BY r.id";

macro_rules! segment_columns {
    ($rest:literal) => {
        concat!(
            "SELECT id, contact, agent, queue, started_ms, ended_ms, ended_by, cause, holds, held_ms ",
            "FROM segments ",
            $rest
        )
    };
}

const SEGMENTS: &str = segment_columns!("WHERE contact = $1 ORDER BY id");
pub(crate) const OPEN_SEGMENTS: &str = segment_columns!("WHERE ended_ms IS NULL ORDER BY id");

macro_rules! visit_columns {
    ($rest:literal) => {
        concat!(
            "SELECT contact, queue, entered_ms, bonus_s, position, left_ms, reason, waited_ms ",
            "FROM queue_visits ",
            $rest
        )
    };
}

const QUEUE_VISITS: &str = visit_columns!("WHERE contact = $1 ORDER BY entered_seq");
pub(crate) const OPEN_VISITS: &str = visit_columns!("WHERE left_ms IS NULL ORDER BY entered_seq");

const AGENTS: &str = "SELECT id, shift, activity, seat_online, since_ms FROM agents ORDER BY id";

/// The service level's 20 s are fixed here and in [`QUEUES`].
const THRESHOLD: Duration = Duration::from_secs(20);

/// `$2`: who entered then or later still waits below the threshold.
const QUEUES: &str = "SELECT queue, COUNT(CASE WHEN left_ms IS NULL THEN 1 END),
         MIN(CASE WHEN left_ms IS NULL THEN entered_ms END),
         COUNT(CASE WHEN entered_ms >= $1 THEN 1 END),
         COUNT(CASE WHEN entered_ms >= $1 AND reason = 'answered' THEN 1 END),
         COUNT(CASE WHEN entered_ms >= $1 AND reason = 'abandoned' THEN 1 END),
         COUNT(CASE WHEN entered_ms >= $1 AND reason = 'answered' AND waited_ms <= 20000 THEN 1 END),
         COUNT(CASE WHEN entered_ms >= $1 AND left_ms IS NULL AND entered_ms >= $2 THEN 1 END)
     FROM queue_visits WHERE entered_ms >= $1 OR left_ms IS NULL GROUP BY queue ORDER BY queue";

const SAMPLING_FRAME: &str = "SELECT DISTINCT contacts.id FROM contacts
     JOIN recordings ON recordings.contact = contacts.id
     WHERE ($1 IS NULL OR contacts.queue = $1) AND ($2 IS NULL OR contacts.agent = $2)
         AND ($3 IS NULL OR contacts.class = $3) AND ($4 IS NULL OR contacts.language = $4)
         AND contacts.started_ms >= $5 AND contacts.ended_ms <= $6
         AND recordings.state = 'sealed' AND recordings.closed_ms <= $6
         AND contacts.ended_ms - COALESCE(contacts.answered_ms, contacts.ended_ms) >= $7
         AND contacts.ended_ms - COALESCE(contacts.answered_ms, contacts.ended_ms) <= $8
         AND ($9 IS NULL OR COALESCE(contacts.direction, 'inbound') = $9)
     ORDER BY contacts.id";
const KNOWN_QUEUE: &str = "SELECT contact FROM queue_visits WHERE queue = $1 LIMIT 1";
const KNOWN_AGENT: &str = "SELECT id FROM segments WHERE agent = $1 LIMIT 1";
