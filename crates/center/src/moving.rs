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
//! The agent's part ends with the order: the segment is over and the agent writes up. A phone that asked by REFER stays in
//! the call (a *giver*) until it is said how the transfer ended, and its agent is in a call for as long. A customer is
//! given away 16 times at most.

use std::net::SocketAddr;
use std::time::Duration;

use model::{
    Actor, AgentId, Cause, ClipId, CommandId, ContactEvent, Done, EndedBy, LegId, LegOrder, MediaOp, MoveEnd,
    MoveTo, Party, PlayMode, QueueName, ReferralState, Refusal, Refused, RemoteMedia, Reply, SecureEnd,
    SegmentId, Time,
};

use crate::arrange::HOLD_MUSIC;
use crate::command::Outcome;
use crate::consult::as_refusal;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::{Callee, RINGS};
use crate::leg::{LegEvent, Why};
use crate::seat::codecs_like;
use crate::timers::Timer;

/// How often a customer can be given away.
const MOST_MOVES: u32 = 16;
/// Some phones hang up when their transfer has failed; a hang-up within this time of it is no wish of the agent's.
const REFLEX: Duration = Duration::from_secs(2);
/// What a customer hears whom the target did not take.
const BACK: &str = "transfer-back";

/// A customer on the way to somebody who rings.
#[derive(Debug)]
pub(crate) struct Move {
    /// The agent who gave the customer away.
    pub(crate) from: AgentId,
    pub(crate) queue: QueueName,
    /// The customer's score when the agent answered, in seconds.
    score_s: u32,
    /// When the customer was given away.
    since: Time,
    stage: Stage,
    /// The agent's phone, which asked by REFER and hears how it ends.
    pub(crate) giver: Option<Giver>,
    errand: Errand,
}

#[derive(Debug)]
enum Stage {
    /// The distributor is asked for the agent's seat.
    Asked,
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
    /// To the target.
    Forth(Asker),
    /// Back to the agent: the target did not take the customer, for this reason.
    Back(Asker, Refusal),
    /// Back to the agent who parked the customer: nobody picked the call up.
    Return,
}

/// Who asked for a transfer, and hears how it ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asker {
    /// By command.
    Command(CommandId),
    /// By REFER, on this leg.
    Phone(LegId),
    /// By hanging up while the target rang.
    Gone,
}

/// Customer and agent as they were when the agent gave the customer away.
#[derive(Debug)]
pub(crate) struct Parted {
    pub(crate) from: AgentId,
    pub(crate) queue: QueueName,
    pub(crate) score_s: u32,
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
        let contact = self.id;
        let talk = self.conversation()?;
        let agent = talk.agent.agent().cloned().ok_or(Refused::NotTalking)?;
        let (segment, queue) = (talk.segment, talk.queue.clone());
        match &to {
            MoveTo::Agent(seat) if *seat == agent => Err(Refused::SeatBusy),
            MoveTo::Agent(seat) => {
                let (seat, id) = (seat.clone(), asker.id(cx));
                cx.asked.insert(id, Asked::Transfer { contact, segment, asker, by, seat: seat.clone() });
                cx.acd(acd::Input::Engage { id, agent: seat, contact, queue });
                Ok(Outcome::Asked)
            }
            MoveTo::Queue(queue) => {
                let queue = queue.clone();
                if !cx.config.acd.queues.iter().any(|known| known.name == queue) {
                    return Err(Refused::UnknownQueue);
                }
                self.give_to_queue(cx, asker, by, queue)
            }
            MoveTo::Node(name) => {
                let node = self.session.flow().find(name).ok_or(Refused::UnknownNode)?;
                self.give_to_flow(cx, asker, by, (to, node))
            }
            MoveTo::Outside(number) => {
                let outside = cx.way_outside(&by, &queue, number)?;
                self.give_to_callee(cx, asker, by, segment, Callee::Outside(outside))?;
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
        queue: QueueName,
    ) -> Result<Outcome, Refused> {
        let parted = self.give_away(cx, (asker, by), MoveTo::Queue(queue.clone()))?;
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
            Asker::Phone(_) | Asker::Gone => Outcome::Asked,
        }
    }

