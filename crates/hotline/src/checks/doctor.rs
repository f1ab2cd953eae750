//! `hotline doctor`: the checks of a start without serving, and an estimate of how many recorded calls this machine
//! carries.
//!
//! The estimate is the least of six limits, each of one resource alone, each printed with how it was found. It is no
//! measurement of a whole center: `hotline load` is.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};
use text::text;

use anyhow::Context;
use serde::Serialize;

use crate::checks::{self, Depth, FILES_A_CALL, Finding, OTHER_FILES, State, Words};
use crate::config::{Configuration, Server};
use crate::control;
use crate::shown::output;
use crate::system::folders::Folders;

/// A second of a recording, in bytes: two channels of 16 bits at 8 kHz.
const SECOND: f64 = 32_000.0;
/// How often a recording is forced to disk: every 10 s, and at its beginning and end (calls of three minutes).
const SYNCS_A_SECOND: f64 = 0.1 + 2.0 / 180.0;
/// Seconds of one core that a recorded, bridged call takes in a second, as `benches/README.md` measures it.
const CORE: f64 = 0.001;
/// What of a disk or core an estimate counts on; the rest is for what else happens.
const SHARE: f64 = 0.5;
/// Bytes written to measure the disk, at most, and the longest that this may take.
const MEASURED: usize = 64 << 20;
const LONGEST: Duration = Duration::from_secs(2);
/// Writes that are each forced to disk to measure how long that takes.
const SYNCS: u32 = 20;

/// How many calls one resource allows.
#[derive(Debug, Clone, Serialize)]
pub struct Limit {
    /// The resource.
    pub name: &'static str,
    /// Recorded calls at once; `None` where it could not be found.
    pub calls: Option<u64>,
    /// How it was found.
    pub how: Words,
}

#[derive(Debug, Serialize)]
struct Report<'a> {
    /// No check failed.
    sound: bool,
    checks: &'a [Finding],
    limits: &'a [Limit],
    /// The least of the limits.
    recorded_calls: Option<u64>,
}

/// Runs the checks, estimates, and prints both; true when no check failed.
///
/// # Errors
/// When a thread is lost, or the report is no JSON.
pub async fn run(configuration: &Configuration, folders: &Folders, json: bool) -> anyhow::Result<bool> {
    let (data, recordings) = (folders.data.clone(), folders.recordings.clone());
    let neighbour = tokio::task::spawn_blocking(move || control::neighbour(&data)).await?;
    let findings = checks::all(configuration, folders, Depth::Whole, neighbour.as_ref()).await;
    let disk = tokio::task::spawn_blocking(move || measure(&recordings)).await?;
    let limits = limits(&configuration.server, &disk);
    let sound = findings.iter().all(|finding| finding.state != State::Failed);
    let recorded_calls = limits.iter().filter_map(|limit| limit.calls).min();
    if json {
        let report = Report { sound, checks: &findings, limits: &limits, recorded_calls };
        output::print(serde_json::to_string_pretty(&report).with_context(|| "print the report")?);
    } else {
        print(&findings, &limits, recorded_calls);
    }
    Ok(sound)
}

fn print(findings: &[Finding], limits: &[Limit], recorded_calls: Option<u64>) {
    for finding in findings {
        let mark = match finding.state {
            State::Good => "ok  ",
            State::Ours => "ours",
            State::Warning => "WARN",
            State::Failed => "FAIL",
        };
        output::print(format_args!("{mark}  {finding}"));
    }
    output::print("");
    output::print("Recorded calls at once, by each resource alone 各项资源单独可承载的录音通话数");
    for Limit { name, calls, how } in limits {
        let calls = calls.map_or("?".to_owned(), |calls| calls.to_string());
        output::print(format_args!("{calls:>8}  {name}: {} {}", how.en, how.zh));
    }
    if let Some(calls) = recorded_calls {
        output::print("");
        output::print(format_args!(
            "About {calls} recorded calls: the least of these; hotline load measures it 约可承载 {calls} 路录音通话（取最小值；实测请用 hotline load）"
        ));
    }
}

/// What a disk did.
#[derive(Debug, Clone, Copy)]
struct Disk {
    bytes_a_second: f64,
    sync: Duration,
}

/// Writes to a file in the folder, which is removed.
fn measure(folder: &Path) -> io::Result<Disk> {
    let path = folder.join(format!(".hotline-speed-{}", std::process::id()));
    let measured = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .open(&path)
        .and_then(|file| Ok(Disk { bytes_a_second: throughput(&file)?, sync: sync_time(&file)? }));
    let _ = fs::remove_file(&path);
    measured
}

