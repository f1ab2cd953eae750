//! The seat of a contact's agent: it is dialled for an offer, answers, talks, and is over.

use std::net::SocketAddr;

use model::{
    AgentId, Cause, Codec, ContactEvent, Digit, EndedBy, LegId, MediaOp, Party, QueueName, RemoteMedia,
    SecureEnd, SegmentId, Side,
};

use crate::arrange::Hold;
use crate::contact::{After, Contact, KeyWay, Place, Talk, Vacancy};
use crate::context::Context;
use crate::leg::LegEvent;
use crate::timers::Timer;

impl Contact {
    /// The port for a seat is open: dial it.
    pub(crate) fn dial_seat(&self, cx: &mut Context, leg: LegId, rtp: SocketAddr, queue: &QueueName) {
        // What the agent should know before answering: which queue, and which language to greet in.
        cx.dial(leg, rtp, codecs_like(self.remote.as_ref()), self.caller.clone(), self.display(queue));
    }

    /// What an agent's phone shows beside the customer's number.
    pub(crate) fn display(&self, queue: &QueueName) -> String {
        format!("{queue} {}", self.language())
    }

    /// The seat answered in time: customer and agent talk.
    pub(crate) fn begin_to_talk(
        &mut self,
        cx: &mut Context,
        leg: LegId,
        agent: AgentId,
        queue: QueueName,
        remote: RemoteMedia,
    ) {
        let score_s = self.score_s(cx);
        self.talk_with(cx, leg, Party::Agent(agent), (queue, score_s), Some(remote));
    }

    /// The customer talks with this one, whose leg is up; `remote` is its audio, unless the media know it.
    pub(crate) fn talk_with(
        &mut self,
        cx: &mut Context,
        leg: LegId,
        agent: Party,
        (queue, score_s): (QueueName, u32),
        remote: Option<RemoteMedia>,
    ) {
        let (contact, segment) = (self.id, SegmentId::new(&mut cx.ids, cx.now));
        cx.legs.becomes_the_agents(leg, contact);
        cx.timers.stop(Timer::Wait(contact));
        self.talked = true;
        self.wait.is_over = false;
        self.play = None;
        self.session.handle(cx.now, ivr::Input::AgentJoined);
        self.place = Place::Talking(Talk {
            segment,
            agent: agent.clone(),
            queue: queue.clone(),
            score_s,
            leg,
            arranged_at: cx.now,
            guests: Vec::new(),
            typing: None,
            last_key: None,
            consultation: None,
            second_line: None,
            phone_holds: false,
            order_holds: false,
            held_by_caller: false,
            rejoined: None,
        });
        let caller_holds = self.remote.as_ref().is_some_and(|remote| !remote.direction.sends());
        let agent_holds = remote.is_some_and(|remote| cx.connect(self.call, leg, remote));
        cx.media(self.call, MediaOp::Bridge { a: self.leg, b: leg });
        cx.record(ContactEvent::SegmentStarted { segment, contact, agent, queue });
        self.follow_session(cx);
        // A caller may have put us on hold while waiting.
        self.hold(cx, Hold::Customer, caller_holds);
        self.hold(cx, Hold::Phone, agent_holds);
    }

    /// The seat answered in time and was gone before customer and agent could talk: the customer waits again, with the
    /// score kept.
    pub(crate) fn wait_again(&mut self, cx: &mut Context, queue: QueueName) {
        let score_s = self.score_s(cx);
        self.enter_queue(cx, queue, score_s);
    }

    /// What the score of a waiting customer is now, in seconds; 0 of one who does not wait.
    fn score_s(&self, cx: &Context) -> u32 {
        match &self.place {
            Place::Waiting { since, bonus_s, .. } => {
                bonus_s.saturating_add(u32::try_from(cx.now.since(*since).as_secs()).unwrap_or(u32::MAX))
            }
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::Calling(_)
            | Place::InFlow
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Parked(_)
            | Place::Over => 0,
        }
    }

