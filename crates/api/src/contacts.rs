//! Contacts.

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{AgentId, ContactId, QueueName, Record, Time, Way};
use serde::{Deserialize, Serialize};
use store::{
    Bearer, Contact, ContactFilter, Coverage, LegalHold, QualityRow, QueueVisit, RecordingFilter,
    RecordingRow, Segment,
};

use crate::App;
use crate::paging::{limit, page};
use crate::problem::Problem;
use crate::query::{Asked, Named};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Filter {
    before: Option<ContactId>,
    queue: Option<QueueName>,
    agent: Option<AgentId>,
    direction: Option<Way>,
    since: Option<Time>,
    limit: Option<u32>,
}

pub(crate) async fn list(State(app): State<App>, Asked(asked): Asked<Filter>) -> Result<Response, Problem> {
    let limit = limit(asked.limit)?;
    let Filter { before, queue, agent, direction, since, .. } = asked;
    let link = |last: &Contact| {
        let mut next = format!("/api/v1/contacts?limit={limit}&before={}", last.id);
        // All are made of characters that a URL takes as they are.
        queue.iter().for_each(|queue| next += &format!("&queue={queue}"));
        agent.iter().for_each(|agent| next += &format!("&agent={agent}"));
        direction.iter().for_each(|way| next += &format!("&direction={}", way.word()));
        since.iter().for_each(|since| next += &format!("&since={since}"));
        next
    };
    let (of_queue, of_agent) = (queue.clone(), agent.clone());
    let filter = ContactFilter { before, queue: of_queue, agent: of_agent, direction, since, limit };
    let contacts = app.store.contacts(&filter).await?;
    Ok(page(&contacts, limit, link))
}

/// A contact with all that belongs to it.
#[derive(Serialize)]
struct Whole {
    #[serde(flatten)]
    contact: Contact,
    segments: Vec<Segment>,
    queue_visits: Vec<QueueVisit>,
    /// What each party sounded like.
    quality: Vec<QualityRow>,
    /// How much of it was recorded, once it is over and recorded.
    coverage: Option<Coverage>,
    /// What keeps its recordings from being erased.
    legal_hold: Option<LegalHold>,
    /// Only for those who may list recordings.
    #[serde(skip_serializing_if = "Option::is_none")]
    recordings: Option<Vec<RecordingRow>>,
}

pub(crate) async fn one(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(id): Named<ContactId>,
) -> Result<Response, Problem> {
    let contact = app.store.contact(id).await?.ok_or_else(Problem::not_found)?;
    let filter = RecordingFilter { contact: Some(id), ..RecordingFilter::default() };
    let recordings = app.store.recordings(&filter).await?;
    let coverage = Coverage::of(&contact, &recordings);
    let recordings = crate::recordings::SEEN_BY.contains(&bearer.role).then_some(recordings);
    let legal_hold = app.store.legal_hold(id).await?;
    let (segments, queue_visits) = (app.store.segments(id).await?, app.store.queue_visits(id).await?);
    let quality = app.store.quality(id).await?;
    Ok(Json(Whole { contact, segments, queue_visits, quality, coverage, legal_hold, recordings })
        .into_response())
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Story {
    #[serde(default)]
    after: u64,
    limit: Option<u32>,
}

/// All that happened in a contact, in order.
pub(crate) async fn story(
    State(app): State<App>,
    Named(id): Named<ContactId>,
    Asked(asked): Asked<Story>,
) -> Result<Response, Problem> {
    let limit = limit(asked.limit)?;
    app.store.contact(id).await?.ok_or_else(Problem::not_found)?;
    let records = app.store.story(id, asked.after, limit).await?;
    let link = |last: &Record| format!("/api/v1/contacts/{id}/events?limit={limit}&after={}", last.seq);
    Ok(page(&records, limit, link))
}
