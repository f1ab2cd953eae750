//! The other end of an endpoint's calls: it says what its bytes choose, in messages that are mostly right.

use std::collections::BTreeMap;
use std::fmt::Write;

use ::sip::{Flow, Message, Request, Transport};

use crate::bytes::Bytes;

/// The endpoint's own address.
pub(crate) const US: &str = "192.0.2.1:5060";

/// All that peers say comes from one of these.
pub(crate) const PEERS: [&str; 2] = ["192.0.2.2:5060", "192.0.2.3:5070"];

const METHODS: [&str; 11] =
    ["INVITE", "ACK", "BYE", "CANCEL", "OPTIONS", "REGISTER", "INFO", "UPDATE", "PRACK", "REFER", "NOTIFY"];
const STATUSES: [u16; 14] = [100, 180, 183, 200, 202, 302, 401, 407, 408, 422, 481, 486, 491, 503];

/// Header lines beyond those that every message has.
const EXTRAS: [&str; 16] = [
    "",
    "Supported: timer\r\nSession-Expires: 90;refresher=uas\r\n",
    "Supported: timer\r\nSession-Expires: 90;refresher=uac\r\n",
    "Session-Expires: 90\r\n",
    "Session-Expires: 10\r\n",
    "Require: 100rel\r\nRSeq: 1\r\nRAck: 1 1 INVITE\r\n",
    "Record-Route: <sip:192.0.2.2;lr>, <sip:192.0.2.9>\r\n",
    "WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\", algorithm=MD5\r\n",
    "Proxy-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth,auth-int\", opaque=\"o\"\r\n",
    "Max-Forwards: 0\r\n",
    "Refer-To: <sip:2001@192.0.2.1>\r\n",
    "Refer-To: <sip:2001@192.0.2.1?Replaces=out0%3Bto-tag%3Dpeer%3Bfrom-tag%3Dx>\r\nRefer-Sub: false\r\n",
    "Replaces: a;to-tag=peer;from-tag=x;early-only\r\n",
    "Refer-Sub: false\r\n",
    "Event: refer\r\nSubscription-State: active;expires=9\r\n",
    "Event: refer;id=2\r\nSubscription-State: terminated;reason=noresource\r\n",
];

const SOUND: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
                     m=audio 4000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
const HELD: &str = "v=0\r\no=- 1 2 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 0.0.0.0\r\nt=0 0\r\n\
                    m=audio 4000 RTP/AVP 0\r\na=sendonly\r\n";
const SILENT: &str = "v=0\r\no=- 1 3 IN IP4 192.0.2.2\r\ns=-\r\nt=0 0\r\nm=audio 4000 RTP/AVP 18\r\n";

/// Bodies with their types.
const BODIES: [(&str, &str); 7] = [
    ("", ""),
    ("application/sdp", SOUND),
    ("application/sdp", HELD),
    ("application/sdp", SILENT),
    ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n"),
    ("text/plain", "v=0"),
    ("message/sipfrag;version=2.0", "SIP/2.0 180 Ringing\r\n"),
];

/// What a peer knows of its calls.
#[derive(Default)]
pub(crate) struct Peer {
    /// The endpoint's tag by Call-ID.
    tags: BTreeMap<String, String>,
    /// The requests that the endpoint sent.
    asked: Vec<Request>,
}

impl Peer {
    /// Learns from what the endpoint sent.
    pub(crate) fn hear(&mut self, message: Message) {
        let (call_id, tagged) = match &message {
            Message::Request(request) => (request.call_id(), request.from()),
            Message::Response(response) => (response.call_id(), response.to()),
        };
        let tag = tagged.ok().and_then(|address| address.tag().map(str::to_owned));
        if let (Ok(call_id), Some(tag)) = (call_id, tag) {
            self.tags.insert(call_id, tag);
        }
        if let Message::Request(request) = message {
            self.asked.push(request);
        }
    }

    /// A request within or outside a call. The calls `out…` are those that the endpoint began.
    pub(crate) fn request(&self, bytes: &mut Bytes<'_>) -> Option<(Flow, Vec<u8>)> {
        let method = bytes.choose(&METHODS)?;
        let call = bytes.choose(&["a", "b", "c", "out0", "out1"])?;
        let number = bytes.byte()?;
        let to_tag = match bytes.byte()? % 4 {
            0 | 1 => self.tags.get(call).map(|tag| format!(";tag={tag}")).unwrap_or_default(),
            2 => String::new(),
            _ => ";tag=unknown".to_owned(),
        };
        let flow = flow(bytes.byte()?);
        let source = flow.source;
        let transport = flow.transport.name();
        let mut text = format!(
            "{method} sip:8000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/{transport} {source};branch=z9hG4bK{call}{number};rport\r\n\
             From: <sip:1@{source}>;tag=peer\r\nTo: <sip:8000@192.0.2.1>{to_tag}\r\nCall-ID: {call}\r\n\
             CSeq: {number} {method}\r\nContact: <sip:1@{source}>\r\n"
        );
        finish(&mut text, bytes)?;
        Some((flow, text.into_bytes()))
    }

    /// A response to something that the endpoint asked.
    pub(crate) fn response(&self, bytes: &mut Bytes<'_>) -> Option<(Flow, Vec<u8>)> {
        let back = usize::from(bytes.byte()?);
        let asked = self.asked.iter().rev().nth(back % self.asked.len().max(1))?;
        let status = bytes.choose(&STATUSES)?;
        let tag = bytes.choose(&["", ";tag=peer", ";tag=fork", ";tag=other"])?;
        let flow = flow(bytes.byte()?);
        let mut text = format!("SIP/2.0 {status} So\r\n");
        for name in ["Via", "From", "To", "Call-ID", "CSeq"] {
            for value in asked.headers.all(name) {
                let has_tag = value.windows(5).any(|letters| letters == b";tag=");
                let tag = if name == "To" && !has_tag { tag } else { "" };
                // Writing to a String cannot fail.
                let _ = write!(text, "{name}: {}{tag}\r\n", String::from_utf8_lossy(value));
            }
        }
        let _ = write!(text, "Contact: <sip:1@{}>\r\n", flow.source);
        finish(&mut text, bytes)?;
        Some((flow, text.into_bytes()))
    }
}

/// The rest of a message: more headers, and a body.
fn finish(text: &mut String, bytes: &mut Bytes<'_>) -> Option<()> {
    let (kind, body) = bytes.choose(&BODIES)?;
    text.push_str(bytes.choose(&EXTRAS)?);
    if !kind.is_empty() {
        let _ = write!(text, "Content-Type: {kind}\r\n");
    }
    let _ = write!(text, "Content-Length: {}\r\n\r\n{body}", body.len());
    Some(())
}

/// Bit 0 says which peer, bit 1 how.
pub(crate) fn flow(choice: u8) -> Flow {
    let transport = if choice & 2 == 0 { Transport::Udp } else { Transport::Tcp };
    let source = PEERS[usize::from(choice & 1)].parse().expect("an address");
    Flow { transport, source, local: US.parse().expect("an address") }
}
