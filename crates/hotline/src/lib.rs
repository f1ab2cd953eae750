//! The Hotline call center: configuration, sockets, wiring, command line.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod adopt;
pub mod backup;
pub mod checks;
pub mod clock;
pub mod conductor;
pub mod config;
pub mod control;
pub mod demo;
pub mod doctor;
pub mod folders;
mod gauges;
pub mod guard;
pub mod language;
pub mod ledger;
mod line;
pub mod listings;
pub mod log;
pub mod observer;
pub mod output;
pub mod password;
pub mod phone;
pub mod privacy;
mod process;
pub mod prompts;
mod readiness;
pub mod reload;
pub mod serve;
pub mod signalling;
pub mod signals;
mod standings;
pub mod story;
pub mod vault;
mod web;
