//! The table of legs, and who has which.

use std::collections::BTreeMap;

use model::{AgentId, CallId, ContactId, LegId, OfferId, RemoteMedia};

use crate::leg::{Leg, Why};

/// Every leg, until nothing is awaited of it any more. The other tables name legs that are not over.
#[derive(Debug, Default)]
pub(crate) struct Legs {
    legs: BTreeMap<LegId, Leg>,
    /// The customer's leg of each contact.
    customers: BTreeMap<ContactId, LegId>,
    /// The seat that rings for each contact, or has answered.
    ringing: BTreeMap<ContactId, LegId>,
    /// The leg by which each agent is rung for a contact, or talks with it.
    seats: BTreeMap<AgentId, LegId>,
}

impl Legs {
    pub(crate) fn get_mut(&mut self, leg: LegId) -> Option<&mut Leg> {
        self.legs.get_mut(&leg)
    }

    pub(crate) fn get(&self, leg: LegId) -> Option<&Leg> {
        self.legs.get(&leg)
    }

    pub(crate) fn is_up(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(Leg::is_up)
    }

    /// The call of a contact: it selects the media thread of all its legs.
    pub(crate) fn call_of(&self, contact: ContactId) -> Option<CallId> {
        self.legs.get(self.customers.get(&contact)?).map(|leg| leg.call)
    }

