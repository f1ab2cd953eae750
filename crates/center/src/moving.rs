//! A customer is given away: to an agent or a number that rings, to a queue, or to a node of the flow.
//!
//! ```text
//!            given to somebody who rings          answered
//! Talking ───────────────────────────► Moving ──────────────► Talking, with that one
//!    │                                   │ not answered, refused
//!    │                                   ├──► Talking, with the agent whose phone asked and is still there
//!    │                                   ├──► Moving, back: the agent is rung ──► Talking
//!    │                                   │                        │ not there, not answered
//!    │ given to a queue                  └────────────────────────┴──► Waiting, with the score kept
//!    ├──────────────────────► Waiting
//!    └──────────────────────► InFlow     given to a node
//! ```
//!
//! Given to an extension of the directory, its members ring in turn (`along`): who does not answer makes way for the next, and
//! what the extension says follows when none did.
//!
//! The agent's part ends with the order: the segment is over and the agent writes up. A phone that asked by REFER stays in
//! the call (a *giver*) until it is said how the transfer ended, and its agent is in a call for as long. A customer is
//! given away 16 times at most, and an agent is rung 4 times at most to have the customer back: who goes to and fro waits in
//! the queue then, for whoever is free.

mod along;
mod by_flow;
mod giver;
mod taker;

use model::{
    Actor, AgentId, Cause, CommandId, ContactEvent, Course, Diversion, DiversionReason, Done, EndedBy, LegId,
    LegOrder, MoveEnd, MoveTo, Number, Party, QueueName, ReferralState, Refusal, Refused, Reply, SecureEnd,
    Time, Try,
};

use crate::arrange::HOLD_MUSIC;
use crate::command::Outcome;
use crate::consult::as_refusal;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::guests::{Callee, RINGS};
use crate::leg::Why;

pub(crate) use along::Giving;

/// How often a customer can be given away.
const MOST_MOVES: u32 = 16;
/// How often a customer whom nobody took is brought back to an agent who is rung for that; then the customer waits in the queue.
const MOST_RETURNS: u32 = 4;

/// A customer on the way to somebody who rings.
#[derive(Debug)]
pub(crate) struct Move {
    /// The queue that the conversation counts for, whoever takes the customer.
    queue: QueueName,
    /// The customer's score when it was given away, in seconds.
    score_s: u32,
    /// When the customer was given away.
    since: Time,
    stage: Stage,
    errand: Errand,
    /// Who is tried next.
    course: Course,
    /// Why the one who was tried last does not have the customer.
    missed: Refusal,
}

#[derive(Debug)]
enum Stage {
    /// The distributor is asked for an agent's seat, by this id.
    Asked(CommandId),
    /// The target's leg rings.
    Rings(LegId),
}

/// The leg of an agent who gave the customer away.
#[derive(Debug)]
pub(crate) struct Giver {
    pub(crate) leg: LegId,
    /// The phone holds.
    holds: bool,
}

/// What it is for.
#[derive(Debug)]
enum Errand {
    /// To the target of an agent's transfer. `giver`: the agent's phone, which asked by REFER and hears how it ends.
    Forth { asker: Asker, from: AgentId, giver: Option<Giver> },
    /// Back to the agent: the target did not take the customer, for this reason.
    Back { asker: Asker, from: AgentId, why: Refusal },
    /// Back to the agent who parked the customer: nobody picked the call up.
    Return { from: AgentId },
    /// To an extension that the flow dialled.
    ByFlow { extension: Number },
}

/// Where a customer on the way arrived.
#[derive(Debug, Clone, Copy)]
enum Arrival {
    /// With somebody who talks with the customer.
    Talking,
    /// In a queue or at a message, for nobody took the call.
    Elsewhere,
    /// Nowhere: the call is over, or is ended by us.
    Gone,
}

/// Who asked for a transfer, and hears how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// By command.
    Command(CommandId),
    /// By REFER, on this leg.
    Phone(LegId),
    /// By keys of a code, on this leg.
    Keys(LegId),
    /// By hanging up while the target rang.
    Gone,
}

/// Customer and agent as they were when the agent gave the customer away.
#[derive(Debug)]
pub(crate) struct Parted {
    /// The agent who gave the customer away.
    pub(crate) from: AgentId,
    pub(crate) queue: QueueName,
    /// The customer's score when the agent answered, in seconds.
    pub(crate) score_s: u32,
    /// The agent's phone, which asked by REFER and hears how it ends.
    giver: Option<Giver>,
}

