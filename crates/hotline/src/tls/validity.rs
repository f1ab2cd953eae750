//! When a certificate ends: its `notAfter` (RFC 5280 section 4.1.2.5). TLS itself checks certificates of others; when
//! ours ends concerns whoever has to renew it.

use model::Time;

/// DER tags (ITU-T X.690 section 8).
const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;
const UTC_TIME: u8 = 0x17;
const GENERALIZED_TIME: u8 = 0x18;

/// The end of a certificate's time, in DER; `None` when it is none.
pub(super) fn until(certificate: &[u8]) -> Option<Time> {
    let (_, certificate, _) = element(certificate).filter(is(SEQUENCE))?;
    let (_, to_be_signed, _) = element(certificate).filter(is(SEQUENCE))?;
    let mut rest = to_be_signed;
    if let Some((_, _, after)) = element(rest).filter(is(VERSION)) {
        rest = after;
    }
    // Serial number, algorithm, issuer.
    for _ in 0..3 {
        rest = element(rest)?.2;
    }
    let (_, validity, _) = element(rest).filter(is(SEQUENCE))?;
    let (_, _, not_after) = element(validity)?;
    let (tag, text, _) = element(not_after)?;
    time(tag, std::str::from_utf8(text).ok()?)
}

type Element<'a> = (u8, &'a [u8], &'a [u8]);

fn is(tag: u8) -> impl Fn(&Element<'_>) -> bool {
    move |element| element.0 == tag
}

/// The first element: its tag, its content, and what follows it.
fn element(bytes: &[u8]) -> Option<Element<'_>> {
    let (&[tag, first], rest) = bytes.split_first_chunk::<2>()?;
    let (length, rest) = match first {
        0..0x80 => (usize::from(first), rest),
        0x81..=0x84 => {
            let (digits, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (digits.iter().fold(0, |length, digit| length << 8 | usize::from(*digit)), rest)
        }
        // Without a length, or longer than any certificate.
        0x80 | 0x85.. => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

/// `YYMMDDHHMMSSZ`, or the same with four digits of the year.
fn time(tag: u8, text: &str) -> Option<Time> {
    let text = text.strip_suffix('Z')?;
    let text = match tag {
        UTC_TIME if text.len() == 12 => {
            let century = if text < "50" { "20" } else { "19" };
            format!("{century}{text}")
        }
        GENERALIZED_TIME if text.len() == 14 => text.to_owned(),
        _ => return None,
    };
    let number = |at: std::ops::Range<usize>| text.get(at)?.parse::<i8>().ok();
    let date = jiff::civil::DateTime::new(
        text.get(..4)?.parse().ok()?,
        number(4..6)?,
        number(6..8)?,
        number(8..10)?,
        number(10..12)?,
        number(12..14)?,
        0,
    );
    let instant = jiff::tz::Offset::UTC.to_timestamp(date.ok()?).ok()?;
    Some(Time::from_unix_ms(instant.as_millisecond()))
}
