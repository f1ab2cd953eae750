//! Messages: what the start line and the header fields are, before anybody asks what they mean.
//!
//! Everything is kept: order, unknown headers, unknown methods, bytes that are not UTF-8. What a header
//! means is looked up when it is asked for ([`Request::via`], [`Request::from`] …).

mod fault;
mod frame;
mod headers;
mod multipart;
mod parse;

use std::fmt::Write;

pub use fault::{Fault, Malformed};
pub use frame::{Frame, Framer, Peek, parse_datagram, peek, peek_call_id};
pub use headers::{Header, Headers, same_name};
pub(crate) use multipart::description;

use crate::header::{Address, CSeq, HeaderError, Via};
use crate::{Method, Status, Uri, UriError};

/// The longest message in bytes that is read or joined from a stream.
pub const MAX_MESSAGE: usize = 65_536;
/// The most header fields in a message.
pub const MAX_HEADERS: usize = 256;
/// The longest header value in bytes, folded lines joined.
pub const MAX_HEADER_VALUE: usize = 8_192;

/// A SIP message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message {
    /// Asks for something.
    Request(Request),
    /// Answers a request.
    Response(Response),
}

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// What is asked.
    pub method: Method,
    /// The Request-URI as written.
    pub uri: String,
    /// Header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// A response.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Response {
    /// 100 to 699.
    pub status: Status,
    /// The reason phrase, for people; perhaps empty, perhaps not UTF-8.
    pub reason: Vec<u8>,
    /// Header fields.
    pub headers: Headers,
    /// The body.
    pub body: Vec<u8>,
}

/// Typed reading of the headers that requests and responses share.
macro_rules! typed_headers {
    ($kind:ty) => {
        impl $kind {
            /// The topmost Via.
            ///
            /// # Errors
            /// When it is missing or malformed.
            pub fn via(&self) -> Result<Via, HeaderError> {
                let values = self.headers.list("Via");
                Via::parse(values.first().ok_or(HeaderError::missing("Via"))?)
            }

            /// From.
            ///
            /// # Errors
            /// When it is missing or malformed.
            pub fn from(&self) -> Result<Address, HeaderError> {
                self.address("From")
            }

            /// To.
            ///
            /// # Errors
            /// When it is missing or malformed.
            pub fn to(&self) -> Result<Address, HeaderError> {
                self.address("To")
            }

            fn address(&self, name: &'static str) -> Result<Address, HeaderError> {
                let text = self.headers.text(name).ok_or(HeaderError::missing(name))?;
                Address::parse(&text).ok_or(HeaderError::malformed(name))
            }

            /// All addresses of a list header such as Contact, Route or Record-Route, in order.
            ///
            /// # Errors
            /// When one is malformed.
            pub fn addresses(&self, name: &'static str) -> Result<Vec<Address>, HeaderError> {
                let parse = |value: &String| Address::parse(value).ok_or(HeaderError::malformed(name));
                self.headers.list(name).iter().map(parse).collect()
            }

            /// Call-ID; compared byte by byte.
            ///
            /// # Errors
            /// When it is missing or empty.
            pub fn call_id(&self) -> Result<String, HeaderError> {
                let text = self.headers.text("Call-ID").ok_or(HeaderError::missing("Call-ID"))?;
                if text.is_empty() || text.contains(' ') {
                    return Err(HeaderError::malformed("Call-ID"));
                }
                Ok(text.into_owned())
            }

            /// CSeq.
            ///
            /// # Errors
            /// When it is missing or malformed.
            pub fn cseq(&self) -> Result<CSeq, HeaderError> {
                let text = self.headers.text("CSeq").ok_or(HeaderError::missing("CSeq"))?;
                CSeq::parse(&text).ok_or(HeaderError::malformed("CSeq"))
            }

            /// The media type of the body in lower case without parameters, when it is named.
            pub fn content_type(&self) -> Option<String> {
                let text = self.headers.text("Content-Type")?;
                Some(text.split(';').next()?.trim().to_ascii_lowercase())
            }
        }
    };
}

typed_headers!(Request);
typed_headers!(Response);

impl Request {
    /// The Request-URI, understood.
    ///
    /// # Errors
    /// When it is not a URI.
    pub fn target(&self) -> Result<Uri, UriError> {
        Uri::parse(&self.uri)
    }

    /// The message as bytes, `Content-Length` counted from the body.
    pub fn print(&self) -> Vec<u8> {
        let mut head = String::new();
        // Writing to a String cannot fail.
        let _ = write!(head, "{} {} SIP/2.0\r\n", self.method, self.uri);
        print(head.into_bytes(), &self.headers, &self.body)
    }
}

impl Response {
    /// The message as bytes, `Content-Length` counted from the body.
    pub fn print(&self) -> Vec<u8> {
        let mut head = format!("SIP/2.0 {} ", self.status).into_bytes();
        head.extend(self.reason.iter().filter(|byte| !b"\r\n".contains(byte)));
        head.extend_from_slice(b"\r\n");
        print(head, &self.headers, &self.body)
    }
}

impl Message {
    /// What it is about; as [`peek`] of its bytes.
    pub fn peek(&self) -> Peek {
        let Message::Request(request) = self else { return Peek::FollowUp };
        let in_dialog = request.to().is_ok_and(|to| to.tag().is_some());
        match request.method {
            Method::Ack | Method::Bye | Method::Cancel => Peek::FollowUp,
            Method::Register => Peek::Register,
            _ if in_dialog => Peek::FollowUp,
            Method::Invite => Peek::Invite,
            Method::Options
            | Method::Info
            | Method::Update
            | Method::Prack
            | Method::Refer
            | Method::Notify
            | Method::Other(_) => Peek::Other,
        }
    }

    /// The message as bytes.
    pub fn print(&self) -> Vec<u8> {
        match self {
            Message::Request(request) => request.print(),
            Message::Response(response) => response.print(),
        }
    }

    /// The header fields.
    pub fn headers(&self) -> &Headers {
        match self {
            Message::Request(request) => &request.headers,
            Message::Response(response) => &response.headers,
        }
    }
}

fn print(mut out: Vec<u8>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let length = body.len().to_string();
    let mut has_length = false;
    for header in headers.iter() {
        let is_length = same_name(&header.name, "Content-Length");
        if is_length && has_length {
            continue;
        }
        has_length |= is_length;
        out.extend_from_slice(header.name.as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(if is_length { length.as_bytes() } else { &header.value });
        out.extend_from_slice(b"\r\n");
    }
    if !has_length {
        out.extend_from_slice(b"Content-Length: ");
        out.extend_from_slice(length.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(body);
    out
}
