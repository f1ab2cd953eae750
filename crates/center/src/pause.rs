//! Leaving out of a contact's recording what may not be kept: a card number, a password.
//!
//! The recording's time base goes on; what is said is silence in it. A person's pause that is forgotten ends with the
//! conversation it was asked for in. While there are two reasons, the first one's words stand in the gap map.

use model::{Actor, Done, MediaOp, RecordingEvent, RecordingOrder, Refused};

use crate::contact::{Contact, Mask, Place};
use crate::context::Context;

impl Contact {
    pub(crate) fn obey_about_recording(
        &mut self,
        cx: &mut Context,
        by: Actor,
        order: RecordingOrder,
    ) -> Result<Done, Refused> {
        match self.place {
            Place::Opening { .. } | Place::Over => return Err(Refused::NotRecorded),
            Place::Answering { .. }
            | Place::Calling(_)
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Parked(_) => {}
        }
        match order {
            RecordingOrder::Pause { reason } => {
                self.recording.ok_or(Refused::NotRecorded)?;
                self.mask(cx, Mask::Person, by, reason);
            }
            RecordingOrder::Resume => self.unmask(cx, Mask::Person, Some(by)),
        }
        Ok(Done::Obeyed)
    }

    pub(crate) fn resume_after_segment(&mut self, cx: &mut Context) {
        self.unmask(cx, Mask::Person, None);
    }

    /// Leaves out what is said from now on, for one more reason.
    pub(crate) fn mask(&mut self, cx: &mut Context, why: Mask, by: Actor, reason: String) {
        let (was_masked, contact) = (!self.masks.is_empty(), self.id);
        self.masks.insert(why);
        if let Some(recording) = self.recording.filter(|_| !was_masked) {
            let (of, words) = (by.clone(), reason.clone());
            cx.media(self.call, MediaOp::PauseRecording { recording, by: of, reason: words });
            cx.record_by(by, RecordingEvent::Paused { recording, contact, reason });
        }
    }

    /// Takes a reason back; what is said is recorded again when it was the last one.
    pub(crate) fn unmask(&mut self, cx: &mut Context, why: Mask, by: Option<Actor>) {
        let was_last = self.masks.remove(&why) && self.masks.is_empty();
        let contact = self.id;
        if let Some(recording) = self.recording.filter(|_| was_last) {
            cx.media(self.call, MediaOp::ResumeRecording { recording });
            cx.record_by(by, RecordingEvent::Resumed { recording, contact });
        }
    }
}