    /// Rings whom the distributor gave, or somebody outside, who is to have the customer.
    pub(crate) fn give_to_callee(
        &mut self,
        cx: &mut Context,
        asker: Asker,
        by: Actor,
        segment: SegmentId,
        callee: Callee,
    ) -> Result<(), Refused> {
        if self.conversation()?.segment != segment {
            return Err(Refused::NotTalking);
        }
        let to = match &callee {
            Callee::Agent(agent) => MoveTo::Agent(agent.clone()),
            Callee::Outside(outside) => MoveTo::Outside(outside.number.clone()),
        };
        let Parted { from, queue, score_s, giver } = self.give_away(cx, (asker, by), to)?;
        let (_, leg) = cx.open_to(self.call, callee, Why::Taker(self.id));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
        let (stage, errand) = (Stage::Rings(leg), Errand::Forth(asker));
        self.place = Place::Moving(Move { from, queue, score_s, since: cx.now, stage, giver, errand });
        cx.play_round(self.call, self.leg, HOLD_MUSIC);
        Ok(())
    }

    /// The customer waits for whom the agent consulted, who rings on.
    pub(crate) fn ring_on(&mut self, cx: &mut Context, asker: Asker, by: Actor, leg: LegId, to: MoveTo) {
        let Some(guest) = self.take_guest(cx, leg, Cause::Transferred) else { return };
        let (contact, how) = (self.id, model::GuestEnd::TakesCustomer);
        cx.record(ContactEvent::GuestLeft { contact, guest: guest.who, how });
        cx.legs.is_there_for(leg, Why::Taker(contact));
        let Ok(Parted { from, queue, score_s, giver }) = self.give_away(cx, (asker, by), to) else { return };
        let (stage, errand) = (Stage::Rings(leg), Errand::Forth(asker));
        self.place = Place::Moving(Move { from, queue, score_s, since: cx.now, stage, giver, errand });
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

impl Contact {
    /// The leg that rings for the customer, who is on the way or parked.
    pub(crate) fn taker(&self) -> Option<LegId> {
        match &self.place {
            Place::Moving(Move { stage: Stage::Rings(leg), .. }) => Some(*leg),
            Place::Parked(parked) => parked.pick_up.as_ref().map(|pick_up| pick_up.leg),
            Place::Moving(Move { stage: Stage::Asked, .. })
            | Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => None,
        }
    }

    /// The port of the leg that is to have the customer is open.
    pub(crate) fn taker_open(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        if cx.legs.get(leg).is_some_and(|leg| leg.is_inbound) {
            return self.pick_up_open(cx, leg, rtp);
        }
        let (queue, note) = match &self.place {
            Place::Moving(on) => (&on.queue, on.errand.note(&on.from)),
            Place::Parked(parked) => (&parked.queue, String::new()),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => return,
        };
        let display = format!("{queue} {}{note}", self.language());
        cx.dial(leg, rtp, codecs_like(self.remote.as_ref()), self.caller.clone(), display);
    }

    pub(crate) fn taker_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing => {
                if let Place::Moving(Move { giver: Some(giver), .. }) = &self.place {
                    cx.order(giver.leg, LegOrder::Referral(ReferralState::Ringing));
                }
            }
            // The customer hears the network's tones.
            LegEvent::Early(remote) => {
                cx.media(self.call, MediaOp::Connect { leg, remote });
                cx.media(self.call, MediaOp::Bridge { a: self.leg, b: leg });
            }
            // An agent's own call, which was to pick up a customer.
            LegEvent::Over(_) => {
                cx.is_gone(leg);
                self.taker_failed(cx, leg, Refusal::Declined);
            }
            LegEvent::Silent(_) => cx.order(leg, LegOrder::Probe),
            LegEvent::Referred(_) => cx.refuse_referral(leg),
            LegEvent::Changed(_) | LegEvent::Key(..) | LegEvent::Played(_) | LegEvent::OneWay => {}
        }
    }

