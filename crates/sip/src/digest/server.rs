//! Challenging, and judging the answers.
//!
//! A nonce carries its own birth and a keyed hash over it, so the server remembers nothing of a challenge
//! that nobody answers; for one that was answered rightly it remembers the highest `nc`.

use std::collections::BTreeMap;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::{Algorithm, DigestParams, Question, Secret, hex};
use crate::scan::quote;
use crate::{Moment, Random, Request, Uri};

/// How many answered nonces are remembered. When full, the oldest is forgotten and everything born before
/// it counts as expired, so forgetting never lets a replay in.
const MAX_NONCES: usize = 65_536;

/// What is known of a user's password, to a server that asks.
pub type Secrets<'a> = &'a dyn Fn(&str) -> Option<Secret>;

/// What an `Authorization` is worth.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Verdict {
    /// The request comes from this user.
    Accepted {
        /// The user name.
        user: String,
        /// What it answered by.
        algorithm: Algorithm,
    },
    /// No answer to a challenge of ours is in the request: challenge it.
    Missing,
    /// A right answer on a nonce that expired or that we did not make: challenge again with `stale=true`.
    Stale,
    /// A right answer with a count that was used before: a copy, perhaps a stranger's. Challenge again.
    Replayed,
    /// The answer is wrong, whoever it claims to be: challenge again.
    Wrong,
    /// The header breaks its grammar: 400.
    Malformed,
}

/// Makes challenges for one realm and judges their answers.
pub struct DigestServer {
    realm: String,
    lifetime: Duration,
    secret: String,
    random: Random,
    /// The highest `nc` seen on each nonce that was answered rightly, by birth.
    seen: BTreeMap<(u64, String), u32>,
    /// Nonces born before this are expired.
    floor: u64,
}

impl DigestServer {
    /// A server for `realm` whose nonces live for `lifetime`.
    pub fn new(realm: &str, lifetime: Duration, mut random: Random) -> DigestServer {
        let secret = format!("{}{}", random.token(), random.token());
        DigestServer { realm: realm.to_owned(), lifetime, secret, random, seen: BTreeMap::new(), floor: 0 }
    }

    /// The values of the `WWW-Authenticate` headers of a 401, in this order: a client answers the first that it knows
    /// (RFC 8760 section 2.4), and some give up when they do not know the first.
    pub fn challenge(&mut self, now: Moment, stale: bool, order: &[Algorithm]) -> Vec<String> {
        let salt = self.random.token();
        let nonce = self.nonce(now.ms(), &salt);
        let stale = if stale { ", stale=true" } else { "" };
        let realm = quote(&self.realm);
        let challenge = |algorithm: &Algorithm| {
            format!(
                "Digest realm={realm}, nonce=\"{nonce}\", algorithm={}, qop=\"auth\"{stale}",
                algorithm.name()
            )
        };
        order.iter().map(challenge).collect()
    }

    /// The user whose password a request's `Authorization` would prove, not proven yet.
    pub fn named_user(&self, request: &Request) -> Option<String> {
        request.headers.all("Authorization").find_map(|value| {
            let params = DigestParams::parse(std::str::from_utf8(value).ok()?)??;
            let ours = params.find("realm") == Some(self.realm.as_str());
            params.find("username").filter(|_| ours).map(str::to_owned)
        })
    }

    /// Judges a request's `Authorization`. An unknown user takes the same steps as a wrong password.
    pub fn judge(&mut self, now: Moment, request: &Request, secrets: Secrets<'_>) -> Verdict {
        let mut ours = None;
        for value in request.headers.all("Authorization") {
            let Ok(value) = std::str::from_utf8(value) else { return Verdict::Malformed };
            match DigestParams::parse(value) {
                None => {}
                Some(None) => return Verdict::Malformed,
                Some(Some(params)) if params.find("realm") == Some(self.realm.as_str()) => {
                    ours = Some(params)
                }
                Some(Some(_)) => {}
            }
        }
        match ours {
            None => Verdict::Missing,
            Some(params) => self.judge_params(now, request, &params, secrets).unwrap_or(Verdict::Malformed),
        }
    }

