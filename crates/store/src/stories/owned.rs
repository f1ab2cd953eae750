//! Two writers on one database: one is refused, or stops; no event is lost.

use std::time::Duration;

use model::{CenterEvent, Entry, Event, Time};
use testing::{PATIENCE, Scratch, call};

use crate::stories::away::{started, until};
use crate::stories::world::{World, each_database};
use crate::value::values;
use crate::{ContactFilter, Journal, NODE, Stopped, StoreError, sql};

#[test]
fn a_second_center_is_refused_and_learns_who_holds_the_database() {
    each_database("two_centers", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        let other = Scratch::new("two_centers-other");
        let refused = Journal::start(&world.store, other.path()).await.unwrap_err();
        let text = refused.to_string();
        let pid = std::process::id().to_string();
        for part in [pid.as_str(), &world.data().display().to_string(), "stop that one", "请先停止"] {
            assert!(text.contains(part), "{text} lacks {part}");
        }
        assert!(world.store.wait_committed(17, PATIENCE).await, "the first goes on");
        assert_eq!(world.store.contacts(&ContactFilter::default()).await.unwrap().len(), 1, "readers go on");
        assert!(journal.close(PATIENCE));
        drop(journal);
        let second = Journal::start(&world.store, other.path()).await.unwrap();
        assert_eq!(second.last_seq(), 17);
        assert!(second.close(PATIENCE));
    });
}

#[test]
fn a_lost_lock_session_is_taken_again_and_everything_follows() {
    each_database("session_lost", async |world: World| {
        if world.is_sqlite {
            return;
        }
        let journal = world.journal().await;
        world.store.db().rows(CUT_LOCK_HOLDERS, &[]).await.unwrap();
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(world.store.wait_committed(17, PATIENCE).await);
        // It is asked for every five seconds.
        until(async || !world.store.db().rows(LOCK_HOLDERS, &[]).await.unwrap().is_empty()).await;
        assert_eq!(journal.status().stopped, None);
        let scratch = Scratch::new("session_lost-other");
        let refused = Journal::start(&world.store, scratch.path()).await.unwrap_err();
        assert!(matches!(refused, StoreError::Owned { .. }), "{refused}");
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_database_that_another_center_took_gets_no_more_and_every_event_at_the_next_start() {
    each_database("taken", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(world.store.wait_committed(17, PATIENCE).await);
        claim_for_another(&world).await;
        write_as_another(&world, 18..=20).await;
        world.append(&journal, call(1, "inquiry", "1001"));
        until(async || journal.status().stopped.is_some()).await;
        world.append(&journal, call(2, "inquiry", "1001"));
        assert!(!journal.close(Duration::from_millis(200)));
        assert_eq!(journal.status().stopped, Some(Stopped::OwnerLost));
        assert_eq!((journal.status().committed_seq, journal.status().dropped), (17, 0));
        drop(journal);
        let journal = started(&world).await;
        assert_eq!(journal.last_seq(), 17 + 3 + 34, "all of the other's, all of ours");
        assert!(world.store.wait_committed(54, PATIENCE).await);
        assert_eq!(world.store.contacts(&ContactFilter::default()).await.unwrap().len(), 3);
        assert_eq!(world.journal_rows().await, (1..=54).collect::<Vec<_>>());
        assert!(world.data().join("journal.spool.taken-1").is_file(), "the spool as it was");
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_number_that_was_taken_stops_the_journal_and_no_event_is_lost() {
    each_database("number_taken", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(world.store.wait_committed(17, PATIENCE).await);
        // Something that never asked for the lock.
        write_as_another(&world, 18..=18).await;
        world.append(&journal, call(1, "inquiry", "1001"));
        until(async || journal.status().stopped.is_some()).await;
        assert_eq!(journal.status().stopped, Some(Stopped::SequenceTaken));
        assert!(!journal.status().database_ok);
        assert!(!journal.close(Duration::from_millis(200)));
        drop(journal);
        let journal = started(&world).await;
        assert!(world.store.wait_committed(35, PATIENCE).await);
        assert_eq!(world.journal_rows().await, (1..=35).collect::<Vec<_>>());
        assert_eq!(world.store.contacts(&ContactFilter::default()).await.unwrap().len(), 2);
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_database_from_an_older_copy_goes_on_above_every_number_that_was_given_out() {
    each_database("older_copy", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(journal.close(PATIENCE));
        drop(journal);
        forget_all_but(&world, 10).await;
        let journal = started(&world).await;
        assert_eq!((journal.last_seq(), journal.status().appended_seq), (17, 10));
        assert!(journal.close(PATIENCE));
        drop(journal);
        let journal = Journal::start_after(&world.store, world.data(), 1000).await.unwrap();
        assert_eq!(journal.last_seq(), 1000);
        let entry = Entry { at: Time::default(), by: None, event: CenterEvent::DrainStarted.into() };
        assert_eq!(journal.log().append(entry), Ok(1001));
        assert!(world.store.wait_committed(1001, PATIENCE).await);
        assert!(journal.close(PATIENCE));
    });
}

const LOCK_HOLDERS: &str = "SELECT CAST(pid AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

const CUT_LOCK_HOLDERS: &str = "SELECT CAST(CASE WHEN pg_terminate_backend(pid) THEN 1 ELSE 0 END AS BIGINT) FROM pg_locks WHERE locktype = 'advisory' AND granted
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";

async fn claim_for_another(world: &World) {
    let values = values!["another", "elsewhere", 7_u64, Time::default(), "/elsewhere/var", "log"];
    world.store.db().execute(sql::CLAIM, &values).await.unwrap();
}

/// Events of another writer.
async fn write_as_another(world: &World, seqs: std::ops::RangeInclusive<u64>) {
    for seq in seqs {
        let event = serde_json::to_string(&Event::Center(CenterEvent::DrainStarted)).unwrap();
        let values = values![NODE, seq, "center", Time::from_unix_ms(1), None::<String>, event];
        world.store.db().execute(sql::APPEND, &values).await.unwrap();
        world.store.db().execute(sql::ADVANCE_STATE, &values![seq]).await.unwrap();
    }
}

/// What a copy from that moment would hold of the journal.
async fn forget_all_but(world: &World, last: u64) {
    world.store.db().execute("DELETE FROM journal WHERE seq > $1", &values![last]).await.unwrap();
    world.store.db().execute(sql::ADVANCE_STATE, &values![last]).await.unwrap();
}
