//! Calls to numbers outside: through one gateway after the other until one takes the call.
//!
//! ```text
//!              ┌──────── unreachable, silent, 408 or 5xx before it rings ────────┐
//!              ▼                                                                 │
//! Dial ──► next way out ── INVITE ──► (180: Ringing) (183 with audio: Early) ──►─┤
//!              │ none left                                                       ├─ 2xx ──► Up
//!              ▼                                                                 │
//!           Refused ◄────────────── any other answer; none is followed ──────────┘
//! ```
//!
//! The ways out are those of all the trunks that the dial plan names, gateways that do well first ([`Carriers`]).
//! [`Shard::finish`] is the one end of these legs too.

use std::collections::VecDeque;
use std::net::SocketAddr;

use model::{Codec, LegId, LegReport, Number, Personal, Refusal};
use sip::{Destination, Direction, Ending, Headers, LocalAudio, OfferedAudio, Security, SessionId, Status};

use super::carriers::{GatewayKey, Line, Route};
use super::identity::rewritten;
use super::legs::{Leg, Stage};
use super::locating::Hop;
use super::shard::Shard;
use super::{Identity, Outgoing, SignallingInput, Terms, translate};

/// The most ways out that are tried for one call.
const MOST_WAYS: usize = 8;
/// The user part that shows nobody (RFC 3261 section 8.1.1.3, RFC 3323 section 4.1).
const NOBODY: &str = "anonymous";

/// Whom to call outside, and how.
pub(super) struct Wanted {
    pub(super) number: Personal<Number>,
    /// Names, the preferred first.
    pub(super) trunks: Vec<String>,
    pub(super) rtp: SocketAddr,
    pub(super) codecs: Vec<Codec>,
    /// The number to show; the trunk's own without one.
    pub(super) caller: Option<Personal<Number>>,
}

/// A call that is on its way out.
pub(super) struct Outward {
    wanted: Wanted,
    left: VecDeque<Route>,
    /// Where the INVITE is now.
    at: Option<(SessionId, Route)>,
    /// The callee's side has said something: no other way is tried any more.
    is_heard: bool,
    /// The cause of Q.850 that the refusal names which is about to end the attempt.
    cause: Option<u8>,
    refusal: Refusal,
}

impl Outward {
    pub(super) fn session(&self) -> Option<SessionId> {
        self.at.as_ref().map(|(session, _)| *session)
    }
}

