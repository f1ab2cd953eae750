//! Answering a challenge.

use super::{Algorithm, DigestParams, Question};
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
    let (params, algorithm) = challenges.iter().find_map(|challenge| {
        let params = DigestParams::parse(challenge)??;
        let algorithm = Algorithm::from_param(params.find("algorithm"))?;
        let realm = params.find("realm")?;
        let realm_fits = credentials.realm.as_ref().is_none_or(|ours| ours == realm);
        let qop_fits = params.find("qop")?.split(',').any(|qop| qop.trim().eq_ignore_ascii_case("auth"));
        (realm_fits && qop_fits).then_some((params, algorithm))
    })?;
    let (realm, nonce) = (params.find("realm")?, params.find("nonce")?);
    let cnonce = random.token();
    let question = Question {
        algorithm,
        user: &credentials.user,
        realm,
        nonce,
        nc: "00000001",
        cnonce: &cnonce,
        method: method.name(),
        uri,
    };
    let response = question.response(&credentials.password);
    let mut value = format!(
        "Digest username={}, realm={}, nonce={}, uri={}, response=\"{response}\", algorithm={}, \
         cnonce=\"{cnonce}\", qop=auth, nc=00000001",
        quote(&credentials.user),
        quote(realm),
        quote(nonce),
        quote(uri),
        algorithm.name(),
    );
    if let Some(opaque) = params.find("opaque") {
        value.push_str(&format!(", opaque={}", quote(opaque)));
    }
    Some(value)
}
