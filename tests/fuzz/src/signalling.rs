//! The parts of signalling that configuration is read into, taken in as files.

#[path = "../../../crates/hotline/src/signalling/certified.rs"]
#[allow(dead_code, reason = "nobody connects here")]
mod certified;
#[path = "../../../crates/hotline/src/signalling/identity.rs"]
#[allow(dead_code, reason = "requests are fuzzed elsewhere")]
mod identity;
#[path = "../../../crates/hotline/src/signalling/listener.rs"]
#[allow(dead_code, reason = "nothing listens here")]
mod listener;
#[path = "../../../crates/hotline/src/signalling/outgoing.rs"]
#[allow(dead_code, reason = "nobody is called here")]
mod outgoing;
#[path = "../../../crates/hotline/src/signalling/pings.rs"]
mod pings;
#[path = "../../../crates/hotline/src/signalling/terms.rs"]
#[allow(dead_code, reason = "negotiation is not what is fuzzed here")]
mod terms;
#[path = "../../../crates/hotline/src/signalling/trunk.rs"]
#[allow(dead_code, reason = "nobody calls here")]
mod trunk;

pub use identity::{Numbers, Rewrite};
pub use listener::{Listener, Tls};
pub use outgoing::{Gateway, Identity, Outgoing, RegisterAt};
pub use pings::Pings;
pub use terms::{Codecs, Terms};
pub use trunk::{Network, Source, Trunk};
