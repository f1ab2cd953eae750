//! Where a message ends: in a datagram and in a stream (RFC 3261 sections 18.3 and 7.5).

use super::parse::{Head, parse_head};
use super::{Fault, Headers, MAX_MESSAGE, Malformed, Message};
use crate::scan::number;

/// Reads the one message of a datagram. Without `Content-Length` the body goes to the end; what follows
/// a shorter body is ignored; a longer one is a fault.
///
/// # Errors
/// The first fault, with the request as far as it was understood.
pub fn parse_datagram(bytes: &[u8]) -> Result<Message, Malformed> {
    let noise = |fault| Malformed { fault, request: None };
    if bytes.len() > MAX_MESSAGE {
        return Err(noise(Fault::MessageTooLarge));
    }
    let head = parse_head(skip_line_ends(bytes)).map_err(noise)?;
    let rest = skip_line_ends(bytes).get(head.length..).unwrap_or(b"");
    let (body, fault) = match content_length(&head.headers) {
        Ok(None) => (rest, None),
        Ok(Some(length)) => match rest.get(..length) {
            Some(body) => (body, None),
            None => (rest, Some(Fault::BodyTooShort)),
        },
        Err(fault) => (rest, Some(fault)),
    };
    head.into_message(body, fault)
}

/// The Call-ID of a message without reading the rest, so that a dispatcher can choose who reads it.
/// `None` when there is none, or only a folded one.
pub fn peek_call_id(bytes: &[u8]) -> Option<&[u8]> {
    for line in skip_line_ends(bytes).split(|byte| *byte == b'\n').skip(1) {
        let line = line.trim_ascii();
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            if line.is_empty() {
                return None;
            }
            continue;
        };
        let name = line.get(..colon)?.trim_ascii();
        if name.eq_ignore_ascii_case(b"Call-ID") || name.eq_ignore_ascii_case(b"i") {
            return line.get(colon + 1..).map(<[u8]>::trim_ascii).filter(|value| !value.is_empty());
        }
    }
    None
}

/// What a message is about, as far as its first line and its To show.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Peek {
    /// A response, ACK, BYE, CANCEL, or a request inside a dialog.
    FollowUp,
    /// An INVITE that begins a call.
    Invite,
    /// A REGISTER.
    Register,
    /// Another request outside dialogs.
    Other,
    /// No SIP message, as far as can be seen.
    Noise,
}

/// What a message is about, without parsing it: for limits that have to cost less than what they limit.
pub fn peek(bytes: &[u8]) -> Peek {
    let bytes = skip_line_ends(bytes);
    let first = bytes.split(|byte| *byte == b'\n').next().unwrap_or(b"").trim_ascii();
    let word = |at: Option<usize>| at.and_then(|at| first.get(..at)).unwrap_or(b"");
    if first.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/2.0 ")) {
        return Peek::FollowUp;
    }
    let version = first.len().checked_sub(7).and_then(|at| first.get(at..)).unwrap_or(b"");
    if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        return Peek::Noise;
    }
    match word(first.iter().position(|byte| *byte == b' ')) {
        b"ACK" | b"BYE" | b"CANCEL" => Peek::FollowUp,
        b"REGISTER" => Peek::Register,
        _ if peek_to_has_tag(bytes) => Peek::FollowUp,
        b"INVITE" => Peek::Invite,
        _ => Peek::Other,
    }
}

fn peek_to_has_tag(bytes: &[u8]) -> bool {
    for line in bytes.split(|byte| *byte == b'\n').skip(1) {
        let line = line.trim_ascii();
        if line.is_empty() {
            return false;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = line.get(..colon).unwrap_or(b"").trim_ascii();
        if name.eq_ignore_ascii_case(b"To") || name.eq_ignore_ascii_case(b"t") {
            let value = line.get(colon..).unwrap_or(b"");
            return value.windows(5).any(|piece| piece.eq_ignore_ascii_case(b";tag="));
        }
    }
    false
}

/// A keep-alive: two line ends.
const PING: &[u8] = b"\r\n\r\n";

/// One thing found in a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Frame {
    /// A whole message.
    Message(Message),
    /// A keep-alive (two line ends, RFC 5626 section 4.4.1): answer with one line end.
    Ping,
    /// The stream cannot be followed any more: answer this, if it is a request, and close.
    Broken(Malformed),
}

