//! We call a customer, for an agent.
//!
//! The agent and the customer are each on the way by themselves; once both are there they talk.
//!
//! ```text
//! the agent   given ─┬─ dialled: Dials ──────────────────── our answer: Answering ──► Up ─┐
//!                    ├─ agent first: Rings ──► Up ────────────────────────────────────────┤
//!                    └─ customer first: Idle ─────────────────────────── Rings ──► Up ────┤
//!                          │                                 ▲                            ▼
//!                          ▼ called                          │ rung or answered        Talking
//! the customer  Idle ──► Rings ── answered ──► Told ──► Waits ───────────────────────────▲
//!                          │ not answered       the notice
//!                          ▼
//!                     the contact is over
//! ```
//!
//! [`Contact::go_on`] is the one place that decides what comes next; it is asked after every change. The distributor gives the
//! agent before anything is dialled. The recording begins with the customer's answer.

mod agent;
mod customer;
mod placing;

use std::net::{IpAddr, SocketAddr};

use model::{
    AgentId, Cause, CommandId, EndedBy, First, LegId, Personal, QueueName, Reached, Refusal, Refused,
    RemoteMedia,
};

use crate::arrange::{HOLD_MUSIC, Hold};
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::dialling::Way;
use crate::distributor::Asked;
use crate::guests::RINGS;
use crate::leg::{Leg, Outside, Who, Why};
use crate::timers::Timer;

/// A customer whom we call, until that one talks with the agent.
#[derive(Debug)]
pub(crate) struct Calling {
    agent: AgentId,
    queue: QueueName,
    /// How the customer is called.
    way: Way,
    first: First,
    /// The distributor has answered: the call may go on.
    is_granted: bool,
    /// The distributor gave the agent, and no leg of the agent's says so yet.
    holds_agent: bool,
    seat: Seat,
    customer: Customer,
}

/// Where the agent is.
#[derive(Debug)]
enum Seat {
    /// Not called yet.
    Idle,
    /// The agent's phone rings.
    Rings(LegId),
    /// The agent dialled, and waits.
    Dials(Dialled),
    /// Our answer to the agent's call is on the way.
    Answering(LegId),
    /// There; whether the phone holds.
    Up { leg: LegId, holds: bool },
}

/// The call of an agent who dialled.
#[derive(Debug)]
struct Dialled {
    leg: LegId,
    /// Our port, once it is open.
    rtp: Option<SocketAddr>,
    /// What the phone offered.
    remote: Option<RemoteMedia>,
    /// The phone hears audio of ours before the answer.
    is_early: bool,
}

/// Where the customer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Customer {
    /// Not called yet.
    Idle,
    /// Called; whether it is known that it rings.
    Rings { is_known: bool },
    /// Has answered, and hears the notice.
    Told,
    /// Has answered, and is to talk with the agent now.
    Waits,
}

/// A call to a customer that is to be.
#[derive(Debug)]
pub(crate) struct Wish {
    pub(crate) agent: AgentId,
    pub(crate) queue: QueueName,
    pub(crate) way: Way,
    pub(crate) first: First,
    pub(crate) dialled: Option<DialledBy>,
}

/// The call of an agent's phone by which a customer is called.
#[derive(Debug)]
pub(crate) struct DialledBy {
    pub(crate) leg: LegId,
    pub(crate) remote: Option<RemoteMedia>,
    pub(crate) sip_call_id: Box<str>,
}

impl Calling {
    fn of(wish: Wish) -> Calling {
        let Wish { agent, queue, way, first, dialled } = wish;
        let dials = |by: DialledBy| {
            Seat::Dials(Dialled { leg: by.leg, rtp: None, remote: by.remote, is_early: false })
        };
        Calling {
            agent,
            queue,
            way,
            first,
            is_granted: false,
            holds_agent: false,
            seat: dialled.map_or(Seat::Idle, dials),
            customer: Customer::Idle,
        }
    }

    /// How far the customer had come if the contact ends now, by this one.
    pub(crate) fn reached(&self, by: EndedBy) -> Reached {
        match self.customer {
            Customer::Idle if by == EndedBy::Center => Reached::Flow,
            Customer::Idle | Customer::Rings { .. } => Reached::Called,
            Customer::Told | Customer::Waits => Reached::Flow,
        }
    }

