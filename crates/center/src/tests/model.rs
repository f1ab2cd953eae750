//! A small model of contacts and legs, which knows nothing but the log: after each step of each test it says where
//! every contact is and what every agent's leg is there for, and the center must be of the same opinion.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    AgentId, ContactEvent, ContactId, Entry, Event, GuestEnd, OfferOutcome, ParkEnd, Part, Party, QueueEvent,
    RecordingEvent, Side, Slot,
};

use crate::Center;
use crate::contact::{Contact, Place, Talk};
use crate::leg::Why;
use crate::secure::Secure;

/// What the log says of everybody.
#[derive(Debug, Default)]
pub(super) struct Model {
    contacts: BTreeMap<ContactId, Visit>,
    /// Whom each seat rings for, by an offer.
    rung: BTreeMap<AgentId, ContactId>,
}

/// What the log says of a contact.
#[derive(Debug, Default)]
struct Visit {
    step: Step,
    /// The agent for whom the customer is called.
    called_for: Option<AgentId>,
    /// The agent, while there is a conversation.
    agent: Option<Party>,
    is_on_the_way: bool,
    slot: Option<Slot>,
    guests: BTreeMap<Party, (Part, bool)>,
    held_by: BTreeSet<&'static str>,
    presses_in_secret: bool,
    is_paused: bool,
}

#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Step {
    #[default]
    Opening,
    Calling,
    Answering,
    InFlow,
    Waiting,
}

fn side(by: Side) -> &'static str {
    match by {
        Side::Customer => "caller",
        Side::Company => "agent",
    }
}

impl Model {
    /// Takes the next entry.
    pub(super) fn read(&mut self, entry: &Entry) {
        match &entry.event {
            Event::Contact(ContactEvent::Started { contact, .. }) => {
                self.contacts.insert(*contact, Visit::default());
            }
            Event::Contact(ContactEvent::Placed { contact, agent, .. }) => {
                let called_for = agent.clone();
                self.contacts.insert(*contact, Visit { step: Step::Calling, called_for, ..Visit::default() });
            }
            // Of one whom we call it is opened with the answer.
            Event::Recording(RecordingEvent::Opened { contact, .. })
                if self.of(*contact).step == Step::Calling => {}
            Event::Contact(ContactEvent::Answered { contact }) if self.of(*contact).step == Step::Calling => {
            }
            Event::Contact(ContactEvent::Ended { contact, .. }) => _ = self.contacts.remove(contact),
            Event::Recording(RecordingEvent::Opened { contact, .. }) => {
                self.of(*contact).step = Step::Answering
            }
            Event::Contact(ContactEvent::Answered { contact }) => self.of(*contact).step = Step::InFlow,
            Event::Queue(QueueEvent::Entered { contact, .. }) => {
                let visit = self.of(*contact);
                (visit.step, visit.is_on_the_way) = (Step::Waiting, false);
            }
            Event::Contact(ContactEvent::TransferStarted { contact, attended, .. }) => {
                self.of(*contact).is_on_the_way = !attended;
            }
            Event::Contact(ContactEvent::TransferEnded { contact, .. }) => {
                self.of(*contact).is_on_the_way = false;
            }
            Event::Contact(ContactEvent::ExtensionDialled { contact, .. }) => {
                self.of(*contact).is_on_the_way = true;
            }
            Event::Contact(ContactEvent::ExtensionEnded { contact, .. }) => {
                self.of(*contact).is_on_the_way = false;
            }
            Event::Contact(ContactEvent::Parked { contact, slot, .. }) => {
                let taken = self.contacts.values().any(|visit| visit.slot == Some(*slot));
                assert!(!taken, "{slot} has two");
                self.of(*contact).slot = Some(*slot);
            }
            Event::Contact(ContactEvent::Unparked { contact, slot, how }) => {
                assert_eq!(self.of(*contact).slot.take(), Some(*slot));
                self.of(*contact).is_on_the_way = *how == ParkEnd::TimedOut;
            }
            Event::Queue(QueueEvent::Left { contact, .. }) => self.of(*contact).step = Step::InFlow,
            Event::Queue(QueueEvent::OfferMade { contact, agent, .. }) => {
                _ = self.rung.insert(agent.clone(), *contact)
            }
            Event::Queue(QueueEvent::OfferEnded { agent, outcome, .. }) => {
                assert!(self.rung.remove(agent).is_some(), "{agent} was not rung: {outcome:?}");
                assert!(*outcome != OfferOutcome::Accepted || !self.talks(agent), "{agent} talks twice");
            }
            Event::Contact(ContactEvent::SegmentStarted { contact, agent, .. }) => {
                let visit = self.of(*contact);
                (visit.agent, visit.held_by) = (Some(agent.clone()), BTreeSet::new());
                visit.step = Step::InFlow;
                visit.is_on_the_way = false;
            }
            Event::Contact(ContactEvent::SegmentEnded { contact, .. }) => self.of(*contact).agent = None,
            Event::Contact(ContactEvent::HoldStarted { contact, by, .. }) => {
                _ = self.of(*contact).held_by.insert(side(*by))
            }
            Event::Contact(ContactEvent::HoldEnded { contact, by, .. }) => {
                _ = self.of(*contact).held_by.remove(side(*by))
            }
            Event::Contact(ContactEvent::GuestInvited { contact, guest, part, .. }) => {
                self.of(*contact).guests.insert(guest.clone(), (*part, false));
            }
            Event::Contact(ContactEvent::GuestJoined { contact, guest }) => {
                if let Some((_, joined)) = self.of(*contact).guests.get_mut(guest) {
                    *joined = true;
                }
            }
            Event::Contact(ContactEvent::GuestChanged { contact, guest, part, .. }) => {
                if let Some((before, _)) = self.of(*contact).guests.get_mut(guest) {
                    *before = *part;
                }
            }
            Event::Contact(ContactEvent::GuestLeft { contact, guest, how, .. }) => {
                let (_, joined) = self.of(*contact).guests.remove(guest).unwrap();
                assert!(joined || *how != GuestEnd::BecameAgent, "{guest} was never there");
            }
            Event::Contact(ContactEvent::SecureInputStarted { contact, .. }) => {
                self.of(*contact).presses_in_secret = true
            }
            Event::Contact(ContactEvent::SecureInputEnded { contact, .. }) => {
                self.of(*contact).presses_in_secret = false
            }
            Event::Recording(RecordingEvent::Paused { contact, .. }) => self.of(*contact).is_paused = true,
            Event::Recording(RecordingEvent::Resumed { contact, .. }) => self.of(*contact).is_paused = false,
            _ => {}
        }
    }

