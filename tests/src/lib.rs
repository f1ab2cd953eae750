//! What the stories in the folder `tests` beside this one are told with: a center of one's own, telephones and
//! callers that are other people's programs (baresip, SIPp), and an ear for tones.
//!
//! Every story has its own ports and its own folder, so stories run side by side. Whatever a story started ends
//! when the story does, also when it fails. Tests of one crate live in that crate.

mod caller;
mod center;
mod configuration;
mod database;
mod echo;
mod flood;
mod gateway;
mod kamailio;
mod linphone;
mod load;
mod name_server;
mod phone;
mod ports;
mod sipp;
mod tls;
mod tone;
mod voices;
mod web;

pub use caller::{AudioPacket, Caller, Mute};
pub use center::{Center, OUTSIDE};
pub use database::Database;
pub use echo::Echo;
pub use flood::Flood;
pub use gateway::Gateway;
pub use kamailio::Kamailio;
pub use linphone::Linphone;
pub use load::{Load, Run};
pub use name_server::NameServer;
pub use phone::Phone;
pub use sipp::Sipp;
pub use testing::{Authority, wait_for, wait_for_within};
pub use tls::TlsClient;
pub use tone::{
    AGENT_HZ, CUSTOMER_HZ, Heard, assert_each_on_its_channel, assert_hear_each_other, heard, likeness,
    loudness, samples, write as write_tone,
};
pub use voices::{THIRD_HZ, Voices, assert_heard};
pub use web::Fetched;