impl<T: From<SignallingInput> + Send + 'static> Shard<T> {
    /// Calls somebody outside.
    pub(super) fn dial_outside(&mut self, leg: LegId, mut wanted: Wanted) {
        // A second Dial for a leg is an order to a leg that is not in that state: nothing.
        if self.legs.contains_key(&leg) {
            return;
        }
        let trunks = std::mem::take(&mut wanted.trunks);
        let (now, is_ipv4, random) = (self.clock.now(), wanted.rtp.is_ipv4(), &mut self.random);
        let mut left = self.carriers.routes(now, &trunks, is_ipv4, |most| random.up_to(most));
        left.truncate(MOST_WAYS);
        if left.is_empty() {
            tracing::warn!(%leg, ?trunks, "no gateway of these trunks has an address: a call cannot go out");
        }
        let (at, left) = (None, left.into());
        let outward =
            Outward { wanted, left, at, is_heard: false, cause: None, refusal: Refusal::Unreachable };
        let stage = Stage::Outside(Box::new(outward));
        self.legs.insert(leg, Leg { ours: None, agent: None, line: None, stage });
        self.try_next(leg);
    }

    /// Sends the INVITE the next way out; without one the call is refused as the last gateway did.
    fn try_next(&mut self, id: LegId) {
        let now = self.clock.now();
        loop {
            let Some(Leg { stage: Stage::Outside(outward), line, .. }) = self.legs.get_mut(&id) else {
                return;
            };
            let Some(route) = outward.left.pop_front() else {
                let refusal = outward.refusal;
                return self.finish(id, LegReport::Refused(refusal));
            };
            let trunk = route.key.trunk.as_str();
            if line.as_ref().is_none_or(|line: &Line| line.trunk() != trunk) {
                let is_emergency = self.settings.borrow().emergency.contains(outward.wanted.number.reveal());
                *line = self.carriers.take(now, trunk, is_emergency);
                if line.is_none() {
                    tracing::warn!(leg = %id, trunk, "a trunk has as many calls as it may: the next one is tried");
                    outward.left.retain(|other| other.key.trunk != trunk);
                    continue;
                }
            }
            return self.send_out(id, route);
        }
    }

    fn send_out(&mut self, id: LegId, route: Route) {
        let call_id = self.new_call_id();
        let Some(dial) = self.dial_of(id, &route, call_id.clone()) else {
            return self.finish(id, LegReport::Refused(Refusal::Failed));
        };
        self.seen.leg(id, &call_id);
        let session = self.endpoint.dial(self.clock.now(), dial);
        self.sessions.insert(session, id);
        if let Some(Leg { stage: Stage::Outside(outward), .. }) = self.legs.get_mut(&id) {
            tracing::info!(trunk = %route.key.trunk, gateway = %route.key.gateway, "a call goes out");
            (outward.at, outward.cause) = (Some((session, route)), None);
        }
    }

    /// The INVITE for a gateway.
    fn dial_of(&mut self, id: LegId, route: &Route, call_id: String) -> Option<sip::Dial> {
        let outgoing = self.carriers.outgoing(&route.key.trunk)?;
        let terms = self.terms_of_trunk(&route.key.trunk);
        let Some(Leg { stage: Stage::Outside(outward), .. }) = self.legs.get(&id) else { return None };
        let wanted = &outward.wanted;
        let (gateway, Hop { transport, address, .. }) = (&route.key.gateway, route.hop);
        let local = self.locals.like(transport, address.is_ipv4())?;
        let destination = Destination { transport, local, address, otherwise: None };
        let number = rewritten(wanted.number.reveal().as_str(), &outgoing.rewrite);
        let domain = domain_of(&outgoing, route);
        let host = domain.clone().unwrap_or_else(|| sip::Host::Ip(local.ip()).to_string());
        let shown = Shown::of(&outgoing, wanted.caller.as_ref().map(Personal::reveal), &host);
        let audio = LocalAudio {
            rtp: wanted.rtp,
            codecs: terms.codecs.offer(&wanted.codecs),
            direction: Direction::SendReceive,
            security: Security::offering(terms.srtp, &mut self.random),
            session_id: self.random.draw() >> 2,
            version: 1,
        };
        Some(sip::Dial {
            call_id,
            uri: gateway.uri(Some(&number)),
            destination,
            caller: shown.caller,
            domain: if shown.is_withheld { Some("anonymous.invalid".to_owned()) } else { domain },
            display: String::new(),
            audio,
            credentials: outgoing.credentials,
            reliable: self.settings.borrow().prack,
            progress: outgoing.progress,
            headers: shown.headers,
        })
    }

    fn terms_of_trunk(&self, name: &str) -> Terms {
        let trunks = self.trunks.borrow();
        let trunk = trunks.iter().find(|trunk| trunk.name == name);
        trunk.map(|trunk| trunk.terms.clone()).unwrap_or_default()
    }

    /// The callee's side rings, or has audio for us; true when the leg is one to a number outside.
    pub(super) fn outside_is_heard(&mut self, id: LegId) -> bool {
        let Some(Leg { stage: Stage::Outside(outward), .. }) = self.legs.get_mut(&id) else { return false };
        outward.is_heard = true;
        if let Some((_, route)) = &outward.at {
            self.carriers.answered(route);
        }
        true
    }

    /// Audio before the answer. A seat that sends some rings.
    pub(super) fn early(&mut self, session: SessionId, remote: &OfferedAudio) {
        let Some(id) = self.sessions.get(&session).copied() else { return };
        if !self.outside_is_heard(id) {
            return self.ringing(session);
        }
        if let Some(remote) = translate::remote_media(remote, self.endpoint.peer(session)) {
            self.report(id, LegReport::Early { remote });
        }
    }

    /// The refusal that is about to end a session names a cause.
    pub(super) fn reason_given(&mut self, session: SessionId, cause: u8) {
        let leg = self.sessions.get(&session).and_then(|id| self.legs.get_mut(id));
        if let Some(Leg { stage: Stage::Outside(outward), .. }) = leg {
            outward.cause = Some(cause);
        }
    }

    /// The session of an attempt is over, unanswered.
    pub(super) fn attempt_over(&mut self, id: LegId, why: Ending) {
        let at = (self.clock.now(), self.clock.time());
        let Some(Leg { stage: Stage::Outside(outward), .. }) = self.legs.get_mut(&id) else { return };
        let Some((_, route)) = outward.at.take() else { return };
        let refusal = refusal(why, outward.cause);
        outward.refusal = refusal;
        let next = !outward.is_heard && blames_gateway(why, outward.cause);
        if !next {
            self.carriers.answered(&route);
            return self.finish(id, LegReport::Refused(refusal));
        }
        let (what, left) = (name_of(why), outward.left.len());
        let GatewayKey { trunk, gateway } = &route.key;
        tracing::warn!(leg = %id, %trunk, %gateway, what, left, "a gateway did not take a call: the next one is tried");
        self.carriers.failed(at, &route, &what);
        self.try_next(id);
    }
}