    /// Whoever rang has answered, and has the customer.
    pub(crate) fn taker_answered(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let Some(who) = cx.legs.get(leg).and_then(|leg| leg.party()) else { return };
        cx.timers.stop(Timer::Ring(leg));
        match std::mem::replace(&mut self.place, Place::InFlow) {
            Place::Moving(Move { from, queue, score_s, giver, errand, .. }) => {
                self.talk_with(cx, leg, who, (queue, score_s), Some(remote));
                let how = errand.end_with_agent();
                cx.release_giver(giver, from.clone(), ReferralState::Done);
                self.transfer_ended(cx, errand, from, how);
            }
            Place::Parked(parked) => self.picked_up(cx, parked, leg, who, remote),
            other => self.place = other,
        }
    }

    /// Whoever rang, and whose leg is over by now, does not have the customer.
    pub(crate) fn taker_failed(&mut self, cx: &mut Context, leg: LegId, refusal: Refusal) {
        if self.taker() != Some(leg) {
            return;
        }
        match &mut self.place {
            Place::Parked(parked) => parked.pick_up = None,
            Place::Moving(on) => {
                let giver = on.giver.take();
                match on.errand {
                    Errand::Forth(asker) => on.errand = Errand::Back(asker, refusal),
                    Errand::Back(..) | Errand::Return => return self.wait_instead(cx),
                }
                match giver {
                    Some(giver) => self.rejoin(cx, giver, refusal),
                    None => self.ask_agent_back(cx),
                }
            }
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => {}
        }
    }

