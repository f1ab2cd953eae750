//! The last SIP messages, kept in memory for `hotline sip trace`.
//!
//! Bounded by bytes: the oldest messages are dropped first. A message is cut at [`LONGEST`] bytes. Credentials, media
//! keys, passwords in URIs and DTMF digits are overwritten with `*`, which keeps the length, before a message is kept.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Mutex, PoisonError};

use api::{TraceQuery, TracedMessage};
use model::{ContactId, LegId, Time};
use sip::Transport;

use super::SipSide;

/// Bytes of a message that are kept.
const LONGEST: usize = 8_192;
/// Memory of a kept message beside its text, in bytes.
const OVERHEAD: usize = 160;
/// The most contacts, and the most legs, whose Call-IDs are kept. Beyond it the oldest is dropped.
const KNOWN: usize = 20_000;

/// The messages, and the Call-IDs of legs and contacts.
#[derive(Debug, Default)]
pub(crate) struct Trace {
    most_bytes: usize,
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    bytes: usize,
    messages: VecDeque<Message>,
    calls: BTreeMap<LegId, Vec<String>>,
    legs: BTreeMap<ContactId, Vec<LegId>>,
}

#[derive(Debug)]
struct Message {
    at: Time,
    side: SipSide,
    transport: Transport,
    local: SocketAddr,
    peer: SocketAddr,
    call_id: String,
    cut: bool,
    bytes: Box<[u8]>,
}

impl Message {
    fn cost(&self) -> usize {
        self.bytes.len() + self.call_id.len() + OVERHEAD
    }
}

impl Trace {
    pub(super) fn new(most_bytes: usize) -> Trace {
        Trace { most_bytes, kept: Mutex::default() }
    }

    /// Keeps a message that was received or sent. `ends`: our address and the peer's.
    pub(crate) fn message(
        &self,
        at: Time,
        side: SipSide,
        transport: Transport,
        (local, peer): (SocketAddr, SocketAddr),
        bytes: &[u8],
    ) {
        // Keep-alives are not SIP messages.
        if self.most_bytes == 0 || bytes.iter().all(u8::is_ascii_whitespace) {
            return;
        }
        let call_id = sip::peek_call_id(bytes).unwrap_or_default();
        let call_id = String::from_utf8_lossy(call_id.get(..256).unwrap_or(call_id)).into_owned();
        let mut text = bytes.get(..LONGEST).unwrap_or(bytes).to_vec();
        mask(&mut text);
        let cut = bytes.len() > LONGEST;
        let message = Message { at, side, transport, local, peer, call_id, cut, bytes: text.into() };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.bytes += message.cost();
        kept.messages.push_back(message);
        while kept.bytes > self.most_bytes {
            let Some(oldest) = kept.messages.pop_front() else { break };
            kept.bytes -= oldest.cost();
        }
    }

    /// A leg has a dialog, or an attempt at one, with this Call-ID.
    pub(crate) fn leg(&self, leg: LegId, call_id: &str) {
        if self.most_bytes > 0 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut kept.calls, leg, call_id.to_owned());
        }
    }

    /// A leg belongs to a contact.
    pub(crate) fn contact(&self, contact: ContactId, leg: LegId) {
        if self.most_bytes > 0 {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            add(&mut kept.legs, contact, leg);
        }
    }
}

impl api::Trace for Trace {
    fn select(&self, query: &TraceQuery) -> Vec<TracedMessage> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        if let TraceQuery::Last(count) = query {
            let skipped = kept.messages.len().saturating_sub(*count);
            return kept.messages.iter().skip(skipped).map(traced).collect();
        }
        let calls = kept.calls_of(query);
        let theirs = kept.messages.iter().filter(|message| calls.contains(message.call_id.as_str()));
        theirs.map(traced).collect()
    }
}

impl Kept {
    /// The Call-IDs that a query selects.
    fn calls_of(&self, query: &TraceQuery) -> BTreeSet<&str> {
        match query {
            TraceQuery::Contact(contact) => {
                self.legs.get(contact).map_or_else(BTreeSet::new, |legs| self.calls_of_legs(legs))
            }
            TraceQuery::From(number) => {
                let from = self.messages.iter().filter(|message| is_from(&message.bytes, number.as_str()));
                let mut calls: BTreeSet<&str> = from.map(|message| message.call_id.as_str()).collect();
                // The dialogs with agents for these callers are part of the trace.
                for legs in self.legs.values() {
                    let all = self.calls_of_legs(legs);
                    if !all.is_disjoint(&calls) {
                        calls.extend(all);
                    }
                }
                calls
            }
            TraceQuery::Last(_) => BTreeSet::new(),
        }
    }

