//! Two parties talk through media: what each hears, and what the recording holds.

mod world;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use archive::repair;
use audio::rtcp::{self, RtcpPacket};
use model::{
    AudioReport, Codec, Digit, Direction, GapCause, MediaOp, MediaReport, PlayMode, RecordingReport,
};
use sha2::{Digest, Sha256};
use world::phone::steady;
use world::{LOCALHOST, Phone, World, channels, sealed, talk};

#[test]
fn a_bridge_carries_both_voices_and_each_has_its_channel() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcmu, 880.0);
    let recording = world.record(caller.leg, "2026/11/bridge.wav");
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 100);
    let (duration_ms, sha256, gaps) = sealed(&world, recording);

    assert!(caller.level(880.0, 3200) > -20.0 && agent.level(440.0, 3200) > -20.0, "across both laws");
    assert!(caller.level(440.0, 3200) < -45.0 && agent.level(880.0, 3200) < -45.0, "nobody hears himself");
    let (left, right) = channels(&world.file("2026/11/bridge.wav"));
    assert_eq!(left.len() as u64 / 8, duration_ms);
    // A phone of this test that was kept waiting sends late, and the recording follows its clock: the phase of the
    // tone jumps there, the level does not. So the level is the median of pieces of 50 ms.
    let level = |channel: &[i16], hertz| steady(&channel[4000..12_000], hertz);
    let levels = [level(&left, 440.0), level(&left, 880.0), level(&right, 880.0), level(&right, 440.0)];
    let [left_own, left_other, right_own, right_other] = levels;
    assert!(left_own > -14.0 && left_other < -45.0, "{levels:?}");
    assert!(right_own > -14.0 && right_other < -45.0, "{levels:?}");
    assert_eq!(gaps, []);
    let bytes = std::fs::read(world.file("2026/11/bridge.wav")).unwrap();
    let digest: String = Sha256::digest(&bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(digest, sha256);
    let counters = world.media.counters();
    assert!(counters.packets_in >= 190 && counters.packets_out >= 190, "{counters:?}");
    assert_eq!((counters.open_legs, counters.open_recordings), (2, 0));
    world.end();
}

#[test]
fn a_lost_packet_is_a_gap_in_its_place() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let recording = world.record(caller.leg, "lost.wav");
    talk(&mut [&mut caller], 10);
    (0..5).for_each(|_| caller.lose_frame());
    caller.listen(Instant::now() + Duration::from_millis(100));
    talk(&mut [&mut caller], 20);
    let (_, _, gaps) = sealed(&world, recording);
    assert_eq!(gaps.len(), 1, "{gaps:?}");
    assert_eq!((gaps[0].channel, &gaps[0].cause), (0, &GapCause::Lost));
    // Single samples go to and fro with the phone's own punctuality.
    assert!((90..=110).contains(&gaps[0].length_ms), "{gaps:?}");
    world.end();
}

#[test]
fn keys_are_told_once_and_cross_the_bridge() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 5);
    caller.press(7);
    caller.press(7);
    for _ in 0..2 {
        let pressed = world.wait_for(|report| match report {
            MediaReport::Leg(leg, AudioReport::Digit(digit)) => Some((*leg, digit.key())),
            _ => None,
        });
        assert_eq!(pressed, (caller.leg, '7'));
    }
    talk(&mut [&mut caller, &mut agent], 5);
    assert_eq!(agent.keys_heard(), [7, 7]);
    assert!(
        world.reports.try_iter().all(|report| !matches!(report, MediaReport::Leg(_, AudioReport::Digit(_))))
    );

    world.order(MediaOp::SendDigit { leg: caller.leg, digit: Digit::from_char('#').unwrap() });
    world.order(MediaOp::SendDigit { leg: caller.leg, digit: Digit::from_char('1').unwrap() });
    talk(&mut [&mut caller, &mut agent], 40);
    assert_eq!(caller.keys_heard(), [11, 1]);
    world.end();
}

