//! An offer's life: made where a contact and an agent match, it rings, and it ends once.

use model::{
    AgentId, ContactId, LeaveReason, NotReadyReason, OfferId, OfferOutcome, QueueName, Refusal, Time,
};

use super::Acd;
use crate::agent::{AfterRelease, Doing};
use crate::config::RELEASE_GUARD;
use crate::inout::Output;

impl Acd {
    /// Matches the highest score with the agent idle longest, until one side has nobody left.
    pub(super) fn dispatch(&mut self, now: Time) {
        loop {
            let next = self.queues.iter().filter_map(|(name, queue)| Some((queue.next_place()?, name)));
            let Some((_, name)) = next.min() else { return };
            let name = name.clone();
            let Some(queue) = self.queues.get_mut(&name) else { return };
            let Some(((virtual_since, contact), (idle_since, id))) = queue.next_match() else { return };
            queue.mark_offered((virtual_since, contact));
            let deadline = now + queue.offer_deadline;
            let offer = OfferId::new(&mut self.ids, now);
            self.offers.insert(offer, id.clone());
            if let Some(waiting) = self.contacts.get_mut(&contact) {
                waiting.offer = Some(offer);
            }
            self.outputs.push_back(Output::Offer {
                offer,
                contact,
                queue: name.clone(),
                agent: id.clone(),
                score_s: now.since(virtual_since).as_secs(),
                idle_ms: u64::try_from(now.since(idle_since).as_millis()).unwrap_or(u64::MAX),
            });
            self.change(&id, None, |agent| {
                agent.doing = Doing::Offered { offer, contact, queue: name.clone(), deadline, idle_since };
            });
        }
    }

    pub(super) fn answered(&mut self, now: Time, offer: OfferId) {
        let Some((id, ring)) = self.close_offer(offer) else { return };
        self.change(&id, None, |agent| {
            agent.misses = 0;
            agent.doing = Doing::Talking { contact: ring.contact, queue: ring.queue.clone() };
        });
        let talks = id.clone();
        self.outputs.push_back(Output::OfferEnded {
            offer,
            contact: ring.contact,
            agent: id,
            outcome: OfferOutcome::Accepted,
        });
        self.leave(now, ring.contact, LeaveReason::Answered);
        self.outputs.push_back(Output::Joined {
            offer,
            contact: ring.contact,
            queue: ring.queue,
            agent: talks,
        });
    }

    pub(super) fn refused(&mut self, now: Time, offer: OfferId, refusal: Refusal) {
        let Some((id, ring)) = self.close_offer(offer) else { return self.released(now, offer) };
        self.put_back(ring.contact);
        self.change(&id, None, |agent| {
            agent.doing = Doing::Resting { until: now + agent.rest_after_miss };
            agent.miss(reason_for(refusal));
        });
        self.outputs.push_back(Output::OfferEnded {
            offer,
            contact: ring.contact,
            agent: id,
            outcome: OfferOutcome::Refused(refusal),
        });
    }

    pub(super) fn released(&mut self, now: Time, offer: OfferId) {
        if let Some(id) = self.releasing.remove(&offer) {
            self.change(&id, None, |agent| agent.release(now));
        }
    }

    /// Ends a live offer from our side: the seat is to stop ringing.
    pub(super) fn withdraw(&mut self, now: Time, offer: OfferId, outcome: OfferOutcome) {
        let Some((id, ring)) = self.close_offer(offer) else { return };
        self.put_back(ring.contact);
        self.change(&id, None, |agent| {
            let then = match outcome {
                OfferOutcome::TimedOut => {
                    agent.miss(NotReadyReason::NoAnswer);
                    AfterRelease::RestUntil(now + agent.rest_after_miss)
                }
                OfferOutcome::CallerGone
                | OfferOutcome::AgentGone
                | OfferOutcome::Accepted
                | OfferOutcome::Refused(_) => AfterRelease::IdleSince(ring.idle_since),
            };
            agent.doing = Doing::Releasing { offer, guard: now + RELEASE_GUARD, then };
        });
        self.releasing.insert(offer, id.clone());
        self.outputs.push_back(Output::OfferEnded { offer, contact: ring.contact, agent: id, outcome });
    }

    /// Takes a live offer out of the tables: the one place where offers end, so each ends once.
    fn close_offer(&mut self, offer: OfferId) -> Option<(AgentId, Ring)> {
        let id = self.offers.remove(&offer)?;
        let ring = match &self.agents.get(&id)?.doing {
            Doing::Offered { contact, queue, idle_since, .. } => {
                Ring { contact: *contact, queue: queue.clone(), idle_since: *idle_since }
            }
            Doing::Idle { .. }
            | Doing::Releasing { .. }
            | Doing::Resting { .. }
            | Doing::Talking { .. }
            | Doing::WrapUp { .. } => return None,
        };
        if let Some(waiting) = self.contacts.get_mut(&ring.contact) {
            waiting.offer = None;
        }
        Some((id, ring))
    }

    fn put_back(&mut self, contact: ContactId) {
        if let Some(waiting) = self.contacts.get(&contact)
            && let Some(queue) = self.queues.get_mut(&waiting.queue)
        {
            queue.mark_unoffered(waiting.place);
        }
    }
}

/// What a live offer joined.
struct Ring {
    contact: ContactId,
    queue: QueueName,
    idle_since: Time,
}

fn reason_for(refusal: Refusal) -> NotReadyReason {
    match refusal {
        Refusal::Busy => NotReadyReason::Busy,
        Refusal::Declined => NotReadyReason::Declined,
        Refusal::NoAnswer => NotReadyReason::NoAnswer,
        Refusal::Unreachable | Refusal::NoCommonCodec | Refusal::Cancelled | Refusal::Failed => {
            NotReadyReason::Unreachable
        }
    }
}
