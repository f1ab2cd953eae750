//! An agent who talks with nobody calls a colleague or an extension of the house: no customer is in it, and nothing is recorded.
//!
//! ```text
//!          distributor gave the caller       given, or outside        answered
//! Caller ───────────────────────────► Asked ───────────────► Rings ────────────► Talks
//!    │ not free                         ▲  │ not free           │ not answered      │
//!    │                                  └──┴────── the next ────┘                   │
//!    └────────────────────────────── nobody is left, somebody hangs up ─────────────┴──► over
//! ```
//!
//! Both agents are in a call for the distributor meanwhile, and are offered none. The caller hears the ring tone of the phone,
//! and is answered when the other one is.

use std::net::{IpAddr, SocketAddr};

use model::{
    AgentId, CallId, Cause, CommandId, ContactId, Course, CourseEnd, LegId, LegOrder, MediaOp, MoveTo,
    Number, Party, Personal, QueueName, Refusal, Refused, RemoteMedia, Try,
};

use crate::consult::as_refusal;
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::{Callee, RINGS};
use crate::leg::{Leg, LegEvent, Who, Why};
use crate::seat::codecs_like;
use crate::timers::Timer;

/// A call between agents.
#[derive(Debug)]
pub(crate) struct InsideCall {
    call: CallId,
    caller: AgentId,
    /// The caller's leg.
    line: LegId,
    /// What the caller's phone offered.
    offered: Option<RemoteMedia>,
    /// Our port for the caller, once it is open.
    rtp: Option<SocketAddr>,
    /// The caller's leg is up.
    is_up: bool,
    /// What the distributor knows the call by: a contact that never is.
    contact: ContactId,
    queue: QueueName,
    /// Who is tried next.
    course: Course,
    stage: Stage,
}

#[derive(Debug)]
enum Stage {
    /// The distributor is asked for the caller.
    Caller(CommandId),
    /// The distributor is asked for somebody who is to be called, who rings for this long then.
    Asked(CommandId, std::time::Duration),
    Rings(LegId),
    Talks(LegId),
    Over,
}

impl InsideCall {
    /// An agent dialled this. `None`, and refused, when it leads to nobody of the house now.
    pub(crate) fn begin(
        cx: &mut Context,
        (line, local): (LegId, IpAddr),
        caller: &AgentId,
        to: MoveTo,
        offered: Option<RemoteMedia>,
    ) -> Option<InsideCall> {
        let course = match to {
            MoveTo::Agent(agent) => Ok(Course::from(Try { who: agent.into(), ring: RINGS })),
            MoveTo::Queue(queue) => Ok(Course { end: CourseEnd::Queue(queue), ..Course::default() }),
            MoveTo::Extension(extension) => cx.course(&extension),
            MoveTo::Outside(_) | MoveTo::Node(_) => Err(Refused::UnknownExtension),
        };
        let queue = cx.config.acd.queues.first().map(|queue| queue.name.clone());
        let (Ok(course), Some(queue)) = (course, queue) else {
            cx.refuse(line, Cause::UnknownNumber);
            return None;
        };
        let (call, id) = (cx.new_call(), CommandId::new(&mut cx.ids, cx.now));
        let contact = ContactId::new(&mut cx.ids, cx.now);
        cx.open(line, Leg::inbound(call, local, Who::Agent(caller.clone()), Why::Inside(call)));
        cx.asked.insert(id, Asked::Inside { call, seat: caller.clone() });
        cx.acd(acd::Input::Engage { id, agent: caller.clone(), contact, queue: queue.clone() });
        let (caller, stage) = (caller.clone(), Stage::Caller(id));
        let (rtp, is_up) = (None, false);
        Some(InsideCall { call, caller, line, offered, rtp, is_up, contact, queue, course, stage })
    }

    pub(crate) fn id(&self) -> CallId {
        self.call
    }

    pub(crate) fn is_over(&self) -> bool {
        matches!(self.stage, Stage::Over)
    }

    /// The distributor's word on an agent; false when that one is not needed.
    pub(crate) fn given(
        &mut self,
        cx: &mut Context,
        id: CommandId,
        result: Result<AgentId, Refused>,
    ) -> bool {
        match (&self.stage, result) {
            (Stage::Caller(asked), Ok(_)) if *asked == id => {
                cx.legs.is_engaged(self.line);
                self.call_next(cx, Refusal::Unreachable);
                true
            }
            (Stage::Caller(asked), Err(refused)) if *asked == id => {
                self.end(cx, Cause::from(as_refusal(refused)));
                false
            }
            (Stage::Asked(asked, ring), Ok(agent)) if *asked == id => {
                let ring = *ring;
                self.ring(cx, Callee::Agent(agent), ring);
                true
            }
            (Stage::Asked(asked, _), Err(refused)) if *asked == id => {
                self.call_next(cx, as_refusal(refused));
                false
            }
            (
                Stage::Caller(_) | Stage::Asked(..) | Stage::Rings(_) | Stage::Talks(_) | Stage::Over,
                Ok(_) | Err(_),
            ) => false,
        }
    }

