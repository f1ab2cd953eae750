//! Stories, then generated sequences against a small reference model.

mod against_a_model;
mod restarts;
mod settings;
mod stories;

use std::time::Duration;

use model::{Actor, AgentId, AgentOrder, CommandId, ContactId, Ids, OfferId, QueueName, Refused, Time};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{Acd, AgentConfig, Config, Input, Output, QueueConfig};

/// A distributor on a virtual clock, with what followed from the last step.
struct World {
    acd: Acd,
    now: Time,
    ids: Ids,
    outputs: Vec<Output>,
}

/// A value as it arrives on another node.
fn carried<T: Serialize + DeserializeOwned>(value: &T) -> T {
    serde_json::from_str(&serde_json::to_string(value).unwrap()).unwrap()
}

fn agent(id: &str) -> AgentId {
    id.parse().unwrap()
}

fn queue(name: &str) -> QueueName {
    name.parse().unwrap()
}

/// Ten seconds to wrap up, fifteen to answer, five to rest.
fn config(agents: &[(&str, &[&str])]) -> Config {
    let names = ["inquiry", "complaint"];
    Config {
        queues: names
            .iter()
            .map(|name| QueueConfig {
                name: queue(name),
                offer_deadline: Duration::from_secs(15),
                wrap_up: Duration::from_secs(10),
            })
            .collect(),
        agents: agents
            .iter()
            .map(|(id, queues)| AgentConfig {
                id: agent(id),
                queues: queues.iter().map(|name| queue(name)).collect(),
                starts_ready: true,
                miss_limit: 3,
                rest_after_miss: Duration::from_secs(5),
            })
            .collect(),
    }
}

impl World {
    fn new(agents: &[(&str, &[&str])]) -> World {
        World {
            acd: Acd::new(config(agents), Ids::new(1)),
            now: Time::from_unix_ms(1_800_000_000_000),
            ids: Ids::new(2),
            outputs: Vec::new(),
        }
    }

    /// Takes a step, as an input that came from another node.
    fn step(&mut self, input: Input) -> &[Output] {
        self.acd.handle(self.now, carried(&input));
        self.drain()
    }

    fn command(&mut self, id: &str, order: AgentOrder) -> &[Output] {
        let command = CommandId::new(&mut self.ids, self.now);
        self.step(Input::Command { id: command, agent: agent(id), order, by: Actor::CommandLine })
    }

    fn engage(&mut self, id: &str, contact: ContactId, name: &str) -> &[Output] {
        let command = CommandId::new(&mut self.ids, self.now);
        self.step(Input::Engage { id: command, agent: agent(id), contact, queue: queue(name) })
    }

    /// The answers given in the last step.
    fn answers(&self) -> Vec<Result<(), Refused>> {
        let answer = |output: &Output| match output {
            Output::Answered { result, .. } => Some(*result),
            _ => None,
        };
        self.outputs.iter().filter_map(answer).collect()
    }

    /// Lets time pass, each timeout at its own instant.
    fn pass(&mut self, seconds: u64) -> &[Output] {
        let end = self.now + Duration::from_secs(seconds);
        let mut outputs = Vec::new();
        while let Some(due) = self.acd.poll_timeout().filter(|due| *due <= end) {
            self.now = self.now.max(due);
            self.acd.handle_timeout(self.now);
            outputs.extend(std::iter::from_fn(|| self.acd.poll_output()));
        }
        self.now = end;
        self.outputs = outputs;
        &self.outputs
    }

    fn drain(&mut self) -> &[Output] {
        self.outputs = std::iter::from_fn(|| self.acd.poll_output()).collect();
        assert!(self.outputs.iter().all(|output| carried(output) == *output));
        &self.outputs
    }

    fn enter(&mut self, name: &str, bonus_s: u32) -> ContactId {
        let contact = ContactId::new(&mut self.ids, self.now);
        self.step(Input::Enter { contact, queue: queue(name), bonus_s, since: self.now });
        contact
    }

    /// The offers made in the last step.
    fn offers(&self) -> Vec<(OfferId, ContactId, AgentId)> {
        let offer = |output: &Output| match output {
            Output::Offer { offer, contact, agent, .. } => Some((*offer, *contact, agent.clone())),
            Output::Entered { .. }
            | Output::Left { .. }
            | Output::OfferEnded { .. }
            | Output::Joined { .. }
            | Output::Position { .. }
            | Output::Answered { .. }
            | Output::Engaged { .. }
            | Output::AgentChanged { .. } => None,
        };
        self.outputs.iter().filter_map(offer).collect()
    }

    fn only_offer(&self) -> (OfferId, ContactId, AgentId) {
        match self.offers().as_slice() {
            [offer] => offer.clone(),
            others => panic!("expected one offer, got {others:?}"),
        }
    }
}
