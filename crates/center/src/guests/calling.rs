//! Calling somebody into a conversation: the one who is named, the members of an extension in turn, or whoever of a queue is
//! free.

use model::{
    Actor, CommandId, ContactEvent, Course, CourseEnd, Done, GuestEnd, LegId, MoveTo, Part, Party, Refusal,
    Refused, SegmentId, Try,
};

use super::{Callee, MOST_GUESTS, RINGS, as_cause};
use crate::command::Outcome;
use crate::consult::Consultation;
use crate::contact::{Contact, Guest, Talk};
use crate::context::Context;
use crate::distributor::Asked;
use crate::leg::Why;
use crate::timers::Timer;

/// That somebody is to be called into a conversation.
#[derive(Debug, Clone)]
pub(crate) struct Invite {
    pub(crate) by: Actor,
    /// Who commanded it and has no answer yet.
    pub(crate) command: Option<CommandId>,
    /// What for.
    pub(crate) part: Part,
    /// The conversation that it was asked for in.
    pub(crate) segment: SegmentId,
    /// The second line of the agent's phone by which it was asked for.
    pub(crate) line: Option<LegId>,
    /// Who is tried after the one who is tried now.
    pub(crate) course: Course,
}

impl Contact {
    /// Asks the distributor for a seat that is to join the conversation, or rings somebody outside who is to. `line`: the
    /// second line of the agent's phone by which it was asked for.
    pub(crate) fn invite(
        &mut self,
        cx: &mut Context,
        (command, by): (Option<CommandId>, Actor),
        to: MoveTo,
        part: Part,
        line: Option<LegId>,
    ) -> Result<Outcome, Refused> {
        let talk = self.conversation_with_room()?;
        let (segment, queue) = (talk.segment, talk.queue.clone());
        let course = match to {
            MoveTo::Agent(agent) => Course::from(Try { who: agent.into(), ring: RINGS }),
            MoveTo::Queue(of) => Course { end: CourseEnd::Queue(of), ..Course::default() },
            MoveTo::Extension(extension) => cx.course(&extension)?,
            MoveTo::Node(_) => return Err(Refused::UnknownNode),
            MoveTo::Outside(number) => {
                let outside = cx.way_outside(&by, &queue, &number)?;
                if talk.has(&Party::Outside(outside.number.clone())) {
                    return Err(Refused::SeatBusy);
                }
                let course = Course::default();
                let invite = Invite { by, command: None, part, segment, line, course };
                self.ring_guest(cx, invite, Callee::Outside(outside), RINGS)?;
                return Ok(Outcome::Done(Done::Obeyed));
            }
        };
        let invite = Invite { by, command, part, segment, line, course };
        self.call_next(cx, invite, Refused::NobodyFree)
    }

    fn conversation_with_room(&mut self) -> Result<&mut Talk, Refused> {
        let talk = self.conversation()?;
        if talk.guests.len() < MOST_GUESTS { Ok(talk) } else { Err(Refused::ConferenceFull) }
    }

    /// Calls the first of the course who can be, or somebody of the queue at its end. `refused`: why the one before could not
    /// be.
    ///
    /// # Errors
    /// When nobody can be called, for the last one's reason.
    pub(crate) fn call_next(
        &mut self,
        cx: &mut Context,
        mut invite: Invite,
        refused: Refused,
    ) -> Result<Outcome, Refused> {
        let mut refused = if invite.course.is_closed { Refused::Closed } else { refused };
        let (contact, talk) = (self.id, self.conversation_with_room()?);
        if invite.part == Part::Consulted && talk.segment != invite.segment {
            return Err(Refused::NotTalking);
        }
        let queue = talk.queue.clone();
        while let Some(Try { who, ring }) = invite.course.tries.pop_front() {
            match who {
                _ if talk.has(&who) => refused = Refused::SeatBusy,
                Party::Agent(agent) => {
                    let id = invite.command.unwrap_or_else(|| CommandId::new(&mut cx.ids, cx.now));
                    let seat = Some(agent.clone());
                    cx.asked.insert(id, Asked::Guest { contact, seat, ring, invite: Box::new(invite) });
                    cx.acd(acd::Input::Engage { id, agent, contact, queue });
                    return Ok(Outcome::Asked);
                }
                Party::Outside(number) => match cx.way_of_directory(&number) {
                    Ok(outside) => {
                        self.ring_guest(cx, invite, Callee::Outside(outside), ring)?;
                        return Ok(Outcome::Done(Done::Obeyed));
                    }
                    Err(why) => refused = why,
                },
            }
        }
        match std::mem::take(&mut invite.course.end) {
            CourseEnd::Back | CourseEnd::Message(_) => Err(refused),
            CourseEnd::Queue(of) => {
                let id = invite.command.unwrap_or_else(|| CommandId::new(&mut cx.ids, cx.now));
                cx.asked
                    .insert(id, Asked::Guest { contact, seat: None, ring: RINGS, invite: Box::new(invite) });
                cx.acd(acd::Input::EngageIdle { id, of, contact, queue });
                Ok(Outcome::Asked)
            }
        }
    }

