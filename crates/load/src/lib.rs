//! Simulated customers and agents against any SIP system, and whether each call heard its own counterpart; and the
//! telephones that they speak with, for tests and demonstrations.
//!
//! ```text
//!   Options ──plan──► Exchange (signalling, this thread) ──orders──► rtp threads (audio)
//!                         │  customer, seats: who does what when          │ leg: stamps and names sent and heard
//!                         │  wire: the times of RFC 6076                  │ voices: encoded ahead; ear: decodes some
//!                         │                                               │ net: loss, jitter, reordering
//!                         └──── traces ───► verdict ◄──── figures ────────┘
//!                                              └──► report: lines, JSON, HTML
//! ```
//!
//! It speaks SIP and RTP to whatever answers: nothing here knows what kind of system that is.

#![forbid(unsafe_code)]
#![deny(clippy::print_stdout, clippy::print_stderr)]

mod customer;
mod ear;
mod exchange;
mod histogram;
mod leg;
mod name;
mod net;
mod page;
pub mod phone;
mod plan;
mod report;
mod rtp;
mod seats;
mod stamp;
mod verdict;
mod voices;
mod watch;
mod wire;

use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use udp::Waker;

pub use plan::Options;

use exchange::Exchange;
use leg::Manner;
use report::Report;
use rtp::{Layout, Phones};
use voices::Voices;

/// Open files at most, where so many are allowed: a phone may have two ports of its own.
const FILES: usize = 65_536;

/// How a run went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// A few lines for a person, in both languages.
    pub lines: String,
    /// Every call heard its own counterpart, and every seat had registered.
    pub is_good: bool,
}

/// Runs the load and writes the reports that were asked for. It ends by itself.
///
/// # Errors
/// When the options contradict each other, a port cannot be opened, or a report cannot be written.
pub fn run(options: Options) -> anyhow::Result<Outcome> {
    let plan = options.plan()?;
    udp::make_room_for_files(FILES);
    let mut run = [0; 4];
    getrandom::fill(&mut run).map_err(std::io::Error::other)?;
    let waker = Arc::new(Waker::new()?);
    let layout = Layout {
        ip: plan.local,
        phones: plan.calls + plan.agents.len(),
        threads: plan.threads,
        phones_per_port: plan.phones_per_port,
        weather: plan.weather,
        run: u32::from_ne_bytes(run),
        began_unix_us: rtp::since_1970_us(),
        pinned: plan.target.ip().is_loopback(),
    };
    // Before the first packet is due, for some codecs take their time.
    let voices = match plan.manner {
        Manner::Signs => Voices::default(),
        Manner::Stamps | Manner::Names => Voices::of(&[plan.codec, plan.agent_codec]),
    };
    let phones = Phones::start(layout, voices, &waker).with_context(|| "open the phones' ports")?;
    let (mut traces, phones) = Exchange::new(plan.clone(), phones, waker)?.run()?;
    let (figures, late) = phones.stop();
    traces.read(late);
    let report = Report::new(&plan, &traces, &figures);
    if let Some(path) = &plan.json {
        write(path, &serde_json::to_string_pretty(&report)?)?;
    }
    if let Some(path) = &plan.html {
        write(path, &page::print(&report))?;
    }
    Ok(Outcome { lines: report.lines(), is_good: report.is_good() })
}

fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    std::fs::write(path, text).with_context(|| format!("write {}", path.display()))
}
