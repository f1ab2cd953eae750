//! Entries that the API appends to the log itself, without the center: recordings that were heard, legal holds,
//! erasures.

use std::time::Duration;

use model::{Actor, Entry, Event};
use store::Bearer;

use crate::App;
use crate::problem::Problem;

/// How long an answer waits until the tables show what was appended.
const PATIENCE: Duration = Duration::from_secs(3);

/// Appends an event that the bearer of a token caused; its number in the log.
pub(crate) fn note(app: &App, bearer: &Bearer, event: impl Into<Event>) -> Result<u64, Problem> {
    note_by(app, Actor::Token(bearer.name.clone()), event)
}

/// Appends an event that somebody caused; its number in the log.
pub(crate) fn note_by(app: &App, by: Actor, event: impl Into<Event>) -> Result<u64, Problem> {
    let entry = Entry { at: (app.now)(), by: Some(by), event: event.into() };
    app.log.append(entry).map_err(|full| {
        tracing::error!(%full, "an event of the API was refused by the log");
        Problem::unavailable("the event log takes nothing now", "事件日志暂时无法写入")
    })
}

/// Waits at most 3 s until the tables show what record `seq` says.
pub(crate) async fn applied(app: &App, seq: u64) -> Result<(), Problem> {
    if app.log.applied(seq, PATIENCE).await {
        return Ok(());
    }
    Err(Problem::unavailable(
        "it is in the event log; the tables do not show it yet",
        "已写入事件日志，数据表尚未更新",
    ))
}
