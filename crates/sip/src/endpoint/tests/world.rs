//! An endpoint on a virtual clock, and what its peer says by hand.

use std::time::Duration;

use super::*;
use crate::{LocalAudio, Response, Security};

pub(super) const A: &str = "192.0.2.1:5060";
pub(super) const C: &str = "[2001:db8::1]:5060";
pub(super) const B: &str = "192.0.2.2:5060";
pub(super) const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.2\r\ns=-\r\nc=IN IP4 192.0.2.2\r\nt=0 0\r\n\
                   m=audio 4000 RTP/AVP 0 8 101\r\n\
                   a=rtpmap:101 telephone-event/8000\r\n";

/// From there, by another address of ours.
pub(super) fn at(source: &str, local: &str) -> Flow {
    Flow { transport: Transport::Udp, source: source.parse().unwrap(), local: local.parse().unwrap() }
}

pub(super) fn flow(source: &str) -> Flow {
    at(source, A)
}

/// An endpoint at A whose peer at B is the test itself.
pub(super) struct World {
    pub(super) endpoint: Endpoint,
    pub(super) now: Moment,
    pub(super) sent: Vec<Message>,
    /// Where each went.
    pub(super) sent_to: Vec<String>,
    pub(super) events: Vec<Event>,
}

impl World {
    pub(super) fn new() -> World {
        World::limited(100, 1_000)
    }

    pub(super) fn limited(max_sessions: usize, max_transactions: usize) -> World {
        let settings = EndpointSettings {
            local: vec![A.parse().unwrap(), C.parse().unwrap()],
            user_agent: "test".to_owned(),
            max_sessions,
            max_transactions,
        };
        let endpoint = Endpoint::new(settings, Random::new([3; 32]));
        World { endpoint, now: Moment::from_ms(0), sent: Vec::new(), sent_to: Vec::new(), events: Vec::new() }
    }

