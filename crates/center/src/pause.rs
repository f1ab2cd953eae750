//! Pausing a contact's recording, for what may not be kept: a card number, a password.
//!
//! The recording's time base goes on; what is said is silence in it. A pause that is forgotten ends with the
//! conversation it was asked for in.

use model::{Actor, AgentId, CallId, ContactId, Event, MediaOp, Refused, Time};

use crate::call::{Call, Customer, Stage};
use crate::machine::Center;

impl Center {
    pub(crate) fn pause_recording(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
        reason: String,
    ) -> Result<(), Refused> {
        let (call, customer) = self.recorded_contact(contact, agent)?;
        let recording = customer.recording.ok_or(Refused::NotRecorded)?;
        // The first pause has the say: its reason stands in the gap map.
        if std::mem::replace(&mut customer.paused, true) {
            return Ok(());
        }
        self.media(call, MediaOp::PauseRecording { recording, by: by.clone(), reason: reason.clone() });
        self.record(now, Event::RecordingPaused { recording, contact, by, reason });
        Ok(())
    }

    pub(crate) fn resume_recording(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<(), Refused> {
        let (call, _) = self.recorded_contact(contact, agent)?;
        self.resume(now, call, Some(by));
        Ok(())
    }

    pub(crate) fn resume_after_segment(&mut self, now: Time, call: CallId) {
        self.resume(now, call, None);
    }

    fn resume(&mut self, now: Time, call: CallId, by: Option<Actor>) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let (contact, was_paused) = (customer.contact, std::mem::take(&mut customer.paused));
        if let Some(recording) = customer.recording.filter(|_| was_paused) {
            self.media(call, MediaOp::ResumeRecording { recording });
            self.record(now, Event::RecordingResumed { recording, contact, by });
        }
    }

    fn recorded_contact(
        &mut self,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<(CallId, &mut Customer), Refused> {
        let call = self.contacts.get(&contact).copied().ok_or(Refused::UnknownContact)?;
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else {
            return Err(Refused::UnknownContact);
        };
        let talks_with = match &customer.stage {
            Stage::Talking(talk) => Some(&talk.agent),
            Stage::Opening | Stage::Answering | Stage::InFlow { .. } => None,
        };
        match customer.stage {
            Stage::Opening => Err(Refused::NotRecorded),
            _ if agent.is_some() && talks_with != agent => Err(Refused::NotTheirContact),
            Stage::Answering | Stage::InFlow { .. } | Stage::Talking(_) => Ok((call, customer)),
        }
    }
}
