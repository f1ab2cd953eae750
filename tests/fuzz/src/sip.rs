//! SIP and SDP: what is read can be printed and read again, and means the same.

use std::borrow::Cow;

use ::sip::{
    Address, CSeq, Codec, Direction, Encryption, Frame, Framer, Headers, LocalAudio, MAX_HEADERS,
    MAX_MESSAGE, Message, OfferedAudio, Random, Sdp, Security, Uri, Via, answer, parse_datagram,
    peek_call_id,
};

/// A datagram: printing what was read and reading that again changes nothing, in a datagram or a stream.
pub fn datagram(bytes: &[u8]) {
    let Ok(message) = parse_datagram(bytes) else { return };
    read_all_headers(&message);
    // A folded Call-ID is one that a dispatcher need not find.
    if !bytes.windows(2).any(|pair| matches!(pair, b"\n " | b"\n\t")) {
        assert_eq!(peek_call_id(bytes), call_id(&message), "before and after parsing");
    }
    let printed = message.print();
    // Printing adds a Content-Length, which may be one header or a few bytes too many.
    if printed.len() > MAX_MESSAGE || message.headers().len() == MAX_HEADERS {
        return;
    }
    let again = parse_datagram(&printed).expect("what we print can be read");
    assert_eq!(content(&again), content(&message));
    assert_eq!(again.print(), printed);
    assert_eq!(peek_call_id(&printed), call_id(&message));
    let mut framer = Framer::new();
    framer.push(&printed);
    assert_eq!(framer.poll_frame(), Some(Frame::Message(again)));
    assert!(!framer.is_mid_message(), "the message ends where its print ends");
}

fn call_id(message: &Message) -> Option<&[u8]> {
    message.headers().all("Call-ID").next().filter(|value| !value.is_empty())
}

/// All that printing keeps: everything but the length, which is counted anew, and line ends in a reason.
fn content(message: &Message) -> (String, Headers, &[u8]) {
    let mut headers = message.headers().clone();
    headers.remove("Content-Length");
    match message {
        Message::Request(request) => (format!("{} {}", request.method, request.uri), headers, &request.body),
        Message::Response(response) => {
            let reason: String = response.reason.escape_ascii().to_string().replace("\\r", "");
            (format!("{} {reason}", response.status), headers, &response.body)
        }
    }
}

/// Every typed look at a message; none may panic.
fn read_all_headers(message: &Message) {
    macro_rules! read {
        ($message:expr) => {{
            let message = $message;
            let _ = (message.via(), message.from(), message.to(), message.call_id(), message.cseq());
            let _ = message.content_type();
            for name in ["Contact", "Route", "Record-Route"] {
                let _ = message.addresses(name);
            }
        }};
    }
    match message {
        Message::Request(request) => {
            let _ = request.target().map(|uri| uri.user());
            read!(request);
        }
        Message::Response(response) => read!(response),
    }
}

/// A stream: the same messages come out however it is cut, and the first is what a datagram would give.
pub fn stream(bytes: &[u8]) {
    let Some((seed, stream)) = bytes.split_first() else { return };
    let whole = frames([stream]);
    assert_eq!(frames(Cuts { stream, seed: u32::from(*seed) }), whole, "cut and whole");
    if let (Some(Found::Message(first)), true) = (whole.0.first(), stream.len() <= MAX_MESSAGE) {
        assert_eq!(parse_datagram(stream).as_ref(), Ok(first), "as a datagram");
    }
}

/// A frame, of which only the fault is compared when the stream broke: how much of the request was there
/// depends on the cut.
#[derive(Debug, PartialEq)]
enum Found {
    Message(Message),
    Ping,
    Broken(::sip::Fault),
}

/// All frames, and whether the stream ends within one.
fn frames<'a>(pieces: impl IntoIterator<Item = &'a [u8]>) -> (Vec<Found>, bool) {
    let mut framer = Framer::new();
    let mut found = Vec::new();
    for piece in pieces {
        framer.push(piece);
        found.extend(std::iter::from_fn(|| framer.poll_frame()).map(|frame| match frame {
            Frame::Message(message) => Found::Message(message),
            Frame::Ping => Found::Ping,
            Frame::Broken(malformed) => Found::Broken(malformed.fault),
        }));
    }
    (found, framer.is_mid_message())
}

/// Pieces of a stream: of one byte with seed 0, else of 1 to 64 bytes.
struct Cuts<'a> {
    stream: &'a [u8],
    seed: u32,
}

impl<'a> Iterator for Cuts<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        if self.stream.is_empty() {
            return None;
        }
        self.seed = self.seed.wrapping_mul(1_664_525);
        let length = (self.seed >> 16) as usize % 64 + 1;
        let (piece, rest) = self.stream.split_at(length.min(self.stream.len()));
        self.stream = rest;
        Some(piece)
    }
}

