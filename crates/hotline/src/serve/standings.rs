//! Agents after a restart: what the log says of them, as the distributor takes it.

use std::time::Duration;

use anyhow::Context;
use model::{Activity, QueueName, Shift};
use store::Store;

use crate::config::Configuration;
use crate::system::clock::steady;

/// The states of agents when the last run ended: an agent who talked then has a call to write up. Call it when the
/// database has the records of the last run's spool, and before the events that end what was cut off are appended.
///
/// # Errors
/// When the database does not answer.
pub(crate) async fn read(store: &Store, configuration: &Configuration) -> anyhow::Result<Vec<acd::Standing>> {
    let rows = store.standings(&configuration.agent_ids()).await;
    let rows = rows.with_context(|| "read how agents stood")?;
    let wrap_up = |name: &QueueName| {
        let queue = configuration.acd.queues.iter().find(|queue| queue.name == *name);
        queue.map_or(Duration::ZERO, |queue| queue.wrap_up)
    };
    let standing = |row: store::Standing| {
        let not_ready = match row.shift {
            Shift::Ready => None,
            Shift::NotReady(reason) => Some(reason),
            Shift::SignedOut => return None,
        };
        let did = match (row.activity, row.last) {
            (Activity::Talking, Some((queue, None))) => {
                acd::Did::WrapUp { until: steady() + wrap_up(&queue) }
            }
            (Activity::WrapUp, Some((queue, Some(ended)))) => {
                acd::Did::WrapUp { until: ended + wrap_up(&queue) }
            }
            (Activity::Idle | Activity::Offered | Activity::Talking | Activity::WrapUp, _) => {
                row.missed.map_or(acd::Did::Idle { since: row.since }, |at| acd::Did::Missed { at })
            }
        };
        Some(acd::Standing { agent: row.agent, not_ready, did })
    };
    Ok(rows.into_iter().filter_map(standing).collect())
}
