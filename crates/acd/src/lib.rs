//! The automatic call distributor: queues, agents, and the offers between them.
//!
//! [`Acd`] is a pure machine. `handle` takes an instant and an [`Input`], `poll_output` gives what
//! followed, `poll_timeout` says when to call `handle_timeout`. Inputs and outputs are plain serialisable
//! values, so that one node can hold a queue's machine for others.
//!
//! # Order
//!
//! A waiting contact's score is its waiting time plus its bonus, both in seconds. The highest score that an
//! idle agent serves is offered first; of the idle agents the one idle longest gets it. An agent has one
//! state across all queues.
//!
//! # An agent's states
//!
//! ```text
//!              seat online                    offer
//! SignedOut ───────────────► Idle ──────────────────────────► Offered
//!     ▲                       ▲ ▲                          ┌────┘ │  │
//!     │ seat offline          │ │ rest over                │      │  │ answered
//!     └── (any, when no       │ Resting ◄── refused ────────┘      │  ▼
//!          call goes on)      │   ▲                               │ Talking
//!                             │   └──── timed out ──┐   withdrawn │  │ segment ended
//!                             │                     │             ▼  ▼
//!                             ├──── device free ─── Releasing ◄───┘ WrapUp
//!                             └───────────────────── over ◄───────────┘
//! ```
//!
//! `Talking` is entered without an offer too, from `Idle`, `Resting` and `WrapUp`: by whoever is called into a
//! conversation, as a supervisor or a colleague.
//!
//! A distributor that is made after a restart is given how agents stood ([`Acd::restore`]): an agent whose seat comes
//! back within an hour is as before, not as at the beginning of a shift.
//!
//! `Releasing`: the offer is dead, but the device has not yet said that it stopped ringing. No second ring
//! is sent into it meanwhile.

mod agent;
mod config;
mod inout;
mod machine;
mod queue;
mod standing;

pub use config::{AgentConfig, Config, QueueConfig};
pub use inout::{AgentView, Input, Output};
pub use machine::Acd;
pub use standing::{Did, Standing};

#[cfg(test)]
mod tests;