/// Finds messages in a stream of bytes, however it is cut.
///
/// Holds at most one message beyond what was last pushed; a peer that announces a large body gets
/// memory only as the body arrives.
#[derive(Debug, Default)]
pub struct Framer {
    buffer: Vec<u8>,
    /// How far `buffer` was searched for the end of the headers without finding it.
    searched: usize,
    /// How long `buffer` must become before looking again is of use: a message whose headers are known.
    wanted: usize,
    broken: bool,
}

impl Framer {
    /// At the beginning of a stream.
    pub fn new() -> Framer {
        Framer::default()
    }

    /// Adds received bytes. Drain [`Framer::poll_frame`] after each call.
    pub fn push(&mut self, bytes: &[u8]) {
        if !self.broken {
            self.buffer.extend_from_slice(bytes);
        }
    }

    /// True while part of a message waits for the rest: a shell closes streams that stay so for long.
    pub fn is_mid_message(&self) -> bool {
        !self.buffer.is_empty()
    }

    /// The next whole thing in the stream. After [`Frame::Broken`] there is nothing any more.
    pub fn poll_frame(&mut self) -> Option<Frame> {
        if self.broken || self.buffer.len() < self.wanted {
            return None;
        }
        self.skip_stray_line_ends();
        if self.buffer.starts_with(PING) {
            self.consume(PING.len());
            return Some(Frame::Ping);
        }
        let Some(end) = self.end_of_headers() else {
            return (self.buffer.len() > MAX_MESSAGE).then(|| self.fail(Fault::MessageTooLarge));
        };
        match self.take_message(end) {
            Ok(None) => None,
            Ok(Some(message)) => Some(Frame::Message(message)),
            Err(malformed) => {
                self.broken = true;
                self.buffer = Vec::new();
                Some(Frame::Broken(malformed))
            }
        }
    }

    /// Drops line ends between messages up to what is a ping or may still become one. How the stream was cut
    /// makes no difference to which those are.
    fn skip_stray_line_ends(&mut self) {
        let is_line_end = |byte: u8| b"\r\n".contains(&byte);
        let mut count = 0;
        while let Some(rest) = self.buffer.get(count..)
            && rest.first().copied().is_some_and(is_line_end)
            && !rest.starts_with(PING)
            && !PING.starts_with(rest)
        {
            count += 1;
        }
        if count > 0 {
            self.consume(count);
        }
    }

    /// Where the empty line ends: after a line end, another, each with or without CR as in a datagram.
    fn end_of_headers(&mut self) -> Option<usize> {
        let from = self.searched.saturating_sub(2);
        let unsearched = self.buffer.get(from..)?;
        let line_ends =
            unsearched.iter().enumerate().filter(|(_, byte)| **byte == b'\n').map(|(at, _)| at + 1);
        let empty_line = |at: usize| match unsearched.get(at..)? {
            [b'\n', ..] => Some(from + at + 1),
            [b'\r', b'\n', ..] => Some(from + at + 2),
            _ => None,
        };
        let end = line_ends.filter_map(empty_line).next();
        if end.is_none() {
            self.searched = self.buffer.len();
        }
        end
    }

    fn take_message(&mut self, end: usize) -> Result<Option<Message>, Malformed> {
        let noise = |fault| Malformed { fault, request: None };
        let head = parse_head(self.buffer.get(..end).unwrap_or(b"")).map_err(noise)?;
        let length = match stream_length(&head, end) {
            Ok(length) => length,
            Err(fault) => return head.into_message(b"", Some(fault)).map(Some),
        };
        let Some(body) = self.buffer.get(end..end + length) else {
            self.wanted = end + length;
            return Ok(None);
        };
        // A fault in a header line does not lose the place in the stream, but trusting the rest of such
        // a peer's stream gains nothing: broken as well.
        let message = head.into_message(body, None)?;
        self.consume(end + length);
        Ok(Some(message))
    }

