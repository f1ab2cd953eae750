//! Who calls, and whom: numbers as carriers write them, in the form that the center knows.

use std::str::FromStr;

use model::Number;
use sip::{Request, Uri};

/// How a trunk's numbers are read.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Numbers {
    /// P-Asserted-Identity and Privacy are believed (RFC 3325): the carrier is in our domain of trust.
    pub trusts_identity: bool,
    /// The number that a call was first diverted from chooses the entry, where it is one.
    pub entry_by_diversion: bool,
    /// The first that fits changes a dialled number.
    pub dialled: Vec<Rewrite>,
    /// The first that fits changes a calling number.
    pub callers: Vec<Rewrite>,
    /// The user of our address at the provider. A call to it is one to the number in To.
    pub account: Option<String>,
}

/// Another beginning for numbers that begin so: `+86>0`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rewrite {
    from: String,
    to: String,
}

impl FromStr for Rewrite {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Rewrite, &'static str> {
        const WANTED: &str = "a beginning and what takes its place, such as \"+86>0\" or \"0086>\"";
        let (from, to) = text.split_once('>').ok_or(WANTED)?;
        let (from, to) = (from.trim(), to.trim());
        let are_digits =
            |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || b"+*#".contains(&byte));
        if from.is_empty() || !are_digits(from) || !are_digits(to) {
            return Err(WANTED);
        }
        Ok(Rewrite { from: from.to_owned(), to: to.to_owned() })
    }
}

impl Numbers {
    /// The dialled number, when it is one.
    pub(super) fn dialled(&self, request: &Request) -> Option<Number> {
        let target = request.target().ok()?;
        let is_account = self.account.is_some() && target.user() == self.account;
        let meant = if is_account { request.to().ok()?.uri } else { target };
        self.number(&meant)
    }

    /// The number that this address names, in the form that dialled numbers have.
    pub(super) fn number(&self, uri: &Uri) -> Option<Number> {
        rewritten(&written(uri)?, &self.dialled).parse().ok()
    }

    /// The calling number, when it is known, shown and harmless: what a trusted carrier asserts, else what the caller
    /// says.
    pub(super) fn caller(&self, request: &Request) -> Option<Number> {
        let hides = |value: &String| {
            value.split(';').any(|word| ["id", "user", "header"].iter().any(|hidden| word.trim() == *hidden))
        };
        if self.trusts_identity && request.headers.list("Privacy").iter().any(hides) {
            return None;
        }
        let asserted = request.addresses("P-Asserted-Identity").ok().filter(|_| self.trusts_identity);
        let asserted = asserted.into_iter().flatten().find_map(|address| written(&address.uri));
        let number = asserted.or_else(|| written(&request.from().ok()?.uri))?;
        if number.eq_ignore_ascii_case("anonymous") {
            return None;
        }
        rewritten(&number, &self.callers).parse().ok()
    }
}

/// The number that a URI names: of a telephone's (RFC 3966), also within a SIP URI (`user=phone`, RFC 3261 section
/// 19.1.6), without parameters and the marks between digits.
fn written(uri: &Uri) -> Option<String> {
    let user = uri.user()?;
    let number = user.split(';').next().unwrap_or_default();
    let is_number = |c: char| c.is_ascii_digit() || "+*#-.() ".contains(c);
    Some(if number.chars().all(is_number) {
        number.chars().filter(|c| !"-.() ".contains(*c)).collect()
    } else {
        number.to_owned()
    })
}

pub(super) fn rewritten(number: &str, rules: &[Rewrite]) -> String {
    let fitting = rules.iter().find_map(|rule| Some((rule, number.strip_prefix(rule.from.as_str())?)));
    fitting.map_or_else(|| number.to_owned(), |(rule, rest)| format!("{}{rest}", rule.to))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::{Headers, Method};

    fn request(target: &str, headers: &[(&'static str, &str)]) -> Request {
        let from = "<sip:0755-8000@example.com>;tag=1";
        let headers = headers.iter().fold(Headers::new().with("From", from), |all, (name, value)| {
            if *name == "From" { Headers::new().with("From", *value) } else { all.with(name, *value) }
        });
        Request { method: Method::Invite, uri: target.to_owned(), headers, body: Vec::new() }
    }

    fn numbers(rules: &[&str]) -> Numbers {
        let rules: Vec<Rewrite> = rules.iter().map(|rule| rule.parse().unwrap()).collect();
        Numbers { trusts_identity: true, dialled: rules.clone(), callers: rules, ..Numbers::default() }
    }

    #[test]
    fn dialled_numbers_are_read_however_they_are_written() {
        let rules = numbers(&["+86>0", "0086>0", "+>00"]);
        for (target, expected) in [
            ("sip:8000@127.0.0.1", "8000"),
            ("sip:8000;npdi=yes@127.0.0.1", "8000"),
            ("sip:+86-400-123%2D4567;phone-context=%2B86@127.0.0.1;user=phone", "04001234567"),
            ("tel:+86-400-1234567;npdi", "04001234567"),
            ("tel:8000;phone-context=example.com", "8000"),
            ("sip:008610123@127.0.0.1", "010123"),
            ("sip:+4930123@127.0.0.1", "004930123"),
        ] {
            let dialled = rules.dialled(&request(target, &[]));
            assert_eq!(dialled.map(|number| number.to_string()), Some(expected.to_owned()), "{target}");
        }
    }

    #[test]
    fn a_trusted_carrier_says_who_calls_and_who_wants_to_be_hidden() {
        let asserted = ("P-Asserted-Identity", "\"A\" <sip:+8613900001111@carrier;user=phone>, <tel:+861>");
        let caller = |numbers: &Numbers, headers: &[(&'static str, &str)]| {
            numbers.caller(&request("sip:8000@h", headers)).map(|number| number.to_string())
        };
        let (trusted, stranger) = (numbers(&["+86>"]), Numbers::default());
        assert_eq!(caller(&trusted, &[asserted]).as_deref(), Some("13900001111"));
        assert_eq!(
            caller(&stranger, &[asserted]).as_deref(),
            Some("07558000"),
            "he may assert what he likes"
        );
        let anonymous = ("From", "<sip:anonymous@anonymous.invalid>;tag=1");
        assert_eq!(caller(&trusted, &[anonymous, asserted]).as_deref(), Some("13900001111"));
        assert_eq!(caller(&trusted, &[anonymous]), None);
        assert_eq!(caller(&trusted, &[asserted, ("Privacy", "id; critical")]), None);
        assert_eq!(caller(&trusted, &[asserted, ("Privacy", "none")]).as_deref(), Some("13900001111"));
    }

    #[test]
    fn rules_are_beginnings() {
        for wrong in ["+86", ">0", "a>b", "+86>x", ""] {
            assert!(wrong.parse::<Rewrite>().is_err(), "{wrong}");
        }
    }
}
