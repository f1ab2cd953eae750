//! The newest records of the journal in memory, for readers that follow it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use model::Record;
use tokio::sync::watch;

/// Records kept in memory. A reader who is further behind reads from the database.
const KEPT: usize = 8192;

/// The records that were committed last, shared by the follower, which adds them, and all readers.
#[derive(Debug)]
pub(crate) struct Live {
    tail: Mutex<VecDeque<Arc<Record>>>,
    committed: watch::Sender<u64>,
}

impl Live {
    pub(crate) fn new(committed: u64) -> Live {
        Live { tail: Mutex::new(VecDeque::new()), committed: watch::Sender::new(committed) }
    }

    /// Publishes committed records to the readers.
    pub(crate) fn publish(&self, records: Vec<Record>) {
        let Some(last) = records.last().map(|record| record.seq) else { return };
        {
            let mut tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
            tail.extend(records.into_iter().map(Arc::new));
            let too_many = tail.len().saturating_sub(KEPT);
            tail.drain(..too_many);
        }
        self.advance(last);
    }

    /// Publishes that the journal reaches `seq`, without the records.
    pub(crate) fn advance(&self, seq: u64) {
        self.committed.send_if_modified(|committed| {
            let later = seq > *committed;
            *committed = seq.max(*committed);
            later
        });
    }

    /// Waits at most `limit` until record `seq` is committed; true if it is.
    pub(crate) async fn reaches(&self, seq: u64, limit: Duration) -> bool {
        let mut watch = self.committed.subscribe();
        let reached = tokio::time::timeout(limit, watch.wait_for(|committed| *committed >= seq)).await;
        matches!(reached, Ok(Ok(_)))
    }

    pub(crate) fn committed(&self) -> u64 {
        *self.committed.borrow()
    }

    /// The records after `after`, if memory still has the next one.
    pub(crate) fn after(&self, after: u64, limit: usize) -> Option<Vec<Arc<Record>>> {
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let from = tail.partition_point(|record| record.seq <= after);
        let oldest = tail.front()?.seq;
        (oldest <= after.saturating_add(1)).then(|| tail.iter().skip(from).take(limit).cloned().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::NODE;
    use model::{CenterEvent, Time};

    #[test]
    fn memory_answers_only_what_it_has_from_the_asked_record_on() {
        let live = Live::new(0);
        let total = KEPT as u64 + 100;
        for seq in 1..=total {
            let event = CenterEvent::DrainStarted.into();
            live.publish(vec![Record { node: NODE, seq, at: Time::default(), by: None, event }]);
        }
        assert_eq!(live.committed(), total);
        assert!(live.after(99, 10).is_none());
        assert_eq!(live.after(100, 10).unwrap()[0].seq, 101);
        assert_eq!(live.after(total, 10).unwrap(), vec![]);
    }
}
