//! A running media with real sockets, and phones that talk to it.
#![allow(dead_code, reason = "each story uses its part of the world")]
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use archive::{Disk, Folder};
use audio::codec::{self, Decoder, Encoder, OpusFormat};
use audio::rtp::RtpPacket;
use audio::srtp::{MasterKey, Protect, Unprotect};
use audio::telephone_event::TelephoneEvent;
use audio::tone::{Sine, level_db};
use crossbeam_channel::Receiver;
use media::{Media, Prompts, Settings};
use model::{
    AudioReport, CallId, Codec, ContactId, Direction, Gap, Ids, Kept, LegId, MediaOp, MediaOrder,
    MediaReport, PlayId, RecordingId, RecordingReport, RecordingSpec, RemoteMedia, Srtp, SrtpKey, SrtpSuite,
    Time,
};

pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
pub(crate) const KEYS: u8 = 101;
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) media: Media,
    pub(crate) reports: Receiver<MediaReport>,
    pub(crate) dir: PathBuf,
    pub(crate) call: CallId,
    ids: Ids,
    /// Keeps other stories out of its ports.
    _claim: UdpSocket,
}

pub(crate) fn now() -> Time {
    Time::from_unix_ms(1_800_000_000_000)
}

/// Twenty ports that no other story has, in this process or another, and what keeps them: a socket on the port behind
/// them.
fn claim() -> (UdpSocket, RangeInclusive<u16>) {
    const FIRST: u16 = 23_000;
    const BLOCK: u16 = 22;
    const BLOCKS: u16 = 300;
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let bind = |port: u16| UdpSocket::bind((LOCALHOST, port)).ok();
    // Each process begins elsewhere, so that two rarely meet.
    let start = (std::process::id() % u32::from(BLOCKS)) as u16;
    for _ in 0..BLOCKS {
        let nth = NEXT.fetch_add(1, Ordering::Relaxed) % BLOCKS;
        let first = FIRST + (start + nth) % BLOCKS * BLOCK;
        let ports = first..=first + 19;
        if let Some(claim) = bind(first + 20)
            && ports.clone().all(|port| bind(port).is_some())
        {
            return (claim, ports);
        }
    }
    panic!("all blocks of ports are taken");
}

impl World {
    /// A media with ports and a folder of its own; `name` tells the folder from those of the program's other stories.
    pub(crate) fn new(name: u16) -> World {
        World::with(name, |_| {}, None)
    }

    pub(crate) fn with(name: u16, change: impl FnOnce(&mut Settings), disk: Option<Arc<dyn Disk>>) -> World {
        let dir = std::env::temp_dir().join(format!("hotline-media-{}-{name}", std::process::id()));
        let prompts = prompts(&dir.join("prompts"));
        let recordings = dir.join("recordings");
        let (claim, ports) = claim();
        let mut settings = Settings::new(LOCALHOST, ports, recordings, Arc::new(prompts));
        change(&mut settings);
        let (sender, reports) = crossbeam_channel::bounded(1000);
        let media = match disk {
            None => Media::start(settings, sender),
            Some(disk) => {
                let second = settings.recordings_fallback.as_deref().map(|dir| Folder::open(dir).unwrap());
                let disks = std::iter::once(disk).chain(second.map(|disk| Arc::new(disk) as Arc<dyn Disk>));
                Media::start_on_disks(settings, sender, disks.collect())
            }
        };
        let mut ids = Ids::new(1);
        let call = CallId::new(&mut ids, now());
        World { media: media.unwrap(), reports, dir, call, ids, _claim: claim }
    }

    pub(crate) fn order(&self, op: MediaOp) {
        self.media.order(MediaOrder { call: self.call, op });
    }

    /// The next report that `wanted` turns into something; others are passed over.
    pub(crate) fn wait_for<T>(&self, mut wanted: impl FnMut(&MediaReport) -> Option<T>) -> T {
        let until = Instant::now() + DEADLINE;
        loop {
            let report = self.reports.recv_deadline(until).expect("the report in time");
            if let Some(found) = wanted(&report) {
                return found;
            }
        }
    }

    /// Orders a leg to open.
    pub(crate) fn order_open(&mut self) -> LegId {
        let leg = LegId::new(&mut self.ids, now());
        self.order(MediaOp::Open { leg, on: None });
        leg
    }

    /// Opens a leg without connecting it.
    pub(crate) fn open(&mut self) -> (LegId, SocketAddr) {
        let leg = self.order_open();
        let rtp = self.wait_for(|report| match report {
            MediaReport::Leg(opened, AudioReport::Opened { rtp }) if *opened == leg => Some(*rtp),
            _ => None,
        });
        (leg, rtp)
    }