    fn fail(&mut self, fault: Fault) -> Frame {
        let request = parse_head(&self.buffer).ok().and_then(|head| {
            head.into_message(b"", Some(fault)).err().and_then(|malformed| malformed.request)
        });
        self.broken = true;
        self.buffer = Vec::new();
        Frame::Broken(Malformed { fault, request })
    }

    fn consume(&mut self, count: usize) {
        self.buffer.drain(..count.min(self.buffer.len()));
        (self.searched, self.wanted) = (0, 0);
    }
}

fn stream_length(head: &Head, end: usize) -> Result<usize, Fault> {
    let length = content_length(&head.headers)?.ok_or(Fault::NoContentLength)?;
    if end.saturating_add(length) > MAX_MESSAGE {
        return Err(Fault::MessageTooLarge);
    }
    Ok(length)
}

fn content_length(headers: &Headers) -> Result<Option<usize>, Fault> {
    let mut values = headers.all("Content-Length");
    let Some(value) = values.next() else { return Ok(None) };
    if values.next().is_some() {
        return Err(Fault::ContentLength);
    }
    let length = std::str::from_utf8(value).ok().and_then(number).ok_or(Fault::ContentLength)?;
    usize::try_from(length).map(Some).map_err(|_| Fault::ContentLength)
}

fn skip_line_ends(bytes: &[u8]) -> &[u8] {
    let count = bytes.iter().take_while(|byte| b"\r\n".contains(byte)).count();
    bytes.get(count..).unwrap_or(b"")
}

#[cfg(test)]
mod tests {
    use super::*;

    const OPTIONS: &str = "OPTIONS sip:a@b SIP/2.0\r\nCall-ID: one\r\nContent-Length: 3\r\n\r\nxyz";

    fn frames(framer: &mut Framer) -> Vec<Frame> {
        std::iter::from_fn(|| framer.poll_frame()).collect()
    }

    #[test]
    fn a_stream_may_be_cut_anywhere() {
        let mut framer = Framer::new();
        let mut found = Vec::new();
        for byte in format!("\r\n{OPTIONS}\r\n\r\n{OPTIONS}").bytes() {
            framer.push(&[byte]);
            found.extend(frames(&mut framer));
        }
        assert!(matches!(found.as_slice(), [Frame::Message(_), Frame::Ping, Frame::Message(_)]), "{found:?}");
        assert!(!framer.is_mid_message());
    }

    #[test]
    fn pings_among_stray_line_ends_are_the_same_however_they_are_cut() {
        for stream in ["\n\r\n\r\n", "\r\r\n\r\n", "\r\n\n\r\n\r\n\n", "\r\n\r\n\r\n\r\n", "\n\n\n"] {
            let stream = format!("{stream}{OPTIONS}");
            let mut whole = Framer::new();
            whole.push(stream.as_bytes());
            let mut cut = Framer::new();
            let one_by_one = stream.bytes().flat_map(|byte| {
                cut.push(&[byte]);
                frames(&mut cut)
            });
            assert_eq!(frames(&mut whole), one_by_one.collect::<Vec<_>>(), "{stream:?}");
        }
    }

    #[test]
    fn lone_line_feeds_end_the_headers_as_in_a_datagram() {
        let header = "OPTIONS sip:a@b SIP/2.0\nl: 3";
        for empty_line in ["\n\n", "\n\r\n", "\r\n\n"] {
            let stream = format!("{header}{empty_line}\r\n\r\n\r\n\r\n");
            let mut framer = Framer::new();
            framer.push(stream.as_bytes());
            let expected = parse_datagram(stream.as_bytes()).unwrap();
            assert_eq!(framer.poll_frame(), Some(Frame::Message(expected)), "{empty_line:?}");
        }
    }

    #[test]
    fn several_messages_in_one_segment_come_out_one_by_one() {
        let mut framer = Framer::new();
        framer.push(OPTIONS.repeat(3).as_bytes());
        assert_eq!(frames(&mut framer).len(), 3);
    }

