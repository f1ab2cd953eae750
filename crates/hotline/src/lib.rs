//! The Hotline call center: configuration, sockets, wiring, command line.

pub mod signalling;
