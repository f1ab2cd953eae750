//! Stories, then generated sequences against a small reference model.

mod against_a_model;
mod restarts;
mod settings;
mod stories;

use std::time::Duration;

use model::{AgentId, ContactId, Ids, OfferId, QueueName, Time};

use crate::{Acd, AgentConfig, Config, Input, Output, QueueConfig};

/// A distributor on a virtual clock, with what followed from the last step.
struct World {
    acd: Acd,
    now: Time,
    ids: Ids,
    outputs: Vec<Output>,
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

    fn step(&mut self, input: Input) -> &[Output] {
        self.acd.handle(self.now, input);
        self.drain()
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
