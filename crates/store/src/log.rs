//! The way into the log.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use model::Entry;

use crate::Store;
use crate::journal::Shared;
use crate::live::Live;

/// The journal takes no entry: 500,000 wait for a disk that has written nothing for minutes, or the journal was
/// closed. The entry was not kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the journal takes nothing: its disk does not write, or it is closed; the entry was dropped")]
pub struct InboxFull;

/// Appends to the log. Clones append to the same log.
#[derive(Debug, Clone)]
pub struct Log {
    shared: Arc<Shared>,
    live: Arc<Live>,
}

impl Log {
    pub(crate) fn new(shared: Arc<Shared>, store: &Store) -> Log {
        let (_, live) = store.parts();
        Log { shared, live }
    }

    /// Appends an entry; returns its number. Touches memory only: never waits for a disk or a database.
    ///
    /// A killed process loses the entries that the spool's thread has not written yet, which came during one `write`.
    /// A power cut loses the entries that no commit and no fsync has covered: about one group while the database
    /// follows, one second while it does not.
    ///
    /// # Errors
    ///
    /// [`InboxFull`] when 500,000 entries wait for a disk that writes nothing, or the journal was closed. No number
    /// was used.
    pub fn append(&self, entry: Entry) -> Result<u64, InboxFull> {
        let appended = self.shared.append(&mut VecDeque::from([entry]));
        appended.ok_or_else(|| {
            self.shared.drop_one();
            InboxFull
        })
    }

    /// Appends entries from the front, as many as there is room for; the others stay where they are, for the next time.
    pub fn append_all(&self, entries: &mut VecDeque<Entry>) {
        if !entries.is_empty() {
            self.shared.append(entries);
        }
    }

    /// Waits at most `limit` until the database has record `seq` and the tables show it; true if they do.
    pub async fn applied(&self, seq: u64, limit: Duration) -> bool {
        self.live.reaches(seq, limit).await
    }
}
