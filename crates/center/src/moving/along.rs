//! Who is tried to have a customer, one after the other: the members of an extension, or the one agent who is named.
//!
//! Until somebody rings, nothing has changed and the agent talks with the customer; a target of whom nobody can be rung is
//! refused. From then on the customer is on the way (`Move`), and what is left of the course goes with it.

use std::time::Duration;

use model::{
    Actor, CommandId, Course, CourseEnd, LegId, MoveTo, Party, QueueName, Refused, Reply, SegmentId, Try,
};

use super::{Arrival, Asker, Move, Stage};
use crate::command::Outcome;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::Callee;
use crate::leg::Why;
use crate::timers::Timer;

/// A customer who is to be given away, once somebody can be rung.
#[derive(Debug, Clone)]
pub(crate) struct Giving {
    pub(crate) asker: Asker,
    pub(crate) by: Actor,
    /// The conversation that it was asked for in.
    pub(crate) segment: SegmentId,
    pub(crate) to: MoveTo,
    /// Who is tried after the one who is tried now.
    pub(crate) course: Course,
}

impl Contact {
    /// Gives the customer to the first of the course who can be rung, or to what comes at its end. `refused`: why the one
    /// before could not be.
    ///
    /// # Errors
    /// When nobody can be rung and the course leads nowhere else, for the last one's reason; nothing has changed then.
    pub(crate) fn give_along(
        &mut self,
        cx: &mut Context,
        mut giving: Giving,
        refused: Refused,
    ) -> Result<Outcome, Refused> {
        let mut refused = if giving.course.is_closed { Refused::Closed } else { refused };
        let (contact, talk) = (self.id, self.conversation()?);
        if talk.segment != giving.segment {
            return Err(Refused::NotTalking);
        }
        let (agent, queue) = (talk.agent.clone(), talk.queue.clone());
        while let Some(Try { who, ring }) = giving.course.tries.pop_front() {
            match who {
                _ if who == agent => refused = Refused::SeatBusy,
                Party::Agent(seat) => {
                    let id = giving.asker.id(cx);
                    let asked =
                        Asked::Transfer { contact, seat: seat.clone(), ring, giving: Box::new(giving) };
                    cx.asked.insert(id, asked);
                    cx.acd(acd::Input::Engage { id, agent: seat, contact, queue });
                    return Ok(Outcome::Asked);
                }
                Party::Outside(number) => match cx.way_of_directory(&number) {
                    Ok(outside) => {
                        self.give_to_callee(cx, giving, Callee::Outside(outside), ring)?;
                        return Ok(Outcome::Asked);
                    }
                    Err(why) => refused = why,
                },
            }
        }
        match giving.course.end.clone() {
            CourseEnd::Back => Err(refused),
            CourseEnd::Queue(queue) => self.give_to_queue(cx, giving.asker, giving.by, (giving.to, queue)),
            CourseEnd::Message(prompt) => self.give_to_message(cx, giving, prompt),
        }
    }

    fn give_to_message(
        &mut self,
        cx: &mut Context,
        giving: Giving,
        prompt: String,
    ) -> Result<Outcome, Refused> {
        let Giving { asker, by, to, .. } = giving;
        let parted = self.give_away(cx, (asker, by), to)?;
        self.session.handle(cx.now, ivr::Input::SentToMessage(prompt));
        self.follow_session(cx);
        Ok(self.given(cx, asker, parted))
    }

    /// Rings whom the distributor gave, or somebody outside, who is to have the customer.
    pub(crate) fn give_to_callee(
        &mut self,
        cx: &mut Context,
        giving: Giving,
        callee: Callee,
        ring: Duration,
    ) -> Result<(), Refused> {
        let Giving { asker, by, segment, to, course } = giving;
        if self.conversation()?.segment != segment {
            return Err(Refused::NotTalking);
        }
        let parted = self.give_away(cx, (asker, by), to)?;
        let leg = self.ring_taker(cx, callee, ring);
        self.await_taker(cx, asker, parted, (leg, course));
        Ok(())
    }

