//! The leg of a customer whom we call.

use std::net::SocketAddr;

use model::{Cause, ClipId, ContactEvent, EndedBy, LegOrder, MediaOp, PlayMode, Refusal, RemoteMedia};

use super::{Calling, Customer};
use crate::arrange::RING_BACK;
use crate::contact::Contact;
use crate::context::Context;
use crate::seat::codecs_like;
use crate::timers::Timer;

impl Contact {
    pub(crate) fn dial_customer(&mut self, cx: &mut Context, rtp: SocketAddr) {
        let leg = self.leg;
        let Some(calling) = self.calling() else { return };
        let offered = calling.dialled().and_then(|dialled| dialled.remote.as_ref());
        cx.dial(leg, rtp, codecs_like(offered), None, String::new());
    }

    /// It rings at the customer's.
    pub(crate) fn customer_rings(&mut self, cx: &mut Context) {
        if self.is_first_sign(cx)
            && let Some(dialled) = self.calling().and_then(Calling::dialled)
        {
            cx.order(dialled.leg, LegOrder::Ring);
        }
    }

    /// The network's tones and announcements are for the agent.
    pub(crate) fn customer_early(&mut self, cx: &mut Context, remote: RemoteMedia) {
        let (call, leg) = (self.call, self.leg);
        if !self.calling().is_some_and(|calling| matches!(calling.customer, Customer::Rings { .. })) {
            return;
        }
        cx.media(call, MediaOp::Connect { leg, remote });
        self.is_first_sign(cx);
        let Some(calling) = self.calling() else { return };
        if let Some(dialled) = calling.dialled() {
            dialled.hears_before_the_answer(cx, call);
        }
        if let Some(agent) = calling.heard_on() {
            cx.media(call, MediaOp::Bridge { a: leg, b: agent });
        }
    }

    /// True when nothing was known of the customer's telephone before.
    fn is_first_sign(&mut self, cx: &mut Context) -> bool {
        let contact = self.id;
        let Some(Calling { customer: Customer::Rings { is_known }, .. }) = self.calling() else {
            return false;
        };
        let is_first = !std::mem::replace(is_known, true);
        if is_first {
            cx.record(ContactEvent::Ringing { contact });
        }
        is_first
    }

    /// The customer answered: recorded from now on, and told what has to be told first.
    pub(crate) fn customer_answered(&mut self, cx: &mut Context, remote: RemoteMedia) {
        let (contact, call, leg) = (self.id, self.call, self.leg);
        cx.timers.stop(Timer::Ring(leg));
        self.remote = Some(remote);
        self.record_from_now(cx);
        cx.record(ContactEvent::Answered { contact });
        let language = self.language();
        let Some(calling) = self.calling() else { return };
        let notice = cx.config.outbound.notice(calling.way.number.reveal()).map(str::to_owned);
        calling.customer = if notice.is_some() { Customer::Told } else { Customer::Waits };
        if let Some(notice) = notice {
            let play = cx.new_play();
            let agent = calling.heard_on();
            self.play = Some(play);
            cx.media(call, MediaOp::Unbridge { leg });
            let clips = vec![ClipId::from(format!("{language}/{notice}"))];
            cx.media(call, MediaOp::Play { leg, play, clips, mode: PlayMode::Once });
            if let Some(agent) = agent {
                cx.play_round(call, agent, RING_BACK);
            }
        }
        self.go_on(cx);
    }

    /// The customer has heard the notice.
    pub(crate) fn notice_over(&mut self, cx: &mut Context) {
        if let Some(calling) = self.calling() {
            calling.customer = Customer::Waits;
            self.go_on(cx);
        }
    }

    /// Nobody answered. The leg is over.
    pub(crate) fn customer_unanswered(&mut self, cx: &mut Context, refusal: Refusal) {
        let by = match refusal {
            Refusal::Busy | Refusal::Declined | Refusal::NoAnswer => EndedBy::Caller,
            Refusal::Unreachable | Refusal::NoCommonCodec | Refusal::Failed => EndedBy::Network,
            Refusal::Cancelled => EndedBy::Center,
        };
        self.end(cx, Cause::from(refusal), by);
    }
}