    /// The agent whose phone is still there has the customer again.
    fn rejoin(&mut self, cx: &mut Context, giver: Giver, refusal: Refusal) {
        let Place::Moving(Move { from, queue, score_s, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        cx.order(giver.leg, LegOrder::Referral(ReferralState::Failed(refusal)));
        let how = errand.end_with_agent();
        self.talk_with(cx, giver.leg, Party::Agent(from.clone()), (queue, score_s), None);
        self.hold(cx, crate::arrange::Hold::Phone, giver.holds);
        if let Some(talk) = self.talk_mut() {
            talk.rejoined = Some((cx.now, refusal));
        }
        self.transfer_ended(cx, errand, from, how);
    }

    /// Asks for the seat of the agent who gave the customer away.
    fn ask_agent_back(&mut self, cx: &mut Context) {
        let Place::Moving(on) = &mut self.place else { return };
        on.stage = Stage::Asked;
        let (contact, agent, queue) = (self.id, on.from.clone(), on.queue.clone());
        let id = CommandId::new(&mut cx.ids, cx.now);
        let (leg, play) = (self.leg, cx.new_play());
        let clips = vec![ClipId::from(format!("{}/{BACK}", self.session.language()))];
        self.play = Some(play);
        cx.media(self.call, MediaOp::Play { leg, play, clips, mode: PlayMode::Once });
        cx.asked.insert(id, Asked::Back { contact, seat: agent.clone() });
        cx.acd(acd::Input::Engage { id, agent, contact, queue });
    }

    /// Nobody picked the parked customer up: back to the agent who parked.
    pub(crate) fn back_from_parking(&mut self, cx: &mut Context, parted: Parted) {
        self.go_back(cx, parted, Errand::Return);
    }

    /// Back to the agent who had the customer.
    fn go_back(&mut self, cx: &mut Context, parted: Parted, errand: Errand) {
        let Parted { from, queue, score_s, .. } = parted;
        let stage = Stage::Asked;
        self.place = Place::Moving(Move { from, queue, score_s, since: cx.now, stage, giver: None, errand });
        self.ask_agent_back(cx);
    }

    /// The distributor's word on the agent's own seat; false when that seat is not needed.
    pub(crate) fn agent_asked_back(&mut self, cx: &mut Context, result: Result<(), Refused>) -> bool {
        let Place::Moving(on) = &mut self.place else { return false };
        if !matches!(on.stage, Stage::Asked) {
            return false;
        }
        if result.is_err() {
            self.wait_instead(cx);
            return false;
        }
        let callee = Callee::Agent(on.from.clone());
        let (_, leg) = cx.open_to(self.call, callee, Why::Taker(self.id));
        on.stage = Stage::Rings(leg);
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
        true
    }

    /// The agent is not there for the customer either, who waits again. What passed since counts as waiting.
    fn wait_instead(&mut self, cx: &mut Context) {
        let Place::Moving(Move { from, queue, score_s, since, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        let passed = u32::try_from(cx.now.since(since).as_secs()).unwrap_or(u32::MAX);
        self.session.handle(cx.now, ivr::Input::SentToQueue(queue.clone()));
        self.enter_queue(cx, queue, score_s.saturating_add(passed));
        self.follow_session(cx);
        let how = errand.end_in_queue();
        self.transfer_ended(cx, errand, from, how);
    }

    fn transfer_ended(&self, cx: &mut Context, errand: Errand, agent: AgentId, how: MoveEnd) {
        let asker = match errand {
            Errand::Forth(asker) | Errand::Back(asker, _) => asker,
            Errand::Return => return,
        };
        cx.record(ContactEvent::TransferEnded { contact: self.id, agent, how });
        if let Asker::Command(id) = asker {
            cx.reply(Reply { id, result: Ok(Done::Moved(how)) });
        }
    }

    /// The contact ends, or leaves, while the customer is on the way.
    pub(crate) fn end_move(&mut self, cx: &mut Context) {
        let taker = self.taker();
        match std::mem::replace(&mut self.place, Place::InFlow) {
            Place::Moving(Move { from, giver, errand, .. }) => {
                cx.release_giver(giver, from.clone(), ReferralState::Failed(Refusal::Cancelled));
                self.transfer_ended(cx, errand, from, MoveEnd::CustomerGone);
            }
            Place::Parked(parked) => self.leave_slot(cx, &parked, model::ParkEnd::CallEnded),
            other => self.place = other,
        }
        if let Some(leg) = taker {
            cx.let_go(leg, Cause::Cancelled);
        }
    }
}

/// The giver.
impl Contact {
    /// A transfer was refused before anything changed; the phone that asked may hang up by itself.
    pub(crate) fn transfer_refused(&mut self, cx: &Context, asker: Asker, refused: Refused) {
        if let Asker::Phone(leg) = asker
            && let Some(talk) = self.talk_mut().filter(|talk| talk.leg == leg)
        {
            talk.rejoined = Some((cx.now, as_refusal(refused)));
        }
    }

    /// The agent's phone hung up right after its transfer had failed: it is rung, for the customer is its again. False when
    /// that is not so.
    pub(crate) fn rings_after_reflex(&mut self, cx: &mut Context, cause: Cause) -> bool {
        let Some(talk) = self.talk() else { return false };
        let rejoined = talk.rejoined.filter(|(at, _)| cx.now.since(*at) <= REFLEX);
        let (leg, queue, score_s) = (talk.leg, talk.queue.clone(), talk.score_s);
        let (Some(from), Some((_, refusal))) = (talk.agent.agent().cloned(), rejoined) else { return false };
        let (contact, agent, to) = (self.id, from.clone(), MoveTo::Agent(from.clone()));
        cx.record(ContactEvent::TransferStarted { contact, agent, to, attended: false });
        cx.is_gone(leg);
        self.end_secure_input(cx, SecureEnd::CallEnded, None);
        self.end_segment(cx, cause, EndedBy::Agent);
        let errand = Errand::Back(Asker::Gone, refusal);
        self.go_back(cx, Parted { from, queue, score_s, giver: None }, errand);
        true
    }

    /// The agent is gone while whom to consult still rings: that one has the customer with the answer. False when nobody
    /// rings.
    pub(crate) fn give_to_whom_rings(&mut self, cx: &mut Context) -> bool {
        let Some(talk) = self.talk() else { return false };
        let (leg, Some(agent), Some(consultation)) =
            (talk.leg, talk.agent.agent().cloned(), talk.consultation)
        else {
            return false;
        };
        let Some(guest) = talk.guests.iter().find(|guest| guest.leg == consultation.guest) else {
            return false;
        };
        let to = match guest.who.clone() {
            Party::Agent(agent) => MoveTo::Agent(agent),
            Party::Outside(number) => MoveTo::Outside(number),
        };
        cx.is_gone(leg);
        self.ring_on(cx, Asker::Gone, Actor::Agent(agent), consultation.guest, to);
        true
    }

    pub(crate) fn giver_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Over(_) => {
                cx.is_gone(leg);
                if let Place::Moving(on) = &mut self.place
                    && on.giver.take_if(|giver| giver.leg == leg).is_some()
                {
                    let from = on.from.clone();
                    cx.segment_ended(Party::Agent(from));
                }
            }
            LegEvent::Changed(remote) => {
                let holds = !remote.direction.sends();
                cx.media(self.call, MediaOp::Connect { leg, remote });
                if let Place::Moving(Move { giver: Some(giver), .. }) = &mut self.place {
                    giver.holds = holds;
                }
            }
            LegEvent::Silent(_) => cx.order(leg, LegOrder::Probe),
            LegEvent::Referred(_) => cx.refuse_referral(leg),
            LegEvent::Ringing
            | LegEvent::Early(_)
            | LegEvent::Key(..)
            | LegEvent::Played(_)
            | LegEvent::OneWay => {}
        }
    }
}

impl Asker {
    /// The id of the question to the distributor.
    fn id(self, cx: &mut Context) -> CommandId {
        match self {
            Asker::Command(id) => id,
            Asker::Phone(_) | Asker::Gone => CommandId::new(&mut cx.ids, cx.now),
        }
    }
}

impl Errand {
    /// The end when somebody talks with the customer.
    fn end_with_agent(&self) -> MoveEnd {
        match self {
            Errand::Forth(_) | Errand::Return => MoveEnd::Done,
            Errand::Back(_, why) => MoveEnd::Returned(*why),
        }
    }

    /// The end when the customer waits again.
    fn end_in_queue(&self) -> MoveEnd {
        match self {
            Errand::Forth(_) | Errand::Return => MoveEnd::Done,
            Errand::Back(_, why) => MoveEnd::Requeued(*why),
        }
    }

    /// What the phone that rings shows beside the queue.
    fn note(&self, from: &AgentId) -> String {
        match self {
            Errand::Forth(_) => format!(" <- {from}"),
            Errand::Back(_, why) => format!(" back: {why:?}"),
            Errand::Return => " back".to_owned(),
        }
    }
}

impl Context {
    /// The agent's phone hears how the transfer ended and is let go, and the agent writes up.
    fn release_giver(&mut self, giver: Option<Giver>, from: AgentId, state: ReferralState) {
        if let Some(giver) = giver {
            self.order(giver.leg, LegOrder::Referral(state));
            self.let_go(giver.leg, Cause::Transferred);
            self.segment_ended(Party::Agent(from));
        }
    }

    /// A transfer is refused before anything changed.
    pub(crate) fn not_transferred(&mut self, asker: Asker, refused: Refused) {
        match asker {
            Asker::Command(id) => self.reply(Reply { id, result: Err(refused) }),
            Asker::Phone(leg) => {
                self.order(leg, LegOrder::Referral(ReferralState::Failed(as_refusal(refused))));
            }
            Asker::Gone => {}
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