    fn is_answered(&self) -> bool {
        match self.customer {
            Customer::Idle | Customer::Rings { .. } => false,
            Customer::Told | Customer::Waits => true,
        }
    }

    fn leg(&self) -> Option<LegId> {
        match &self.seat {
            Seat::Idle => None,
            Seat::Rings(leg) | Seat::Answering(leg) | Seat::Up { leg, .. } => Some(*leg),
            Seat::Dials(dialled) => Some(dialled.leg),
        }
    }

    /// The agent's leg, if the agent hears it.
    fn heard_on(&self) -> Option<LegId> {
        match &self.seat {
            Seat::Dials(dialled) => dialled.is_early.then_some(dialled.leg),
            Seat::Answering(leg) | Seat::Up { leg, .. } => Some(*leg),
            Seat::Idle | Seat::Rings(_) => None,
        }
    }

    /// The agent whom the distributor gave, while no leg says so.
    #[cfg(test)]
    pub(crate) fn held_agent(&self) -> Option<&AgentId> {
        self.holds_agent.then_some(&self.agent)
    }

    fn dialled(&mut self) -> Option<&mut Dialled> {
        match &mut self.seat {
            Seat::Dials(dialled) => Some(dialled),
            Seat::Idle | Seat::Rings(_) | Seat::Answering(_) | Seat::Up { .. } => None,
        }
    }
}

impl Contact {
    /// Asks the distributor for the agent who is to talk with this customer.
    pub(crate) fn ask_for_agent(&self, cx: &mut Context, id: CommandId, is_command: bool) {
        let Place::Calling(calling) = &self.place else { return };
        let (contact, agent, queue) = (self.id, calling.agent.clone(), calling.queue.clone());
        cx.asked.insert(id, Asked::Call { contact, seat: agent.clone(), is_command });
        cx.acd(acd::Input::Engage { id, agent, contact, queue });
    }

    /// A leg of an agent who dialled; its port is being opened.
    pub(crate) fn open_originator(&self, cx: &mut Context, leg: LegId, local: IpAddr, agent: AgentId) {
        cx.open(leg, Leg::inbound(self.call, local, Who::Agent(agent), Why::Originator(self.id)));
    }

    fn calling(&mut self) -> Option<&mut Calling> {
        match &mut self.place {
            Place::Calling(calling) => Some(calling),
            Place::Opening { .. }
            | Place::Answering { .. }
            | Place::InFlow
            | Place::Waiting { .. }
            | Place::Talking(_)
            | Place::Moving(_)
            | Place::Parked(_)
            | Place::Over => None,
        }
    }

    /// The distributor's word on the agent. Who dials for help needs no leave: that one is no agent in this call, but a
    /// telephone, so that the distributor's opinion of the agent stays true.
    ///
    /// # Errors
    /// When the agent is not given, or not needed any more.
    pub(crate) fn agent_given(
        &mut self,
        cx: &mut Context,
        result: Result<(), Refused>,
    ) -> Result<(), Refused> {
        let calling = self.calling().ok_or(Refused::UnknownContact)?;
        match result {
            Ok(()) => calling.holds_agent = true,
            Err(_) if calling.way.is_emergency && cx.calls_for_help(calling.leg(), &calling.agent) => {}
            Err(refused) => {
                let is_busy = refused == Refused::SeatBusy;
                let cause = if is_busy { Cause::Busy } else { Cause::NotAllowed };
                self.end(cx, cause, EndedBy::Center);
                return Err(refused);
            }
        }
        calling.is_granted = true;
        self.go_on(cx);
        Ok(())
    }

    /// Does what comes next.
    fn go_on(&mut self, cx: &mut Context) {
        let Some(calling) = self.calling().filter(|calling| calling.is_granted) else { return };
        if let (true, Some(leg)) = (calling.holds_agent, calling.leg()) {
            calling.holds_agent = false;
            cx.legs.is_engaged(leg);
        }
        match (&calling.customer, &calling.seat) {
            (Customer::Idle, Seat::Idle) if calling.first == First::Agent => self.ring_agent(cx),
            (Customer::Idle, Seat::Dials(Dialled { rtp: None, .. })) => {}
            (Customer::Idle, Seat::Idle | Seat::Dials(_) | Seat::Up { .. }) => self.call_customer(cx),
            (Customer::Waits, Seat::Idle) => {
                cx.play_round(self.call, self.leg, HOLD_MUSIC);
                self.ring_agent(cx);
            }
            (Customer::Waits, Seat::Dials(_)) => self.answer_agent(cx),
            (Customer::Waits, Seat::Up { leg, holds }) => {
                let (leg, holds) = (*leg, *holds);
                self.talk_at_last(cx, leg, holds);
            }
            (Customer::Idle | Customer::Waits, Seat::Rings(_) | Seat::Answering(_))
            | (Customer::Rings { .. } | Customer::Told, _) => {}
        }
    }