/// A peer whose description comes with a late ACK has pressed meanwhile; what it said is not kept.
#[test]
fn keys_that_come_before_the_peers_side_is_known_are_told_once_and_in_order() {
    let mut world = World::new();
    let (leg, rtp) = world.open();
    let mut caller = Phone::new(leg, rtp, Codec::Pcma, 440.0);
    talk(&mut [&mut caller], 5);
    caller.press(4);
    caller.press(2);
    world.connect(&caller, Direction::Both);
    for expected in ['4', '2'] {
        let pressed = world.wait_for(|report| match report {
            MediaReport::Leg(leg, AudioReport::Digit(digit)) => Some((*leg, digit.key())),
            _ => None,
        });
        assert_eq!(pressed, (leg, expected));
    }
    world.end();
}

#[test]
fn prompts_end_are_replaced_and_music_goes_on() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcmu, 440.0);
    let first = world.play(caller.leg, "tone/short", PlayMode::Once);
    talk(&mut [&mut caller], 20);
    assert!(world.play_ended(first));
    assert!(caller.level(660.0, 0) > -30.0);
    let music = world.play(caller.leg, "music/default", PlayMode::Loop);
    let from = caller.heard.len();
    talk(&mut [&mut caller], 20);
    let second = world.play(caller.leg, "tone/short", PlayMode::Once);
    assert!(!world.play_ended(music), "replaced");
    world.order(MediaOp::StopPlay { leg: caller.leg });
    assert!(!world.play_ended(second), "stopped");
    assert!(caller.level(1000.0, from) > -20.0);
    let none = world.play(caller.leg, "no/such-clip", PlayMode::Once);
    assert!(world.play_ended(none), "nothing to play is over at once");

    let streams = caller.packets.windows(2).all(|pair| {
        pair[0].ssrc == pair[1].ssrc
            && pair[1].sequence == pair[0].sequence.wrapping_add(1)
            && pair[1].timestamp.wrapping_sub(pair[0].timestamp) as i32 > 0
    });
    assert!(streams, "one stream without a jump, whatever plays");
    world.end();
}

#[test]
fn a_held_peer_hears_nothing_and_the_recording_knows_what_it_missed() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    talk(&mut [&mut caller], 5);
    world.connect(&caller, Direction::ReceiveOnly);
    let recording = world.record(caller.leg, "held.wav");
    world.play(caller.leg, "music/default", PlayMode::Loop);
    talk(&mut [&mut caller], 5);
    let from = caller.packets.len();
    talk(&mut [&mut caller], 50);
    assert_eq!(caller.packets.len(), from, "nothing is sent");
    world.connect(&caller, Direction::SendOnly);
    talk(&mut [&mut caller], 10);
    assert!(caller.packets.len() > from, "and then it is");
    let (_, _, gaps) = sealed(&world, recording);
    let (left, right) = channels(&world.file("held.wav"));
    assert!(steady(&right[2000..8000], 1000.0) > -14.0);
    assert!(steady(&left[2000..8000], 440.0) > -14.0);
    let [held] = &gaps[..] else { panic!("a peer that should not send loses nothing: {gaps:?}") };
    assert_eq!((held.channel, &held.cause), (0, &GapCause::Held));
    assert!((150..=400).contains(&held.length_ms), "{held:?}");
    world.end();
}

#[test]
fn a_stranger_is_not_heard() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 10);
    let mut stranger = Phone::new(caller.leg, caller.ours, Codec::Pcma, 1800.0);
    talk(&mut [&mut caller, &mut agent, &mut stranger], 40);
    assert!(agent.level(1800.0, 0) < -60.0 && agent.level(440.0, 0) > -20.0);
    assert!(stranger.packets.is_empty(), "and gets nothing");
    world.end();
}

/// The socket is its peer's alone from the first packet on; what lies in it by then is still judged.
#[test]
fn strangers_who_come_right_behind_the_first_packet_are_not_heard() {
    const LEGS: u64 = 5;
    let mut world = World::with(|settings| settings.ports = 24_000..=24_099, None);
    for _ in 0..LEGS {
        let mut caller = world.phone(Codec::Pcma, 440.0);
        let mut stranger = Phone::new(caller.leg, caller.ours, Codec::Pcma, 1800.0);
        // Opened, this one shows that the caller is connected: orders are obeyed in turn.
        world.open();
        // Busy with these, the thread finds all packets together.
        (0..8).for_each(|_| _ = world.order_open());
        caller.send_frame();
        (0..10).for_each(|_| stranger.send_frame());
        (0..4).for_each(|_| caller.send_frame());
        world.order(MediaOp::Close { leg: caller.leg });
        world.wait_for(|report| match report {
            MediaReport::Leg(leg, AudioReport::Closed { .. }) if *leg == caller.leg => Some(()),
            _ => None,
        });
    }
    assert_eq!(world.media.counters().packets_in, 5 * LEGS);
    world.end();
}

