//! What must be true of every log, whatever happened.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Debug;

use model::{Event, Record};

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

/// Checks a finished log: gapless, and everything that began ended exactly once. Whoever waits leaves the queue before it
/// ends, unless the distributor's word may come late.
pub(super) fn balance(records: &[Record], late: bool) {
    let mut contacts = Pairs("contact", BTreeMap::new());
    let mut offers = Pairs("offer", BTreeMap::new());
    let mut segments = Pairs("segment", BTreeMap::new());
    let mut recordings = Pairs("recording", BTreeMap::new());
    let (mut waiting, mut talking) = (BTreeSet::new(), BTreeSet::new());
    let (mut pressing, mut guests) = (BTreeSet::new(), BTreeSet::new());
    for (expected, record) in (1..).zip(records) {
        assert_eq!(record.seq, expected, "the log has a gap");
        match &record.event {
            Event::ContactStarted { contact, .. } => contacts.begin(*contact),
            Event::ContactEnded { contact, .. } => {
                contacts.end(*contact);
                assert!(late || !waiting.contains(contact), "{contact} ended in a queue");
                assert!(!talking.contains(contact), "{contact} ended in a segment");
            }
            Event::QueueEntered { contact, .. } => assert!(waiting.insert(*contact), "{contact} waits twice"),
            Event::QueueLeft { contact, .. } => assert!(waiting.remove(contact), "{contact} did not wait"),
            Event::OfferMade { offer, contact, .. } => {
                assert!(waiting.contains(contact), "{contact} is offered and does not wait");
                offers.begin(*offer);
            }
            Event::OfferEnded { offer, .. } => offers.end(*offer),
            Event::SegmentStarted { segment, contact, .. } => {
                assert!(talking.insert(*contact), "{contact} talks twice");
                segments.begin(*segment);
            }
            Event::GuestInvited { contact, guest, .. } => {
                assert!(talking.contains(contact), "{guest} is invited to nobody");
                assert!(guests.insert((*contact, guest.clone())), "{guest} is invited twice");
            }
            Event::GuestJoined { contact, guest } | Event::GuestChanged { contact, guest, .. } => {
                assert!(guests.contains(&(*contact, guest.clone())));
            }
            Event::GuestLeft { contact, guest, .. } => {
                assert!(guests.remove(&(*contact, guest.clone())), "{guest} left twice");
            }
            Event::SegmentEnded { segment, contact, .. } => {
                assert!(talking.remove(contact));
                segments.end(*segment);
            }
            Event::HoldStarted { segment, .. } | Event::HoldEnded { segment, .. } => {
                assert!(segments.is_open(*segment), "hold outside of a conversation");
            }
            Event::RecordingOpened { recording, contact, .. } => {
                assert!(contacts.is_open(*contact));
                recordings.begin(*recording);
            }
            Event::RecordingPaused { recording, .. } | Event::RecordingResumed { recording, .. } => {
                assert!(recordings.is_open(*recording), "a pause outside of a recording");
            }
            Event::RecordingClosed { recording, .. } => recordings.end(*recording),
            Event::ContactAnswered { contact }
            | Event::LanguageChosen { contact, .. }
            | Event::NodeEntered { contact, .. }
            | Event::SecureInputRead { contact, .. }
            | Event::DigitPressed { contact, .. } => assert!(contacts.is_open(*contact)),
            Event::SecureInputStarted { contact, .. } => {
                assert!(contacts.is_open(*contact));
                assert!(pressing.insert(*contact), "{contact} presses twice");
            }
            Event::SecureInputEnded { contact, .. } => {
                assert!(pressing.remove(contact), "{contact} did not press in secret");
            }
            Event::CenterStarted { .. }
            | Event::DrainStarted
            | Event::ClockSet { .. }
            | Event::OneWayAudio { .. }
            | Event::QualityMeasured { .. }
            | Event::RecordingListened { .. }
            | Event::SipTraceRead { .. }
            | Event::SampleDrawn { .. }
            | Event::LegalHoldSet { .. }
            | Event::LegalHoldCleared { .. }
            | Event::RecordingErased { .. }
            | Event::StorageFailed { .. }
            | Event::StorageRestored { .. }
            | Event::AgentChanged { .. } => {}
        }
    }
    contacts.all_ended();
    offers.all_ended();
    segments.all_ended();
    recordings.all_ended();
    assert!(waiting.is_empty() && talking.is_empty() && pressing.is_empty());
    assert!(guests.is_empty(), "guests left: {guests:?}");
}
