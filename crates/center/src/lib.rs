//! The conductor: one machine that owns every call, queue and agent.
//!
//! [`Center`] joins the caller's flow ([`ivr::Session`]), the distributor ([`acd::Acd`], `distributor`), the legs, the
//! media and the recording. It is pure: reports come in by `handle`, orders and log records come out by
//! `poll_output`, and `poll_timeout` says when `handle_timeout` is due. It makes every [`model::Record`].
//!
//! # A router and its machines
//!
//! [`Center`] only routes: a report (`reports`) finds its leg, the leg's machine (`leg`) says what it means there, and
//! whoever owns the leg, a contact or a call to a feature code, does what follows. All of them work with one context
//! (`context`): the time, ids, the distributor, the legs, timers by name, and the way out for orders and records.
//!
//! # A contact
//!
//! ```text
//! Invited      port open      acknowledged          enqueued          offer accepted
//! ───────► Opening ───► Answering ───► InFlow ◄──────────► Waiting ──────────► Talking
//!             │             │            │     waited out     │                   │
//!             └─────────────┴────────────┴────────────────────┴───► Over ◄────────┘
//! ```
//!
//! Every way to end passes through `end`. While a contact waits, the seat that rings for it is a leg of its own
//! (`Why::Offer`, then `Why::Answered` until the distributor says that the answer was in time); a seat that is
//! withdrawn stays until its device has said its last word, and is rung for nobody else.

mod alive;
mod arrange;
mod calling;
mod code;
mod command;
mod config;
mod consult;
mod contact;
mod context;
mod customer;
mod dialling;
mod distributor;
mod guests;
mod inout;
mod inside;
mod leg;
mod legs;
mod limits;
mod machine;
mod moving;
mod outbound;
mod parking;
mod pause;
mod reports;
mod room;
mod seat;
mod secure;
mod supervision;
mod timers;
mod typed;

pub use config::{Config, FeatureCode, Route, TrunkLimits, TypedCode};
pub use dialling::{DialPlan, DialRule, Emergency, Verdict, Way, Who};
pub use inout::{Input, Output};
pub use machine::Center;
pub use outbound::{DoNotCall, Notice, Outbound, Rules};
pub use parking::Parking;

#[cfg(test)]
mod tests;
