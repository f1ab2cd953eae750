//! Samples for quality checks.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use model::{
    AgentId, CenterEvent, Class, ContactId, Language, QueueName, RecordingEvent, RecordingId, SampleFrame,
    Time, Way,
};
use serde::{Deserialize, Serialize};
use store::{Bearer, Store, StoreError};

use crate::App;
use crate::because::Because;
use crate::noting::note;
use crate::problem::Problem;
use crate::query::{Asked, Named};

/// Contacts of a sample at most.
const MOST: usize = 10_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    count: usize,
    seed: u64,
    until: Option<Time>,
    since: Option<Time>,
    queue: Option<QueueName>,
    agent: Option<AgentId>,
    outcome: Option<Class>,
    direction: Option<Way>,
    language: Option<Language>,
    shortest_s: Option<u32>,
    longest_s: Option<u32>,
}

/// The sample, with all that is needed to draw it again.
#[derive(Serialize)]
struct Sample {
    /// The queue of the frame.
    queue: Option<QueueName>,
    /// The contacts that it was drawn from: the same frame and seed give the same sample.
    frame: SampleFrame,
    /// How the frame is ordered before the draw.
    order: &'static str,
    /// How many contacts it was drawn from.
    frame_size: usize,
    /// SHA-256 of the ids in the frame: the same as long as the frame has the same contacts.
    frame_sha256: String,
    seed: u64,
    contacts: Vec<ContactId>,
}

/// Draws contacts uniformly, without replacement; the same seed gives the same sample of the same frame. It is an event.
pub(crate) async fn draw(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Asked(plan): Asked<Plan>,
) -> Result<Response, Problem> {
    if plan.count > MOST {
        return Err(Problem::invalid(
            format!("count is at most {MOST}, not {}", plan.count),
            format!("count 最多为 {MOST}"),
        ));
    }
    let now = (app.now)();
    let (count, seed) = (plan.count, plan.seed);
    let frame = SampleFrame {
        until: plan.until.unwrap_or(now),
        since: plan.since,
        queue: plan.queue,
        agent: plan.agent,
        outcome: plan.outcome,
        direction: plan.direction,
        language: plan.language,
        shortest_s: plan.shortest_s,
        longest_s: plan.longest_s,
    };
    let settings = app.settings();
    if let Some(why) = fault(&app.store, &frame, (&settings.queues, &settings.agents), now).await? {
        return Err(Problem::conflict(why.en, why.zh));
    }
    let ids = app.store.sampling_frame(&frame).await?;
    let contacts = (app.sample)(&ids, count.min(ids.len()), seed);
    let frame_sha256 = store::digest_of_ids(&ids);
    let as_count = |count: usize| u64::try_from(count).unwrap_or(u64::MAX);
    let drawn = CenterEvent::SampleDrawn {
        frame: Box::new(frame.clone()),
        size: as_count(ids.len()),
        sha256: frame_sha256.clone(),
        seed,
        drawn: as_count(contacts.len()),
    };
    note(&app, &bearer, drawn)?;
    let (queue, frame_size) = (frame.queue.clone(), ids.len());
    let sample = Sample { queue, frame, order: "contact_id", frame_size, frame_sha256, seed, contacts };
    Ok(Json(sample).into_response())
}

/// What is wrong with a frame, if anything: `known` are the queues and agents of the configuration; those that contacts
/// had are known too.
///
/// # Errors
/// When the database does not answer.
pub async fn fault(
    store: &Store,
    frame: &SampleFrame,
    (queues, agents): (&[QueueName], &[AgentId]),
    now: Time,
) -> Result<Option<Because>, StoreError> {
    if let Some(queue) = &frame.queue
        && !queues.contains(queue)
        && !store.knows_queue(queue).await?
    {
        return Ok(Some(Because::new(format!("there is no queue {queue}"), format!("没有队列 {queue}"))));
    }
    if let Some(agent) = &frame.agent
        && !agents.contains(agent)
        && !store.knows_agent(agent).await?
    {
        return Ok(Some(Because::new(format!("there is no agent {agent}"), format!("没有座席 {agent}"))));
    }
    if frame.until > now {
        return Ok(Some(Because::new(
            format!("until is in the future: {}", frame.until),
            format!("截止时间 {} 在未来", frame.until),
        )));
    }
    let (since, until) = (frame.since, frame.until);
    if since.is_some_and(|since| since > until)
        || frame.longest_s.is_some_and(|longest| longest < frame.shortest_s.unwrap_or(0))
    {
        return Ok(Some(Because::new(
            "the frame is empty: its limits exclude each other",
            "条件互相矛盾，抽样范围为空",
        )));
    }
    Ok(None)
}

/// Notes that a recording was written to a file, which counts as listening to it.
pub(crate) async fn exported(
    State(app): State<App>,
    Extension(bearer): Extension<Bearer>,
    Named(recording): Named<RecordingId>,
) -> Result<Response, Problem> {
    let row = app.store.recording(recording).await?.ok_or_else(Problem::not_found)?;
    let contact = Some(row.contact_id);
    note(&app, &bearer, RecordingEvent::Listened { recording, contact })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
