//! The Hotline call center: configuration, sockets, wiring, command line.

#![deny(clippy::print_stdout, clippy::print_stderr)]

pub mod at_rest;
pub mod checks;
pub mod conductor;
pub mod config;
pub mod control;
pub mod demo;
mod gauges;
pub mod language;
mod lines;
pub mod observer;
pub mod password;
pub mod phone;
pub mod prompts;
mod readiness;
pub mod reload;
pub mod serve;
mod settings;
pub mod shown;
pub mod signalling;
pub mod system;
mod tls;
