//! The verbs that print rows.

use std::process::ExitCode;

use hotline::{clock, listings, output};
use store::{ContactFilter, RecordingFilter};

use crate::arguments::{Listing, Sample};
use crate::place::Place;

pub(crate) async fn contacts(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = ContactFilter { limit: listing.limit, ..ContactFilter::default() };
    let (store, configuration) = place.open().await?;
    let rows = store.contacts(&filter).await?;
    let columns = ["id", "caller", "number", "language", "queue", "agent", "started_at", "ended_at", "end"];
    listings::print(&rows, listing.json, &configuration.server.zone, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn recordings(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = RecordingFilter { limit: listing.limit, ..RecordingFilter::default() };
    let (store, configuration) = place.open().await?;
    let rows = store.recordings(&filter).await?;
    let columns = ["id", "contact_id", "opened_at", "state", "duration_ms", "path"];
    listings::print(&rows, listing.json, &configuration.server.zone, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn agents(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let (store, configuration) = place.open().await?;
    let rows = store.agents(&configuration.agent_ids()).await?;
    let columns = ["id", "shift", "activity", "seat_online", "since"];
    listings::print(&rows, listing.json, &configuration.server.zone, &columns).map(|()| ExitCode::SUCCESS)
}

/// The figures are those of today, by the configured offset from UTC.
pub(crate) async fn queues(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let (store, configuration) = place.open().await?;
    let now = clock::now();
    let day_began = configuration.server.zone.day_began(now);
    let rows = store.queues(&configuration.queue_names(), day_began, now).await?;
    let columns = ["name", "waiting", "offered", "answered", "abandoned", "service_level"];
    listings::print(&rows, listing.json, &configuration.server.zone, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn sample(place: &Place, wanted: &Sample) -> anyhow::Result<ExitCode> {
    let Sample { queue, count, seed, json } = wanted;
    let (store, configuration) = place.open().await?;
    let frame = store.sampling_frame(queue, None).await?;
    let mut rows = Vec::new();
    for contact in desk::sample(&frame, *count, *seed) {
        rows.extend(store.contact(contact).await?);
    }
    let drawn = rows.len();
    output::note(format_args!(
        "{drawn} of a frame of {} (seed {seed}) 从 {} 条中抽取 {drawn} 条",
        frame.len(),
        frame.len()
    ));
    listings::print(
        &rows,
        *json,
        &configuration.server.zone,
        &["id", "caller", "queue", "agent", "started_at", "recording_id"],
    )?;
    Ok(ExitCode::SUCCESS)
}
