//! Loss, disorder, repetition, wraps, changed sources.

use super::super::{SrtpError, SrtpSuite};
use super::{compound, ends, plain};

#[test]
fn a_replayed_packet_is_refused() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        let sealed: Vec<_> = (0..200).map(|sequence| protect.sealed_rtp(&plain(7, sequence))).collect();
        for packet in &sealed {
            assert!(unprotect.opened_rtp(packet).is_ok());
            assert_eq!(unprotect.opened_rtp(packet), Err(SrtpError::Replayed));
        }
        assert_eq!(unprotect.opened_rtp(&sealed[199 - 127]), Err(SrtpError::Replayed), "the window's edge");
        assert_eq!(unprotect.opened_rtp(&sealed[199 - 128]), Err(SrtpError::Old), "beyond it");
        let report = protect.sealed_rtcp(&compound(7));
        assert!(unprotect.opened_rtcp(&report).is_ok());
        assert_eq!(unprotect.opened_rtcp(&report), Err(SrtpError::Replayed));
    }
}

#[test]
fn late_packets_are_taken_within_the_window() {
    let (mut protect, mut unprotect) = ends(SrtpSuite::AesCm128HmacSha1_80);
    let sealed: Vec<_> = (0..200).map(|sequence| protect.sealed_rtp(&plain(7, sequence))).collect();
    for late in sealed.chunks(50) {
        for packet in late.iter().rev() {
            assert!(unprotect.opened_rtp(packet).is_ok());
        }
    }
}

#[test]
fn the_rollover_counter_follows_three_wraps() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        // Steps of 101, as a lossy network would leave them.
        for number in (65_000..65_000 + 3 * 65_536_u32).step_by(101) {
            let packet = plain(7, number as u16);
            assert_eq!(unprotect.opened_rtp(&protect.sealed_rtp(&packet)), Ok(packet), "{number}");
        }
    }
}

#[test]
fn disorder_over_the_wrap_is_put_right() {
    let (mut protect, mut unprotect) = ends(SrtpSuite::AeadAes128Gcm);
    let sealed: Vec<_> =
        (65_500..65_600_u32).map(|number| protect.sealed_rtp(&plain(7, number as u16))).collect();
    // 65,535 and what is before it comes after 0 to 9.
    let order = (0..26).chain(36..46).chain(26..36).chain(46..100);
    for at in order {
        let number = (65_500 + at as u32) as u16;
        assert_eq!(unprotect.opened_rtp(&sealed[at]), Ok(plain(7, number)));
    }
    assert!(sealed.iter().all(|packet| unprotect.opened_rtp(packet).is_err()), "each was there once");
}

#[test]
fn a_sender_that_forwards_disorder_over_the_wrap_is_understood() {
    let (mut protect, mut unprotect) = ends(SrtpSuite::AesCm128HmacSha1_32);
    for sequence in [65_530, 65_533, 1, 65_534, 0, 65_535, 2] {
        let packet = plain(7, sequence);
        assert_eq!(unprotect.opened_rtp(&protect.sealed_rtp(&packet)), Ok(packet));
    }
}

#[test]
fn no_index_is_sent_twice() {
    for suite in SrtpSuite::ALL {
        let (mut protect, _) = ends(suite);
        let mut room = [0; 200];
        room[..172].copy_from_slice(&plain(7, 9));
        assert!(protect.rtp(&mut room, 172).is_ok());
        assert_eq!(protect.rtp(&mut room, 172), Err(SrtpError::Replayed));
        room[..172].copy_from_slice(&plain(8, 1));
        assert!(protect.rtp(&mut room, 172).is_ok(), "another source");
        room[..172].copy_from_slice(&plain(7, 9));
        assert_eq!(protect.rtp(&mut room, 172), Err(SrtpError::Replayed), "the first again");
    }
}

#[test]
fn a_changed_source_begins_with_numbers_of_its_own() {
    for suite in SrtpSuite::ALL {
        let (mut protect, mut unprotect) = ends(suite);
        let first: Vec<_> =
            (65_530..65_540_u32).map(|number| protect.sealed_rtp(&plain(7, number as u16))).collect();
        let other: Vec<_> = (100..110).map(|sequence| protect.sealed_rtp(&plain(8, sequence))).collect();
        for packet in first.iter().chain(&other) {
            assert!(unprotect.opened_rtp(packet).is_ok());
        }
        let back = protect.sealed_rtp(&plain(7, 4));
        assert_eq!(unprotect.opened_rtp(&back), Ok(plain(7, 4)), "its rollover counter was kept");
        for packet in first.iter().chain(&other) {
            assert_eq!(unprotect.opened_rtp(packet), Err(SrtpError::Replayed), "and so was its window");
        }
    }
}

#[test]
fn many_sources_are_followed_without_end() {
    let (mut protect, mut unprotect) = ends(SrtpSuite::AesCm128HmacSha1_80);
    for ssrc in 0..100 {
        let sealed = protect.sealed_rtp(&plain(ssrc, 1));
        assert!(unprotect.opened_rtp(&sealed).is_ok());
        assert_eq!(unprotect.opened_rtp(&sealed), Err(SrtpError::Replayed));
    }
}
