//! The log as it was before it had subjects: events in one group, `by` inside the event, no node.
//!
//! A journal in that form is brought over once, when the database is opened: step 6 of the schema sets the old table
//! aside as `journal_before`; [`bring_over`] moves its rows, a page in a transaction, so that a process that is killed
//! meanwhile goes on where it stopped; step 7 drops the empty table. A center of the former version that still runs
//! can write nothing to the new table: its events stay in its spool. Lines of a spool are read in either form.

use model::{Actor, ContactId, Event, Record, RecordingEvent, RecordingId, Subject, Time};
use serde::Deserialize;
use serde_json::Value as Json;

use crate::db::{Connection, Db};
use crate::follower::{append, lock_state};
use crate::value::values;
use crate::{NODE, StoreError};

/// Rows moved in one transaction.
const PAGE: u32 = 1000;
/// How often the log says how far it is, in rows.
const TOLD_EVERY: u64 = 100_000;

const OLDEST: &str = "SELECT seq, at_ms, event FROM journal_before ORDER BY seq LIMIT $1";
const FORGET: &str = "DELETE FROM journal_before WHERE seq <= $1";
const CONTACT_OF: &str = "SELECT contact FROM recordings WHERE id = $1";

/// Moves all of the old table; the number of events.
pub(crate) async fn bring_over(db: &Db) -> Result<u64, StoreError> {
    let mut connection = db.connect().await?;
    let mut moved = 0;
    loop {
        let page = bring_over_page(&mut connection, PAGE).await?;
        if page == 0 {
            break;
        }
        if (moved + page) / TOLD_EVERY > moved / TOLD_EVERY {
            tracing::info!(
                events = moved + page,
                "the log is being brought into its new form 正在升级事件日志"
            );
        }
        moved += page;
    }
    connection.close().await;
    Ok(moved)
}

/// Moves the `most` oldest rows, as one step; how many there were.
pub(crate) async fn bring_over_page(connection: &mut Connection, most: u32) -> Result<u64, StoreError> {
    connection.execute("BEGIN", &[]).await?;
    lock_state(connection).await?;
    let rows = connection.rows(OLDEST, &values![most]).await?;
    let (mut moved, mut last) = (0, 0);
    for mut row in rows {
        let (seq, at, body) = (row.count()?, row.time()?, row.text()?);
        let (record, body) = upgraded(seq, at, &body).map_err(|error| StoreError::Unreadable {
            what: format!("event {seq} of the log ({error}): {body}"),
        })?;
        let subject = subject(connection, &record.event).await?;
        append(connection, &record, &subject, body).await?;
        (moved, last) = (moved + 1, seq);
    }
    connection.execute(FORGET, &values![last]).await?;
    connection.execute("COMMIT", &[]).await?;
    Ok(moved)
}

/// Whose story it is. Who listened to a recording was written without its contact, which the tables know.
async fn subject(connection: &mut Connection, event: &Event) -> Result<Subject, StoreError> {
    if let Event::Recording(RecordingEvent::Listened { recording, contact: None }) = event
        && let Some(contact) = contact_of(connection, *recording).await?
    {
        return Ok(Subject::Contact(contact));
    }
    Ok(event.subject())
}

async fn contact_of(
    connection: &mut Connection,
    recording: RecordingId,
) -> Result<Option<ContactId>, StoreError> {
    let rows = connection.rows(CONTACT_OF, &values![recording.number()]).await?;
    rows.into_iter().next().map(|mut row| row.id(ContactId::from_number)).transpose()
}

/// A line of a spool, without its checksum, in the old form.
pub(crate) fn read_line(json: &[u8]) -> Option<Record> {
    #[derive(Deserialize)]
    struct Line {
        seq: u64,
        at: Time,
        event: Json,
    }
    let Line { seq, at, event } = serde_json::from_slice(json).ok()?;
    read(seq, at, event).ok()
}

/// A row of the old table as a record, and its body in the new form.
fn upgraded(seq: u64, at: Time, old: &str) -> serde_json::Result<(Record, String)> {
    let json: Json = serde_json::from_str(old)?;
    let about = about(&json);
    let has_by = json.get("by").is_some();
    let record = read(seq, at, json)?;
    let body = match old.strip_prefix('{') {
        // As it was written, to the last digit of its figures: a spool may hold it as well, and the two must compare
        // as equal.
        Some(rest) if !has_by => format!("{{\"about\":\"{about}\",{rest}"),
        Some(_) | None => serde_json::to_string(&record.event)?,
    };
    Ok((record, body))
}

/// An event in the old form as a record.
fn read(seq: u64, at: Time, mut event: Json) -> serde_json::Result<Record> {
    let by = match event["type"].as_str() {
        // Here it says which side holds.
        Some("hold_started" | "hold_ended") => None,
        Some(_) | None => event.as_object_mut().and_then(|fields| fields.remove("by")),
    };
    let by: Option<Actor> = by.map(serde_json::from_value).transpose()?.flatten();
    event["about"] = about(&event).into();
    Ok(Record { node: NODE, seq, at, by, event: serde_json::from_value(event)? })
}

/// The group of an event that the old form knew.
fn about(event: &Json) -> &'static str {
    match event["type"].as_str().unwrap_or_default() {
        "center_started" | "drain_started" | "clock_set" | "sample_drawn" | "sip_trace_read" => "center",
        "queue_entered" | "queue_left" | "offer_made" | "offer_ended" => "queue",
        "agent_changed" => "agent",
        "storage_failed" | "storage_restored" => "storage",
        "recording_opened" | "recording_paused" | "recording_resumed" | "recording_closed"
        | "recording_listened" | "recording_erased" => "recording",
        _ => "contact",
    }
}
