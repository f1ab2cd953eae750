//! The clock that the end of a certificate is compared with.

#[path = "../../../crates/hotline/src/system/clock.rs"]
#[allow(dead_code, reason = "one clock of two is needed")]
pub mod clock;