impl Contact {
    /// Gives the customer to somebody else.
    pub(crate) fn transfer(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        by: Actor,
        to: MoveTo,
    ) -> Result<Outcome, Refused> {
        self.may_move_again()?;
        let talk = self.conversation()?;
        talk.agent.agent().ok_or(Refused::NotTalking)?;
        let (segment, queue) = (talk.segment, talk.queue.clone());
        match &to {
            MoveTo::Agent(seat) => {
                let course = Course::from(Try { who: seat.clone().into(), ring: RINGS });
                self.give_along(cx, Giving { asker, by, segment, to, course }, Refused::SeatBusy)
            }
            MoveTo::Extension(extension) => {
                let course = cx.course(extension)?;
                self.give_along(cx, Giving { asker, by, segment, to, course }, Refused::NobodyFree)
            }
            MoveTo::Queue(queue) => {
                let queue = queue.clone();
                if !cx.config.acd.queues.iter().any(|known| known.name == queue) {
                    return Err(Refused::UnknownQueue);
                }
                self.give_to_queue(cx, asker, by, (to, queue))
            }
            MoveTo::Node(name) => {
                let node = self.session.flow().find(name).ok_or(Refused::UnknownNode)?;
                self.give_to_flow(cx, asker, by, (to, node))
            }
            MoveTo::Outside(number) => {
                let outside = cx.way_outside(&by, &queue, number)?;
                let (to, course) = (MoveTo::Outside(outside.number.clone()), Course::default());
                let giving = Giving { asker, by, segment, to, course };
                self.give_to_callee(cx, giving, Callee::Outside(outside), RINGS)?;
                Ok(Outcome::Asked)
            }
        }
    }

    /// # Errors
    /// When the customer was given away as often as may be.
    pub(crate) fn may_move_again(&self) -> Result<(), Refused> {
        if self.moves < MOST_MOVES { Ok(()) } else { Err(Refused::TooManyMoves) }
    }

    fn give_to_queue(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        by: Actor,
        (to, queue): (MoveTo, QueueName),
    ) -> Result<Outcome, Refused> {
        let parted = self.give_away(cx, (asker, by), to)?;
        self.enter_queue(cx, queue.clone(), parted.score_s);
        self.session.handle(cx.now, ivr::Input::SentToQueue(queue));
        self.follow_session(cx);
        Ok(self.given(cx, asker, parted))
    }

    fn give_to_flow(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        by: Actor,
        (to, node): (MoveTo, ivr::NodeIndex),
    ) -> Result<Outcome, Refused> {
        let parted = self.give_away(cx, (asker, by), to)?;
        self.session.handle(cx.now, ivr::Input::SentTo(node));
        self.follow_session(cx);
        Ok(self.given(cx, asker, parted))
    }

    /// The target has the customer at once.
    fn given(&self, cx: &mut Context, asker: Asker, parted: Parted) -> Outcome {
        let how = MoveEnd::Done;
        cx.record(ContactEvent::TransferEnded { contact: self.id, agent: parted.from.clone(), how });
        cx.release_giver(parted.giver, parted.from, ReferralState::Done);
        match asker {
            Asker::Command(_) => Outcome::Done(Done::Moved(how)),
            Asker::Phone(_) | Asker::Keys(_) | Asker::Gone => Outcome::Asked,
        }
    }

    /// The customer waits for whom the agent consulted, who rings on.
    pub(crate) fn ring_on(&mut self, cx: &mut Context, asker: Asker, by: Actor, leg: LegId) {
        let Some(guest) = self.take_guest(cx, leg, Cause::Transferred) else { return };
        let (contact, how) = (self.id, model::GuestEnd::TakesCustomer);
        cx.record(ContactEvent::GuestLeft { contact, guest: guest.who.clone(), how });
        cx.legs.is_there_for(leg, Why::Taker(contact));
        if let Ok(parted) = self.give_away(cx, (asker, by), guest.who.into()) {
            let course = guest.further.map(|further| further.course).unwrap_or_default();
            self.await_taker(cx, asker, parted, (leg, course));
        }
    }

    /// The customer hears music while this leg rings.
    fn await_taker(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        parted: Parted,
        (leg, course): (LegId, Course),
    ) {
        let Parted { from, queue, score_s, giver } = parted;
        let (stage, errand) = (Stage::Rings(leg), Errand::Forth { asker, from, giver });
        let missed = Refusal::Unreachable;
        self.place = Place::Moving(Move { queue, score_s, since: cx.now, stage, errand, course, missed });
        cx.play_round(self.call, self.leg, HOLD_MUSIC);
    }

