//! Legs with SRTP: alone, beside plain ones, with other keys, with RTCP.

mod world;

use std::time::{Duration, Instant};

use audio::rtcp::{self, RtcpPacket};
use audio::tone::level_db;
use media::Media;
use model::{Codec, Direction, MediaOp, MediaReport, RecordingReport, SrtpSuite};
use world::{Phone, World, channels, talk};

fn encrypted_phone(world: &mut World, suite: SrtpSuite, hertz: f64) -> Phone {
    let (leg, rtp) = world.open();
    let mut phone = Phone::new(leg, rtp, Codec::Pcma, hertz);
    phone.encrypt(suite, hertz as u8, 7);
    world.connect(&phone, Direction::Both);
    phone
}

#[test]
fn an_encrypted_caller_talks_with_a_plain_agent_and_is_recorded() {
    let mut world = World::new();
    for suite in [
        SrtpSuite::AesCm128HmacSha1_80,
        SrtpSuite::AesCm128HmacSha1_32,
        SrtpSuite::AeadAes128Gcm,
        SrtpSuite::AeadAes256Gcm,
    ] {
        let mut caller = encrypted_phone(&mut world, suite, 440.0);
        let mut agent = world.phone(Codec::Pcmu, 880.0);
        let file = format!("{suite:?}.wav");
        let recording = world.record(caller.leg, &file);
        world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
        talk(&mut [&mut caller, &mut agent], 40);
        caller.press(5);
        talk(&mut [&mut caller, &mut agent], 5);
        world.order(MediaOp::StopRecording { recording });
        world.wait_for(|report| {
            matches!(report, MediaReport::Recording(_, RecordingReport::Sealed(_))).then_some(())
        });
        let level = |phone: &Phone, hertz| phone.level(hertz, 1600);
        assert!(level(&caller, 880.0) > -20.0 && level(&agent, 440.0) > -20.0, "{suite:?}");
        assert_eq!(agent.keys_heard(), [5], "{suite:?}");
        let (left, right) = channels(&world.file(&file));
        let levels = [median_level(&left, 440.0), median_level(&right, 880.0)];
        assert!(levels.iter().all(|level| *level > -14.0), "{suite:?}: {levels:?}");
        [caller.leg, agent.leg].into_iter().for_each(|leg| world.order(MediaOp::Close { leg }));
    }
    assert_eq!(world.media.counters().packets_forged, 0);
    world.end();
}

/// Of pieces of 50 ms: a phone that was kept waiting moves the phase of its tone.
fn median_level(channel: &[i16], hertz: f64) -> f64 {
    let mut levels: Vec<f64> =
        channel[1600..5600].chunks_exact(400).map(|piece| level_db(piece, hertz)).collect();
    levels.sort_by(f64::total_cmp);
    levels[levels.len() / 2]
}

fn wait_until_forged(media: &Media, count: u64) {
    testing::wait_for("forged packets", || (media.counters().packets_forged >= count).then_some(()));
}

#[test]
fn what_is_not_authentic_is_counted_and_heard_by_nobody() {
    let mut world = World::new();
    let mut caller = encrypted_phone(&mut world, SrtpSuite::AeadAes128Gcm, 440.0);
    let mut agent = encrypted_phone(&mut world, SrtpSuite::AesCm128HmacSha1_80, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 20);
    assert!(caller.level(880.0, 1600) > -20.0 && agent.level(440.0, 1600) > -20.0, "both encrypted");
    let heard = world.media.counters().packets_in;
    let ours = caller.srtp.take();
    // From the caller's own address: plain, then with another key, then what was recorded on the way.
    caller.send_frame();
    caller.encrypt(SrtpSuite::AeadAes128Gcm, 99, 7);
    caller.send_frame();
    wait_until_forged(&world.media, 2);
    caller.srtp = ours;
    let mut datagram = [0; 300];
    let packet = audio::rtp::RtpPacket {
        marker: false,
        payload_type: 8,
        sequence: caller.sequence,
        timestamp: caller.timestamp,
        ssrc: 440,
        payload: &[0x55; 160],
    };
    let length = packet.print(&mut datagram).unwrap();
    let protect = &mut caller.srtp.as_mut().unwrap().protect;
    let length = protect.rtp(&mut datagram, length).unwrap();
    for _ in 0..3 {
        caller.rtp.send_to(&datagram[..length], caller.ours).unwrap();
    }
    wait_until_forged(&world.media, 4);
    assert_eq!(world.media.counters().packets_in, heard + 1, "of all five one");
    world.end();
}

#[test]
fn a_leg_gets_other_keys_in_mid_call() {
    let mut world = World::new();
    let mut caller = encrypted_phone(&mut world, SrtpSuite::AesCm128HmacSha1_80, 440.0);
    world.play(caller.leg, "music/default", model::PlayMode::Loop);
    talk(&mut [&mut caller], 20);
    // A hold that changes no key: media's stream goes on, and its indices with it.
    world.connect(&caller, Direction::SendOnly);
    world.connect(&caller, Direction::Both);
    talk(&mut [&mut caller], 10);
    // What is under way with the old key arrives before the new one is used.
    world.order(MediaOp::StopPlay { leg: caller.leg });
    world.connect(&caller, Direction::Inactive);
    caller.listen(Instant::now() + Duration::from_millis(100));
    caller.encrypt(SrtpSuite::AeadAes256Gcm, 3, 9);
    let before = caller.heard.len();
    world.connect(&caller, Direction::Both);
    world.play(caller.leg, "music/default", model::PlayMode::Loop);
    // And the order before what is sent with the new one.
    caller.listen(Instant::now() + Duration::from_millis(100));
    talk(&mut [&mut caller], 20);
    assert!(caller.level(1000.0, before + 1600) > -20.0);
    assert_eq!(world.media.counters().packets_forged, 0);
    world.end();
}

#[test]
fn reports_are_encrypted_too() {
    let mut world = World::new();
    let mut caller = encrypted_phone(&mut world, SrtpSuite::AesCm128HmacSha1_32, 440.0);
    caller.rtcp.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
    talk(&mut [&mut caller], 10);
    let compound = rtcp::compound(440, None, None, "phone", false);
    let mut plain = compound.clone();
    plain.resize(compound.len() + 20, 0);
    let srtp = caller.srtp.as_mut().unwrap();
    let length = srtp.protect.rtcp(&mut plain, compound.len()).unwrap();
    let to = std::net::SocketAddr::new(caller.ours.ip(), caller.ours.port() + 1);
    caller.rtcp.send_to(&plain[..length], to).unwrap();
    caller.rtcp.send_to(&compound, to).unwrap();
    wait_until_forged(&world.media, 1);
    world.order(MediaOp::Close { leg: caller.leg });
    let mut datagram = [0; 500];
    let (length, _) = caller.rtcp.recv_from(&mut datagram).unwrap();
    let readable =
        rtcp::parse(&datagram[..length]).any(|packet| matches!(packet, Ok(RtcpPacket::Bye { .. })));
    assert!(!readable, "not without the key");
    let length = caller.srtp.as_mut().unwrap().unprotect.rtcp(&mut datagram[..length]).unwrap();
    assert!(
        rtcp::parse(&datagram[..length]).any(|packet| matches!(packet, Ok(RtcpPacket::Bye { .. }))),
        "with it a good-bye"
    );
    world.end();
}
