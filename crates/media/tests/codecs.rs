//! Parties with different codecs: what each hears, and what the recording holds.

mod world;

use std::time::{Duration, Instant};

use model::{AudioReport, Codec, Direction, GapCause, MediaOp, MediaReport, PlayMode, RemoteMedia};
use world::phone::steady;
use world::{Phone, World, channels, sealed, talk};

#[test]
fn legs_of_any_two_codecs_hear_each_other_and_are_recorded() {
    let pairs = [
        (Codec::Pcma, Codec::G722),
        (Codec::Opus, Codec::Pcmu),
        (Codec::G722, Codec::Opus),
        (Codec::G722, Codec::G722),
        (Codec::L16, Codec::L16Wide),
    ];
    for (customers, agents) in pairs {
        let mut world = World::new();
        let mut caller = world.phone(customers, 440.0);
        let mut agent = world.phone(agents, 880.0);
        let recording = world.record(caller.leg, "both.wav");
        world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
        talk(&mut [&mut caller, &mut agent], 120);
        sealed(&world, recording);
        let pair = format!("{customers:?} and {agents:?}");
        let from = |phone: &Phone| phone.heard.len() / 3;
        let heard = [caller.steady_level(880.0, from(&caller)), agent.steady_level(440.0, from(&agent))];
        assert!(heard.iter().all(|level| *level > -22.0), "{pair}: {heard:?}");
        let (left, right) = channels(&world.file("both.wav"));
        let middle = 6000..16_000;
        let own = [steady(&left[middle.clone()], 440.0), steady(&right[middle.clone()], 880.0)];
        let other = [steady(&left[middle.clone()], 880.0), steady(&right[middle], 440.0)];
        assert!(own.iter().all(|level| *level > -16.0), "{pair}: {own:?}");
        assert!(other.iter().all(|level| *level < -35.0), "{pair}: {other:?}");
        world.end();
    }
}

#[test]
fn packets_of_one_codec_pass_as_they_came() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Opus, 440.0);
    let mut agent = world.phone(Codec::Opus, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 5);
    let from = agent.packets.len();
    for number in 0..5 {
        let timestamp = caller.timestamp;
        caller.send(Codec::Opus.payload_type(), timestamp, &[0x08, number, 1, 2, 3]);
        caller.timestamp = timestamp.wrapping_add(960);
    }
    talk(&mut [&mut caller, &mut agent], 10);
    let passed = agent.packets[from..].iter().filter(|packet| packet.payload.len() == 5);
    let passed: Vec<(u8, u32)> = passed.map(|packet| (packet.payload[1], packet.timestamp)).collect();
    assert_eq!(passed.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [0, 1, 2, 3, 4]);
    assert!(passed.windows(2).all(|pair| pair[1].1.wrapping_sub(pair[0].1) == 960), "{passed:?}");
    world.end();
}

#[test]
fn prompts_are_spoken_in_the_codec_of_the_leg_and_encoded_once_for_all() {
    for codec in [Codec::G722, Codec::Opus] {
        let mut world = World::new();
        let (mut early, mut late) = (world.phone(codec, 440.0), world.phone(codec, 440.0));
        world.play(early.leg, "music/default", PlayMode::Loop);
        talk(&mut [&mut early, &mut late], 40);
        let before = late.packets.len();
        world.play(late.leg, "music/default", PlayMode::Loop);
        talk(&mut [&mut early, &mut late], 60);
        let step = if codec == Codec::Opus { 960 } else { 160 };
        for caller in [&early, &late] {
            let level = caller.steady_level(1000.0, caller.heard.len() * 3 / 4);
            assert!(level > -20.0, "{codec:?}: {level}");
            let mut steps =
                caller.packets.windows(2).map(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp));
            assert!(steps.all(|found| found == step), "{codec:?}");
        }
        let in_a_row = |phone: &Phone, from: usize| -> Vec<Vec<u8>> {
            phone.packets[from..].iter().map(|packet| packet.payload.clone()).collect()
        };
        let first = in_a_row(&early, 0);
        let second = in_a_row(&late, before + 5);
        assert!(first.windows(20).any(|row| row == &second[..20]), "{codec:?}: each has its own");
        world.end();
    }
}

#[test]
fn a_payload_type_of_the_peers_choice_is_sent_and_heard() {
    let mut world = World::new();
    let (leg, rtp) = world.open();
    let mut phone = Phone::new(leg, rtp, Codec::Opus, 440.0);
    let remote = RemoteMedia { payload_type: 111, ..phone.remote(Direction::Both) };
    world.order(MediaOp::Connect { leg, remote });
    talk(&mut [&mut phone], 10);
    assert!(!phone.packets.is_empty() && phone.packets.iter().all(|packet| packet.payload_type == 111));
    world.end();
}

#[test]
fn a_key_crosses_from_one_codec_to_another() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Opus, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 5);
    caller.press(5);
    talk(&mut [&mut caller, &mut agent], 30);
    assert_eq!(agent.keys_heard(), [5]);
    world.end();
}

#[test]
fn a_peer_without_telephone_events_is_heard_pressing_keys_in_its_audio() {
    for in_band in [true, false] {
        let mut world = World::new();
        let (leg, rtp) = world.open();
        let mut phone = Phone::new(leg, rtp, Codec::Pcma, 440.0);
        let telephone_event = (!in_band).then_some(world::phone::KEYS);
        let remote = RemoteMedia { telephone_event, ..phone.remote(Direction::Both) };
        world.order(MediaOp::Connect { leg, remote });
        talk(&mut [&mut phone], 5);
        phone.sound_key([852.0, 1209.0], 5);
        talk(&mut [&mut phone], 10);
        let told: Vec<char> = world
            .reports
            .try_iter()
            .filter_map(|report| match report {
                MediaReport::Leg(_, AudioReport::Digit(digit)) => Some(digit.key()),
                _ => None,
            })
            .collect();
        assert_eq!(told, if in_band { vec!['7'] } else { vec![] });
        world.end();
    }
}

#[test]
fn packets_lost_on_a_decoded_leg_are_silence_and_told() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::G722, 440.0);
    let recording = world.record(caller.leg, "lost.wav");
    talk(&mut [&mut caller], 40);
    for _ in 0..5 {
        caller.lose_frame();
        caller.listen(Instant::now() + Duration::from_millis(20));
    }
    talk(&mut [&mut caller], 40);
    let (_, _, gaps) = sealed(&world, recording);
    let lost: u64 = gaps
        .iter()
        .filter(|gap| gap.cause == GapCause::Lost && gap.channel == 0)
        .map(|gap| gap.length_ms)
        .sum();
    assert!((90..=140).contains(&lost), "{gaps:?}");
    world.end();
}

#[test]
fn a_wide_recording_keeps_what_lies_above_four_kilohertz() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::L16Wide, 5500.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    let recording = world.record_at(caller.leg, "wide.wav", 16_000);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 120);
    let (duration_ms, _, _) = sealed(&world, recording);
    let (left, right) = channels(&world.file("wide.wav"));
    assert_eq!(left.len() as u64 / 16, duration_ms);
    let middle = 12_000..32_000;
    // The meter counts at 8 kHz: half of what was sung at 16.
    let levels = [steady(&left[middle.clone()], 2750.0), steady(&right[middle.clone()], 440.0)];
    assert!(levels.iter().all(|level| *level > -16.0), "{levels:?}");
    assert!(steady(&left[middle], 440.0) < -40.0);
    world.end();
}
