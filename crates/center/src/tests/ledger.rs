//! What must be true of every log, whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use model::{ContactEvent, Entry, Event, QueueEvent, RecordingEvent};

/// Things that begin once and end once, in this order.
#[derive(Debug)]
struct Pairs<T>(&'static str, BTreeMap<T, bool>);

impl<T: Ord + Debug + Copy> Pairs<T> {
    fn begin(&mut self, id: T) {
        assert_eq!(self.1.insert(id, false), None, "{} {id:?} began twice", self.0);
    }

    fn end(&mut self, id: T) {
        assert_eq!(self.1.insert(id, true), Some(false), "{} {id:?} ended twice or unbegun", self.0);
    }

    fn is_open(&self, id: T) -> bool {
        self.1.get(&id) == Some(&false)
    }

    fn all_ended(&self) {
        assert!(self.1.values().all(|ended| *ended), "{} left open: {:?}", self.0, self.1);
    }
}

/// Checks a finished log: everything that began ended exactly once. Whoever waits leaves the queue before it
/// ends, unless the distributor's word may come late.
pub(super) fn balance(entries: &[Entry], late: bool) {
    let mut contacts = Pairs("contact", BTreeMap::new());
    let mut offers = Pairs("offer", BTreeMap::new());
    let mut segments = Pairs("segment", BTreeMap::new());
    let mut recordings = Pairs("recording", BTreeMap::new());
    let (mut waiting, mut talking) = (BTreeSet::new(), BTreeSet::new());
    let (mut pressing, mut guests) = (BTreeSet::new(), BTreeSet::new());
    let (mut moving, mut parked) = (BTreeSet::new(), BTreeSet::new());
    for entry in entries {
        match &entry.event {
            Event::Contact(ContactEvent::Started { contact, .. } | ContactEvent::Placed { contact, .. }) => {
                contacts.begin(*contact)
            }
            Event::Contact(ContactEvent::Ended { contact, .. }) => {
                contacts.end(*contact);
                assert!(late || !waiting.contains(contact), "{contact} ended in a queue");
                assert!(!talking.contains(contact), "{contact} ended in a segment");
                assert!(!moving.contains(contact), "{contact} ended on the way");
            }
            Event::Queue(QueueEvent::Entered { contact, .. }) => {
                assert!(waiting.insert(*contact), "{contact} waits twice")
            }
            Event::Queue(QueueEvent::Left { contact, .. }) => {
                assert!(waiting.remove(contact), "{contact} did not wait")
            }
            Event::Queue(QueueEvent::OfferMade { offer, contact, .. }) => {
                assert!(waiting.contains(contact), "{contact} is offered and does not wait");
                offers.begin(*offer);
            }
            Event::Queue(QueueEvent::OfferEnded { offer, .. }) => offers.end(*offer),
            Event::Contact(ContactEvent::SegmentStarted { segment, contact, .. }) => {
                assert!(talking.insert(*contact), "{contact} talks twice");
                segments.begin(*segment);
            }
            Event::Contact(ContactEvent::GuestInvited { contact, guest, .. }) => {
                assert!(talking.contains(contact), "{guest} is invited to nobody");
                assert!(guests.insert((*contact, guest.clone())), "{guest} is invited twice");
            }
            Event::Contact(
                ContactEvent::GuestJoined { contact, guest }
                | ContactEvent::GuestChanged { contact, guest, .. },
            ) => {
                assert!(guests.contains(&(*contact, guest.clone())));
            }
            Event::Contact(ContactEvent::GuestLeft { contact, guest, .. }) => {
                assert!(guests.remove(&(*contact, guest.clone())), "{guest} left twice");
            }
            Event::Contact(ContactEvent::SegmentEnded { segment, contact, .. }) => {
                assert!(talking.remove(contact));
                segments.end(*segment);
            }
            Event::Contact(
                ContactEvent::HoldStarted { segment, .. } | ContactEvent::HoldEnded { segment, .. },
            ) => {
                assert!(segments.is_open(*segment), "hold outside of a conversation");
            }
            Event::Recording(RecordingEvent::Opened { recording, contact, .. }) => {
                assert!(contacts.is_open(*contact));
                recordings.begin(*recording);
            }
            Event::Recording(
                RecordingEvent::Paused { recording, .. } | RecordingEvent::Resumed { recording, .. },
            ) => {
                assert!(recordings.is_open(*recording), "a pause outside of a recording");
            }
            Event::Recording(RecordingEvent::Closed { recording, .. }) => recordings.end(*recording),
            Event::Contact(
                ContactEvent::Answered { contact }
                | ContactEvent::Ringing { contact }
                | ContactEvent::LanguageChosen { contact, .. }
                | ContactEvent::NodeEntered { contact, .. }
                | ContactEvent::SecureInputRead { contact, .. }
                | ContactEvent::DigitPressed { contact, .. },
            ) => {
                assert!(contacts.is_open(*contact))
            }
            Event::Contact(ContactEvent::SecureInputStarted { contact, .. }) => {
                assert!(contacts.is_open(*contact));
                assert!(pressing.insert(*contact), "{contact} presses twice");
            }
            Event::Contact(ContactEvent::SecureInputEnded { contact, .. }) => {
                assert!(pressing.remove(contact), "{contact} did not press in secret");
            }
            Event::Contact(ContactEvent::TransferStarted { contact, .. }) => {
                assert!(talking.contains(contact), "{contact} talks with nobody who could transfer");
                assert!(moving.insert(*contact), "{contact} moves twice");
            }
            Event::Contact(ContactEvent::TransferEnded { contact, .. }) => {
                assert!(moving.remove(contact), "{contact} did not move");
            }
            Event::Contact(ContactEvent::ExtensionDialled { contact, .. }) => {
                assert!(contacts.is_open(*contact) && !talking.contains(contact));
                assert!(moving.insert(*contact), "{contact} moves twice");
            }
            Event::Contact(ContactEvent::ExtensionEnded { contact, .. }) => {
                assert!(moving.remove(contact), "{contact} did not move");
            }
            Event::Contact(ContactEvent::Parked { contact, slot, .. }) => {
                assert!(contacts.is_open(*contact) && !talking.contains(contact));
                assert!(parked.insert((*contact, *slot)), "{contact} is parked twice");
            }
            Event::Contact(ContactEvent::Unparked { contact, slot, .. }) => {
                assert!(parked.remove(&(*contact, *slot)), "{contact} was not parked");
            }
            Event::Contact(
                ContactEvent::OneWayAudio { .. }
                | ContactEvent::QualityMeasured { .. }
                | ContactEvent::LegalHoldSet { .. }
                | ContactEvent::LegalHoldCleared { .. },
            )
            | Event::Recording(RecordingEvent::Listened { .. } | RecordingEvent::Erased { .. })
            | Event::Center(_)
            | Event::Agent(_)
            | Event::Storage(_) => {}
        }
    }
    contacts.all_ended();
    offers.all_ended();
    segments.all_ended();
    recordings.all_ended();
    assert!(waiting.is_empty() && talking.is_empty() && pressing.is_empty());
    assert!(moving.is_empty() && parked.is_empty(), "on the way: {moving:?} {parked:?}");
    assert!(guests.is_empty(), "guests left: {guests:?}");
}
