//! The verbs that print rows.

use std::path::Path;
use std::process::ExitCode;

use hotline::{adopt, backup, clock, listings, output, vault};
use store::{ContactFilter, RecordingFilter};

use crate::arguments::{Listing, Sample};
use crate::place::Place;

pub(crate) async fn contacts(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = ContactFilter { limit: listing.limit, ..ContactFilter::default() };
    let rows = place.store().await?.contacts(&filter).await?;
    let columns = ["id", "caller", "number", "language", "queue", "agent", "started_at", "ended_at", "end"];
    listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn recordings(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = RecordingFilter { limit: listing.limit, ..RecordingFilter::default() };
    let rows = place.store().await?.recordings(&filter).await?;
    let columns = ["id", "contact_id", "state", "duration_ms", "path"];
    listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn agents(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let ids = place.load(false)?.agent_ids();
    let rows = place.store().await?.agents(&ids).await?;
    let columns = ["id", "shift", "activity", "seat_online", "since"];
    listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
}

/// Brings back what the database lost, or only lists it.
pub(crate) async fn adopt(place: &Place, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let configuration = place.load(false)?;
    let (keys, recordings) = (vault::keys(&configuration.server)?, place.recordings_folders(&configuration));
    let folders = place.folders();
    let places = adopt::Places { folders: &folders, recordings: &recordings, keys: &keys };
    let rows = adopt::adopt(&place.store().await?, &places, dry_run).await?;
    listings::print(&rows, json, &["from", "recording", "contact", "path", "fault"])?;
    let left = rows.iter().filter(|row| row.fault.is_some()).count();
    let (adopted, verb) = (rows.len() - left, if dry_run { "to adopt 待恢复" } else { "adopted 已恢复" });
    output::note(format_args!("{adopted} {verb}, {left} left alone 未处理 {left}"));
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

pub(crate) async fn backup(place: &Place, to: &Path, recordings: bool) -> anyhow::Result<ExitCode> {
    let (configuration, store) = (place.load(false)?, place.store().await?);
    let made = backup::backup(&store, &configuration, &place.scope(), (to, recordings)).await?;
    output::print(format_args!(
        "{}: {} files 个文件, {} bytes 字节, events until 事件至 {}",
        to.display(),
        made.files,
        made.bytes,
        made.seq
    ));
    if !recordings {
        output::note("The recordings are not in it (--with-recordings) 未包含录音");
    }
    output::note(
        "It holds keys and personal data: keep it where only you can read it 备份含密钥和个人信息，请妥善保管",
    );
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn restore(place: &Place, from: &Path, verify: bool) -> anyhow::Result<ExitCode> {
    let restored = backup::restore(from, &place.scope(), verify).await?;
    output::print(format_args!(
        "{} files restored 个文件已恢复, events until 事件至 {}",
        restored.files, restored.seq
    ));
    if let Some(remark) = restored.remark {
        output::note(remark);
    }
    for wrong in &restored.wrong {
        output::print(wrong);
    }
    if !restored.wrong.is_empty() {
        return Ok(ExitCode::FAILURE);
    }
    if verify {
        output::print("Verified: all is as it was backed up 核对一致");
    }
    Ok(ExitCode::SUCCESS)
}

/// The figures are those of today, by the configured offset from UTC.
pub(crate) async fn queues(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let configuration = place.load(false)?;
    let now = clock::now();
    let minutes = u64::from(now.minute_of_day(configuration.server.zone.offset(now)));
    let day_began = now - std::time::Duration::from_secs(minutes * 60);
    let rows = place.store().await?.queues(&configuration.queue_names(), day_began, now).await?;
    let columns = ["name", "waiting", "offered", "answered", "abandoned", "service_level"];
    listings::print(&rows, listing.json, &columns).map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn sample(place: &Place, wanted: &Sample) -> anyhow::Result<ExitCode> {
    let Sample { queue, count, seed, json } = wanted;
    let store = place.store().await?;
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
    listings::print(&rows, *json, &["id", "caller", "queue", "agent", "started_at", "recording_id"])?;
    Ok(ExitCode::SUCCESS)
}
