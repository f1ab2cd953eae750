//! SRTP and SRTCP of ours opened by `rtc-srtp`, and theirs by us.

use audio::rtcp::{self, SenderPart};
use audio::rtp::RtpPacket;
use audio::srtp::{MasterKey, OVERHEAD, Protect, SrtpSuite, Unprotect};
use proptest::prelude::*;
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

fn profile(suite: SrtpSuite) -> ProtectionProfile {
    match suite {
        SrtpSuite::AesCm128HmacSha1_80 => ProtectionProfile::Aes128CmHmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32 => ProtectionProfile::Aes128CmHmacSha1_32,
        SrtpSuite::AeadAes128Gcm => ProtectionProfile::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm => ProtectionProfile::AeadAes256Gcm,
    }
}

/// The same key for us, and for them.
fn both(suite: SrtpSuite, bytes: &[u8; 44]) -> (MasterKey, Context) {
    let bytes = &bytes[..suite.key_len() + suite.salt_len()];
    let (key, salt) = bytes.split_at(suite.key_len());
    let provider = rtc_crypto::default_provider().expect("a provider");
    let theirs = Context::new(key, salt, profile(suite), None, None, provider.crypto()).expect("a context");
    (MasterKey::new(suite, bytes).expect("a key"), theirs)
}

fn packets(ssrc: u32, first: u16, payload: &[u8]) -> Vec<Vec<u8>> {
    let packet = |n: u16| {
        let sequence = first.wrapping_add(n * 101);
        let timestamp = u32::from(n) * 160;
        let packet = RtpPacket { marker: n == 0, payload_type: 8, sequence, timestamp, ssrc, payload };
        let mut datagram = vec![0; 12 + payload.len()];
        packet.print(&mut datagram).expect("room");
        datagram
    };
    (0..20).map(packet).collect()
}

fn compound(ssrc: u32, packets: u32) -> Vec<u8> {
    let sender = SenderPart { ntp: 0x1122_3344_5566_7788, rtp_timestamp: 99, packets, octets: 160_000 };
    rtcp::compound(ssrc, Some(sender), None, "hotline", packets == 7)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn srtp_of_ours_is_opened_by_them(
        key: [u8; 44], ssrc: u32, first in 0_u16..65_535, payload in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        for suite in SrtpSuite::ALL {
            let (ours, mut theirs) = both(suite, &key);
            let mut protect = Protect::new(&ours);
            for packet in packets(ssrc, first, &payload) {
                let mut room = [&packet[..], &[0; OVERHEAD]].concat();
                let length = protect.rtp(&mut room, packet.len()).expect("protected");
                let opened = theirs.decrypt_rtp(&room[..length]).expect("opened by them");
                prop_assert_eq!(&opened[..], &packet[..]);
            }
            for count in 0..10 {
                let packet = compound(ssrc, count);
                let mut room = [&packet[..], &[0; OVERHEAD]].concat();
                let length = protect.rtcp(&mut room, packet.len()).expect("protected");
                let opened = theirs.decrypt_rtcp(&room[..length]).expect("opened by them");
                prop_assert_eq!(&opened[..], &packet[..]);
            }
        }
    }

    #[test]
    fn srtp_of_theirs_is_opened_by_us(
        key: [u8; 44], ssrc: u32, first in 0_u16..65_535, payload in proptest::collection::vec(any::<u8>(), 1..300),
    ) {
        for suite in SrtpSuite::ALL {
            let (ours, mut theirs) = both(suite, &key);
            let mut unprotect = Unprotect::new(&ours);
            for packet in packets(ssrc, first, &payload) {
                let mut sealed = theirs.encrypt_rtp(&packet).expect("protected by them");
                let length = unprotect.rtp(&mut sealed).expect("opened");
                prop_assert_eq!(&sealed[..length], &packet[..]);
            }
            for count in 0..10 {
                let packet = compound(ssrc, count);
                let mut sealed = theirs.encrypt_rtcp(&packet).expect("protected by them");
                let length = unprotect.rtcp(&mut sealed).expect("opened");
                prop_assert_eq!(&sealed[..length], &packet[..]);
            }
        }
    }
}
