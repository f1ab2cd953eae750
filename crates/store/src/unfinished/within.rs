//! What went on within a contact's conversations when the process died. No table shows it: it is read out of the
//! contact's story.

use std::collections::BTreeSet;

use model::{
    AgentId, ContactEvent, ContactId, DialEnd, Event, GuestEnd, MoveEnd, Number, ParkEnd, Party, SecureEnd,
    SegmentId, Side, Slot,
};

use crate::{Store, StoreError};

/// Records that are read at once.
const PAGE: u32 = 1_000;

/// What of a contact had begun and not ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Within {
    contact: ContactId,
    /// Those whom a seat rang for, or who were in a conversation.
    guests: BTreeSet<Party>,
    /// Who held the other, and in which segment.
    holds: BTreeSet<(SegmentId, Side)>,
    /// The flow's node that asked for a secure input, or `None` for an agent's.
    secure: Option<Option<String>>,
    /// The agent from whom the customer was on the way.
    moves_from: Option<AgentId>,
    /// The extension that the flow had dialled.
    dialled: Option<Number>,
    /// Where the customer was parked.
    slot: Option<Slot>,
}

impl Store {
    /// What of a contact had begun and not ended.
    pub(super) async fn within(&self, contact: ContactId) -> Result<Within, StoreError> {
        let mut within = Within::new(contact);
        let mut after = 0;
        loop {
            let records = self.story(contact, after, PAGE).await?;
            let Some(last) = records.last() else { return Ok(within) };
            after = last.seq;
            records.iter().for_each(|record| within.read(&record.event));
        }
    }
}

impl Within {
    fn new(contact: ContactId) -> Within {
        Within {
            contact,
            guests: BTreeSet::new(),
            holds: BTreeSet::new(),
            secure: None,
            moves_from: None,
            dialled: None,
            slot: None,
        }
    }

    fn read(&mut self, event: &Event) {
        let Event::Contact(event) = event else { return };
        match event {
            ContactEvent::GuestInvited { guest, .. } => _ = self.guests.insert(guest.clone()),
            ContactEvent::GuestLeft { guest, .. } => _ = self.guests.remove(guest),
            ContactEvent::HoldStarted { segment, by, .. } => _ = self.holds.insert((*segment, *by)),
            ContactEvent::HoldEnded { segment, by, .. } => _ = self.holds.remove(&(*segment, *by)),
            ContactEvent::TransferStarted { agent, .. } => self.moves_from = Some(agent.clone()),
            ContactEvent::TransferEnded { .. } => self.moves_from = None,
            ContactEvent::ExtensionDialled { extension, .. } => self.dialled = Some(extension.clone()),
            ContactEvent::ExtensionEnded { .. } => self.dialled = None,
            ContactEvent::Parked { slot, .. } => self.slot = Some(*slot),
            ContactEvent::Unparked { .. } => self.slot = None,
            ContactEvent::SecureInputStarted { node, .. } => self.secure = Some(node.clone()),
            ContactEvent::SecureInputEnded { .. } => self.secure = None,
            ContactEvent::Started { .. }
            | ContactEvent::Placed { .. }
            | ContactEvent::Ringing { .. }
            | ContactEvent::Answered { .. }
            | ContactEvent::LanguageChosen { .. }
            | ContactEvent::NodeEntered { .. }
            | ContactEvent::DigitPressed { .. }
            | ContactEvent::SecureInputRead { .. }
            | ContactEvent::SegmentStarted { .. }
            | ContactEvent::GuestJoined { .. }
            | ContactEvent::GuestChanged { .. }
            | ContactEvent::SegmentEnded { .. }
            | ContactEvent::Ended { .. }
            | ContactEvent::OneWayAudio { .. }
            | ContactEvent::QualityMeasured { .. }
            | ContactEvent::LegalHoldSet { .. }
            | ContactEvent::LegalHoldCleared { .. } => {}
        }
    }

    /// The events that end it. The number of keys that were pressed in secret was lost with the process: the event
    /// says 0.
    pub(super) fn endings(&self) -> Vec<Event> {
        let contact = self.contact;
        let secure = self.secure.iter().map(|node| ContactEvent::SecureInputEnded {
            contact,
            node: node.clone(),
            digits: 0,
            how: SecureEnd::CallEnded,
        });
        let holds = self.holds.iter();
        let holds =
            holds.map(|(segment, by)| ContactEvent::HoldEnded { segment: *segment, contact, by: *by });
        let guests = self.guests.iter().map(|guest| ContactEvent::GuestLeft {
            contact,
            guest: guest.clone(),
            how: GuestEnd::CallEnded,
        });
        let moves = self.moves_from.iter().map(|agent| ContactEvent::TransferEnded {
            contact,
            agent: agent.clone(),
            how: MoveEnd::CustomerGone,
        });
        let dialled = self.dialled.iter().map(|extension| ContactEvent::ExtensionEnded {
            contact,
            extension: extension.clone(),
            how: DialEnd::CustomerGone,
        });
        let slots = self.slot.iter().map(|slot| ContactEvent::Unparked {
            contact,
            slot: *slot,
            how: ParkEnd::CallEnded,
        });
        secure
            .chain(holds)
            .chain(guests)
            .chain(moves)
            .chain(dialled)
            .chain(slots)
            .map(Event::Contact)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::{Ids, Part, Time};

    #[test]
    fn what_began_and_did_not_end_is_ended_once() {
        let mut ids = Ids::new(0);
        let contact = ContactId::new(&mut ids, Time::default());
        let segment = SegmentId::new(&mut ids, Time::default());
        let [stays, left]: [Party; 2] = ["2001", "2002"].map(|id| id.parse().unwrap());
        let mut within = Within::new(contact);
        let from = || "1001".parse::<AgentId>().unwrap();
        let to = || model::MoveTo::Queue("complaint".parse().unwrap());
        let invited = |guest: &Party| ContactEvent::GuestInvited {
            contact,
            guest: guest.clone(),
            part: Part::Colleague,
        };
        for event in [
            invited(&stays),
            invited(&left),
            ContactEvent::GuestLeft { contact, guest: left.clone(), how: GuestEnd::HungUp },
            ContactEvent::HoldStarted { segment, contact, by: Side::Customer },
            ContactEvent::HoldStarted { segment, contact, by: Side::Company },
            ContactEvent::HoldEnded { segment, contact, by: Side::Company },
            ContactEvent::SecureInputStarted { contact, node: None },
            ContactEvent::TransferStarted { contact, agent: from(), to: to(), attended: false },
            ContactEvent::TransferEnded { contact, agent: from(), how: MoveEnd::Done },
            ContactEvent::TransferStarted { contact, agent: from(), to: to(), attended: false },
            ContactEvent::Parked { contact, slot: Slot(701), agent: from() },
        ] {
            within.read(&Event::Contact(event));
        }
        let endings = within.endings();
        assert_eq!(
            endings,
            [
                ContactEvent::SecureInputEnded { contact, node: None, digits: 0, how: SecureEnd::CallEnded },
                ContactEvent::HoldEnded { segment, contact, by: Side::Customer },
                ContactEvent::GuestLeft { contact, guest: stays, how: GuestEnd::CallEnded },
                ContactEvent::TransferEnded { contact, agent: from(), how: MoveEnd::CustomerGone },
                ContactEvent::Unparked { contact, slot: Slot(701), how: ParkEnd::CallEnded },
            ]
            .map(Event::Contact)
        );
        endings.iter().for_each(|event| within.read(event));
        assert!(within.endings().is_empty());
    }
}
