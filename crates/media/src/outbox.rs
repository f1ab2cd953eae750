//! Reports on their way to the center: sent when there is room, kept in order when there is none.

use std::collections::VecDeque;
use std::sync::Arc;

use crossbeam_channel::{Sender, TrySendError};
use model::{AudioReport, MediaReport};

use crate::counters::{Tally, add};

/// From this number of kept reports on, keys and silences are dropped, because peers can cause them at will. All other
/// reports answer orders, so they are no more than the orders.
const PATIENCE: usize = 10_000;

#[derive(Debug)]
pub(crate) struct Outbox {
    reports: Sender<MediaReport>,
    kept: VecDeque<MediaReport>,
    tally: Arc<Tally>,
}

impl Outbox {
    pub(crate) fn new(reports: Sender<MediaReport>, tally: Arc<Tally>) -> Outbox {
        Outbox { reports, kept: VecDeque::new(), tally }
    }

    pub(crate) fn push(&mut self, report: MediaReport) {
        let peers_doing =
            matches!(report, MediaReport::Leg(_, AudioReport::Digit(_) | AudioReport::Silent { .. }));
        if peers_doing && self.kept.len() >= PATIENCE {
            add(&self.tally.reports_dropped, 1);
            return;
        }
        self.kept.push_back(report);
        self.send();
    }

    pub(crate) fn send(&mut self) {
        while let Some(report) = self.kept.pop_front() {
            match self.reports.try_send(report) {
                Ok(()) => {}
                Err(TrySendError::Full(report)) => {
                    self.kept.push_front(report);
                    return;
                }
                // The reader is gone.
                Err(TrySendError::Disconnected(_)) => self.kept.clear(),
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Digit, Ids, LegId, Time};

    #[test]
    fn a_slow_reader_gets_everything_in_order_but_floods_are_cut() {
        let (reports, reader) = crossbeam_channel::bounded(1);
        let tally = Arc::new(Tally::default());
        let mut outbox = Outbox::new(reports, tally.clone());
        let leg = LegId::new(&mut Ids::new(0), Time::from_unix_ms(1_800_000_000_000));
        for event in 0..PATIENCE + 5 {
            let digit = Digit::from_event((event % 16) as u8).unwrap();
            outbox.push(MediaReport::Leg(leg, AudioReport::Digit(digit)));
        }
        outbox.push(MediaReport::Leg(leg, AudioReport::OpenFailed { lacks: model::Shortage::RtpPorts }));
        let mut read = 0;
        while let Ok(report) = reader.try_recv() {
            let expected = match report {
                MediaReport::Leg(_, AudioReport::Digit(digit)) => usize::from(digit.event()) == read % 16,
                _ => read == PATIENCE + 1,
            };
            assert!(expected, "{read}: {report:?}");
            read += 1;
            outbox.send();
        }
        assert_eq!((read, tally.read().reports_dropped), (PATIENCE + 2, 4));
    }
}
