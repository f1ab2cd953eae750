//! The verbs that print rows.

use std::process::ExitCode;

use anyhow::bail;
use hotline::{clock, control, listings, output};
use model::{SampleFrame, Time};
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

/// Standard deviations of a confidence of 95 %.
const Z: f64 = 1.96;

/// Draws a sample and says what it takes to draw it again. The draw is noted by the running center, which alone writes
/// the log.
pub(crate) async fn sample(place: &Place, wanted: &Sample) -> anyhow::Result<ExitCode> {
    let (store, configuration) = place.open().await?;
    let now = clock::now();
    let frame = frame(wanted, now);
    let known = (&configuration.queue_names()[..], &configuration.agent_ids()[..]);
    if let Some(why) = api::sample_fault(&store, &frame, known, now).await? {
        bail!("{why}");
    }
    let ids = store.sampling_frame(&frame).await?;
    let size = u64::try_from(ids.len()).unwrap_or(u64::MAX);
    let enough = |percent: u8| desk::sample_size(size, 0.5, f64::from(percent) / 100.0, Z);
    let count = match (wanted.count, wanted.margin) {
        (None, Some(percent)) => usize::try_from(enough(percent)).unwrap_or(usize::MAX),
        (count, _) => count.unwrap_or(0),
    };
    let drawn = desk::sample(&ids, count, wanted.seed);
    note(place, &frame, drawn.len(), wanted.seed);
    let mut rows = Vec::new();
    for contact in &drawn {
        rows.extend(store.contact(*contact).await?);
    }
    let margin = desk::margin(size, u64::try_from(drawn.len()).unwrap_or(0), Z);
    let margin = margin.map_or_else(String::new, |margin| format!(", ±{:.1} % (95 %)", margin * 100.0));
    output::note(format_args!(
        "{} of a frame of {size}{margin}; ordered by contact id, seed {}, sha256 {} 从 {size} 条中抽取 {} 条",
        rows.len(),
        wanted.seed,
        store::digest_of_ids(&ids),
        rows.len()
    ));
    output::note(format_args!(
        "draw it again 重新抽取: hotline qa sample{} --count {count} --seed {}",
        options(&frame),
        wanted.seed
    ));
    let columns = ["id", "caller", "queue", "agent", "started_at", "recording_id"];
    listings::print(&rows, wanted.json, &configuration.server.zone, &columns)?;
    Ok(ExitCode::SUCCESS)
}

fn frame(wanted: &Sample, now: Time) -> SampleFrame {
    SampleFrame {
        until: wanted.until.unwrap_or(now),
        since: wanted.since,
        queue: wanted.queue.clone(),
        agent: wanted.agent.clone(),
        outcome: wanted.outcome,
        direction: wanted.direction,
        language: wanted.language,
        shortest_s: wanted.shortest_s,
        longest_s: wanted.longest_s,
    }
}

/// A frame's limits as pairs of name and value.
fn limits(frame: &SampleFrame) -> Vec<(String, String)> {
    let fields = serde_json::to_value(frame).unwrap_or_default();
    let fields = fields.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    let plain = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    fields.map(|(name, value)| (name.clone(), plain(value))).collect()
}

fn options(frame: &SampleFrame) -> String {
    limits(frame).iter().map(|(name, value)| format!(" --{} {value}", name.replace('_', "-"))).collect()
}

/// Has the running center draw the same, which notes it.
fn note(place: &Place, frame: &SampleFrame, count: usize, seed: u64) {
    let limits: String = limits(frame).iter().map(|(name, value)| format!("&{name}={value}")).collect();
    if let Err(error) = control::get(&place.data, &format!("qa/samples?count={count}&seed={seed}{limits}")) {
        output::note(format_args!(
            "The draw is not in the event log: only a running center writes it 未写入事件日志：{error:#}"
        ));
    }
}
