//! Measures, each second and from outside, what the process of the system under test uses.

use std::fs;

use serde::Serialize;

/// A look at the run.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Sample {
    /// Seconds since the first call.
    pub(super) at_s: f64,
    /// Calls that were begun and have not ended.
    pub(super) calls: usize,
    /// Those among them that hear whom they shall.
    pub(super) talking: usize,
    /// Processor seconds of the watched process so far, the kernel's share included.
    pub(super) cpu_s: Option<f64>,
    /// Its resident memory.
    pub(super) resident_bytes: Option<u64>,
}

/// Processor seconds that a process's threads have used; those of threads that ended are not in it.
pub(super) fn cpu_seconds(pid: u32) -> Option<f64> {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).ok()?;
    let used = tasks.flatten().filter_map(|task| {
        let schedule = fs::read_to_string(task.path().join("schedstat")).ok()?;
        schedule.split_whitespace().next()?.parse::<f64>().ok()
    });
    Some(used.sum::<f64>() / 1e9)
}

/// Its resident memory in bytes.
pub(super) fn resident_bytes(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok().map(|kilobytes| kilobytes * 1024)
}

/// What the watched process cost.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct Cost {
    /// How long as many as ever talked at once, in seconds: the cost is of that time.
    pub(super) steady_s: f64,
    /// How many those were, on average.
    pub(super) talking: f64,
    /// Cores in use.
    pub(super) cores: f64,
    /// Processor seconds for a minute of one call.
    pub(super) core_seconds_per_call_minute: f64,
    /// Resident before the first call.
    pub(super) resident_before_bytes: u64,
    /// Resident at the most.
    pub(super) resident_most_bytes: u64,
    /// The difference, by the most calls at once.
    pub(super) bytes_per_call: f64,
}

/// Judges samples. `None` when nothing was watched, or never for two looks in a row nearly as many talked as
/// ever did.
pub(super) fn cost(samples: &[Sample]) -> Option<Cost> {
    let most = samples.iter().map(|sample| sample.talking).max().filter(|most| *most > 0)?;
    let full = |sample: &Sample| sample.talking * 50 >= most * 49;
    let (mut steady_s, mut used_s, mut call_s) = (0.0, 0.0, 0.0);
    for pair in samples.windows(2) {
        let [a, b] = pair else { continue };
        if let (true, true, Some(before), Some(after)) = (full(a), full(b), a.cpu_s, b.cpu_s) {
            let length = b.at_s - a.at_s;
            steady_s += length;
            used_s += after - before;
            call_s += length * (a.talking + b.talking) as f64 / 2.0;
        }
    }
    let resident = || samples.iter().filter_map(|sample| sample.resident_bytes);
    let (before, top) = (resident().next()?, resident().max()?);
    let calls = samples.iter().map(|sample| sample.calls).max()?;
    (steady_s > 0.0 && call_s > 0.0).then(|| Cost {
        steady_s,
        talking: call_s / steady_s,
        cores: used_s / steady_s,
        core_seconds_per_call_minute: used_s / call_s * 60.0,
        resident_before_bytes: before,
        resident_most_bytes: top,
        bytes_per_call: (top - before) as f64 / calls.max(1) as f64,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample(at_s: f64, talking: usize, cpu_s: f64, kilobytes: u64) -> Sample {
        let resident_bytes = Some(kilobytes * 1024);
        Sample { at_s, calls: talking, talking, cpu_s: Some(cpu_s), resident_bytes }
    }

    #[test]
    fn the_cost_is_that_of_the_time_in_which_all_talk() {
        let samples = [
            sample(0.0, 0, 1.0, 10_000),
            sample(1.0, 30, 3.0, 10_500),
            sample(2.0, 60, 4.0, 11_000),
            sample(3.0, 60, 4.1, 11_000),
            sample(4.0, 60, 4.2, 10_900),
            sample(5.0, 5, 9.0, 10_800),
        ];
        let cost = cost(&samples).unwrap();
        assert!((cost.cores - 0.1).abs() < 1e-9 && (cost.steady_s - 2.0).abs() < 1e-9);
        assert!((cost.core_seconds_per_call_minute - 0.1).abs() < 1e-9);
        assert!((cost.bytes_per_call - 1000.0 * 1024.0 / 60.0).abs() < 1e-6);
    }

    #[test]
    fn without_a_process_or_a_steady_time_there_is_no_cost() {
        let unwatched = Sample { cpu_s: None, resident_bytes: None, ..sample(1.0, 3, 0.0, 0) };
        assert_eq!(cost(&[unwatched, unwatched]), None);
        assert_eq!(cost(&[sample(0.0, 0, 0.0, 1), sample(1.0, 9, 0.0, 1)]), None);
        assert_eq!(cost(&[]), None);
    }

    #[test]
    fn this_process_uses_something() {
        let pid = std::process::id();
        assert!(cpu_seconds(pid).is_some_and(|seconds| seconds >= 0.0));
        assert!(resident_bytes(pid).is_some_and(|bytes| bytes > 100_000));
        assert_eq!((cpu_seconds(u32::MAX), resident_bytes(u32::MAX)), (None, None));
    }
}