    /// Opens a leg and connects it with a phone.
    pub(crate) fn phone(&mut self, codec: Codec, hertz: f64) -> Phone {
        let (leg, rtp) = self.open();
        let phone = Phone::new(leg, rtp, codec, hertz);
        self.connect(&phone, Direction::Both);
        phone
    }

    pub(crate) fn connect(&self, phone: &Phone, direction: Direction) {
        self.order(MediaOp::Connect { leg: phone.leg, remote: phone.remote(direction) });
    }

    pub(crate) fn record(&mut self, leg: LegId, path: &str) -> RecordingId {
        self.record_at(leg, path, 8000)
    }

    pub(crate) fn record_at(&mut self, leg: LegId, path: &str, rate: u32) -> RecordingId {
        let recording = RecordingId::new(&mut self.ids, now());
        let contact = ContactId::new(&mut self.ids, now());
        let path = path.to_owned();
        self.order(MediaOp::StartRecording(RecordingSpec { recording, contact, leg, path, rate }));
        recording
    }

    pub(crate) fn play(&mut self, leg: LegId, clip: &str, mode: model::PlayMode) -> PlayId {
        let play = PlayId::new(&mut self.ids, now());
        self.order(MediaOp::Play { leg, play, clips: vec![clip.into()], mode });
        play
    }

    pub(crate) fn play_ended(&self, play: PlayId) -> bool {
        self.wait_for(|report| match report {
            MediaReport::Leg(_, AudioReport::PlayEnded { play: ended, finished }) if *ended == play => {
                Some(*finished)
            }
            _ => None,
        })
    }

    pub(crate) fn file(&self, path: &str) -> PathBuf {
        self.dir.join("recordings").join(path)
    }

    /// Stops everything and removes the files.
    pub(crate) fn end(self) {
        self.media.stop();
        let _ = std::fs::remove_dir_all(&self.dir);
    }
}

/// `tone/short`: 300 ms of 660 Hz; `music/default`: 2 s of 1,000 Hz, then silence would be a seam.
fn prompts(dir: &Path) -> Prompts {
    for (name, hertz, samples) in [("tone/short", 660.0, 2400), ("music/default", 1000.0, 16_000)] {
        let path = dir.join(format!("{name}.wav"));
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        let spec = hound::WavSpec {
            channels: 1,
            sample_rate: 8000,
            bits_per_sample: 16,
            sample_format: hound::SampleFormat::Int,
        };
        let mut tone = vec![0; samples];
        Sine::new(hertz, 8000).fill(&mut tone);
        let mut writer = hound::WavWriter::create(path, spec).unwrap();
        tone.into_iter().for_each(|sample| writer.write_sample(sample).unwrap());
        writer.finalize().unwrap();
    }
    Prompts::load(dir, None).prompts
}

/// A peer that sends a tone and keeps what it hears.
pub(crate) struct Phone {
    pub(crate) leg: LegId,
    pub(crate) rtp: UdpSocket,
    pub(crate) rtcp: UdpSocket,
    pub(crate) heard: Vec<i16>,
    pub(crate) packets: Vec<Packet>,
    codec: Codec,
    encoder: Encoder,
    decoder: Decoder,
    pub(crate) ours: SocketAddr,
    sine: Sine,
    pub(crate) ssrc: u32,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) srtp: Option<Encryption>,
    /// How long its packets are, in ms, in any codec but Opus.
    pub(crate) sends_ms: usize,
    /// How long those shall be that it receives.
    pub(crate) asks_ms: Option<u8>,
    waiting: Vec<u8>,
}

/// A phone's ends of its two keys.
pub(crate) struct Encryption {
    keys: Srtp,
    pub(crate) protect: Protect,
    pub(crate) unprotect: Unprotect,
}

#[derive(Debug, Clone)]
pub(crate) struct Packet {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: Vec<u8>,
}

impl Phone {
    pub(crate) fn new(leg: LegId, ours: SocketAddr, codec: Codec, hertz: f64) -> Phone {
        let (rtp, rtcp) = loop {
            let rtp = UdpSocket::bind((LOCALHOST, 0)).unwrap();
            let next = rtp.local_addr().unwrap().port().wrapping_add(1);
            if let Ok(rtcp) = UdpSocket::bind((LOCALHOST, next)) {
                break (rtp, rtcp);
            }
        };
        Phone {
            leg,
            rtp,
            rtcp,
            heard: Vec::new(),
            packets: Vec::new(),
            codec,
            encoder: Encoder::new(codec, OpusFormat::default()).unwrap(),
            decoder: Decoder::new(codec).unwrap(),
            ours,
            sine: Sine::new(hertz * 8000.0 / f64::from(codec.rate()), 8000),
            ssrc: hertz as u32,
            sequence: 65_530,
            timestamp: u32::MAX - 700,
            srtp: None,
            sends_ms: 20,
            asks_ms: None,
            waiting: Vec::new(),
        }
    }

