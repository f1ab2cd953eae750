//! The leg that rings to have a customer, who is on the way or parked: answered, or not, and what follows.

use std::net::SocketAddr;

use model::{
    AgentId, Cause, ClipId, CommandId, ContactEvent, Done, LegId, LegOrder, MediaOp, MoveEnd, ParkEnd, Party,
    PlayMode, ReferralState, Refusal, Refused, RemoteMedia, Reply,
};

use super::{Asker, Errand, Giver, Move, Parted, Stage};
use crate::arrange::Hold;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::{Callee, RINGS};
use crate::leg::{LegEvent, Why};
use crate::seat::codecs_like;
use crate::timers::Timer;

/// What a customer hears whom the target did not take.
const BACK: &str = "transfer-back";

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
            Place::Moving(on) => (&on.parted.queue, on.errand.note(&on.parted.from)),
            Place::Parked(parked) => (&parked.parted.queue, String::new()),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => return,
        };
        let display = self.display(queue) + &note;
        cx.dial(leg, rtp, codecs_like(self.remote.as_ref()), self.caller.clone(), display);
    }

    pub(crate) fn taker_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing => {
                if let Place::Moving(Move { parted: Parted { giver: Some(giver), .. }, .. }) = &self.place {
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

    /// The leg that rang is answered, and has the customer.
    pub(crate) fn taker_answered(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let Some(who) = cx.legs.get(leg).and_then(|leg| leg.party()) else { return };
        cx.timers.stop(Timer::Ring(leg));
        match std::mem::replace(&mut self.place, Place::InFlow) {
            Place::Moving(Move { parted, errand, .. }) => {
                let Parted { from, queue, score_s, giver } = parted;
                self.talk_with(cx, leg, who, (queue, score_s), Some(remote));
                let how = errand.end_with_agent();
                cx.release_giver(giver, from.clone(), ReferralState::Done);
                self.transfer_ended(cx, errand, from, how);
            }
            Place::Parked(parked) => self.picked_up(cx, parked, leg, who, remote),
            other => self.place = other,
        }
    }

    /// The leg that rang is over, unanswered: it does not have the customer.
    pub(crate) fn taker_failed(&mut self, cx: &mut Context, leg: LegId, refusal: Refusal) {
        if self.taker() != Some(leg) {
            return;
        }
        match &mut self.place {
            Place::Parked(parked) => parked.pick_up = None,
            Place::Moving(on) => {
                let giver = on.parted.giver.take();
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
        let Place::Moving(Move { parted: Parted { from, queue, score_s, .. }, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        cx.order(giver.leg, LegOrder::Referral(ReferralState::Failed(refusal)));
        let how = errand.end_with_agent();
        self.talk_with(cx, giver.leg, Party::Agent(from.clone()), (queue, score_s), None);
        self.hold(cx, Hold::Phone, giver.holds);
        if let Some(talk) = self.talk_mut() {
            talk.rejoined = Some((cx.now, refusal));
        }
        self.transfer_ended(cx, errand, from, how);
    }

    /// Asks for the seat of the agent who gave the customer away.
    fn ask_agent_back(&mut self, cx: &mut Context) {
        let Place::Moving(on) = &mut self.place else { return };
        on.stage = Stage::Asked;
        let (contact, agent, queue) = (self.id, on.parted.from.clone(), on.parted.queue.clone());
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
    pub(super) fn go_back(&mut self, cx: &mut Context, parted: Parted, errand: Errand) {
        self.place = Place::Moving(Move { parted, since: cx.now, stage: Stage::Asked, errand });
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
        let callee = Callee::Agent(on.parted.from.clone());
        let (_, leg) = cx.open_to(self.call, callee, Why::Taker(self.id));
        on.stage = Stage::Rings(leg);
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
        true
    }

    /// The agent is not there for the customer either, who waits again. What passed since counts as waiting.
    fn wait_instead(&mut self, cx: &mut Context) {
        let Place::Moving(Move { parted: Parted { from, queue, score_s, .. }, since, errand, .. }) =
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
            Place::Moving(Move { parted: Parted { from, giver, .. }, errand, .. }) => {
                cx.release_giver(giver, from.clone(), ReferralState::Failed(Refusal::Cancelled));
                self.transfer_ended(cx, errand, from, MoveEnd::CustomerGone);
            }
            Place::Parked(parked) => self.leave_slot(cx, &parked, ParkEnd::CallEnded),
            other => self.place = other,
        }
        if let Some(leg) = taker {
            cx.let_go(leg, Cause::Cancelled);
        }
    }
}
