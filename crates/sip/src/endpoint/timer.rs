//! Sessions' timers: copies of the 2xx, glare, the session timer of RFC 4028.

use std::time::Duration;

use super::check::bad_request;
use super::session::{Change, Refresh, Stage, Withdraw};
use super::transactions::{ClientKey, ClientMachine};
use super::{Answer, Due, Ending, Endpoint, SessionId};
use crate::scan::{Params, seconds};
use crate::transaction::T2;
use crate::{Headers, Moment, Request, Response, Status};

/// The shortest session interval that we agree to, in seconds (RFC 4028 section 4).
pub(super) const MIN_SE: u32 = 90;

impl Endpoint {
    pub(super) fn session_timeout(&mut self, now: Moment, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        match &mut session.stage {
            Stage::Incoming(_) => self.incoming_timeout(now, id),
            Stage::Outgoing(outgoing) => {
                if let Withdraw::Sent { until } = outgoing.withdraw
                    && until <= now
                {
                    let client = outgoing.client.clone();
                    self.forget_client(now, &client);
                    return self.finish(id, Ending::TimedOut);
                }
                self.unheard_timeout(now, id);
            }
            Stage::Talking(_) => self.talking_timeout(now, id),
        }
        self.reschedule(id);
    }

    /// Nothing at all came back: the user hears that now. The INVITE is sent no more, and what still comes of it is ended.
    fn unheard_timeout(&mut self, now: Moment, id: SessionId) {
        let Some(Stage::Outgoing(outgoing)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        if outgoing.withdraw != Withdraw::No || outgoing.unheard_until.is_none_or(|until| until > now) {
            return;
        }
        outgoing.withdraw = Withdraw::Wanted { reason: None };
        let client = outgoing.client.clone();
        if let Some(ClientMachine::Invite(machine)) =
            self.clients.get_mut(&client).map(|slot| &mut slot.machine)
        {
            machine.send_no_more();
        }
        self.client_steps(now, &client, Vec::new());
        self.say_ended(id, Ending::TimedOut);
    }

    fn talking_timeout(&mut self, now: Moment, id: SessionId) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        let peer = session.peer;
        let Stage::Talking(talking) = &mut session.stage else { return };
        if talking.asked.is_some_and(|until| until <= now) {
            let reason = "SIP;cause=408;text=\"No sign of life\"";
            return self.bye(now, id, Some(reason), Ending::TimedOut);
        }
        if let Some(unacked) = &mut talking.unacked {
            if unacked.until <= now {
                let reason = "SIP;cause=408;text=\"ACK not received\"";
                return self.bye(now, id, Some(reason), Ending::TimedOut);
            }
            if unacked.next <= now {
                unacked.next = now + unacked.pause.min(T2);
                unacked.pause = (unacked.pause * 2).min(T2);
                let bytes = unacked.bytes.clone();
                self.send(peer, bytes);
            }
        }
        self.talking_wakes(now, id);
    }

    /// Glare's retry and the session timer.
    fn talking_wakes(&mut self, now: Moment, id: SessionId) {
        let Some(Stage::Talking(talking)) = self.sessions.get_mut(&id).map(|session| &mut session.stage)
        else {
            return;
        };
        let free = talking.unacked.is_none();
        let retry = matches!(talking.change, Change::Retry { at } if at <= now);
        let idle = talking.change == Change::None;
        match talking.refresh {
            Refresh::Theirs { deadline, .. } if deadline <= now => {
                let reason = "SIP;cause=408;text=\"Session timer expired\"";
                return self.bye(now, id, Some(reason), Ending::TimedOut);
            }
            Refresh::Ours { every, at } if at <= now => {
                talking.refresh = Refresh::Ours { every, at: now + every / 2 };
                if idle && free {
                    self.send_refresh(now, id);
                }
            }
            Refresh::Off | Refresh::Theirs { .. } | Refresh::Ours { .. } => {}
        }
        if retry && free {
            self.send_reinvite(now, id);
        } else if retry
            && let Some(Stage::Talking(talking)) =
                self.sessions.get_mut(&id).map(|session| &mut session.stage)
        {
            talking.change = Change::Retry { at: now + Duration::from_millis(500) };
        }
    }

    /// Gives up an INVITE that nobody will answer.
    pub(super) fn forget_client(&mut self, now: Moment, key: &ClientKey) {
        let mut steps = Vec::new();
        if let Some(ClientMachine::Invite(machine)) = self.clients.get_mut(key).map(|slot| &mut slot.machine)
        {
            machine.terminate(&mut steps);
        }
        self.client_steps(now, key, steps);
        self.schedule.set(&Due::Client(key.clone()), None);
    }
}

/// What a peer's request asks of the session timer; 422 when the interval is too short for us.
/// `ours` is the interval, in seconds, that we ask of peers that know session timers and did not ask themselves; it also
/// shortens theirs.
pub(super) fn agree_refresh(now: Moment, request: &Request, ours: Option<u32>) -> Result<Refresh, Answer> {
    let supported = request.headers.list("Supported").iter().any(|tag| tag.eq_ignore_ascii_case("timer"));
    let wish = ours.map(|ours| ours.max(least_interval(&request.headers)));
    if request.headers.count("Session-Expires") == 0 {
        let wish = wish.filter(|_| supported).map(|every| Duration::from_secs(u64::from(every)));
        return Ok(wish.map_or(Refresh::Off, |every| Refresh::Ours { every, at: now + every / 2 }));
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
    if ours {
        return Ok(Refresh::Ours { every, at: now + every / 2 });
    }
    Ok(theirs(now, every))
}

/// The peer refreshes. BYE some time before the end, so that it still finds its way (RFC 4028 section 10).
fn theirs(now: Moment, every: Duration) -> Refresh {
    let early = Duration::from_secs(32).min(every / 3);
    Refresh::Theirs { every, deadline: now + (every - early) }
}

/// What a 2xx to a request of ours agreed to; where it says nothing, as it was, and begun again (section 7.2).
pub(super) fn agreed_refresh(now: Moment, response: &Response, before: Refresh) -> Refresh {
    let said = session_expires(&response.headers).map(|(interval, params)| {
        let every = Duration::from_secs(u64::from(interval.max(MIN_SE)));
        (every, params.value("refresher").is_some_and(|refresher| refresher.eq_ignore_ascii_case("uas")))
    });
    match (said, before) {
        (Some((every, true)), _) => theirs(now, every),
        (Some((every, false)), _) | (None, Refresh::Ours { every, .. }) => {
            Refresh::Ours { every, at: now + every / 2 }
        }
        (None, Refresh::Theirs { every, .. }) => theirs(now, every),
        (None, Refresh::Off) => Refresh::Off,
    }
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
        Refresh::Theirs { every, .. } => answer
            .with("Require", "timer")
            .with("Session-Expires", format!("{};refresher=uac", every.as_secs())),
        Refresh::Ours { every, .. } => {
            answer.with("Session-Expires", format!("{};refresher=uas", every.as_secs()))
        }
    }
}

/// Keeps what was agreed in a request of ours.
pub(super) fn ask_refresh(request: &mut Request, refresh: Refresh) {
    match refresh {
        Refresh::Off => {}
        Refresh::Theirs { every, .. } => {
            request.headers.push("Session-Expires", format!("{};refresher=uas", every.as_secs()));
        }
        Refresh::Ours { every, .. } => {
            request.headers.push("Session-Expires", format!("{};refresher=uac", every.as_secs()));
        }
    }
}
