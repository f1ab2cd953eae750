//! What can be wrong with bytes that claim to be a message.

use super::Request;
use crate::Status;

/// Why bytes are not a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing but line ends, or nothing at all.
    #[error("empty message")]
    Empty,
    /// The first line is neither a request line nor a status line.
    #[error("malformed start line")]
    StartLine,
    /// Another version than SIP/2.0.
    #[error("unsupported SIP version")]
    Version,
    /// A status outside 100 to 699.
    #[error("status code out of range")]
    StatusCode,
    /// A header line without a colon, with a broken name, or folded onto nothing.
    #[error("malformed header line")]
    HeaderLine,
    /// More header fields than [`MAX_HEADERS`](crate::MAX_HEADERS).
    #[error("too many header fields")]
    TooManyHeaders,
    /// A header value longer than [`MAX_HEADER_VALUE`](crate::MAX_HEADER_VALUE).
    #[error("header value too long")]
    HeaderTooLong,
    /// A message longer than [`MAX_MESSAGE`](crate::MAX_MESSAGE).
    #[error("message too large")]
    MessageTooLarge,
    /// `Content-Length` is not a number, or there are several.
    #[error("malformed Content-Length")]
    ContentLength,
    /// The body is shorter than `Content-Length` says.
    #[error("body shorter than Content-Length")]
    BodyTooShort,
    /// A stream message without `Content-Length` (RFC 3261 section 18.3).
    #[error("no Content-Length in a stream")]
    NoContentLength,
}

impl Fault {
    /// The status that a request with this fault is answered with.
    pub fn status(self) -> Status {
        match self {
            Fault::Version => Status::VERSION_NOT_SUPPORTED,
            Fault::TooManyHeaders | Fault::HeaderTooLong | Fault::MessageTooLarge => {
                Status::MESSAGE_TOO_LARGE
            }
            Fault::Empty
            | Fault::StartLine
            | Fault::StatusCode
            | Fault::HeaderLine
            | Fault::ContentLength
            | Fault::BodyTooShort
            | Fault::NoContentLength => Status::BAD_REQUEST,
        }
    }
}

/// Bytes that are not a message, with what could be read of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{fault}")]
pub struct Malformed {
    /// What is wrong; the first thing found.
    pub fault: Fault,
    /// The request as far as it was understood, so that it can be refused; `None` for responses and for
    /// what cannot be told apart from noise.
    pub request: Option<Box<Request>>,
}
