//! How much a trunk, an address and a caller's patience may take: calls in progress, and time in queues.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use model::{Cause, LeaveReason, QueueName, Time};

use crate::config::TrunkLimits;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::timers::Timer;

/// A seat that rings when the longest wait is over may still answer; this long after, it is looked at again.
const RINGS_STILL: Duration = Duration::from_secs(1);

/// A line and the address that a call came from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Line {
    pub(crate) trunk: String,
    pub(crate) source: IpAddr,
}

/// How many customers' calls are in progress, by line.
#[derive(Debug, Default)]
pub(crate) struct Load {
    by_trunk: BTreeMap<String, usize>,
    by_line: BTreeMap<Line, usize>,
}

impl Load {
    /// Why a line may have no further call.
    pub(crate) fn refusal(&self, line: &Line, limits: TrunkLimits) -> Option<Cause> {
        let trunk = self.by_trunk.get(&line.trunk).copied().unwrap_or(0);
        let source = self.by_line.get(line).copied().unwrap_or(0);
        if limits.calls_per_source.is_some_and(|most| source >= most) {
            return Some(Cause::SourceFull);
        }
        limits.calls.is_some_and(|most| trunk >= most).then_some(Cause::TrunkFull)
    }

    pub(crate) fn add(&mut self, line: &Line) {
        *self.by_trunk.entry(line.trunk.clone()).or_default() += 1;
        *self.by_line.entry(line.clone()).or_default() += 1;
    }

    pub(crate) fn remove(&mut self, line: &Line) {
        less(&mut self.by_trunk, &line.trunk);
        less(&mut self.by_line, line);
    }

    #[cfg(test)]
    pub(crate) fn is_empty(&self) -> bool {
        self.by_trunk.is_empty() && self.by_line.is_empty()
    }
}

/// One less; what is nought is forgotten.
fn less<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count = count.saturating_sub(1);
        if *count == 0 {
            counts.remove(key);
        }
    }
}

/// How long a caller may go on waiting.
#[derive(Debug, Default)]
pub(crate) struct Wait {
    /// What the number grants.
    granted: Option<Duration>,
    /// When that is over: from the first queue on.
    last_until: Option<Time>,
    /// When the longest wait of the queue that the caller is in is over.
    queue_until: Option<Time>,
    /// The longest wait of some queue was over, and no person has talked with the caller since.
    pub(crate) is_over: bool,
}

impl Wait {
    pub(crate) fn granted(granted: Option<Duration>) -> Wait {
        Wait { granted, ..Wait::default() }
    }

    fn enters(&mut self, now: Time, queue: Option<Duration>) {
        self.queue_until = queue.map(|longest| now + longest);
        self.last_until = self.last_until.or(self.granted.map(|longest| now + longest));
    }

    pub(crate) fn due(&self) -> Option<Time> {
        self.queue_until.into_iter().chain(self.last_until).min()
    }
}

impl Contact {
    /// The customer waits in a queue from now on, with a score that begins at `bonus_s` seconds.
    pub(crate) fn enter_queue(&mut self, cx: &mut Context, queue: QueueName, bonus_s: u32) {
        let since = cx.now;
        self.place = Place::Waiting { queue: queue.clone(), since, bonus_s };
        self.wait.enters(since, cx.config.longest_waits.get(&queue).copied());
        cx.timers.set(Timer::Wait(self.id), self.wait.due());
        cx.acd(acd::Input::Enter { contact: self.id, queue, bonus_s, since });
    }

    /// The longest wait of a queue leads on in the flow; that of the number ends the call, with a word of regret.
    pub(crate) fn wait_timeout(&mut self, cx: &mut Context) {
        let last = self.wait.last_until.is_some_and(|until| until <= cx.now);
        // Whoever rings may still answer.
        if cx.legs.rings(self.id) || matches!(self.place, Place::Moving(_)) {
            let later = Some(cx.now + RINGS_STILL);
            self.wait.queue_until = later;
            self.wait.last_until = if last { later } else { self.wait.last_until };
            return cx.timers.set(Timer::Wait(self.id), self.wait.due());
        }
        let granted = self.wait.granted;
        self.wait.queue_until = None;
        if last {
            self.wait = Wait::granted(granted);
        }
        self.wait.is_over = true;
        self.place = Place::InFlow;
        cx.timers.set(Timer::Wait(self.id), self.wait.due());
        cx.acd(acd::Input::Leave { contact: self.id, reason: LeaveReason::Redirected });
        self.session.handle(cx.now, ivr::Input::WaitedOut { last });
        self.follow_session(cx);
    }
}