    /// Parts customer and agent, whose phone stays when it asked by REFER.
    fn give_away(
        &mut self,
        cx: &mut Context,
        (asker, by): (Asker, Actor),
        to: MoveTo,
    ) -> Result<Parted, Refused> {
        let contact = self.id;
        let agent = self.conversation()?.agent.agent().cloned().ok_or(Refused::NotTalking)?;
        self.moves += 1;
        cx.record_by(by, ContactEvent::TransferStarted { contact, agent, to, attended: false });
        let keeps = self.talk().is_some_and(|talk| asker == Asker::Phone(talk.leg));
        if let Asker::Phone(leg) = asker {
            cx.order(
                leg,
                LegOrder::Referral(if keeps { ReferralState::Trying } else { ReferralState::Done }),
            );
        }
        self.part(cx, keeps)
    }

    /// Ends the conversation from the agent's side; the customer is in the flow. With `keeps` the agent's leg stays as the
    /// giver's.
    pub(crate) fn part(&mut self, cx: &mut Context, keeps: bool) -> Result<Parted, Refused> {
        let contact = self.id;
        let talk = self.conversation()?;
        let from = talk.agent.agent().cloned().ok_or(Refused::NotTalking)?;
        let (queue, score_s) = (talk.queue.clone(), talk.score_s);
        let giver = keeps.then_some(Giver { leg: talk.leg, holds: talk.phone_holds });
        self.end_secure_input(cx, SecureEnd::CallEnded, None);
        if let Some(giver) = &giver {
            cx.legs.is_there_for(giver.leg, Why::Giver(contact));
        }
        self.end_segment_of(cx, (Cause::Transferred, EndedBy::Agent), keeps);
        Ok(Parted { from, queue, score_s, giver })
    }
}

impl Asker {
    /// The id of the question to the distributor.
    fn id(self, cx: &mut Context) -> CommandId {
        match self {
            Asker::Command(id) => id,
            Asker::Phone(_) | Asker::Keys(_) | Asker::Gone => CommandId::new(&mut cx.ids, cx.now),
        }
    }
}

impl Errand {
    /// The agent who gave the customer away, or parked; `None`: the flow did.
    fn from(&self) -> Option<&AgentId> {
        match self {
            Errand::Forth { from, .. } | Errand::Back { from, .. } | Errand::Return { from } => Some(from),
            Errand::ByFlow { .. } => None,
        }
    }

    /// The phone that hears how it ends.
    fn giver(&mut self) -> Option<&mut Giver> {
        match self {
            Errand::Forth { giver, .. } => giver.as_mut(),
            Errand::Back { .. } | Errand::Return { .. } | Errand::ByFlow { .. } => None,
        }
    }

    /// The agent who sends the customer on, as the phone of whoever is to have the customer hears it.
    fn diverted_by(&self) -> Option<Diversion> {
        match self {
            Errand::Forth { from, .. } => {
                let (number, reason) = (from.as_str().parse().ok(), DiversionReason::Deflection);
                Some(Diversion { number, reason })
            }
            // Who gets the customer back is who sent it on.
            Errand::Back { .. } | Errand::Return { .. } | Errand::ByFlow { .. } => None,
        }
    }

    /// What the phone that rings shows beside the queue.
    fn note(&self) -> String {
        match self {
            Errand::Forth { from, .. } => format!(" <- {from}"),
            Errand::Back { why, .. } => format!(" back: {why:?}"),
            Errand::Return { .. } => " back".to_owned(),
            Errand::ByFlow { extension } => format!(" -> {extension}"),
        }
    }
}

impl Context {
    /// A transfer is refused before anything changed.
    pub(crate) fn not_transferred(&mut self, asker: Asker, refused: Refused) {
        match asker {
            Asker::Command(id) => self.reply(Reply { id, result: Err(refused) }),
            Asker::Phone(leg) => {
                self.order(leg, LegOrder::Referral(ReferralState::Failed(as_refusal(refused))));
            }
            Asker::Keys(_) | Asker::Gone => {}
        }
    }

    /// A phone that may not give away the customer.
    pub(crate) fn refuse_referral(&mut self, leg: LegId) {
        self.order(leg, LegOrder::Referral(ReferralState::Failed(Refusal::Declined)));
    }

    /// The part of somebody in a conversation is over; an agent is free, after writing up.
    pub(crate) fn segment_ended(&mut self, who: Party) {
        match who {
            Party::Agent(agent) => self.acd(acd::Input::SegmentEnded(agent)),
            Party::Outside(_) => {}
        }
    }
}
