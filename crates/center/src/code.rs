//! An agent dials a feature code: the command is carried out, a clip tells how it went, the call ends.

use model::{
    Actor, AgentId, CallId, Cause, ClipId, EndedBy, Language, LegId, LegOrder, LegReport, MediaOp,
    MediaReport, Number, PlayId, PlayMode, RemoteMedia, Time,
};

use crate::call::{Call, CodeCall};
use crate::config::FeatureCode;
use crate::machine::Center;

impl Center {
    pub(crate) fn code_invited(
        &mut self,
        now: Time,
        (leg, local): (LegId, std::net::IpAddr),
        agent: &AgentId,
        dialled: &Number,
        remote: Option<RemoteMedia>,
    ) {
        let Some(code) = self.config.feature_codes.get(dialled).copied() else {
            return self.order(leg, LegOrder::Refuse(Cause::UnknownNumber));
        };
        let by = Actor::Agent(agent.clone());
        let (done, clip) = match code {
            FeatureCode::Ready => {
                (self.agent_order(now, agent.clone(), |id| acd::Input::Ready(id, by)), "agent-ready")
            }
            FeatureCode::Break => {
                (self.agent_order(now, agent.clone(), |id| acd::Input::Break(id, by)), "agent-break")
            }
        };
        let clip = if done.is_ok() { clip } else { "agent-refused" };
        let call = self.new_call(now);
        self.legs.insert(leg, call);
        self.calls.insert(call, Call::Code(CodeCall { leg, clip, answered: false, remote, play: None }));
        self.media(call, MediaOp::Open { leg, on: Some(local) });
    }

    pub(crate) fn code_leg(&mut self, now: Time, call: CallId, report: LegReport) {
        let Some(Call::Code(code)) = self.calls.get_mut(&call) else { return };
        match report {
            LegReport::Connected { remote } => {
                let (leg, clip) = (code.leg, code.clip);
                let play = PlayId::new(&mut self.ids, now);
                code.play = Some(play);
                let clips = Language::ALL.map(|language| ClipId::from(format!("{language}/{clip}"))).into();
                self.media(call, MediaOp::Connect { leg, remote });
                self.media(call, MediaOp::Play { leg, play, clips, mode: PlayMode::Once });
            }
            LegReport::Ended { .. } | LegReport::Refused(_) => {
                let leg = code.leg;
                self.legs.remove(&leg);
                self.calls.remove(&call);
                self.media(call, MediaOp::Close { leg });
            }
            LegReport::Changed { remote } => {
                let leg = code.leg;
                self.media(call, MediaOp::Connect { leg, remote });
            }
            LegReport::Invited { .. } | LegReport::Ringing | LegReport::Digit(_) => {}
        }
    }

    pub(crate) fn code_media(&mut self, now: Time, call: CallId, report: MediaReport) {
        let Some(Call::Code(code)) = self.calls.get_mut(&call) else { return };
        let leg = code.leg;
        match report {
            MediaReport::Opened { rtp, .. } => {
                code.answered = true;
                let codec = code.remote.as_ref().map_or(model::Codec::Pcma, |remote| remote.codec);
                self.order(leg, LegOrder::Answer { rtp, codec });
            }
            MediaReport::PlayEnded { play, finished: true, .. } if code.play == Some(play) => {
                self.end(now, call, Cause::FlowFinished, EndedBy::Center);
            }
            MediaReport::OpenFailed { lacks, .. } => self.end(now, call, lacks.cause(), EndedBy::Center),
            MediaReport::Silent { .. } => self.order(leg, LegOrder::Probe),
            MediaReport::PlayEnded { .. }
            | MediaReport::Digit { .. }
            | MediaReport::OneWay { .. }
            | MediaReport::Closed { .. }
            | MediaReport::Strain { .. }
            | MediaReport::Sealed { .. }
            | MediaReport::RecordingFailed { .. }
            | MediaReport::Storage(_) => {}
        }
    }
}
