//! How one gateway does, and how fast calls may begin on a trunk.
//!
//! ```text
//!            a call failed                 3 questions unanswered
//! Well ──────────────────► Resting   Well ──────────────────────► Out
//!   ▲  30 s, or an answer     │         ▲     one answer           │
//!   └─────────────────────────┘         └──────────────────────────┘
//! ```

use std::collections::VecDeque;
use std::time::Duration;

use sip::Moment;

use super::carriers::REST;

/// Unanswered questions in a row after which a gateway is out.
const MISSES: u32 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Questions in a row without an answer.
    misses: u32,
    /// It rests until then, for a call failed there.
    rests_until: Option<Moment>,
    asked: Option<Moment>,
}

impl Health {
    /// True when calls should go there first.
    pub(super) fn is_well(&self, now: Moment) -> bool {
        !self.is_out() && self.rests_until.is_none_or(|until| until <= now)
    }

    pub(super) fn is_out(&self) -> bool {
        self.misses >= MISSES
    }

    pub(super) fn failed(&mut self, now: Moment) {
        self.rests_until = Some(now + REST);
    }

    /// An answer to a call: it lives.
    pub(super) fn answered(&mut self) {
        (self.misses, self.rests_until) = (0, None);
    }

    /// What came of a question. An answer ends no rest: a gateway may answer OPTIONS and refuse calls.
    pub(super) fn pinged(&mut self, reachable: bool) {
        self.misses = if reachable { 0 } else { self.misses.saturating_add(1) };
    }

    /// True when it is to be asked now; then it was.
    pub(super) fn ask(&mut self, now: Moment, every: Duration) -> bool {
        let is_due = self.asked.is_none_or(|asked| now.since(asked) >= every);
        if is_due {
            self.asked = Some(now);
        }
        is_due
    }
}

/// How many calls may begin within any second.
#[derive(Debug, Default)]
pub(super) struct Rate {
    most: Option<u32>,
    begun: VecDeque<Moment>,
}

impl Rate {
    pub(super) fn set_most(&mut self, most: Option<u32>) {
        self.most = most;
    }

    /// False when another call would be one too many.
    pub(super) fn take(&mut self, now: Moment) -> bool {
        let Some(most) = self.most else { return true };
        while self.begun.front().is_some_and(|begun| now.since(*begun) >= Duration::from_secs(1)) {
            self.begun.pop_front();
        }
        let has_room = u32::try_from(self.begun.len()).is_ok_and(|begun| begun < most);
        if has_room {
            self.begun.push_back(now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_misses_take_a_gateway_out_and_one_answer_brings_it_back() {
        let (mut health, now) = (Health::default(), Moment::from_ms(0));
        for nth in 1..=5 {
            health.pinged(false);
            assert_eq!(health.is_out(), nth >= 3, "{nth}");
        }
        assert!(!health.is_well(now));
        health.pinged(true);
        assert!(health.is_well(now));
        health.pinged(false);
        assert!(health.is_well(now), "the count begins anew");
    }

    #[test]
    fn it_is_asked_at_once_and_then_at_intervals() {
        let mut health = Health::default();
        let asked =
            [0, 1, 29_999, 30_000, 30_001].map(|ms| health.ask(Moment::from_ms(ms), Duration::from_secs(30)));
        assert_eq!(asked, [true, false, false, true, false]);
    }
}
