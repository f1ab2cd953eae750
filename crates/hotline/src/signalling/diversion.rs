//! Diversion (RFC 5806) and History-Info (RFC 7044): where a carrier says that a call was before.
//!
//! Read only of trunks that are believed. Of what a peer wrote, nothing is kept but numbers that pass as such and
//! reasons from a fixed list.

use model::{Diversion, DiversionReason, Diverted, MOST_DIVERSIONS, Number};
use sip::{Address, Host, Request, SipUri, Uri};

use super::Numbers;

impl Numbers {
    /// Where the call was before, the number that the customer dialled first; History-Info rather than Diversion, as it
    /// says more (RFC 7544 section 3.1).
    pub(super) fn diverted(&self, request: &Request) -> Diverted {
        if !self.trusts_identity {
            return Diverted::default();
        }
        let mut by = self.history(request);
        if by.is_empty() {
            by = self.diversions(request);
        }
        by.truncate(MOST_DIVERSIONS);
        Diverted { by, chooses_entry: self.entry_by_diversion }
    }

    /// Diversion, whose topmost value is the last of the way.
    fn diversions(&self, request: &Request) -> Vec<Diversion> {
        let listed = addresses(request, "Diversion");
        let read = |address: &Address| {
            let parameter = |name| address.params.value(name).map(|value| value.trim_matches('"'));
            let hidden = parameter("privacy").is_some_and(|privacy| !privacy.eq_ignore_ascii_case("off"));
            let number = self.number(&address.uri)?;
            let reason = parameter("reason").map_or(DiversionReason::Unknown, reason_of_word);
            Some(Diversion { number: (!hidden).then_some(number), reason })
        };
        listed.iter().rev().filter_map(read).collect()
    }

    /// History-Info: each address that the request was sent to, and in the next one, or beside it, why it was sent on.
    /// The last is the one that it came to us with.
    fn history(&self, request: &Request) -> Vec<Diversion> {
        let listed = addresses(request, "History-Info");
        let all_hidden = hides(&request.headers.list("Privacy").join(";"));
        let steps = listed.iter().filter_map(|address| Some((self.number(&address.uri)?, &address.uri)));
        let mut steps: Vec<(Number, &Uri)> = steps.collect();
        steps.dedup_by(|later, earlier| later.0 == earlier.0);
        let arrived = self.dialled(request);
        let pairs = steps.iter().zip(steps.iter().skip(1).map(|(_, uri)| Some(*uri)).chain([None]));
        let divertings =
            pairs.filter(|((number, _), next)| next.is_some() || Some(number) != arrived.as_ref());
        let read = |((number, uri), next): (&(Number, &Uri), Option<&Uri>)| {
            let number = (!all_hidden && !hides(&headers_of(uri))).then(|| number.clone());
            Diversion {
                number,
                reason: next
                    .and_then(cause)
                    .or_else(|| cause(uri))
                    .map_or_else(DiversionReason::default, reason_of_cause),
            }
        };
        divertings.map(read).collect()
    }
}

/// The addresses that can be read.
fn addresses(request: &Request, name: &str) -> Vec<Address> {
    request.headers.list(name).iter().filter_map(|value| Address::parse(value)).collect()
}

/// What stands after `?` in an address, escapes resolved.
fn headers_of(uri: &Uri) -> String {
    uri.as_sip().map(SipUri::header_text).unwrap_or_default()
}

/// Words of a Privacy header that withhold where a call was.
fn hides(privacy: &str) -> bool {
    privacy
        .split(|c: char| !c.is_ascii_alphanumeric())
        .any(|word| ["history", "header", "session"].iter().any(|hidden| word.eq_ignore_ascii_case(hidden)))
}

/// The status that a call was sent on with: the parameter `cause` (RFC 4458), or a Reason of SIP within the address.
fn cause(uri: &Uri) -> Option<u32> {
    let parameter = uri.as_sip().and_then(|uri| uri.params.value("cause")).map(str::to_owned);
    let reason = || {
        let headers = headers_of(uri).to_ascii_lowercase();
        let (_, reason) = headers.split_once("reason=sip")?;
        let (_, cause) = reason.split_once("cause=")?;
        Some(cause.chars().take_while(char::is_ascii_digit).collect())
    };
    parameter.or_else(reason)?.parse().ok()
}

/// RFC 7544 section 3.2.
fn reason_of_cause(cause: u32) -> DiversionReason {
    match cause {
        302 => DiversionReason::Unconditional,
        404 => DiversionReason::Unknown,
        408 => DiversionReason::NoAnswer,
        480 | 487 => DiversionReason::Deflection,
        486 => DiversionReason::UserBusy,
        503 => DiversionReason::Unavailable,
        _ => DiversionReason::Unknown,
    }
}

/// The words of RFC 5806 for reasons.
const REASONS: [(&str, DiversionReason); 10] = [
    ("user-busy", DiversionReason::UserBusy),
    ("no-answer", DiversionReason::NoAnswer),
    ("unavailable", DiversionReason::Unavailable),
    ("unconditional", DiversionReason::Unconditional),
    ("time-of-day", DiversionReason::TimeOfDay),
    ("do-not-disturb", DiversionReason::DoNotDisturb),
    ("deflection", DiversionReason::Deflection),
    ("follow-me", DiversionReason::FollowMe),
    ("out-of-service", DiversionReason::OutOfService),
    ("away", DiversionReason::Away),
];

fn reason_of_word(word: &str) -> DiversionReason {
    let known = REASONS.iter().find(|(known, _)| word.eq_ignore_ascii_case(known));
    known.map_or(DiversionReason::Unknown, |(_, reason)| *reason)
}