/// Typed headers: addresses, Via, CSeq and URIs print as what they mean.
pub fn headers(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    uri(&text);
    address(&text);
    if let Ok(via) = Via::parse(&text) {
        let again = Via::parse(&via.to_string()).expect("a printed Via can be read");
        assert_eq!(printable_params(&again.params), printable_params(&via.params));
        assert_eq!((again.transport, again.host, again.port), (via.transport, via.host, via.port));
    }
    if let Some(cseq) = CSeq::parse(&text) {
        assert!(cseq.number < 1 << 31);
        assert_eq!(CSeq::parse(&cseq.to_string()), Some(cseq));
    }
    crate::registrar::register(&text);
}

fn uri(text: &str) {
    let Ok(uri) = Uri::parse(text) else { return };
    let _ = uri.user();
    let again = Uri::parse(&uri.to_string()).expect("a printed URI can be read");
    assert_eq!(again, uri);
    if let Some(sip) = uri.as_sip() {
        assert!(sip.same_as(sip), "a URI equals itself");
    }
}

fn address(text: &str) {
    let Some(address) = Address::parse(text) else { return };
    let again = Address::parse(&address.to_string()).expect("a printed address can be read");
    assert_eq!(again.display, printable(&address.display));
    assert_eq!(again.uri, address.uri);
    assert_eq!(printable_params(&again.params), printable_params(&address.params));
}

/// Quoting leaves control characters out.
fn printable(text: &str) -> Cow<'_, str> {
    text.chars().filter(|character| !character.is_control()).collect::<String>().into()
}

fn printable_params(params: &::sip::Params) -> Vec<(String, Option<String>)> {
    params.iter().map(|(name, value)| (name.to_owned(), value.map(|v| printable(v).into_owned()))).collect()
}

const CODECS: [Codec; 2] = [Codec::Pcma, Codec::Pcmu];

/// A description prints as it was read; an offer that is accepted gets an answer that agrees with it.
pub fn sdp(bytes: &[u8]) {
    let Ok(sdp) = Sdp::parse(bytes) else { return };
    assert_eq!(Sdp::parse(sdp.to_string().as_bytes()).as_ref(), Ok(&sdp));
    let found = |encryption| OfferedAudio::find(&sdp, &CODECS, encryption);
    assert!(found(Encryption::Required).is_err() || found(Encryption::Optional).is_ok());
    let plain = found(Encryption::Required).is_err() && found(Encryption::Optional).is_ok();
    assert!(!plain || found(Encryption::Off) == found(Encryption::Optional), "without keys it is plain");
    for encryption in [Encryption::Off, Encryption::Optional, Encryption::Required] {
        if let Ok(offered) = found(encryption) {
            answered_all_ways(&sdp, &offered, encryption);
        }
    }
}

fn answered_all_ways(sdp: &Sdp, offered: &OfferedAudio, encryption: Encryption) {
    for codec in &offered.codecs {
        for direction in
            [Direction::SendReceive, Direction::SendOnly, Direction::ReceiveOnly, Direction::Inactive]
        {
            answered(sdp, offered, *codec, direction, encryption);
        }
    }
}

/// RFC 3264 section 6: as many streams, one of them taken, in one of its codecs.
fn answered(
    theirs: &Sdp,
    offered: &OfferedAudio,
    codec: Codec,
    direction: Direction,
    encryption: Encryption,
) {
    let rtp = "192.0.2.1:20000".parse().expect("an address");
    let (mut offered, mut security) = (offered.clone(), Security::answering(encryption));
    security.answer(&mut offered, None, &mut Random::new([1; 32]));
    let local = LocalAudio { rtp, codecs: CODECS.to_vec(), direction, security, session_id: 7, version: 1 };
    let ours = answer(theirs, &offered, &local, codec);
    assert_eq!(Sdp::parse(ours.to_string().as_bytes()).as_ref(), Ok(&ours), "our answer can be read");
    assert_eq!(ours.media.len(), theirs.media.len());
    let taken: Vec<_> = ours.media.iter().filter(|media| media.port != 0).collect();
    let [taken] = taken[..] else { panic!("{} streams taken", taken.len()) };
    let mut formats = taken.formats.clone();
    formats.sort();
    formats.dedup();
    assert_eq!(formats.len(), taken.formats.len(), "each payload type once: {:?}", taken.formats);
    let found = OfferedAudio::find(&ours, &CODECS, local.security.encryption()).expect("our stream");
    assert_eq!(found.crypto.len(), usize::from(offered.keys.is_some()), "one key or none");
    assert!(encryption != Encryption::Required || offered.keys.is_some(), "no downgrade");
    let tags =
        |audio: &OfferedAudio| audio.crypto.iter().map(|line| (line.tag, line.suite)).collect::<Vec<_>>();
    assert_eq!(tags(&found), tags(&offered), "tag and suite of the offer");
    assert_eq!((found.rtp, found.codecs.as_slice()), (rtp, &[codec][..]));
    assert_eq!(found.telephone_event, offered.telephone_event);
    assert!(!found.direction.sends() || offered.direction.receives() && direction.sends());
    assert!(!found.direction.receives() || offered.direction.sends() && direction.receives());
}
