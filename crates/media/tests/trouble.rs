//! What breaks, and what does not break with it.

mod world;

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use archive::{Disk, DiskFile};
use media::{Media, Prompts, Settings, StartError};
use model::{
    AudioReport, Codec, Direction, Kept, LegId, MediaOp, MediaReport, RecordingReport, Shortage, Storage,
    StorageReport, StorageTrouble,
};

use crossbeam_channel::{Receiver, Sender};
use world::{LOCALHOST, World, talk};

/// A disk that takes so many writes and then is full.
#[derive(Debug)]
struct FullAfter(usize);

struct FullFile {
    left: usize,
    tried: AtomicUsize,
}

impl Disk for FullAfter {
    fn create(&self, _path: &str) -> io::Result<Box<dyn DiskFile>> {
        if self.0 == 0 {
            return Err(io::ErrorKind::StorageFull.into());
        }
        Ok(Box::new(FullFile { left: self.0, tried: AtomicUsize::new(0) }))
    }
}

impl DiskFile for FullFile {
    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        let tried = self.tried.fetch_add(1, Ordering::Relaxed);
        if tried < self.left { Ok(()) } else { Err(io::ErrorKind::StorageFull.into()) }
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn seal(&mut self) -> io::Result<String> {
        Ok(String::new())
    }
}

#[test]
fn a_full_disk_is_told_once_and_the_call_goes_on() {
    for writes in 0..3 {
        let mut world = World::with(|_| {}, Some(Arc::new(FullAfter(writes))));
        let mut caller = world.phone(Codec::Pcma, 440.0);
        let mut agent = world.phone(Codec::Pcma, 880.0);
        let recording = world.record(caller.leg, "full.wav");
        world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
        talk(&mut [&mut caller, &mut agent], 50);
        let (storage, trouble) = world.wait_for(|report| match report {
            MediaReport::Storage(StorageReport::Failed { storage, trouble, .. }) => {
                Some((*storage, *trouble))
            }
            _ => None,
        });
        assert_eq!((storage, trouble), (Storage::Main, StorageTrouble::Full));
        let from = agent.heard.len();
        talk(&mut [&mut caller, &mut agent], 20);
        assert!(agent.level(440.0, from) > -20.0);
        assert_eq!(world.media.counters().interrupted_recordings, 1);
        world.order(MediaOp::StopRecording { recording });
        let reports = world.reports.clone();
        world.end();
        let told = |report: &MediaReport| {
            matches!(
                report,
                MediaReport::Recording(_, RecordingReport::Failed { .. }) | MediaReport::Storage(_)
            )
        };
        let more: Vec<MediaReport> = reports.try_iter().filter(told).collect();
        // Told once, and once that the recording is not whole.
        assert!(matches!(more[..], [MediaReport::Recording(_, RecordingReport::Failed { .. })]), "{more:?}");
    }
}

/// A disk whose seal says that it began, and waits until the gate's other end is gone.
#[derive(Debug, Clone)]
struct SlowToSeal {
    began: Sender<()>,
    gate: Receiver<()>,
}

impl Disk for SlowToSeal {
    fn create(&self, _path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(self.clone()))
    }
}

impl DiskFile for SlowToSeal {
    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn seal(&mut self) -> io::Result<String> {
        let _ = self.began.send(());
        let _ = self.gate.recv();
        Ok("00".repeat(32))
    }
}

#[test]
fn a_recording_counts_as_open_until_it_is_sealed() {
    let (hold, gate) = crossbeam_channel::bounded(0);
    let (began, sealing) = crossbeam_channel::bounded(1);
    let mut world = World::with(|_| {}, Some(Arc::new(SlowToSeal { began, gate })));
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let recording = world.record(caller.leg, "slow.wav");
    talk(&mut [&mut caller], 10);
    world.order(MediaOp::StopRecording { recording });
    sealing.recv_timeout(Duration::from_secs(20)).unwrap();
    assert_eq!(world.media.counters().open_recordings, 1);
    drop(hold);
    world.wait_for(|report| {
        matches!(report, MediaReport::Recording(_, RecordingReport::Sealed(_))).then_some(())
    });
    assert_eq!(world.media.counters().open_recordings, 0);
    world.end();
}

/// A disk whose writes wait until the gate's other end is gone.
#[derive(Debug)]
struct Stuck(Receiver<()>);

impl Disk for Stuck {
    fn create(&self, _path: &str) -> io::Result<Box<dyn DiskFile>> {
        Ok(Box::new(StuckFile(self.0.clone())))
    }
}

struct StuckFile(Receiver<()>);

