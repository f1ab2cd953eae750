//! Log lines of refusals, limited by reason and source, so that a flood of requests does not fill the disk.
//!
//! For each pair of reason and source the first [`EACH`] refusals within [`WINDOW`] are logged and the others counted.
//! At the end of the window one line gives the count. At most [`SOURCES`] pairs are kept: further sources share one
//! pair for each reason.

use std::collections::{BTreeMap, VecDeque};
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use model::Time;

use super::Refused;

/// The most lines for one reason and source within a window.
const EACH: u64 = 3;
/// The length of a window.
const WINDOW: Duration = Duration::from_secs(60);
/// The most pairs of reason and source.
const SOURCES: usize = 256;
/// The source of the shared pair.
const OTHERS: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// A line to log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct RefusalLine {
    /// The refusal, or the last of those that were left out.
    pub(super) refused: Refused,
    /// How many refusals of this reason and source were not logged since the line before.
    pub(super) suppressed: u64,
}

#[derive(Debug, Default)]
pub(super) struct Refusals {
    windows: BTreeMap<(&'static str, IpAddr), Window>,
    outputs: VecDeque<RefusalLine>,
}

#[derive(Debug)]
struct Window {
    ends: Time,
    written: u64,
    left_out: Option<(u64, Refused)>,
}

impl Refusals {
    pub(super) fn handle(&mut self, now: Time, refused: Refused) {
        self.handle_timeout(now);
        let mut key = (refused.reason, refused.source.ip());
        if !self.windows.contains_key(&key) && self.windows.len() >= SOURCES {
            key.1 = OTHERS;
        }
        let window = self.windows.entry(key).or_insert_with(|| Window {
            ends: now + WINDOW,
            written: 0,
            left_out: None,
        });
        if window.written < EACH {
            window.written += 1;
            self.outputs.push_back(RefusalLine { refused, suppressed: 0 });
        } else {
            let before = window.left_out.as_ref().map_or(0, |(count, _)| *count);
            window.left_out = Some((before + 1, refused));
        }
    }

    /// Ends the windows that have passed.
    pub(super) fn handle_timeout(&mut self, now: Time) {
        self.end(|window| window.ends <= now);
    }

    /// Ends all windows.
    pub(super) fn close(&mut self) {
        self.end(|_| true);
    }

    pub(super) fn poll_output(&mut self) -> Option<RefusalLine> {
        self.outputs.pop_front()
    }

    fn end(&mut self, is_over: impl Fn(&Window) -> bool) {
        let outputs = &mut self.outputs;
        self.windows.retain(|_, window| {
            let over = is_over(window);
            if over && let Some((suppressed, refused)) = window.left_out.take() {
                outputs.push_back(RefusalLine { refused, suppressed });
            }
            !over
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(reason: &'static str, last: u32) -> Refused {
        Refused {
            reason,
            source: (Ipv4Addr::from(0xc000_0200 + last), 5060).into(),
            sip_call_id: "1@x".to_owned(),
            number: None,
            caller: None,
            status: 503,
        }
    }

    fn lines(refusals: &mut Refusals) -> Vec<(&'static str, u64)> {
        std::iter::from_fn(|| refusals.poll_output())
            .map(|line| (line.refused.reason, line.suppressed))
            .collect()
    }

    #[test]
    fn a_flood_from_one_source_hides_no_other_and_is_counted() {
        let (mut refusals, at) = (Refusals::default(), |s: i64| Time::from_unix_ms(s * 1_000));
        for _ in 0..1_000 {
            refusals.handle(at(0), refused("overloaded", 1));
        }
        refusals.handle(at(1), refused("unknown_number", 1));
        refusals.handle(at(1), refused("overloaded", 2));
        let first = vec![
            ("overloaded", 0),
            ("overloaded", 0),
            ("overloaded", 0),
            ("unknown_number", 0),
            ("overloaded", 0),
        ];
        assert_eq!(lines(&mut refusals), first);
        refusals.handle_timeout(at(59));
        assert_eq!(lines(&mut refusals), vec![]);
        refusals.handle_timeout(at(60));
        assert_eq!(lines(&mut refusals), vec![("overloaded", 997)]);
        refusals.handle(at(60), refused("overloaded", 1));
        assert_eq!(lines(&mut refusals), vec![("overloaded", 0)]);
    }

    #[test]
    fn lines_and_memory_are_bounded_whatever_the_sources() {
        let mut refusals = Refusals::default();
        let many = 100_000;
        for source in 1..=many {
            refusals.handle(Time::default(), refused("wrong_password", source));
        }
        refusals.close();
        let lines = lines(&mut refusals);
        assert!(lines.len() <= SOURCES + 4, "{}", lines.len());
        let counted: u64 = lines.iter().map(|(_, suppressed)| suppressed).sum();
        let written = lines.iter().filter(|(_, suppressed)| *suppressed == 0).count() as u64;
        assert_eq!(counted + written, u64::from(many));
    }
}
