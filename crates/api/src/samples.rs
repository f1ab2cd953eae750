//! Samples for quality checks.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use model::{ContactId, QueueName, Time};
use serde::{Deserialize, Serialize};

use crate::App;
use crate::problem::Problem;
use crate::query::Asked;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Plan {
    queue: QueueName,
    count: usize,
    seed: u64,
    since: Option<Time>,
}

#[derive(Serialize)]
struct Sample {
    queue: QueueName,
    /// How many contacts it was drawn from.
    frame_size: usize,
    seed: u64,
    contacts: Vec<ContactId>,
}

/// Draws contacts uniformly, without replacement; the same seed gives the same sample of the same frame.
pub(crate) async fn draw(State(app): State<App>, Asked(plan): Asked<Plan>) -> Result<Response, Problem> {
    let frame = app.store.sampling_frame(&plan.queue, plan.since).await?;
    let contacts = (app.sample)(&frame, plan.count.min(frame.len()), plan.seed);
    let Plan { queue, seed, .. } = plan;
    Ok(Json(Sample { queue, frame_size: frame.len(), seed, contacts }).into_response())
}
