//! Who waits in one queue, in order of score.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{AgentId, ContactId, Time};

/// A contact's place in the order: the instant at which it would have had to arrive, without a bonus, to
/// have today's score. Earlier is first. It never changes while the contact waits, so the order is kept
/// without looking at the clock.
pub(crate) type Place = (Time, ContactId);

/// One queue.
#[derive(Debug, Clone)]
pub(crate) struct Queue {
    pub(crate) offer_deadline: Duration,
    pub(crate) wrap_up: Duration,
    /// Not in the settings any more: its agents keep serving it, whatever their settings say.
    pub(crate) is_removed: bool,
    /// All contacts in the queue.
    members: BTreeSet<Place>,
    /// Those of them that no seat rings for.
    unoffered: BTreeSet<Place>,
    /// Idle agents who serve this queue, idle longest first.
    pub(crate) idle: BTreeSet<(Time, AgentId)>,
}

impl Queue {
    pub(crate) fn new(offer_deadline: Duration, wrap_up: Duration) -> Queue {
        Queue {
            offer_deadline,
            wrap_up,
            is_removed: false,
            members: BTreeSet::new(),
            unoffered: BTreeSet::new(),
            idle: BTreeSet::new(),
        }
    }

    pub(crate) fn join(&mut self, place: Place) {
        self.members.insert(place);
        self.unoffered.insert(place);
    }

    pub(crate) fn leave(&mut self, place: Place) {
        self.members.remove(&place);
        self.unoffered.remove(&place);
    }

    /// A seat rings for this contact; it keeps its place.
    pub(crate) fn mark_offered(&mut self, place: Place) {
        self.unoffered.remove(&place);
    }

    /// The ring ended without an answer: back to the place it never lost.
    pub(crate) fn mark_unoffered(&mut self, place: Place) {
        if self.members.contains(&place) {
            self.unoffered.insert(place);
        }
    }

    /// The next match, if there is somebody on both sides.
    pub(crate) fn next_match(&self) -> Option<(Place, (Time, AgentId))> {
        Some((*self.unoffered.first()?, self.idle.first()?.clone()))
    }

    /// The place of the contact that is next, if an agent is idle for it.
    pub(crate) fn next_place(&self) -> Option<Place> {
        self.idle.first()?;
        self.unoffered.first().copied()
    }

    /// 1-based position.
    pub(crate) fn position(&self, place: Place) -> u32 {
        u32::try_from(self.members.range(..place).count() + 1).unwrap_or(u32::MAX)
    }

    pub(crate) fn len(&self) -> usize {
        self.members.len()
    }
}
