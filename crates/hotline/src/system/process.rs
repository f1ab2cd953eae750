//! Figures of the process and of its disks, by the names that Prometheus' client libraries give them.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use api::Sample;

use crate::system::clock;

/// Clock ticks a second in `/proc` (`USER_HZ`): 100 on every Linux that a program sees.
const TICKS: f64 = 100.0;
/// Bytes of a page as `/proc/self/statm` counts them, where the system does not say otherwise.
const PAGE: u64 = 4_096;
/// How often the room on disks is read.
const EVERY: Duration = Duration::from_secs(10);

/// The room on the file systems of some folders, read by a thread for each: a disk that does not answer holds up only
/// its own figure.
#[derive(Debug, Default)]
pub(crate) struct Disks(Vec<Disk>);

#[derive(Debug)]
struct Disk {
    name: &'static str,
    /// Bytes that we may still write; negative until it is known.
    free: Arc<AtomicI64>,
}

impl Disks {
    /// Starts to watch; each folder with the name of its role. Where the system refuses a thread, the figure is
    /// missing.
    pub(crate) fn watch(folders: Vec<(&'static str, PathBuf)>) -> Disks {
        let start = |(name, folder): (&'static str, PathBuf)| {
            let free = Arc::new(AtomicI64::new(-1));
            let weak = Arc::downgrade(&free);
            let thread = std::thread::Builder::new().name("disk-room".to_owned());
            let _ = thread.spawn(move || {
                while let Some(free) = weak.upgrade() {
                    let room =
                        udp::space(&folder).map_or(-1, |space| i64::try_from(space.free).unwrap_or(i64::MAX));
                    free.store(room, Ordering::Relaxed);
                    drop(free);
                    std::thread::park_timeout(EVERY);
                }
            });
            Disk { name, free }
        };
        Disks(folders.into_iter().map(start).collect())
    }

    pub(crate) fn samples(&self) -> Vec<Sample> {
        let known = self.0.iter().filter_map(|disk| {
            let free = u64::try_from(disk.free.load(Ordering::Relaxed)).ok()?;
            let sample =
                Sample::gauge("hotline_disk_free_bytes", "Room on the file system of a folder", free as f64);
            Some(sample.with(vec![("folder", disk.name.to_owned())]))
        });
        known.collect()
    }
}

/// What the system says of this process; what it does not say is left out.
pub(crate) fn samples() -> Vec<Sample> {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/self/{name}")).unwrap_or_default();
    let gauge = |name, help, value: Option<f64>| value.map(|value| Sample::gauge(name, help, value));
    let (stat, memory, limits) = (read("stat"), read("statm"), read("limits"));
    let pages = memory.split(' ').nth(1).and_then(|pages| pages.parse::<u64>().ok());
    let files =
        std::fs::read_dir("/proc/self/fd").ok().map(|entries| entries.count().saturating_sub(1) as f64);
    let cpu = cpu_seconds(&stat).map(|seconds| Sample {
        value: seconds,
        ..Sample::counter("process_cpu_seconds_total", "Processor time, user and system", 0)
    });
    let version = vec![("version", env!("CARGO_PKG_VERSION").to_owned())];
    [
        cpu,
        gauge("process_resident_memory_bytes", "Memory in use", pages.map(|pages| (pages * PAGE) as f64)),
        gauge("process_virtual_memory_bytes", "Memory mapped", virtual_memory(&stat)),
        gauge("process_open_fds", "Open files and sockets", files),
        gauge("process_max_fds", "Open files and sockets at most", most_files(&limits)),
        gauge("process_threads", "Threads", after_name(&stat, 17)),
        gauge("process_start_time_seconds", "When the process started, in Unix time", start_time(&stat)),
        Some(Sample::gauge("hotline_build_info", "Always 1; the version of the program", 1.0).with(version)),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// A field of `/proc/PID/stat` behind the program's name, which may have blanks; 0 is the state.
fn after_name(stat: &str, nth: usize) -> Option<f64> {
    let (_, rest) = stat.rsplit_once(") ")?;
    rest.split(' ').nth(nth)?.trim().parse().ok()
}

fn cpu_seconds(stat: &str) -> Option<f64> {
    Some((after_name(stat, 11)? + after_name(stat, 12)?) / TICKS)
}

fn virtual_memory(stat: &str) -> Option<f64> {
    after_name(stat, 20)
}

/// By today's clock: what the machine says is how long it had been running then.
fn start_time(stat: &str) -> Option<f64> {
    let up = std::fs::read_to_string("/proc/uptime").ok()?;
    let up: f64 = up.split(' ').next()?.parse().ok()?;
    let age = up - after_name(stat, 19)? / TICKS;
    Some(clock::now().unix_ms() as f64 / 1_000.0 - age)
}

fn most_files(limits: &str) -> Option<f64> {
    let line = limits.lines().find_map(|line| line.strip_prefix("Max open files"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_with_a_strange_name_is_read() {
        let rest: Vec<String> = (0..30).map(|nth| nth.to_string()).collect();
        let stat = format!("1 (a) b) {}", rest.join(" "));
        assert_eq!((cpu_seconds(&stat), after_name(&stat, 19)), (Some(0.23), Some(19.0)));
        assert_eq!(after_name("", 3), None);
        assert_eq!(
            most_files("Max open files            1024                 4096                 files\n"),
            Some(1024.0)
        );
    }

    #[test]
    fn this_process_has_all_figures() {
        let samples = samples();
        let now = clock::now().unix_ms() as f64 / 1_000.0;
        let value = |name: &str| samples.iter().find(|sample| sample.name == name).map(|sample| sample.value);
        for name in ["process_cpu_seconds_total", "process_virtual_memory_bytes", "process_threads"] {
            assert!(value(name).is_some(), "{name}");
        }
        assert!(value("process_resident_memory_bytes") > Some(1e6));
        assert!(
            value("process_open_fds") > Some(2.0) && value("process_max_fds") >= value("process_open_fds")
        );
        let started = value("process_start_time_seconds").unwrap_or(0.0);
        assert!(started > now - 86_400.0 && started <= now + 1.0, "{started} {now}");
    }
}
