//! The distributor, which may be on another node: the center gives it inputs and is right whenever the outputs come.
//!
//! Nothing is asked that needs an answer at once. What was asked and is not answered yet is kept by the id of the
//! question (`Asked`); an answer for somebody who is gone by then is undone where it took an agent. The distributor
//! decides whether an answered seat was in time: until it says `Joined`, the seat's leg is `Answered`, and the customer
//! waits.

mod answers;

use std::net::IpAddr;
use std::time::Duration;

use model::{
    Actor, AgentEvent, AgentId, AgentOrder, CallId, Cause, CommandId, ContactId, LegId, OfferId,
    OfferOutcome, QueueEvent, QueueName, Refusal, Refused, RemoteMedia, Time,
};

use crate::context::Context;
use crate::guests::Invite;
use crate::leg::{LegEvent, Why};
use crate::moving::Giving;

/// The way to the distributor, which is on this node.
#[derive(Debug)]
pub(crate) struct Distributor {
    acd: acd::Acd,
    /// How many outputs are still let through to the center; `None` when all are.
    #[cfg(test)]
    pub(crate) lets_through: Option<usize>,
}

/// Who waits for an answer of the distributor.
#[derive(Debug)]
pub(crate) enum Asked {
    /// Whoever commanded an agent.
    Command,
    /// An agent's call to a feature code, by its leg.
    Code(LegId),
    /// A contact in whose conversation a seat is to join: this one, or whichever is free.
    Guest {
        contact: ContactId,
        seat: Option<AgentId>,
        ring: Duration,
        invite: Box<Invite>,
    },
    /// A contact whose customer this seat is to have.
    Transfer {
        contact: ContactId,
        seat: AgentId,
        ring: Duration,
        giving: Box<Giving>,
    },
    /// A contact whose customer, who is on the way, this seat is to have after others did not take the call.
    NextTaker {
        contact: ContactId,
        seat: AgentId,
        ring: Duration,
    },
    /// A contact whose customer this seat is to have again.
    Back {
        contact: ContactId,
        seat: AgentId,
    },
    /// A contact whose customer is called, to talk with this agent; who waits for a reply.
    Call {
        contact: ContactId,
        seat: AgentId,
        is_command: bool,
    },
    /// A parked contact, which this seat is to pick up.
    PickUp {
        contact: ContactId,
        seat: AgentId,
    },
    /// A call between agents, for one of them: this one, or whoever is free.
    Inside {
        call: CallId,
        seat: AgentId,
    },
    InsideIdle {
        call: CallId,
    },
    /// A parked contact, whose slot this agent dialled.
    PickUpByPhone {
        contact: ContactId,
        leg: LegId,
        seat: AgentId,
    },
}

/// What the distributor says to one contact, or to whoever asked.
#[derive(Debug)]
pub(crate) enum Answer {
    /// The seat was in time: customer and agent talk.
    Joined { offer: OfferId, contact: ContactId, queue: QueueName, agent: AgentId },
    /// A waiting contact's position.
    Position { contact: ContactId, queue: QueueName, position: u32 },
    /// What comes of a question.
    Answered { id: CommandId, result: Result<(), Refused> },
    /// The agent who was free.
    Engaged { id: CommandId, agent: AgentId },
}

impl Distributor {
    pub(crate) fn new(config: acd::Config, ids: model::Ids) -> Distributor {
        Distributor {
            acd: acd::Acd::new(config, ids),
            #[cfg(test)]
            lets_through: None,
        }
    }

    pub(crate) fn restore(&mut self, now: Time, standings: Vec<acd::Standing>) {
        self.acd.restore(now, standings);
    }

    pub(crate) fn handle(&mut self, now: Time, input: acd::Input) {
        self.acd.handle(now, input);
    }

