//! Stories told to both databases: SQLite always, PostgreSQL when `HOTLINE_TEST_POSTGRES` names a server
//! (`crates/store/tests/with-postgres.sh cargo test -p store`).

mod asked;
mod away;
mod checked;
mod owned;
mod upgraded;
mod world;

use std::time::Duration;

use model::{CenterEvent, Class, ContactEvent, Entry, Event, LeaveReason, Time};

use testing::{PATIENCE, call, contact};

use crate::stories::world::{QUALITY, World, each_database};
use crate::{ContactFilter, InboxFull, Journal, Log};

#[test]
fn the_tables_are_the_same_when_made_anew_from_the_journal() {
    each_database("rebuild", async |world: World| {
        let journal = world.journal().await;
        world.append(&journal, (0..20).flat_map(|n| call(n, "inquiry", "1001")));
        let measured = |n| {
            Event::Contact(ContactEvent::QualityMeasured {
                contact: contact(n),
                agent: None,
                quality: QUALITY,
            })
        };
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
fn whoever_appends_gets_the_next_number_and_its_record_stands_under_it() {
    each_database("numbers", async |world: World| {
        let journal = world.journal().await;
        let each = 500_i64;
        let append = |log: Log, who: i64| {
            let entry = move |n| {
                let event = CenterEvent::ClockSet { by_ms: who * 10_000 + n };
                Entry { at: Time::default(), by: None, event: event.into() }
            };
            move || (0..each).map(|n| log.append(entry(n)).unwrap()).collect::<Vec<u64>>()
        };
        let writers: Vec<_> =
            (0..4).map(|who| std::thread::spawn(append(journal.log().clone(), who))).collect();
        let numbers: Vec<Vec<u64>> = writers.into_iter().map(|writer| writer.join().unwrap()).collect();
        let last = journal.last_seq();
        assert_eq!(last, 2000);
        assert!(journal.log().applied(last, PATIENCE).await);
        assert!(!journal.log().applied(last + 1, Duration::from_millis(1)).await);
        assert_eq!(world.journal_rows().await, (1..=2000).collect::<Vec<_>>());
        let records = world.store.read_journal(0, 5000).await.unwrap();
        for (who, numbers) in (0..).zip(numbers) {
            for (n, seq) in (0..).zip(numbers) {
                let event = Event::from(CenterEvent::ClockSet { by_ms: who * 10_000 + n });
                assert_eq!((records[seq as usize - 1].seq, &records[seq as usize - 1].event), (seq, &event));
            }
        }
        assert!(journal.close(PATIENCE));
        let late = Entry { at: Time::default(), by: None, event: CenterEvent::DrainStarted.into() };
        let mut waiting = std::collections::VecDeque::from([late.clone()]);
        journal.log().append_all(&mut waiting);
        assert_eq!((journal.log().append(late), waiting.len()), (Err(InboxFull), 1), "it is closed");
        assert_eq!((journal.last_seq(), journal.status().dropped), (last, 1), "no number was used");
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