    /// Calls the first who can be; `missed`: why the one before did not take the call.
    fn call_next(&mut self, cx: &mut Context, missed: Refusal) {
        let mut missed = if self.course.is_closed { Refusal::NoAnswer } else { missed };
        while let Some(Try { who, ring }) = self.course.tries.pop_front() {
            match who {
                Party::Agent(agent) if agent == self.caller => missed = Refusal::Busy,
                Party::Agent(agent) => {
                    let id = self.ask(cx, Some(agent.clone()), ring);
                    let (contact, queue) = (self.contact, self.queue.clone());
                    return cx.acd(acd::Input::Engage { id, agent, contact, queue });
                }
                Party::Outside(number) => match cx.way_of_directory(&number) {
                    Ok(outside) => return self.ring(cx, Callee::Outside(outside), ring),
                    Err(refused) => missed = as_refusal(refused),
                },
            }
        }
        match std::mem::take(&mut self.course.end) {
            CourseEnd::Queue(of) => {
                let id = self.ask(cx, None, RINGS);
                let (contact, queue) = (self.contact, self.queue.clone());
                cx.acd(acd::Input::EngageIdle { id, of, contact, queue });
            }
            // A message is for customers.
            CourseEnd::Back | CourseEnd::Message(_) => self.end(cx, Cause::from(missed)),
        }
    }

    /// A question about who is to be called: this one, or whoever is free.
    fn ask(&mut self, cx: &mut Context, seat: Option<AgentId>, ring: std::time::Duration) -> CommandId {
        let id = CommandId::new(&mut cx.ids, cx.now);
        self.stage = Stage::Asked(id, ring);
        let asked = match seat {
            Some(seat) => Asked::Inside { call: self.call, seat },
            None => Asked::InsideIdle { call: self.call },
        };
        cx.asked.insert(id, asked);
        id
    }

    fn ring(&mut self, cx: &mut Context, callee: Callee, ring: std::time::Duration) {
        let (_, leg) = cx.open_to(self.call, callee, Why::Inside(self.call));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + ring));
        self.stage = Stage::Rings(leg);
    }

    /// The port of one of its legs is open.
    pub(crate) fn port_open(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        if leg == self.line {
            self.rtp = Some(rtp);
            return self.answer(cx);
        }
        let caller = self.caller.as_str().parse::<Number>().ok().map(Personal::new);
        cx.dial(leg, rtp, codecs_like(self.offered.as_ref()), caller, self.caller.to_string());
    }

    /// Answers the caller once the other one has, and our port is open.
    fn answer(&self, cx: &mut Context) {
        if let (Stage::Talks(_), Some(rtp)) = (&self.stage, self.rtp) {
            cx.answer(self.line, rtp, self.offered.as_ref());
        }
    }

    /// One of its legs is up.
    pub(crate) fn leg_up(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        cx.connect(self.call, leg, remote);
        if leg == self.line {
            self.is_up = true;
        } else {
            cx.timers.stop(Timer::Ring(leg));
            self.stage = Stage::Talks(leg);
            self.answer(cx);
        }
        if let (Stage::Talks(other), true) = (&self.stage, self.is_up) {
            cx.media(self.call, MediaOp::Bridge { a: self.line, b: *other });
        }
    }

    /// Who rang does not answer, or has rung for long enough: the next one is called.
    pub(crate) fn unanswered(&mut self, cx: &mut Context, leg: LegId, refusal: Refusal) {
        cx.is_gone(leg);
        if matches!(self.stage, Stage::Rings(rings) if rings == leg) {
            self.call_next(cx, refusal);
        }
    }

    pub(crate) fn rang_out(&mut self, cx: &mut Context, leg: LegId) {
        cx.let_go(leg, Cause::Cancelled);
        self.unanswered(cx, leg, Refusal::NoAnswer);
    }

    pub(crate) fn leg_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing => cx.order(self.line, LegOrder::Ring),
            LegEvent::Changed(remote) => _ = cx.connect(self.call, leg, remote),
            LegEvent::Silent(_) => cx.order(leg, LegOrder::Probe),
            LegEvent::Referred(_) => cx.refuse_referral(leg),
            LegEvent::Over(_) => {
                cx.is_gone(leg);
                self.end(cx, Cause::HungUp);
            }
            LegEvent::Early(_) | LegEvent::Key(..) | LegEvent::Played(_) | LegEvent::OneWay => {}
        }
    }

    /// The one way in which it ends.
    pub(crate) fn end(&mut self, cx: &mut Context, cause: Cause) {
        let stage = std::mem::replace(&mut self.stage, Stage::Over);
        if let Stage::Rings(leg) | Stage::Talks(leg) = stage {
            cx.let_go(leg, cause);
        }
        cx.let_go(self.line, cause);
    }
}
