//! Stories told to both databases: SQLite always, PostgreSQL when `HOTLINE_TEST_POSTGRES` names a server
//! (`crates/store/tests/with-postgres.sh cargo test -p store`).

mod asked;
mod away;
mod checked;
mod owned;
mod world;

use std::time::Duration;

use model::{Class, Event, LeaveReason};

use crate::stories::world::{QUALITY, World, call, contact, each_database};
use crate::{ContactFilter, Journal};

/// Long enough for any of these on a busy machine; nothing waits this long when all is well.
pub(crate) const PATIENCE: Duration = Duration::from_secs(40);

#[test]
fn the_tables_are_the_same_when_made_anew_from_the_journal() {
    each_database("rebuild", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, (0..20).flat_map(|n| call(n, "inquiry", "1001")));
        let measured = |n| Event::QualityMeasured { contact: contact(n), agent: None, quality: QUALITY };
        world.append(&journal, (0..20).map(measured));
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let before = world.all_tables().await;
        assert_eq!(world.store.rebuild().await.unwrap(), journal.last_seq());
        assert_eq!(world.all_tables().await, before);
        assert!(before.len() > 100, "the tables are not empty: {} rows", before.len());
        // The follower goes on after it.
        world.append(&journal, call(20, "complaint", "2001"));
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_restart_continues_the_sequence_and_repeats_nothing() {
    each_database("restart", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        let last = journal.last_seq();
        assert!(journal.close(PATIENCE));
        drop(journal);
        // A crash between a commit and the emptying of the spool: the spool has what the database has.
        let committed = world.store.read_journal(0, 1000).await.unwrap();
        let (spool, _) = crate::spool::Spool::open(world.data()).unwrap();
        let next = model::Record { seq: last + 1, ..committed[0].as_ref().clone() };
        spool.append(committed.iter().map(AsRef::as_ref).chain([&next])).unwrap();
        drop(spool);
        let before = world.all_tables().await;

        let journal = Journal::start(&world.store, world.data()).await.unwrap();
        assert_eq!(journal.last_seq(), last + 1);
        assert!(world.store.wait_committed(last + 1, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.all_tables().await, before, "an event that came twice changed a table");
        let seqs: Vec<u64> = world.journal_rows().await;
        assert_eq!(seqs, (1..=last + 1).collect::<Vec<_>>());
    });
}

#[test]
fn what_a_crash_left_open_is_found_and_ended() {
    each_database("crash", async |world: World| {
        let journal = world.journal().await;
        // Cut off in mid-call: waiting, offered, talking, each one of them once.
        for (n, kept) in [(0, 4), (1, 5), (2, 8)] {
            world.append(&journal, call(n, "inquiry", "1001").into_iter().take(kept));
        }
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let unfinished = world.store.unfinished().await.unwrap();
        assert_eq!((unfinished.contacts.len(), unfinished.recordings.len()), (3, 3));
        assert_eq!((unfinished.visits.len(), unfinished.offers.len(), unfinished.segments.len()), (2, 1, 1));
        world.append(&journal, unfinished.endings(world.now()));
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let left = world.store.unfinished().await.unwrap();
        assert!(left.contacts.is_empty() && left.visits.is_empty());
        assert!(left.offers.is_empty() && left.segments.is_empty());
        assert_eq!(left.recordings.len(), 3, "their ends need their files");
        let contacts = world.store.contacts(&ContactFilter::default()).await.unwrap();
        assert!(contacts.iter().all(|contact| contact.end.unwrap().class == Class::Failed));
        let visits = world.store.queue_visits(contacts[2].id).await.unwrap();
        assert_eq!(visits[0].reason, Some(LeaveReason::Ended));
        assert!(journal.close(PATIENCE));
    });
}
