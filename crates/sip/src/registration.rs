//! Registering ourselves with somebody else's registrar (RFC 3261 section 10.2).
//!
//! ```text
//!          begin         2xx, for a time           after 1/2 to 5/6 of that time
//! (new) ─────────► Asking ───────────► Registered ───────────────────────────────► Asking …
//!                   │  ▲ 401, 407, 423: asked again, each at most once
//!                   │  └──────┐ after 30 s, doubled with each failure to 30 min; half to all of that
//!                   │ refused, or no answer
//!                   └──────► Waiting
//!
//! leave: from every state ──► Leaving (Expires: 0) ──► Gone
//! ```
//!
//! Give it what comes back, then drain `poll_output`, then sleep until `poll_timeout`. Of all requests only the last
//! has an answer that counts; a binding that was granted holds until its time is over, whatever fails meanwhile.

use std::collections::VecDeque;
use std::time::Duration;

use crate::{Credentials, Headers, Method, Moment, Random, Request, Response, Status, Uri, answer_challenge};

/// The wait after the first failure.
const FIRST_WAIT: Duration = Duration::from_secs(30);
/// The longest wait.
const LONGEST_WAIT: Duration = Duration::from_secs(1_800);
/// The shortest binding that is taken at its word, in seconds: a registrar that grants less is asked this often.
const SHORTEST: u64 = 10;
/// The longest binding that is believed, in seconds.
const LONGEST: u64 = 86_400;

/// With whom we register, and as what.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistrationSettings {
    /// The Request-URI: `sip:provider.example.com`.
    pub registrar: String,
    /// Our address there: `sip:account@provider.example.com`.
    pub address: String,
    /// Where we are reached: `sip:account@192.0.2.1:5060`.
    pub binding: String,
    /// How long the binding is asked to last, in seconds.
    pub interval: u64,
    /// What we answer challenges by.
    pub credentials: Credentials,
    /// `User-Agent`.
    pub user_agent: String,
}

/// How a registration stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Registered {
    /// The first answer is being waited for.
    Asking,
    /// Until this instant, unless it is refreshed before.
    Until(Moment),
    /// The registrar refused with this.
    Refused(Status),
    /// The registrar did not answer, or cannot be reached.
    Silent,
    /// Taken back by us.
    Left,
}

/// See the module.
#[derive(Debug)]
pub struct Registration {
    settings: RegistrationSettings,
    random: Random,
    call_id: String,
    tag: String,
    /// Of the last request.
    number: u32,
    interval: u64,
    state: State,
    /// Until when the registrar has our binding.
    until: Option<Moment>,
    /// Why the last attempt failed; `None` after one that did not.
    failure: Option<Registered>,
    /// Failures in a row.
    failures: u32,
    out: VecDeque<Request>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// A request is on its way; what was changed since the first one.
    Asking {
        challenged: bool,
        lengthened: bool,
    },
    /// The next request is due then.
    Waiting {
        due: Moment,
    },
    /// The binding is being taken back.
    Leaving {
        challenged: bool,
    },
    Gone,
}

impl Registration {
    /// Begins to register. `call_id`: one for all requests of this registration.
    pub fn begin(settings: RegistrationSettings, call_id: String, mut random: Random) -> Registration {
        let tag = random.token();
        let mut registration = Registration {
            interval: settings.interval,
            settings,
            random,
            call_id,
            tag,
            number: 0,
            state: State::Gone,
            until: None,
            failure: None,
            failures: 0,
            out: VecDeque::new(),
        };
        registration.ask();
        registration
    }

    /// What it was begun with.
    pub fn settings(&self) -> &RegistrationSettings {
        &self.settings
    }

    /// How it stands.
    pub fn standing(&self, now: Moment) -> Registered {
        match (self.state, self.until.filter(|until| *until > now), self.failure) {
            (State::Leaving { .. } | State::Gone, _, _) => Registered::Left,
            (_, Some(until), _) => Registered::Until(until),
            (_, None, Some(failure)) => failure,
            (_, None, None) => Registered::Asking,
        }
    }

    /// Why the last attempt failed, if it did; the binding of before may still hold.
    pub fn failure(&self) -> Option<Registered> {
        self.failure
    }

    /// An answer to the last request.
    pub fn handle_response(&mut self, now: Moment, response: &Response) {
        let is_last = response.cseq().is_ok_and(|cseq| cseq.number == self.number);
        if !is_last || response.status.is_provisional() {
            return;
        }
        match self.state {
            State::Asking { challenged, lengthened } => {
                if response.status.is_success() {
                    self.granted(now, response);
                } else if !challenged && self.ask_with_proof(response, self.interval) {
                    self.state = State::Asking { challenged: true, lengthened };
                } else if !lengthened && self.ask_for_longer(response) {
                    self.state = State::Asking { challenged: false, lengthened: true };
                } else {
                    self.failed(now, Registered::Refused(response.status));
                }
            }
            State::Leaving { challenged } => {
                if !challenged && self.ask_with_proof(response, 0) {
                    self.state = State::Leaving { challenged: true };
                } else {
                    self.state = State::Gone;
                }
            }
            State::Waiting { .. } | State::Gone => {}
        }
    }

