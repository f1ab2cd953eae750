//! Other queues and agents while calls go on.

use std::collections::{BTreeMap, BTreeSet};

use model::{AgentId, QueueName, Time};

use super::Acd;
use crate::agent::Agent;
use crate::config::{AgentConfig, Config, QueueConfig};
use crate::queue::Queue;

impl Acd {
    pub(super) fn replace_settings(&mut self, now: Time, config: Config) {
        self.replace_queues(config.queues);
        let kept: BTreeSet<AgentId> = config.agents.iter().map(|agent| agent.id.clone()).collect();
        for agent in config.agents {
            self.replace_agent(agent);
        }
        let gone = self.agents.keys().filter(|id| !kept.contains(*id)).cloned().collect::<Vec<_>>();
        for id in gone {
            if let Some(agent) = self.agents.get_mut(&id) {
                agent.is_removed = true;
            }
            // Withdraws an offer; what is going on comes to its end.
            self.seat_offline(now, &id);
        }
    }

    fn replace_queues(&mut self, configs: Vec<QueueConfig>) {
        let mut configs: BTreeMap<_, _> =
            configs.into_iter().map(|queue| (queue.name.clone(), queue)).collect();
        for (name, queue) in &mut self.queues {
            let config = configs.remove(name);
            queue.is_removed = config.is_none();
            if let Some(config) = config {
                (queue.offer_deadline, queue.wrap_up) = (config.offer_deadline, config.wrap_up);
            }
        }
        let new =
            configs.into_iter().map(|(name, queue)| (name, Queue::new(queue.offer_deadline, queue.wrap_up)));
        self.queues.extend(new);
    }

    fn replace_agent(&mut self, config: AgentConfig) {
        let Some(agent) = self.agents.get_mut(&config.id) else {
            _ = self.agents.insert(config.id.clone(), Agent::new(config));
            return;
        };
        let is_removed = |queue: &QueueName| self.queues.get(queue).is_some_and(|queue| queue.is_removed);
        let finishing = agent.queues.iter().filter(|queue| is_removed(queue)).cloned();
        let queues = config.queues.into_iter().chain(finishing).collect::<BTreeSet<_>>();
        if let Some(since) = agent.available_since() {
            let waits = (since, config.id.clone());
            for (name, queue) in &mut self.queues {
                if queues.contains(name) {
                    queue.idle.insert(waits.clone());
                } else {
                    queue.idle.remove(&waits);
                }
            }
        }
        agent.queues = queues.into_iter().collect();
        agent.starts_ready = config.starts_ready;
        agent.miss_limit = config.miss_limit;
        agent.rest_after_miss = config.rest_after_miss;
        agent.is_removed = false;
    }

    /// Forgets an agent who is not in the settings any more and has finished.
    pub(super) fn forget_removed(&mut self, id: &AgentId) {
        let is_finished = |agent: &Agent| agent.is_removed && !agent.seat_online && agent.is_at_rest();
        let Some(agent) = self.agents.get(id).filter(|agent| is_finished(agent)) else { return };
        if let Some(due) = agent.timeout() {
            self.timers.remove(&(due, id.clone()));
        }
        self.agents.remove(id);
    }
}