    /// A leg that is to have the customer, and rings for so long.
    pub(super) fn ring_taker(&self, cx: &mut Context, callee: Callee, ring: Duration) -> LegId {
        let (_, leg) = cx.open_to(self.call, callee, Why::Taker(self.id));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + ring));
        leg
    }

    /// The one who was tried last does not have the customer: the next one of the course is, or what comes at its end. False
    /// when that is nothing, and the customer goes back.
    pub(super) fn try_next(&mut self, cx: &mut Context) -> bool {
        let (contact, call) = (self.id, self.call);
        let Place::Moving(on) = &mut self.place else { return false };
        while let Some(Try { who, ring }) = on.course.tries.pop_front() {
            match who {
                Party::Agent(seat) if on.errand.from() == Some(&seat) => {}
                Party::Agent(seat) => {
                    let (id, queue) = (CommandId::new(&mut cx.ids, cx.now), on.queue.clone());
                    on.stage = Stage::Asked(id);
                    cx.asked.insert(id, Asked::NextTaker { contact, seat: seat.clone(), ring });
                    cx.acd(acd::Input::Engage { id, agent: seat, contact, queue });
                    cx.play_round(call, self.leg, crate::arrange::HOLD_MUSIC);
                    return true;
                }
                Party::Outside(number) => {
                    if let Ok(outside) = cx.way_of_directory(&number) {
                        let (_, leg) = cx.open_to(call, Callee::Outside(outside), Why::Taker(contact));
                        cx.timers.set(Timer::Ring(leg), Some(cx.now + ring));
                        on.stage = Stage::Rings(leg);
                        cx.play_round(call, self.leg, crate::arrange::HOLD_MUSIC);
                        return true;
                    }
                }
            }
        }
        match std::mem::replace(&mut on.course.end, CourseEnd::Back) {
            CourseEnd::Back => false,
            CourseEnd::Queue(queue) => {
                self.leave_for(cx, ivr::Input::SentToQueue(queue.clone()), Some(queue));
                true
            }
            CourseEnd::Message(prompt) => {
                self.leave_for(cx, ivr::Input::SentToMessage(prompt), None);
                true
            }
        }
    }

    /// The distributor's word on the next one's seat; false when that seat is not needed.
    pub(crate) fn next_asked(
        &mut self,
        cx: &mut Context,
        id: CommandId,
        (callee, ring): (Callee, Duration),
        result: Result<(), Refused>,
    ) -> bool {
        if !self.awaits_word(id) {
            return false;
        }
        if result.is_err() {
            if !self.try_next(cx) {
                self.nobody_took_it(cx);
            }
            return false;
        }
        let leg = self.ring_taker(cx, callee, ring);
        if let Place::Moving(on) = &mut self.place {
            on.stage = Stage::Rings(leg);
        }
        true
    }

    /// True while this question to the distributor is the one that the customer on the way waits for.
    pub(super) fn awaits_word(&self, id: CommandId) -> bool {
        matches!(&self.place, Place::Moving(Move { stage: Stage::Asked(asked), .. }) if *asked == id)
    }

    /// Nobody of the course took the customer: on to the queue or the message that follows. What passed counts as waiting.
    fn leave_for(&mut self, cx: &mut Context, input: ivr::Input, queue: Option<QueueName>) {
        let Place::Moving(Move { score_s, since, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        self.session.handle(cx.now, input);
        if let Some(queue) = queue {
            self.enter_queue(cx, queue, score_s.saturating_add(seconds_since(cx, since)));
        }
        self.follow_session(cx);
        self.arrived(cx, errand, Arrival::Elsewhere);
    }
}

/// Whole seconds since then.
pub(super) fn seconds_since(cx: &Context, since: model::Time) -> u32 {
    u32::try_from(cx.now.since(since).as_secs()).unwrap_or(u32::MAX)
}

impl Context {
    /// Tells who asked what came of it, where that is known at once.
    pub(crate) fn say_given(&mut self, asker: Asker, outcome: Outcome) {
        if let (Asker::Command(id), Outcome::Done(done)) = (asker, outcome) {
            self.reply(Reply { id, result: Ok(done) });
        }
    }

    /// Who is tried for a call to this extension that begins now.
    pub(crate) fn course(&self, extension: &model::Number) -> Result<Course, Refused> {
        let now = self.date();
        self.config.directory.course(extension, &self.config.zone, now).ok_or(Refused::UnknownExtension)
    }
}
