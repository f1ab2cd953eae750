//! We want our call to be with somebody else: a REFER of ours, and the NOTIFYs that say how it goes (RFC 3515, RFC 5589).
//!
//! ```text
//! Never, Over ── refer ──► Asked ── 2xx, NOTIFY with `active` ──┐
//!    ▲                      │  ▲ the deadline moves             │
//!    │                      │  └────────────────────────────────┘
//!    └── a refusal, no answer, NOTIFY with `terminated`, no NOTIFY in time
//! ```
//!
//! The user hears every step as [`Event::Referral`], of which one is the last. The call itself goes on whatever comes of it.

use std::time::Duration;

use super::{Session, SessionState, Timer};
use crate::endpoint::answers::{bad_request, no_such_call};
use crate::endpoint::clients::Owner;
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, our_binding};
use crate::endpoint::servers::ServerKey;
use crate::endpoint::{Answer, Event, Replaces};
use crate::{Method, Request, Response, Status};

/// How long the first NOTIFY may take after the REFER (RFC 6665 section 4.1.2.4, Timer N: 64 × T1).
const FIRST_NOTIFY_IN: Duration = Duration::from_secs(32);
/// The longest that a peer's `expires` is believed.
const LONGEST: u64 = 3_600;

/// The REFER of ours in a session; one at a time.
#[derive(Default, Clone, Copy, PartialEq, Eq)]
pub(super) enum Referring {
    /// There was none: the peer has no reason for a NOTIFY.
    #[default]
    Never,
    /// How it went is not all said yet.
    Asked {
        /// Its number, which its NOTIFYs may carry as `id`.
        number: u32,
    },
    /// All is said.
    Over,
}

/// What a NOTIFY says.
struct Told {
    status: Option<Status>,
    /// Seconds until the next one, at most; `None`: it is the last.
    expires: Option<u64>,
}

impl Session {
    /// Sends a REFER to `uri`, where `replaces` is the call to be taken over there, as the other end of it names it. False
    /// when the session does not stand, or the last REFER is not over.
    pub(crate) fn refer_to(&mut self, cx: &mut Context, uri: &str, replaces: Option<&Replaces>) -> bool {
        let SessionState::Talking(talking) = &mut self.state else { return false };
        if matches!(self.referring, Referring::Asked { .. }) {
            return false;
        }
        let mut refer = talking.dialog.request(Method::Refer);
        let headers = replaces.map(|replaces| format!("?Replaces={}", replaces.escaped()));
        refer.headers.push("Refer-To", format!("<{uri}{}>", headers.unwrap_or_default()));
        refer.headers.push("Contact", our_binding(self.peer, self.is_sips));
        refer.headers.push("Allow", format!("{}, NOTIFY", Method::ALLOW));
        refer.headers.push("User-Agent", &cx.settings.user_agent);
        let number = refer.cseq().map_or(0, |cseq| cseq.number);
        self.referring = Referring::Asked { number };
        self.timers.set(Timer::Referral, cx.now + FIRST_NOTIFY_IN);
        let destination = in_dialog(self.peer, &talking.dialog);
        cx.start_client(refer, destination, Owner::Refer(self.id, number));
        true
    }

    /// Something came back for the REFER with this number; `None`: nothing in time, or it could not be sent.
    pub(crate) fn refer_answered(&mut self, cx: &mut Context, number: u32, response: Option<&Response>) {
        if self.referring != (Referring::Asked { number }) {
            return;
        }
        let Some(response) = response else {
            return self.referral_over(cx, Some(Status::REQUEST_TIMEOUT));
        };
        let is_silent = response.headers.text("Refer-Sub").is_some_and(|value| value.trim() == "false");
        match response.status {
            status if status.is_provisional() => {}
            status if status.is_success() && !is_silent => {}
            status => self.referral_over(cx, Some(status)),
        }
    }

