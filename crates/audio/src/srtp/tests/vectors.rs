//! RFC 3711 appendix B, RFC 7714 sections 16 and 17.

use zeroize::Zeroizing;

use super::super::cipher::Cipher;
use super::super::{MasterKey, SrtpSuite};

fn bytes(text: &str) -> Vec<u8> {
    let digits: Vec<u8> = text.bytes().filter(u8::is_ascii_hexdigit).collect();
    digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap()).collect()
}

fn cipher(suite: SrtpSuite, key: &str, salt: &str) -> Cipher {
    let (mut long, mut padded) = ([0; 32], Zeroizing::new([0; 14]));
    let (key, salt) = (bytes(key), bytes(salt));
    long[..key.len()].copy_from_slice(&key);
    padded[..salt.len()].copy_from_slice(&salt);
    Cipher::with_session_keys(suite, &long, &[0; 64], padded)
}

#[test]
fn keys_are_derived_as_in_rfc_3711_b3() {
    let master = bytes("E1F97A0D3E018BE0D64FA32C06DE4139 0EC675AD498AFEEBB6960B3AABE6");
    let master = MasterKey::new(SrtpSuite::AesCm128HmacSha1_80, &master).unwrap();
    for (label, expected) in [
        (0, "C61E7A93744F39EE10734AFE3FF7A087"),
        (2, "30CBBC08863D8C85D49DB34A9AE1"),
        (
            1,
            "CEBE321F6FF7716B6FD4AB49AF256A156D38BAA48F0A0ACF3C34E2359E6CDBCEE049646C43D9327AD175578EF7227098\
             6371C10C9A369AC2F94A8C5FBCDDDC256D6E919A48B610EF17C2041E474035766B68642C59BBFC2F34DB60DBDFB2DC68",
        ),
    ] {
        let expected = bytes(expected);
        let mut derived = vec![0xff; expected.len()];
        master.derive(label, &mut derived);
        assert_eq!(derived, expected, "label {label}");
    }
}

#[test]
fn the_keystream_is_that_of_rfc_3711_b2() {
    let cipher = cipher(
        SrtpSuite::AesCm128HmacSha1_80,
        "2B7E151628AED2A6ABF7158809CF4F3C",
        "F0F1F2F3F4F5F6F7F8F9FAFBFCFD",
    );
    // Source 0, index 0, all zeros: what is sent is the keystream itself; its block 0xFEFF ends the vector.
    let mut packet = vec![0; 12 + 0xff02 * 16 + 10];
    packet[0] = 0x80;
    cipher.seal_rtp(&mut packet, 12, 0, 0).unwrap();
    let start = "E03EAD0935C95E80E166B16DD92B4EB4 D23513162B02D0F72A43A2FE4A5F97AB \
                 41E95B3BB0A2E8DD477901E4FCA894C0";
    let end = "EC8CDF7398607CB0F2D21675EA9EA1E4 362B7C3C6773516318A077D7FC5073AE \
               6A2CC3787889374FBEB4C81B17BA6C44";
    assert_eq!(packet[12..60], bytes(start));
    assert_eq!(packet[12 + 0xfeff * 16..][..48], bytes(end));
}

const KEY_128: &str = "000102030405060708090a0b0c0d0e0f";
const KEY_256: &str = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
/// "Quid pro quo".
const SALT: &str = "517569642070726f2071756f";
const RTP: &str =
    "8040f17b8041f8d35501a0b2 47616c6c696120657374206f6d6e69732064697669736120696e207061727465732074726573";
const RTCP: &str = "81c8000d4d617273 4e5450314e545032525450200000042a0000e9304c756e61deadbeefdeadbeefdeadbeefdeadbeefdeadbeef";

#[test]
fn rtp_is_sealed_and_opened_as_in_rfc_7714_16() {
    for (suite, key, expected) in [
        (
            SrtpSuite::AeadAes128Gcm,
            KEY_128,
            "8040f17b8041f8d35501a0b2 f24de3a3fb34de6cacba861c9d7e4bcabe633bd50d294e6f42a5f47a51c7d19b36de3adf8833 \
             899d7f27beb16a9152cf765ee4390cce",
        ),
        (
            SrtpSuite::AeadAes256Gcm,
            KEY_256,
            "8040f17b8041f8d35501a0b2 32b1de78a822fe12ef9f78fa332e33aab18012389a58e2f3b50b2a0276ffae0f1ba63799b87b \
             7aa3db36dfffd6b0f9bb7878d7a76c13",
        ),
    ] {
        let cipher = cipher(suite, key, SALT);
        let (plain, expected) = (bytes(RTP), bytes(expected));
        let mut packet = [plain.as_slice(), &[0; 16]].concat();
        cipher.seal_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet, expected, "{suite:?}");
        cipher.open_rtp(&mut packet, 12, 0x5501_a0b2, 0xf17b).unwrap();
        assert_eq!(packet[..plain.len()], plain);
    }
}

#[test]
fn rtcp_is_sealed_and_opened_as_in_rfc_7714_17() {
    for (suite, key, expected) in [
        (
            SrtpSuite::AeadAes128Gcm,
            KEY_128,
            "81c8000d4d617273 63e94885dcdab67ca727d7662f6b7e997ff5c0f76c06f32dc676a5f1730d6fda4ce09b4686303ded\
             0bb9275bc84aa45896cf4d2fc5abf87245d9eade 800005d4",
        ),
        (
            SrtpSuite::AeadAes256Gcm,
            KEY_256,
            "81c8000d4d617273 d50ae4d1f5ce5d304ba297e47d470c282c3ece5dbffe0a50a2eaa5c1110555be8415f658c61de047\
             6f1b6fad1d1eb30c4446839f57ff6f6cb26ac3be 800005d4",
        ),
    ] {
        let cipher = cipher(suite, key, SALT);
        let (plain, expected) = (bytes(RTCP), bytes(expected));
        let mut packet = [plain.as_slice(), &[0; 20]].concat();
        cipher.seal_rtcp(&mut packet, 0x4d61_7273, 0x5d4).unwrap();
        assert_eq!(packet, expected, "{suite:?}");
        assert_eq!(cipher.rtcp_index(&packet), Ok(0x5d4));
        cipher.open_rtcp(&mut packet, 0x4d61_7273, 0x5d4).unwrap();
        assert_eq!(packet[..plain.len()], plain);
    }
}
