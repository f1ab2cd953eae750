//! How many recorded, bridged calls one media thread carries: `load [calls] [seconds]`.
//!
//! One thread plays all phones, 50 packets a second each, and keeps for each packet that crosses a bridge
//! how long it took. Prints the counters and the spread of those times.

use std::net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::time::Instant;

use audio::rtp::RtpPacket;
use media::{Media, Prompts, Settings};
use model::{
    CallId, Codec, ContactId, Direction, Ids, LegId, MediaOp, MediaOrder, MediaReport, RecordingId,
    RecordingSpec, RemoteMedia, Time,
};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let mut arguments = std::env::args().skip(1);
    let calls: usize = arguments.next().unwrap_or_default().parse().unwrap_or(100);
    let seconds: u32 = arguments.next().unwrap_or_default().parse().unwrap_or(10);
    let dir = std::env::temp_dir().join(format!("hotline-load-{}", std::process::id()));
    let ip = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let settings = Settings::new(ip, 10_000..=31_999, dir.clone(), Arc::new(Prompts::empty()));
    let (sender, reports) = crossbeam_channel::bounded(10_000);
    let media = Media::start(settings, sender)?;
    let mut ids = Ids::new(1);
    let now = Time::from_unix_ms(1_800_000_000_000);
    let mut phones = Vec::new();
    for number in 0..calls {
        let call = CallId::new(&mut ids, now);
        let order = |op| media.order(MediaOrder { call, op });
        let mut pair = Vec::new();
        for _ in 0..2 {
            let leg = LegId::new(&mut ids, now);
            order(MediaOp::Open { leg });
            let MediaReport::Opened { rtp: ours, .. } = reports.recv()? else {
                return Err("no port".into());
            };
            let socket = UdpSocket::bind((ip, 0))?;
            socket.set_nonblocking(true)?;
            let rtp = socket.local_addr()?;
            let (codec, direction) = (Codec::Pcma, Direction::Both);
            let remote = RemoteMedia { rtp, rtcp: None, codec, telephone_event: None, direction };
            order(MediaOp::Connect { leg, remote });
            phones.push((socket, ours));
            pair.push(leg);
        }
        let [a, b] = pair[..] else { continue };
        order(MediaOp::Bridge { a, b });
        let (recording, contact) = (RecordingId::new(&mut ids, now), ContactId::new(&mut ids, now));
        let path = format!("{number}.wav");
        order(MediaOp::StartRecording(RecordingSpec { recording, contact, leg: a, path }));
    }
    let times = converse(&phones, seconds);
    let counters = media.counters();
    let processor = processor_seconds();
    let began = Instant::now();
    media.stop();
    print(&counters, times);
    println!("processor {processor:?} s, sealing {:.2} s", began.elapsed().as_secs_f64());
    std::fs::remove_dir_all(dir)?;
    Ok(())
}

/// Sends for so many seconds; returns how long packets took across, in microseconds.
fn converse(phones: &[(UdpSocket, SocketAddr)], seconds: u32) -> Vec<u64> {
    let (began, mut times) = (Instant::now(), Vec::new());
    let micros = || began.elapsed().as_micros() as u64;
    let mut datagram = [0; 400];
    for frame in 0..seconds * 50 {
        for (index, (socket, ours)) in phones.iter().enumerate() {
            // The phones' clocks are spread over the 20 ms, as real ones are.
            let due = u64::from(frame) * 20_000 + index as u64 * 20_000 / phones.len() as u64;
            let mut payload = [0xd5; 160];
            // What was sent last arrives now: listen where it does until the next is due.
            let mut back = 0;
            while micros() < due || back == 0 {
                back = back % 8 + 1;
                let earlier = (index + phones.len() - back.min(phones.len())) % phones.len();
                take(phones, earlier ^ 1, &micros, &mut times);
            }
            payload[..8].copy_from_slice(&micros().to_be_bytes());
            let packet = RtpPacket {
                marker: false,
                payload_type: 8,
                sequence: frame as u16,
                timestamp: frame * 160,
                ssrc: index as u32,
                payload: &payload,
            };
            let len = packet.print(&mut datagram).unwrap_or(0);
            let _ = socket.send_to(&datagram[..len], ours);
        }
    }
    times
}

/// Takes what has come to one phone.
fn take(phones: &[(UdpSocket, SocketAddr)], index: usize, micros: &impl Fn() -> u64, times: &mut Vec<u64>) {
    let mut datagram = [0; 400];
    let Some((socket, _)) = phones.get(index) else { return };
    while let Ok(len) = socket.recv(&mut datagram) {
        let Ok(packet) = RtpPacket::parse(&datagram[..len]) else { continue };
        let sent = packet.payload.first_chunk::<8>().map_or(0, |bytes| u64::from_be_bytes(*bytes));
        // Silence of ours carries no time.
        if sent < micros() {
            times.push(micros() - sent);
        }
    }
}

fn print(counters: &media::Counters, mut times: Vec<u64>) {
    println!("{counters:?}");
    times.sort_unstable();
    let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied().unwrap_or(0);
    println!("{} crossings, µs: median {}, 99 % {}", times.len(), at(0.5), at(0.99));
}

/// What each thread of media has used, by name.
fn processor_seconds() -> Vec<(String, f64)> {
    let Ok(tasks) = std::fs::read_dir("/proc/self/task") else { return Vec::new() };
    let used = tasks.flatten().filter_map(|task| {
        let name = std::fs::read_to_string(task.path().join("comm")).ok()?.trim().to_owned();
        let stat = std::fs::read_to_string(task.path().join("stat")).ok()?;
        let fields: Vec<f64> = stat.split(' ').map(|field| field.parse().unwrap_or(0.0)).collect();
        // User and system time in hundredths of a second.
        Some((name, fields.get(13..15)?.iter().sum::<f64>() / 100.0))
    });
    used.collect()
}