    /// The peer says how the REFER goes.
    pub(super) fn peer_notifies(&mut self, cx: &mut Context, key: &ServerKey, request: &Request) {
        match self.read_notify(request) {
            Err(answer) => cx.reply(key, &answer),
            Ok(told) => {
                cx.reply(key, &Answer::new(Status::OK));
                self.told(cx, &told);
            }
        }
    }

    fn told(&mut self, cx: &mut Context, told: &Told) {
        match told.expires {
            None => self.referral_over(cx, told.status),
            Some(seconds) => {
                self.timers.set(Timer::Referral, cx.now + Duration::from_secs(seconds));
                if told.status.is_some() {
                    let (session, status) = (self.id, told.status);
                    self.say(cx, Event::Referral { session, status, is_last: false });
                }
            }
        }
    }

    fn read_notify(&self, request: &Request) -> Result<Told, Answer> {
        let number = match self.referring {
            // To whom we never sent a REFER the method is not allowed.
            Referring::Never => {
                return Err(Answer::new(Status::METHOD_NOT_ALLOWED).with("Allow", Method::ALLOW));
            }
            Referring::Over => return Err(no_such_call()),
            Referring::Asked { number } => number,
        };
        let event = request.headers.text("Event").unwrap_or_default();
        let mut parts = event.split(';').map(str::trim);
        if !parts.next().is_some_and(|package| package.eq_ignore_ascii_case("refer")) {
            return Err(Answer::new(Status::BAD_EVENT).with("Allow-Events", "refer"));
        }
        // Without `id` it is of the first REFER, and as many leave it out, of the one that is open.
        let id = parts.find_map(|part| part.strip_prefix("id="));
        if id.is_some_and(|id| id.parse() != Ok(number)) {
            return Err(no_such_call());
        }
        let state = request.headers.text("Subscription-State").unwrap_or_default();
        let mut parts = state.split(';').map(str::trim);
        let status = fragment(request);
        match parts.next().map(str::to_ascii_lowercase).as_deref() {
            Some("terminated") => Ok(Told { status, expires: None }),
            Some("active" | "pending") => {
                let expires = parts.find_map(|part| part.strip_prefix("expires=")?.parse::<u64>().ok());
                let seconds = expires.unwrap_or(FIRST_NOTIFY_IN.as_secs()).clamp(1, LONGEST);
                Ok(Told { status, expires: Some(seconds) })
            }
            Some(_) | None => Err(bad_request("Subscription-State says nothing")),
        }
    }

    /// The peer said nothing more of the REFER in time.
    pub(super) fn referral_late(&mut self, cx: &mut Context) {
        self.referral_over(cx, Some(Status::REQUEST_TIMEOUT));
    }

    fn referral_over(&mut self, cx: &mut Context, status: Option<Status>) {
        self.referring = Referring::Over;
        self.timers.stop(Timer::Referral);
        self.say(cx, Event::Referral { session: self.id, status, is_last: true });
    }
}

impl Replaces {
    /// As the value of a header in a URI: all but letters, digits, `-`, `.` and `_` escaped (RFC 3261 section 25.1).
    fn escaped(&self) -> String {
        let value = format!("{};to-tag={};from-tag={}", self.call_id, self.to_tag, self.from_tag);
        value.bytes().fold(String::new(), |escaped, byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' => {
                escaped + &char::from(byte).to_string()
            }
            _ => escaped + &format!("%{byte:02X}"),
        })
    }
}

/// The status of the response whose beginning is the body (`message/sipfrag`, RFC 3420).
fn fragment(request: &Request) -> Option<Status> {
    request.content_type().filter(|kind| kind == "message/sipfrag")?;
    let text = std::str::from_utf8(&request.body).ok()?;
    let mut words = text.lines().next()?.split_ascii_whitespace();
    words.next().filter(|version| version.eq_ignore_ascii_case("SIP/2.0"))?;
    Status::new(words.next()?.parse().ok()?)
}
