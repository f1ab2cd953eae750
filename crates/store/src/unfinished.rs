//! What a crash left open, and the events that end it.

mod within;

use model::{
    AgentId, Cause, ContactEvent, ContactId, End, EndedBy, Event, LeaveReason, OfferId, OfferOutcome,
    QueueEvent, Reached, SegmentEnd, Time,
};

use within::Within;

use crate::queries::{OPEN_CONTACTS, OPEN_RECORDINGS, OPEN_SEGMENTS, OPEN_VISITS, read_all};
use crate::rows::read_recording;
use crate::{Contact, QueueVisit, RecordingRow, Row, Segment, Store, StoreError};

/// An offer that had not ended.
#[derive(Debug, Clone, PartialEq)]
pub struct OpenOffer {
    /// The offer.
    pub id: OfferId,
    /// The contact.
    pub contact: ContactId,
    /// The agent.
    pub agent: AgentId,
}

/// All that began and did not end. Not empty at a start only when the process before died.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Unfinished {
    /// Open contacts.
    pub contacts: Vec<Contact>,
    /// Open stays in queues.
    pub visits: Vec<QueueVisit>,
    /// Open offers.
    pub offers: Vec<OpenOffer>,
    /// Open segments.
    pub segments: Vec<Segment>,
    /// What went on within conversations: guests, holds, secure inputs.
    pub within: Vec<Within>,
    /// Open recordings; their files are to be repaired and closed as damaged.
    pub recordings: Vec<RecordingRow>,
}

impl Store {
    /// What an earlier process left open. Ask once the spool has followed
    /// ([`Store::wait_committed`] with [`crate::Journal::last_seq`]) and before the center starts.
    ///
    /// # Errors
    ///
    /// When the database does not answer.
    pub async fn unfinished(&self) -> Result<Unfinished, StoreError> {
        let db = self.db();
        let contacts = read_all(db.rows(OPEN_CONTACTS, &[]).await?, Contact::read)?;
        let mut within = Vec::new();
        for contact in &contacts {
            within.push(self.within(contact.id).await?);
        }
        Ok(Unfinished {
            contacts,
            within,
            visits: read_all(db.rows(OPEN_VISITS, &[]).await?, QueueVisit::read)?,
            offers: read_all(db.rows(OPEN_OFFERS, &[]).await?, OpenOffer::read)?,
            segments: read_all(db.rows(OPEN_SEGMENTS, &[]).await?, Segment::read)?,
            recordings: read_all(db.rows(OPEN_RECORDINGS, &[]).await?, read_recording)?,
        })
    }
}

impl Unfinished {
    /// The events that end it all, innermost first; only the recordings' ends, which need their files, are
    /// not among them.
    pub fn endings(&self, now: Time) -> Vec<Event> {
        let offers = self.offers.iter().map(|offer| {
            Event::Queue(QueueEvent::OfferEnded {
                offer: offer.id,
                contact: offer.contact,
                agent: offer.agent.clone(),
                outcome: OfferOutcome::CallerGone,
            })
        });
        let visits = self.visits.iter().map(|visit| {
            Event::Queue(QueueEvent::Left {
                contact: visit.contact_id,
                queue: visit.queue.clone(),
                reason: LeaveReason::Ended,
                waited_ms: u64::try_from(now.since(visit.entered_at).as_millis()).unwrap_or(u64::MAX),
            })
        });
        let segments = self.segments.iter().map(|segment| {
            Event::Contact(ContactEvent::SegmentEnded {
                segment: segment.id,
                contact: segment.contact_id,
                agent: segment.agent.clone(),
                end: SegmentEnd { by: EndedBy::Center, cause: Cause::Crashed },
            })
        });
        let contacts = self.contacts.iter().map(|contact| {
            Event::Contact(ContactEvent::Ended {
                contact: contact.id,
                end: End::new(Cause::Crashed, EndedBy::Center, reached(contact)),
            })
        });
        let within = self.within.iter().flat_map(Within::endings);
        offers.chain(visits).chain(within).chain(segments).chain(contacts).collect()
    }
}

/// A crash counts as one however far the customer had come.
fn reached(contact: &Contact) -> Reached {
    if contact.talked_at.is_some() { Reached::Person } else { Reached::Flow }
}

impl OpenOffer {
    fn read(mut row: Row) -> Result<OpenOffer, StoreError> {
        Ok(OpenOffer {
            id: row.id(OfferId::from_number)?,
            contact: row.id(ContactId::from_number)?,
            agent: row.name()?,
        })
    }
}

const OPEN_OFFERS: &str = "SELECT id, contact, agent FROM offers WHERE ended_ms IS NULL ORDER BY id";
