//! What protection costs a packet of 20 ms of G.711 (172 bytes), each suite, both ways. Beside: one copy of the packet,
//! and `rtc-srtp` on `ring`.

#![allow(missing_docs, reason = "criterion's macros make undocumented items")]

use std::hint::black_box;

use audio::rtp::RtpPacket;
use audio::srtp::{MasterKey, OVERHEAD, Protect, SrtpSuite, Unprotect};
use criterion::{BatchSize, Criterion, criterion_group, criterion_main};
use rtc_srtp::context::Context;
use rtc_srtp::protection_profile::ProtectionProfile;

criterion_group!(benches, copy, packets, peer);
criterion_main!(benches);

const LENGTH: usize = 172;
type Room = [u8; LENGTH + OVERHEAD];

/// The packets of a stream, one after another.
struct Stream(u16);

impl Stream {
    fn next(&mut self) -> Room {
        self.0 = self.0.wrapping_add(1);
        let mut room = [0; LENGTH + OVERHEAD];
        let (sequence, payload) = (self.0, &[0x55; 160]);
        let packet = RtpPacket { marker: false, payload_type: 8, sequence, timestamp: 0, ssrc: 7, payload };
        packet.print(&mut room).expect("room");
        room
    }
}

fn key(suite: SrtpSuite) -> MasterKey {
    MasterKey::new(suite, &[7; 44][..suite.key_len() + suite.salt_len()]).expect("a key")
}

fn copy(criterion: &mut Criterion) {
    let (packet, mut room) = (Stream(0).next(), [0; LENGTH + OVERHEAD]);
    criterion
        .bench_function("srtp/copy", |b| b.iter(|| black_box(&mut room).copy_from_slice(black_box(&packet))));
}

fn packets(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp/ours");
    for suite in SrtpSuite::ALL {
        let (mut protect, mut stream) = (Protect::new(&key(suite)), Stream(0));
        group.bench_function(format!("protect {suite:?}"), |b| {
            let next = || stream.next();
            b.iter_batched_ref(next, |room| protect.rtp(room, LENGTH), BatchSize::SmallInput);
        });
        let (mut protect, mut stream) = (Protect::new(&key(suite)), Stream(0));
        let mut unprotect = Unprotect::new(&key(suite));
        group.bench_function(format!("unprotect {suite:?}"), |b| {
            let next = || {
                let mut room = stream.next();
                let length = protect.rtp(&mut room, LENGTH).expect("a new packet");
                (room, length)
            };
            let open =
                |(room, length): &mut (Room, usize)| unprotect.rtp(&mut room[..*length]).expect("authentic");
            b.iter_batched_ref(next, open, BatchSize::SmallInput);
        });
        group.bench_function(format!("a leg's keys {suite:?}"), |b| {
            b.iter(|| (Protect::new(&key(suite)), Unprotect::new(&key(suite))));
        });
    }
    group.finish();
}

fn peer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("srtp/rtc-srtp");
    let provider = rtc_crypto::default_provider().expect("a provider");
    for (suite, profile) in [
        (SrtpSuite::AesCm128HmacSha1_80, ProtectionProfile::Aes128CmHmacSha1_80),
        (SrtpSuite::AeadAes128Gcm, ProtectionProfile::AeadAes128Gcm),
        (SrtpSuite::AeadAes256Gcm, ProtectionProfile::AeadAes256Gcm),
    ] {
        let bytes = [7; 44];
        let (key, salt) = bytes[..suite.key_len() + suite.salt_len()].split_at(suite.key_len());
        let mut context = Context::new(key, salt, profile, None, None, provider.crypto()).expect("a context");
        let mut stream = Stream(0);
        group.bench_function(format!("protect {suite:?}"), |b| {
            let next = || stream.next();
            let protect = |room: &mut Room| context.encrypt_rtp(&room[..LENGTH]).expect("a packet");
            b.iter_batched_ref(next, protect, BatchSize::SmallInput);
        });
    }
    group.finish();
}