    pub(crate) fn remote(&self, direction: Direction) -> RemoteMedia {
        let rtp = self.rtp.local_addr().unwrap();
        let srtp = self.srtp.as_ref().map(|srtp| Box::new(srtp.keys.clone()));
        let packet_ms = self.asks_ms;
        RemoteMedia {
            telephone_event: Some(KEYS),
            srtp,
            packet_ms,
            ..RemoteMedia::new(rtp, self.codec, direction)
        }
    }

    /// Speaks SRTP from now on, with keys made of these two bytes: the phone's and media's.
    pub(crate) fn encrypt(&mut self, suite: SrtpSuite, theirs: u8, ours: u8) {
        let bytes = |byte| vec![byte; suite.master_len()];
        let master = |byte| MasterKey::new(suite, &bytes(byte)).unwrap();
        let key = |byte| SrtpKey::new(&bytes(byte));
        self.srtp = Some(Encryption {
            keys: Srtp { suite, ours: key(ours), theirs: key(theirs) },
            protect: Protect::new(&master(theirs)),
            unprotect: Unprotect::new(&master(ours)),
        });
    }

    /// Sends one frame of the tone.
    pub(crate) fn send_frame(&mut self) {
        let (mut samples, mut payload) = ([0; 320], [0; 1480]);
        let samples = &mut samples[..self.codec.frame()];
        self.sine.fill(samples);
        let length = self.encoder.encode(samples, &mut payload).unwrap();
        if self.codec == Codec::Opus {
            self.send(self.codec.payload_type(), self.timestamp, &payload[..length]);
            self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 50);
            return;
        }
        self.waiting.extend_from_slice(&payload[..length]);
        while self.waiting.len() >= length * self.sends_ms / 20 {
            let packet: Vec<u8> = self.waiting.drain(..length * self.sends_ms / 20).collect();
            self.send(self.codec.payload_type(), self.timestamp, &packet);
            self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 1_000 * self.sends_ms as u32);
        }
    }

    /// Sounds a key of G.711 audio for so many frames: the two tones of ITU-T Q.23.
    pub(crate) fn sound_key(&mut self, tones: [f64; 2], frames: u32) {
        let mut tones = tones.map(|hertz| Sine::new(hertz, 4000));
        for _ in 0..frames {
            let (mut low, mut high, mut payload) = ([0; 160], [0; 160], [0; 160]);
            tones[0].fill(&mut low);
            tones[1].fill(&mut high);
            low.iter_mut().zip(high).for_each(|(low, high)| *low += high);
            self.encoder.encode(&low, &mut payload).unwrap();
            self.send(self.codec.payload_type(), self.timestamp, &payload);
            self.timestamp = self.timestamp.wrapping_add(160);
            self.listen(Instant::now() + Duration::from_millis(20));
        }
    }

    /// Leaves a frame out, as if the network had lost it.
    pub(crate) fn lose_frame(&mut self) {
        self.sine.fill(&mut [0; 320][..self.codec.frame()]);
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.codec.clock() / 50);
    }

    /// Presses a key: three packets of it.
    pub(crate) fn press(&mut self, event: u8) {
        let began = self.timestamp;
        for duration in [160, 320, 480] {
            let event = TelephoneEvent { event, end: duration == 480, volume: 10, duration };
            self.send(KEYS, began, &event.print());
        }
        self.timestamp = began.wrapping_add(480);
    }

    pub(crate) fn send(&mut self, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let (sequence, ssrc) = (self.sequence, self.ssrc);
        let packet = RtpPacket { marker: false, payload_type, sequence, timestamp, ssrc, payload };
        let mut datagram = [0; 1600];
        let mut len = packet.print(&mut datagram).unwrap();
        if let Some(srtp) = &mut self.srtp {
            len = srtp.protect.rtp(&mut datagram, len).unwrap();
        }
        self.rtp.send_to(&datagram[..len], self.ours).unwrap();
        self.sequence = sequence.wrapping_add(1);
    }

    /// Takes what arrives until `until`.
    pub(crate) fn listen(&mut self, until: Instant) {
        let mut datagram = [0; 2000];
        loop {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.rtp.set_read_timeout(Some(left)).unwrap();
            let Ok((mut len, _)) = self.rtp.recv_from(&mut datagram) else { continue };
            if let Some(srtp) = &mut self.srtp {
                len = srtp.unprotect.rtp(&mut datagram[..len]).expect("SRTP with media's key");
            }
            let packet = RtpPacket::parse(&datagram[..len]).unwrap();
            if packet.payload_type == self.codec.payload_type() {
                let mut samples = [0; codec::MOST_SAMPLES];
                let made = self.decoder.decode(packet.payload, &mut samples).unwrap();
                self.heard.extend_from_slice(&samples[..made]);
            }
            self.packets.push(Packet {
                payload_type: packet.payload_type,
                sequence: packet.sequence,
                timestamp: packet.timestamp,
                ssrc: packet.ssrc,
                payload: packet.payload.to_vec(),
            });
        }
    }

    /// The level of a tone in what was heard since `from` samples.
    pub(crate) fn level(&self, hertz: f64, from: usize) -> f64 {
        // The meter knows telephone audio alone.
        let hertz = hertz * 8000.0 / f64::from(self.codec.rate());
        level_db(&self.heard[from.min(self.heard.len())..], hertz)
    }

    /// The same as the median of pieces of 50 ms: where audio was late and moved, it costs its piece alone.
    pub(crate) fn steady_level(&self, hertz: f64, from: usize) -> f64 {
        let hertz = hertz * 8000.0 / f64::from(self.codec.rate());
        steady(&self.heard[from.min(self.heard.len())..], hertz)
    }

    /// Keys heard, by the timestamps of their beginnings.
    pub(crate) fn keys_heard(&self) -> Vec<u8> {
        let mut keys: Vec<(u32, u8)> = self
            .packets
            .iter()
            .filter(|packet| packet.payload_type == KEYS)
            .map(|packet| (packet.timestamp, packet.payload[0]))
            .collect();
        keys.dedup();
        keys.into_iter().map(|(_, key)| key).collect()
    }
}

