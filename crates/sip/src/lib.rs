//! SIP and SDP without IO: messages, digest, transactions, dialogs, registrar.

mod digest;
mod header;
mod message;
mod method;
mod moment;
mod random;
mod scan;
mod schedule;
mod sdp;
mod status;
mod transaction;
mod uri;

pub use digest::{Credentials, DigestServer, Password, Verdict, answer_challenge};
pub use header::{Address, CSeq, HeaderError, Via};
pub use message::{
    Fault, Frame, Framer, Header, Headers, MAX_HEADER_VALUE, MAX_HEADERS, MAX_MESSAGE, Malformed, Message,
    Request, Response, parse_datagram, peek_call_id, same_name,
};
pub use method::Method;
pub use moment::Moment;
pub use random::Random;
pub use scan::Params;
pub use sdp::{
    AudioCodec, Direction, Line, LocalAudio, Media, NoCommonAudio, OfferedAudio, Sdp, SdpError, answer, offer,
};
pub use status::Status;
pub use uri::{Host, SipUri, Uri, UriError};
