//! One INVITE session: a machine of its own, to which the endpoint leads whatever is for it.
//!
//! ```text
//! Invited ── accept ──► Talking ── hang_up before the ACK ──► Closing ── ACK ──► BYE, Over
//!    │ refuse, CANCEL, BYE  │ BYE of either side, time-outs                        ▲
//!    └──────────────────────┴──────────────────────────────────────────────────────┤
//! Calling ── 2xx ──► Talking                                                       │
//!    │ hang_up, or no answer at all                                                │
//!    └──► Withdrawn ── refusal; 2xx, ACK and BYE; CANCEL without answer ───────────┤
//!    └── refusal, time-out ────────────────────────────────────────────────────────┘
//! ```
//!
//! In `Closing`, `Withdrawn` and `Over` the end is reported and the user hears nothing more.

mod alive;
mod change;
mod inbound;
mod negotiation;
mod outbound;
mod redirect;
mod refer;
mod referring;
mod refresh;
mod reliable;
mod state;

use std::net::SocketAddr;
use std::time::Duration;

use super::clients::{ClientKey, Owner};
use super::context::Context;
use super::destination::in_dialog;
use super::servers::{Arrival, ServerKey};
use super::{Answer, Destination, Ending, Event, Replaces, SessionId};
use crate::dialog::Dialog;
use crate::timers::Timers;
use crate::{Credentials, Headers, Method, Moment, OfferedAudio, Request, Sdp, Status};
use negotiation::Negotiation;
use refer::Referrals;
use referring::Referring;
use refresh::Refresh;
use reliable::Provisional;

/// A session. The machine is spread over the modules that name what happens.
pub(super) struct Session {
    pub(super) id: SessionId,
    call_id: String,
    local_tag: String,
    /// We made the Call-ID (which decides who waits longer after glare).
    outbound: bool,
    /// Where the peer's last request came from, or where we first sent to.
    peer: Destination,
    /// The dialog is one of `sips:` addresses.
    is_sips: bool,
    audio: Negotiation,
    timers: Timers<Timer>,
    referrals: Referrals,
    referring: Referring,
    /// What we assert of whom the peer is connected to (RFC 3325): the lines of headers.
    identity: Vec<(&'static str, String)>,
    /// The peer was sent that.
    is_identity_sent: bool,
    state: SessionState,
}

/// How far a session is.
enum SessionState {
    /// Their INVITE, unanswered.
    Invited(Invited),
    /// Our INVITE, unanswered.
    Calling(Calling),
    /// Our INVITE, unanswered, that the user does not want any more.
    Withdrawn(Withdrawn),
    /// Answered, one way or the other.
    Talking(Talking),
    /// Hung up before the ACK of our 200 came: BYE with this Reason follows it (RFC 3261 section 15.1.1 forbids that
    /// before).
    Closing { talking: Talking, reason: Option<String> },
    /// Nothing is owed to anybody.
    Over,
}

struct Invited {
    server: ServerKey,
    dialog: Dialog,
    offer: Option<Sdp>,
    refresh: Refresh,
    provisional: Provisional,
    /// Our answer to the offer, once a provisional response has said it: the final one says the same.
    said: Option<Vec<u8>>,
}

struct Calling {
    client: ClientKey,
    credentials: Option<Credentials>,
    /// INVITEs sent.
    tries: u32,
    rings: bool,
    /// Credentials were sent in answer to a challenge.
    challenged: bool,
    /// An answer in a provisional response, for peers that leave it out of the 200.
    early: Option<OfferedAudio>,
}

struct Withdrawn {
    client: ClientKey,
    cancel: Cancel,
}

/// The CANCEL of our INVITE.
enum Cancel {
    /// Sent as soon as a provisional answer allows it (RFC 3261 section 9.1), with this Reason.
    Wanted { reason: Option<String> },
    /// Sent.
    Sent,
}

struct Talking {
    dialog: Dialog,
    /// Our 2xx that waits for its ACK.
    unacked: Option<Unacked>,
    /// The ACK that we sent last, with its CSeq number: the answer to further copies of the 2xx.
    acked: Option<(u32, Vec<u8>)>,
    change: Change,
    /// A 180 of ours whose PRACK may still come.
    provisional: Provisional,
    refresh: Refresh,
    /// The peer takes UPDATE (its Allow says so).
    takes_update: bool,
}

/// A 2xx of ours, resent until its ACK (RFC 3261 section 13.3.1.4).
struct Unacked {
    number: u32,
    bytes: Vec<u8>,
    pause: Duration,
    role: Role,
}

/// What a 2xx of ours answers.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    /// The first INVITE, with our answer. `arrived`: the peer showed that it has it, and the user knows that the
    /// session stands.
    First { arrived: bool },
    /// The first INVITE, with our offer; the answer comes in the ACK.
    FirstOffer,
    /// A re-INVITE, with our answer.
    Change,
    /// A re-INVITE, with our offer; the answer comes in the ACK.
    ChangeOffer,
}

