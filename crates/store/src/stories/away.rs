//! The database is slow or gone; calls go on.

use std::time::{Duration, Instant};

use crate::Journal;
use crate::stories::PATIENCE;
use crate::stories::world::{World, call, each_database};

#[test]
fn while_another_holds_the_database_events_spool_and_follow_later_in_order_once() {
    each_database("locked", async |world: World| {
        let journal = world.journal().await;
        let mut other = world.store.db().connect().await.unwrap();
        other.execute("BEGIN", &[]).await.unwrap();
        other.rows(crate::sql::LOCK_STATE, &[]).await.unwrap();

        let began = Instant::now();
        world.append(&journal, (0..100).flat_map(|n| call(n, "inquiry", "1001")));
        assert!(began.elapsed() < Duration::from_secs(1), "appending waited: {:?}", began.elapsed());
        until(|| journal.status().spool_bytes > 100_000).await;
        assert_eq!(journal.status().committed_seq, 0);
        if world.is_sqlite {
            until(|| !journal.status().database_ok).await;
        }

        other.execute("ROLLBACK", &[]).await.unwrap();
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        assert_eq!(world.journal_rows().await, (1..=1700).collect::<Vec<_>>());
        assert!(journal.close(PATIENCE));
        assert_eq!(journal.status().dropped, 0);
    });
}

#[test]
fn a_database_file_that_vanished_is_noticed_and_followed_again_when_it_is_back() {
    each_database("vanished", async |world: World| {
        if !world.is_sqlite {
            return;
        }
        let journal = world.journal().await;
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(world.store.wait_committed(17, PATIENCE).await);
        let (here, away) = (world.data().join("hotline.db"), world.data().join("away.db"));
        std::fs::rename(&here, &away).unwrap();
        world.append(&journal, call(1, "inquiry", "1001"));
        until(|| !journal.status().database_ok).await;
        assert_eq!(journal.status().committed_seq, 17);
        std::fs::rename(&away, &here).unwrap();
        assert!(world.store.wait_committed(34, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=34).collect::<Vec<_>>());
    });
}

#[test]
fn what_the_database_did_not_take_before_the_end_is_there_at_the_next_start() {
    each_database("ended", async |world: World| {
        let journal = world.journal().await;
        let mut other = world.store.db().connect().await.unwrap();
        other.execute("BEGIN", &[]).await.unwrap();
        other.rows(crate::sql::LOCK_STATE, &[]).await.unwrap();
        world.append(&journal, call(0, "inquiry", "1001"));
        assert!(!journal.close(Duration::from_millis(200)), "the database cannot have it");
        other.execute("ROLLBACK", &[]).await.unwrap();
        // The old follower may still commit, then it lets go of the spool: both orders are right.
        drop(journal);
        let mut started = None;
        for _ in 0..4000 {
            started = Journal::start(&world.store, world.data()).await.ok();
            if started.is_some() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        let journal = started.expect("the spool is free again");
        assert_eq!(journal.last_seq(), 17);
        assert!(world.store.wait_committed(17, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=17).collect::<Vec<_>>());
    });
}

/// Waits for a condition that nothing signals.
async fn until(condition: impl Fn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition() {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
