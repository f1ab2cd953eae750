//! Digest authentication: nobody gets in without the password, and nobody twice with one answer.

use std::time::Duration;

use ::sip::{
    Algorithm, Credentials, DigestServer, Headers, Method, Moment, Random, Request, Verdict, answer_challenge,
};

const USER: &str = "1001";
/// Long enough that no input can hold it by chance.
const PASSWORD: &str = "Xq7-fuzz-9b1c04";
const URI: &str = "sip:192.0.2.1";

/// Any text as `Authorization`, as challenge, as password, and as a change of a right answer.
pub fn digest(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut judge = Judge::new();
    assert!(!judge.accepts(text.as_bytes()), "any text");
    let _ = answer_to(&text, PASSWORD);
    let guess = judge.answer_with(&text);
    assert_eq!(judge.accepts(guess.as_bytes()), text == PASSWORD, "a guessed password");
    if let Some(answered) = answer_to(&text, "guess") {
        assert!(!judge.accepts(answered.as_bytes()), "a challenge of the peer's own making");
    }
    let Some((at, change)) = bytes.split_first_chunk::<2>() else { return };
    for password in [PASSWORD, "guess"] {
        let changed = spliced(&judge.answer_with(password), usize::from(u16::from_be_bytes(*at)), change);
        let accepted = judge.accepts(&changed);
        assert!(!accepted || password == PASSWORD, "a changed answer without the password");
        assert!(!(accepted && judge.accepts(&changed)), "one answer twice");
    }
}

/// The digest of `password` over a challenge of any making.
fn answer_to(challenge: &str, password: &str) -> Option<String> {
    let credentials = Credentials { user: USER.to_owned(), password: password.to_owned(), realm: None };
    let mut random = Random::new([2; 32]);
    answer_challenge(&[challenge.to_owned()], &credentials, &Method::Register, URI, &mut random)
}

/// `text` with as many bytes as `change` has replaced from `at` on.
fn spliced(text: &str, at: usize, change: &[u8]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    let at = at % bytes.len();
    let end = (at + change.len()).min(bytes.len());
    bytes.splice(at..end, change.iter().copied());
    bytes
}

/// One server with one user.
struct Judge {
    server: DigestServer,
    now: Moment,
}

impl Judge {
    fn new() -> Judge {
        let server = DigestServer::new("hotline", Duration::from_secs(300), Random::new([1; 32]));
        Judge { server, now: Moment::from_ms(5) }
    }

    /// The right answer to a fresh challenge, given `password`.
    fn answer_with(&mut self, password: &str) -> String {
        let challenges = self.server.challenge(self.now, false, &Algorithm::ALL);
        answer_to(challenges.first().expect("a challenge"), password).expect("an answer to our challenge")
    }

    fn accepts(&mut self, authorization: &[u8]) -> bool {
        let headers = Headers::new().with("Authorization", authorization);
        let request = Request { method: Method::Register, uri: URI.to_owned(), headers, body: Vec::new() };
        let password = |user: &str| (user == USER).then(|| PASSWORD.to_owned().into());
        match self.server.judge(self.now, &request, &password) {
            Verdict::Accepted { user, .. } => {
                assert_eq!(user, USER);
                true
            }
            Verdict::Missing | Verdict::Stale | Verdict::Replayed | Verdict::Wrong | Verdict::Malformed => {
                false
            }
        }
    }
}