    /// `None` when a parameter is missing.
    fn judge_params(
        &mut self,
        now: Moment,
        request: &Request,
        params: &DigestParams,
        secrets: Secrets<'_>,
    ) -> Option<Verdict> {
        let (user, nonce, uri) = (params.find("username")?, params.find("nonce")?, params.find("uri")?);
        let (response, cnonce, nc) = (params.find("response")?, params.find("cnonce")?, params.find("nc")?);
        let algorithm = Algorithm::from_param(params.find("algorithm"));
        let qop_is_auth = params.find("qop")?.eq_ignore_ascii_case("auth");
        let (Some(algorithm), true) = (algorithm, qop_is_auth) else { return Some(Verdict::Wrong) };
        let count = (nc.len() == 8).then(|| u32::from_str_radix(nc, 16).ok()).flatten()?;
        let realm = self.realm.as_str();
        let known = secrets(user).and_then(|secret| secret.hashed(algorithm, user, realm));
        let method = request.method.name();
        let client = Some((nc, cnonce));
        let question = Question { algorithm, nonce, client, method, uri };
        let expected = question.response(known.as_deref().unwrap_or(&self.secret));
        let right = same_digits(&expected, response) && known.is_some() && same_target(uri, &request.uri);
        let born = self.born(nonce);
        Some(match (right, born) {
            (false, _) => Verdict::Wrong,
            // A device that goes on with a nonce from before our restart knows the password.
            (true, None) => Verdict::Stale,
            (true, Some(born)) if self.has_expired(now, born) => Verdict::Stale,
            (true, Some(born)) if self.count(born, nonce, count) => {
                Verdict::Accepted { user: user.to_owned(), algorithm }
            }
            (true, Some(_)) => Verdict::Replayed,
        })
    }

    fn nonce(&self, born: u64, salt: &str) -> String {
        let seal = Sha256::digest(format!("{}:{born:x}:{salt}:{}", self.secret, self.realm));
        format!("{born:x}-{salt}-{}", hex(seal.get(..16).unwrap_or(&seal)))
    }

    /// When a nonce of ours was made; `None` for one that we did not make.
    fn born(&self, nonce: &str) -> Option<u64> {
        let mut parts = nonce.splitn(3, '-');
        let born = u64::from_str_radix(parts.next()?, 16).ok()?;
        same_digits(&self.nonce(born, parts.next()?), nonce).then_some(born)
    }

    fn has_expired(&self, now: Moment, born: u64) -> bool {
        born < self.floor || now.since(Moment::from_ms(born)) > self.lifetime
    }

    /// Notes the use of a nonce; false when this count, or a higher one, was used before.
    fn count(&mut self, born: u64, nonce: &str, count: u32) -> bool {
        let last = self.seen.entry((born, nonce.to_owned())).or_insert(0);
        if count <= *last {
            return false;
        }
        *last = count;
        let oldest_living = born.saturating_sub(u64::try_from(self.lifetime.as_millis()).unwrap_or(u64::MAX));
        while self.seen.first_key_value().is_some_and(|((born, _), _)| *born < oldest_living) {
            self.seen.pop_first();
        }
        if self.seen.len() > MAX_NONCES
            && let Some(((born, _), _)) = self.seen.pop_first()
        {
            self.floor = born + 1;
        }
        true
    }
}

/// Compares in a time that does not depend on where the texts differ.
fn same_digits(a: &str, b: &str) -> bool {
    let difference = a.bytes().zip(b.bytes()).fold(0, |sum, (x, y)| sum | (x ^ y.to_ascii_lowercase()));
    a.len() == b.len() && difference == 0
}

