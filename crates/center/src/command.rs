//! What people and programs command: whether they may is judged here, then the order goes to the machine that it
//! concerns.

use model::{Actor, AgentId, Command, CommandId, ContactId, Done, Order, Refused, Reply, Scope};

use crate::distributor::Asked;
use crate::machine::Center;

/// What comes of an order that is not refused.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It is obeyed.
    Done(Done),
    /// The distributor is asked: the reply follows its answer.
    Asked,
}

impl Center {
    pub(crate) fn command(&mut self, command: Command) {
        let Command { id, by, scope, order } = command;
        let result = match self.permit(&scope, &order).and_then(|()| self.obey((id, by), order)) {
            Ok(Outcome::Asked) => return,
            Ok(Outcome::Done(done)) => Ok(done),
            Err(refused) => Err(refused),
        };
        self.cx.reply(Reply { id, result });
    }

    /// Refuses what is not for the one who commands.
    fn permit(&self, scope: &Scope, order: &Order) -> Result<(), Refused> {
        let Scope::Agent(own) = scope else { return Ok(()) };
        match order {
            Order::Agent(agent, _) if agent == own => Ok(()),
            Order::PickUp { seat, .. } if seat == own => Ok(()),
            Order::Call(call) if call.agent == *own => Ok(()),
            Order::Agent(..) | Order::Supervision(_) | Order::PickUp { .. } | Order::Call(_) => {
                Err(Refused::NotTheirContact)
            }
            Order::Recording(contact, _)
            | Order::SecureInput(contact, _)
            | Order::Parties(contact, _)
            | Order::Move(contact, _) => self.talks_with(own, *contact),
        }
    }

    fn talks_with(&self, agent: &AgentId, contact: ContactId) -> Result<(), Refused> {
        let contact = self.contacts.get(&contact).ok_or(Refused::UnknownContact)?;
        let talks = contact.talk().is_some_and(|talk| talk.agent.agent() == Some(agent));
        talks.then_some(()).ok_or(Refused::NotTheirContact)
    }

    fn obey(&mut self, (id, by): (CommandId, Actor), order: Order) -> Result<Outcome, Refused> {
        let done = match order {
            Order::Agent(agent, order) => {
                self.cx.command_agent(id, agent, order, by, Asked::Command);
                return Ok(Outcome::Asked);
            }
            Order::Supervision(order) => return self.obey_about_supervision((id, by), order),
            Order::Parties(contact, order) => {
                return self.ordered(contact, |contact, cx| contact.obey_about_parties(cx, (id, by), order));
            }
            Order::Move(contact, order) => {
                return self.ordered(contact, |contact, cx| contact.obey_about_moves(cx, (id, by), order));
            }
            Order::Call(call) => return self.obey_call((id, by), call),
            Order::PickUp { slot, seat } => return self.obey_pick_up(id, slot, seat),
            Order::Recording(contact, order) => {
                self.ordered(contact, |contact, cx| contact.obey_about_recording(cx, by, order))?
            }
            Order::SecureInput(contact, order) => {
                self.ordered(contact, |contact, cx| contact.obey_about_secure_input(cx, by, order))?
            }
        };
        Ok(Outcome::Done(done))
    }
}
