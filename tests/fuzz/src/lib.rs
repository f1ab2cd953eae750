//! What the fuzz targets do with their bytes: one function a target.
//!
//! A target fails by panicking: by an assertion here, or by anything that panics in the code it calls.
//! The folder's README says what each asserts and how to run them.

pub mod audio;
mod bytes;
mod checks;
pub mod configuration;
pub mod digest;
pub mod endpoint;
pub mod ivr;
mod peer;
pub mod playout;
mod registrar;
pub mod rtp;
pub mod signalling;
pub mod sip;
pub mod srtp;
mod system;
#[path = "../../../crates/hotline/src/tls/mod.rs"]
#[allow(dead_code, reason = "nobody shakes hands here")]
mod tls;
