//! The phone of an agent who gave the customer away: it hears how that ends, and may hang up before or after.

use std::time::Duration;

use model::{
    Actor, AgentId, Cause, ContactEvent, EndedBy, LegId, LegOrder, MoveTo, Party, ReferralState, Refused,
    SecureEnd,
};

use super::{Asker, Errand, Giver, Move};
use crate::consult::as_refusal;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::leg::LegEvent;

/// Some phones hang up when their transfer has failed; a hang-up within this time of it is no wish of the agent's.
const REFLEX: Duration = Duration::from_secs(2);

impl Contact {
    /// A transfer was refused before anything changed: a phone that referred may hang up by itself, one on which a code was typed
    /// shows why.
    pub(crate) fn transfer_refused(&mut self, cx: &mut Context, asker: Asker, refused: Refused) {
        let is_agents = |leg: LegId| self.talk().is_some_and(|talk| talk.leg == leg);
        match asker {
            Asker::Phone(leg) if is_agents(leg) => {
                if let Some(talk) = self.talk_mut() {
                    talk.rejoined = Some((cx.now, as_refusal(refused)));
                }
            }
            Asker::Keys(leg) if is_agents(leg) => self.show_refusal(cx, refused),
            Asker::Phone(_) | Asker::Keys(_) | Asker::Command(_) | Asker::Gone => {}
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
        let errand = Errand::Back { asker: Asker::Gone, from, why: refusal };
        self.go_back(cx, (queue, score_s), errand);
        true
    }

    /// The agent is gone while whom to consult still rings: that one has the customer with the answer. False when nobody
    /// rings.
    pub(crate) fn give_to_whom_rings(&mut self, cx: &mut Context) -> bool {
        let Some(talk) = self.talk() else { return false };
        let rings = talk.consultation.map(|consultation| consultation.guest);
        let rings = rings.filter(|guest| talk.guests.iter().any(|of| of.leg == *guest));
        let (leg, Some(agent), Some(guest)) = (talk.leg, talk.agent.agent().cloned(), rings) else {
            return false;
        };
        cx.is_gone(leg);
        self.ring_on(cx, Asker::Gone, Actor::Agent(agent), guest);
        true
    }

    pub(crate) fn giver_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Over(_) => {
                cx.is_gone(leg);
                if let Place::Moving(Move { errand: Errand::Forth { from, giver, .. }, .. }) = &mut self.place
                    && giver.take_if(|giver| giver.leg == leg).is_some()
                {
                    cx.segment_ended(Party::Agent(from.clone()));
                }
            }
            LegEvent::Changed(remote) => {
                let holds = cx.connect(self.call, leg, remote);
                if let Place::Moving(on) = &mut self.place
                    && let Some(giver) = on.errand.giver()
                {
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

impl Context {
    /// The agent's phone hears how the transfer ended and is let go, and the agent writes up.
    pub(super) fn release_giver(&mut self, giver: Option<Giver>, from: AgentId, state: ReferralState) {
        if let Some(giver) = giver {
            self.order(giver.leg, LegOrder::Referral(state));
            self.let_go(giver.leg, Cause::Transferred);
            self.segment_ended(Party::Agent(from));
        }
    }
}
