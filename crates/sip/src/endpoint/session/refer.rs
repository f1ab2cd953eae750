//! The peer wants its call to be with somebody else: REFER and our NOTIFYs about it (RFC 3515, RFC 4488, RFC 3891).
//!
//! ```text
//!           REFER, 202                 the user says how far it is         the last word
//! (nothing) ──────────► Subscribed ──────────► NOTIFY, one at a time ──────────► (nothing)
//!                           └── the peer refuses a NOTIFY, or does not answer it ──┘
//! ```
//!
//! What the subscription is worth ends with it: a NOTIFY that nobody takes is no reason to end the call.

use std::collections::VecDeque;

use super::{Session, SessionState};
use crate::endpoint::answers::{bad_request, no_such_call};
use crate::endpoint::clients::Owner;
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, our_binding};
use crate::endpoint::servers::ServerKey;
use crate::endpoint::{Answer, Event, Replaces};
use crate::{Address, Method, Request, Response, Status, Uri};

/// The lifetime of the subscription that our NOTIFYs state, in seconds: a ring there, a ring back, and some more.
const EXPIRES: u32 = 180;
/// The most NOTIFYs that wait for the one under way; further ones are not sent.
const MOST_WAITING: usize = 8;
/// The most REFERs of a session whose NOTIFYs are not all answered; a further one gets 491.
const MOST_SUBSCRIPTIONS: usize = 8;

/// The NOTIFYs of one REFER.
struct Subscription {
    /// The REFER's number.
    number: u32,
    /// `;id=` and the REFER's number, from the second REFER of a dialog on (RFC 3515 section 2.4.6).
    id: String,
    /// The peer wants no NOTIFY (RFC 4488).
    is_silent: bool,
    /// A NOTIFY is under way.
    is_pending: bool,
    /// The statuses of the next NOTIFYs, and whether each is the last one.
    waiting: VecDeque<(Status, bool)>,
    /// The last word was said by the user.
    is_over: bool,
}

/// REFERs of a session.
#[derive(Default)]
pub(super) struct Referrals {
    /// The peer may refer.
    pub(super) is_allowed: bool,
    count: u32,
    /// In the order of their REFERs; only the last may be without its last word.
    subscriptions: Vec<Subscription>,
}

impl Referrals {
    /// The subscription of which more is to be said.
    fn open(&mut self) -> Option<&mut Subscription> {
        self.subscriptions.last_mut().filter(|subscription| !subscription.is_over)
    }

    /// True when a further REFER has to wait.
    fn is_full(&self) -> bool {
        let is_open = self.subscriptions.last().is_some_and(|of| !of.is_over);
        is_open || self.subscriptions.len() >= MOST_SUBSCRIPTIONS
    }

    /// Drops the subscriptions of which nothing more is said or awaited.
    fn forget_finished(&mut self) {
        self.subscriptions.retain(|of| !of.is_over || of.is_pending);
    }
}

impl Session {
    /// A REFER inside the dialog.
    pub(super) fn peer_refers(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) {
        match self.read_referral(request) {
            Err(answer) => cx.reply(key, &answer),
            Ok((to, replaces)) => self.refer(cx, key, request, (to, replaces)),
        }
    }

    fn read_referral(&self, request: &Request) -> Result<(Uri, Option<Replaces>), Answer> {
        let stands = match &self.state {
            SessionState::Talking(_) => true,
            SessionState::Invited(_) | SessionState::Calling(_) | SessionState::Withdrawn(_) => false,
            SessionState::Closing { .. } | SessionState::Over => return Err(no_such_call()),
        };
        if !self.referrals.is_allowed {
            return Err(Answer::new(Status::FORBIDDEN));
        }
        if !stands || self.referrals.is_full() {
            return Err(Answer::new(Status::REQUEST_PENDING));
        }
        let addresses = request.addresses("Refer-To").map_err(|error| bad_request(&error.to_string()))?;
        let [Address { uri, .. }] = &addresses[..] else {
            return Err(bad_request("a REFER has exactly one Refer-To"));
        };
        match uri {
            Uri::Sip(sip) if sip.params.value("method").is_some_and(|method| method != "INVITE") => {
                Err(bad_request("a transfer is by INVITE"))
            }
            Uri::Sip(sip) => Ok((uri.clone(), Replaces::of(sip)?)),
            Uri::Tel(_) => Ok((uri.clone(), None)),
            Uri::Other { .. } => Err(Answer::new(Status::UNSUPPORTED_URI_SCHEME)),
        }
    }

    fn refer(
        &mut self,
        cx: &mut Context,
        key: &ServerKey,
        request: &Request,
        (to, replaces): (Uri, Option<Replaces>),
    ) {
        let is_silent =
            request.headers.text("Refer-Sub").is_some_and(|value| value.trim().eq_ignore_ascii_case("false"));
        self.referrals.count += 1;
        let number = request.cseq().map_or(0, |cseq| cseq.number);
        let id = if self.referrals.count > 1 { format!(";id={number}") } else { String::new() };
        let accepted = Answer::new(Status::ACCEPTED).with("Contact", our_binding(self.peer, self.is_sips));
        cx.reply(key, &if is_silent { accepted.with("Refer-Sub", "false") } else { accepted });
        let (is_pending, is_over, waiting) = (false, false, VecDeque::new());
        let subscription = Subscription { number, id, is_silent, is_pending, waiting, is_over };
        self.referrals.subscriptions.push(subscription);
        // The first NOTIFY follows at once (RFC 3515 section 2.4.4).
        self.tell_referral(cx, Status::TRYING, false);
        self.say(cx, Event::Referred { session: self.id, to, replaces });
    }

