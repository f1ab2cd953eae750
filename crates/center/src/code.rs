//! An agent dials a feature code: the command is carried out, a clip tells how it went, the call ends.

use std::net::{IpAddr, SocketAddr};

use model::{
    Actor, AgentId, AgentOrder, CallId, Cause, ClipId, CommandId, Language, LegId, LegOrder, MediaOp, Number,
    PlayId, PlayMode, RemoteMedia,
};

use crate::config::FeatureCode;
use crate::context::Context;
use crate::distributor::Asked;
use crate::leg::{Leg, LegEvent, Who, Why};

/// An agent's call to a feature code.
#[derive(Debug)]
pub(crate) struct CodeCall {
    pub(crate) call: CallId,
    leg: LegId,
    code: FeatureCode,
    /// The leg is up.
    is_up: bool,
    /// Whether the distributor had the command obeyed; `None` until it answers.
    obeyed: Option<bool>,
    remote: Option<RemoteMedia>,
    play: Option<PlayId>,
    over: bool,
}

impl CodeCall {
    /// Does what the code says. `None`, and refused, when it is none.
    pub(crate) fn begin(
        cx: &mut Context,
        (leg, local): (LegId, IpAddr),
        agent: &AgentId,
        dialled: &Number,
        remote: Option<RemoteMedia>,
    ) -> Option<CodeCall> {
        let known = cx.config.feature_codes.get(dialled).copied();
        let order = known.and_then(|code| match code {
            FeatureCode::Ready => Some(AgentOrder::Ready),
            FeatureCode::Break => Some(AgentOrder::Break),
            // Nothing follows it.
            FeatureCode::Dial => None,
        });
        let (Some(code), Some(order)) = (known, order) else {
            cx.refuse(leg, Cause::UnknownNumber);
            return None;
        };
        let by = Actor::Agent(agent.clone());
        let id = CommandId::new(&mut cx.ids, cx.now);
        cx.command_agent(id, agent.clone(), order, by, Asked::Code(leg));
        let call = cx.new_call();
        cx.open(leg, Leg::inbound(call, local, Who::Agent(agent.clone()), Why::FeatureCode));
        Some(CodeCall { call, leg, code, is_up: false, obeyed: None, remote, play: None, over: false })
    }

    pub(crate) fn is_over(&self) -> bool {
        self.over
    }

    /// Its port is open.
    pub(crate) fn answer(&self, cx: &mut Context, rtp: SocketAddr) {
        cx.answer(self.leg, rtp, self.remote.as_ref());
    }

    /// Our answer was acknowledged.
    pub(crate) fn connected(&mut self, cx: &mut Context, remote: RemoteMedia) {
        self.is_up = true;
        cx.media(self.call, MediaOp::Connect { leg: self.leg, remote });
        self.tell(cx);
    }

    /// The distributor has answered.
    pub(crate) fn answered(&mut self, cx: &mut Context, obeyed: bool) {
        self.obeyed = Some(obeyed);
        self.tell(cx);
    }

    /// Tells how the command went, once that is known and the agent hears it.
    fn tell(&mut self, cx: &mut Context) {
        let Some(obeyed) = self.obeyed.filter(|_| self.is_up) else { return };
        let clip = match self.code {
            _ if !obeyed => "agent-refused",
            FeatureCode::Ready => "agent-ready",
            FeatureCode::Break => "agent-break",
            FeatureCode::Dial => return,
        };
        let (leg, play) = (self.leg, cx.new_play());
        self.play = Some(play);
        let clips = Language::ALL.map(|language| ClipId::from(format!("{language}/{clip}"))).into();
        cx.media(self.call, MediaOp::Play { leg, play, clips, mode: PlayMode::Once });
    }

    /// Its leg has something to say.
    pub(crate) fn leg_event(&mut self, cx: &mut Context, event: LegEvent) {
        let leg = self.leg;
        match event {
            LegEvent::Changed(remote) => cx.media(self.call, MediaOp::Connect { leg, remote }),
            LegEvent::Played(play) if self.play == Some(play) => self.end(cx, Cause::FlowFinished),
            LegEvent::Silent(_) => cx.order(leg, LegOrder::Probe),
            LegEvent::Over(_) => {
                self.over = true;
                cx.is_gone(leg);
            }
            LegEvent::Referred(_) => cx.refuse_referral(leg),
            LegEvent::Played(_)
            | LegEvent::Key(..)
            | LegEvent::OneWay
            | LegEvent::Ringing
            | LegEvent::Early(_) => {}
        }
    }

    /// Ends it from our side.
    pub(crate) fn end(&mut self, cx: &mut Context, cause: Cause) {
        self.over = true;
        cx.let_go(self.leg, cause);
    }
}
