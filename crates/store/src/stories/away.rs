//! The database is slow or gone; calls go on.

use std::time::{Duration, Instant};

use testing::{PATIENCE, call};

use crate::Journal;
use crate::stories::world::{World, each_database};

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
        until(async || journal.status().spool_bytes > 100_000).await;
        assert_eq!(journal.status().committed_seq, 0);
        if world.is_sqlite {
            until(async || !journal.status().database_ok).await;
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
        until(async || !journal.status().database_ok).await;
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
        let journal = started(&world).await;
        assert_eq!(journal.last_seq(), 17);
        assert!(world.store.wait_committed(17, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=17).collect::<Vec<_>>());
    });
}

#[test]
fn restarts_at_any_moment_leave_no_gap_and_repeat_nothing() {
    each_database("restarts", async |world: World| {
        let rounds = 12;
        for round in 0..rounds {
            let journal = started(&world).await;
            world.append(&journal, (0..5).flat_map(|n| call(round * 5 + n, "inquiry", "1001")));
            // From given up at once to some milliseconds into the following.
            journal.close(Duration::from_millis(u64::from(round) * 3));
        }
        let journal = started(&world).await;
        assert_eq!(journal.last_seq(), u64::from(rounds) * 5 * 17);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=journal.last_seq()).collect::<Vec<_>>());
        let before = world.all_tables().await;
        world.store.rebuild().await.unwrap();
        assert_eq!(world.all_tables().await, before);
    });
}

#[test]
fn a_server_that_cuts_every_connection_again_and_again_gets_everything_once() {
    each_database("cut", async |world: World| {
        if world.is_sqlite {
            return;
        }
        let journal = world.journal().await;
        let mut other = world.store.db().connect().await.unwrap();
        for round in 0..20 {
            world.append(&journal, (0..5).flat_map(|n| call(round * 5 + n, "inquiry", "1001")));
            other.execute(CUT_ALL_OTHERS, &[]).await.unwrap();
            // It has come back and taken some of this round.
            until(async || journal.status().committed_seq > u64::from(round) * 85).await;
        }
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=1700).collect::<Vec<_>>());
    });
}

const CUT_ALL_OTHERS: &str = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity
     WHERE datname = current_database() AND pid <> pg_backend_pid()";

/// Runs itself once more under a limit of file sizes, which to a process is a full disk.
#[test]
fn a_full_disk_costs_nothing_once_there_is_room_again() {
    const WITHIN: &str = "HOTLINE_TEST_WITHIN_FULL_DISK";
    if std::env::var_os(WITHIN).is_none() {
        let name = "stories::away::a_full_disk_costs_nothing_once_there_is_room_again";
        let script = format!("trap '' XFSZ; ulimit -S -f 1000; exec \"$0\" --exact {name}");
        let mut shell = std::process::Command::new("sh");
        shell.args(["-c", &script]).arg(std::env::current_exe().unwrap()).env(WITHIN, "1");
        let output = shell.output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        return;
    }
    each_database("full", async |world: World| {
        if !world.is_sqlite {
            return;
        }
        let journal = world.journal().await;
        world.append(&journal, (0..300).flat_map(|n| call(n, "inquiry", "1001")));
        until(async || !journal.status().spool_ok).await;
        assert!(journal.status().committed_seq < 5100);
        let process = std::process::id().to_string();
        let mut prlimit = std::process::Command::new("prlimit");
        assert!(prlimit.args(["--pid", &process, "--fsize=unlimited"]).status().unwrap().success());
        assert!(world.store.wait_committed(5100, PATIENCE).await);
        assert!(journal.close(PATIENCE));
        assert_eq!(world.journal_rows().await, (1..=5100).collect::<Vec<_>>());
        assert_eq!(journal.status().dropped, 0);
    });
}

/// Starts the journal as soon as the threads of the one before have let go of the spool.
pub(crate) async fn started(world: &World) -> Journal {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match Journal::start(&world.store, world.data()).await {
            Ok(journal) => return journal,
            Err(error) => assert!(Instant::now() < deadline, "{error}"),
        }
        tokio::task::yield_now().await;
    }
}

/// Waits for a condition that nothing signals.
pub(crate) async fn until(condition: impl AsyncFn() -> bool) {
    let deadline = Instant::now() + PATIENCE;
    while !condition().await {
        assert!(Instant::now() < deadline, "it did not happen");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}