#[test]
fn a_peer_that_announces_another_address_is_heard_and_answered_there_alone() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 20);
    let mut moved = Phone::new(caller.leg, caller.ours, Codec::Pcma, 1800.0);
    world.connect(&moved, Direction::Both);
    talk(&mut [&mut moved, &mut agent], 20);
    let (from, before) = (agent.heard.len(), caller.packets.len());
    talk(&mut [&mut caller, &mut moved, &mut agent], 40);
    assert!(agent.level(1800.0, from) > -20.0, "heard where it is");
    assert!(agent.level(440.0, from) < -60.0, "and not where it was");
    assert!(moved.level(880.0, 1600) > -20.0 && caller.packets.len() <= before + 1, "answered there alone");
    world.end();
}

#[test]
fn a_phone_behind_address_translation_is_answered_where_it_is() {
    let mut world = World::new();
    let (leg, rtp) = world.open();
    let mut phone = Phone::new(leg, rtp, Codec::Pcma, 440.0);
    let private = UdpSocket::bind((LOCALHOST, 0)).unwrap();
    let remote = model::RemoteMedia { rtp: private.local_addr().unwrap(), ..phone.remote(Direction::Both) };
    world.order(MediaOp::Connect { leg, remote });
    world.play(leg, "music/default", PlayMode::Loop);
    talk(&mut [&mut phone], 30);
    assert!(phone.level(1000.0, 0) > -30.0);
    world.end();
}

#[test]
fn a_file_cut_off_at_any_moment_plays_and_is_repaired() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    world.record(caller.leg, "killed.wav");
    talk(&mut [&mut caller], 110);
    // What is on disk now is what a kill would leave.
    let mut bytes = std::fs::read(world.file("killed.wav")).unwrap();
    let copy = world.file("copy.wav");
    std::fs::write(&copy, &bytes).unwrap();
    let (left, _) = channels(&copy);
    assert!(left.len() >= 8000 * 12 / 10, "2.2 s went by, at most the last one is missing: {}", left.len());
    bytes.truncate(bytes.len() - 1601);
    std::fs::write(&copy, &bytes).unwrap();
    let repaired = repair(&copy, &archive::CenterKeys::default()).unwrap();
    assert_eq!(repaired.duration_ms, (bytes.len() as u64 - 80) / 4 / 8);
    assert_eq!(channels(&copy).0.len() as u64 / 8, repaired.duration_ms);
    assert_eq!(
        repair(&copy, &archive::CenterKeys::default()).unwrap(),
        repaired,
        "repairing twice changes nothing"
    );
    std::fs::write(&copy, b"%PDF").unwrap();
    assert!(repair(&copy, &archive::CenterKeys::default()).is_err());
    world.end();
}

#[test]
fn stopping_seals_what_is_open_and_says_good_bye() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let recording = world.record(caller.leg, "stopped.wav");
    talk(&mut [&mut caller], 20);
    world.media.stop();
    let sealed = world
        .reports
        .try_iter()
        .any(|report| matches!(report, MediaReport::Recording(sealed, RecordingReport::Sealed(_)) if sealed == recording));
    assert!(sealed);
    assert!(channels(&world.dir.join("recordings/stopped.wav")).0.len() >= 2400);
    let mut datagram = [0; 500];
    caller.rtcp.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let (len, _) = caller.rtcp.recv_from(&mut datagram).unwrap();
    let packets: Vec<_> = rtcp::parse(&datagram[..len]).map(Result::unwrap).collect();
    assert!(matches!(packets.first(), Some(RtcpPacket::SenderReport { .. })), "{packets:?}");
    assert!(matches!(packets.last(), Some(RtcpPacket::Bye { .. })), "{packets:?}");
}
