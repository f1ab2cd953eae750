//! The record of a connection: whether it was of use, and when it is closed.
//!
//! ```text
//!            a byte            the whole request           a byte of the answer
//! Resting ──────────▶ Arriving ────────────────▶ Answering ───────────────────▶ Resting
//!                        │ a stream is opened                                  (or Stream)
//!                        └──────────────────────▶ Stream
//! ```
//! A connection is *of use* once it has carried a request with a valid token. Only such requests, and the bytes of
//! their answers, postpone its end.
//! answers, put its end off.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// How long a connection may take to bring a request with a valid token.
const UNPROVEN_TIME: Duration = Duration::from_secs(30);
/// How long one that is of use may rest. Longer than the longest wait of a poll.
const LONGEST_REST: Duration = Duration::from_secs(90);
/// How long a request may take to arrive, from its first byte to its last, however often a byte of it comes.
const LONGEST_ARRIVAL: Duration = Duration::from_secs(15);
/// How long we may take for an answer: erasing many recordings takes minutes.
const LONGEST_ANSWER: Duration = Duration::from_secs(600);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Resting,
    Arriving { since: Instant },
    Answering,
    Stream,
}

/// A connection's standing. Shared by the connection, its requests and the table of places.
#[derive(Debug)]
pub(crate) struct Standing(Mutex<Life>);

#[derive(Debug)]
struct Life {
    accepted: Instant,
    stage: Stage,
    is_proven: bool,
    /// The request that came last had a valid token.
    is_of_use: bool,
    renewed: Instant,
}

/// The order in which connections are closed for others: first those without a valid token and without a request in
/// progress, then those whose last use was longest ago.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Worth {
    pub(crate) is_proven: bool,
    is_asking: bool,
    renewed: Instant,
}

impl Standing {
    /// `is_proven`: the peer is trusted from the beginning.
    pub(crate) fn new(now: Instant, is_proven: bool) -> Standing {
        let life =
            Life { accepted: now, stage: Stage::Resting, is_proven, is_of_use: is_proven, renewed: now };
        Standing(Mutex::new(life))
    }

    /// Bytes came.
    pub(crate) fn heard(&self, now: Instant) {
        self.change(|life| {
            if life.stage == Stage::Resting {
                life.stage = Stage::Arriving { since: now };
            }
        });
    }

    /// Bytes left.
    pub(crate) fn wrote(&self, now: Instant) {
        self.change(|life| {
            if life.is_of_use {
                life.renewed = now;
            }
            match life.stage {
                Stage::Arriving { .. } | Stage::Answering => life.stage = Stage::Resting,
                Stage::Resting | Stage::Stream => {}
            }
        });
    }

    /// The head of a request is whole; `is_whole`: so is the request.
    pub(crate) fn requested(&self, is_whole: bool) {
        self.change(|life| life.is_of_use = false);
        if is_whole {
            self.whole();
        }
    }

    /// The request is whole.
    pub(crate) fn whole(&self) {
        self.change(|life| life.stage = Stage::Answering);
    }

    /// The request has a valid token.
    pub(crate) fn proved(&self, now: Instant) {
        self.change(|life| (life.is_proven, life.is_of_use, life.renewed) = (true, true, now));
    }

    /// It is an event stream from now on: its messages are no requests.
    pub(crate) fn streams(&self) {
        self.change(|life| life.stage = Stage::Stream);
    }

    /// When it is given up, as things stand.
    pub(crate) fn ends(&self) -> Instant {
        let life = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let rest = if life.is_proven { life.renewed + LONGEST_REST } else { life.accepted + UNPROVEN_TIME };
        match life.stage {
            Stage::Arriving { since } => rest.min(since + LONGEST_ARRIVAL),
            Stage::Answering if life.is_of_use => life.renewed + LONGEST_ANSWER,
            Stage::Resting | Stage::Answering | Stage::Stream => rest,
        }
    }

    pub(crate) fn worth(&self) -> Worth {
        let life = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_asking = life.stage == Stage::Answering;
        Worth { is_proven: life.is_proven, is_asking, renewed: life.renewed }
    }

    fn change(&self, change: impl FnOnce(&mut Life)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Seconds after `began` at which it is given up.
    fn end_s(standing: &Standing, began: Instant) -> u64 {
        standing.ends().duration_since(began).as_secs()
    }

    #[test]
    fn only_requests_with_a_token_put_the_end_off() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let standing = Standing::new(began, false);
        assert_eq!(end_s(&standing, began), 30);
        for second in [1, 10, 20] {
            standing.heard(at(second));
            standing.requested(true);
            standing.wrote(at(second));
        }
        assert_eq!(end_s(&standing, began), 30, "answers without a token count for nothing");
        standing.heard(at(25));
        standing.requested(true);
        standing.proved(at(25));
        assert_eq!(end_s(&standing, began), 625, "the answer is ours to give");
        standing.wrote(at(26));
        assert_eq!(end_s(&standing, began), 116);
        standing.heard(at(100));
        standing.requested(true);
        standing.wrote(at(100));
        assert_eq!(end_s(&standing, began), 116);
    }

    #[test]
    fn a_request_that_never_comes_to_its_end_is_given_up_however_often_a_byte_of_it_comes() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        for is_proven in [false, true] {
            let standing = Standing::new(began, is_proven);
            (0..14).for_each(|second| standing.heard(at(second)));
            assert_eq!(end_s(&standing, began), 15);
            standing.requested(false);
            assert_eq!(end_s(&standing, began), 15, "its body is missing");
        }
    }

    #[test]
    fn a_stream_lives_by_what_is_sent_over_it() {
        let began = Instant::now();
        let at = |second| began + Duration::from_secs(second);
        let standing = Standing::new(began, false);
        standing.requested(true);
        standing.proved(began);
        standing.streams();
        for second in [0, 20, 40, 60] {
            standing.wrote(at(second));
            standing.heard(at(second + 1));
        }
        assert_eq!(end_s(&standing, began), 150);
    }

    #[test]
    fn whoever_proved_nothing_is_worth_less_than_the_idlest_of_use() {
        let began = Instant::now();
        let later = began + Duration::from_secs(60);
        let (idle, fresh, unproven) =
            (Standing::new(began, true), Standing::new(later, true), Standing::new(later, false));
        assert!(Standing::new(later, false).worth() == unproven.worth());
        let asking = Standing::new(began, false);
        asking.requested(true);
        assert!(unproven.worth() < asking.worth() && asking.worth() < idle.worth());
        assert!(unproven.worth() < idle.worth() && idle.worth() < fresh.worth());
    }
}
