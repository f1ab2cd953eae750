//! Any request but INVITE and ACK, answering side (RFC 3261 section 17.2.2).

use super::{Step, TRY_FOR, Timer, Timers, unless_reliable};
use crate::{Moment, Status};

/// The machine.
#[derive(Debug)]
pub(crate) struct Server {
    state: State,
    timers: Timers,
    reliable: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Nothing answered yet.
    Trying,
    /// Answered provisionally.
    Proceeding { last: Vec<u8> },
    /// Answered; the answer is repeated to copies of the request.
    Completed { last: Vec<u8> },
    /// Over.
    Terminated,
}

impl Server {
    /// A request came.
    pub(crate) fn start(reliable: bool) -> Server {
        Server { state: State::Trying, timers: Timers::default(), reliable }
    }

    /// The user answers; after a final answer this does nothing.
    pub(crate) fn respond(&mut self, now: Moment, status: Status, bytes: Vec<u8>, out: &mut Vec<Step>) {
        match self.state {
            State::Trying | State::Proceeding { .. } => {
                out.push(Step::Send(bytes.clone()));
                if status.is_provisional() {
                    self.state = State::Proceeding { last: bytes };
                } else {
                    self.timers.set(Timer::J, now + unless_reliable(self.reliable, TRY_FOR));
                    self.state = State::Completed { last: bytes };
                }
            }
            State::Completed { .. } | State::Terminated => {}
        }
    }

    /// Another copy of the request came.
    pub(crate) fn handle_copy(&self, out: &mut Vec<Step>) {
        match &self.state {
            State::Proceeding { last } | State::Completed { last } => out.push(Step::Send(last.clone())),
            State::Trying | State::Terminated => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, out: &mut Vec<Step>) {
        while self.timers.due(now).is_some() {
            self.state = State::Terminated;
            out.push(Step::Terminated);
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
