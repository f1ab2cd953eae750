//! `hotline phone`: a softphone of the command line, for the first call and for trying things out.

mod console;
mod sound;

pub use console::{Options, run};

/// The User-Agent header of our telephones.
pub(crate) const USER_AGENT: &str = concat!("hotline-phone/", env!("CARGO_PKG_VERSION"));
