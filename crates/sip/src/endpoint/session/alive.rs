//! Whether the peer of a session still lives: the session refresh of RFC 4028, OPTIONS inside the dialog.
//!
//! ```text
//! Talking ── ask, or the refresh is due ──► a question is open
//!    ▲                                        │ any answer that shows the dialog, any request of the peer
//!    └────────────────────────────────────────┤
//!                                             └── no answer in time, or one that ends the dialog ──► BYE, Ended
//! ```

use super::refresh::{Refresh, agreed_refresh, ask_refresh};
use super::{Change, Session, SessionState, Timer};
use crate::endpoint::Ending;
use crate::endpoint::clients::{ANSWER_FOR, Owner};
use crate::endpoint::context::Context;
use crate::endpoint::destination::{in_dialog, our_binding};
use crate::{Method, Response, Status};

impl Session {
    /// Asks the peer of a session that stands whether it lives.
    pub(crate) fn ask(&mut self, cx: &mut Context) {
        let SessionState::Talking(talking) = &self.state else { return };
        if talking.unacked.is_some() || self.timers.runs(Timer::Silence) {
            return;
        }
        self.timers.set(Timer::Silence, cx.now + ANSWER_FOR);
        match (talking.refresh, talking.change) {
            (Refresh::Theirs { .. } | Refresh::Ours { .. }, Change::None) => self.send_refresh(cx),
            (Refresh::Off, _)
            | (Refresh::Theirs { .. } | Refresh::Ours { .. }, Change::Pending | Change::Retry) => {
                self.send_question(cx, Method::Options);
            }
        }
    }

    /// Refreshes a session: by UPDATE where the peer takes it, for that needs no description; else by re-INVITE.
    pub(super) fn send_refresh(&mut self, cx: &mut Context) {
        let Some(talking) = self.state.talking_mut() else { return };
        if talking.takes_update {
            self.send_question(cx, Method::Update);
        } else {
            self.send_reinvite(cx);
        }
    }

    pub(super) fn send_question(&mut self, cx: &mut Context, method: Method) {
        let Some(talking) = self.state.talking_mut() else { return };
        let mut request = talking.dialog.request(method);
        if request.method == Method::Update {
            ask_refresh(&mut request, talking.refresh);
        }
        let destination = in_dialog(self.peer, &talking.dialog);
        if request.method == Method::Update {
            self.carry_identity(&mut request);
        }
        request.headers.push("Contact", our_binding(self.peer, self.is_sips));
        request.headers.push("Supported", "timer");
        request.headers.push("User-Agent", &cx.settings.user_agent);
        cx.start_client(request, destination, Owner::Question(self.id));
    }

    /// Something came back for our UPDATE or OPTIONS.
    pub(crate) fn question_answered(&mut self, cx: &mut Context, response: &Response) {
        if response.status.is_provisional() {
            return;
        }
        if ends_dialog(response.status) {
            return self.bye(cx, None, Ending::TimedOut);
        }
        self.timers.stop(Timer::Silence);
        if response.cseq().is_ok_and(|cseq| cseq.method == Method::Update) {
            self.update_answered(cx, response);
        }
    }

    fn update_answered(&mut self, cx: &mut Context, response: &Response) {
        let Some(talking) = self.state.talking_mut() else { return };
        match response.status {
            status if status.is_success() => {
                let refresh = agreed_refresh(response, talking.refresh);
                self.set_refresh(cx.now, refresh);
                self.move_target(&response.addresses("Contact").unwrap_or_default());
            }
            Status::SESSION_INTERVAL_TOO_SMALL => self.lengthen_refresh(cx.now, response),
            // It lives, but takes no UPDATE although it said so.
            Status::METHOD_NOT_ALLOWED | Status::NOT_IMPLEMENTED => {
                talking.takes_update = false;
                let is_free = talking.change == Change::None && talking.unacked.is_none();
                // It did not take the identity either.
                self.is_identity_sent = self.identity.is_empty();
                if is_free {
                    self.send_reinvite(cx);
                } else {
                    self.send_identity(cx);
                }
            }
            _ => {}
        }
    }
}

/// True for answers that end the dialog (RFC 5057 section 5.1, and 480 and 408 from whoever stands between): all others
/// show that it lives.
pub(super) fn ends_dialog(status: Status) -> bool {
    matches!(status.code(), 404 | 408 | 410 | 416 | 480..=485 | 502 | 604)
}
