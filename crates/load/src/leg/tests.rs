//! Legs that hear each other, without a network between them.

use super::*;
use audio::rtp::HEADER_LEN;

fn talk(leg: u32, codec: Codec, manner: Manner) -> Talk {
    Talk {
        leg,
        remote: "127.0.0.1:4000".parse().unwrap(),
        codec,
        payload_type: codec.payload_type(),
        manner,
        telephone_event: Some(101),
        srtp: None,
    }
}

fn leg(id: u32, weather: Weather) -> Leg {
    Leg::new(talk(id, Codec::Pcma, Manner::Signs), 9, weather)
}

fn speaker(id: u32, codec: Codec, manner: Manner) -> Leg {
    Leg::new(talk(id, codec, manner), 9, Weather::default())
}

/// So many packets of a leg, each as the datagram that leaves.
fn spoken(leg: &mut Leg, count: u64) -> Vec<Vec<u8>> {
    let voices = Voices::default();
    let speak = |number: u64| {
        let packet = leg.next_packet()?;
        let mut datagram = vec![0; DATAGRAM];
        let length = leg.print(&packet, number * 20_000, &voices, &mut datagram)?;
        datagram.truncate(length);
        Some(datagram)
    };
    (0..count).filter_map(speak).collect()
}

fn hear(leg: &mut Leg, datagrams: &[Vec<u8>], durations: &mut Durations) -> Vec<u32> {
    let arrivals = (1..).map(|nth| nth * 20_000 - 19_900).zip(datagrams);
    let voices = Voices::default();
    let hear = |(at, datagram): (u64, &Vec<u8>)| {
        leg.hear(&RtpPacket::parse(datagram).unwrap(), at, &voices, durations)
    };
    arrivals.filter_map(hear).collect()
}

#[test]
fn a_counterpart_is_heard_whole() {
    let (mut one, mut other) = (leg(1, Weather::default()), leg(2, Weather::default()));
    let mut durations = Durations::default();
    assert_eq!(hear(&mut other, &spoken(&mut one, 50), &mut durations), [1]);
    let figures = other.close();
    assert_eq!((figures.counterpart, figures.numbers, figures.received), (Some(1), Some((0, 49)), 50));
    assert_eq!((figures.repeated, figures.reordered, figures.changed, figures.foreign), (0, 0, 0, 0));
    assert_eq!(durations.delay.percentiles().p99, Some(100));
    assert_eq!(one.close().sent, 50);
}

#[test]
fn loss_repetition_and_order_are_told_apart() {
    let (mut one, mut other) = (leg(1, Weather::default()), leg(2, Weather::default()));
    let mut datagrams = spoken(&mut one, 10);
    datagrams.remove(7);
    datagrams.swap(3, 4);
    datagrams.push(datagrams[5].clone());
    hear(&mut other, &datagrams, &mut Durations::default());
    let figures = other.close();
    assert_eq!((figures.numbers, figures.received), (Some((0, 9)), 9));
    assert_eq!((figures.repeated, figures.reordered), (1, 2));
}

#[test]
fn another_calls_voice_is_foreign_and_changed_codes_are_seen() {
    let (mut one, mut stranger, mut other) =
        (leg(1, Weather::default()), leg(3, Weather::default()), leg(2, Weather::default()));
    let mut durations = Durations::default();
    let mut quieter = spoken(&mut one, 1);
    audio::g711::Law::A.transcode(audio::g711::Law::Mu, &mut quieter[0][HEADER_LEN..]);
    hear(&mut other, &quieter, &mut durations);
    assert_eq!(hear(&mut other, &spoken(&mut stranger, 2), &mut durations), [0; 0]);
    let figures = other.close();
    assert_eq!((figures.counterpart, figures.foreign, figures.changed), (Some(1), 2, 1));
}

#[test]
fn the_systems_own_packets_are_measured_by_their_timestamps() {
    let mut durations = Durations::default();
    let mut phone = leg(1, Weather::default());
    for (sequence, arrived_us) in [(1, 0), (2, 20_500), (3, 40_000), (5, 90_000)] {
        let packet = RtpPacket {
            marker: false,
            payload_type: 8,
            sequence,
            timestamp: u32::from(sequence) * 160,
            ssrc: 1,
            payload: &[0xd5; 160],
        };
        assert_eq!(phone.hear(&packet, arrived_us, &Voices::default(), &mut durations), None);
    }
    assert_eq!((durations.spacing.percentiles().count, durations.spacing.quantile(1.0)), (2, Some(500)));
    assert_eq!(phone.close().made, 4);
}

#[test]
fn an_encrypted_leg_hears_its_peer_and_nobody_else() {
    let key = |byte| audio::srtp::SrtpKey::new(&[byte; 28]);
    let suite = audio::srtp::SrtpSuite::AeadAes128Gcm;
    let encrypted = |id, ours, theirs| {
        let mut leg = leg(id, Weather::default());
        let srtp = Some(Srtp { suite, ours: key(ours), theirs: key(theirs) });
        leg.change(Talk { srtp, ..leg.talk.clone() });
        leg
    };
    let (mut one, mut other, mut stranger) = (encrypted(1, 1, 2), encrypted(2, 2, 1), encrypted(3, 3, 1));
    let mut room = [0; DATAGRAM];
    for datagram in spoken(&mut one, 3) {
        assert!(
            RtpPacket::parse(&datagram)
                .is_ok_and(|sealed| Stamp::read(Codec::Pcma, sealed.payload).is_none())
        );
        let packet = RtpPacket::parse(other.open(&datagram, &mut room).unwrap()).unwrap();
        assert_eq!(Stamp::read(Codec::Pcma, packet.payload).map(|stamp| stamp.leg), Some(1));
        assert_eq!(other.open(&datagram, &mut room), None, "a second time");
    }
    for datagram in spoken(&mut stranger, 1) {
        assert_eq!(other.open(&datagram, &mut room), None);
    }
}

