//! What a running center does at the system's signals.
//!
//! | signal | what follows |
//! |---|---|
//! | `TERM`, `INT`, `QUIT` | the center stops: no new calls, those in progress may end; a second one ends them at once |
//! | `HUP` | the configuration is reloaded |
//! | `USR1`, `USR2`, `ALRM`, `IO`, `VTALRM`, `PROF` | ignored, with a line in the log |
//!
//! Left alone, each of them would end the process at once, without a BYE and with recordings left open.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// `VTALRM` and `PROF`, which tokio has no names for.
const SIGVTALRM: i32 = 26;
const SIGPROF: i32 = 27;

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    /// Stop.
    Stop,
    /// Reload the configuration.
    Reload,
}

/// The signals of this process, caught from the moment that this is made.
#[derive(Debug)]
pub struct Signals {
    stopping: [Signal; 3],
    reloading: Signal,
    ignored: [(&'static str, Signal); 6],
}

impl Signals {
    /// Catches them.
    ///
    /// # Errors
    /// When the system refuses a handler.
    pub fn catch() -> io::Result<Signals> {
        let ignored = |name, kind| signal(kind).map(|signal| (name, signal));
        Ok(Signals {
            stopping: [
                signal(SignalKind::terminate())?,
                signal(SignalKind::interrupt())?,
                signal(SignalKind::quit())?,
            ],
            reloading: signal(SignalKind::hangup())?,
            ignored: [
                ignored("USR1", SignalKind::user_defined1())?,
                ignored("USR2", SignalKind::user_defined2())?,
                ignored("ALRM", SignalKind::alarm())?,
                ignored("IO", SignalKind::io())?,
                ignored("VTALRM", SignalKind::from_raw(SIGVTALRM))?,
                ignored("PROF", SignalKind::from_raw(SIGPROF))?,
            ],
        })
    }

    /// The next signal that asks for something; others are ignored with a line in the log.
    pub async fn next(&mut self) -> Asked {
        let Signals { stopping: [terminate, interrupt, quit], reloading, ignored } = self;
        loop {
            let [a, b, c, d, e, f] = &mut *ignored;
            let name = tokio::select! {
                _ = terminate.recv() => return Asked::Stop,
                _ = interrupt.recv() => return Asked::Stop,
                _ = quit.recv() => return Asked::Stop,
                _ = reloading.recv() => return Asked::Reload,
                _ = a.1.recv() => a.0,
                _ = b.1.recv() => b.0,
                _ = c.1.recv() => c.0,
                _ = d.1.recv() => d.0,
                _ = e.1.recv() => e.0,
                _ = f.1.recv() => f.0,
            };
            tracing::info!(signal = name, "signal ignored: nothing is done at it");
        }
    }

    /// Completes at the next signal that asks the center to stop. Before it runs, and while it stops, a reload is not
    /// possible.
    pub async fn stop(&mut self) {
        while self.next().await != Asked::Stop {
            tracing::info!(
                signal = "HUP",
                "signal ignored: the configuration is read anew only while the center runs"
            );
        }
    }
}