fn throughput(mut file: &File) -> io::Result<f64> {
    let piece = vec![0x5a; 1 << 20];
    let (began, mut written) = (Instant::now(), 0_usize);
    while written < MEASURED && began.elapsed() < LONGEST {
        file.write_all(&piece)?;
        file.sync_data()?;
        written += piece.len();
    }
    Ok(written as f64 / began.elapsed().as_secs_f64().max(1e-6))
}

/// How long it takes to force a small write to disk, on average.
fn sync_time(file: &File) -> io::Result<Duration> {
    let began = Instant::now();
    let mut done = 0;
    while done < SYNCS && began.elapsed() < LONGEST {
        file.write_all_at(&[0; 4_096], u64::from(done) * 4_096)?;
        file.sync_data()?;
        done += 1;
    }
    Ok(began.elapsed() / done.max(1))
}

fn limits(server: &Server, disk: &io::Result<Disk>) -> Vec<Limit> {
    let mut limits = disk_limits(disk);
    let (first, last) = (server.rtp.0.start(), server.rtp.0.end());
    let pairs = u64::try_from(server.rtp.0.len() / 2).unwrap_or(0);
    limits.push(Limit {
        name: "rtp_ports",
        calls: Some(pairs / 2),
        how: text!(
            "{pairs} pairs in {first}-{last}, two for a call ([rtp] ports)",
            "{first}-{last} 共 {pairs} 对端口，每路通话两对（[rtp] ports）"
        )
        .into(),
    });
    limits.push(files(udp::files_allowed().map(|(_, most)| most)));
    limits.push(cores(server));
    let most = server.max_calls;
    limits.push(Limit {
        name: "max_calls",
        calls: u64::try_from(most).ok(),
        how: text!("max_calls in [center] of hotline.toml", "hotline.toml 中 [center] 的 max_calls").into(),
    });
    limits
}

fn disk_limits(disk: &io::Result<Disk>) -> Vec<Limit> {
    let Ok(disk) = disk else {
        let how = text!("the recordings folder cannot be written", "录音目录无法写入");
        return vec![Limit { name: "disk", calls: None, how: how.into() }];
    };
    let megabytes = (disk.bytes_a_second / 1e6) as u64;
    let sync_us = disk.sync.as_micros();
    let syncs = SHARE / (disk.sync.as_secs_f64().max(1e-6) * SYNCS_A_SECOND);
    vec![
        Limit {
            name: "disk_throughput",
            calls: Some((disk.bytes_a_second * SHARE / SECOND) as u64),
            how: text!(
                "{megabytes} MB/s written and forced to disk, half of it counted, 32 kB/s for a call",
                "实测写入并落盘 {megabytes} MB/s，按一半计，每路 32 kB/s"
            )
            .into(),
        },
        Limit {
            name: "disk_syncs",
            calls: Some(syncs as u64),
            how: text!(
                "forcing a write to disk takes {sync_us} µs, half of the time counted, one every 10 s for a call",
                "一次落盘需 {sync_us} µs，按一半时间计，每路每 10 秒一次"
            )
            .into(),
        },
    ]
}

fn files(allowed: Option<u64>) -> Limit {
    let shown = allowed.map_or("?".to_owned(), |allowed| allowed.to_string());
    Limit {
        name: "open_files",
        calls: allowed.map(|allowed| allowed.saturating_sub(OTHER_FILES) / FILES_A_CALL),
        how: text!(
            "{shown} files may be open (ulimit -Hn), {FILES_A_CALL} for a call, {OTHER_FILES} for everything else",
            "允许打开 {shown} 个文件（ulimit -Hn），每路 {FILES_A_CALL} 个，其余预留 {OTHER_FILES} 个"
        )
        .into(),
    }
}

fn cores(server: &Server) -> Limit {
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
    let used = cores.min(server.media_threads.max(1));
    Limit {
        name: "cores",
        calls: Some((used as f64 * SHARE / CORE) as u64),
        how: text!(
            "{used} of {cores} cores carry media ([rtp] threads), half of each counted, 1 ms a second for a call (benches/README.md)",
            "{cores} 核中 {used} 核处理媒体（[rtp] threads），按一半计，每路每秒 1 毫秒（见 benches/README.md）"
        )
        .into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_limit_is_of_its_resource_alone() {
        assert_eq!(files(Some(1_024)).calls, Some(4));
        assert_eq!(files(Some(1_000_000)).calls, Some(166_500));
        assert_eq!(files(None).calls, None);
        let disk = Disk { bytes_a_second: 64_000_000.0, sync: Duration::from_millis(10) };
        let calls: Vec<_> = disk_limits(&Ok(disk)).iter().map(|limit| limit.calls).collect();
        assert_eq!(calls, [Some(1_000), Some(450)]);
        assert_eq!(disk_limits(&Err(io::ErrorKind::NotFound.into()))[0].calls, None);
    }
}
