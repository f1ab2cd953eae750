//! A customer presses what nobody may see: it reaches neither the other legs nor the recording, whatever way it comes.

mod world;

use std::ops::Range;
use std::time::Instant;

use model::{AudioReport, Codec, Direction, MediaOp, MediaReport, RemoteMedia, Role};
use world::phone::steady;
use world::{Phone, World, channels, sealed, talk};

const CUSTOMER: f64 = 440.0;
const AGENT: f64 = 880.0;
/// The two tones of the key 8 (ITU-T Q.23).
const EIGHT: [f64; 2] = [852.0, 1336.0];

/// How keys come, and who talks.
#[derive(Debug, Clone, Copy)]
struct Case {
    customer: Codec,
    agent: Codec,
    /// As tones in the audio; else by RFC 4733.
    in_band: bool,
    /// In a conference of three; else bridged.
    confers: bool,
}

/// Presses 8 three times behind the shield and asserts that it was told, and heard nowhere.
fn assert_hidden(case: Case) {
    let mut world = World::new();
    let (leg, rtp) = world.open();
    let mut customer = Phone::new(leg, rtp, case.customer, CUSTOMER);
    let telephone_event = (!case.in_band).then_some(world::phone::KEYS);
    let remote = RemoteMedia { telephone_event, ..customer.remote(Direction::Both) };
    world.order(MediaOp::Connect { leg, remote });
    let mut others = vec![world.phone(case.agent, AGENT)];
    if case.confers {
        others.push(world.phone(Codec::Pcmu, 1800.0));
        let legs = others.iter().map(|phone| phone.leg).chain([leg]);
        world.order(MediaOp::Confer { members: legs.map(|leg| (leg, Role::Party)).collect() });
    } else {
        world.order(MediaOp::Bridge { a: leg, b: others[0].leg });
    }
    let recording = world.record(leg, "secret.wav");
    let (began, first) = (Instant::now(), customer.timestamp);
    // A phone that was kept waiting sends late, and the recording follows its clock: that tells the place too.
    let places = |phone: &Phone| {
        let wall = began.elapsed().as_millis() as usize * 8;
        (wall, phone.timestamp.wrapping_sub(first) as usize)
    };
    all_talk(&mut customer, &mut others, 50);

    world.order(MediaOp::Shield { leg });
    all_talk(&mut customer, &mut others, 20);
    let (from, first_place) = (others[0].heard.len(), places(&customer));
    for _ in 0..3 {
        if case.in_band {
            customer.sound_key(EIGHT, 6);
        } else {
            customer.press(8);
        }
        all_talk(&mut customer, &mut others, 6);
    }
    all_talk(&mut customer, &mut others, 10);
    let (until, last_place) = (others[0].heard.len(), places(&customer));
    world.order(MediaOp::Unshield { leg });
    all_talk(&mut customer, &mut others, 60);
    let back = others[0].heard.len() - 3200;

    let told = world.reports.try_iter().filter(|report| match report {
        MediaReport::Leg(of, AudioReport::Digit(digit)) => *of == leg && digit.key() == '8',
        _ => false,
    });
    assert_eq!(told.count(), 3, "{case:?}: the center is told");
    for other in &others {
        assert_eq!(other.keys_heard(), Vec::<u8>::new(), "{case:?}");
        assert!(other.level(EIGHT[1], 0) < -45.0, "{case:?}: {}", other.level(EIGHT[1], 0));
    }
    if !case.confers {
        assert_silent(&others[0].heard, from..until, case);
    }
    assert!(others[0].steady_level(CUSTOMER, back) > -25.0, "{case:?}: heard again");
    sealed(&world, recording);
    let (left, right) = channels(&world.file("secret.wav"));
    let hidden = first_place.0.max(first_place.1)..last_place.0.min(last_place.1);
    assert_silent(&left, hidden, case);
    assert!(steady(&left[2400..6400], CUSTOMER) > -18.0 && steady(&right[2400..6400], AGENT) > -20.0);
    world.end();
}

fn all_talk(customer: &mut Phone, others: &mut [Phone], frames: u32) {
    let mut all: Vec<&mut Phone> = others.iter_mut().collect();
    all.push(customer);
    talk(&mut all, frames);
}

fn assert_silent(samples: &[i16], range: Range<usize>, case: Case) {
    let loudest = samples[range].iter().map(|sample| sample.unsigned_abs()).max();
    assert!(loudest.is_some_and(|loudest| loudest < 100), "{case:?}: {loudest:?}");
}

const PLAIN: Case = Case { customer: Codec::Pcma, agent: Codec::Pcma, in_band: false, confers: false };

#[test]
fn keys_by_telephone_event_are_not_forwarded() {
    assert_hidden(PLAIN);
}

#[test]
fn keys_as_tones_are_silence() {
    assert_hidden(Case { in_band: true, ..PLAIN });
}

#[test]
fn a_translated_leg_hides_both() {
    assert_hidden(Case { agent: Codec::G722, ..PLAIN });
    assert_hidden(Case { agent: Codec::G722, in_band: true, ..PLAIN });
    assert_hidden(Case { customer: Codec::L16, ..PLAIN });
}

#[test]
fn nobody_in_a_conference_hears_either() {
    assert_hidden(Case { confers: true, ..PLAIN });
    assert_hidden(Case { confers: true, in_band: true, ..PLAIN });
}

#[test]
fn a_key_held_longer_than_the_shield_is_hidden_to_its_end() {
    let mut world = World::new();
    let mut customer = world.phone(Codec::Pcma, CUSTOMER);
    let mut agent = world.phone(Codec::Pcma, AGENT);
    world.order(MediaOp::Bridge { a: customer.leg, b: agent.leg });
    talk(&mut [&mut customer, &mut agent], 10);
    world.order(MediaOp::Shield { leg: customer.leg });
    talk(&mut [&mut customer, &mut agent], 5);
    let began = customer.timestamp;
    let packet =
        |duration, end| audio::telephone_event::TelephoneEvent { event: 5, end, volume: 10, duration };
    customer.send(world::phone::KEYS, began, &packet(160, false).print());
    world.wait_for(|report| matches!(report, MediaReport::Leg(_, AudioReport::Digit(_))).then_some(()));
    world.order(MediaOp::Unshield { leg: customer.leg });
    for frame in 2..40 {
        customer.send(world::phone::KEYS, began, &packet(frame * 160, frame == 39).print());
        agent.send_frame();
        customer.listen(Instant::now() + std::time::Duration::from_millis(20));
    }
    customer.timestamp = began.wrapping_add(40 * 160);
    customer.press(1);
    talk(&mut [&mut customer, &mut agent], 10);
    assert_eq!(agent.keys_heard(), [1], "the next one is the agent's again");
    world.end();
}
