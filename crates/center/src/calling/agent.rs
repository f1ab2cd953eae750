//! The leg of the agent who is to talk with a customer whom we call.

use std::net::SocketAddr;

use model::{Cause, EndedBy, LegId, LegOrder, MediaOp, Refusal, RemoteMedia};

use super::{Dialled, Seat};
use crate::alive::who_ended;
use crate::arrange::RING_BACK;
use crate::contact::Contact;
use crate::context::Context;
use crate::leg::LegEvent;
use crate::seat::codecs_like;
use crate::timers::Timer;

impl Contact {
    /// Its port is open.
    pub(crate) fn originator_open(&mut self, cx: &mut Context, leg: LegId, rtp: SocketAddr) {
        let (shown, codecs) = (self.caller.clone(), codecs_like(self.remote.as_ref()));
        let language = self.language();
        let Some(calling) = self.calling() else { return };
        match &mut calling.seat {
            Seat::Dials(dialled) => {
                dialled.rtp = Some(rtp);
                self.go_on(cx);
            }
            Seat::Rings(_) => {
                let display = format!("{} {language} ->", calling.queue);
                cx.dial(leg, rtp, codecs, shown, display);
            }
            Seat::Idle | Seat::Answering(_) | Seat::Up { .. } => {}
        }
    }

    /// The agent is there.
    pub(crate) fn originator_up(&mut self, cx: &mut Context, leg: LegId, remote: RemoteMedia) {
        let call = self.call;
        let holds = cx.connect(call, leg, remote);
        cx.timers.stop(Timer::Ring(leg));
        let Some(calling) = self.calling() else { return };
        calling.seat = Seat::Up { leg, holds };
        if !calling.is_answered() {
            cx.play_round(call, leg, RING_BACK);
        }
        self.go_on(cx);
    }

    /// The agent's phone did not take the call, and its leg is over. A customer who has answered waits in the queue.
    pub(crate) fn originator_failed(&mut self, cx: &mut Context, leg: LegId, refusal: Refusal) {
        if self.calling().is_some_and(|calling| calling.leg() == Some(leg)) {
            self.agent_absent(cx, refusal);
        }
    }

    /// There is no agent for this customer, who waits in the queue if that one has answered.
    pub(super) fn agent_absent(&mut self, cx: &mut Context, refusal: Refusal) {
        let Some(calling) = self.calling() else { return };
        if !calling.is_answered() {
            return self.end(cx, Cause::from(refusal), EndedBy::Agent);
        }
        let (queue, agent) = (calling.queue.clone(), calling.agent.clone());
        if std::mem::take(&mut calling.holds_agent) {
            cx.acd(acd::Input::Disengaged(agent));
        }
        self.session.handle(cx.now, ivr::Input::SentToQueue(queue.clone()));
        self.enter_queue(cx, queue, 0);
        self.follow_session(cx);
    }

    pub(crate) fn originator_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Over(cause) => {
                cx.is_gone(leg);
                self.end(cx, cause, who_ended(cause, EndedBy::Agent));
            }
            LegEvent::Changed(remote) => {
                let now_holds = cx.connect(self.call, leg, remote);
                if let Some(Seat::Up { holds, .. }) = self.calling().map(|calling| &mut calling.seat) {
                    *holds = now_holds;
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

impl Dialled {
    /// The phone hears what we send it from now on, where it can: its audio is known, and our port is open.
    pub(super) fn hears_before_the_answer(&mut self, cx: &mut Context, call: model::CallId) {
        if let (Some(rtp), Some(remote), false) = (self.rtp, &self.remote, self.is_early) {
            cx.media(call, MediaOp::Connect { leg: self.leg, remote: remote.clone() });
            cx.progress(self.leg, rtp, remote);
            self.is_early = true;
        }
    }
}