    fn of(&mut self, contact: ContactId) -> &mut Visit {
        self.contacts.get_mut(&contact).unwrap_or_else(|| panic!("{contact} did not start, or is over"))
    }

    fn talks(&self, agent: &AgentId) -> bool {
        self.contacts.values().any(|visit| visit.agent.as_ref().and_then(Party::agent) == Some(agent))
    }

    /// Compares with the center, between two steps.
    pub(super) fn assert_agrees(&self, center: &Center) {
        let (told, known) = (self.contacts.keys(), center.contacts.keys());
        assert!(told.eq(known), "the log says {:?}", self.contacts.keys());
        for (id, visit) in &self.contacts {
            visit.assert_is(&center.contacts[id]);
        }
        self.assert_legs(center);
    }

    /// Every seat has the leg that the log lets expect, and no other.
    fn assert_legs(&self, center: &Center) {
        let mut expected: BTreeMap<&AgentId, (ContactId, &str)> =
            self.rung.iter().map(|(agent, contact)| (agent, (*contact, "offer"))).collect();
        for (id, visit) in &self.contacts {
            expected
                .extend(visit.agent.iter().filter_map(Party::agent).map(|agent| (agent, (*id, "segment"))));
            expected
                .extend(visit.guests.keys().filter_map(Party::agent).map(|guest| (guest, (*id, "guest"))));
        }
        let of_agents = center.cx.legs.live().filter_map(|(id, why)| {
            let agent = center.cx.legs.get(id)?.agent()?;
            let why = match why {
                Why::Offer { contact, .. } | Why::Answered { contact, .. } => (*contact, "offer"),
                Why::Segment(contact) => (*contact, "segment"),
                Why::Guest(contact) => (*contact, "guest"),
                // Who is rung for a customer on the way back is in no log.
                Why::Taker(contact) | Why::Giver(contact) => {
                    assert!(self.contacts[contact].is_on_the_way || self.contacts[contact].slot.is_some());
                    return None;
                }
                // The agent may have dialled, be rung, or be asked still.
                Why::Originator(contact) => {
                    let visit = &self.contacts[contact];
                    assert!(visit.step == Step::Calling && visit.called_for.as_ref() == Some(agent));
                    return None;
                }
                Why::SecondLine(contact) => {
                    assert!(self.contacts[contact].agent.as_ref().and_then(Party::agent) == Some(agent));
                    return None;
                }
                Why::Contact(_) | Why::Inside(_) | Why::FeatureCode => return None,
            };
            Some((agent, why))
        });
        let found: Vec<_> = of_agents.collect();
        assert_eq!(found.len(), expected.len(), "an agent has two legs, or none: {found:?} {expected:?}");
        assert_eq!(found.into_iter().collect::<BTreeMap<_, _>>(), expected);
    }
}

impl Visit {
    fn assert_is(&self, contact: &Contact) {
        let step = match &contact.place {
            Place::Opening { .. } => Step::Opening,
            Place::Answering { .. } => Step::Answering,
            Place::Calling(_) => Step::Calling,
            Place::InFlow | Place::Talking(_) | Place::Moving(_) | Place::Parked(_) => Step::InFlow,
            Place::Waiting { .. } => Step::Waiting,
            Place::Over => panic!("{} is kept though it is over", contact.id),
        };
        assert_eq!(step, self.step, "the log says {self:?} of {contact:?}");
        assert_eq!(contact.talk().map(|talk| &talk.agent), self.agent.as_ref(), "{contact:?}");
        assert_eq!(matches!(contact.place, Place::Moving(_)), self.is_on_the_way, "{contact:?}");
        assert_eq!(matches!(contact.place, Place::Parked(_)), self.slot.is_some(), "{contact:?}");
        match contact.talk() {
            Some(talk) => self.assert_talk(talk),
            None => assert!(self.guests.is_empty(), "guests of no conversation: {self:?}"),
        }
        let secret = matches!(contact.secure, Secure::InFlow | Secure::WithAgent { .. });
        assert_eq!(secret, self.presses_in_secret, "{contact:?}");
        let paused = contact.recording.is_some() && !contact.masks.is_empty();
        assert!(!paused || self.is_paused, "masked and not told: {contact:?}");
    }

    fn assert_talk(&self, talk: &Talk) {
        let holds = [("agent", talk.is_held_by(Side::Company)), ("caller", talk.held_by_caller)];
        let held_by: BTreeSet<_> = holds.into_iter().filter(|(_, holds)| *holds).map(|(by, _)| by).collect();
        assert_eq!(held_by, self.held_by, "{talk:?}");
        let guests = talk.guests.iter().map(|guest| (guest.who.clone(), (guest.part, guest.joined)));
        assert_eq!(guests.collect::<BTreeMap<_, _>>(), self.guests);
    }
}
