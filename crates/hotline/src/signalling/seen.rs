//! What operators see of a shard's messages: figures, the trace, and a refusal each time we answer no.
//!
//! Whatever refuses (the center, a trunk's terms, the registrar, the endpoint's own checks), it leaves as a response:
//! here is the one place that every response passes. Who knows a better reason than the status notes it before.

use std::collections::{BTreeMap, VecDeque};
use std::net::SocketAddr;

use model::{Cause, LegId, Number, Personal};
use sip::{Destination, Flow, Message, Method, Response};

use super::{Clock, translate};
use crate::observer::{Observer, Refused, SipSide};

/// Reasons that may wait for their response; more than one round of a shard's inputs makes.
const REASONS: usize = 4_096;
/// Refusals that are remembered, so that their repetitions are none.
const REMEMBERED: usize = 512;

pub(super) struct Seen {
    observer: Observer,
    clock: Clock,
    /// By Call-ID.
    reasons: BTreeMap<String, &'static str>,
    /// Call-ID and CSeq of the last refusals.
    last: VecDeque<(String, u32)>,
}

impl Seen {
    pub(super) fn new(observer: Observer, clock: Clock) -> Seen {
        Seen { observer, clock, reasons: BTreeMap::new(), last: VecDeque::new() }
    }

    /// The next refusal with this Call-ID is for this reason.
    pub(super) fn because(&mut self, call_id: &str, reason: &'static str) {
        if self.reasons.len() >= REASONS {
            self.reasons.clear();
        }
        self.reasons.insert(call_id.to_owned(), reason);
    }

    /// A leg has a dialog, or an attempt at one, with this Call-ID.
    pub(super) fn leg(&self, leg: LegId, call_id: &str) {
        self.observer.trace().leg(leg, call_id);
    }

    pub(super) fn received(&mut self, flow: Flow, bytes: &[u8]) {
        self.observer.sip(SipSide::Received, bytes);
        let at = self.clock.time();
        self.observer.trace().message(
            at,
            SipSide::Received,
            flow.transport,
            (flow.local, flow.source),
            bytes,
        );
    }

    pub(super) fn sent(&mut self, destination: Destination, bytes: &[u8]) {
        let peer = destination.address;
        self.observer.sip(SipSide::Sent, bytes);
        let at = self.clock.time();
        self.observer.trace().message(
            at,
            SipSide::Sent,
            destination.transport,
            (destination.local, peer),
            bytes,
        );
        if is_no(bytes)
            && let Ok(Message::Response(response)) = sip::parse_datagram(bytes)
        {
            self.refused(peer, &response);
        }
    }

    fn refused(&mut self, peer: SocketAddr, response: &Response) {
        let Ok(cseq) = response.cseq() else { return };
        if !matches!(cseq.method, Method::Invite | Method::Register) {
            return;
        }
        let call_id = response.call_id().unwrap_or_default();
        let key = (call_id, cseq.number);
        if self.last.contains(&key) {
            return;
        }
        let reason = self.reasons.remove(&key.0).unwrap_or_else(|| reason_of(response.status.code()));
        self.observer.refused(Refused {
            reason,
            source: peer,
            sip_call_id: translate::harmless(&key.0),
            number: response.to().ok().and_then(|to| to.uri.user()?.parse().ok()),
            caller: response
                .from()
                .ok()
                .and_then(|from| from.uri.user()?.parse::<Number>().ok())
                .map(Personal::new),
            status: response.status.code(),
        });
        if self.last.len() >= REMEMBERED {
            self.last.pop_front();
        }
        self.last.push_back(key);
    }
}

/// True for a final response that refuses. A challenge asks for more; 481, 487 and 491 answer what is over or crosses.
fn is_no(bytes: &[u8]) -> bool {
    let Some(status) = bytes.strip_prefix(b"SIP/2.0 ").and_then(|rest| rest.get(..3)) else { return false };
    matches!(status.first(), Some(b'4'..=b'6'))
        && !matches!(status, b"401" | b"407" | b"481" | b"487" | b"491")
}

/// What is said where nobody knows better.
fn reason_of(status: u16) -> &'static str {
    match status {
        400 => "malformed",
        403 => "not_this_user",
        404 => "unknown_number",
        415 => "unsupported_media_type",
        416 => "unsupported_uri",
        420 => "unsupported_extension",
        422 => "session_interval_too_small",
        423 => "interval_too_brief",
        482 => "loop",
        483 => "too_many_hops",
        488 => "no_common_codec",
        500 => "failed",
        503 => "signalling_overloaded",
        504 => "not_acknowledged",
        513 => "message_too_large",
        _ => "other",
    }
}

/// The name of a cause, as the API has it.
pub(super) fn reason_of_cause(cause: Cause) -> &'static str {
    match cause {
        Cause::HungUp => "hung_up",
        Cause::Transferred => "transferred",
        Cause::Cancelled => "cancelled",
        Cause::FlowFinished => "flow_finished",
        Cause::FlowFailed => "flow_failed",
        Cause::UnknownNumber => "unknown_number",
        Cause::NoCommonCodec => "no_common_codec",
        Cause::Overloaded => "overloaded",
        Cause::CallsFull => "calls_full",
        Cause::RtpPortsFull => "rtp_ports_full",
        Cause::OpenFilesFull => "open_files_full",
        Cause::TrunkFull => "trunk_full",
        Cause::SourceFull => "source_full",
        Cause::WaitedOut => "waited_out",
        Cause::Busy => "busy",
        Cause::Declined => "declined",
        Cause::NoAnswer => "no_answer",
        Cause::Unreachable => "unreachable",
        Cause::NotAllowed => "not_allowed",
        Cause::NotNow => "not_now",
        Cause::ShuttingDown => "shutting_down",
        Cause::MediaTimeout => "media_timeout",
        Cause::SignallingTimeout => "signalling_timeout",
        Cause::Crashed => "crashed",
        Cause::Failed => "failed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_challenge_or_a_crossing_is_no_refusal() {
        for (status, refuses) in
            [("200", false), ("401", false), ("487", false), ("404", true), ("503", true), ("603", true)]
        {
            assert_eq!(is_no(format!("SIP/2.0 {status} X\r\n").as_bytes()), refuses, "{status}");
        }
        assert!(!is_no(b"INVITE sip:a@b SIP/2.0\r\n"));
    }
}