/// The host of our address at a carrier that knows us by an account; `None` where our own address says who we are.
fn domain_of(outgoing: &Outgoing, route: &Route) -> Option<String> {
    let registrar = outgoing.registration.as_ref().map(|at| at.registrar.host.clone());
    let gateway = || outgoing.credentials.as_ref().map(|_| route.key.gateway.host.clone());
    registrar.or_else(gateway)
}

/// As whom the carrier and the callee see us.
struct Shown {
    caller: String,
    is_withheld: bool,
    headers: Headers,
}

impl Shown {
    /// `wished`: the number of the dial plan. `anonymous`, there or as the trunk's own, withholds it (RFC 3323): the
    /// carrier still hears the number that is ours.
    fn of(outgoing: &Outgoing, wished: Option<&Number>, host: &str) -> Shown {
        let is_number = |number: &&Number| number.as_str() != NOBODY;
        let own = outgoing.caller.as_ref().filter(is_number).map(|number| number.as_str().to_owned());
        let account = outgoing.credentials.as_ref().map(|credentials| credentials.user.clone());
        let ours = own.or(account);
        let is_withheld = wished.or(outgoing.caller.as_ref()).is_some_and(|number| !is_number(&number));
        let shown = wished.filter(is_number).map(|number| number.as_str().to_owned()).or(ours);
        let shown = shown.map(|number| sip::user_part(&number));
        let mut headers = Headers::new();
        let name = match outgoing.identity {
            Identity::Asserted => Some("P-Asserted-Identity"),
            Identity::Preferred => Some("P-Preferred-Identity"),
            Identity::Off => None,
        };
        if let (Some(name), Some(number)) = (name, &shown) {
            headers.push(name, format!("<sip:{number}@{host}>"));
        }
        let is_withheld = is_withheld || shown.is_none();
        if is_withheld {
            headers.push("Privacy", "id");
        }
        let caller = shown.filter(|_| !is_withheld).unwrap_or_else(|| NOBODY.to_owned());
        Shown { caller, is_withheld, headers }
    }
}

/// True when another gateway may take the call: this one did not answer, or could not do its work.
fn blames_gateway(why: Ending, cause: Option<u8>) -> bool {
    let is_about_callee = cause.is_some_and(|cause| matches!(cause, 1 | 16..=22 | 28));
    match why {
        Ending::TimedOut | Ending::Unreachable => true,
        Ending::Refused(status) => {
            let code = status.code();
            !is_about_callee && (status == Status::REQUEST_TIMEOUT || (500..600).contains(&code))
        }
        Ending::Cancelled | Ending::HungUp | Ending::Ours | Ending::NoCommonAudio => false,
    }
}

/// What a refusal says of the callee: a cause of Q.850 more than a status, except where the status is itself the word of
/// the callee.
fn refusal(why: Ending, cause: Option<u8>) -> Refusal {
    let of_status = translate::refusal(why);
    let is_callees = matches!(why, Ending::Refused(status) if matches!(status.code(), 486 | 600 | 603));
    match cause.filter(|_| !is_callees) {
        Some(17) => Refusal::Busy,
        Some(18 | 19) => Refusal::NoAnswer,
        Some(21) => Refusal::Declined,
        Some(1..=3 | 20 | 22 | 27 | 28) => Refusal::Unreachable,
        Some(34 | 38 | 41 | 42 | 44 | 47) => Refusal::Failed,
        Some(_) | None => of_status,
    }
}

