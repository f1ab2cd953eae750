//! The times of set-up, seen on the wire and named as RFC 6076 names them.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sip::{Method, Response, peek_call_id};

use super::histogram::Histogram;

/// Transactions in progress, by Call-ID, and measured times, in microseconds.
#[derive(Debug, Default)]
pub(super) struct Wire {
    invites: BTreeMap<String, Invite>,
    byes: BTreeMap<String, Instant>,
    registers: BTreeMap<String, Instant>,
    registered: bool,
    /// Registration Request Delay: first REGISTER to 200, the challenge included.
    pub(super) rrd: Histogram,
    /// Session Request Delay of sessions that were answered: INVITE to the first answer that tells the user
    /// something (180, 183 or 200).
    pub(super) srd: Histogram,
    /// INVITE to 200.
    pub(super) answered: Histogram,
    /// Session Disconnect Delay: BYE to 200.
    pub(super) sdd: Histogram,
    /// Requests that were sent again because no answer came in time.
    pub(super) repeated: u64,
}

#[derive(Debug)]
struct Invite {
    sent: Instant,
    told: Option<Duration>,
}

impl Wire {
    /// A datagram leaves.
    pub(super) fn sent(&mut self, now: Instant, bytes: &[u8]) {
        let invite = bytes.starts_with(b"INVITE ");
        if !invite && !bytes.starts_with(b"BYE ") && !bytes.starts_with(b"REGISTER ") {
            return;
        }
        let Some(call_id) = peek_call_id(bytes).and_then(|id| std::str::from_utf8(id).ok()) else { return };
        let call_id = call_id.to_owned();
        if invite {
            match self.invites.get(&call_id) {
                Some(_) => self.repeated += 1,
                None => drop(self.invites.insert(call_id, Invite { sent: now, told: None })),
            }
            return;
        }
        let under_way = if bytes.starts_with(b"BYE ") { &mut self.byes } else { &mut self.registers };
        match under_way.get(&call_id) {
            // A REGISTER that answers a challenge belongs to the first.
            Some(_) => self.repeated += u64::from(bytes.starts_with(b"BYE ")),
            None => drop(under_way.insert(call_id, now)),
        }
    }

    /// A response arrived.
    pub(super) fn received(&mut self, now: Instant, response: &Response) {
        let (Ok(call_id), Ok(cseq)) = (response.call_id(), response.cseq()) else { return };
        let status = response.status;
        match cseq.method {
            Method::Invite => self.invite_answered(now, &call_id, response),
            Method::Bye if !status.is_provisional() => {
                measure(&mut self.sdd, self.byes.remove(&call_id), now, status.is_success());
            }
            Method::Register if !status.is_provisional() && !matches!(status.code(), 401 | 407) => {
                measure(
                    &mut self.rrd,
                    self.registers.remove(&call_id),
                    now,
                    status.is_success() && !self.registered,
                );
            }
            _ => {}
        }
    }

    /// From now on REGISTERs take registrations back, and are not measured.
    pub(super) fn stop_measuring_registers(&mut self) {
        self.registered = true;
    }

    fn invite_answered(&mut self, now: Instant, call_id: &str, response: &Response) {
        let Some(invite) = self.invites.get_mut(call_id) else { return };
        let (code, since) = (response.status.code(), now.saturating_duration_since(invite.sent));
        if code > 100 && response.status.is_provisional() {
            invite.told.get_or_insert(since);
        }
        if response.status.is_provisional() {
            return;
        }
        if response.status.is_success() {
            self.srd.count(micros(invite.told.unwrap_or(since)));
            self.answered.count(micros(since));
        }
        self.invites.remove(call_id);
    }
}

fn measure(histogram: &mut Histogram, since: Option<Instant>, now: Instant, counts: bool) {
    if let Some(since) = since.filter(|_| counts) {
        histogram.count(micros(now.saturating_duration_since(since)));
    }
}

fn micros(duration: Duration) -> u64 {
    u64::try_from(duration.as_micros()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::{Message, parse_datagram};

    fn request(method: &str) -> Vec<u8> {
        format!("{method} sip:8000@127.0.0.1 SIP/2.0\r\nCall-ID: c1\r\n\r\n").into_bytes()
    }

    fn response(status: &str, method: &str) -> Response {
        let text = format!(
            "SIP/2.0 {status}\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bK1\r\nCall-ID: c1\r\nCSeq: 1 {method}\r\n\
             From: <sip:a@b>;tag=1\r\nTo: <sip:c@d>;tag=2\r\nContent-Length: 0\r\n\r\n"
        );
        match parse_datagram(text.as_bytes()) {
            Ok(Message::Response(response)) => response,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_call_is_measured_from_its_first_request() {
        let (mut wire, began) = (Wire::default(), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        wire.sent(at(0), &request("INVITE"));
        wire.sent(at(500), &request("INVITE"));
        wire.received(at(501), &response("100 Trying", "INVITE"));
        wire.received(at(600), &response("180 Ringing", "INVITE"));
        wire.received(at(2_000), &response("200 OK", "INVITE"));
        wire.received(at(2_500), &response("200 OK", "INVITE"));
        wire.sent(at(3_000), &request("BYE"));
        wire.received(at(3_004), &response("200 OK", "BYE"));
        let longest = |histogram: &Histogram| histogram.quantile(1.0);
        assert_eq!(longest(&wire.srd), Some(600_000));
        assert_eq!((longest(&wire.answered), wire.answered.percentiles().count), (Some(2_000_000), 1));
        assert_eq!((longest(&wire.sdd), wire.repeated), (Some(4_000), 1));
    }

    #[test]
    fn a_challenge_is_part_of_registering_and_a_refusal_is_not_measured() {
        let (mut wire, began) = (Wire::default(), Instant::now());
        let at = |ms| began + Duration::from_millis(ms);
        wire.sent(at(0), &request("REGISTER"));
        wire.received(at(5), &response("401 Unauthorized", "REGISTER"));
        wire.sent(at(6), &request("REGISTER"));
        wire.received(at(9), &response("200 OK", "REGISTER"));
        assert_eq!(wire.rrd.quantile(1.0), Some(9_000));
        wire.sent(at(10), &request("INVITE"));
        wire.received(at(11), &response("503 Service Unavailable", "INVITE"));
        assert_eq!((wire.srd.quantile(1.0), wire.repeated), (None, 0));
    }
}
