//! Any request but INVITE and ACK, asking side (RFC 3261 section 17.1.2).

use std::time::Duration;

use super::{Step, T1, T2, T4, TRY_FOR, Timer, Timers, unless_reliable};
use crate::{Moment, Request, Response};

/// The machine.
#[derive(Debug)]
pub(crate) struct Client {
    state: State,
    timers: Timers,
    request: Request,
    reliable: bool,
    /// The pause after the next copy (timer E doubles up to T2).
    pause: Duration,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum State {
    /// Sent; nothing came back.
    Trying,
    /// A provisional answer came.
    Proceeding,
    /// Answered; absorbs copies.
    Completed,
    /// Over.
    Terminated,
}

impl Client {
    /// Sends the request, whose topmost Via is ours already.
    pub(crate) fn start(now: Moment, request: Request, reliable: bool, out: &mut Vec<Step>) -> Client {
        let mut timers = Timers::default();
        if !reliable {
            timers.set(Timer::E, now + T1);
        }
        timers.set(Timer::F, now + TRY_FOR);
        out.push(Step::Send(request.print()));
        Client { state: State::Trying, timers, request, reliable, pause: T1 * 2 }
    }

    /// Waits so long for an answer, instead of 32 s.
    pub(crate) fn with_patience(mut self, now: Moment, patience: Duration) -> Client {
        self.timers.set(Timer::F, now + patience);
        self
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// True before any answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.state == State::Trying
    }

    pub(crate) fn handle_response(&mut self, now: Moment, response: Response, out: &mut Vec<Step>) {
        match self.state {
            State::Trying | State::Proceeding if response.status.is_provisional() => {
                self.state = State::Proceeding;
                out.push(Step::Deliver(Box::new(response)));
            }
            State::Trying | State::Proceeding => {
                self.timers.stop_all();
                self.timers.set(Timer::K, now + unless_reliable(self.reliable, T4));
                self.state = State::Completed;
                out.push(Step::Deliver(Box::new(response)));
            }
            State::Completed | State::Terminated => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, out: &mut Vec<Step>) {
        while let Some(timer) = self.timers.due(now) {
            if timer == Timer::E {
                out.push(Step::Send(self.request.print()));
                let pause = if self.state == State::Proceeding { T2 } else { self.pause.min(T2) };
                self.timers.set(Timer::E, now + pause);
                self.pause = (self.pause * 2).min(T2);
                continue;
            }
            if timer == Timer::F {
                out.push(Step::TimedOut);
            }
            self.timers.stop_all();
            self.state = State::Terminated;
            out.push(Step::Terminated);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.timers.next()
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> State {
        self.state
    }
}
