//! Call flows: compiled from text, checked before they run, one [`Session`] per caller.
//!
//! A flow is a versioned TOML file. [`compile`] turns it into a [`Flow`] or reports every problem at once
//! with file, line and a hint; [`flow_test`] runs tests written in text against it without any audio. A
//! [`Session`] is a pure machine: the instant and an input go in, orders come out.

mod check;
mod compile;
mod flow;
pub mod flow_test;
mod session;
pub mod speech;

pub use compile::{Catalogue, compile};
pub use flow::{
    Collect, Dial, Dialled, Flow, Goto, HangUp, Keys, Menu, Node, NodeIndex, NodeName, QueueNode, Say,
};
pub use session::{Input, Output, Session, Sound};

/// Where [`compile`] and [`flow_test::run`] report what is wrong.
pub use text::Problems;

#[cfg(test)]
mod tests;