    fn calls_of_legs(&self, legs: &[LegId]) -> BTreeSet<&str> {
        legs.iter().filter_map(|leg| self.calls.get(leg)).flatten().map(String::as_str).collect()
    }
}

fn traced(message: &Message) -> TracedMessage {
    TracedMessage {
        at: message.at,
        received: message.side == SipSide::Received,
        transport: match message.transport {
            Transport::Udp => "udp",
            Transport::Tcp => "tcp",
            Transport::Tls => "tls",
            Transport::Ws => "ws",
            Transport::Wss => "wss",
        },
        local: message.local,
        peer: message.peer,
        sip_call_id: message.call_id.clone(),
        cut: message.cut,
        text: String::from_utf8_lossy(&message.bytes).into_owned(),
    }
}

fn add<K: Ord, V: PartialEq>(map: &mut BTreeMap<K, Vec<V>>, key: K, value: V) {
    /// The most Call-IDs kept for one leg: more than the devices of a seat that ring at once.
    const MOST: usize = 64;
    let values = map.entry(key).or_default();
    if values.len() < MOST && !values.contains(&value) {
        values.push(value);
    }
    if map.len() > KNOWN {
        map.pop_first();
    }
}

/// True when the user of the message's From is this number.
fn is_from(message: &[u8], number: &str) -> bool {
    let text = String::from_utf8_lossy(message);
    let named = |line: &&str| {
        line.split_once(':')
            .is_some_and(|(name, _)| ["from", "f"].contains(&name.trim().to_ascii_lowercase().as_str()))
    };
    let Some(line) = text.lines().skip(1).take_while(|line| !line.is_empty()).find(named) else {
        return false;
    };
    let user =
        line.split_once("sip:").or_else(|| line.split_once("sips:")).or_else(|| line.split_once("tel:"));
    user.is_some_and(|(_, rest)| {
        rest.strip_prefix(number).is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
    })
}

/// Overwrites what is secret with `*`.
fn mask(message: &mut [u8]) {
    let mut in_credentials = false;
    let mut dtmf = false;
    let mut in_body = false;
    for line in message.split_mut(|byte| *byte == b'\n') {
        let folded = line.first().is_some_and(|byte| matches!(byte, b' ' | b'\t'));
        in_credentials =
            (in_credentials && folded) || is_named(line, &[b"authorization", b"proxy-authorization"]);
        if in_credentials {
            let from = if folded { 0 } else { after(line, b':') };
            blank(line.get_mut(from..));
        }
        dtmf |= is_named(line, &[b"content-type", b"c"]) && contains(line, b"application/dtmf");
        if in_body && dtmf {
            let from = line.iter().position(|byte| *byte == b'=').map_or(0, |at| at + 1);
            if !is_named_by(line, b"duration", b'=') {
                blank(line.get_mut(from..));
            }
        }
        if line.starts_with(b"a=crypto:") || line.starts_with(b"a=ice-pwd:") || line.starts_with(b"k=") {
            let from = find(line, b"inline:").map_or_else(|| after(line, b':').max(2), |at| at + 7);
            blank(line.get_mut(from..));
        }
        mask_passwords(line);
        in_body |= matches!(&*line, b"" | b"\r");
    }
}

/// `sip:user:password@host`: the password.
fn mask_passwords(line: &mut [u8]) {
    let mut at = 0;
    while let Some(found) =
        line.get(at..).and_then(|rest| find(rest, b"sip:").or_else(|| find(rest, b"sips:")))
    {
        let user = at + found + line.get(at + found..).map_or(0, |rest| after(rest, b':'));
        at = user.max(at + 1);
        let Some(rest) = line.get(user..) else { return };
        let length = rest.iter().position(|byte| b"@<>\" ;\r".contains(byte)).unwrap_or(rest.len());
        if rest.get(length) == Some(&b'@')
            && let Some(colon) =
                rest.get(..length).and_then(|info| info.iter().position(|byte| *byte == b':'))
        {
            blank(line.get_mut(user + colon + 1..user + length));
        }
    }
}

fn blank(bytes: Option<&mut [u8]>) {
    for byte in bytes.into_iter().flatten() {
        if !b"\r \t".contains(byte) {
            *byte = b'*';
        }
    }
}

/// The offset after the first `mark`; 0 if there is none.
fn after(line: &[u8], mark: u8) -> usize {
    line.iter().position(|byte| *byte == mark).map_or(0, |at| at + 1)
}

