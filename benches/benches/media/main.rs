//! What a recorded, bridged call costs, beside the bare loop of the same system calls in the same run.
//!
//! `cargo bench -p hotline-benches --bench media -- [calls…] [--seconds N] [--threads N] [--rounds N] [--side NAME]`:
//! each side, or only those with this in their name, is measured in so many rounds (3), and the one that cost least is
//! told.

mod bare;
mod engine;
mod generator;

use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, SocketAddrV4};
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use bare::{Bare, Design};
use engine::Engine;
use generator::Outcome;

/// Open files for the phones of a thousand calls, and what else there is.
const FILES: usize = 16_384;

type Failure = Box<dyn std::error::Error>;

fn main() -> Result<(), Failure> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    if arguments.first().is_some_and(|first| first == "generate") {
        return generator::run(arguments[1].parse()?, arguments[2] == "talk");
    }
    udp::make_room_for_files(FILES);
    let text = |name: &str| {
        let at = arguments.iter().position(|argument| argument == name)?;
        arguments.get(at + 1).map(String::as_str)
    };
    let value = |name: &str| text(name)?.parse::<u64>().ok();
    let (seconds, threads) = (value("--seconds").unwrap_or(10), value("--threads").unwrap_or(1));
    let (rounds, only) = (value("--rounds").unwrap_or(3), text("--side"));
    let counts: Vec<usize> = arguments.iter().map_while(|argument| argument.parse().ok()).collect();
    let counts = if counts.is_empty() { vec![10, 100, 300, 500] } else { counts };
    println!(
        "| calls | side | ms of a core in 20 ms | of the bare loop | core-seconds a call-minute | \
         delay µs: median / 99 % / 99.9 % / longest | lost, wrong | remarks |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for calls in counts {
        let mut floor = None;
        let designs = [
            ("port per leg, connected", Some(Design::Connected)),
            ("port per leg, recvfrom", Some(Design::PortPerLeg)),
            ("port per leg, recvmmsg", Some(Design::PortPerLegMany)),
            ("one port, recvmmsg, sendmmsg", Some(Design::OnePort)),
            ("hotline", None),
        ];
        let designs: Vec<_> =
            designs.into_iter().filter(|(name, _)| only.is_none_or(|only| name.contains(only))).collect();
        // In turns, so that a machine that grows slower meanwhile is so for all.
        let mut sides: Vec<Side> = designs.iter().map(|_| Side::default()).collect();
        for _ in 0..rounds {
            for (side, (_, design)) in sides.iter_mut().zip(&designs) {
                side.note(measure(*design, calls, seconds, threads as usize)?);
            }
        }
        for (Side { least, lost, wrong }, (name, _)) in sides.into_iter().zip(&designs) {
            let Some(run) = least else { continue };
            let tick_ms = run.cpu_seconds * 1000.0 / (seconds * 50) as f64;
            let ratio = tick_ms / *floor.get_or_insert(tick_ms);
            let cost = run.cpu_seconds / (calls as f64 * seconds as f64 / 60.0);
            let Outcome { delay_us: [p50, p99, p999, most], behind_us, .. } = run.outcome;
            println!(
                "| {calls} | {name} | {tick_ms:.2} | {ratio:.2} | {cost:.4} | {p50} / {p99} / {p999} / {most} | \
                 {lost}, {wrong} | {}phones at most {:.1} ms behind |",
                run.remark,
                behind_us as f64 / 1000.0
            );
        }
    }
    Ok(())
}

/// All rounds of one side: the one that cost least, and what was lost or wrong in any.
#[derive(Default)]
struct Side {
    least: Option<Run>,
    lost: u64,
    wrong: u64,
}

impl Side {
    fn note(&mut self, run: Run) {
        self.lost += run.outcome.sent.saturating_sub(run.outcome.received);
        self.wrong += run.outcome.wrong;
        if self.least.as_ref().is_none_or(|least| run.cpu_seconds < least.cpu_seconds) {
            self.least = Some(run);
        }
    }
}

struct Run {
    cpu_seconds: f64,
    outcome: Outcome,
    remark: String,
}

/// One side under the load of one generator.
fn measure(design: Option<Design>, calls: usize, seconds: u64, threads: usize) -> Result<Run, Failure> {
    let dir = std::env::temp_dir().join(format!("hotline-bench-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let (mut phones, peers) = Phones::start(calls, seconds)?;
    let run = match design {
        Some(design) => {
            let bare = Bare::start(design, peers, &dir)?;
            let before = cpu_seconds(&["bare"]);
            let outcome = phones.converse(&bare.ports)?;
            let cpu_seconds = cpu_seconds(&["bare"]) - before;
            bare.stop();
            Run { cpu_seconds, outcome, remark: String::new() }
        }
        None => {
            let engine = Engine::start(threads, &peers, PathBuf::from(&dir))?;
            let before = (cpu_seconds(&["media-"]), cpu_seconds(&["rec-"]));
            let outcome = phones.converse(&engine.ports)?;
            let (media, recording) = (cpu_seconds(&["media-"]) - before.0, cpu_seconds(&["rec-"]) - before.1);
            let cpu_seconds = media + recording;
            let counters = engine.counters();
            let (sealed, gaps) = engine.stop();
            let remark = format!(
                "{sealed} recordings, {gaps} frames missing; {} ticks late, {} frames dropped; recording thread {:.0} %; ",
                counters.late_ticks,
                counters.frames_dropped,
                recording / cpu_seconds * 100.0
            );
            Run { cpu_seconds, outcome, remark }
        }
    };
    std::fs::remove_dir_all(dir)?;
    Ok(run)
}

/// The generator's process.
struct Phones {
    process: Child,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
}

impl Phones {
    /// Starts it; returns where each phone listens.
    fn start(calls: usize, seconds: u64) -> Result<(Phones, Vec<SocketAddrV4>), Failure> {
        let mut process = Command::new(std::env::current_exe()?)
            .args(["generate", &seconds.to_string(), "talk"])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let (input, output) = (process.stdin.take().ok_or("stdin")?, process.stdout.take().ok_or("stdout")?);
        let mut phones = Phones { process, input, output: BufReader::new(output) };
        let ports = phones.line()?;
        let ports: Vec<u16> = ports.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
        let address = |phone| SocketAddrV4::new(Ipv4Addr::LOCALHOST, ports[generator::socket_of(phone)]);
        Ok((phones, (0..calls * 2).map(address).collect()))
    }

    /// Lets it run against these ports.
    fn converse(&mut self, ports: &[u16]) -> Result<Outcome, Failure> {
        let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
        writeln!(self.input, "{}", ports.join(" "))?;
        let line = self.line()?;
        self.process.wait()?;
        Ok(Outcome::read(&line).ok_or("the generator failed")?)
    }

    fn line(&mut self) -> Result<String, Failure> {
        let mut line = String::new();
        self.output.read_line(&mut line)?;
        Ok(line)
    }
}

/// What the threads whose names begin so have used of a processor.
fn cpu_seconds(names: &[&str]) -> f64 {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return 0.0 };
    let used = tasks.flatten().filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?;
        let counted = names.iter().any(|wanted| name.starts_with(wanted));
        let schedule = std::fs::read_to_string(task.path().join("schedstat")).ok().filter(|_| counted)?;
        schedule.split_whitespace().next()?.parse::<f64>().ok()
    });
    used.sum::<f64>() / 1e9
}