/// The digest must be about this request's target (RFC 7616 section 3.4.6). Clients that digest the
/// server's bare address, or leave out a port or the brackets of an IPv6 address, mean the same server: that much is
/// let pass.
fn same_target(digest_uri: &str, request_uri: &str) -> bool {
    let (Ok(Uri::Sip(digest)), Ok(Uri::Sip(mut request))) = (Uri::parse(digest_uri), Uri::parse(request_uri))
    else {
        return digest_uri == request_uri || digest_uri == request_uri.replace(['[', ']'], "");
    };
    let mut digest = digest;
    if digest.port.is_none() || request.port.is_none() {
        (digest.port, request.port) = (None, None);
    }
    if digest.user.is_none() {
        (request.user, request.password) = (None, None);
    }
    digest.same_as(&request)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Credentials, Headers, Method, answer_challenge};

    /// SIPp 3.6.1 leaves out brackets.
    #[test]
    fn the_digested_address_may_be_written_otherwise_but_not_be_another() {
        for (digest, request, same) in [
            ("sip:::1:5060", "sip:[::1]:5060", true),
            ("sip:[::1]", "sip:[::1]:5060", true),
            ("sip:::2:5060", "sip:[::1]:5060", false),
            ("sip:192.0.2.1", "sip:1001@192.0.2.1:5060", true),
            ("sip:1002@192.0.2.1", "sip:1001@192.0.2.1", false),
        ] {
            assert_eq!(same_target(digest, request), same, "{digest} {request}");
        }
    }

    fn server() -> DigestServer {
        DigestServer::new("hotline", Duration::from_secs(300), Random::new([1; 32]))
    }

    fn request(authorization: &str) -> Request {
        let headers = Headers::new().with("Authorization", authorization);
        Request { method: Method::Register, uri: "sip:127.0.0.1".to_owned(), headers, body: Vec::new() }
    }

    fn answer(challenge: &str, user: &str, password: &str) -> String {
        let credentials = Credentials { user: user.to_owned(), password: password.to_owned(), realm: None };
        let mut random = Random::new([2; 32]);
        answer_challenge(
            &[challenge.to_owned()],
            &credentials,
            &Method::Register,
            "sip:127.0.0.1",
            &mut random,
        )
        .unwrap()
    }

    fn passwords(user: &str) -> Option<Secret> {
        (user == "1001").then(|| "sample-1001".to_owned().into())
    }

    #[test]
    fn both_algorithms_are_offered_and_taken() {
        let mut server = server();
        let challenges = server.challenge(Moment::from_ms(5), false, &Algorithm::ALL);
        assert!(challenges[0].contains("SHA-256") && challenges[1].contains("MD5"));
        for challenge in challenges {
            let challenge = if challenge.contains("MD5") {
                server.challenge(Moment::from_ms(6), false, &Algorithm::ALL)[1].clone()
            } else {
                challenge
            };
            let request = request(&answer(&challenge, "1001", "sample-1001"));
            let verdict = server.judge(Moment::from_ms(9), &request, &passwords);
            assert!(matches!(verdict, Verdict::Accepted { user, .. } if user == "1001"));
        }
    }

    #[test]
    fn challenges_have_the_order_that_is_asked_for() {
        let mut server = server();
        let mut names = |order: &[Algorithm]| {
            let challenges = server.challenge(Moment::from_ms(5), false, order);
            challenges.iter().map(|one| one.contains("algorithm=MD5")).collect::<Vec<_>>()
        };
        assert_eq!(names(&Algorithm::ALL), [false, true]);
        assert_eq!(names(&[Algorithm::Md5, Algorithm::Sha256]), [true, false]);
        assert_eq!(names(&[Algorithm::Md5]), [true]);
    }

    #[test]
    fn a_user_known_by_a_hash_proves_himself_by_its_algorithm_alone() {
        let mut server = server();
        let hash = passwords("1001").unwrap().hashed(Algorithm::Md5, "1001", "hotline").unwrap();
        let hashed = |_: &str| Some(Secret::hashes([(Algorithm::Md5, hash.clone())]));
        for (at, algorithm) in [(5, Algorithm::Md5), (6, Algorithm::Sha256)] {
            let challenge = &server.challenge(Moment::from_ms(at), false, &[algorithm])[0];
            let verdict = server.judge(
                Moment::from_ms(9),
                &request(&answer(challenge, "1001", "sample-1001")),
                &hashed,
            );
            assert_eq!(
                matches!(verdict, Verdict::Accepted { .. }),
                algorithm == Algorithm::Md5,
                "{algorithm}"
            );
        }
    }

    #[test]
    fn a_count_is_used_once() {
        let mut server = server();
        let now = Moment::from_ms(5);
        let challenge = &server.challenge(now, false, &Algorithm::ALL)[0];
        let first = request(&answer(challenge, "1001", "sample-1001"));
        assert!(matches!(server.judge(now, &first, &passwords), Verdict::Accepted { .. }));
        assert_eq!(server.judge(now, &first, &passwords), Verdict::Replayed);
    }

    #[test]
    fn stale_only_for_a_right_answer() {
        let mut server = server();
        let challenge = &server.challenge(Moment::from_ms(0), false, &Algorithm::ALL)[0];
        let late = Moment::from_ms(300_001);
        let right = request(&answer(challenge, "1001", "sample-1001"));
        let wrong = request(&answer(challenge, "1001", "guess"));
        assert_eq!(server.judge(late, &right, &passwords), Verdict::Stale);
        assert_eq!(server.judge(late, &wrong, &passwords), Verdict::Wrong);
    }

    #[test]
    fn wrong_answers_look_alike_and_never_pass() {
        let mut server = server();
        let now = Moment::from_ms(5);
        let challenge = server.challenge(now, false, &Algorithm::ALL)[0].clone();
        let good = answer(&challenge, "1001", "sample-1001");
        let foreign = challenge.replace("nonce=\"", "nonce=\"f");
        for (authorization, verdict) in [
            (answer(&challenge, "1001", "guess"), Verdict::Wrong),
            (answer(&challenge, "nobody", "guess"), Verdict::Wrong),
            (answer(&foreign, "1001", "sample-1001"), Verdict::Stale),
            (answer(&foreign, "1001", "guess"), Verdict::Wrong),
            (good.replace("uri=\"sip:127.0.0.1\"", "uri=\"sip:127.0.0.2\""), Verdict::Wrong),
            (good.replace("uri=\"sip:127.0.0.1\"", "uri=\"sip:x@127.0.0.1\""), Verdict::Wrong),
            (good.replace("qop=auth", "qop=auth-int"), Verdict::Wrong),
            (good.replace("realm=\"hotline\"", "realm=\"else\""), Verdict::Missing),
            (good.replace("cnonce=", "xnonce="), Verdict::Malformed),
            (good.replace("nc=00000001", "nc=1"), Verdict::Malformed),
            ("NoOneKnowsThisScheme opaque-data=here".to_owned(), Verdict::Missing),
        ] {
            assert_eq!(server.judge(now, &request(&authorization), &passwords), verdict, "{authorization}");
        }
    }
}
