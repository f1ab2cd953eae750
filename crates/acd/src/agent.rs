//! One agent's state.

use std::time::Duration;

use model::{Activity, ContactId, NotReadyReason, OfferId, QueueName, Shift, Time};

use crate::config::AgentConfig;
use crate::inout::AgentView;
use crate::standing::Did;

/// One agent.
#[derive(Debug, Clone)]
pub(crate) struct Agent {
    pub(crate) queues: Vec<QueueName>,
    pub(crate) starts_ready: bool,
    pub(crate) miss_limit: u32,
    pub(crate) rest_after_miss: Duration,
    /// Not in the settings any more: forgotten when the call is over.
    pub(crate) is_removed: bool,
    pub(crate) seat_online: bool,
    pub(crate) willing: Willing,
    pub(crate) doing: Doing,
    /// How the agent stood before a restart, until the seat is back.
    pub(crate) before: Option<Before>,
    /// Offers in a row that were not answered.
    pub(crate) misses: u32,
}

/// Does the agent want calls? Meaningful while the seat is online.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Willing {
    Ready,
    NotReady(NotReadyReason),
}

/// How an agent stood before a restart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Before {
    pub(crate) willing: Willing,
    pub(crate) did: Did,
    /// When it is forgotten.
    pub(crate) until: Time,
}

/// What the agent does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Doing {
    /// Nothing, since `since`: the instant from which idle time counts.
    Idle { since: Time },
    /// The seat rings. `idle_since` is given back when the caller leaves.
    Offered { offer: OfferId, contact: ContactId, queue: QueueName, deadline: Time, idle_since: Time },
    /// The offer is dead; the device has not yet said so.
    Releasing { offer: OfferId, guard: Time, then: AfterRelease },
    /// Left alone after a missed offer.
    Resting { until: Time },
    /// In a call.
    Talking { contact: ContactId, queue: QueueName },
    /// Writing up.
    WrapUp { until: Time },
}

/// What follows once the device is free.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum AfterRelease {
    /// Idle again, as if nothing had been offered.
    IdleSince(Time),
    /// Left alone for a while: the offer was missed.
    RestUntil(Time),
}

impl Agent {
    /// An agent who is signed out.
    pub(crate) fn new(config: AgentConfig) -> Agent {
        Agent {
            queues: config.queues,
            starts_ready: config.starts_ready,
            miss_limit: config.miss_limit,
            rest_after_miss: config.rest_after_miss,
            is_removed: false,
            seat_online: false,
            willing: Willing::Ready,
            doing: Doing::Idle { since: Time::default() },
            before: None,
            misses: 0,
        }
    }

    /// True when nothing of the agent is awaited any more, neither the end of a call nor a device that still rings.
    pub(crate) fn is_at_rest(&self) -> bool {
        match self.doing {
            Doing::Idle { .. } | Doing::Resting { .. } | Doing::WrapUp { .. } => true,
            Doing::Offered { .. } | Doing::Releasing { .. } | Doing::Talking { .. } => false,
        }
    }

    /// The instant at which something happens by itself.
    pub(crate) fn timeout(&self) -> Option<Time> {
        match &self.doing {
            Doing::Idle { .. } | Doing::Talking { .. } => None,
            Doing::Offered { deadline, .. } => Some(*deadline),
            Doing::Releasing { guard, .. } => Some(*guard),
            Doing::Resting { until } | Doing::WrapUp { until } => Some(*until),
        }
    }

    /// Since when the agent could be offered a call; `None` when not now.
    pub(crate) fn available_since(&self) -> Option<Time> {
        match (&self.doing, self.willing) {
            (Doing::Idle { since }, Willing::Ready) if self.seat_online => Some(*since),
            (
                Doing::Idle { .. }
                | Doing::Offered { .. }
                | Doing::Releasing { .. }
                | Doing::Resting { .. }
                | Doing::Talking { .. }
                | Doing::WrapUp { .. },
                Willing::Ready | Willing::NotReady(_),
            ) => None,
        }
    }

    pub(crate) fn shift(&self) -> Shift {
        match self.willing {
            _ if !self.seat_online => Shift::SignedOut,
            Willing::Ready => Shift::Ready,
            Willing::NotReady(reason) => Shift::NotReady(reason),
        }
    }

    pub(crate) fn activity(&self) -> Activity {
        match self.doing {
            Doing::Idle { .. } | Doing::Resting { .. } => Activity::Idle,
            Doing::Offered { .. } | Doing::Releasing { .. } => Activity::Offered,
            Doing::Talking { .. } => Activity::Talking,
            Doing::WrapUp { .. } => Activity::WrapUp,
        }
    }

    /// The seat registered: a shift begins, or what was before a restart goes on.
    pub(crate) fn sign_in(&mut self, now: Time) {
        self.seat_online = true;
        self.misses = 0;
        let idle = matches!(self.doing, Doing::Idle { .. } | Doing::Resting { .. });
        let before = self.before.take().filter(|before| idle && now <= before.until);
        self.willing = match before {
            Some(before) => before.willing,
            None if self.starts_ready => Willing::Ready,
            None => Willing::NotReady(NotReadyReason::Break),
        };
        if idle {
            self.doing = match before.map(|before| before.did) {
                Some(Did::WrapUp { until }) if until > now => Doing::WrapUp { until },
                Some(Did::Missed { at }) if at + self.rest_after_miss > now => {
                    Doing::Resting { until: at + self.rest_after_miss }
                }
                Some(Did::WrapUp { until: since } | Did::Missed { at: since } | Did::Idle { since }) => {
                    Doing::Idle { since: since.min(now) }
                }
                None => Doing::Idle { since: now },
            };
        }
    }

    /// What others see.
    pub(crate) fn view(&self) -> AgentView {
        AgentView { shift: self.shift(), activity: self.activity(), seat_online: self.seat_online }
    }

    /// Counts an offer that was not answered, and makes the agent not ready at the limit.
    pub(crate) fn miss(&mut self, reason: NotReadyReason) {
        self.misses += 1;
        if self.miss_limit > 0 && self.misses >= self.miss_limit && self.willing == Willing::Ready {
            self.willing = Willing::NotReady(reason);
            self.misses = 0;
        }
    }

    /// The device is free: what was to follow now follows.
    pub(crate) fn release(&mut self, now: Time) {
        if let Doing::Releasing { then, .. } = self.doing {
            self.doing = match then {
                AfterRelease::RestUntil(until) if until > now => Doing::Resting { until },
                AfterRelease::RestUntil(_) => Doing::Idle { since: now },
                AfterRelease::IdleSince(since) => Doing::Idle { since },
            };
        }
    }
}
