//! How a call to a customer begins: the one function that originates, for every way in.

use std::collections::BTreeSet;
use std::net::IpAddr;

use model::{
    Actor, AgentId, CallOrder, Cause, CommandId, ContactEvent, ContactId, First, LegId, Number, Personal,
    QueueName, Refused, RemoteMedia,
};

use super::{Calling, DialledBy, Wish};
use crate::command::Outcome;
use crate::contact::{Contact, Place};
use crate::context::Context;
use crate::dialling::Way;
use crate::limits::Wait;
use crate::machine::Center;
use crate::secure::Secure;

impl Center {
    /// Calls a customer by order.
    pub(crate) fn obey_call(
        &mut self,
        (id, by): (CommandId, Actor),
        order: CallOrder,
    ) -> Result<Outcome, Refused> {
        let contact = self.originate(by, order, None)?;
        self.with(contact, |contact, cx| contact.ask_for_agent(cx, id, true));
        Ok(Outcome::Asked)
    }

    /// An agent's phone dialled a number outside.
    pub(crate) fn dial_customer(
        &mut self,
        (leg, local): (LegId, IpAddr),
        agent: AgentId,
        dialled: Number,
        (remote, sip_call_id): (Option<RemoteMedia>, Box<str>),
    ) {
        let (number, by) = (Personal::new(dialled), Actor::Agent(agent.clone()));
        let order = CallOrder { number, agent: agent.clone(), first: First::Agent, queue: None };
        let dialled = DialledBy { leg, remote, sip_call_id };
        match self.originate(by, order, Some(dialled)) {
            Ok(contact) => {
                let id = CommandId::new(&mut self.cx.ids, self.cx.now);
                self.with(contact, |contact, cx| {
                    contact.open_originator(cx, leg, local, agent);
                    contact.ask_for_agent(cx, id, false);
                });
            }
            Err(refused) => self.cx.refuse(leg, why_not(refused)),
        }
    }

    /// Every call to a customer begins here.
    fn originate(
        &mut self,
        by: Actor,
        order: CallOrder,
        dialled: Option<DialledBy>,
    ) -> Result<ContactId, Refused> {
        let CallOrder { number, agent, first, queue } = order;
        let way = self.cx.way_to_customer(&agent, &number)?;
        let queue = self.cx.queue_for_call(&agent, queue)?;
        self.has_room_for_call(way.is_emergency)?;
        if !way.is_emergency {
            self.cx.may_be_called_now(&agent, number.reveal(), way.number.reveal())?;
        }
        let contact = Contact::called(&mut self.cx, by, Wish { agent, queue, way, first, dialled });
        let id = contact.id;
        self.contacts.insert(id, Box::new(contact));
        Ok(id)
    }

    /// For emergency calls there is room until the program is about to stop.
    fn has_room_for_call(&self, is_emergency: bool) -> Result<(), Refused> {
        if self.drained || self.draining && !is_emergency {
            return Err(Refused::ShuttingDown);
        }
        if is_emergency {
            return Ok(());
        }
        let is_strained = self.cx.room.shortage(self.cx.config.media_threads).is_some();
        let is_full = is_strained || self.calls() >= self.cx.config.max_calls;
        if is_full { Err(Refused::Busy) } else { Ok(()) }
    }
}

impl Context {
    fn way_to_customer(&self, agent: &AgentId, number: &Personal<Number>) -> Result<Way, Refused> {
        if !self.config.acd.agents.iter().any(|known| known.id == *agent) {
            return Err(Refused::UnknownAgent);
        }
        self.config.dialling.way(Some(agent), self.queues_of(agent), number.reveal())
    }

    fn may_be_called_now(&self, agent: &AgentId, dialled: &Number, sent: &Number) -> Result<(), Refused> {
        let (now, before) = (self.date(), self.attempts.of(sent));
        let judged = self.config.outbound.rules.judge((now, &self.config.zone), (dialled, sent), before);
        judged.map_err(|not_now| {
            tracing::info!(%agent, why = ?not_now.why, from = ?not_now.from, "a customer may not be called now");
            Refused::NotNow(not_now)
        })
    }

    /// The queue that an agent calls for: the one wished, else the agent's first, else the center's first.
    fn queue_for_call(&self, agent: &AgentId, wished: Option<QueueName>) -> Result<QueueName, Refused> {
        let mut known = self.config.acd.queues.iter().map(|queue| &queue.name);
        let found = match wished {
            Some(wished) => known.find(|name| **name == wished),
            None => self.queues_of(agent).first().or_else(|| known.next()),
        };
        found.cloned().ok_or(Refused::UnknownQueue)
    }
}

impl Contact {
    /// A contact for a customer whom we call.
    fn called(cx: &mut Context, by: Actor, wish: Wish) -> Contact {
        let (call, contact) = (cx.new_call(), ContactId::new(&mut cx.ids, cx.now));
        let leg = LegId::new(&mut cx.ids, cx.now);
        let language = cx.config.outbound.language;
        let customer = wish.way.number.clone();
        cx.record_by(
            by,
            ContactEvent::Placed {
                contact,
                customer: customer.clone(),
                shown: wish.way.caller.as_ref().map(|shown| shown.reveal().clone()),
                agent: Some(wish.agent.clone()),
                first: wish.first,
                queue: Some(wish.queue.clone()),
                language,
                flow: None,
                sip_call_id: wish.dialled.as_ref().map(|dialled| dialled.sip_call_id.to_string()),
            },
        );
        Contact {
            id: contact,
            call,
            leg,
            caller: Some(customer),
            line: None,
            session: ivr::Session::with_agent(language, wish.queue.clone()),
            wait: Wait::granted(None),
            play: None,
            recording: None,
            masks: BTreeSet::new(),
            secure: Secure::Open,
            pressed: None,
            remote: None,
            place: Place::Calling(Box::new(Calling::of(wish))),
            talked: false,
            moves: 0,
            returns: 0,
            last_key: None,
        }
    }
}

/// Why the call of an agent's phone is refused.
fn why_not(refused: Refused) -> Cause {
    match refused {
        Refused::ShuttingDown => Cause::ShuttingDown,
        Refused::Busy => Cause::CallsFull,
        Refused::NoTrunk => Cause::Unreachable,
        Refused::NotNow(_) => Cause::NotNow,
        Refused::UnknownAgent
        | Refused::SeatOffline
        | Refused::UnknownContact
        | Refused::NotTheirContact
        | Refused::NotRecorded
        | Refused::NotTalking
        | Refused::SeatBusy
        | Refused::ConferenceFull
        | Refused::NoGuest
        | Refused::InputGoesOn
        | Refused::NoInput
        | Refused::NoConsultation
        | Refused::ConsultationGoesOn
        | Refused::UnknownQueue
        | Refused::UnknownNode
        | Refused::NobodyFree
        | Refused::TooManyMoves
        | Refused::ParkingFull
        | Refused::EmptySlot
        | Refused::UnknownExtension
        | Refused::Closed
        | Refused::NotAllowed => Cause::NotAllowed,
    }
}