    /// The agent's leg of the conversation has something to say.
    pub(crate) fn agent_event(&mut self, cx: &mut Context, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Over(cause @ (Cause::SignallingTimeout | Cause::Failed)) => {
                self.agent_lost(cx, cause, Vacancy::Unanswering);
            }
            LegEvent::Over(cause) => self.agent_gone(cx, cause),
            LegEvent::Changed(remote) => {
                let holds = cx.connect(self.call, leg, remote);
                self.hold(cx, Hold::Phone, holds);
            }
            LegEvent::Key(digit, way) => self.agent_key(cx, digit, way),
            LegEvent::Silent(direction) => self.silent(cx, leg, direction),
            LegEvent::OneWay => {
                let heard = self.talk().filter(|talk| !talk.is_held_by(Side::Company) && !talk.is_aside());
                if let Some(agent) = heard.map(|talk| talk.agent.clone()) {
                    cx.record(ContactEvent::OneWayAudio { contact: self.id, agent: Some(agent) });
                }
            }
            LegEvent::Referred(referral) => self.referred(cx, leg, &referral),
            LegEvent::Played(_) | LegEvent::Ringing | LegEvent::Early(_) => {}
        }
    }

    /// A key of the agent, of a code or for the customer. Between bridged legs keys in the audio pass by themselves.
    fn agent_key(&mut self, cx: &mut Context, digit: Digit, way: KeyWay) {
        if !self.types_code(cx, digit, way) && way == KeyWay::Signalling {
            cx.media(self.call, MediaOp::SendDigit { leg: self.leg, digit });
        }
    }

    /// The agent hung up: the contact is over, unless somebody else talks with the customer.
    fn agent_gone(&mut self, cx: &mut Context, cause: Cause) {
        match self.talk().and_then(Talk::who_stays) {
            Some(leg) => self.promote_guest(cx, leg, Vacancy::Gone),
            None if self.give_to_whom_rings(cx) || self.rings_after_reflex(cx, cause) => {}
            None => self.end(cx, cause, EndedBy::Agent),
        }
    }

    /// The agent's leg was lost, which neither of the two wanted: a guest stays with the customer, else what is to come
    /// after such a conversation comes.
    pub(crate) fn agent_lost(&mut self, cx: &mut Context, cause: Cause, vacancy: Vacancy) {
        if let Some(leg) = self.talk().and_then(Talk::who_stays) {
            return self.promote_guest(cx, leg, vacancy);
        }
        match self.after_loss(cx) {
            After::End => self.end(cx, cause, EndedBy::Network),
            After::Queue { queue, score_s } => {
                self.end_secure_input(cx, SecureEnd::CallEnded, None);
                self.end_segment(cx, cause, EndedBy::Network);
                self.session.handle(cx.now, ivr::Input::AgentLost);
                self.enter_queue(cx, queue, score_s);
                self.follow_session(cx);
            }
        }
    }

    /// What comes after the conversation if its agent's leg is lost.
    fn after_loss(&self, cx: &Context) -> After {
        match self.talk() {
            Some(talk) if !cx.config.lost_agent_ends.contains(&talk.queue) => {
                After::Queue { queue: talk.queue.clone(), score_s: talk.score_s }
            }
            Some(_) | None => After::End,
        }
    }
}

/// The codec that a peer offered; A-law for one that offered nothing.
pub(crate) fn codec_of(offered: Option<&RemoteMedia>) -> Codec {
    offered.map_or(Codec::Pcma, |remote| remote.codec)
}

/// The caller's codec first, then those that a bridge translates to at the least cost.
pub(crate) fn codecs_like(remote: Option<&RemoteMedia>) -> Vec<Codec> {
    let mut codecs = Codec::ALL.to_vec();
    if let Some(remote) = remote {
        codecs.sort_by_key(|codec| (*codec != remote.codec, !codec.is_g711()));
    }
    codecs
}