    fn ring_agent(&mut self, cx: &mut Context) {
        let (call, contact) = (self.call, self.id);
        let Some(calling) = self.calling() else { return };
        if !cx.seats.contains_key(&calling.agent) {
            return self.agent_absent(cx, Refusal::Unreachable);
        }
        let leg = cx.open_to_seat(call, calling.agent.clone(), Why::Originator(contact));
        calling.seat = Seat::Rings(leg);
        if std::mem::take(&mut calling.holds_agent) {
            cx.legs.is_engaged(leg);
        }
        cx.timers.set(Timer::Ring(leg), Some(cx.now + RINGS));
    }

    fn call_customer(&mut self, cx: &mut Context) {
        let (call, leg, contact) = (self.call, self.leg, self.id);
        let Some(calling) = self.calling() else { return };
        calling.customer = Customer::Rings { is_known: false };
        let Way { number, trunks, caller, is_emergency: _ } = calling.way.clone();
        cx.note_attempt(&number);
        let outside = Box::new(Outside { number, trunks, caller });
        cx.open(leg, Leg::outbound(call, None, Who::CalledCustomer(outside), Why::Contact(contact)));
        cx.timers.set(Timer::Ring(leg), Some(cx.now + cx.config.outbound.rings));
    }

    /// Answers the call of the agent who dialled.
    fn answer_agent(&mut self, cx: &mut Context) {
        let Some(calling) = self.calling() else { return };
        if let Some(Dialled { leg, rtp: Some(rtp), remote, .. }) = calling.dialled() {
            let (leg, rtp, remote) = (*leg, *rtp, remote.take());
            calling.seat = Seat::Answering(leg);
            cx.answer(leg, rtp, remote.as_ref());
        }
    }

    fn talk_at_last(&mut self, cx: &mut Context, leg: LegId, holds: bool) {
        let Some(calling) = self.calling() else { return };
        let queue = calling.queue.clone();
        let Some(who) = cx.legs.get(leg).and_then(Leg::party) else { return };
        self.talk_with(cx, leg, who, (queue, 0), None);
        self.hold(cx, Hold::Phone, holds);
    }
}

impl Contact {
    /// A leg of this call has rung for long enough; false when it is none.
    pub(crate) fn called_for_long_enough(&mut self, cx: &mut Context, leg: LegId) -> bool {
        let own = self.leg;
        let Some(calling) = self.calling() else { return false };
        let is_agents = calling.leg() == Some(leg);
        if is_agents || leg == own {
            cx.let_go(leg, Cause::Cancelled);
        }
        if is_agents {
            self.originator_failed(cx, leg, Refusal::NoAnswer);
        } else if leg == own {
            self.customer_unanswered(cx, Refusal::NoAnswer);
        }
        true
    }

    /// The contact ends, or leaves, before the two could talk: the agent's phone hears why.
    pub(crate) fn end_calling(&mut self, cx: &mut Context, cause: Cause) {
        let Some(calling) = self.calling() else { return };
        let (leg, holds_agent, agent) = (calling.leg(), calling.holds_agent, calling.agent.clone());
        self.place = Place::InFlow;
        if let Some(leg) = leg {
            cx.let_go(leg, cause);
        }
        if holds_agent {
            cx.acd(acd::Input::Disengaged(agent));
        }
    }
}

impl Context {
    /// The leg's agent was not given by the distributor, and dials for help all the same. False without a leg.
    fn calls_for_help(&mut self, leg: Option<LegId>, agent: &AgentId) -> bool {
        let number = agent.as_str().parse().ok().map(Personal::new);
        let leg = leg.and_then(|leg| self.legs.get_mut(leg));
        let (Some(number), Some(leg)) = (number, leg) else { return false };
        leg.who = Who::Outside(Box::new(Outside { number, trunks: Vec::new(), caller: None }));
        true
    }
}
