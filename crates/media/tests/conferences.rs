//! Three and more parties: who hears whom, whatever the roles become, and what the recording holds.

mod world;

use model::{Codec, GapCause, MediaOp, PlayMode, Role};
use world::phone::steady;
use world::{Phone, World, channels, sealed, talk};

const CUSTOMER: f64 = 440.0;
const AGENT: f64 = 880.0;
const SUPERVISOR: f64 = 1320.0;

/// Customer, agent and supervisor, who have talked for as long as it takes the ears to open.
fn three(codecs: [Codec; 3], supervisor: fn(&Phone) -> Role) -> (World, [Phone; 3]) {
    let mut world = World::new();
    let customer = world.phone(codecs[0], CUSTOMER);
    let agent = world.phone(codecs[1], AGENT);
    let boss = world.phone(codecs[2], SUPERVISOR);
    let role = supervisor(&agent);
    let members = vec![(customer.leg, Role::Party), (agent.leg, Role::Party), (boss.leg, role)];
    world.order(MediaOp::Confer { members });
    let mut phones = [customer, agent, boss];
    for_frames(&mut phones, 40);
    (world, phones)
}

fn for_frames(phones: &mut [Phone; 3], frames: u32) {
    let [a, b, c] = phones;
    talk(&mut [a, b, c], frames);
}

/// Which of the three tones each phone hears in the next 800 ms.
fn heard(phones: &mut [Phone; 3]) -> [[bool; 3]; 3] {
    let from = [0, 1, 2].map(|index: usize| phones[index].heard.len());
    for_frames(phones, 40);
    [0, 1, 2].map(|index| {
        [CUSTOMER, AGENT, SUPERVISOR].map(|hertz| {
            // The first part is what still lay on the way.
            let level = phones[index].steady_level(hertz, from[index] + 3200);
            assert!(!(-40.0..-25.0).contains(&level), "{hertz} at {level}: neither there nor away");
            level > -25.0
        })
    })
}

#[test]
fn everybody_hears_everybody_else_in_any_codec() {
    let codecs = [Codec::Pcma, Codec::G722, Codec::Pcmu];
    let (world, mut phones) = three(codecs, |_| Role::Party);
    assert_eq!(heard(&mut phones), [[false, true, true], [true, false, true], [true, true, false]]);
    world.end();
}

#[test]
fn a_listener_is_heard_by_nobody_a_whisperer_by_the_agent_alone_and_roles_change_in_mid_call() {
    let (mut world, mut phones) = three([Codec::Pcma; 3], |_| Role::Listener);
    let recording = world.record(phones[0].leg, "supervised.wav");
    assert_eq!(heard(&mut phones), [[false, true, false], [true, false, false], [true, true, false]]);
    let [customer, agent, boss] = [0, 1, 2].map(|index: usize| phones[index].leg);
    let change = |world: &World, role| {
        let members = vec![(customer, Role::Party), (agent, Role::Party), (boss, role)];
        world.order(MediaOp::Confer { members });
    };
    change(&world, Role::Whisperer { to: agent });
    assert_eq!(heard(&mut phones), [[false, true, false], [true, false, true], [true, true, false]]);
    let (_, _, gaps) = sealed(&world, recording);
    // While it is judged what they heard, the phones say nothing: on a busy machine for long.
    assert!(gaps.iter().all(|gap| gap.cause == GapCause::Lost), "{gaps:?}");
    let (left, right) = channels(&world.file("supervised.wav"));
    let level = |channel: &[i16], hertz| steady(&channel[3200..channel.len() - 800], hertz);
    assert!(level(&left, CUSTOMER) > -18.0 && level(&right, AGENT) > -18.0);
    assert!(
        level(&left, AGENT) < -40.0 && level(&right, SUPERVISOR) < -40.0,
        "a whisper is not the customer's"
    );
    change(&world, Role::Party);
    assert_eq!(heard(&mut phones)[0], [false, true, true], "barged in");
    world.order(MediaOp::Close { leg: agent });
    assert_eq!(heard(&mut phones)[0], [false, false, true], "taken over");
    world.end();
}

#[test]
fn music_to_one_side_leaves_the_others_talking() {
    let (mut world, mut phones) = three([Codec::Pcma; 3], |_| Role::Party);
    world.play(phones[0].leg, "music/default", PlayMode::Loop);
    assert_eq!(heard(&mut phones), [[false, false, false], [true, false, true], [true, true, false]]);
    assert!(phones[0].steady_level(1000.0, phones[0].heard.len() - 1600) > -20.0);
    world.order(MediaOp::StopPlay { leg: phones[0].leg });
    assert_eq!(heard(&mut phones)[0], [false, true, true]);
    world.end();
}

#[test]
fn a_bridge_becomes_a_conference_and_again_a_bridge() {
    let mut world = World::new();
    let mut phones = [CUSTOMER, AGENT, SUPERVISOR].map(|hertz| world.phone(Codec::Pcma, hertz));
    let [customer, agent, boss] = [0, 1, 2].map(|index: usize| phones[index].leg);
    world.order(MediaOp::Bridge { a: customer, b: agent });
    assert_eq!(heard(&mut phones), [[false, true, false], [true, false, false], [false, false, false]]);
    let members = [customer, agent, boss].map(|leg| (leg, Role::Party)).to_vec();
    world.order(MediaOp::Confer { members });
    assert_eq!(heard(&mut phones), [[false, true, true], [true, false, true], [true, true, false]]);
    world.order(MediaOp::Bridge { a: customer, b: boss });
    assert_eq!(heard(&mut phones), [[false, false, true], [false, false, false], [true, false, false]]);
    world.end();
}

#[test]
fn thirty_two_take_part_and_the_next_one_does_not() {
    let mut world = World::with(|settings| settings.ports = 25_400..=25_479, None);
    let mut phones: Vec<Phone> = (0..33).map(|_| world.phone(Codec::Pcma, SUPERVISOR)).collect();
    phones[0] = world.phone(Codec::Pcma, CUSTOMER);
    let members = phones.iter().map(|phone| (phone.leg, Role::Party)).collect();
    world.order(MediaOp::Confer { members });
    talk(&mut [&mut phones[0]], 60);
    // What they heard meanwhile lies in their sockets.
    let soon = || std::time::Instant::now() + std::time::Duration::from_millis(5);
    phones.iter_mut().for_each(|phone| phone.listen(soon()));
    let hears = |phone: &Phone| phone.steady_level(CUSTOMER, phone.heard.len() / 2) > -30.0;
    let heard: Vec<bool> = phones[1..].iter().map(hears).collect();
    assert_eq!((heard.iter().filter(|hears| **hears).count(), heard.last()), (31, Some(&false)), "{heard:?}");
    world.end();
}
