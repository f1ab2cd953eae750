//! The session timer of RFC 4028: who refreshes a session, and how often.

use std::time::Duration;

use super::{Change, Session, SessionState, Timer};
use crate::endpoint::Answer;
use crate::endpoint::answers::bad_request;
use crate::endpoint::context::Context;
use crate::scan::{Params, seconds};
use crate::{Headers, Moment, Request, Response, Status};

/// The shortest session interval that we agree to, in seconds (RFC 4028 section 4).
pub(super) const MIN_SE: u32 = 90;

/// What was agreed about the session timer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Refresh {
    /// Nothing.
    Off,
    /// The peer refreshes; BYE if it has not in time.
    Theirs { every: Duration },
    /// We refresh.
    Ours { every: Duration },
}

impl Session {
    /// Puts in force what was agreed; the interval begins now. An unanswered session has no timer yet.
    pub(super) fn set_refresh(&mut self, now: Moment, refresh: Refresh) {
        let Some(talking) = self.state.talking_mut() else { return };
        talking.refresh = refresh;
        self.timers.stop(Timer::Refresh);
        self.timers.stop(Timer::Expiry);
        match refresh {
            Refresh::Off => {}
            Refresh::Ours { every } => self.timers.set(Timer::Refresh, now + every / 2),
            Refresh::Theirs { every } => {
                // BYE some time before the end, so that it still finds its way (section 10).
                let early = Duration::from_secs(32).min(every / 3);
                self.timers.set(Timer::Expiry, now + (every - early));
            }
        }
    }

    /// Takes the interval that a 422 to our refresh wants (section 7.3); where it is longer than ours, we refresh again
    /// at once.
    pub(super) fn lengthen_refresh(&mut self, now: Moment, response: &Response) {
        let Some(talking) = self.state.talking_mut() else { return };
        let least = Duration::from_secs(u64::from(least_interval(&response.headers)));
        match &mut talking.refresh {
            Refresh::Off => {}
            Refresh::Ours { every } => {
                let wait = if least > *every { Duration::ZERO } else { *every / 2 };
                *every = least.max(*every);
                self.timers.set(Timer::Refresh, now + wait);
            }
            Refresh::Theirs { every } => *every = least.max(*every),
        }
    }

    /// Half of our interval is over.
    pub(super) fn refresh_due(&mut self, cx: &mut Context) {
        let (SessionState::Talking(talking) | SessionState::Closing { talking, .. }) = &self.state else {
            return;
        };
        let Refresh::Ours { every } = talking.refresh else { return };
        self.timers.set(Timer::Refresh, cx.now + every / 2);
        if talking.change == Change::None && talking.unacked.is_none() {
            self.send_refresh(cx);
        }
    }
}

/// What a peer's request asks of the session timer; 422 when the interval is too short for us.
/// `ours` is the interval, in seconds, that we ask of peers that know session timers and did not ask themselves; it
/// also shortens theirs.
pub(super) fn agree_refresh(request: &Request, ours: Option<u32>) -> Result<Refresh, Answer> {
    let supported = request.headers.list("Supported").iter().any(|tag| tag.eq_ignore_ascii_case("timer"));
    let wish = ours.map(|ours| ours.max(least_interval(&request.headers)));
    if request.headers.count("Session-Expires") == 0 {
        let wish = wish.filter(|_| supported).map(|every| Duration::from_secs(u64::from(every)));
        return Ok(wish.map_or(Refresh::Off, |every| Refresh::Ours { every }));
    }
    let Some((interval, params)) = session_expires(&request.headers) else {
        return Err(bad_request("malformed Session-Expires"));
    };
    if interval < MIN_SE {
        if supported {
            return Err(Answer::new(Status::SESSION_INTERVAL_TOO_SMALL).with("Min-SE", MIN_SE.to_string()));
        }
        return Ok(Refresh::Off);
    }
    let every = Duration::from_secs(u64::from(wish.map_or(interval, |wish| interval.min(wish))));
    let ours = match params.value("refresher") {
        Some(refresher) => refresher.eq_ignore_ascii_case("uas"),
        None => !supported,
    };
    Ok(if ours { Refresh::Ours { every } } else { Refresh::Theirs { every } })
}

/// What a 2xx to a request of ours agreed to; where it says nothing, as it was (RFC 4028 section 7.2).
pub(super) fn agreed_refresh(response: &Response, before: Refresh) -> Refresh {
    let Some((interval, params)) = session_expires(&response.headers) else { return before };
    let every = Duration::from_secs(u64::from(interval.max(MIN_SE)));
    let theirs = params.value("refresher").is_some_and(|refresher| refresher.eq_ignore_ascii_case("uas"));
    if theirs { Refresh::Theirs { every } } else { Refresh::Ours { every } }
}

/// The interval in seconds, and what is said beside it.
fn session_expires(headers: &Headers) -> Option<(u32, Params)> {
    let text = headers.text("Session-Expires")?;
    let (interval, params) = text.split_at(text.find(';').unwrap_or(text.len()));
    Some((seconds(interval.trim())?, Params::parse(params)?))
}

/// Min-SE, in seconds, at least ours and at most a day.
pub(super) fn least_interval(headers: &Headers) -> u32 {
    let text = headers.text("Min-SE");
    let least = text.and_then(|text| seconds(text.split(';').next().unwrap_or("").trim()));
    least.unwrap_or(MIN_SE).clamp(MIN_SE, 86_400)
}

/// Says in a 2xx what was agreed.
pub(super) fn state_refresh(answer: Answer, refresh: Refresh) -> Answer {
    match refresh {
        Refresh::Off => answer,
        Refresh::Theirs { every } => answer
            .with("Require", "timer")
            .with("Session-Expires", format!("{};refresher=uac", every.as_secs())),
        Refresh::Ours { every } => {
            answer.with("Session-Expires", format!("{};refresher=uas", every.as_secs()))
        }
    }
}

/// Keeps what was agreed in a request of ours.
pub(super) fn ask_refresh(request: &mut Request, refresh: Refresh) {
    match refresh {
        Refresh::Off => {}
        Refresh::Theirs { every } => {
            request.headers.push("Session-Expires", format!("{};refresher=uas", every.as_secs()));
        }
        Refresh::Ours { every } => {
            request.headers.push("Session-Expires", format!("{};refresher=uac", every.as_secs()));
        }
    }
}
