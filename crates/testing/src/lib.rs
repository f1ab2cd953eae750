//! What the tests of several crates share. Only a `dev-dependency`: no program is built from it.

mod authority;
mod call;
mod scratch;
mod waiting;

pub use authority::Authority;
pub use call::{BEGAN, CALLER_NAME, Call, call, contact, recording};
pub use scratch::Scratch;
pub use waiting::{PATIENCE, wait_for, wait_for_within};
