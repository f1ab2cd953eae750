//! Whether a thread has room for more calls: judged each second by its idle time and by how late its ticks begin, so
//! that new calls are refused before the ones in progress suffer. Time in which it had work and waited for its
//! processor is not idle.
//!
//! ```text
//!            a second with less than 10 % idle, or half its ticks late
//!   Calm ────────────────────────────────────────────────────────────────► Strained
//!     ▲                                                                       │
//!     ├──── three seconds in a row with 20 % idle and few late ticks ◄────────┤
//!     └──── a second at whose end it has no leg ◄─────────────────────────────┘
//! ```

/// The time between two judgements, in microseconds.
const WINDOW: u64 = 1_000_000;
/// A tick that begins later than this is late (30 ms): a machine that others keep busy delays a few by less.
const LATE: u64 = 30_000;
/// Seconds in a row with room before a strained thread is calm.
const CALM: u32 = 3;

/// The judgement of one thread.
#[derive(Debug, Default)]
pub(crate) struct Strain {
    began: u64,
    idle: u64,
    ticks: u32,
    late: u32,
    calm: u32,
    strained: bool,
    /// Microseconds in which the thread was ready but had no processor, since it began.
    starved: u64,
}

impl Strain {
    /// Notes that the thread waited for `microseconds`.
    pub(crate) fn waited(&mut self, microseconds: u64) {
        self.idle = self.idle.saturating_add(microseconds);
    }

    /// Whether a second has passed since the thread was last judged.
    pub(crate) fn is_due(&self, now: u64) -> bool {
        now.saturating_sub(self.began) >= WINDOW
    }

    /// Takes the microseconds, since the thread began, in which it was ready but had no processor. A wait that was
    /// measured then was none.
    pub(crate) fn starved(&mut self, microseconds: u64) {
        self.idle = self.idle.saturating_sub(microseconds.saturating_sub(self.starved));
        self.starved = microseconds;
    }

    /// Notes that a tick began `late` microseconds after it was due.
    pub(crate) fn ticked(&mut self, late: u64) {
        self.ticks += 1;
        self.late += u32::from(late > LATE);
    }

    /// Judges the thread at `now` (microseconds) with `legs` open legs. Returns whether it is strained, when that has
    /// changed.
    pub(crate) fn poll_change(&mut self, now: u64, legs: usize) -> Option<bool> {
        if !self.is_due(now) {
            return None;
        }
        let length = now.saturating_sub(self.began);
        let busy = self.idle < length / 10 || self.late * 2 > self.ticks;
        let roomy = self.idle >= length / 5 && self.late * 10 <= self.ticks;
        self.calm = if roomy { self.calm + 1 } else { 0 };
        let strained = legs > 0 && if self.strained { self.calm < CALM } else { busy };
        let changed = strained != self.strained;
        *self = Strain { began: now, calm: self.calm, strained, starved: self.starved, ..Strain::default() };
        changed.then_some(strained)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Judges seconds, each with its idle time in percent and its number of late ticks. Returns what changed in each.
    fn judged(seconds: &[(u64, u32)]) -> Vec<Option<bool>> {
        let mut strain = Strain::default();
        let judge = |(second, (idle, late)): (u64, &(u64, u32))| {
            strain.waited(idle * 10_000);
            (0..50).for_each(|tick| strain.ticked(if tick < *late { 30_001 } else { 29_999 }));
            strain.poll_change((second + 1) * 1_000_000, 1)
        };
        (0..).zip(seconds).map(judge).collect()
    }

    #[test]
    fn a_busy_second_strains_and_three_calm_ones_relieve() {
        let seconds = [(50, 0), (10, 25), (9, 0), (50, 0), (50, 0), (15, 0), (50, 0), (20, 5), (50, 0)];
        let changes = [None, None, Some(true), None, None, None, None, None, Some(false)];
        assert_eq!(judged(&seconds), changes);
    }

    #[test]
    fn late_ticks_strain_however_idle_the_thread() {
        assert_eq!(judged(&[(90, 26), (90, 6), (90, 0)]), [Some(true), None, None]);
    }

    #[test]
    fn a_thread_that_waits_for_its_processor_is_not_idle() {
        let mut strain = Strain::default();
        strain.waited(600_000);
        strain.starved(550_000);
        assert_eq!(strain.poll_change(1_000_000, 1), Some(true));
        strain.waited(50_000);
        strain.starved(610_000);
        assert_eq!(strain.poll_change(2_000_000, 1), None, "more than it waited is no less than nothing");
    }

    #[test]
    fn nothing_is_judged_before_a_second_has_passed() {
        let mut strain = Strain::default();
        assert_eq!(strain.poll_change(999_999, 1), None);
        assert_eq!(strain.poll_change(1_000_000, 1), Some(true), "never idle");
    }
    #[test]
    fn a_thread_without_a_leg_has_room() {
        let mut strain = Strain::default();
        let changes = [0, 1, 1, 0].map(|legs| {
            let second = strain.began + 1_000_000;
            strain.poll_change(second, legs)
        });
        assert_eq!(changes, [None, Some(true), None, Some(false)], "never idle");
    }
}