impl DiskFile for StuckFile {
    fn write_at(&mut self, _offset: u64, _bytes: &[u8]) -> io::Result<()> {
        let _ = self.0.recv();
        Ok(())
    }

    fn sync(&mut self) -> io::Result<()> {
        Ok(())
    }

    fn seal(&mut self) -> io::Result<String> {
        Ok("sealed".to_owned())
    }
}

#[test]
fn a_stuck_disk_delays_no_packet() {
    let (gate, wait) = crossbeam_channel::bounded(0);
    let mut world = World::with(|_| {}, Some(Arc::new(Stuck(wait))));
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    let recording = world.record(caller.leg, "stuck.wav");
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller, &mut agent], 100);
    world.order(MediaOp::StopRecording { recording });
    drop(gate);
    assert!(agent.level(440.0, 1600) > -20.0 && caller.level(880.0, 1600) > -20.0);
    let (duration_ms, gaps) = world.wait_for(|report| match report {
        MediaReport::Recording(_, RecordingReport::Sealed(Kept { duration_ms, gaps, .. })) => {
            Some((*duration_ms, gaps.clone()))
        }
        _ => None,
    });
    assert!(duration_ms >= 1900);
    assert_eq!(gaps, [], "two seconds fit into the ring");
    world.end();
}

#[test]
fn a_path_outside_the_folder_is_refused() {
    let mut world = World::new();
    let caller = world.phone(Codec::Pcma, 440.0);
    for path in ["../escape.wav", "/etc/escape.wav", "", "a/../../b.wav"] {
        world.record(caller.leg, path);
        world.wait_for(|report| {
            matches!(report, MediaReport::Recording(_, RecordingReport::Failed { .. })).then_some(())
        });
    }
    assert!(!world.dir.join("escape.wav").exists());
    world.end();
}

#[test]
fn a_silent_peer_is_reported_again_and_again_with_what_it_was_to_do() {
    let mut world = World::with(|settings| settings.silence_timeout = Duration::from_millis(300), None);
    let mut caller = world.phone(Codec::Pcma, 440.0);
    for _ in 0..3 {
        assert_eq!(world.wait_for(silent), (caller.leg, Direction::Both));
    }
    talk(&mut [&mut caller], 5);
    assert_eq!(world.wait_for(silent), (caller.leg, Direction::Both), "again after it had spoken");
    world.connect(&caller, Direction::SendOnly);
    assert_eq!(world.wait_for(silent), (caller.leg, Direction::SendOnly));
    world.end();
}

fn silent(report: &MediaReport) -> Option<(LegId, Direction)> {
    match report {
        MediaReport::Leg(leg, AudioReport::Silent { direction }) => Some((*leg, *direction)),
        _ => None,
    }
}

#[test]
fn without_a_free_port_a_leg_is_refused() {
    let mut world = World::with(|settings| settings.ports = 22_500..=22_503, None);
    let (first, _) = world.open();
    world.open();
    let mut ids = model::Ids::new(9);
    let third = model::LegId::new(&mut ids, world::now());
    world.order(MediaOp::Open { leg: third, on: None });
    let refused = world.wait_for(|report| match report {
        MediaReport::Leg(leg, AudioReport::OpenFailed { lacks }) => Some((*leg, *lacks)),
        _ => None,
    });
    assert_eq!(refused, (third, Shortage::RtpPorts));
    world.order(MediaOp::Close { leg: third });
    world.wait_for(|report| {
        matches!(report, MediaReport::Leg(leg, AudioReport::Closed { .. }) if *leg == third).then_some(())
    });
    world.order(MediaOp::Close { leg: first });
    world.order(MediaOp::Open { leg: third, on: None });
    world.wait_for(|report| {
        matches!(report, MediaReport::Leg(_, AudioReport::OpenFailed { .. })).then_some(())
    });
    world.end();
}

#[test]
fn a_thread_whose_ports_are_used_up_says_that_it_has_no_room_until_one_has_rested() {
    let settings = |settings: &mut Settings| {
        settings.ports = 22_510..=22_511;
        settings.port_rest = Duration::from_millis(100);
    };
    let mut world = World::with(settings, None);
    let strain = |report: &MediaReport| match report {
        MediaReport::Strain { thread: 0, lacks } => Some(*lacks),
        _ => None,
    };
    let (leg, _) = world.open();
    assert_eq!(world.wait_for(strain), Some(Shortage::RtpPorts));
    assert_eq!(world.media.counters().strained, 1);
    world.order(MediaOp::Close { leg });
    assert_eq!(world.wait_for(strain), None);
    assert_eq!(world.media.counters().strained, 0);
    world.open();
    world.end();
}

