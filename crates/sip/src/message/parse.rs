//! Start line and header lines (RFC 3261 section 7).

use super::{Fault, Headers, MAX_HEADER_VALUE, MAX_HEADERS, Malformed, Message, Request, Response};
use crate::scan::{is_token, number};
use crate::{Method, Status};

/// A message without its body, and the first thing that was wrong with its headers.
pub(super) struct Head {
    pub(super) start: Start,
    pub(super) headers: Headers,
    pub(super) fault: Option<Fault>,
    /// Where the body begins.
    pub(super) length: usize,
}

pub(super) enum Start {
    Request { method: Method, uri: String },
    Response { status: Status, reason: Vec<u8> },
}

impl Head {
    /// The message with this body, or what is wrong with it.
    pub(super) fn into_message(self, body: &[u8], fault: Option<Fault>) -> Result<Message, Malformed> {
        let fault = self.fault.or(fault);
        let body = body.to_vec();
        match self.start {
            Start::Request { method, uri } => {
                let request = Request { method, uri, headers: self.headers, body };
                match fault {
                    None => Ok(Message::Request(request)),
                    Some(fault) => Err(Malformed { fault, request: Some(Box::new(request)) }),
                }
            }
            Start::Response { status, reason } => match fault {
                None => Ok(Message::Response(Response { status, reason, headers: self.headers, body })),
                Some(fault) => Err(Malformed { fault, request: None }),
            },
        }
    }
}

/// Reads up to the empty line, or to the end when there is none.
pub(super) fn parse_head(bytes: &[u8]) -> Result<Head, Fault> {
    let mut lines = Lines { bytes, at: 0 };
    let first = lines.next().ok_or(Fault::Empty)?;
    let (start, mut fault) = parse_start(first)?;
    let mut headers = Headers::new();
    for line in lines.by_ref() {
        if line.is_empty() {
            break;
        }
        if let Err(found) = add_line(&mut headers, line) {
            fault = fault.or(Some(found));
        }
        if headers.len() > MAX_HEADERS {
            fault = Some(Fault::TooManyHeaders);
            break;
        }
    }
    if headers.iter().any(|header| header.value.len() > MAX_HEADER_VALUE) {
        fault = fault.or(Some(Fault::HeaderTooLong));
    }
    Ok(Head { start, headers, fault, length: lines.at })
}

/// Lines without their ends; a lone LF ends a line as well as CRLF does.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..).filter(|rest| !rest.is_empty())?;
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        self.at = (self.at + end + 1).min(self.bytes.len());
        let line = rest.get(..end)?;
        Some(line.strip_suffix(b"\r").unwrap_or(line))
    }
}

fn parse_start(line: &[u8]) -> Result<(Start, Option<Fault>), Fault> {
    if line.get(..4).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return parse_status_line(line).map(|start| (start, None));
    }
    let line = std::str::from_utf8(line).map_err(|_| Fault::StartLine)?;
    let (method, rest) = line.split_once(' ').ok_or(Fault::StartLine)?;
    if !is_token(method) {
        return Err(Fault::StartLine);
    }
    // What follows the method may be broken and still deserve an answer: keep what there is.
    let (uri, version) = rest.rsplit_once(' ').unwrap_or((rest, ""));
    let fault = if !is_version(version) {
        Some(if looks_like_version(version) { Fault::Version } else { Fault::StartLine })
    } else if uri.is_empty() || uri.contains([' ', '\t']) {
        Some(Fault::StartLine)
    } else {
        None
    };
    Ok((Start::Request { method: Method::from_name(method), uri: uri.to_owned() }, fault))
}

fn is_version(text: &str) -> bool {
    text.eq_ignore_ascii_case("SIP/2.0")
}

fn looks_like_version(text: &str) -> bool {
    let numbers = text.get(..4).filter(|name| name.eq_ignore_ascii_case("SIP/")).and_then(|_| text.get(4..));
    numbers
        .and_then(|numbers| numbers.split_once('.'))
        .is_some_and(|(major, minor)| number(major).is_some() && number(minor).is_some())
}

fn parse_status_line(line: &[u8]) -> Result<Start, Fault> {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let version = parts.next().and_then(|version| std::str::from_utf8(version).ok()).unwrap_or("");
    if !is_version(version) {
        return Err(if looks_like_version(version) { Fault::Version } else { Fault::StartLine });
    }
    let code = parts.next().and_then(|code| std::str::from_utf8(code).ok()).ok_or(Fault::StartLine)?;
    let code = number(code).and_then(|code| u16::try_from(code).ok()).ok_or(Fault::StatusCode)?;
    let status = Status::new(code).ok_or(Fault::StatusCode)?;
    Ok(Start::Response { status, reason: parts.next().unwrap_or(b"").to_vec() })
}

fn add_line(headers: &mut Headers, line: &[u8]) -> Result<(), Fault> {
    if line.first().is_some_and(|byte| b" \t".contains(byte)) {
        return if headers.fold(line.trim_ascii()) { Ok(()) } else { Err(Fault::HeaderLine) };
    }
    let colon = line.iter().position(|byte| *byte == b':').ok_or(Fault::HeaderLine)?;
    let (name, value) = line.split_at(colon);
    let name = std::str::from_utf8(name).map_err(|_| Fault::HeaderLine)?.trim_end_matches([' ', '\t']);
    if !is_token(name) {
        return Err(Fault::HeaderLine);
    }
    let value = value.strip_prefix(b":").unwrap_or(value).trim_ascii();
    headers.push_raw(name, value);
    Ok(())
}
