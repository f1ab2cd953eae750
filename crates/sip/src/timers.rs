//! The running timers of one machine, by name.

use crate::Moment;

/// Each timer of `T` runs once at most. A machine has few, so a list is enough; [`Schedule`](crate::schedule::Schedule)
/// finds the earliest of many machines.
#[derive(Debug, Clone)]
pub(crate) struct Timers<T>(Vec<(T, Moment)>);

impl<T> Default for Timers<T> {
    fn default() -> Timers<T> {
        Timers(Vec::new())
    }
}

impl<T: Copy + Ord> Timers<T> {
    /// Has the timer run out at `at` alone.
    pub(crate) fn set(&mut self, timer: T, at: Moment) {
        self.stop(timer);
        self.0.push((timer, at));
    }

    pub(crate) fn stop(&mut self, timer: T) {
        self.0.retain(|(running, _)| *running != timer);
    }

    pub(crate) fn stop_all(&mut self) {
        self.0.clear();
    }

    pub(crate) fn runs(&self, timer: T) -> bool {
        self.0.iter().any(|(running, _)| *running == timer)
    }

    /// When the next one runs out.
    pub(crate) fn next(&self) -> Option<Moment> {
        self.0.iter().map(|(_, at)| *at).min()
    }

    /// Takes out one that ran out; of several the first by name.
    pub(crate) fn due(&mut self, now: Moment) -> Option<T> {
        let due = self.0.iter().filter(|(_, at)| *at <= now);
        let timer = due.map(|(timer, _)| *timer).min()?;
        self.stop(timer);
        Some(timer)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timer_runs_once_and_those_due_together_come_by_name() {
        let mut timers = Timers::default();
        let ms = Moment::from_ms;
        timers.set('b', ms(10));
        timers.set('a', ms(20));
        timers.set('b', ms(15));
        timers.set('c', ms(5));
        timers.stop('c');
        assert_eq!((timers.next(), timers.due(ms(14))), (Some(ms(15)), None));
        assert_eq!(
            (timers.due(ms(20)), timers.due(ms(20)), timers.due(ms(20))),
            (Some('a'), Some('b'), None)
        );
        assert!(!timers.runs('a'));
    }
}
