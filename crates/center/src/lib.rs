//! The conductor: one machine that owns every call, queue and agent.
//!
//! [`Center`] joins the caller's flow ([`ivr::Session`]), the distributor ([`acd::Acd`]), the legs, the
//! media and the recording. It is pure: reports come in by `handle`, orders and log records come out by
//! `poll_output`, and `poll_timeout` says when `handle_timeout` is due. It makes every [`model::Record`].
//!
//! # A customer's call
//!
//! ```text
//! Invited      port open      acknowledged            offer accepted
//! ───────► Opening ───► Answering ───► InFlow ◄──────────────────► Talking
//!             │             │            │  ▲                          │
//!             │             │            │  └ seat rings (a Ring) ─┘   │
//!             └─────────────┴────────────┴──────────────► end ◄────────┘
//! ```
//!
//! Every way to end passes through `end`. A seat that is withdrawn keeps its leg in `releasing` until the
//! leg's last report; until then the distributor rings it for nobody else.

mod alive;
mod arrange;
mod call;
mod code;
mod config;
mod customer;
mod guests;
mod limits;
mod machine;
mod pause;
mod ring;
mod room;
mod secure;
mod supervision;

pub use config::{Config, FeatureCode, Route, TrunkLimits};
pub use machine::{Center, Input, Output};

#[cfg(test)]
mod tests;
