//! The jitter buffer and the recorder's timeline on a simulated network with a virtual clock.
//!
//! Each row of a table is a network; the same seed gives the same run.

mod network;

use audio::jitter::{Advice, Content, Counts, JitterBuffer, Pull};
use audio::rtp::RtpPacket;
use audio::timeline::Timeline;
use network::{Arrival, Loss, Network};

/// Packets of 20 ms in a virtual hour.
const HOUR: u64 = 180_000;

/// What a listener behind the jitter buffer heard.
#[derive(Debug, Default)]
struct Heard {
    counts: Counts,
    frames: u64,
    conceals: u64,
    silences: u64,
    stretches: u64,
    /// Sum of the waits at each tick, in milliseconds.
    waits: u64,
}

/// Lets a listener pull every 20 ms and obey advice by 5 ms a time.
fn listen(arrivals: &[Arrival]) -> Heard {
    let mut buffer = JitterBuffer::new(8000, 160);
    let mut heard = Heard::default();
    let mut arriving = arrivals.iter().peekable();
    let end = arrivals.last().map_or(0, |last| last.at + 320);
    let mut decoded = 0_i64;
    for now in (0..end).step_by(160) {
        while let Some(arrival) = arriving.next_if(|arrival| arrival.at <= now) {
            buffer.push(&arrival.packet(), Content::Audio(160), arrival.at);
        }
        let stretch = match buffer.advice(now, usize::try_from(decoded.max(0)).expect("not negative")) {
            Advice::Keep => 0,
            Advice::Shrink { .. } => -40,
            Advice::Grow => 40,
        };
        heard.stretches += u64::from(stretch != 0);
        decoded += stretch;
        while decoded < 160 {
            decoded += match buffer.pull(now) {
                Pull::Frame { duration, .. } => {
                    heard.frames += 1;
                    i64::from(duration)
                }
                Pull::Conceal { duration, .. } => {
                    heard.conceals += 1;
                    i64::from(duration)
                }
                Pull::Comfort { .. } => {
                    heard.silences += 1;
                    160
                }
            };
        }
        decoded -= 160;
        heard.waits += u64::from(buffer.target_ms());
    }
    heard.counts = buffer.counts();
    heard
}

/// A network, and what a listener may notice of it at most.
struct Row {
    name: &'static str,
    network: Network,
    /// Concealed in place of packets that did arrive, in 1/1000 of the packets.
    needless: u64,
    /// Mean wait, in milliseconds.
    wait: u64,
}

#[test]
fn the_jitter_buffer_hides_what_a_network_does() {
    let net = Network::default();
    let random = |share| Loss::Random(share);
    let bursty = |share| Loss::bursty(share, 4.0);
    let row = |name, network, needless, wait| Row { name, network, needless, wait };
    let rows = [
        row("a wire", net.clone(), 0, 21),
        row("random loss of 3 %", Network { loss: random(0.03), ..net.clone() }, 0, 21),
        row("loss of 5 % in bursts of 4", Network { loss: bursty(0.05), ..net.clone() }, 0, 21),
        row("jitter of 10 ms", Network { jitter_ms: 10.0, ..net.clone() }, 30, 60),
        row("jitter of 30 ms", Network { jitter_ms: 30.0, ..net.clone() }, 30, 190),
        row("disorder", Network { jitter_ms: 15.0, in_order: false, ..net.clone() }, 35, 80),
        row("repetition", Network { duplicates: 0.1, ..net.clone() }, 0, 21),
        row("a slow peer", Network { drift_ppm: -200.0, ..net.clone() }, 1, 25),
        row("a quick peer", Network { drift_ppm: 200.0, ..net.clone() }, 1, 25),
        row("spikes of 150 ms", Network { spike_every: 3000, spike_ms: 150.0, ..net.clone() }, 3, 30),
        row("all of it", network::bad(7, 200.0), 60, 170),
    ];
    for Row { name, network, needless, wait } in rows {
        let arrivals = network.carry(HOUR / 6);
        let sent = HOUR / 6;
        let came = sent - network::lost(&arrivals, sent);
        let heard = listen(&arrivals);
        let counts = heard.counts;
        let missed = came.saturating_sub(heard.frames + 30);
        let mean = heard.waits * 160 / arrivals.last().expect("some arrive").at;
        println!("{name}: {missed} of {came} not heard, wait {mean} ms, {heard:?}");
        assert!(missed * 1000 <= needless * sent, "{name}: {missed} packets came and were not heard");
        assert!(mean <= wait, "{name}: waits {mean} ms");
        assert_eq!(counts.received, arrivals.len() as u64, "{name}");
        assert!(counts.lost.abs_diff(sent - came) <= 2, "{name}: {counts:?}");
        assert_eq!(counts.restarts, 0, "{name}");
    }
}

/// How far each packet's place is from its truth: when it was spoken, plus the network's shortest way. Index is the
/// sequence number; packets that never came are left out.
fn errors(arrivals: &[Arrival]) -> Vec<(u64, i64)> {
    let mut timeline = Timeline::default();
    let place = |arrival: &Arrival| {
        let packet: RtpPacket<'_> = arrival.packet();
        let at = timeline.place(packet.ssrc, packet.timestamp, audio::RATE, arrival.at);
        (arrival.index, at.expect("after the beginning") as i64 - arrival.truth as i64)
    };
    arrivals.iter().map(place).collect()
}

/// The recorder needs this long to make a late first packet good (five seconds).
const SETTLED: u64 = 250;

#[test]
fn an_hour_is_recorded_with_its_true_length_and_both_channels_together() {
    for seed in 1..=4 {
        for (ours, theirs) in [(200.0, -200.0), (200.0, 200.0), (0.0, 200.0), (-200.0, 0.0)] {
            let left = errors(&network::bad(seed, ours).carry(HOUR));
            let right = errors(&network::bad(seed + 100, theirs).carry(HOUR));
            let worst = |errors: &[(u64, i64)]| {
                let settled = errors.iter().filter(|(index, _)| *index >= SETTLED);
                settled.map(|(_, error)| error.abs()).max().unwrap_or(0)
            };
            println!(
                "seed {seed}: {ours} ppm off by {}, {theirs} ppm off by {}",
                worst(&left),
                worst(&right)
            );
            // Each within 10 ms of its truth, so both within one frame of each other, at each moment.
            assert!(worst(&left) <= 80 && worst(&right) <= 80, "seed {seed}, {ours} and {theirs} ppm");
            let length_error = left.last().expect("some arrive").1;
            assert!(length_error.abs() <= 160, "the last sample of the hour is off by {length_error}");
        }
    }
}

#[test]
fn corrections_of_the_recording_are_too_small_to_hear() {
    let arrivals = network::bad(3, 200.0).carry(HOUR / 6);
    let mut errors = errors(&arrivals);
    errors.sort_unstable();
    // The truth is rounded to samples, so that one of three is the drift itself.
    let moves =
        errors.windows(2).filter(|two| two[1].0 == two[0].0 + 1).map(|two| (two[1].1 - two[0].1).abs());
    assert!(moves.max() <= Some(3));
}