#[test]
fn packets_that_the_network_took_are_remembered() {
    let mut one = leg(1, Weather { lost: 500_000, ..Weather::default() });
    let sent = spoken(&mut one, 100).len();
    let figures = one.close();
    assert_eq!(figures.unsent.len() + sent, 100);
    assert!((25..75).contains(&sent), "{sent}");
}

const WITH_ROOM: [Codec; 4] = [Codec::G722, Codec::Opus, Codec::L16Wide, Codec::L16];

#[test]
fn in_each_codec_packets_that_are_passed_on_are_counted_one_by_one() {
    for codec in WITH_ROOM {
        let (mut one, mut other) = (speaker(1, codec, Manner::Stamps), speaker(2, codec, Manner::Stamps));
        let mut datagrams = spoken(&mut one, 50);
        datagrams.remove(20);
        let mut durations = Durations::default();
        assert_eq!(hear(&mut other, &datagrams, &mut durations), [1], "{codec:?}");
        let figures = other.close();
        assert_eq!((figures.counterpart, figures.numbers, figures.received), (Some(1), Some((0, 49)), 49));
        assert_eq!((figures.changed, figures.decoded, figures.names), (0, 0, 0), "{codec:?}");
        assert_eq!(durations.delay.percentiles().count, 49, "{codec:?}");
    }
}

/// What a system does between two codecs that it brings together.
fn transcoded(datagrams: &[Vec<u8>], from: Codec, to: Codec) -> Vec<Vec<u8>> {
    use audio::codec::{Decoder, Encoder, OpusFormat};
    let mut decoder = Decoder::new(from).unwrap();
    let mut encoder = Encoder::new(to, OpusFormat::default()).unwrap();
    let transcode = |datagram: &Vec<u8>| {
        let packet = RtpPacket::parse(datagram).unwrap();
        let mut samples = [0; 320];
        let count = decoder.decode(packet.payload, &mut samples).unwrap();
        // The nearest sample: worse than any system does it.
        let at = |nth: usize| samples[nth * count / to.frame()];
        let samples: Vec<i16> = (0..to.frame()).map(at).collect();
        let mut payload = [0; LONGEST];
        let length = encoder.encode(&samples, &mut payload).unwrap();
        let mut made = vec![0; DATAGRAM];
        let length = RtpPacket { payload: &payload[..length], ..packet }.print(&mut made).unwrap();
        made.truncate(length);
        made
    };
    datagrams.iter().map(transcode).collect()
}

#[test]
fn between_different_codecs_the_name_is_heard_and_no_delay_is_claimed() {
    for from in Codec::ALL {
        for to in Codec::ALL.into_iter().filter(|to| *to != from) {
            let (mut one, mut other) = (speaker(1, from, Manner::Names), speaker(2, to, Manner::Names));
            let datagrams = transcoded(&spoken(&mut one, 125), from, to);
            let mut durations = Durations::default();
            assert_eq!(hear(&mut other, &datagrams, &mut durations), [1], "{from:?} to {to:?}");
            let figures = other.close();
            assert_eq!((figures.counterpart, figures.numbers, figures.names), (Some(1), None, 1));
            assert_eq!((figures.made, durations.delay.percentiles().count), (125, 0));
        }
    }
}

#[test]
fn a_strangers_name_is_foreign() {
    let mut other = speaker(2, Codec::Pcma, Manner::Names);
    let voice = |id| {
        let mut leg = speaker(id, Codec::Opus, Manner::Names);
        transcoded(&spoken(&mut leg, 125), Codec::Opus, Codec::Pcma)
    };
    let heard =
        hear(&mut other, &[voice(1), voice(3), voice(3), voice(3)].concat(), &mut Durations::default());
    assert_eq!(heard, [1]);
    let figures = other.close();
    assert_eq!((figures.counterpart, figures.names, figures.foreign), (Some(1), 1, 1));
}

#[test]
fn one_codec_encoded_again_is_known_by_ear() {
    let codec = Codec::G722;
    let (mut one, mut other) = (speaker(1, codec, Manner::Stamps), speaker(2, codec, Manner::Stamps));
    let datagrams = transcoded(&spoken(&mut one, 125), codec, codec);
    assert_eq!(hear(&mut other, &datagrams, &mut Durations::default()), [1]);
    assert_eq!(other.close().received, 0);
}

#[test]
fn time_goes_by_the_codecs_clock() {
    for (codec, step) in [(Codec::Opus, 960), (Codec::G722, 160), (Codec::L16Wide, 320)] {
        let datagrams = spoken(&mut speaker(1, codec, Manner::Stamps), 2);
        let times = [0, 1].map(|nth: usize| RtpPacket::parse(&datagrams[nth]).unwrap().timestamp);
        assert_eq!(times[1] - times[0], step, "{codec:?}");
    }
}
