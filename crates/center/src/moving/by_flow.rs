//! The flow dials an extension of the directory: the customer is on the way as in a transfer, and in the flow again when nobody
//! takes the call.

use model::{Actor, CommandId, ContactEvent, DialEnd, Number, QueueName, Refusal};

use super::{Errand, Move, Stage};
use crate::arrange::HOLD_MUSIC;
use crate::contact::{Contact, Place};
use crate::context::Context;

impl Contact {
    /// Has who takes calls to this extension have the customer. `by_keys`: the customer pressed it, and it must be public.
    pub(crate) fn dial_extension(
        &mut self,
        cx: &mut Context,
        extension: Number,
        queue: QueueName,
        by_keys: bool,
    ) {
        let contact = self.id;
        let dialled = ContactEvent::ExtensionDialled { contact, extension: extension.clone() };
        cx.record_by(Actor::Flow, dialled);
        let is_there = cx.config.directory.get(&extension).is_some_and(|entry| entry.is_public || !by_keys);
        let course = cx.course(&extension).ok().filter(|_| is_there).unwrap_or_default();
        let stage = Stage::Asked(CommandId::new(&mut cx.ids, cx.now));
        let (errand, since, missed) = (Errand::ByFlow { extension }, cx.now, Refusal::Unreachable);
        self.place = Place::Moving(Move { queue, score_s: 0, since, stage, errand, course, missed });
        self.play = None;
        cx.play_round(self.call, self.leg, HOLD_MUSIC);
        if !self.try_next(cx) {
            self.nobody_took_it(cx);
        }
    }

    /// Nobody took the call: the flow goes on.
    pub(super) fn back_to_flow(&mut self, cx: &mut Context) {
        let contact = self.id;
        let Place::Moving(Move { errand: Errand::ByFlow { extension }, course, missed, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        let closed = course.is_closed;
        let how = if closed { DialEnd::Closed } else { DialEnd::Unanswered(missed) };
        cx.record(ContactEvent::ExtensionEnded { contact, extension, how });
        self.session.handle(cx.now, ivr::Input::NotDialled { closed });
        self.follow_session(cx);
    }
}
