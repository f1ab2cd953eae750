//! A database and a spool of the version before the log had subjects become what this version reads
//! (`crates/store/tests/before_subjects`).

use std::path::Path;

use model::{Actor, ContactEvent, Event, Record, RecordingEvent};
use serde_json::Value as Json;
use testing::{PATIENCE, Scratch, contact, recording};

use crate::db::Db;
use crate::stories::world::{all_tables, new_postgres, runtime};
use crate::value::values;
use crate::{Journal, Row, Store, Value, sql, upgrade};

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/before_subjects");
/// Events in the old database, and in its spool behind those.
const EVENTS: usize = 115;
const SPOOLED: usize = 4;
/// The schema of the old version.
const OLD_SCHEMA: i64 = 5;

/// Tells the story of a database of the old version, in SQLite and, where there is a server, in PostgreSQL.
fn each_old_database(name: &str, story: impl AsyncFn(&str, &Scratch)) {
    runtime().block_on(async {
        let scratch = Scratch::new(&format!("{name}-sqlite"));
        std::fs::copy(format!("{FIXTURE}/hotline.db"), scratch.path().join("hotline.db")).unwrap();
        let sqlite = format!("sqlite:{}/hotline.db", scratch.path().display());
        story(&sqlite, &scratch).await;
        match std::env::var("HOTLINE_TEST_POSTGRES") {
            Ok(server) => {
                let url = new_postgres(&server, name).await;
                let scratch = Scratch::new(&format!("{name}-postgres"));
                load_into_postgres(&url, &scratch).await;
                story(&url, &scratch).await;
            }
            Err(_) => eprintln!("{name}: SQLite only; HOTLINE_TEST_POSTGRES is not set"),
        }
    });
}

/// The rows of the SQLite file in a PostgreSQL database with the schema of the old version.
async fn load_into_postgres(url: &str, scratch: &Scratch) {
    std::fs::copy(format!("{FIXTURE}/hotline.db"), scratch.path().join("hotline.db")).unwrap();
    let from = Db::untouched(&format!("sqlite:{}/hotline.db", scratch.path().display())).unwrap();
    let to = Db::untouched(url).unwrap();
    to.migrate_to(OLD_SCHEMA).await.unwrap();
    for table in [
        "journal",
        "projection_state",
        "contacts",
        "queue_visits",
        "offers",
        "segments",
        "agents",
        "agent_states",
        "recordings",
        "legal_holds",
        "quality",
        "owner",
    ] {
        to.execute(text(format!("DELETE FROM {table}")), &[]).await.unwrap();
        for row in from.rows(text(format!("SELECT * FROM {table}")), &[]).await.unwrap() {
            let (mut places, mut values) = (Vec::new(), Vec::new());
            for value in row.into_values() {
                match value {
                    // A NULL that is bound has a type; one that is written has none.
                    Value::Int(None) | Value::Text(None) => places.push("NULL".to_owned()),
                    some => {
                        values.push(some);
                        places.push(format!("${}", values.len()));
                    }
                }
            }
            let insert = format!("INSERT INTO {table} VALUES ({})", places.join(", "));
            to.execute(text(insert), &values).await.unwrap();
        }
    }
    from.close().await;
    to.close().await;
}

/// A statement that a test makes.
fn text(sql: String) -> &'static str {
    sql.leak()
}

/// Tables and journal as the old version wrote them.
async fn old(url: &str) -> (Vec<String>, Vec<(u64, Json)>) {
    let db = Db::untouched(url).unwrap();
    let tables = all_tables(&db).await.into_iter().map(with_new_columns).collect();
    let rows = db.rows("SELECT seq, event FROM journal ORDER BY seq", &[]).await.unwrap();
    let read = |mut row: Row| (row.count().unwrap(), row.json().unwrap());
    let journal = rows.into_iter().map(read).collect();
    db.close().await;
    (tables, journal)
}

/// A row as it is with the columns that its table was given since: of a contact, its direction, which is NULL.
fn with_new_columns(row: String) -> String {
    match row.strip_suffix("]) }").filter(|row| row.starts_with("SELECT * FROM contacts")) {
        Some(values) => format!("{values}, Int(None)]) }}"),
        None => row,
    }
}

/// The new record says what the old one said.
fn assert_same(record: &Record, (seq, old): &(u64, Json)) {
    let new = serde_json::to_value(record).unwrap();
    assert_eq!((record.node, record.seq), (crate::NODE, *seq));
    let (mut event, mut old) = (new["event"].clone(), old.clone());
    assert!(event.as_object_mut().unwrap().remove("about").is_some());
    if old["type"] != "hold_started" && old["type"] != "hold_ended" {
        let by = old.as_object_mut().unwrap().remove("by").unwrap_or(Json::Null);
        assert_eq!(new["by"], by, "{record:?}");
    }
    assert_eq!(event, old, "{record:?}");
}

#[test]
fn an_old_log_says_the_same_in_its_new_form_and_makes_the_same_tables() {
    each_old_database("upgrade", async |url: &str, _: &Scratch| {
        let (tables, journal) = old(url).await;
        assert_eq!(journal.len(), EVENTS);
        for round in ["brought over", "opened again"] {
            let store = Store::open(url).await.unwrap();
            let records = store.read_journal(0, 1000).await.unwrap();
            assert_eq!(records.len(), EVENTS, "{round}");
            records.iter().zip(&journal).for_each(|(record, old)| assert_same(record, old));
            assert_eq!(all_tables(store.db()).await, tables, "{round}");
            assert_eq!(store.rebuild().await.unwrap(), EVENTS as u64);
            assert_eq!(all_tables(store.db()).await, tables, "{round}, made anew");
            store.close().await;
        }
    });
}

