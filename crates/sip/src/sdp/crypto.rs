//! The crypto attribute: keys for SRTP in the description itself (SDES, RFC 4568; AES-GCM by RFC 7714
//! section 14.1).

use std::fmt;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use codec::{SrtpKey, SrtpSuite};
use zeroize::Zeroizing;

use crate::Random;

/// The longest master key with its salt: AES-256-GCM's.
const LONGEST: usize = 44;
/// Some leave the padding out.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The suites that we offer, the cheapest to work with first. The tag of 32 bits is taken but not offered: whoever has
/// it has that of 80 bits too (RFC 4568 section 6.2).
pub(super) const OFFERED: [SrtpSuite; 3] =
    [SrtpSuite::AeadAes128Gcm, SrtpSuite::AeadAes256Gcm, SrtpSuite::AesCm128HmacSha1_80];

/// A new key for the suite.
pub(super) fn generate(suite: SrtpSuite, random: &mut Random) -> SrtpKey {
    let mut bytes = Zeroizing::new(vec![0; suite.master_len()]);
    random.fill(&mut bytes);
    SrtpKey::new(&bytes)
}

fn parse_key(suite: SrtpSuite, text: &str) -> Option<SrtpKey> {
    let mut bytes = Zeroizing::new([0; LONGEST]);
    let length = BASE64.decode_slice(text, &mut *bytes).ok()?;
    bytes.get(..length).filter(|bytes| bytes.len() == suite.master_len()).map(SrtpKey::new)
}

/// One crypto attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crypto {
    /// What the answer names it by.
    pub tag: u32,
    /// The suite.
    pub suite: SrtpSuite,
    /// What its writer sends with.
    pub key: SrtpKey,
}

impl Crypto {
    /// Reads the attribute's value: tag, suite, key, session parameters. `None` for what we do not take: an
    /// unknown suite, a key of the wrong length, several keys or one with an MKI, and session parameters
    /// that change what is sent (section 6.3); of those a hint about the window, and any that says by its
    /// `-` that it may be ignored, is.
    pub fn parse(value: &str) -> Option<Crypto> {
        let mut words = value.split_ascii_whitespace();
        let tag = words.next().filter(|tag| tag.len() <= 9 && tag.bytes().all(|b| b.is_ascii_digit()))?;
        let suite: SrtpSuite = words.next()?.parse().ok()?;
        let params = words.next()?;
        let method = params.get(..7).filter(|method| method.eq_ignore_ascii_case("inline:"))?;
        let mut parts = params.get(method.len()..)?.split('|');
        let key = parse_key(suite, parts.next()?)?;
        // A lifetime, as `2^31` or in digits, is none that a call reaches (section 6.1); an MKI has a colon.
        let lifetime = |part: &str| part.strip_prefix("2^").unwrap_or(part).parse::<u64>().is_ok();
        let rest_is_harmless = parts.next().is_none_or(lifetime) && parts.next().is_none();
        let ignored = |param: &str| param.starts_with('-') || param.starts_with("WSH=");
        (rest_is_harmless && words.all(ignored)).then_some(Crypto { tag: tag.parse().ok()?, suite, key })
    }
}

/// The attribute's value, with the key.
impl fmt::Display for Crypto {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = Zeroizing::new([0; LONGEST.div_ceil(3) * 4]);
        let length = BASE64.encode_slice(self.key.as_bytes(), &mut *text).unwrap_or(0);
        let key = text.get(..length).and_then(|text| std::str::from_utf8(text).ok()).unwrap_or_default();
        write!(f, "{} {} inline:{key}", self.tag, self.suite.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "WVNfX19zZW1jdGwgKCkgewkyMjA7fQp9CnVubGVz";

    #[test]
    fn the_rfcs_attribute_is_read_and_printed() {
        let crypto = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20")).unwrap();
        assert_eq!((crypto.tag, crypto.suite), (1, SrtpSuite::AesCm128HmacSha1_80));
        assert_eq!(crypto.key.as_bytes(), b"YS___semctl () {\t220;}\n}\nunles");
        assert_eq!(crypto.to_string(), format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"));
    }

    #[test]
    fn a_generated_key_is_read_again() {
        let mut random = Random::new([3; 32]);
        for suite in SrtpSuite::ALL {
            let key = generate(suite, &mut random);
            let crypto = Crypto { tag: 5, suite, key };
            assert_eq!(Crypto::parse(&crypto.to_string()), Some(crypto.clone()));
            assert_ne!(crypto.key, generate(suite, &mut random));
        }
    }

    #[test]
    fn lifetime_hint_and_optional_parameters_are_tolerated() {
        for rest in ["|2^31", "|1048576", "|2^48 WSH=128", " -X=1 WSH=64", ""] {
            assert!(
                Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_32 inline:{KEY}{rest}")).is_some(),
                "{rest}"
            );
        }
    }

    #[test]
    fn what_we_do_not_take_is_no_attribute() {
        let other = "inline:d0RmdmcmVCspeEc3QGZiNWpVLFJhQX1cfHAwJSoj";
        for value in [
            String::new(),
            "1".to_owned(),
            format!("x AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1234567890 AES_CM_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 F8_128_HMAC_SHA1_80 inline:{KEY}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 uri:{KEY}"),
            format!("1 AEAD_AES_128_GCM inline:{KEY}"),
            "1 AES_CM_128_HMAC_SHA1_80 inline:!!!".to_owned(),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}|2^20|1:4"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY};{other}"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} KDR=1"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} UNENCRYPTED_SRTCP"),
            format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY} -X UNKNOWN"),
            "1 AES_CM_128_HMAC_SHA1_80 ünline:x".to_owned(),
        ] {
            assert_eq!(Crypto::parse(&value), None, "{value}");
        }
    }

    #[test]
    fn keys_are_not_printed_for_debugging() {
        let crypto = Crypto::parse(&format!("1 AES_CM_128_HMAC_SHA1_80 inline:{KEY}")).unwrap();
        assert!(format!("{crypto:?}").ends_with("key: SrtpKey }"));
    }
}