    /// How far the peer's REFER has come; with `is_last` nothing more will be said of it. Nothing without one.
    pub(crate) fn tell_referral(&mut self, cx: &mut Context, status: Status, is_last: bool) {
        let Some(subscription) = self.referrals.open() else { return };
        subscription.is_over = is_last;
        let number = subscription.number;
        let has_room = is_last || subscription.waiting.len() < MOST_WAITING;
        if !subscription.is_silent && has_room {
            subscription.waiting.push_back((status, is_last));
            self.send_notify(cx, number);
        }
        self.referrals.forget_finished();
    }

    /// Sends the next NOTIFY of the REFER with this number, unless one is under way: they arrive in order.
    fn send_notify(&mut self, cx: &mut Context, number: u32) {
        let SessionState::Talking(talking) = &mut self.state else { return };
        let of = self.referrals.subscriptions.iter_mut().find(|of| of.number == number && !of.is_pending);
        let Some(subscription) = of else { return };
        let Some((status, is_last)) = subscription.waiting.pop_front() else { return };
        subscription.is_pending = true;
        let state = if is_last {
            "terminated;reason=noresource".to_owned()
        } else {
            format!("active;expires={EXPIRES}")
        };
        let mut notify = talking.dialog.request(Method::Notify);
        notify.headers.push("Event", format!("refer{}", subscription.id));
        notify.headers.push("Subscription-State", state);
        notify.headers.push("Contact", our_binding(self.peer, self.is_sips));
        notify.headers.push("User-Agent", &cx.settings.user_agent);
        notify.headers.push("Content-Type", "message/sipfrag;version=2.0");
        notify.body = format!("SIP/2.0 {} {}\r\n", status.code(), status.reason()).into_bytes();
        let destination = in_dialog(self.peer, &talking.dialog);
        cx.start_client(notify, destination, Owner::Notify(self.id, number));
    }

    /// Something came back for a NOTIFY of the REFER with this number; `None`: nothing in time, or it could not be sent.
    pub(crate) fn notify_answered(&mut self, cx: &mut Context, number: u32, response: Option<&Response>) {
        if response.is_some_and(|response| response.status.is_provisional()) {
            return;
        }
        let subscriptions = &mut self.referrals.subscriptions;
        let Some(subscription) = subscriptions.iter_mut().find(|of| of.number == number) else { return };
        subscription.is_pending = false;
        if !response.is_some_and(|response| response.status.is_success()) {
            // The peer has no such subscription any more.
            subscription.waiting.clear();
            subscription.is_silent = true;
        }
        self.send_notify(cx, number);
        self.referrals.forget_finished();
    }
}

impl Replaces {
    /// The dialog that the headers of a Refer-To name; `None` when they name none.
    fn of(uri: &crate::SipUri) -> Result<Option<Replaces>, Answer> {
        let Some(headers) = &uri.headers else { return Ok(None) };
        let is_it = |header: &(&str, &str)| header.0.eq_ignore_ascii_case("Replaces");
        let mut found = headers.split('&').filter_map(|header| header.split_once('=')).filter(is_it);
        let Some((_, value)) = found.next() else { return Ok(None) };
        let value = crate::uri::unescape(value);
        let replaces = value.as_deref().and_then(Replaces::parse).filter(|_| found.next().is_none());
        replaces.map(Some).ok_or_else(|| bad_request("malformed Replaces"))
    }

    /// True when it names this dialog of ours that stands: with our tag where the header has it (RFC 3891 section 3), or,
    /// as some phones write them, the other way round. With `early-only` it names none that stands.
    pub fn names(&self, dialog: &Replaces) -> bool {
        !self.early_only && self.has_ids_of(dialog)
    }

    /// True when Call-ID and tags are those of this dialog.
    pub(crate) fn has_ids_of(&self, dialog: &Replaces) -> bool {
        let tags = (&self.to_tag, &self.from_tag);
        let (ours, theirs) = (&dialog.to_tag, &dialog.from_tag);
        self.call_id == dialog.call_id && (tags == (ours, theirs) || tags == (theirs, ours))
    }

    /// Reads a value of the header (RFC 3891 section 6.1); `None` when it breaks the grammar.
    pub fn parse(value: &str) -> Option<Replaces> {
        let mut parts = value.split(';').map(str::trim);
        let call_id = parts.next().filter(|call_id| !call_id.is_empty() && !call_id.contains(' '))?;
        let (mut to_tag, mut from_tag, mut early_only) = (None, None, false);
        for part in parts {
            let (name, value) = part.split_once('=').unwrap_or((part, ""));
            let place = match name.trim().to_ascii_lowercase().as_str() {
                "to-tag" => &mut to_tag,
                "from-tag" => &mut from_tag,
                "early-only" => {
                    early_only = true;
                    continue;
                }
                _ => continue,
            };
            if place.replace(value.trim().to_owned()).is_some() {
                return None;
            }
        }
        Some(Replaces { call_id: call_id.to_owned(), to_tag: to_tag?, from_tag: from_tag?, early_only })
    }
}
