//! What goes in and out of the center.

use std::net::IpAddr;

use model::{AgentId, Command, Entry, Invited, LegId, LegOrder, LegReport, MediaOrder, MediaReport, Reply};

use crate::config::Config;

/// What happened to the center.
#[derive(Debug, Clone)]
pub enum Input {
    /// A new inbound leg.
    Invited(LegId, Box<Invited>),
    /// The signalling shell reports of a leg.
    Leg(LegId, LegReport),
    /// A seat's registration came or went.
    Seat {
        /// The agent.
        agent: AgentId,
        /// True when it came.
        online: bool,
        /// The address of ours that it is reached by.
        local: Option<IpAddr>,
    },
    /// The media threads report.
    Media(MediaReport),
    /// Somebody commands.
    Command(Command),
    /// The machine's clock was set forwards by this many ms, or backwards. The times of inputs go on as if it had not
    /// been: they measure durations. Dates follow it.
    ClockSet {
        /// In ms.
        by_ms: i64,
    },
    /// Other routes, queues, agents and limits from the next decision on. Calls keep the version of the flow that they
    /// began in, a wait its limit; what the settings do not know any more comes to its end. The number of media threads
    /// and the program's version stay as they were.
    Settings(Box<Config>),
    /// Take no new calls; [`Output::Drained`] follows when the last one is over, its recording closed and its quality
    /// recorded.
    Drain,
    /// End every call now.
    EndAll,
    /// Let everybody hear that the center closes, and end each call then; calls that cannot hear it end at once.
    Close,
}

/// What the center orders or tells.
#[derive(Debug, Clone, PartialEq)]
pub enum Output {
    /// For the signalling shell.
    Leg(LegId, LegOrder),
    /// For the media threads.
    Media(MediaOrder),
    /// For the log, which gives it its number.
    Entry(Entry),
    /// For whoever commanded.
    Reply(Reply),
    /// After [`Input::Drain`]: no call is left and every recording is closed. Said once.
    Drained,
}
