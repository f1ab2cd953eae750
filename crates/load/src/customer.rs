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
            // A call that expects silence presses its keys all the same, before it hangs up.
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

#[cfg(test)]
mod tests {
    use super::*;
    use sip::Status;

    /// A plan as typed, with a patience of 3 s, a hold of 10 s, and one key after half a second.
    fn plan(more: &[&str]) -> Plan {
        Plan::typed(&[&["--patience", "3", "--hold", "10", "--press", "1"], more].concat())
    }

    fn customer(now: Instant) -> Customer {
        let stage = Stage::Dialling { gives_up: now + RINGS_FOR };
        Customer { phone: 0, leg: 1, caller: "1".to_owned(), stage }
    }

    /// What it does at each of these seconds.
    fn deeds(customer: &mut Customer, began: Instant, plan: &Plan, seconds: &[f64]) -> Vec<Option<Deed>> {
        let at = |second: &f64| customer.poll(began + Duration::from_secs_f64(*second), plan);
        seconds.iter().map(at).collect()
    }

    #[test]
    fn it_presses_once_talks_when_heard_and_hangs_up_after_the_hold() {
        let (began, plan) = (Instant::now(), plan(&["--agents", "1-2"]));
        let mut customer = customer(began);
        customer.answered(began, &plan);
        let pressed = deeds(&mut customer, began, &plan, &[0.4, 0.6, 0.7, 2.0]);
        assert_eq!(pressed, [None, Some(Deed::Press), None, None]);
        customer.heard(began + Duration::from_secs(2), &plan);
        customer.heard(began + Duration::from_secs(5), &plan);
        assert_eq!(deeds(&mut customer, began, &plan, &[11.9, 12.1]), [None, Some(Deed::HangUp)]);
        assert_eq!(customer.outcome(Ending::Ours, false), Outcome::Completed);
        assert_eq!(customer.outcome(Ending::Ours, true), Outcome::Unfinished);
        assert_eq!(customer.outcome(Ending::HungUp, false), Outcome::CutShort);
    }

    #[test]
    fn patience_ends_where_nobody_comes() {
        let (began, plan) = (Instant::now(), plan(&["--agents", "1-2"]));
        let mut customer = customer(began);
        customer.answered(began, &plan);
        deeds(&mut customer, began, &plan, &[0.6]);
        assert_eq!(deeds(&mut customer, began, &plan, &[2.9, 3.1]), [None, Some(Deed::HangUp)]);
        assert_eq!(customer.outcome(Ending::Ours, false), Outcome::NobodyCame);
    }

    #[test]
    fn without_agents_the_hold_follows_the_keys() {
        let (began, plan) = (Instant::now(), plan(&[]));
        let mut customer = customer(began);
        customer.answered(began, &plan);
        let done = deeds(&mut customer, began, &plan, &[0.6, 10.5, 10.7]);
        assert_eq!(done, [Some(Deed::Press), None, Some(Deed::HangUp)]);
    }

    #[test]
    fn an_unanswered_call_was_refused_or_not_answered() {
        let customer = customer(Instant::now());
        let busy = Status::new(503).unwrap();
        assert_eq!(customer.outcome(Ending::Refused(busy), false).name(), "refused 503");
        assert_eq!(customer.outcome(Ending::TimedOut, false), Outcome::NoAnswer);
        assert_eq!(customer.outcome(Ending::Ours, false), Outcome::NoAnswer);
    }
}
