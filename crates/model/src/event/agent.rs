//! Agents.

use serde::{Deserialize, Serialize};

use crate::{Activity, AgentId, Shift};

/// What happened to an agent.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum AgentEvent {
    /// An agent's state changed. Nobody caused it when it followed from a call or from the registrar.
    #[serde(rename = "agent_changed")]
    Changed {
        /// The agent.
        agent: AgentId,
        /// May the agent work?
        shift: Shift,
        /// What does the agent do?
        activity: Activity,
        /// True while the seat is registered.
        seat_online: bool,
    },
}

impl AgentEvent {
    /// Which agent.
    pub fn agent(&self) -> &AgentId {
        match self {
            AgentEvent::Changed { agent, .. } => agent,
        }
    }
}