#[test]
fn each_thread_gives_a_sign_of_life_until_it_is_stopped() {
    let world = World::with(|settings| settings.threads = 2, None);
    let pulse = world.media.pulse();
    assert_eq!(pulse.threads(), 2);
    (0..2).for_each(|thread| pulse.ask(thread).recv().expect("it lives"));
    assert!(pulse.ask(2).recv().is_err(), "there is none");
    world.end();
    (0..2).for_each(|thread| assert!(pulse.ask(thread).recv().is_err(), "it ended"));
}

#[test]
fn orders_for_what_is_gone_do_nothing() {
    let mut world = World::new();
    let caller = world.phone(Codec::Pcma, 440.0);
    let agent = world.phone(Codec::Pcma, 880.0);
    world.order(MediaOp::Close { leg: agent.leg });
    world.order(MediaOp::Close { leg: agent.leg });
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    world.order(MediaOp::Unbridge { leg: caller.leg });
    world.order(MediaOp::StopPlay { leg: agent.leg });
    world.play(agent.leg, "tone/short", model::PlayMode::Once);
    let play = world.play(caller.leg, "tone/short", model::PlayMode::Once);
    assert!(world.play_ended(play), "and the thread lives");
    world.end();
}

#[test]
fn wrong_settings_are_refused_at_the_start() {
    let dir = testing::Scratch::new("start");
    let start = |settings: Settings| {
        let (reports, _) = crossbeam_channel::bounded(1);
        Media::start(settings, reports).map(Media::stop)
    };
    let settings =
        Settings::new(LOCALHOST, 22_701..=22_702, dir.path().to_owned(), Arc::new(Prompts::empty()));
    assert!(matches!(start(settings.clone()), Err(StartError::TooFewPorts(22_701, 22_702))));
    let elsewhere = Settings { bind_ip: [192, 0, 2, 1].into(), ports: 22_700..=22_709, ..settings.clone() };
    assert!(matches!(start(elsewhere), Err(StartError::Bind { .. })));
    let unwritable = Settings { recordings_dir: "/proc/none".into(), ports: 22_700..=22_709, ..settings };
    assert!(matches!(start(unwritable), Err(StartError::Recordings { .. })));
}

#[test]
fn a_bridged_peer_that_is_not_heard_is_told_once_and_again_after_it_was_heard() {
    let change = |settings: &mut Settings| settings.one_way_after = Duration::from_millis(300);
    let mut world = World::with(change, None);
    let mut caller = world.phone(Codec::Pcma, 440.0);
    let mut agent = world.phone(Codec::Pcma, 880.0);
    talk(&mut [&mut caller], 30);
    let told = |world: &World| -> Vec<LegId> {
        let of = |report: MediaReport| match report {
            MediaReport::Leg(leg, AudioReport::OneWay) => Some(leg),
            _ => None,
        };
        world.reports.try_iter().filter_map(of).collect()
    };
    assert_eq!(told(&world), [], "without a bridge nobody misses anything");
    world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
    talk(&mut [&mut caller], 50);
    assert_eq!(told(&world), [agent.leg]);
    talk(&mut [&mut caller, &mut agent], 10);
    talk(&mut [&mut caller], 50);
    assert_eq!(told(&world), [agent.leg]);
    world.end();
}

#[test]
fn a_closed_leg_tells_what_its_peer_sounded_like() {
    let mut world = World::new();
    let mut caller = world.phone(Codec::Pcma, 440.0);
    // Orders are obeyed one after the other: once another port is open, the phone is connected, and all that it sends
    // counts.
    let (other, _) = world.open();
    world.order(MediaOp::Close { leg: other });
    talk(&mut [&mut caller], 40);
    (0..5).for_each(|_| caller.lose_frame());
    talk(&mut [&mut caller], 40);
    world.order(MediaOp::Close { leg: caller.leg });
    let quality = world.wait_for(|report| match report {
        MediaReport::Leg(leg, AudioReport::Closed { quality }) if *leg == caller.leg => Some(*quality),
        _ => None,
    });
    let quality = quality.unwrap();
    assert_eq!((quality.codec, quality.packets, quality.lost), (Codec::Pcma, 80, 5));
    // 8,000 of 32,768, as a sine.
    assert!((-16.5..-14.0).contains(&quality.speech_dbov.unwrap()), "{quality:?}");
    assert!(quality.mos > 2.5 && quality.mos < 4.3, "{quality:?}");
    assert_eq!(quality.clipped_ms, 0);
    world.end();
}
