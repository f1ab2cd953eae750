//! How a center ends: calls, then seals, then the log, then what follows the log.
//!
//! ```text
//!   drain ──last call over, last recording sealed and in the log──► log in the database ──► manifests, copies ──► sockets, threads
//!     └─ limit, or asked once more ──► every call is ended ──────────┘
//! ```
//!
//! Each step waits for the end of the one before, not for a time; each wait has a limit, and the log says when one was
//! reached. What was not done by then is done at the next start.

use std::sync::Arc;
use std::time::Duration;

use super::Running;
use super::calls::Calls;
use super::followers::Follower;

/// How long the recordings of ended calls may take to be sealed: file and folder on disk, the hash read back.
const SEALING: Duration = Duration::from_secs(30);
/// How long the closing words may take that callers hear when the drain's limit is reached.
const FAREWELL: Duration = Duration::from_secs(15);
/// How long the database may take for the rest of the log.
const COMMITTING: Duration = Duration::from_secs(10);
/// How long manifests and copies may take for the last recordings.
const FOLLOWING: Duration = Duration::from_secs(10);

impl Running {
    /// No new calls; the ones in progress may end within the drain limit, or until `hurry` completes; then everything
    /// is closed. A recording that was ended is sealed and in the log before this returns, unless it takes longer than
    /// 30 s.
    pub async fn stop(self, hurry: impl Future<Output = ()>) {
        self.readiness.drains();
        self.calls.signalling.drain();
        let mut drained = self.calls.conductor.drain();
        tokio::pin!(hurry);
        let why = tokio::select! {
            _ = &mut drained => None,
            () = tokio::time::sleep(self.drain_limit()) => {
                let calls = self.calls.conductor.calls();
                tracing::warn!(calls, "the drain limit was reached: callers hear that the center closes");
                self.calls.conductor.close();
                tokio::select! {
                    _ = &mut drained => None,
                    () = tokio::time::sleep(FAREWELL) => Some("the closing words took too long"),
                    () = &mut hurry => Some("asked to stop once more"),
                }
            }
            () = &mut hurry => Some("asked to stop once more"),
        };
        if let Some(why) = why {
            tracing::warn!(
                calls = self.calls.conductor.calls(),
                why,
                limit_s = SEALING.as_secs(),
                "calls are ended; their recordings are sealed within the limit"
            );
            self.calls.conductor.end_all();
            if tokio::time::timeout(SEALING, drained).await.is_err() {
                tracing::error!(
                    calls = self.calls.conductor.calls(),
                    recordings = self.calls.media.counters().open_recordings,
                    limit_s = SEALING.as_secs(),
                    "not everything was closed within the limit: recordings that are still open are repaired at the next start"
                );
            }
        }
        self.close().await;
    }

    async fn close(self) {
        let Running { calls, journal, store, web, web_stops, followers, locks, .. } = self;
        let Calls { conductor, center, signalling, media, observer } = calls;
        conductor.stop();
        let _ = tokio::task::spawn_blocking(move || center.join()).await;
        if let Ok(signalling) = Arc::try_unwrap(signalling) {
            signalling.stop().await;
        }
        let closed = tokio::task::spawn_blocking({
            let journal = journal.clone();
            move || journal.close(COMMITTING)
        });
        if matches!(closed.await, Ok(true)) {
            for follower in followers {
                follower.finish(journal.status().committed_seq).await;
            }
        } else {
            tracing::warn!(
                limit_s = COMMITTING.as_secs(),
                "the database did not take every record within the limit: the rest waits in the spool"
            );
        }
        for stop in web_stops {
            let _ = stop.send(());
        }
        // A runtime may not be dropped from within another.
        let _ = tokio::task::spawn_blocking(move || web.stop()).await;
        if let Ok(media) = Arc::try_unwrap(media) {
            let _ = tokio::task::spawn_blocking(move || media.stop()).await;
        }
        let _ = tokio::task::spawn_blocking(move || observer.stop()).await;
        store.close().await;
        drop(locks);
    }
}

impl Follower {
    /// Waits until it has dealt with record `seq`.
    async fn finish(mut self, seq: u64) {
        let reached = self.reached.wait_for(|reached| *reached >= seq);
        if !matches!(tokio::time::timeout(FOLLOWING, reached).await, Ok(Ok(_))) {
            let (what, limit_s) = (self.makes, FOLLOWING.as_secs());
            tracing::warn!(
                what,
                limit_s,
                "not finished within the limit: the rest is made at the next start"
            );
        }
    }
}