#[test]
fn all_of_an_old_contact_is_its_story_and_nothing_else() {
    each_old_database("upgrade_story", async |url: &str, _: &Scratch| {
        let (_, journal) = old(url).await;
        let store = Store::open(url).await.unwrap();
        let (id, of) = (contact(3).to_string(), recording(3).to_string());
        let belongs =
            |(_, event): &&(u64, Json)| event["contact"] == id.as_str() || event["recording"] == of.as_str();
        let expected: Vec<u64> = journal.iter().filter(belongs).map(|(seq, _)| *seq).collect();
        let mut story = Vec::new();
        loop {
            let after = story.last().map_or(0, |record: &Record| record.seq);
            let page = store.story(contact(3), after, 7).await.unwrap();
            if page.is_empty() {
                break;
            }
            story.extend(page);
        }
        assert_eq!(story.iter().map(|record| record.seq).collect::<Vec<_>>(), expected);
        let listened =
            |record: &&Record| matches!(record.event, Event::Recording(RecordingEvent::Listened { .. }));
        assert_eq!(story.iter().filter(listened).count(), 2, "whose contact only the tables knew");
        let invited =
            |record: &&Record| matches!(record.event, Event::Contact(ContactEvent::GuestInvited { .. }));
        let by = story.iter().find(invited).unwrap().by.clone();
        assert_eq!(by, Some(Actor::Token("lead".to_owned())));
        store.close().await;
    });
}

#[test]
fn an_upgrade_that_was_killed_goes_on_where_it_stopped() {
    each_old_database("upgrade_killed", async |url: &str, _: &Scratch| {
        let (tables, journal) = old(url).await;
        let db = Db::untouched(url).unwrap();
        db.migrate_to(OLD_SCHEMA + 1).await.unwrap();
        let mut connection = db.connect().await.unwrap();
        assert_eq!(upgrade::bring_over_page(&mut connection, 40).await.unwrap(), 40);
        connection.close().await;
        // In the middle of a page: nothing of it is there.
        let mut connection = db.connect().await.unwrap();
        connection.execute("BEGIN", &[]).await.unwrap();
        connection.execute("DELETE FROM journal_before WHERE seq <= 60", &[]).await.unwrap();
        drop(connection);
        // A dead process has no lock any more; that of a dropped connection is gone when its thread has ended.
        let mut next = db.connect().await.unwrap();
        while next.execute("DELETE FROM journal_before WHERE seq < 0", &[]).await.is_err() {
            tokio::task::yield_now().await;
        }
        next.close().await;
        db.close().await;
        let store = Store::open(url).await.unwrap();
        let records = store.read_journal(0, 1000).await.unwrap();
        assert_eq!(records.len(), EVENTS);
        records.iter().zip(&journal).for_each(|(record, old)| assert_same(record, old));
        assert_eq!(all_tables(store.db()).await, tables);
        store.close().await;
    });
}

#[test]
fn an_event_that_cannot_be_read_is_named_and_nothing_is_lost() {
    each_old_database("upgrade_unread", async |url: &str, _: &Scratch| {
        let db = Db::untouched(url).unwrap();
        let (_, journal) = old(url).await;
        let strange = values![7_u64, "{\"type\":\"rain_began\"}"];
        db.execute("UPDATE journal SET event = $2 WHERE seq = $1", &strange).await.unwrap();
        let error = Store::open(url).await.unwrap_err().to_string();
        assert!(error.contains("event 7") && error.contains("rain_began"), "{error}");
        let whole = values![7_u64, journal[6].1.to_string()];
        db.execute("UPDATE journal_before SET event = $2 WHERE seq = $1", &whole).await.unwrap();
        db.close().await;
        let store = Store::open(url).await.unwrap();
        assert_eq!(store.read_journal(0, 1000).await.unwrap().len(), EVENTS);
        store.close().await;
    });
}

#[test]
fn what_an_old_spool_holds_follows_once() {
    each_old_database("upgrade_spool", async |url: &str, scratch: &Scratch| {
        std::fs::copy(Path::new(FIXTURE).join("journal.spool"), scratch.path().join("journal.spool"))
            .unwrap();
        let store = Store::open(url).await.unwrap();
        let journal = Journal::start(&store, scratch.path()).await.unwrap();
        let last = (EVENTS + SPOOLED) as u64;
        assert_eq!(journal.last_seq(), last);
        assert!(journal.log().applied(last, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(journal.status().stopped, None);
        assert!(!scratch.path().join("journal.spool.taken-1").exists(), "no number was taken by anybody");
        let records = crate::queries::read_journal(store.db(), EVENTS as u64, 1000).await.unwrap();
        assert_eq!(records.len(), SPOOLED);
        assert!(matches!(records[0].event, Event::Recording(RecordingEvent::Listened { .. })));
        assert_eq!(records[1].by, Some(Actor::Token("lead".to_owned())));
        assert_eq!(store.rebuild().await.unwrap(), last);
        store.close().await;
    });
}

#[test]
fn a_center_of_the_old_version_that_still_runs_can_write_nothing() {
    each_old_database("upgrade_running", async |url: &str, _: &Scratch| {
        let store = Store::open(url).await.unwrap();
        let values = values![116_u64, 1_u64, "{\"type\":\"drain_started\"}"];
        let old = "INSERT INTO journal (seq, at_ms, event) VALUES ($1, $2, $3)";
        assert!(store.db().execute(old, &values).await.is_err());
        let state = store.db().rows(sql::LOCK_STATE, &[]).await.unwrap().remove(0).count().unwrap();
        assert_eq!(state, EVENTS as u64);
        store.close().await;
    });
}