    /// Rings somebody, to join the conversation in which that one was asked for.
    pub(crate) fn ring_guest(
        &mut self,
        cx: &mut Context,
        invite: Invite,
        callee: Callee,
        ring: std::time::Duration,
    ) -> Result<(), Refused> {
        let (contact, call) = (self.id, self.call);
        let Invite { part, segment, line, .. } = invite;
        let is_consulted = part == Part::Consulted;
        let talk = self.conversation_with_room()?;
        if is_consulted && talk.segment != segment {
            return Err(Refused::NotTalking);
        }
        if is_consulted && talk.consultation.is_some() {
            return Err(Refused::ConsultationGoesOn);
        }
        if line != talk.second_line.as_ref().map(|line| line.leg).filter(|_| line.is_some()) {
            return Err(Refused::NotTalking);
        }
        let (who, leg) = cx.open_to(call, callee, Why::Guest(contact));
        cx.record_by(invite.by.clone(), ContactEvent::GuestInvited { contact, guest: who.clone(), part });
        cx.timers.set(Timer::Ring(leg), Some(cx.now + ring));
        let further = Some(Box::new(Invite { command: None, ..invite })).filter(|_| is_consulted);
        talk.guests.push(Guest { leg, who, part, joined: false, is_early: false, holds: false, further });
        if is_consulted {
            talk.consultation = Some(Consultation { guest: leg, is_aside: true });
            self.arrange(cx);
        }
        Ok(())
    }

    /// A guest who rang does not come. Whom the agent wanted to consult makes way for the next of an extension's members.
    pub(crate) fn guest_missed(&mut self, cx: &mut Context, leg: LegId, refusal: Refusal) {
        let how = GuestEnd::Refused(refusal);
        let further = self.talk_mut().and_then(|talk| talk.guest(leg)).and_then(|guest| guest.further.take());
        let Some(further) = further.filter(|further| further.course != Course::default()) else {
            return self.guest_gone(cx, leg, how);
        };
        let (contact, Some(talk)) = (self.id, self.talk_mut()) else { return };
        let Some(guest) = talk.take(leg) else { return };
        talk.consultation.take_if(|consultation| consultation.guest == leg);
        cx.record(ContactEvent::GuestLeft { contact, guest: guest.who, how });
        cx.is_gone(leg);
        if self.call_next(cx, *further, Refused::NobodyFree).is_err() {
            self.drop_second_line(cx, as_cause(how));
            self.arrange(cx);
        }
    }

    /// Nobody can be called any more for an invitation that was by phone, or rang somebody before. The agent does not wait any
    /// more, and sees why.
    pub(crate) fn nobody_comes(&mut self, cx: &mut Context, line: Option<LegId>, refused: Refused) {
        match line {
            Some(line) => self.second_line_refused(cx, line, refused),
            None => self.show_refusal(cx, refused),
        }
        self.arrange(cx);
    }
}

impl Talk {
    /// True for the agent and for all who are in the conversation or rung for it.
    fn has(&self, who: &Party) -> bool {
        self.agent == *who || self.guests.iter().any(|guest| guest.who == *who)
    }
}