    pub(super) fn drain(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { bytes, destination } => {
                    self.sent_to.push(destination.address.to_string());
                    self.sent.push(parse_datagram(&bytes).unwrap());
                }
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    pub(super) fn receive(&mut self, text: &str) {
        self.endpoint.handle_datagram(self.now, flow(B), text.as_bytes());
        self.drain();
    }

    /// Lets timers fire up to `ms` from now, one by one.
    pub(super) fn pass(&mut self, ms: u64) {
        let end = self.now + Duration::from_millis(ms);
        while let Some(at) = self.endpoint.poll_timeout().filter(|at| *at <= end) {
            self.now = at.max(self.now);
            self.endpoint.handle_timeout(self.now);
            self.drain();
        }
        self.now = end;
    }

    pub(super) fn statuses(&mut self) -> Vec<u16> {
        let status = |message: Message| match message {
            Message::Response(response) => Some(response.status.code()),
            Message::Request(_) => None,
        };
        self.sent.drain(..).filter_map(status).collect()
    }

    pub(super) fn methods(&mut self) -> Vec<String> {
        let method = |message: Message| match message {
            Message::Request(request) => Some(request.method.to_string()),
            Message::Response(_) => None,
        };
        self.sent.drain(..).filter_map(method).collect()
    }

    pub(super) fn last_response(&self) -> &Response {
        match self.sent.last() {
            Some(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    pub(super) fn last_body(&self) -> String {
        String::from_utf8(self.last_response().body.clone()).unwrap()
    }

    /// The tag that our last response gave us.
    pub(super) fn our_tag(&self) -> String {
        self.last_response().to().unwrap().tag().unwrap().to_owned()
    }

    pub(super) fn last_request(&self) -> Request {
        match self.sent.last() {
            Some(Message::Request(request)) => request.clone(),
            other => panic!("{other:?}"),
        }
    }

    /// Short names of the events so far.
    pub(super) fn heard(&mut self) -> Vec<String> {
        let name = |event: Event| match event {
            Event::Invited { .. } => "invited".to_owned(),
            Event::Ringing { .. } => "ringing".to_owned(),
            Event::Early { .. } => "early".to_owned(),
            Event::Reason { cause, .. } => format!("reason {cause}"),
            Event::Answered { response, .. } => {
                format!("answered {:?}", response.map(|response| response.status.code()))
            }
            Event::Redirected { targets, .. } => {
                let targets: Vec<String> = targets.iter().map(ToString::to_string).collect();
                format!("redirected {}", targets.join(" "))
            }
            Event::Connected { .. } => "connected".to_owned(),
            Event::Changed { remote, .. } => format!("changed {:?}", remote.direction),
            Event::Referred { to, replaces, .. } => {
                let call = replaces.map(|replaces| format!(" for {}", replaces.call_id)).unwrap_or_default();
                format!("referred to {}{call}", to.user().unwrap_or_default())
            }
            Event::Referral { status, is_last, .. } => {
                let status = status.map_or("nothing".to_owned(), |status| status.to_string());
                format!("referral {status}{}", if is_last { ", over" } else { "" })
            }
            Event::Digit { key, .. } => format!("digit {key}"),
            Event::Ended { why, .. } => format!("ended {why:?}"),
            Event::Pinged { reachable, .. } => format!("pinged {reachable}"),
            Event::Register { .. } => "register".to_owned(),
        };
        self.events.drain(..).map(name).collect()
    }

    pub(super) fn invited(&mut self) -> SessionId {
        let found = self.events.iter().find_map(|event| match event {
            Event::Invited { session, .. } => Some(*session),
            _ => None,
        });
        self.events.clear();
        found.unwrap()
    }

    /// A call from B came, and we ring; our tag.
    pub(super) fn rings(&mut self) -> String {
        self.receive(&invite("i1", SDP, ""));
        let session = self.invited();
        self.endpoint.ring(self.now, session);
        self.drain();
        let tag = self.our_tag();
        self.sent.clear();
        tag
    }

    /// Answers a call from B; our tag.
    pub(super) fn accept(&mut self, session: SessionId) -> String {
        self.endpoint.accept(self.now, session, "192.0.2.1:20000".parse().unwrap(), Codec::Pcmu);
        self.drain();
        self.our_tag()
    }

    pub(super) fn hang_up(&mut self, session: SessionId) {
        self.endpoint.hang_up(self.now, session, None);
        self.drain();
    }

    /// Our own re-INVITE.
    pub(super) fn reoffer(&mut self, session: SessionId, direction: Direction) -> Request {
        assert!(self.endpoint.reoffer(self.now, session, direction));
        self.drain();
        self.last_request()
    }

    /// A re-INVITE of B with its ACK; the description that it was answered with.
    pub(super) fn reinvite(&mut self, number: u32, tag: &str, body: &str) -> String {
        self.receive(&inside("INVITE", number, tag, &format!("r{number}"), "", body));
        let answer = self.last_body();
        self.receive(&inside("ACK", number, tag, &format!("k{number}"), "", ""));
        answer
    }

    /// A call from B, answered and acknowledged.
    pub(super) fn answered(&mut self) -> (SessionId, String) {
        self.receive(&invite("i1", SDP, ""));
        let session = self.invited();
        let tag = self.accept(session);
        self.receive(&inside("ACK", 1, &tag, "a1", "", ""));
        assert_eq!(self.heard(), ["connected"]);
        self.sent.clear();
        (session, tag)
    }

    /// A call to B, with what was sent.
    pub(super) fn dialled(&mut self) -> (SessionId, Request) {
        let session = self.endpoint.dial(self.now, dial());
        self.drain();
        let request = self.last_request();
        self.sent.clear();
        (session, request)
    }
}

pub(super) fn dial() -> Dial {
    Dial {
        call_id: "out".to_owned(),
        uri: "sip:1001@192.0.2.2:5060".to_owned(),
        destination: flow(B).into(),
        caller: "8000".to_owned(),
        display: "inquiry 0:12".to_owned(),
        audio: LocalAudio {
            rtp: "192.0.2.1:20000".parse().unwrap(),
            codecs: vec![Codec::Pcma, Codec::Pcmu],
            direction: Direction::SendReceive,
            security: Security::default(),
            session_id: 9,
            version: 1,
        },
        credentials: None,
        reliable: false,
        progress: None,
        domain: None,
        headers: crate::Headers::new(),
    }
}

pub(super) fn invite(branch: &str, body: &str, headers: &str) -> String {
    request("INVITE", 1, "<sip:8000@192.0.2.1>", branch, headers, body)
}

pub(super) fn inside(
    method: &str,
    number: u32,
    tag: &str,
    branch: &str,
    headers: &str,
    body: &str,
) -> String {
    request(method, number, &format!("<sip:8000@192.0.2.1>;tag={tag}"), branch, headers, body)
}

/// The header of a body that the story gave none: a description.
fn kind(headers: &str, body: &str) -> &'static str {
    let needs_none = body.is_empty() || headers.contains("Content-Type");
    if needs_none { "" } else { "Content-Type: application/sdp\r\n" }
}

pub(super) fn request(
    method: &str,
    number: u32,
    to: &str,
    branch: &str,
    headers: &str,
    body: &str,
) -> String {
    let kind = kind(headers, body);
    format!(
        "{method} sip:8000@192.0.2.1 SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK{branch}\r\n\
         From: <sip:caller@192.0.2.2>;tag=theirs\r\nTo: {to}\r\nCall-ID: call\r\nCSeq: {number} {method}\r\n\
         Contact: <sip:caller@192.0.2.2>\r\nMax-Forwards: 70\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

/// B's answer to a request of A.
pub(super) fn respond(request: &Request, code: u16, tag: &str, headers: &str, body: &str) -> String {
    let value = |name| request.headers.text(name).unwrap().into_owned();
    let to = value("To");
    let to = if to.contains("tag=") { to } else { format!("{to};tag={tag}") };
    let kind = kind(headers, body);
    format!(
        "SIP/2.0 {code} X\r\nVia: {}\r\nFrom: {}\r\nTo: {to}\r\nCall-ID: {}\r\nCSeq: {}\r\n\
         Contact: <sip:1001@192.0.2.2>\r\n{headers}{kind}Content-Length: {}\r\n\r\n{body}",
        value("Via"),
        value("From"),
        value("Call-ID"),
        value("CSeq"),
        body.len()
    )
}