    /// Lets happen what is due.
    pub(crate) fn handle_timeout(&mut self, now: Time) {
        if self.acd.poll_timeout().is_some_and(|due| due <= now) {
            self.acd.handle_timeout(now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Time> {
        self.acd.poll_timeout()
    }

    fn poll_output(&mut self) -> Option<acd::Output> {
        #[cfg(test)]
        if let Some(left) = self.lets_through {
            let output = if left > 0 { self.acd.poll_output() } else { None };
            self.lets_through = Some(left - usize::from(output.is_some()));
            return output;
        }
        self.acd.poll_output()
    }
}

#[cfg(test)]
impl Distributor {
    /// The machine, to look at.
    pub(crate) fn machine(&self) -> &acd::Acd {
        &self.acd
    }
}

impl Context {
    /// Gives the distributor an input and does what follows from it.
    pub(crate) fn acd(&mut self, input: acd::Input) {
        self.distributor.handle(self.now, input);
        self.hear_distributor();
    }

    /// An agent's seat is registered, and reached by this address of ours.
    pub(crate) fn seat_online(&mut self, agent: AgentId, local: Option<IpAddr>) {
        if let Some(local) = local {
            self.seats.insert(agent.clone(), local);
        }
        self.acd(acd::Input::SeatOnline(agent));
    }

    pub(crate) fn seat_offline(&mut self, agent: AgentId) {
        self.seats.remove(&agent);
        self.acd(acd::Input::SeatOffline(agent));
    }

    /// Has an agent do something that was commanded. The answer comes by the id.
    pub(crate) fn command_agent(
        &mut self,
        id: CommandId,
        agent: AgentId,
        order: AgentOrder,
        by: Actor,
        asked: Asked,
    ) {
        self.asked.insert(id, asked);
        self.acd(acd::Input::Command { id, agent, order, by });
    }

    /// Logs what the distributor did and makes it so. What it says to one contact, or to whoever asked, is kept for the
    /// router.
    pub(crate) fn hear_distributor(&mut self) {
        while let Some(output) = self.distributor.poll_output() {
            if let Some(answer) = self.obey_distributor(output) {
                self.answers.push_back(answer);
            }
        }
    }

    fn obey_distributor(&mut self, output: acd::Output) -> Option<Answer> {
        match output {
            acd::Output::Entered { contact, queue, bonus_s, position } => {
                self.record(QueueEvent::Entered { contact, queue, bonus_s, position });
            }
            acd::Output::Left { contact, queue, reason, waited_ms } => {
                self.record(QueueEvent::Left { contact, queue, reason, waited_ms });
            }
            acd::Output::Offer { offer, contact, queue, agent, score_s, idle_ms } => {
                let (of, by) = (queue.clone(), agent.clone());
                self.record(QueueEvent::OfferMade { offer, contact, queue: of, agent: by, score_s, idle_ms });
                self.ring(offer, contact, queue, agent);
            }
            acd::Output::OfferEnded { offer, contact, agent, outcome } => {
                self.record(QueueEvent::OfferEnded { offer, contact, agent, outcome });
                self.offer_ended(offer, contact, outcome);
            }
            acd::Output::AgentChanged { agent, view, by } => {
                let acd::AgentView { shift, activity, seat_online } = view;
                self.record_by(by, AgentEvent::Changed { agent, shift, activity, seat_online });
            }
            acd::Output::Joined { offer, contact, queue, agent } => {
                return Some(Answer::Joined { offer, contact, queue, agent });
            }
            acd::Output::Position { contact, queue, position } => {
                return Some(Answer::Position { contact, queue, position });
            }
            acd::Output::Answered { id, result } => return Some(Answer::Answered { id, result }),
            acd::Output::Engaged { id, agent } => return Some(Answer::Engaged { id, agent }),
        }
        None
    }

    fn ring(&mut self, offer: OfferId, contact: ContactId, queue: QueueName, agent: AgentId) {
        if let Some(call) = self.legs.call_of(contact) {
            self.open_to_seat(call, agent, Why::Offer { offer, contact, queue });
        }
    }

    fn offer_ended(&mut self, offer: OfferId, contact: ContactId, outcome: OfferOutcome) {
        match outcome {
            OfferOutcome::TimedOut | OfferOutcome::CallerGone | OfferOutcome::AgentGone => {
                self.withdraw(offer, contact);
            }
            OfferOutcome::Accepted | OfferOutcome::Refused(_) => {}
        }
    }

    /// The seat is to stop ringing; one that does not ring, or was answered, is free at once.
    fn withdraw(&mut self, offer: OfferId, contact: ContactId) {
        let leg = self.legs.ringing(contact, offer);
        if let Some(leg) = leg {
            self.let_go(leg, Cause::Cancelled);
        }
        if !leg.is_some_and(|leg| self.legs.awaits_device(leg)) {
            self.acd(acd::Input::OfferReleased(offer));
        }
    }

    /// The seat that rang is answered; whether in time, the distributor says.
    pub(crate) fn seat_answered(&mut self, leg: LegId, offer: OfferId, remote: RemoteMedia) {
        self.legs.is_answered(leg, remote);
        self.acd(acd::Input::OfferAnswered(offer));
    }

    /// The seat that rings will not answer.
    pub(crate) fn refuse_offer(&mut self, leg: LegId, offer: OfferId, refusal: Refusal) {
        self.is_gone(leg);
        self.acd(acd::Input::OfferRefused(offer, refusal));
    }

    /// The seat of an offer has something to say. One that is gone after its answer leaves all else to the distributor,
    /// which has the answer by now.
    pub(crate) fn offer_event(&mut self, leg: LegId, event: LegEvent) {
        match event {
            LegEvent::Silent(_) => self.order(leg, model::LegOrder::Probe),
            LegEvent::Over(_) => self.is_gone(leg),
            LegEvent::Changed(remote) => self.legs.is_answered(leg, remote),
            LegEvent::Referred(_) => self.refuse_referral(leg),
            LegEvent::Key(..)
            | LegEvent::Played(_)
            | LegEvent::OneWay
            | LegEvent::Ringing
            | LegEvent::Early(_) => {}
        }
    }
}
