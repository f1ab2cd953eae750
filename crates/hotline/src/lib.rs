//! The Hotline call center: configuration, sockets, wiring, command line.

pub mod clock;
pub mod conductor;
pub mod config;
pub mod control;
pub mod demo;
mod evidence;
pub mod listings;
pub mod load;
mod phone;
pub mod serve;
pub mod signalling;