/// The value of a Diversion of ours; a withheld number is anonymous.
pub(super) fn value(diversion: &Diversion, host: &Host) -> String {
    let user = diversion.number.as_ref().map_or("anonymous", Number::as_str);
    let known = REASONS.iter().find(|(_, reason)| *reason == diversion.reason);
    let reason = known.map_or("unknown", |(word, _)| *word);
    format!("<sip:{}@{host}>;reason={reason};counter=1", sip::user_part(user))
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::{Headers, Method};

    fn read(numbers: &Numbers, headers: &[(&'static str, &str)]) -> Vec<(Option<String>, DiversionReason)> {
        let headers = headers.iter().fold(Headers::new(), |all, (name, value)| all.with(name, *value));
        let uri = "sip:8000@192.0.2.1".to_owned();
        let request = Request { method: Method::Invite, uri, headers, body: Vec::new() };
        let by = numbers.diverted(&request).by.into_iter();
        by.map(|by| (by.number.map(|number| number.as_str().to_owned()), by.reason)).collect()
    }

    fn trusting() -> Numbers {
        Numbers {
            trusts_identity: true,
            entry_by_diversion: true,
            dialled: vec!["+86>0".parse().unwrap()],
            callers: Vec::new(),
            account: None,
        }
    }

    fn shown(number: &str, reason: DiversionReason) -> (Option<String>, DiversionReason) {
        (Some(number.to_owned()), reason)
    }

    #[test]
    fn diversions_are_read_in_the_order_of_the_call_of_trusted_trunks_alone() {
        let way = (
            "Diversion",
            "<sip:3000@c>;reason=no-answer, <sip:+864001234567@c>;reason=\"unconditional\";counter=1",
        );
        let expected =
            [shown("04001234567", DiversionReason::Unconditional), shown("3000", DiversionReason::NoAnswer)];
        assert_eq!(read(&trusting(), &[way]), expected);
        assert_eq!(read(&Numbers { trusts_identity: false, ..trusting() }, &[way]), []);
        let hidden = ("Diversion", "<sip:3000@c>;reason=away;privacy=full");
        assert_eq!(read(&trusting(), &[hidden]), [(None, DiversionReason::Away)]);
        let open = ("Diversion", "<tel:3000>;privacy=off");
        assert_eq!(read(&trusting(), &[open]), [shown("3000", DiversionReason::Unknown)]);
    }

    #[test]
    fn history_is_read_without_where_it_led_to() {
        for (history, expected) in [
            (
                "<sip:+864001234567@c?Reason=SIP%3Bcause%3D486>;index=1, <sip:8000@192.0.2.1>;index=1.1;mp=1",
                vec![shown("04001234567", DiversionReason::UserBusy)],
            ),
            (
                "<sip:4001@c>;index=1, <sip:4002@c;cause=302>;index=1.1, <sip:8000@x;cause=408>;index=1.1.1",
                vec![shown("4001", DiversionReason::Unconditional), shown("4002", DiversionReason::NoAnswer)],
            ),
            // The last entry is not where it came to us with: the carrier leaves that out.
            ("<sip:4001@c>;index=1", vec![shown("4001", DiversionReason::Unknown)]),
            ("<sip:8000@c>;index=1, <sip:8000@192.0.2.1>;index=1.1", vec![]),
            (
                "<sip:4001@c?Privacy=history>;index=1, <sip:8000@x>;index=1.1",
                vec![(None, DiversionReason::Unknown)],
            ),
        ] {
            assert_eq!(read(&trusting(), &[("History-Info", history)]), expected, "{history}");
        }
        let both = [("History-Info", "<sip:4001@c>;index=1"), ("Diversion", "<sip:4002@c>")];
        assert_eq!(read(&trusting(), &both), [shown("4001", DiversionReason::Unknown)]);
        let private = [("Privacy", "history"), ("History-Info", "<sip:4001@c>;index=1")];
        assert_eq!(read(&trusting(), &private), [(None, DiversionReason::Unknown)]);
    }

    #[test]
    fn hostile_ways_are_bounded() {
        let long = (0..60).map(|nth| format!("<sip:4{nth:03}@c>")).collect::<Vec<_>>().join(", ");
        let way = read(&trusting(), &[("Diversion", &long)]);
        assert_eq!((way.len(), way[0].0.as_deref()), (MOST_DIVERSIONS, Some("4059")), "the first is kept");
        for nonsense in [
            "",
            "<",
            "<sip:<script>@c>",
            "<sip:'; DROP TABLE contacts@c>",
            "<sip:@c>",
            "<mailto:a@b>",
            &"9".repeat(4_000),
        ] {
            assert_eq!(
                read(&trusting(), &[("Diversion", nonsense), ("History-Info", nonsense)]),
                [],
                "{nonsense}"
            );
        }
        let strange = ("Diversion", "<sip:4000@c>;reason=\"<script>\"");
        assert_eq!(read(&trusting(), &[strange]), [shown("4000", DiversionReason::Unknown)]);
    }

    #[test]
    fn what_we_say_is_what_we_read() {
        let host: Host = Host::Ip([192, 0, 2, 1].into());
        let numbers = Numbers { trusts_identity: true, ..Numbers::default() };
        for (number, reason) in [("1001", DiversionReason::Deflection), ("8000#1", DiversionReason::NoAnswer)]
        {
            let diversion = Diversion { number: number.parse().ok(), reason };
            let said = value(&diversion, &host);
            assert_eq!(
                read(&numbers, &[("Diversion", &said)]),
                [(Some(number.to_owned()), reason)],
                "{said}"
            );
        }
        let hidden = Diversion { number: None, reason: DiversionReason::Unknown };
        assert_eq!(value(&hidden, &host), "<sip:anonymous@192.0.2.1>;reason=unknown;counter=1");
    }
}
