//! A customer: dials, presses keys, waits for an agent's voice, talks, hangs up.
//!
//! ```text
//!   Dialling ──200──► Waiting ──the voice it shall hear──► Talking ──hold──► hangs up ──► Completed
//!      │                 ├── patience ends ──► hangs up ─────────────────────────────────► NobodyCame
//!      │                 └───────────── BYE from the other side ◄──┘ ────────────────────► CutShort
//!      ├── 3xx to 6xx ───────────────────────────────────────────────────────────────────► Refused
//!      └── no answer ────────────────────────────────────────────────────────────────────► NoAnswer
//! ```

use std::time::{Duration, Instant};

use sip::Ending;

use super::plan::{Expects, Plan};

/// A customer in a call.
#[derive(Debug)]
pub(super) struct Customer {
    /// Its phone among all phones.
    pub(super) phone: usize,
    pub(super) leg: u32,
    /// The number it calls from, by which the agents' side knows it.
    pub(super) caller: String,
    pub(super) stage: Stage,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Dialling { gives_up: Instant },
    Waiting { presses: Option<Instant>, gives_up: Instant },
    Talking { until: Instant },
}

/// What a customer does by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Deed {
    Press,
    HangUp,
}

/// How a call went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Outcome {
    /// All that was to be heard was heard, and the customer hung up.
    Completed,
    /// The call was not taken, with this status.
    Refused(u16),
    /// Nobody answered the INVITE, or the answer was of no use.
    NoAnswer,
    /// Answered, but whom it was to hear was not heard.
    NobodyCame,
    /// The other side hung up.
    CutShort,
    /// Another's voice was heard, or the agent heard somebody else.
    WrongVoice,
    /// The agent did not hear the customer.
    OneWay,
    /// The run ended before the call.
    Unfinished,
}

impl Outcome {
    /// As in the report.
    pub(super) fn name(self) -> String {
        match self {
            Outcome::Completed => "completed".to_owned(),
            Outcome::Refused(status) => format!("refused {status}"),
            Outcome::NoAnswer => "no answer".to_owned(),
            Outcome::NobodyCame => "nobody came".to_owned(),
            Outcome::CutShort => "cut short".to_owned(),
            Outcome::WrongVoice => "wrong voice".to_owned(),
            Outcome::OneWay => "one way".to_owned(),
            Outcome::Unfinished => "unfinished".to_owned(),
        }
    }
}

impl Customer {
    /// The call is answered.
    pub(super) fn answered(&mut self, now: Instant, plan: &Plan) {
        let Stage::Dialling { .. } = self.stage else { return };
        let presses = (!plan.press.is_empty()).then_some(now + plan.press_after);
        self.stage = match plan.expects {
            // A call that must hear nobody presses its keys all the same, before it hangs up.
            Expects::Nobody if presses.is_none() => Stage::Talking { until: now + plan.hold },
            Expects::Nobody => Stage::Waiting { presses, gives_up: now + plan.press_after + plan.patience },
            Expects::Agent | Expects::Echo => Stage::Waiting { presses, gives_up: now + plan.patience },
        };
    }

    /// It hears a voice for the first time.
    pub(super) fn heard(&mut self, now: Instant, plan: &Plan) {
        if let Stage::Waiting { .. } = self.stage {
            self.stage = Stage::Talking { until: now + plan.hold };
        }
    }

    /// What it does now.
    pub(super) fn poll(&mut self, now: Instant, plan: &Plan) -> Option<Deed> {
        match &mut self.stage {
            Stage::Dialling { gives_up } => (*gives_up <= now).then_some(Deed::HangUp),
            Stage::Waiting { presses, gives_up } => {
                if presses.take_if(|at| *at <= now).is_none() {
                    return (*gives_up <= now).then_some(Deed::HangUp);
                }
                if plan.expects == Expects::Nobody {
                    self.stage = Stage::Talking { until: now + plan.hold };
                }
                Some(Deed::Press)
            }
            Stage::Talking { until } => (*until <= now).then_some(Deed::HangUp),
        }
    }

    /// The call ended; `stopped`: because the run did.
    pub(super) fn outcome(&self, why: Ending, stopped: bool) -> Outcome {
        match (why, self.stage) {
            (Ending::Refused(status), _) => Outcome::Refused(status.code()),
            (Ending::Ours, _) if stopped => Outcome::Unfinished,
            (Ending::Ours, Stage::Talking { .. }) => Outcome::Completed,
            (Ending::Ours, Stage::Waiting { .. }) => Outcome::NobodyCame,
            (_, Stage::Dialling { .. }) => Outcome::NoAnswer,
            (_, Stage::Waiting { .. } | Stage::Talking { .. }) => Outcome::CutShort,
        }
    }
}

/// How long an INVITE may go unanswered: what RFC 3261 gives a transaction (timer B), and a little.
pub(super) const RINGS_FOR: Duration = Duration::from_secs(34);
