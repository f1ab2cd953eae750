//! What is not the peer's.

use proptest::prelude::*;

use super::super::{Protect, SrtpError, SrtpSuite, Unprotect};
use super::{compound, ends, key, plain};

#[test]
fn a_tampered_packet_is_refused_and_left_as_it_came() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        let sealed = protect.sealed_rtp(&plain(7, 5));
        for at in 1..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 0x10;
            let before = tampered.clone();
            assert!(unprotect.rtp(&mut tampered).is_err(), "{suite:?}, byte {at}");
            assert_eq!(tampered, before, "{suite:?}, byte {at}");
        }
        assert!(unprotect.opened_rtp(&sealed).is_ok(), "the true one is still believed");
        let sealed = protect.sealed_rtcp(&compound(7));
        for at in 1..sealed.len() {
            let mut tampered = sealed.clone();
            tampered[at] ^= 0x10;
            assert!(unprotect.rtcp(&mut tampered).is_err(), "{suite:?}, RTCP byte {at}");
        }
        assert!(unprotect.opened_rtcp(&sealed).is_ok());
    }
}

#[test]
fn a_forged_packet_moves_no_window() {
    let (mut protect, mut unprotect) = ends(SrtpSuite::AesCm128HmacSha1_80);
    let mut forged = protect.sealed_rtp(&plain(7, 30_000));
    let last = forged.len() - 1;
    forged[last] ^= 1;
    assert_eq!(unprotect.opened_rtp(&forged), Err(SrtpError::Forged));
    let true_one = protect.sealed_rtp(&plain(7, 29_990));
    assert!(unprotect.opened_rtp(&true_one).is_ok());
}

#[test]
fn another_key_opens_nothing() {
    for suite in SrtpSuite::ALL {
        let mut protect = Protect::new(&key(suite, 2));
        let (_, mut unprotect) = ends(suite);
        let (packet, report) = (protect.sealed_rtp(&plain(7, 5)), protect.sealed_rtcp(&compound(7)));
        assert_eq!(unprotect.opened_rtp(&packet), Err(SrtpError::Forged));
        assert_eq!(unprotect.opened_rtcp(&report), Err(SrtpError::Forged));
        assert_eq!(unprotect.opened_rtp(&plain(7, 5)), Err(SrtpError::Forged), "nor does a plain one pass");
    }
}

#[test]
fn a_truncated_packet_is_refused() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        let (packet, report) = (protect.sealed_rtp(&plain(7, 5)), protect.sealed_rtcp(&compound(7)));
        for length in 0..packet.len() {
            assert!(unprotect.opened_rtp(&packet[..length]).is_err(), "{suite:?}, {length}");
        }
        for length in 0..report.len() {
            assert!(unprotect.opened_rtcp(&report[..length]).is_err(), "{suite:?}, {length}");
        }
    }
}

#[test]
fn without_room_for_the_tag_nothing_is_sealed() {
    for suite in SrtpSuite::ALL {
        let (mut protect, _) = ends(suite);
        let mut packet = plain(7, 5);
        assert_eq!(protect.rtp(&mut packet, 172), Err(SrtpError::Short));
        assert_eq!(packet, plain(7, 5));
        assert_eq!(protect.rtp(&mut packet, 999), Err(SrtpError::Short));
        let length = compound(7).len();
        assert_eq!(protect.rtcp(&mut compound(7), length), Err(SrtpError::Short));
    }
}

#[test]
fn srtcp_without_encryption_is_refused() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        let mut sealed = protect.sealed_rtcp(&compound(7));
        let behind =
            if matches!(suite, SrtpSuite::AeadAes128Gcm | SrtpSuite::AeadAes256Gcm) { 4 } else { 14 };
        let at = sealed.len() - behind;
        sealed[at] &= 0x7f;
        assert_eq!(unprotect.opened_rtcp(&sealed), Err(SrtpError::Unencrypted));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_survived(bytes in proptest::collection::vec(any::<u8>(), 0..300), extra in 0_usize..40) {
        for suite in SrtpSuite::ALL {
            let (mut protect, mut unprotect) = ends(suite);
            let (mut datagram, mut room) = (bytes.clone(), [&bytes[..], &vec![0; extra]].concat());
            prop_assert!(unprotect.rtp(&mut datagram).is_err());
            prop_assert!(unprotect.rtcp(&mut datagram).is_err());
            let _ = protect.rtp(&mut room, bytes.len());
            let _ = protect.rtcp(&mut room, bytes.len());
        }
    }

    #[test]
    fn sources_and_extensions_stay_readable(
        sources in 0_u8..16, words in 0_u16..20, payload in proptest::collection::vec(any::<u8>(), 0..100),
    ) {
        let mut packet = vec![0x90 | sources, 8, 0, 1, 0, 0, 0, 0, 0, 0, 0, 7];
        packet.extend(vec![9; usize::from(sources) * 4]);
        packet.extend([0xbe, 0xde]);
        packet.extend(words.to_be_bytes());
        packet.extend(vec![3; usize::from(words) * 4]);
        let header = packet.len();
        packet.extend(&payload);
        for suite in SrtpSuite::ALL {
            let mut protect = Protect::new(&key(suite, 1));
            let mut unprotect = Unprotect::new(&key(suite, 1));
            let sealed = protect.sealed_rtp(&packet);
            prop_assert_eq!(&sealed[..header], &packet[..header]);
            prop_assert_eq!(unprotect.opened_rtp(&sealed), Ok(packet.clone()));
        }
    }
}
