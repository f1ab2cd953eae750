//! INVITE, answering side (RFC 3261 section 17.2.1, RFC 6026 section 7.1).

use std::time::Duration;

use super::{Step, T1, T2, T4, TRY_FOR, Timer, Timers, unless_reliable};
use crate::{Moment, Status};

/// How long the user may think before the network hears a 100.
const THINKING: Duration = Duration::from_millis(200);

/// The machine.
#[derive(Debug)]
pub(crate) struct InviteServer {
    state: State,
    timers: Timers,
    reliable: bool,
    /// The pause after the next copy of a refusal (timer G doubles up to T2).
    pause: Duration,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// No final answer; `last` answers copies of the request, once there is one. `trying` is the 100.
    Proceeding { trying: Vec<u8>, last: Option<Vec<u8>> },
    /// Refused; resent until the ACK.
    Completed { refusal: Vec<u8> },
    /// Refused and acknowledged; absorbs further ACKs.
    Confirmed,
    /// Accepted; absorbs copies of the request. The user resends the 2xx.
    Accepted,
    /// Over.
    Terminated,
}

impl InviteServer {
    /// A request came; `trying` is the 100 that is sent if the user takes longer than 200 ms.
    pub(crate) fn start(now: Moment, reliable: bool, trying: Vec<u8>) -> InviteServer {
        let mut timers = Timers::default();
        timers.set(Timer::Trying, now + THINKING);
        InviteServer { state: State::Proceeding { trying, last: None }, timers, reliable, pause: T1 * 2 }
    }

    /// Sends the 100 now, if nothing was sent yet.
    pub(crate) fn hurry(&mut self, out: &mut Vec<Step>) {
        self.timers.stop(Timer::Trying);
        if let State::Proceeding { trying, last: last @ None } = &mut self.state {
            out.push(Step::Send(trying.clone()));
            *last = Some(trying.clone());
        }
    }

    /// True while no final answer was given.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Proceeding { .. })
    }

    /// True while nothing was sent, not even the 100.
    pub(crate) fn is_silent(&self) -> bool {
        matches!(self.state, State::Proceeding { last: None, .. })
    }

    /// The user answers; after a final answer this does nothing.
    pub(crate) fn respond(&mut self, now: Moment, status: Status, bytes: Vec<u8>, out: &mut Vec<Step>) {
        let State::Proceeding { last, .. } = &mut self.state else { return };
        self.timers.stop_all();
        out.push(Step::Send(bytes.clone()));
        if status.is_provisional() {
            *last = Some(bytes);
        } else if status.is_success() {
            self.timers.set(Timer::L, now + TRY_FOR);
            self.state = State::Accepted;
        } else {
            if !self.reliable {
                self.timers.set(Timer::G, now + T1);
            }
            self.timers.set(Timer::H, now + TRY_FOR);
            self.state = State::Completed { refusal: bytes };
        }
    }

    /// Another copy of the request came.
    pub(crate) fn handle_copy(&self, out: &mut Vec<Step>) {
        match &self.state {
            State::Proceeding { last: Some(bytes), .. } | State::Completed { refusal: bytes } => {
                out.push(Step::Send(bytes.clone()));
            }
            State::Proceeding { last: None, .. } | State::Confirmed | State::Accepted | State::Terminated => {
            }
        }
    }

    /// The ACK of a refusal came.
    pub(crate) fn handle_ack(&mut self, now: Moment) {
        if let State::Completed { .. } = self.state {
            self.timers.stop_all();
            self.timers.set(Timer::I, now + unless_reliable(self.reliable, T4));
            self.state = State::Confirmed;
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, out: &mut Vec<Step>) {
        while let Some(timer) = self.timers.due(now) {
            match (timer, &self.state) {
                (Timer::Trying, _) => self.hurry(out),
                (Timer::G, State::Completed { refusal }) => {
                    out.push(Step::Send(refusal.clone()));
                    self.timers.set(Timer::G, now + self.pause.min(T2));
                    self.pause = (self.pause * 2).min(T2);
                }
                (_, _) => {
                    if timer == Timer::H {
                        out.push(Step::TimedOut);
                    }
                    self.timers.stop_all();
                    self.state = State::Terminated;
                    out.push(Step::Terminated);
                }
            }
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.timers.next()
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> &State {
        &self.state
    }
}
