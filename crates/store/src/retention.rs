//! Which recordings are kept no longer, and which must be kept whatever the rules say.

use std::time::Duration;

use model::{ContactId, DueRecording, RecordingId, RetentionRule, Time};
use serde::Serialize;

use crate::queries::read_all;
use crate::value::values;
use crate::{Row, Store, StoreError};

/// A contact whose recordings may not be erased.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct LegalHold {
    /// Since when.
    pub since: Time,
    /// Who commanded it.
    pub by: String,
    /// The person on whose word.
    pub person: Option<String>,
    /// Why.
    pub reason: String,
}

/// # Errors
///
/// As all queries.
impl Store {
    /// The closed recordings whose time is over by these rules, oldest first. The rule of a contact's queue
    /// goes before the one for all; without a rule a recording is kept for ever.
    pub async fn due_recordings(
        &self,
        rules: &[RetentionRule],
        now: Time,
    ) -> Result<Vec<DueRecording>, StoreError> {
        let Some(shortest) = rules.iter().map(|rule| rule.days).min() else { return Ok(Vec::new()) };
        let rows = self.db().rows(CLOSED_BEFORE, &values![now - days(shortest)]).await?;
        let closed = read_all(rows, read)?;
        Ok(closed.into_iter().filter_map(|row| due(row, rules, now)).collect())
    }

    /// At most `limit` erased recordings, in the order of their ids, after the id `after` (−1: from the first). Their
    /// files should be gone. The rules that erased them are not returned.
    pub async fn erased_recordings(&self, after: i64, limit: u32) -> Result<Vec<DueRecording>, StoreError> {
        read_all(self.db().rows(ERASED, &values![after, limit]).await?, read)
    }

    /// A contact's legal hold, if it has one.
    pub async fn legal_hold(&self, contact: ContactId) -> Result<Option<LegalHold>, StoreError> {
        let rows = self.db().rows(HOLD, &values![contact.number()]).await?;
        let read = |mut row: Row| {
            let (since, by) = (row.time()?, row.text()?);
            Ok(LegalHold { since, by, person: row.maybe_text()?, reason: row.text()? })
        };
        rows.into_iter().next().map(read).transpose()
    }
}

fn days(count: u32) -> Duration {
    Duration::from_secs(u64::from(count) * 86_400)
}

fn due(row: DueRecording, rules: &[RetentionRule], now: Time) -> Option<DueRecording> {
    let of_queue = rules.iter().find(|rule| rule.queue.is_some() && rule.queue == row.queue);
    let rule = of_queue.or_else(|| rules.iter().find(|rule| rule.queue.is_none()))?;
    let over = now.since(row.opened_at) >= days(rule.days);
    over.then(|| DueRecording { rule: rule.name.clone(), ..row })
}

fn read(mut row: Row) -> Result<DueRecording, StoreError> {
    Ok(DueRecording {
        recording_id: row.id(RecordingId::from_number)?,
        contact_id: row.id(ContactId::from_number)?,
        path: row.text()?,
        sha256: row.maybe_text()?,
        opened_at: row.time()?,
        queue: row.maybe_name()?,
        rule: String::new(),
        held: row.int()? != 0,
    })
}

const ERASED: &str = "SELECT recordings.id, recordings.contact, recordings.path, recordings.sha256,
         recordings.opened_ms, contacts.queue,
         CAST(CASE WHEN legal_holds.contact IS NULL THEN 0 ELSE 1 END AS BIGINT)
     FROM recordings LEFT JOIN contacts ON contacts.id = recordings.contact
         LEFT JOIN legal_holds ON legal_holds.contact = recordings.contact
     WHERE recordings.state = 'erased' AND recordings.id > $1
     ORDER BY recordings.id LIMIT $2";

const CLOSED_BEFORE: &str = "SELECT recordings.id, recordings.contact, recordings.path, recordings.sha256,
         recordings.opened_ms, contacts.queue,
         CAST(CASE WHEN legal_holds.contact IS NULL THEN 0 ELSE 1 END AS BIGINT)
     FROM recordings LEFT JOIN contacts ON contacts.id = recordings.contact
         LEFT JOIN legal_holds ON legal_holds.contact = recordings.contact
     WHERE recordings.state IN ('sealed', 'damaged') AND recordings.opened_ms <= $1
     ORDER BY recordings.id";

const HOLD: &str = "SELECT since_ms, actor, person, reason FROM legal_holds WHERE contact = $1";
