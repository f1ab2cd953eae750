//! SIP and SDP without IO: messages, digest, transactions, dialogs, registrar.
//!
//! Three machines of one shape, `handle_…(now, input)`, `poll_output()`, `poll_timeout()`:
//! [`Endpoint`] (calls), [`Registrar`] (who can be reached where) and, smaller, [`DigestServer`] with
//! [`Slowdown`] (who may). Below them lie [`parse_datagram`] and [`Framer`] for messages and [`Sdp`] for
//! descriptions. Nothing here has a socket, a clock or a random source of its own: time is a [`Moment`],
//! randomness a [`Random`] that the caller seeds.

mod budget;
mod dialog;
mod digest;
mod endpoint;
mod header;
mod message;
mod method;
mod moment;
mod random;
mod registrar;
mod registration;
mod scan;
mod schedule;
mod sdp;
mod slowdown;
mod status;
mod timers;
mod transaction;
mod uri;

pub use budget::{Budgets, Overdrawn, network_of};
pub use digest::{Algorithm, Credentials, DigestServer, Secret, Secrets, Verdict, answer_challenge};
pub use endpoint::{
    Answer, Destination, Dial, Ending, Endpoint, EndpointSettings, Event, Flow, Output, Patience, PingId,
    QueryId, Replaces, RequestId, SessionId, Transport,
};
pub use header::{Address, CSeq, HeaderError, Via};
pub use message::{
    Fault, Frame, Framer, Header, Headers, MAX_HEADER_VALUE, MAX_HEADERS, MAX_MESSAGE, Malformed, Message,
    Peek, Request, Response, parse_datagram, peek, peek_call_id, same_name,
};
pub use method::Method;
pub use moment::Moment;
pub use random::Random;
pub use registrar::{Binding, KeptBinding, Reachability, Registrar, RegistrarSettings};
pub use registration::{Registered, Registration, RegistrationSettings};
pub use scan::Params;
pub use sdp::{
    Codec, Crypto, Direction, Encryption, Line, LocalAudio, Media, NoCommonAudio, OfferedAudio, Sdp,
    SdpError, Security, Srtp, SrtpKey, SrtpSuite, UnknownCodec, answer, offer,
};
pub use slowdown::{Guessed, KeptGuesses, Slowdown};
pub use status::Status;
pub use uri::{Host, SipUri, Uri, UriError, user_part};