/// For status page and log.
fn name_of(why: Ending) -> String {
    match why {
        Ending::Refused(status) => status.code().to_string(),
        Ending::TimedOut => "timeout".to_owned(),
        Ending::Unreachable => "unreachable".to_owned(),
        Ending::Cancelled | Ending::HungUp | Ending::Ours => "ended".to_owned(),
        Ending::NoCommonAudio => "no_common_audio".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: u16) -> Ending {
        Ending::Refused(Status::new(code).unwrap())
    }

    #[test]
    fn gateways_are_blamed_for_their_own_failures_alone() {
        for (why, cause, another) in [
            (Ending::TimedOut, None, true),
            (Ending::Unreachable, None, true),
            (refused(408), None, true),
            (refused(500), None, true),
            (refused(503), Some(41), true),
            (refused(503), Some(17), false),
            (refused(500), Some(1), false),
            (refused(302), None, false),
            (refused(403), None, false),
            (refused(404), None, false),
            (refused(480), None, false),
            (refused(486), None, false),
            (refused(600), None, false),
            (refused(603), None, false),
            (Ending::NoCommonAudio, None, false),
        ] {
            assert_eq!(blames_gateway(why, cause), another, "{why:?} {cause:?}");
        }
    }

    #[test]
    fn causes_and_statuses_become_refusals() {
        for (why, cause, expected) in [
            (refused(486), None, Refusal::Busy),
            (refused(486), Some(21), Refusal::Busy),
            (refused(480), Some(19), Refusal::NoAnswer),
            (refused(500), Some(17), Refusal::Busy),
            (refused(404), Some(1), Refusal::Unreachable),
            (refused(480), Some(20), Refusal::Unreachable),
            (refused(503), Some(34), Refusal::Failed),
            (refused(503), None, Refusal::Unreachable),
            (refused(603), Some(17), Refusal::Declined),
            (refused(403), Some(127), Refusal::Declined),
            (refused(302), None, Refusal::Declined),
            (Ending::TimedOut, None, Refusal::Unreachable),
        ] {
            assert_eq!(refusal(why, cause), expected, "{why:?} {cause:?}");
        }
    }

    #[test]
    fn a_caller_is_shown_asserted_preferred_or_withheld() {
        let number = |text: &str| text.parse::<Number>().unwrap();
        let credentials = sip::Credentials { user: "acc".to_owned(), password: "p".to_owned(), realm: None };
        let trunk = |caller: Option<&str>, identity| Outgoing {
            caller: caller.map(number),
            credentials: Some(credentials.clone()),
            identity,
            ..Outgoing::default()
        };
        let shown = |outgoing: &Outgoing, wished: Option<&str>| {
            let shown = Shown::of(outgoing, wished.map(number).as_ref(), "h");
            let headers = shown.headers.iter();
            let headers: Vec<String> = headers
                .map(|header| format!("{}: {}", header.name, String::from_utf8_lossy(&header.value)))
                .collect();
            format!("{} {}", shown.caller, headers.join(", "))
        };
        let (asserted, preferred) =
            (trunk(Some("800"), Identity::Asserted), trunk(None, Identity::Preferred));
        assert_eq!(shown(&asserted, Some("801")), "801 P-Asserted-Identity: <sip:801@h>");
        assert_eq!(shown(&asserted, None), "800 P-Asserted-Identity: <sip:800@h>");
        assert_eq!(
            shown(&asserted, Some("anonymous")),
            "anonymous P-Asserted-Identity: <sip:800@h>, Privacy: id"
        );
        assert_eq!(shown(&preferred, None), "acc P-Preferred-Identity: <sip:acc@h>");
        assert_eq!(shown(&trunk(Some("anonymous"), Identity::Off), None), "anonymous Privacy: id");
        assert_eq!(shown(&Outgoing::default(), None), "anonymous Privacy: id", "nobody knows a number");
    }
}