fn is_named(line: &[u8], names: &[&[u8]]) -> bool {
    names.iter().any(|name| is_named_by(line, name, b':'))
}

fn is_named_by(line: &[u8], name: &[u8], mark: u8) -> bool {
    let Some(end) = line.iter().position(|byte| *byte == mark) else { return false };
    line.get(..end).is_some_and(|found| found.trim_ascii().eq_ignore_ascii_case(name))
}

fn find(line: &[u8], part: &[u8]) -> Option<usize> {
    line.windows(part.len()).position(|window| window.eq_ignore_ascii_case(part))
}

fn contains(line: &[u8], part: &[u8]) -> bool {
    find(line, part).is_some()
}

#[cfg(test)]
mod tests {
    use api::Trace as _;
    use model::Ids;

    use super::*;

    fn masked(text: &str) -> String {
        let mut bytes = text.as_bytes().to_vec();
        mask(&mut bytes);
        assert_eq!(bytes.len(), text.len());
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn no_secret_stays_and_all_else_does() {
        let message = "INVITE sip:8000:geheim@h SIP/2.0\r\nCall-ID: 1@a\r\n\
            From: <sips:1001:geheim@h>;tag=1\r\nauthorization : Digest username=\"1001\",\r\n response=\"geheim\"\r\n\
            Proxy-Authorization: Basic geheim\r\nTo: <sip:8000@h>\r\nContact: <sip:1001@127.0.0.1:5090>\r\n\r\n\
            v=0\r\na=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:geheim|2^20\r\na=ice-pwd:geheim\r\nk=clear:geheim\r\n";
        let shown = masked(message);
        assert!(!shown.contains("geheim"), "{shown}");
        for kept in
            ["Call-ID: 1@a", "<sip:8000@h>", "<sip:1001@127.0.0.1:5090>", "AES_CM_128_HMAC_SHA1_80 inline:"]
        {
            assert!(shown.contains(kept), "{kept} in {shown}");
        }
        for body in [
            "INFO sip:a@b SIP/2.0\r\nContent-Type: application/dtmf-relay\r\n\r\nSignal=7\r\nDuration=160\r\n",
            "INFO sip:a@b SIP/2.0\r\nc: application/dtmf\r\n\r\n7",
        ] {
            assert!(!masked(body).contains('7'), "{}", masked(body));
        }
    }

    fn message(call_id: &str, from: &str) -> Vec<u8> {
        format!("OPTIONS sip:a@b SIP/2.0\r\nFrom: <sip:{from}@h>;tag=1\r\nCall-ID: {call_id}\r\n\r\n")
            .into_bytes()
    }

    fn put(trace: &Trace, call_id: &str, from: &str) {
        let ends = ("127.0.0.1:5060".parse().unwrap(), "127.0.0.1:5090".parse().unwrap());
        trace.message(Time::default(), SipSide::Received, Transport::Udp, ends, &message(call_id, from));
    }

    fn ids(trace: &Trace, query: &TraceQuery) -> Vec<String> {
        trace.select(query).into_iter().map(|message| message.sip_call_id).collect()
    }

    #[test]
    fn a_contact_is_shown_with_all_its_legs_and_nothing_else() {
        let (trace, mut made) = (Trace::new(1 << 20), Ids::new(0));
        let contact = ContactId::new(&mut made, Time::default());
        for (call_id, from) in [("customer", "13800138000"), ("seat", "hotline"), ("other", "138001380001")] {
            let leg = LegId::new(&mut made, Time::default());
            put(&trace, call_id, from);
            trace.leg(leg, call_id);
            if call_id != "other" {
                trace.contact(contact, leg);
            }
        }
        assert_eq!(ids(&trace, &TraceQuery::Contact(contact)), ["customer", "seat"]);
        assert_eq!(ids(&trace, &TraceQuery::From("13800138000".parse().unwrap())), ["customer", "seat"]);
        assert_eq!(ids(&trace, &TraceQuery::Last(1)), ["other"]);
    }

    #[test]
    fn memory_is_bounded_and_the_newest_stay() {
        let trace = Trace::new(64 << 10);
        (0..5_000).for_each(|nth| put(&trace, &nth.to_string(), "a"));
        let kept = ids(&trace, &TraceQuery::Last(usize::MAX));
        assert!((100..1_000).contains(&kept.len()), "{}", kept.len());
        assert_eq!(kept.last().map(String::as_str), Some("4999"));
        put(&Trace::new(0), "x", "a");
    }
}
