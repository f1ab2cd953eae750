//! What a server knows of a user's password.

use std::fmt;

use super::Algorithm;

/// A password, or no more of it than digests need: hashes of user, realm and password (`HA1` of RFC 7616 section
/// 3.4.2). Neither is printed.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Known);

#[derive(Clone, PartialEq, Eq)]
enum Known {
    Password(String),
    Hashes(Vec<(Algorithm, String)>),
}

impl Secret {
    /// Known by hashes alone, in hexadecimal digits.
    pub fn hashes(hashes: impl IntoIterator<Item = (Algorithm, String)>) -> Secret {
        let lower = hashes.into_iter().map(|(algorithm, hash)| (algorithm, hash.to_ascii_lowercase()));
        Secret(Known::Hashes(lower.collect()))
    }

    /// The hash of user, realm and password; `None` when it is not known for this algorithm.
    pub fn hashed(&self, algorithm: Algorithm, user: &str, realm: &str) -> Option<String> {
        match &self.0 {
            Known::Password(password) => Some(algorithm.hash(&format!("{user}:{realm}:{password}"))),
            Known::Hashes(hashes) => {
                hashes.iter().find(|(known, _)| *known == algorithm).map(|(_, hash)| hash.clone())
            }
        }
    }

    /// True when a right answer by this algorithm could be told from a wrong one.
    pub fn knows(&self, algorithm: Algorithm) -> bool {
        match &self.0 {
            Known::Password(_) => true,
            Known::Hashes(hashes) => hashes.iter().any(|(known, _)| *known == algorithm),
        }
    }

    /// True when it is this password of a user in a realm.
    pub fn is(&self, password: &str, user: &str, realm: &str) -> bool {
        let other = Secret::from(password.to_owned());
        Algorithm::ALL.into_iter().any(|algorithm| {
            let hash = self.hashed(algorithm, user, realm);
            hash.is_some() && hash == other.hashed(algorithm, user, realm)
        })
    }
}

impl From<String> for Secret {
    fn from(password: String) -> Secret {
        Secret(Known::Password(password))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_as_good_as_its_password_in_one_realm() {
        let password = Secret::from("pass".to_owned());
        let hash = password.hashed(Algorithm::Md5, "1001", "hotline").unwrap();
        let hashed = Secret::hashes([(Algorithm::Md5, hash.to_ascii_uppercase())]);
        assert_eq!(hashed.hashed(Algorithm::Md5, "1001", "hotline"), Some(hash));
        assert_eq!(hashed.hashed(Algorithm::Sha256, "1001", "hotline"), None);
        assert!(hashed.knows(Algorithm::Md5) && !hashed.knows(Algorithm::Sha256));
        assert!(hashed.is("pass", "1001", "hotline") && !hashed.is("pass", "1001", "else"));
        assert_eq!(format!("{password:?} {hashed:?}"), "Secret Secret");
    }
}