    #[test]
    fn lengths_that_cannot_be_followed_break_the_stream() {
        for (headers, fault) in [
            ("Content-Length: -1", Fault::ContentLength),
            ("Content-Length: 99999999999999999999999", Fault::ContentLength),
            ("Content-Length: 4000000000", Fault::MessageTooLarge),
            ("Content-Length: 1\r\nl: 1", Fault::ContentLength),
            ("X: y", Fault::NoContentLength),
        ] {
            let mut framer = Framer::new();
            framer.push(format!("OPTIONS sip:a@b SIP/2.0\r\n{headers}\r\n\r\n").as_bytes());
            match framer.poll_frame() {
                Some(Frame::Broken(malformed)) => {
                    assert_eq!(malformed.fault, fault, "{headers}");
                    assert!(malformed.request.is_some());
                }
                other => panic!("{headers}: {other:?}"),
            }
            framer.push(OPTIONS.as_bytes());
            assert_eq!(framer.poll_frame(), None);
        }
    }

    #[test]
    fn endless_headers_are_cut_off() {
        let mut framer = Framer::new();
        let mut pushed = 0;
        while framer.poll_frame().is_none() {
            framer.push(b"OPTIONS sip:a@b SIP/2.0\r\nX: y");
            pushed += 30;
            assert!(pushed < 2 * MAX_MESSAGE);
        }
    }

    #[test]
    fn datagrams_end_where_they_end() {
        let body = |text: &str| match parse_datagram(text.as_bytes()) {
            Ok(Message::Request(request)) => Ok(request.body),
            Ok(Message::Response(_)) => panic!("a response"),
            Err(malformed) => Err(malformed.fault),
        };
        assert_eq!(body("OPTIONS sip:a@b SIP/2.0\r\nX: y\r\n\r\nbody"), Ok(b"body".to_vec()));
        assert_eq!(body("OPTIONS sip:a@b SIP/2.0\r\nl: 2\r\n\r\nbody"), Ok(b"bo".to_vec()));
        assert_eq!(body("OPTIONS sip:a@b SIP/2.0\r\nl: 5\r\n\r\nbody"), Err(Fault::BodyTooShort));
        assert_eq!(body("\r\n\r\n"), Err(Fault::Empty));
    }

    #[test]
    fn what_a_message_is_about_is_seen_without_parsing() {
        for (start, to, about) in [
            ("INVITE sip:a@b SIP/2.0", "To: <sip:a@b>", Peek::Invite),
            ("INVITE sip:a@b SIP/2.0", "t : \"x\" <sip:a@b>", Peek::Invite),
            ("INVITE sip:a@b SIP/2.0", "t : <sip:a@b>;TAG=1", Peek::FollowUp),
            ("OPTIONS sip:a@b SIP/2.0", "To: <sip:a@b>", Peek::Other),
            ("REGISTER sip:b SIP/2.0", "To: <sip:a@b>;tag=1", Peek::Register),
            ("BYE sip:b SIP/2.0", "X: y", Peek::FollowUp),
            ("SIP/2.0 200 OK", "X: y", Peek::FollowUp),
            ("GET / HTTP/1.1", "X: y", Peek::Noise),
            ("", "", Peek::Noise),
        ] {
            let text = format!("\r\n{start}\r\nVia: v\r\n{to}\r\nCSeq: 1 X\r\n\r\nTo: <sip:b>;tag=body\r\n");
            assert_eq!(peek(text.as_bytes()), about, "{start} {to}");
        }
    }

    #[test]
    fn the_call_id_is_found_without_parsing() {
        assert_eq!(peek_call_id(OPTIONS.as_bytes()), Some(&b"one"[..]));
        assert_eq!(peek_call_id(b"OPTIONS sip:a@b SIP/2.0\r\nI : x@y \r\n\r\n"), Some(&b"x@y"[..]));
        assert_eq!(peek_call_id(b"OPTIONS sip:a@b SIP/2.0\r\n\r\nCall-ID: body\r\n"), None);
        assert_eq!(peek_call_id(format!("\r\n\r\n{OPTIONS}").as_bytes()), Some(&b"one"[..]));
    }
}