/// The level of a tone as the median of pieces of 50 ms.
pub(crate) fn steady(samples: &[i16], hertz: f64) -> f64 {
    let mut levels: Vec<f64> = samples.chunks_exact(400).map(|piece| level_db(piece, hertz)).collect();
    levels.sort_by(f64::total_cmp);
    levels.get(levels.len() / 2).copied().unwrap_or(-120.0)
}

/// All phones send and listen for so many 20 ms frames. They are as urgent as media themselves, where that is allowed:
/// on a busy machine they would be late otherwise, and what they hear and are recorded with would say nothing of media.
pub(crate) fn talk(phones: &mut [&mut Phone], frames: u32) {
    std::thread::scope(|scope| {
        scope.spawn(|| {
            udp::hurry();
            talk_in_time(phones, frames);
        });
    });
}

fn talk_in_time(phones: &mut [&mut Phone], frames: u32) {
    let began = Instant::now();
    for frame in 1..=frames {
        phones.iter_mut().for_each(|phone| phone.send_frame());
        let until = began + Duration::from_millis(20) * frame;
        let count = phones.len() as u32;
        for (index, phone) in phones.iter_mut().enumerate() {
            // The last one waits for the frame to end; the others take what is there already, and so does the last one
            // when all were kept waiting.
            let last = index as u32 + 1 == count;
            let soon = Instant::now() + Duration::from_millis(2);
            phone.listen(if last { until.max(soon) } else { soon });
        }
    }
}

/// Ends a recording: its length, hash and gaps.
pub(crate) fn sealed(world: &World, recording: RecordingId) -> (u64, String, Vec<Gap>) {
    world.order(MediaOp::StopRecording { recording });
    world.wait_for(|report| match report {
        MediaReport::Recording(sealed, RecordingReport::Sealed(Kept { duration_ms, sha256, gaps }))
            if *sealed == recording =>
        {
            Some((*duration_ms, sha256.clone(), gaps.clone()))
        }
        MediaReport::Recording(_, RecordingReport::Failed { why, .. }) => panic!("{why}"),
        _ => None,
    })
}

/// Both channels of a recording.
pub(crate) fn channels(path: &Path) -> (Vec<i16>, Vec<i16>) {
    let mut reader = hound::WavReader::open(path).unwrap();
    let all: Vec<i16> = reader.samples::<i16>().map(Result::unwrap).collect();
    (all.iter().step_by(2).copied().collect(), all.iter().skip(1).step_by(2).copied().collect())
}
