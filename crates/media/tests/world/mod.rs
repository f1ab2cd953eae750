//! A running media with real sockets, and phones that talk to it.
#![allow(dead_code, reason = "each story uses its part of the world")]
#![allow(clippy::unwrap_used, reason = "all of this is test code")]

pub(crate) mod phone;

use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use archive::{Disk, Folder};
use audio::tone::Sine;
use crossbeam_channel::Receiver;
use media::{Media, Prompts, Settings};
use model::{
    AudioReport, CallId, Codec, ContactId, Direction, Gap, Ids, Kept, LegId, MediaOp, MediaOrder,
    MediaReport, PlayId, RecordingId, RecordingReport, RecordingSpec, Time,
};
use testing::Scratch;

pub(crate) use phone::{Phone, talk};

pub(crate) const LOCALHOST: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);
const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct World {
    pub(crate) media: Media,
    pub(crate) reports: Receiver<MediaReport>,
    pub(crate) dir: Scratch,
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
    /// Media with ports and a folder of their own.
    pub(crate) fn new() -> World {
        World::with(|_| {}, None)
    }

    /// Media with changed settings, on `disk` if there is one, otherwise on the folder of the settings.
    pub(crate) fn with(change: impl FnOnce(&mut Settings), disk: Option<Arc<dyn Disk>>) -> World {
        let dir = Scratch::new("media");
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
