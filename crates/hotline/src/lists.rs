//! The verbs that print rows.

use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context, bail};
use hotline::at_rest::{adopt, backup};
use hotline::control;
use hotline::language::Shown;
use hotline::shown::{listings, output, story};
use hotline::system::clock;
use model::{ContactId, Record, SampleFrame, Time, Zone};
use store::{ContactFilter, RecordingFilter};

use crate::arguments::{Listing, Sample};
use crate::place::Place;

pub(crate) async fn contacts(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = ContactFilter { limit: listing.limit, ..ContactFilter::default() };
    let (store, configuration) = place.open().await?;
    let rows = store.contacts(&filter).await?;
    listings::print(&rows, listing.json, &configuration.server.zone, listings::CONTACTS)
        .map(|()| ExitCode::SUCCESS)
}

/// A contact's story.
pub(crate) async fn contact(place: &Place, id: ContactId, json: bool) -> anyhow::Result<ExitCode> {
    const PAGE: u32 = 1_000;
    let (store, configuration) = place.open().await?;
    if store.contact(id).await?.is_none() {
        bail!("there is no contact {id} 没有联系 {id}");
    }
    let mut records: Vec<Record> = Vec::new();
    loop {
        let after = records.last().map_or(0, |record| record.seq);
        let page = store.story(id, after, PAGE).await?;
        if page.is_empty() {
            break;
        }
        records.extend(page);
    }
    let zone = &configuration.server.zone;
    match json {
        true => listings::print(&records, true, zone, listings::STORY)?,
        false => listings::print(&story::lines(&records, Shown::here()), false, zone, listings::STORY)?,
    }
    Ok(ExitCode::SUCCESS)
}

pub(crate) async fn recordings(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let filter = RecordingFilter { limit: listing.limit, ..RecordingFilter::default() };
    let (store, configuration) = place.open().await?;
    let rows = store.recordings(&filter).await?;
    listings::print(&rows, listing.json, &configuration.server.zone, listings::RECORDINGS)
        .map(|()| ExitCode::SUCCESS)
}

pub(crate) async fn agents(place: &Place, listing: &Listing) -> anyhow::Result<ExitCode> {
    let (store, configuration) = place.open().await?;
    let rows = store.agents(&configuration.agent_ids()).await?;
    listings::print(&rows, listing.json, &configuration.server.zone, listings::AGENTS)
        .map(|()| ExitCode::SUCCESS)
}

/// Brings back what the database lost, or only lists it.
pub(crate) async fn adopt(place: &Place, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let configuration = place.load(false)?;
    let folders = place.folders();
    let places = adopt::Places { folders: &folders, shelves: place.shelves(&configuration)? };
    let rows = adopt::adopt(&place.store().await?, &places, dry_run).await?;
    listings::print(&rows, json, &configuration.server.zone, listings::ADOPTED)?;
    let left = rows.iter().filter(|row| row.fault.is_some()).count();
    let (adopted, verb) = (rows.len() - left, if dry_run { "to adopt 待恢复" } else { "adopted 已恢复" });
    output::note(format_args!("{adopted} {verb}, {left} left alone 未处理 {left}"));
    Ok(if left == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Lets the running center reload its files, and prints what that changes.
pub(crate) fn reload(place: &Place, dry_run: bool, json: bool) -> anyhow::Result<ExitCode> {
    let wanted = serde_json::json!({ "dry_run": dry_run });
    let answer = control::post(&place.data, "configuration/reload", &wanted.to_string())?;
    if json {
        output::print(answer.trim_end());
        return Ok(ExitCode::SUCCESS);
    }
    let answer: serde_json::Value =
        serde_json::from_str(&answer).with_context(|| "read the center's answer")?;
    for warning in answer["warnings"].as_array().into_iter().flatten() {
        output::note(format_args!("warning 提醒：{}", control::fault(warning)));
    }
    let changes = answer["changes"].as_array().map(Vec::as_slice).unwrap_or_default();
    if changes.is_empty() {
        output::print("Nothing differs 没有变化");
        return Ok(ExitCode::SUCCESS);
    }
    listings::print(changes, false, &Zone::default(), listings::CHANGES)?;
    let waits = changes.iter().any(|change| change["effect"] == "at_restart");
    if dry_run {
        output::note("Only shown: nothing was changed 仅为试运行，未作更改");
    } else if waits {
        output::note("Some take effect when the center is started again 部分更改在重启后生效");
    }
    Ok(ExitCode::SUCCESS)
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
    let (store, configuration) = place.open().await?;
    let now = clock::now();
    let day_began = configuration.server.zone.day_began(now);
    let rows = store.queues(&configuration.queue_names(), day_began, now).await?;
    listings::print(&rows, listing.json, &configuration.server.zone, listings::QUEUES)
        .map(|()| ExitCode::SUCCESS)
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
    listings::print(&rows, wanted.json, &configuration.server.zone, listings::SAMPLE)?;
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
