//! The leg that rings to have a customer, who is on the way or parked: answered, or not, and what follows.

use std::net::SocketAddr;

use model::{
    AgentId, Cause, ClipId, CommandId, ContactEvent, Course, DialEnd, Done, LegId, LegOrder, MediaOp,
    MoveEnd, ParkEnd, Party, PlayMode, QueueName, ReferralState, Refusal, Refused, RemoteMedia, Reply,
};

use super::along::seconds_since;
use super::{Arrival, Asker, Errand, Giver, MOST_RETURNS, Move, Parted, Stage};
use crate::arrange::Hold;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::distributor::Asked;
use crate::guests::{Callee, RINGS};
use crate::leg::LegEvent;
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
            Place::Moving(Move { stage: Stage::Asked(_), .. })
            | Place::Opening { .. }
            | Place::Answering { .. }
            | Place::Calling(_)
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
        let (queue, note, by) = match &self.place {
            Place::Moving(on) => (&on.queue, on.errand.note(), on.errand.diverted_by()),
            Place::Parked(parked) => (&parked.parted.queue, String::new(), None),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::Calling(_)
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => return,
        };
        let display = self.display(queue) + &note;
        if let Some(of) = cx.legs.get_mut(leg) {
            of.diverted = by;
        }
        cx.dial(leg, rtp, codecs_like(self.remote.as_ref()), self.caller.clone(), display);
    }

    pub(crate) fn taker_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Ringing => {
                if let Place::Moving(on) = &mut self.place
                    && let Some(giver) = on.errand.giver()
                {
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
            Place::Moving(Move { queue, score_s, errand, .. }) => {
                self.talk_with(cx, leg, who, (queue, score_s), Some(remote));
                self.arrived(cx, errand, Arrival::Talking);
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
                on.missed = refusal;
                if !self.try_next(cx) {
                    self.nobody_took_it(cx);
                }
            }
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::Calling(_)
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Over => {}
        }
    }

    /// Nobody else is to have the customer, who goes back to the agent, or waits in the queue when it was the agent who did not
    /// answer.
    pub(super) fn nobody_took_it(&mut self, cx: &mut Context) {
        let Place::Moving(on) = &mut self.place else { return };
        let why = on.missed;
        match &mut on.errand {
            Errand::Forth { asker, from, giver } => {
                let (asker, from, giver) = (*asker, from.clone(), giver.take());
                on.errand = Errand::Back { asker, from, why };
                match giver {
                    Some(giver) => self.rejoin(cx, giver, why),
                    None => self.ask_agent_back(cx),
                }
            }
            Errand::Back { .. } | Errand::Return { .. } => self.wait_instead(cx),
            Errand::ByFlow { .. } => self.back_to_flow(cx),
        }
    }

    /// The agent whose phone is still there has the customer again.
    fn rejoin(&mut self, cx: &mut Context, giver: Giver, refusal: Refusal) {
        let Place::Moving(Move { queue, score_s, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        let Some(from) = errand.from().cloned() else { return };
        cx.order(giver.leg, LegOrder::Referral(ReferralState::Failed(refusal)));
        self.talk_with(cx, giver.leg, Party::Agent(from), (queue, score_s), None);
        self.hold(cx, Hold::Phone, giver.holds);
        if let Some(talk) = self.talk_mut() {
            talk.rejoined = Some((cx.now, refusal));
        }
        self.arrived(cx, errand, Arrival::Talking);
    }

    /// Asks for the seat of the agent who gave the customer away, unless that was asked too often.
    fn ask_agent_back(&mut self, cx: &mut Context) {
        if self.returns >= MOST_RETURNS {
            return self.wait_instead(cx);
        }
        self.returns += 1;
        let Place::Moving(on) = &mut self.place else { return };
        let Some(agent) = on.errand.from().cloned() else { return };
        let id = CommandId::new(&mut cx.ids, cx.now);
        on.stage = Stage::Asked(id);
        let (contact, queue) = (self.id, on.queue.clone());
        let (leg, play) = (self.leg, cx.new_play());
        let clips = vec![ClipId::from(format!("{}/{BACK}", self.session.language()))];
        self.play = Some(play);
        cx.media(self.call, MediaOp::Play { leg, play, clips, mode: PlayMode::Once });
        cx.asked.insert(id, Asked::Back { contact, seat: agent.clone() });
        cx.acd(acd::Input::Engage { id, agent, contact, queue });
    }

    /// Nobody picked the parked customer up: back to the agent who parked.
    pub(crate) fn back_from_parking(&mut self, cx: &mut Context, parted: Parted) {
        let Parted { from, queue, score_s, .. } = parted;
        self.go_back(cx, (queue, score_s), Errand::Return { from });
    }

    /// Back to the agent who had the customer.
    pub(super) fn go_back(&mut self, cx: &mut Context, (queue, score_s): (QueueName, u32), errand: Errand) {
        let (stage, course) = (Stage::Asked(CommandId::new(&mut cx.ids, cx.now)), Course::default());
        let (since, missed) = (cx.now, Refusal::Failed);
        self.place = Place::Moving(Move { queue, score_s, since, stage, errand, course, missed });
        self.ask_agent_back(cx);
    }

    /// The distributor's word on the agent's own seat; false when that seat is not needed.
    pub(crate) fn agent_asked_back(
        &mut self,
        cx: &mut Context,
        id: CommandId,
        agent: AgentId,
        result: Result<(), Refused>,
    ) -> bool {
        if !self.awaits_word(id) {
            return false;
        }
        if result.is_err() {
            self.wait_instead(cx);
            return false;
        }
        let leg = self.ring_taker(cx, Callee::Agent(agent), RINGS);
        if let Place::Moving(on) = &mut self.place {
            on.stage = Stage::Rings(leg);
        }
        true
    }

    /// The agent is not there for the customer either, who waits again. What passed since counts as waiting.
    fn wait_instead(&mut self, cx: &mut Context) {
        let Place::Moving(Move { queue, score_s, since, errand, .. }) =
            std::mem::replace(&mut self.place, Place::InFlow)
        else {
            return;
        };
        self.session.handle(cx.now, ivr::Input::SentToQueue(queue.clone()));
        self.enter_queue(cx, queue, score_s.saturating_add(seconds_since(cx, since)));
        self.follow_session(cx);
        self.arrived(cx, errand, Arrival::Elsewhere);
    }

    /// Tells the log, and who asked, where a customer on the way arrived.
    pub(super) fn arrived(&self, cx: &mut Context, errand: Errand, arrival: Arrival) {
        let contact = self.id;
        let (asker, agent, how) = match (errand, arrival) {
            (Errand::Return { .. }, _) => return,
            (Errand::ByFlow { extension }, arrival) => {
                let how = match arrival {
                    Arrival::Talking => DialEnd::Answered,
                    Arrival::Elsewhere => DialEnd::PassedOn,
                    Arrival::Gone => DialEnd::CustomerGone,
                };
                return cx.record(ContactEvent::ExtensionEnded { contact, extension, how });
            }
            (Errand::Forth { asker, from, giver }, Arrival::Gone) => {
                cx.release_giver(giver, from.clone(), ReferralState::Failed(Refusal::Cancelled));
                (asker, from, MoveEnd::CustomerGone)
            }
            (Errand::Forth { asker, from, giver }, Arrival::Talking | Arrival::Elsewhere) => {
                cx.release_giver(giver, from.clone(), ReferralState::Done);
                (asker, from, MoveEnd::Done)
            }
            (Errand::Back { asker, from, .. }, Arrival::Gone) => (asker, from, MoveEnd::CustomerGone),
            (Errand::Back { asker, from, why }, Arrival::Talking) => (asker, from, MoveEnd::Returned(why)),
            (Errand::Back { asker, from, why }, Arrival::Elsewhere) => (asker, from, MoveEnd::Requeued(why)),
        };
        cx.record(ContactEvent::TransferEnded { contact, agent, how });
        if let Asker::Command(id) = asker {
            cx.reply(Reply { id, result: Ok(Done::Moved(how)) });
        }
    }

    /// The contact ends, or leaves, while the customer is on the way.
    pub(crate) fn end_move(&mut self, cx: &mut Context) {
        let taker = self.taker();
        match std::mem::replace(&mut self.place, Place::InFlow) {
            Place::Moving(Move { errand, .. }) => self.arrived(cx, errand, Arrival::Gone),
            Place::Parked(parked) => self.leave_slot(cx, &parked, ParkEnd::CallEnded),
            other => self.place = other,
        }
        if let Some(leg) = taker {
            cx.let_go(leg, Cause::Cancelled);
        }
    }
}
