//! What the reader of a private key asks.

#[path = "../../../crates/hotline/src/checks/privacy.rs"]
pub mod privacy;
