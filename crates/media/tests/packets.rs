//! Packets of other lengths than 20 ms, received and sent.

mod world;

use model::{Codec, Direction, MediaOp, PlayMode};
use world::phone::{KEYS, steady};
use world::{Phone, World, channels, sealed, talk};

const LENGTHS: [u8; 5] = [10, 20, 30, 40, 60];

/// Lets a phone ask for packets of a length.
fn ask(world: &World, phone: &mut Phone, ms: Option<u8>) {
    phone.asks_ms = ms;
    world.connect(phone, Direction::Both);
}

/// Checks the packets of audio that a phone got since the `from`th: they are as long as it asked, by their bytes, and
/// each follows upon the one before it by time and number. Where the machine kept media waiting for long, a packet may
/// be shorter and time passed over.
fn assert_lengths(phone: &Phone, from: usize, ms: usize, bytes_a_ms: usize) {
    let audio: Vec<_> = phone.packets[from..].iter().filter(|packet| packet.payload_type != KEYS).collect();
    let lengths: Vec<usize> = audio.iter().map(|packet| packet.payload.len() / bytes_a_ms).collect();
    let right = lengths.iter().filter(|length| **length == ms).count();
    assert!(lengths.iter().all(|length| *length <= ms), "none longer than {ms} ms: {lengths:?}");
    assert!(right >= 3 && right * 4 >= lengths.len() * 3, "{ms} ms: {lengths:?}");
    for (pair, ms) in audio.windows(2).zip(&lengths) {
        let apart = pair[1].timestamp.wrapping_sub(pair[0].timestamp) as usize;
        assert!(apart >= ms * 8, "they don't overlap: {apart} units after {ms} ms");
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    let steady =
        audio.windows(2).filter(|pair| pair[1].timestamp.wrapping_sub(pair[0].timestamp) as usize == ms * 8);
    assert!(steady.count() * 4 + 4 >= lengths.len() * 3, "most are {ms} ms apart");
}

#[test]
fn music_comes_in_packets_of_the_length_asked_for_in_every_codec_that_can_be_cut() {
    let mut world = World::with(|settings| settings.ports = 24_300..=24_349, None);
    for (codec, bytes) in [(Codec::Pcma, 8), (Codec::Pcmu, 8), (Codec::G722, 8), (Codec::L16, 16)] {
        for ms in LENGTHS {
            let mut phone = world.phone(codec, 440.0);
            ask(&world, &mut phone, Some(ms));
            world.play(phone.leg, "music/default", PlayMode::Loop);
            talk(&mut [&mut phone], 30);
            // Behind what came before it asked, and before it heard music.
            let begun = phone.packets.len() / 3;
            assert_lengths(&phone, begun, usize::from(ms), bytes);
            assert!(phone.level(1_000.0, phone.heard.len() / 2) > -20.0, "{codec:?} {ms}");
            world.order(MediaOp::Close { leg: phone.leg });
        }
    }
    world.end();
}

#[test]
fn each_party_of_a_bridge_gets_the_length_that_it_asks_for_whatever_the_other_sends() {
    let mut world = World::with(|settings| settings.ports = 24_350..=24_399, None);
    for (one, other) in [(20, 20), (40, 20), (10, 20), (30, 40), (60, 10)] {
        let mut caller = world.phone(Codec::Pcma, 440.0);
        let mut agent = world.phone(Codec::Pcmu, 880.0);
        for (phone, ms) in [(&mut caller, one), (&mut agent, other)] {
            phone.sends_ms = usize::from(ms);
            ask(&world, phone, Some(ms));
        }
        let path = format!("bridge-{one}-{other}.wav");
        let recording = world.record(caller.leg, &path);
        world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
        talk(&mut [&mut caller, &mut agent], 30);
        let begun = [caller.packets.len(), agent.packets.len()];
        talk(&mut [&mut caller, &mut agent], 60);
        let (_, _, gaps) = sealed(&world, recording);
        for (phone, ms, begun, hertz) in [(&caller, one, begun[0], 880.0), (&agent, other, begun[1], 440.0)] {
            assert_lengths(phone, begun, usize::from(ms), 8);
            assert!(phone.steady_level(hertz, phone.heard.len() / 2) > -20.0, "{one} and {other}");
        }
        assert_eq!(gaps, [], "{one} and {other}");
        let (left, right) = channels(&world.file(&path));
        assert!(steady(&left[4_000..12_000], 440.0) > -16.0, "{one} and {other}");
        assert!(steady(&right[6_000..12_000], 880.0) > -18.0, "{one} and {other}");
        world.order(MediaOp::Close { leg: caller.leg });
        world.order(MediaOp::Close { leg: agent.leg });
    }
    world.end();
}

#[test]
fn a_party_that_asks_for_nothing_gets_what_the_other_sends_as_it_comes() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    caller.sends_ms = 40;
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 30);
    let begun = agent.packets.len();
    talk(&mut [&mut caller, &mut agent], 30);
    assert_lengths(&agent, begun, 40, 8);
    world.end();
}

#[test]
fn a_party_changes_the_length_that_it_asks_for_in_mid_call() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    for ms in [20, 40, 20, 10] {
        ask(&world, &mut agent, Some(ms));
        talk(&mut [&mut caller, &mut agent], 20);
        let begun = agent.packets.len();
        talk(&mut [&mut caller, &mut agent], 30);
        assert_lengths(&agent, begun, usize::from(ms), 8);
    }
    world.end();
}

#[test]
fn a_key_between_packets_is_heard_once_and_the_music_goes_on() {
    let mut world = World::new();
    let mut phone = world.phone(Codec::Pcma, 440.0);
    ask(&world, &mut phone, Some(60));
    world.play(phone.leg, "music/default", PlayMode::Loop);
    talk(&mut [&mut phone], 20);
    let digit = model::Digit::from_event(5).unwrap();
    world.order(MediaOp::SendDigit { leg: phone.leg, digit });
    talk(&mut [&mut phone], 40);
    assert_eq!(phone.keys_heard(), [5]);
    for pair in phone.packets.windows(2) {
        assert_eq!(pair[1].sequence, pair[0].sequence.wrapping_add(1));
    }
    let last = &phone.packets[phone.packets.len() - 3..];
    assert!(last.iter().all(|packet| packet.payload.len() == 480), "the music goes on");
    world.end();
}
