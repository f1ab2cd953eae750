//! Where a peer's audio comes from: address translation that changes in mid-call, and strangers who would like to be
//! taken for the peer.

mod world;

use std::net::UdpSocket;
use std::time::{Duration, Instant};

use media::Settings;
use model::{Codec, Direction, LegId, MediaOp, PlayMode, RemoteMedia, SrtpSuite};
use world::{LOCALHOST, Phone, World, talk};

/// What a router would have done: the phone's packets come from another port from now on.
fn move_to_another_port(phone: &mut Phone) {
    phone.rtp = socket("127.0.0.1");
}

fn socket(address: &str) -> UdpSocket {
    UdpSocket::bind((address, 0)).expect("a free port")
}

/// A phone that signals from the address that it announces, as far as this machine can tell.
fn direct(phone: &Phone) -> RemoteMedia {
    RemoteMedia { signalling: Some(LOCALHOST), ..phone.remote(Direction::Both) }
}

/// A phone that announces a private address, from which nothing will ever come.
fn translated(phone: &Phone) -> RemoteMedia {
    RemoteMedia { rtp: ([10, 9, 9, 9], 40_000).into(), ..direct(phone) }
}

/// A customer connected as `described`, bridged to an agent.
fn bridged(
    world: &mut World,
    prepare: impl FnOnce(&mut Phone),
    described: impl FnOnce(&Phone) -> RemoteMedia,
) -> (Phone, Phone) {
    let (leg, ours) = world.open();
    let mut caller = Phone::new(leg, ours, Codec::Pcma, 440.0);
    prepare(&mut caller);
    let remote = described(&caller);
    world.order(MediaOp::Connect { leg, remote });
    let agent = world.phone(Codec::Pcmu, 880.0);
    world.order(MediaOp::Bridge { a: leg, b: agent.leg });
    (caller, agent)
}

/// Lets the caller be lost for longer than a second, then speak from another port for another second: both are heard
/// there.
fn goes_on_elsewhere(mut caller: Phone, mut agent: Phone) {
    talk(&mut [&mut caller, &mut agent], 30);
    assert!(agent.level(440.0, 1600) > -20.0 && caller.level(880.0, 1600) > -20.0, "before");
    move_to_another_port(&mut caller);
    // What the router swallows meanwhile.
    (0..60).for_each(|_| caller.lose_frame());
    let lost = Instant::now();
    while lost.elapsed() < Duration::from_millis(1_200) {
        talk(&mut [&mut agent], 5);
    }
    let (heard, answered) = (agent.heard.len(), caller.heard.len());
    talk(&mut [&mut caller, &mut agent], 50);
    assert!(agent.level(440.0, heard + 1600) > -20.0, "heard from the other port");
    assert!(caller.level(880.0, answered + 1600) > -20.0, "and answered there");
}

#[test]
fn a_phone_whose_port_changes_in_mid_call_is_heard_again() {
    let mut world = World::new();
    let (caller, agent) = bridged(&mut world, |_| {}, direct);
    goes_on_elsewhere(caller, agent);
    world.end();
}

#[test]
fn so_is_one_behind_address_translation() {
    let mut world = World::new();
    let (caller, agent) = bridged(&mut world, |_| {}, translated);
    goes_on_elsewhere(caller, agent);
    world.end();
}

#[test]
fn and_one_that_is_encrypted() {
    let mut world = World::new();
    let encrypt = |phone: &mut Phone| phone.encrypt(SrtpSuite::AesCm128HmacSha1_80, 1, 2);
    let (caller, agent) = bridged(&mut world, encrypt, direct);
    goes_on_elsewhere(caller, agent);
    world.end();
}

#[test]
fn a_description_sent_again_finds_a_new_stream_without_a_second_of_silence() {
    let mut world = World::new();
    let (mut caller, mut agent) = bridged(&mut world, |_| {}, translated);
    talk(&mut [&mut caller, &mut agent], 20);
    move_to_another_port(&mut caller);
    caller.ssrc += 1;
    let remote = translated(&caller);
    world.order(MediaOp::Connect { leg: caller.leg, remote });
    let heard = agent.heard.len();
    talk(&mut [&mut caller, &mut agent], 40);
    assert!(agent.level(440.0, heard + 3200) > -20.0);
    world.end();
}

/// Packets of a stranger, sent at once and then at the pace of a call.
fn spray(world: &World, leg: LegId, mut stranger: Phone) -> Phone {
    (0..50).for_each(|_| stranger.send_frame());
    talk(&mut [&mut stranger], 70);
    let counters = world.media.counters();
    assert!(counters.packets_ignored >= 100, "{leg}: {counters:?}");
    stranger
}

#[test]
fn whoever_sprays_a_port_before_the_customer_speaks_earns_nothing() {
    let mut world = World::with(|settings: &mut Settings| settings.ports = 24_600..=24_699, None);
    let (leg, ours) = world.open();
    let mut caller = Phone::new(leg, ours, Codec::Pcma, 440.0);
    world.order(MediaOp::Connect { leg, remote: direct(&caller) });
    world.play(leg, "music/default", PlayMode::Loop);
    let mut near = spray(&world, leg, Phone::new(leg, ours, Codec::Pcma, 1800.0));
    let mut far = Phone::new(leg, ours, Codec::Pcma, 2500.0);
    far.rtp = socket("127.0.0.66");
    let mut far = spray(&world, leg, far);
    for stranger in [&mut near, &mut far] {
        stranger.listen(Instant::now() + Duration::from_millis(50));
        assert!(stranger.packets.is_empty(), "{} packets of the prompt", stranger.packets.len());
    }
    talk(&mut [&mut caller], 10);
    assert!(caller.packets.len() >= 9, "the customer had it all the time: {}", caller.packets.len());
    world.end();
}
