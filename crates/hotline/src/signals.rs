//! What the system's signals ask of a running center.
//!
//! | signal | what follows |
//! |---|---|
//! | `TERM`, `INT`, `QUIT` | the center stops: no new calls, those in progress may end; a second one ends them at once |
//! | `HUP`, `USR1`, `USR2`, `ALRM`, `IO`, `VTALRM`, `PROF` | ignored, with a line in the log |
//!
//! Left alone, each of them would end the process at once, without a BYE and with recordings left open.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};

/// `VTALRM` and `PROF`, which tokio has no names for.
const SIGVTALRM: i32 = 26;
const SIGPROF: i32 = 27;

/// The signals of this process, caught from the moment that this is made.
#[derive(Debug)]
pub struct Signals {
    stopping: [Signal; 3],
    ignored: [(&'static str, Signal); 7],
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
            ignored: [
                ignored("HUP", SignalKind::hangup())?,
                ignored("USR1", SignalKind::user_defined1())?,
                ignored("USR2", SignalKind::user_defined2())?,
                ignored("ALRM", SignalKind::alarm())?,
                ignored("IO", SignalKind::io())?,
                ignored("VTALRM", SignalKind::from_raw(SIGVTALRM))?,
                ignored("PROF", SignalKind::from_raw(SIGPROF))?,
            ],
        })
    }

    /// Completes at the next signal that asks the center to stop.
    pub async fn stop(&mut self) {
        let Signals { stopping: [terminate, interrupt, quit], ignored } = self;
        loop {
            let [a, b, c, d, e, f, g] = &mut *ignored;
            let name = tokio::select! {
                _ = terminate.recv() => return,
                _ = interrupt.recv() => return,
                _ = quit.recv() => return,
                _ = a.1.recv() => a.0,
                _ = b.1.recv() => b.0,
                _ = c.1.recv() => c.0,
                _ = d.1.recv() => d.0,
                _ = e.1.recv() => e.0,
                _ = f.1.recv() => f.0,
                _ = g.1.recv() => g.0,
            };
            tracing::info!(signal = name, "signal ignored: nothing is done at it");
        }
    }
}