    /// The last request got no answer, or could not be sent.
    pub fn handle_silence(&mut self, now: Moment) {
        match self.state {
            State::Asking { .. } => self.failed(now, Registered::Silent),
            State::Leaving { .. } => self.state = State::Gone,
            State::Waiting { .. } | State::Gone => {}
        }
    }

    /// The time has come that `poll_timeout` names.
    pub fn handle_timeout(&mut self, now: Moment) {
        if let State::Waiting { due } = self.state
            && due <= now
        {
            self.ask();
        }
    }

    /// Takes the binding back, where there may be one.
    pub fn leave(&mut self) {
        match self.state {
            State::Asking { .. } => self.send(0, None),
            State::Waiting { .. } if self.until.is_some() => self.send(0, None),
            State::Waiting { .. } => return self.state = State::Gone,
            State::Leaving { .. } | State::Gone => return,
        }
        self.state = State::Leaving { challenged: false };
    }

    /// True once nothing more will be sent.
    pub fn is_gone(&self) -> bool {
        self.state == State::Gone
    }

    /// The next REGISTER to send, without Via.
    pub fn poll_output(&mut self) -> Option<Request> {
        self.out.pop_front()
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Moment> {
        match self.state {
            State::Waiting { due } => Some(due),
            State::Asking { .. } | State::Leaving { .. } | State::Gone => None,
        }
    }

    fn ask(&mut self) {
        self.state = State::Asking { challenged: false, lengthened: false };
        self.send(self.interval, None);
    }

    fn granted(&mut self, now: Moment, response: &Response) {
        let seconds = self.granted_seconds(response).clamp(SHORTEST, LONGEST);
        self.until = Some(now + Duration::from_secs(seconds));
        (self.failure, self.failures) = (None, 0);
        let (earliest, latest) = (seconds * 500, seconds * 5_000 / 6);
        let wait = Duration::from_millis(self.random.between(earliest, latest));
        self.state = State::Waiting { due: now + wait };
    }

    /// For how long: as our binding says, else as the response does, else as we asked.
    fn granted_seconds(&self, response: &Response) -> u64 {
        let is_ours = |uri: &Uri| match (uri, Uri::parse(&self.settings.binding)) {
            (Uri::Sip(theirs), Ok(Uri::Sip(ours))) => theirs.same_as(&ours),
            (_, _) => false,
        };
        let bindings = response.addresses("Contact").unwrap_or_default();
        let ours = bindings.iter().find(|binding| is_ours(&binding.uri));
        let of_binding = ours.and_then(|binding| crate::scan::number(binding.params.value("expires")?));
        let of_response = || crate::scan::number(response.headers.text("Expires")?.trim());
        of_binding.or_else(of_response).unwrap_or(self.interval)
    }

    fn failed(&mut self, now: Moment, why: Registered) {
        self.failure = Some(why);
        let longest = FIRST_WAIT.saturating_mul(1 << self.failures.min(10)).min(LONGEST_WAIT);
        self.failures = self.failures.saturating_add(1);
        let ms = u64::try_from(longest.as_millis()).unwrap_or(u64::MAX);
        let wait = Duration::from_millis(self.random.between(ms / 2, ms));
        self.state = State::Waiting { due: now + wait };
    }

    /// False when the response is no challenge that we can answer.
    fn ask_with_proof(&mut self, response: &Response, interval: u64) -> bool {
        let (asks, answers) = match response.status {
            Status::UNAUTHORIZED => ("WWW-Authenticate", "Authorization"),
            Status::PROXY_AUTHENTICATION_REQUIRED => ("Proxy-Authenticate", "Proxy-Authorization"),
            _ => return false,
        };
        let challenges: Vec<String> =
            response.headers.all(asks).map(|value| String::from_utf8_lossy(value).into_owned()).collect();
        let RegistrationSettings { credentials, registrar, .. } = &self.settings;
        let proof =
            answer_challenge(&challenges, credentials, &Method::Register, registrar, &mut self.random);
        let Some(proof) = proof else { return false };
        self.send(interval, Some((answers, proof)));
        true
    }

    /// False when the response is not 423, or names nothing longer.
    fn ask_for_longer(&mut self, response: &Response) -> bool {
        let least = response.headers.text("Min-Expires").and_then(|text| crate::scan::number(text.trim()));
        let Some(least) = least.filter(|least| (self.interval + 1..=LONGEST).contains(least)) else {
            return false;
        };
        if response.status != Status::INTERVAL_TOO_BRIEF {
            return false;
        }
        self.interval = least;
        self.send(self.interval, None);
        true
    }

    fn send(&mut self, interval: u64, proof: Option<(&str, String)>) {
        self.number += 1;
        let RegistrationSettings { registrar, address, binding, user_agent, .. } = &self.settings;
        let mut headers = Headers::new()
            .with("Max-Forwards", "70")
            .with("From", format!("<{address}>;tag={}", self.tag))
            .with("To", format!("<{address}>"))
            .with("Call-ID", &self.call_id)
            .with("CSeq", format!("{} REGISTER", self.number))
            .with("Contact", format!("<{binding}>"))
            .with("Expires", interval.to_string())
            .with("Allow", Method::ALLOW)
            .with("User-Agent", user_agent);
        if let Some((name, value)) = proof {
            headers.push(name, value);
        }
        let uri = registrar.clone();
        self.out.push_back(Request { method: Method::Register, uri, headers, body: Vec::new() });
    }
}

#[cfg(test)]
mod tests;
