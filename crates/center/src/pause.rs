//! Leaving out of a contact's recording what may not be kept: a card number, a password.
//!
//! The recording's time base goes on; what is said is silence in it. A person's pause that is forgotten ends with the
//! conversation it was asked for in. While there are two reasons, the first one's words stand in the gap map.

use model::{Actor, AgentId, CallId, ContactId, Done, Event, MediaOp, Refused, Time};

use crate::call::{Call, Customer, Mask, Stage};
use crate::machine::Center;

impl Center {
    pub(crate) fn pause_recording(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
        reason: String,
    ) -> Result<Done, Refused> {
        let (call, customer) = self.recorded_contact(contact, agent)?;
        customer.recording.ok_or(Refused::NotRecorded)?;
        self.mask(now, call, Mask::Person, by, reason);
        Ok(Done::Obeyed)
    }

    pub(crate) fn resume_recording(
        &mut self,
        now: Time,
        by: Actor,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<Done, Refused> {
        let (call, _) = self.recorded_contact(contact, agent)?;
        self.unmask(now, call, Mask::Person, Some(by));
        Ok(Done::Obeyed)
    }

    pub(crate) fn resume_after_segment(&mut self, now: Time, call: CallId) {
        self.unmask(now, call, Mask::Person, None);
    }

    /// Leaves out what is said from now on, for one more reason.
    pub(crate) fn mask(&mut self, now: Time, call: CallId, why: Mask, by: Actor, reason: String) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let was_masked = !customer.masks.is_empty();
        customer.masks.insert(why);
        let contact = customer.contact;
        if let Some(recording) = customer.recording.filter(|_| !was_masked) {
            self.media(call, MediaOp::PauseRecording { recording, by: by.clone(), reason: reason.clone() });
            self.record(now, Event::RecordingPaused { recording, contact, by, reason });
        }
    }

    /// Takes a reason back; what is said is recorded again when it was the last one.
    pub(crate) fn unmask(&mut self, now: Time, call: CallId, why: Mask, by: Option<Actor>) {
        let Some(Call::Customer(customer)) = self.calls.get_mut(&call) else { return };
        let was_last = customer.masks.remove(&why) && customer.masks.is_empty();
        let contact = customer.contact;
        if let Some(recording) = customer.recording.filter(|_| was_last) {
            self.media(call, MediaOp::ResumeRecording { recording });
            self.record(now, Event::RecordingResumed { recording, contact, by });
        }
    }

    /// The call of a contact that is in progress.
    pub(crate) fn customer_of(&mut self, contact: ContactId) -> Result<(CallId, &mut Customer), Refused> {
        let call = self.contacts.get(&contact).copied().ok_or(Refused::UnknownContact)?;
        match self.calls.get_mut(&call) {
            Some(Call::Customer(customer)) => Ok((call, customer)),
            Some(Call::Code(_)) | None => Err(Refused::UnknownContact),
        }
    }

    /// The call of a contact that talks; with `agent`, if that is given.
    pub(crate) fn conversation(
        &mut self,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<(CallId, &mut Customer), Refused> {
        let (call, customer) = self.customer_of(contact)?;
        match &customer.stage {
            Stage::Talking(talk) if agent.is_none_or(|agent| *agent == talk.agent) => Ok((call, customer)),
            _ if agent.is_some() => Err(Refused::NotTheirContact),
            Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } | Stage::Talking(_) => {
                Err(Refused::NotTalking)
            }
        }
    }

    fn recorded_contact(
        &mut self,
        contact: ContactId,
        agent: Option<&AgentId>,
    ) -> Result<(CallId, &mut Customer), Refused> {
        let (call, customer) = self.customer_of(contact)?;
        let talks_with = match &customer.stage {
            Stage::Talking(talk) => Some(&talk.agent),
            Stage::Opening { .. } | Stage::Answering { .. } | Stage::InFlow { .. } => None,
        };
        match customer.stage {
            Stage::Opening { .. } => Err(Refused::NotRecorded),
            _ if agent.is_some() && talks_with != agent => Err(Refused::NotTheirContact),
            Stage::Answering { .. } | Stage::InFlow { .. } | Stage::Talking(_) => Ok((call, customer)),
        }
    }
}