    /// The seat that rings for a contact by this offer.
    pub(crate) fn ringing(&self, contact: ContactId, offer: OfferId) -> Option<LegId> {
        let leg = *self.ringing.get(&contact)?;
        let by = |of: &&Leg| match of.why {
            Why::Offer { offer: by, .. } | Why::Answered { offer: by, .. } => by == offer,
            Why::Contact(_)
            | Why::Originator(_)
            | Why::Segment(_)
            | Why::Guest(_)
            | Why::Taker(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::Inside(_)
            | Why::FeatureCode => false,
        };
        self.legs.get(&leg).filter(by).map(|_| leg)
    }

    /// The seat that answered this offer of a contact, and its audio.
    pub(crate) fn answered(&self, contact: ContactId, offer: OfferId) -> Option<(LegId, RemoteMedia)> {
        let leg = *self.ringing.get(&contact)?;
        match &self.legs.get(&leg)?.why {
            Why::Answered { offer: by, remote, .. } if *by == offer => Some((leg, remote.clone())),
            Why::Answered { .. }
            | Why::Offer { .. }
            | Why::Contact(_)
            | Why::Originator(_)
            | Why::Segment(_)
            | Why::Guest(_)
            | Why::Taker(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::Inside(_)
            | Why::FeatureCode => None,
        }
    }

    /// True while a seat rings for a contact, or has answered.
    pub(crate) fn rings(&self, contact: ContactId) -> bool {
        self.ringing.contains_key(&contact)
    }

    /// The leg by which an agent is rung for a contact, or talks with it.
    pub(crate) fn of_agent(&self, agent: &AgentId) -> Option<(LegId, &Leg)> {
        let leg = *self.seats.get(agent)?;
        self.legs.get(&leg).map(|of| (leg, of))
    }

    pub(crate) fn insert(&mut self, id: LegId, leg: Leg) {
        match &leg.why {
            Why::Contact(contact) => _ = self.customers.insert(*contact, id),
            Why::Offer { contact, .. } | Why::Answered { contact, .. } => {
                _ = self.ringing.insert(*contact, id);
            }
            Why::Originator(_)
            | Why::Segment(_)
            | Why::Guest(_)
            | Why::Taker(_)
            | Why::Giver(_)
            | Why::SecondLine(_)
            | Why::Inside(_)
            | Why::FeatureCode => {}
        }
        // An agent's own call is found by the first leg, or once the distributor gave the agent for it.
        if let Some(agent) = leg.agent().filter(|_| !leg.is_inbound) {
            self.seats.insert(agent.clone(), id);
        }
        self.legs.insert(id, leg);
    }

    /// The seat answered its offer with this audio, or changed it since.
    pub(crate) fn is_answered(&mut self, leg: LegId, remote: RemoteMedia) {
        let Some(of) = self.legs.get_mut(&leg) else { return };
        if let Why::Offer { offer, contact, .. } | Why::Answered { offer, contact, .. } = of.why {
            of.why = Why::Answered { offer, contact, remote };
        }
    }

    /// The leg is there for the contact's segment from now on.
    pub(crate) fn becomes_the_agents(&mut self, leg: LegId, contact: ContactId) {
        take_out(&mut self.ringing, &contact, leg);
        self.is_there_for(leg, Why::Segment(contact));
        if let Some(of) = self.legs.get_mut(&leg) {
            of.is_engaged = false;
        }
    }

    /// The distributor gave the leg's agent.
    pub(crate) fn is_engaged(&mut self, leg: LegId) {
        let Some(of) = self.legs.get_mut(&leg) else { return };
        of.is_engaged = true;
        if let Some(agent) = of.agent().cloned() {
            self.seats.insert(agent, leg);
        }
    }

    /// The leg, which rings for no offer, is there for something else from now on.
    pub(crate) fn is_there_for(&mut self, leg: LegId, why: Why) {
        if let Some(of) = self.legs.get_mut(&leg) {
            of.why = why;
        }
    }

    /// The leg is over: nobody has it any more.
    pub(crate) fn leaves(&mut self, leg: LegId) {
        let Some(of) = self.legs.get(&leg) else { return };
        if let Some(contact) = of.why.contact() {
            take_out(&mut self.customers, &contact, leg);
            take_out(&mut self.ringing, &contact, leg);
        }
        if let Some(agent) = of.agent() {
            take_out(&mut self.seats, agent, leg);
        }
    }

    pub(crate) fn awaits_device(&self, leg: LegId) -> bool {
        self.legs.get(&leg).is_some_and(|leg| leg.awaited().device)
    }

    /// Forgets a leg of which nothing is awaited.
    pub(crate) fn forget_if_done(&mut self, leg: LegId) {
        if self.legs.get(&leg).is_some_and(Leg::is_done) {
            self.legs.remove(&leg);
        }
    }

    /// True when the quality of some leg is still to be recorded.
    pub(crate) fn await_quality(&self) -> bool {
        self.legs.values().any(|leg| leg.awaited().quality)
    }
}

#[cfg(test)]
impl Legs {
    pub(crate) fn is_empty(&self) -> bool {
        self.legs.is_empty()
    }

    /// The legs that are not over, and why they are there.
    pub(crate) fn live(&self) -> impl Iterator<Item = (LegId, &Why)> {
        self.legs.iter().filter(|(_, leg)| !leg.is_over()).map(|(id, leg)| (*id, &leg.why))
    }

    /// Why an agent's legs are there, those among them whose device has not said its last word; none to a feature code.
    pub(crate) fn of_agent_with_leaving(&self, agent: &AgentId) -> impl Iterator<Item = &Why> {
        let legs = self.legs.values().filter(move |leg| leg.agent() == Some(agent));
        let there = legs.filter(|leg| !leg.is_over() || leg.awaited().device);
        there.map(|leg| &leg.why).filter(|why| **why != Why::FeatureCode)
    }

    /// Legs that we let go whose devices have not said their last word.
    pub(crate) fn devices_awaited(&self) -> usize {
        self.legs.values().filter(|leg| leg.awaited().device).count()
    }

    /// True when every table names live legs, and those that it should.
    pub(crate) fn indexes_are_true(&self) -> bool {
        let named = self.customers.values().chain(self.ringing.values()).chain(self.seats.values());
        let alive = named.into_iter().all(|leg| self.legs.get(leg).is_some_and(|leg| !leg.is_over()));
        let rings = |leg| {
            self.legs.get(leg).is_some_and(|leg| matches!(leg.why, Why::Offer { .. } | Why::Answered { .. }))
        };
        let alive = alive && self.ringing.values().all(rings);
        let of_contacts = |(leg, why): (LegId, &Why)| match why {
            Why::Contact(contact) => self.customers.get(contact) == Some(&leg),
            Why::Offer { contact, .. } | Why::Answered { contact, .. } => {
                self.ringing.get(contact) == Some(&leg)
            }
            Why::Originator(_) | Why::Segment(_) | Why::Guest(_) | Why::Taker(_) | Why::Giver(_) => {
                let is_none = |leg: &Leg| leg.agent().is_none() || leg.is_inbound && !leg.is_engaged;
                self.legs.get(&leg).is_some_and(is_none) || self.seats.values().any(|seat| *seat == leg)
            }
            Why::SecondLine(_) | Why::Inside(_) | Why::FeatureCode => true,
        };
        alive && self.live().all(of_contacts)
    }
}

/// Takes an entry out if it names this leg.
fn take_out<K: Ord>(table: &mut BTreeMap<K, LegId>, key: &K, leg: LegId) {
    if table.get(key) == Some(&leg) {
        table.remove(key);
    }
}
