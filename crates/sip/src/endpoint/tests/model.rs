//! The reference: what each session's final report must be, from what its peer and its user did and what the endpoint
//! put on the wire. It knows nothing of how an endpoint works inside.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use super::*;
use crate::{Response, Status};

/// How long a request or a 2xx is tried (RFC 3261, 64 × T1).
const TRY_FOR: Duration = Duration::from_secs(32);
/// How long a peer may take to show that it lives.
const ANSWER_FOR: Duration = Duration::from_secs(16);
/// How long a 100 keeps a re-INVITE waiting.
const CHANGE_FOR: Duration = Duration::from_secs(181);
/// When a session of 90 s that the peer should refresh is given up.
const REFRESH_IN: Duration = Duration::from_secs(60);

/// One session that has no final report yet.
pub(super) struct Expected {
    pub(super) standing: Standing,
    /// Requests of ours that await an answer, by branch.
    open: BTreeMap<String, Open>,
    /// Our 2xx awaits its ACK: the number, whether the ACK has to bring an answer, until when.
    pub(super) ack: Option<(u32, bool, Moment)>,
    /// Our reliable 180 awaits its PRACK: RSeq, CSeq, until when.
    pub(super) prack: Option<(u32, u32, Moment)>,
    /// The user asked whether the peer lives; it has to show that until then.
    silence: Option<Moment>,
    /// Our INVITE is given up when nothing at all came back until then.
    pub(super) unheard: Option<Moment>,
    /// The peer has to refresh the session until then.
    refresh: Option<Moment>,
    /// CSeq of the peer's requests that we answered with a 2xx.
    accepted: BTreeSet<String>,
    /// The RSeq of our reliable 180.
    rang: Option<u32>,
    /// The peer's last INVITE had an offer.
    pub(super) offered: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// Their INVITE, unanswered.
    Invited,
    /// Our INVITE, unanswered.
    Calling,
    /// Answered.
    Answered,
}

struct Open {
    method: Method,
    until: Option<Moment>,
    /// A provisional answer came.
    heard: bool,
}

impl Expected {
    /// `offered`: the first INVITE has an offer.
    pub(super) fn new(standing: Standing, offered: bool) -> Expected {
        Expected {
            standing,
            open: BTreeMap::new(),
            ack: None,
            prack: None,
            silence: None,
            unheard: None,
            refresh: None,
            accepted: BTreeSet::new(),
            rang: None,
            offered,
        }
    }

    /// The endpoint sent a request; only the first copy counts.
    pub(super) fn asked(&mut self, now: Moment, request: &Request) {
        let wait = match request.method {
            Method::Invite => TRY_FOR,
            Method::Update | Method::Options => ANSWER_FOR,
            _ => return,
        };
        let open = Open { method: request.method.clone(), until: Some(now + wait), heard: false };
        self.open.entry(branch(request)).or_insert(open);
    }

    /// The endpoint answered a request of the peer.
    pub(super) fn answered(&mut self, now: Moment, response: &Response) {
        let cseq = response.cseq().unwrap();
        let rang = response.headers.text("RSeq").map(|number| number.parse().unwrap());
        if let Some(number) = rang.filter(|_| self.rang != rang) {
            self.rang = rang;
            self.prack = Some((number, cseq.number, now + TRY_FOR));
        }
        let changes = matches!(cseq.method, Method::Invite | Method::Update);
        let text = response.headers.text("CSeq").unwrap().into_owned();
        if !changes || !response.status.is_success() || !self.accepted.insert(text) {
            return;
        }
        let refresher = response.headers.text("Session-Expires").unwrap_or_default().into_owned();
        self.refresh = refresher.contains("uac").then_some(now + REFRESH_IN);
        if cseq.method == Method::Invite {
            self.ack = Some((cseq.number, !self.offered, now + TRY_FOR));
            (self.standing, self.prack) = (Standing::Answered, None);
        }
    }

    /// The peer answers a request of ours. The final report, if that is one.
    pub(super) fn hears(&mut self, now: Moment, request: &Request, status: Status) -> Option<Ending> {
        let open = self.open.get_mut(&branch(request))?;
        self.unheard = None;
        if status.is_provisional() {
            open.heard = true;
            match (&open.method, self.standing) {
                (Method::Invite, Standing::Answered) => open.until = Some(now + CHANGE_FOR),
                (Method::Invite, Standing::Calling | Standing::Invited) => open.until = None,
                _ => {}
            }
            return None;
        }
        let method = open.method.clone();
        self.open.remove(&branch(request));
        if self.standing == Standing::Calling {
            self.standing = Standing::Answered;
            return (!status.is_success()).then_some(Ending::Refused(status));
        }
        self.silence = None;
        if [408, 481].contains(&status.code()) {
            return Some(Ending::TimedOut);
        }
        if status.is_success() && method != Method::Options {
            self.refresh = self.refresh.map(|_| now + REFRESH_IN);
        }
        None
    }

    /// True while this request of ours awaits an answer.
    pub(super) fn awaits(&self, request: &Request) -> bool {
        self.open.contains_key(&branch(request))
    }

    /// The peer sends a request with a new number inside the dialog.
    pub(super) fn speaks(&mut self) {
        self.silence = None;
    }

    /// The user asks whether the peer lives.
    pub(super) fn ask(&mut self, now: Moment) {
        let free = self.standing == Standing::Answered && self.ack.is_none() && self.silence.is_none();
        if free {
            self.silence = Some(now + ANSWER_FOR);
        }
    }

    /// Nothing can be sent to the peer. The final report, if that ends the session.
    pub(super) fn unreachable(&self) -> Option<Ending> {
        self.open.values().any(|open| !open.heard).then_some(Ending::Unreachable)
    }

    /// The final report that time brings.
    pub(super) fn time_out(&self, now: Moment) -> Option<Ending> {
        let acks = [self.ack.map(|ack| ack.2), self.prack.map(|prack| prack.2)];
        let signs = [self.silence, self.unheard, self.refresh];
        let open = self.open.values().map(|open| open.until);
        acks.into_iter()
            .chain(signs)
            .chain(open)
            .flatten()
            .any(|until| until <= now)
            .then_some(Ending::TimedOut)
    }
}

fn branch(request: &Request) -> String {
    request.via().unwrap().branch().unwrap().to_owned()
}
