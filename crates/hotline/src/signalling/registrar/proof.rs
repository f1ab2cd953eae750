//! Who somebody is: challenges, what their answers prove, and what is logged of wrong ones.

use std::net::SocketAddr;

use model::{AgentId, Personal};
use sip::{Algorithm, Answer, Flow, Moment, Request, Status, Verdict};

use super::RegistrarTask;
use crate::observer::Refused;
use crate::signalling::{SignallingInput, translate};

impl<T: From<SignallingInput> + Send + 'static> RegistrarTask<T> {
    /// The agent who sends this, who must be the one that the request `claims` to be from or for.
    pub(super) fn judge(
        &mut self,
        now: Moment,
        request: &Request,
        flow: Flow,
        claimed: Option<String>,
    ) -> Result<AgentId, Answer> {
        let source = flow.source;
        let has_credentials = request.headers.count("Authorization") > 0;
        // What is guessed is the password of the name in the digest, whoever the request claims to be from.
        let named = self.digest.named_user(request).or_else(|| claimed.clone());
        let account = named.unwrap_or_default();
        if has_credentials {
            self.manners.spoke(&account, source.ip());
        }
        let known = self.registrar.knows(now, &account, flow);
        let closed = self.slowdown.closed_for(now, &account, source);
        if let Some(wait) = closed.filter(|_| has_credentials && !known) {
            let seconds = wait.as_millis().div_ceil(1_000).to_string();
            return Err(Answer::new(Status::SERVICE_UNAVAILABLE).with("Retry-After", seconds));
        }
        let agents = &self.agents;
        let secrets = |user: &str| agents.get(user).map(|(_, secret)| secret.clone());
        match self.digest.judge(now, request, &secrets) {
            // Right, and by an algorithm that this agent may not answer by.
            Verdict::Accepted { user, algorithm } if !self.allowed(&user).contains(&algorithm) => {
                Err(self.challenge(now, request, &account, source, false))
            }
            Verdict::Accepted { user, algorithm } => {
                self.changed = true;
                self.manners.answered(now, &user, source.ip(), algorithm);
                self.slowdown.right(now, &user, source);
                let proven = self.agents.get(&user).filter(|_| claimed.as_ref() == Some(&user));
                proven.map(|(agent, _)| agent.clone()).ok_or_else(|| Answer::new(Status::FORBIDDEN))
            }
            Verdict::Missing | Verdict::Replayed => {
                // An agent's phone waits for the question; from all others it is the end.
                if !claimed.is_some_and(|user| self.agents.contains_key(&user)) {
                    self.note("unknown_source", request, flow);
                }
                Err(self.challenge(now, request, &account, source, false))
            }
            Verdict::Stale => Err(self.challenge(now, request, &account, source, true)),
            Verdict::Wrong => {
                self.changed = true;
                self.slowdown.wrong(now, &account, source);
                self.failures.log(now, &account, source);
                self.observer.authentication_failed();
                Err(self.challenge(now, request, &account, source, false))
            }
            Verdict::Malformed => Err(Answer::new(Status::BAD_REQUEST)),
        }
    }

    /// For the log: who is not let in.
    fn note(&self, reason: &'static str, request: &Request, flow: Flow) {
        let user = |address: Result<sip::Address, sip::HeaderError>| address.ok()?.uri.user()?.parse().ok();
        self.observer.refused(Refused {
            reason,
            source: flow.source,
            sip_call_id: translate::sip_call_id(request),
            number: user(request.to()),
            caller: user(request.from()).map(Personal::new),
            status: Status::UNAUTHORIZED.code(),
        });
    }

    /// What an account may answer challenges by, best first: as configured, as far as its password is known for it.
    fn allowed(&self, account: &str) -> Vec<Algorithm> {
        let Some((agent, secret)) = self.agents.get(account) else { return Algorithm::ALL.to_vec() };
        let settings = self.settings.borrow();
        let configured = settings.digests.get(agent).map_or(&Algorithm::ALL[..], Vec::as_slice);
        configured.iter().copied().filter(|algorithm| secret.knows(*algorithm)).collect()
    }

    fn challenge(
        &mut self,
        now: Moment,
        request: &Request,
        account: &str,
        source: SocketAddr,
        stale: bool,
    ) -> Answer {
        let client = request.headers.text("User-Agent").unwrap_or_default();
        let is_md5_client = |prefix: &String| client.starts_with(prefix.as_str());
        let md5 = self.settings.borrow().md5_clients.iter().any(is_md5_client);
        let order = match self.allowed(account) {
            // A name that nobody has gets what one that somebody has would get.
            allowed if md5 && allowed.contains(&Algorithm::Md5) => vec![Algorithm::Md5],
            allowed => {
                let number = request.cseq().map_or(0, |cseq| cseq.number);
                let attempt = format!("{} {number}", request.headers.text("Call-ID").unwrap_or_default());
                let attempt = Some(attempt).filter(|_| request.headers.count("Authorization") == 0);
                self.manners.order(now, account, source.ip(), attempt, &allowed)
            }
        };
        let challenges = self.digest.challenge(now, stale, &order);
        challenges.into_iter().fold(Answer::new(Status::UNAUTHORIZED), |answer, challenge| {
            answer.with("WWW-Authenticate", challenge)
        })
    }
}

/// Lines about wrong passwords a second.
const FAILURE_LINES: u32 = 20;

/// Wrong passwords are logged for people and for programs that ban addresses, 20 lines a second at most.
#[derive(Default)]
pub(super) struct Failures {
    second: u64,
    lines: u32,
    unsaid: u64,
}

impl Failures {
    /// The line names the account, the address and the port; its form stays the same from release to release.
    fn log(&mut self, now: Moment, account: &str, source: SocketAddr) {
        let second = now.ms() / 1_000;
        if second != self.second {
            (self.second, self.lines) = (second, 0);
        }
        if self.lines >= FAILURE_LINES {
            self.unsaid = self.unsaid.saturating_add(1);
            return;
        }
        self.lines += 1;
        let unsaid = std::mem::take(&mut self.unsaid);
        let user = printable(account);
        let (address, port) = (source.ip().to_canonical(), source.port());
        tracing::warn!(user, %address, port, unsaid, "SIP authentication failed: wrong password or unknown user");
    }
}

/// A name that a stranger wrote, so that it cannot look like another line of the log.
fn printable(name: &str) -> String {
    name.chars().filter(|c| c.is_ascii_alphanumeric() || "-_.+*#@".contains(*c)).take(40).collect()
}