/// Our own re-INVITE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Change {
    /// None is wanted.
    None,
    /// Sent.
    Pending,
    /// Met theirs (491); tried again when [`Timer::Glare`] runs out.
    Retry,
}

/// What happens by itself; of those due together the first comes first, and one that ends the session stops the others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The CANCEL of our INVITE brought no answer: the INVITE is given up.
    Cancel,
    /// Nothing at all came back for our INVITE.
    Unheard,
    /// Nothing but 100 came back for our INVITE.
    Stuck,
    /// The peer did not answer the question whether it lives.
    Silence,
    /// The peer did not acknowledge our reliable 180 or our 2xx.
    Unacknowledged,
    /// Our reliable 180 or our 2xx is sent again.
    Resend,
    /// The peer did not refresh the session (RFC 4028).
    Expiry,
    /// We refresh the session.
    Refresh,
    /// Our re-INVITE that met theirs is tried again.
    Glare,
    /// The peer said nothing more of our REFER.
    Referral,
}

impl Session {
    /// What the endpoint finds it by: Call-ID and our tag.
    pub(super) fn dialog_key(&self) -> (String, String) {
        (self.call_id.clone(), self.local_tag.clone())
    }

    pub(super) fn peer(&self) -> SocketAddr {
        self.peer.address
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.state, SessionState::Over)
    }

    /// How peers name it, from the answer to the end.
    pub(super) fn named(&self) -> Option<Replaces> {
        let SessionState::Talking(talking) = &self.state else { return None };
        let (call_id, to_tag) = self.dialog_key();
        Some(Replaces {
            call_id,
            to_tag,
            from_tag: talking.dialog.remote_tag()?.to_owned(),
            early_only: false,
        })
    }

    /// Whether the peer may refer.
    pub(super) fn allow_referral(&mut self, is_allowed: bool) {
        self.referrals.is_allowed = is_allowed;
    }

    /// The peer's tag, once it is known.
    pub(super) fn remote_tag(&self) -> Option<&str> {
        self.state.dialog()?.remote_tag()
    }

    /// True for a CSeq number above all that the peer has used.
    pub(super) fn is_next_number(&self, number: u32) -> bool {
        self.state.dialog().is_none_or(|dialog| dialog.is_next_remote(number))
    }

    /// When [`Session::handle_timeout`] is wanted next.
    pub(super) fn poll_timeout(&self) -> Option<Moment> {
        self.timers.next()
    }

    pub(super) fn handle_timeout(&mut self, cx: &mut Context) {
        while let Some(timer) = self.timers.due(cx.now) {
            match timer {
                Timer::Cancel => self.give_up(cx),
                Timer::Unheard | Timer::Stuck => self.unheard(cx),
                Timer::Silence => self.time_out(cx, "No sign of life"),
                Timer::Unacknowledged => self.unacknowledged(cx),
                Timer::Resend => self.resend(cx),
                Timer::Expiry => self.time_out(cx, "Session timer expired"),
                Timer::Refresh => self.refresh_due(cx),
                Timer::Glare => self.try_again(cx),
                Timer::Referral => self.referral_late(cx),
            }
        }
    }

    /// A request of the peer inside the dialog, which fulfils all that every request must.
    pub(super) fn handle_request(&mut self, cx: &mut Context, arrival: Arrival, request: &Request) {
        let Arrival { flow, key, essentials } = arrival;
        let dialog = self.state.dialog_mut();
        if dialog.is_some_and(|dialog| dialog.advance_remote(essentials.cseq.number).is_err()) {
            return cx.reply(key, &Answer::new(Status::SERVER_ERROR).with("Retry-After", "1"));
        }
        self.peer = flow.into();
        self.spoke(request);
        // A PRACK may have left before our 200 arrived.
        if !matches!(request.method, Method::Bye | Method::Prack) {
            self.answer_arrived(cx);
        }
        match &request.method {
            Method::Invite | Method::Update => self.peer_changes(cx, key, request),
            Method::Bye => self.peer_hangs_up(cx, key),
            Method::Prack => self.peer_acknowledges(cx, key, request),
            Method::Info => self.peer_informs(cx, key, request),
            Method::Options => cx.reply(key, &super::answers::options()),
            Method::Refer => self.peer_refers(cx, key, request),
            Method::Notify => self.peer_notifies(cx, key, request),
            // ACK and CANCEL never come here, REGISTER knows no dialogs, others were refused by the core.
            Method::Ack | Method::Cancel | Method::Register | Method::Other(_) => {
                cx.reply(key, &super::answers::no_such_call());
            }
        }
    }

    /// The peer sent a request: it lives, and may say what it takes.
    fn spoke(&mut self, request: &Request) {
        self.timers.stop(Timer::Silence);
        if let Some(talking) = self.state.talking_mut() {
            talking.takes_update = takes_update(&request.headers).unwrap_or(talking.takes_update);
        }
    }

    /// BYE: 200, and 487 to an INVITE that is still open.
    fn peer_hangs_up(&mut self, cx: &mut Context, key: &ServerKey) {
        cx.reply(key, &Answer::new(Status::OK));
        match &self.state {
            SessionState::Invited(invited) => {
                cx.reply(&invited.server, &Answer::new(Status::REQUEST_TERMINATED));
                self.end(cx, Ending::Cancelled);
            }
            // The callee may not do this (section 15), but its word that it is over is clear enough.
            SessionState::Calling(Calling { client, .. })
            | SessionState::Withdrawn(Withdrawn { client, .. }) => {
                cx.forget_client(client);
                self.end(cx, Ending::Refused(Status::TEMPORARILY_UNAVAILABLE));
            }
            SessionState::Talking(_) | SessionState::Closing { .. } => self.end(cx, Ending::HungUp),
            SessionState::Over => {}
        }
    }

    /// The user ends it.
    pub(super) fn hang_up(&mut self, cx: &mut Context, reason: Option<&str>) {
        match &self.state {
            SessionState::Invited(_) => self.refuse(cx, &Answer::new(Status::TEMPORARILY_UNAVAILABLE)),
            SessionState::Calling(_) => self.withdraw(cx, reason, Ending::Ours),
            SessionState::Talking(talking) | SessionState::Closing { talking, .. } => {
                if !talking.awaits_first_ack() {
                    return self.bye(cx, reason, Ending::Ours);
                }
                self.say(cx, Event::Ended { session: self.id, why: Ending::Ours });
                let before = std::mem::replace(&mut self.state, SessionState::Over);
                self.state = before.closing(reason);
            }
            SessionState::Withdrawn(_) | SessionState::Over => {}
        }
    }

    /// Puts an event out, unless the end is reported already.
    fn say(&self, cx: &mut Context, event: Event) {
        if !self.is_reported() {
            cx.event(event);
        }
    }

    /// True once the user heard that it is over.
    fn is_reported(&self) -> bool {
        match &self.state {
            SessionState::Invited(_) | SessionState::Calling(_) | SessionState::Talking(_) => false,
            SessionState::Withdrawn(_) | SessionState::Closing { .. } | SessionState::Over => true,
        }
    }

    /// Ends a session whose peer has to hear it by BYE, if it is one that was answered.
    fn bye(&mut self, cx: &mut Context, reason: Option<&str>, why: Ending) {
        if let Some(talking) = self.state.talking_mut() {
            send_bye(cx, &mut talking.dialog, self.peer, reason);
        }
        self.end(cx, why);
    }

    fn time_out(&mut self, cx: &mut Context, what: &str) {
        self.bye(cx, Some(&format!("SIP;cause=408;text=\"{what}\"")), Ending::TimedOut);
    }

    /// The peer does not answer inside the dialog any more (RFC 3261 section 12.2.1.2).
    pub(super) fn peer_lost(&mut self, cx: &mut Context, why: Ending) {
        self.bye(cx, Some("SIP;cause=408;text=\"Request Timeout\""), why);
    }

    /// The one way to end: the user hears it, once, and nothing is left.
    pub(super) fn end(&mut self, cx: &mut Context, why: Ending) {
        self.say(cx, Event::Ended { session: self.id, why });
        self.state = SessionState::Over;
        self.timers.stop_all();
    }
}

/// Whether the sender of these takes UPDATE; `None` when it does not say.
fn takes_update(headers: &Headers) -> Option<bool> {
    let allowed = headers.list("Allow");
    let update = |method: &String| method.eq_ignore_ascii_case("UPDATE");
    (!allowed.is_empty()).then(|| allowed.iter().any(update))
}

/// BYE in this dialog.
fn send_bye(cx: &mut Context, dialog: &mut Dialog, peer: Destination, reason: Option<&str>) {
    let mut bye = dialog.request(Method::Bye);
    if let Some(reason) = reason {
        bye.headers.push("Reason", reason);
    }
    bye.headers.push("User-Agent", &cx.settings.user_agent);
    let destination = in_dialog(peer, dialog);
    cx.start_client(bye, destination, Owner::Nobody);
}
