//! INVITE, asking side (RFC 3261 section 17.1.1, RFC 6026 section 8.4).

use std::time::Duration;

use super::{Step, T1, TRY_FOR, Timer, Timers, unless_reliable};
use crate::{Headers, Method, Moment, Request, Response};

/// The machine.
#[derive(Debug)]
pub(crate) struct InviteClient {
    state: State,
    timers: Timers,
    request: Request,
    reliable: bool,
    /// The pause after the next copy (timer A doubles).
    pause: Duration,
    /// How long a provisional answer may keep it waiting (timer C); `None` when its user sees to that.
    patience: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    /// Sent; nothing came back.
    Calling,
    /// A provisional answer came.
    Proceeding,
    /// Refused; this ACK answers further copies of the refusal.
    Completed { ack: Vec<u8> },
    /// Accepted; further 2xx, from other branches too, go to the user.
    Accepted,
    /// Over.
    Terminated,
}

impl InviteClient {
    /// Sends the request, whose topmost Via is ours already.
    pub(crate) fn start(now: Moment, request: Request, reliable: bool, out: &mut Vec<Step>) -> InviteClient {
        let mut timers = Timers::default();
        if !reliable {
            timers.set(Timer::A, now + T1);
        }
        timers.set(Timer::B, now + TRY_FOR);
        out.push(Step::Send(request.print()));
        InviteClient { state: State::Calling, timers, request, reliable, pause: T1 * 2, patience: None }
    }

    /// Waits so long after each provisional answer, and then gives up as if there had been none.
    pub(crate) fn with_patience(self, patience: Duration) -> InviteClient {
        InviteClient { patience: Some(patience), ..self }
    }

    /// No further copies of the request; whatever answers the earlier ones is still taken.
    pub(crate) fn send_no_more(&mut self) {
        self.timers.stop(Timer::A);
    }

    pub(crate) fn request(&self) -> &Request {
        &self.request
    }

    /// True while no final answer has come.
    pub(crate) fn is_open(&self) -> bool {
        matches!(self.state, State::Calling | State::Proceeding)
    }

    /// True before any answer.
    pub(crate) fn is_unanswered(&self) -> bool {
        self.state == State::Calling
    }

    pub(crate) fn handle_response(&mut self, now: Moment, response: Response, out: &mut Vec<Step>) {
        match &self.state {
            State::Calling | State::Proceeding if response.status.is_provisional() => {
                self.timers.stop_all();
                if let Some(patience) = self.patience {
                    self.timers.set(Timer::C, now + patience);
                }
                self.state = State::Proceeding;
                out.push(Step::Deliver(Box::new(response)));
            }
            State::Calling | State::Proceeding | State::Accepted if response.status.is_success() => {
                if self.state != State::Accepted {
                    self.timers.stop_all();
                    self.timers.set(Timer::M, now + TRY_FOR);
                    self.state = State::Accepted;
                }
                out.push(Step::Deliver(Box::new(response)));
            }
            State::Calling | State::Proceeding => {
                let ack = acknowledge(&self.request, &response).print();
                out.push(Step::Send(ack.clone()));
                out.push(Step::Deliver(Box::new(response)));
                self.timers.stop_all();
                self.timers.set(Timer::D, now + unless_reliable(self.reliable, TRY_FOR));
                self.state = State::Completed { ack };
            }
            State::Completed { ack } => {
                if !response.status.is_provisional() && !response.status.is_success() {
                    out.push(Step::Send(ack.clone()));
                }
            }
            State::Accepted | State::Terminated => {}
        }
    }

    pub(crate) fn handle_timeout(&mut self, now: Moment, out: &mut Vec<Step>) {
        while let Some(timer) = self.timers.due(now) {
            if timer == Timer::A {
                out.push(Step::Send(self.request.print()));
                self.timers.set(Timer::A, now + self.pause);
                self.pause *= 2;
                continue;
            }
            if matches!(timer, Timer::B | Timer::C) {
                out.push(Step::TimedOut);
            }
            self.terminate(out);
        }
    }

    /// Gives up, for instance when a CANCEL brought no answer.
    pub(crate) fn terminate(&mut self, out: &mut Vec<Step>) {
        self.timers.stop_all();
        self.state = State::Terminated;
        out.push(Step::Terminated);
    }

    pub(crate) fn poll_timeout(&self) -> Option<Moment> {
        self.timers.next()
    }

    #[cfg(test)]
    pub(super) fn state(&self) -> &State {
        &self.state
    }
}

/// The ACK of a refusal (section 17.1.1.3): the request's own Via, Route, From and number.
fn acknowledge(request: &Request, response: &Response) -> Request {
    let mut headers = Headers::new();
    if let Some(via) = request.headers.list("Via").first() {
        headers.push("Via", via);
    }
    headers.push("Max-Forwards", "70");
    for name in ["Route", "From"] {
        request.headers.all(name).for_each(|value| headers.push(name, value));
    }
    response.headers.all("To").take(1).for_each(|value| headers.push("To", value));
    request.headers.all("Call-ID").for_each(|value| headers.push("Call-ID", value));
    let number = request.cseq().map_or(0, |cseq| cseq.number);
    headers.push("CSeq", format!("{number} ACK"));
    Request { method: Method::Ack, uri: request.uri.clone(), headers, body: Vec::new() }
}
