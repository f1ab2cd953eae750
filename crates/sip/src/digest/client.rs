//! Answering a challenge.

use super::{Algorithm, DigestParams, Question, Secret};
use crate::scan::quote;
use crate::{Method, Random};

/// Who we are to a peer that challenges us.
#[derive(Clone, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub user: String,
    /// The password.
    pub password: String,
    /// The only realm that these are for; `None` answers any.
    pub realm: Option<String>,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Credentials({})", self.user)
    }
}

/// Each challenge is answered once.
const COUNT: &str = "00000001";

/// The value of `Authorization` (or `Proxy-Authorization`) that answers the best of `challenges`, the
/// values of `WWW-Authenticate` (or `Proxy-Authenticate`) in order: the first whose algorithm we know.
/// `None` when none can be answered: another scheme, algorithm, realm or qop.
pub fn answer_challenge(
    challenges: &[String],
    credentials: &Credentials,
    method: &Method,
    uri: &str,
    random: &mut Random,
) -> Option<String> {
    let (params, algorithm, has_qop) = challenges.iter().find_map(|challenge| {
        let params = DigestParams::parse(challenge)??;
        let algorithm = Algorithm::from_param(params.find("algorithm"))?;
        let realm = params.find("realm")?;
        let realm_fits = credentials.realm.as_ref().is_none_or(|ours| ours == realm);
        let is_auth = |qop: &str| qop.trim().eq_ignore_ascii_case("auth");
        let qop = params.find("qop");
        let (has_qop, qop_fits) = (qop.is_some(), qop.is_none_or(|qop| qop.split(',').any(is_auth)));
        (realm_fits && qop_fits).then_some((params, algorithm, has_qop))
    })?;
    let (realm, nonce) = (params.find("realm")?, params.find("nonce")?);
    let cnonce = random.token();
    let question = Question {
        algorithm,
        nonce,
        client: has_qop.then_some((COUNT, &cnonce)),
        method: method.name(),
        uri,
    };
    let secret = Secret::from(credentials.password.clone());
    let response = question.response(&secret.hashed(algorithm, &credentials.user, realm)?);
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}",
        quote(&credentials.user),
        quote(realm),
        quote(nonce),
        quote(uri),
        algorithm.name(),
    );
    if has_qop {
        value.push_str(&format!(", cnonce=\"{cnonce}\", qop=auth, nc={COUNT}"));
    }
    if let Some(opaque) = params.find("opaque") {
        value.push_str(&format!(", opaque={}", quote(opaque)));
    }
    Some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(challenge: &str) -> Option<String> {
        let (user, password) = ("Mufasa".to_owned(), "CircleOfLife".to_owned());
        let credentials = Credentials { user, password, realm: None };
        let method = Method::Other("GET".to_owned());
        let random = &mut Random::new([7; 32]);
        answer_challenge(&[challenge.to_owned()], &credentials, &method, "/dir/index.html", random)
    }

    const ASKED: &str = "Digest realm=\"testrealm@host.com\", nonce=\"dcd98b7102dd2f0e8b11d0f600bfb0c093\"";

    /// The example of RFC 2069 section 2.4, as its erratum 749 has it.
    #[test]
    fn a_challenge_without_qop_is_answered_without() {
        let answer = answer(ASKED).unwrap();
        assert!(answer.contains("response=\"1949323746fe6a43ef61f9606e7febea\""), "{answer}");
        assert!(!answer.contains("cnonce") && !answer.contains("qop") && !answer.contains("nc="), "{answer}");
    }

    #[test]
    fn a_qop_that_we_know_is_taken_and_no_other() {
        let with = |qop: &str| answer(&format!("{ASKED}, qop=\"{qop}\""));
        assert!(with("auth-int, auth").is_some_and(|answer| answer.contains("qop=auth, nc=00000001")));
        assert_eq!(with("auth-int"), None);
    }
}
