//! Recordings through trouble with their folders: full, removed, unmounted, stalled.

#![allow(clippy::unwrap_used, reason = "all of this is test code")]

mod world;

use std::fs;
use std::io;
use std::ops::Range;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use archive::{CenterKey, CenterKeys, Disk, DiskFile, Folder};
use audio::tone::level_db;
use media::Settings;
use model::{
    Codec, Gap, GapCause, MediaOp, MediaReport, RecordingId, Storage, StorageReport, StorageTrouble,
};

use testing::Scratch;
use world::{Phone, World, channels, talk};

/// Two phones in a bridge, recorded.
struct Story {
    world: World,
    caller: Phone,
    agent: Phone,
    recording: RecordingId,
    /// What the caller heard, talk by talk.
    talks: Vec<Range<usize>>,
}

impl Story {
    fn new(world: World) -> Story {
        Story::record(world, "2026/one.wav")
    }

    fn record(mut world: World, path: &str) -> Story {
        let caller = world.phone(Codec::Pcma, 440.0);
        let agent = world.phone(Codec::Pcma, 880.0);
        world.order(MediaOp::Bridge { a: caller.leg, b: agent.leg });
        let recording = world.record(caller.leg, path);
        Story { world, caller, agent, recording, talks: Vec::new() }
    }

    /// Both talk for so long. What they heard is judged once the recording is sealed: meanwhile they would say nothing.
    fn talk_ms(&mut self, ms: u32) {
        let from = self.caller.heard.len();
        talk(&mut [&mut self.caller, &mut self.agent], ms / 20);
        self.talks.push(from..self.caller.heard.len());
    }

    fn told(&self) -> StorageReport {
        self.world.wait_for(|report| match report {
            MediaReport::Storage(report) => Some(report.clone()),
            _ => None,
        })
    }

    fn failed(&self, expected: (Storage, StorageTrouble)) {
        match self.told() {
            StorageReport::Failed { storage, trouble, .. } => assert_eq!((storage, trouble), expected),
            StorageReport::Restored { storage } => panic!("{storage} was restored"),
        }
    }

    fn restored(&self, expected: Storage) {
        assert_eq!(self.told(), StorageReport::Restored { storage: expected });
    }

    /// Ends the recording; the caller heard the agent in every talk.
    fn seal(&self) -> (u64, String, Vec<Gap>) {
        let sealed = world::sealed(&self.world, self.recording);
        for talk in &self.talks {
            let level = level_db(&self.caller.heard[talk.clone()], 880.0);
            assert!(level > -20.0, "the call suffers: {level} dB in {talk:?}");
        }
        sealed
    }
}

/// Milliseconds of the left channel that our own trouble cost.
fn dropped_ms(gaps: &[Gap]) -> u64 {
    let ours = gaps.iter().filter(|gap| gap.channel == 0 && gap.cause == GapCause::Dropped);
    ours.map(|gap| gap.length_ms).sum()
}

/// The caller's tone is heard in this span of the file.
fn is_heard(file: &Path, from_ms: usize, until_ms: usize) -> bool {
    let (left, right) = channels(file);
    // In short spans: a phone that was kept waiting goes on at another phase.
    let heard = |samples: &[i16], hertz| {
        let spans: Vec<f64> =
            samples[from_ms * 8..until_ms * 8].chunks(400).map(|span| level_db(span, hertz)).collect();
        let loud = spans.iter().filter(|level| **level > -25.0).count();
        println!("{hertz} Hz in {loud} of {} spans", spans.len());
        loud * 10 >= spans.len() * 9
    };
    heard(&left, 440.0) && heard(&right, 880.0)
}

#[test]
fn a_removed_folder_is_made_anew_and_the_file_is_whole() {
    let mut story = Story::new(World::new());
    story.talk_ms(3000);
    fs::remove_dir_all(story.world.dir.join("recordings")).unwrap();
    story.talk_ms(5000);
    story.failed((Storage::Main, StorageTrouble::Gone));
    story.restored(Storage::Main);
    let (duration_ms, _, gaps) = story.seal();
    let file = story.world.file("2026/one.wav");
    assert!(duration_ms >= 7900, "{duration_ms}");
    assert_eq!(dropped_ms(&gaps), 0, "what the removed file held is brought over: {gaps:?}");
    assert!(is_heard(&file, 500, 2500) && is_heard(&file, 4000, 7500));
    assert_eq!(story.world.media.counters().recordings_moved, 1);
    story.world.end();
}

/// What is wrong with a disk; a story switches it on and off.
#[derive(Debug, Default)]
struct Faults {
    full: AtomicBool,
    stalled: AtomicBool,
}

impl Faults {
    fn refuse_if_full(&self) -> io::Result<()> {
        if self.full.load(Ordering::Relaxed) { Err(io::ErrorKind::StorageFull.into()) } else { Ok(()) }
    }

    fn wait_while_stalled(&self) {
        while self.stalled.load(Ordering::Relaxed) {
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

/// A folder, or a file in it, whose faults can be switched.
#[derive(Debug)]
struct Faulty<T> {
    sound: T,
    faults: Arc<Faults>,
}

impl Faulty<Folder> {
    fn open(folder: &Path) -> (Arc<Faulty<Folder>>, Arc<Faults>) {
        let faults = Arc::new(Faults::default());
        let sound = Folder::open(folder).unwrap();
        (Arc::new(Faulty { sound, faults: faults.clone() }), faults)
    }
}

impl Disk for Faulty<Folder> {
    fn create(&self, path: &str) -> io::Result<Box<dyn DiskFile>> {
        self.faults.refuse_if_full()?;
        Ok(Box::new(Faulty { sound: self.sound.create(path)?, faults: self.faults.clone() }))
    }

    fn remove(&self, path: &str) -> io::Result<()> {
        self.sound.remove(path)
    }
}

impl DiskFile for Faulty<Box<dyn DiskFile>> {
    fn write_at(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.faults.wait_while_stalled();
        self.faults.refuse_if_full()?;
        self.sound.write_at(offset, bytes)
    }

    fn sync(&mut self) -> io::Result<()> {
        self.sound.sync()
    }

    fn seal(&mut self) -> io::Result<String> {
        self.sound.seal()
    }

    fn read_at(&self, offset: u64, room: &mut [u8]) -> io::Result<usize> {
        self.sound.read_at(offset, room)
    }

    fn is_there(&self) -> bool {
        self.sound.is_there()
    }
}

#[test]
fn a_recording_resumes_by_itself_when_there_is_room_again() {
    let folder = Scratch::new("disk");
    let (disk, faults) = Faulty::open(folder.path());
    let mut story = Story::new(World::with(|_| {}, Some(disk)));
    story.talk_ms(2000);
    faults.full.store(true, Ordering::Relaxed);
    story.talk_ms(2000);
    story.failed((Storage::Main, StorageTrouble::Full));
    faults.full.store(false, Ordering::Relaxed);
    story.talk_ms(4000);
    story.restored(Storage::Main);
    let (duration_ms, _, gaps) = story.seal();
    let dropped = dropped_ms(&gaps);
    println!("{duration_ms} ms, {dropped} ms dropped");
    assert!(duration_ms >= 7900 && (800..=3600).contains(&dropped), "{duration_ms}: {gaps:?}");
    let file = folder.join("2026/one.wav");
    assert!(is_heard(&file, 300, 1300) && is_heard(&file, 6000, 7800));
    let lost = story.world.media.counters().frames_dropped;
    assert!(lost.abs_diff(dropped / 20) <= 1, "{lost} frames counted, {dropped} ms told");
    story.world.end();
}

/// A tmpfs of a few kilobytes; `None` where this process may not mount.
struct Small(Scratch);

impl Small {
    fn mount(name: &str, kilobytes: u32) -> Option<Small> {
        let scratch = Scratch::new(name);
        let size = format!("size={kilobytes}k");
        let mount =
            Command::new("mount").args(["-t", "tmpfs", "-o", &size, "tmpfs"]).arg(scratch.path()).status();
        if mount.is_ok_and(|status| status.success()) {
            return Some(Small(scratch));
        }
        eprintln!("{name}: this process may not mount; left out");
        None
    }

    /// Recordings begin here, and go on in `second` when this folder has trouble.
    fn before(&self, second: &Path, settings: &mut Settings) {
        settings.recordings_dir = self.0.path().to_owned();
        settings.recordings_fallback = Some(second.to_owned());
    }

    fn unmount(&self) {
        assert!(Command::new("umount").arg("-l").arg(self.0.path()).status().unwrap().success());
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        let _ =
            Command::new("umount").arg("-l").arg(self.0.path()).stderr(std::process::Stdio::null()).status();
    }
}

#[test]
fn a_full_disk_hands_over_to_the_second_folder_without_a_gap() {
    let Some(small) = Small::mount("full", 96) else { return };
    let fallback = Scratch::new("fallback");
    let mut story = Story::new(World::with(|settings| small.before(fallback.path(), settings), None));
    // 96 KiB are three seconds.
    story.talk_ms(6000);
    story.failed((Storage::Main, StorageTrouble::Full));
    let (duration_ms, sha256, gaps) = story.seal();
    let file = fallback.join("2026/one.wav");
    assert!(duration_ms >= 5900 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    assert!(is_heard(&file, 300, 2500) && is_heard(&file, 3000, 5800));
    assert!(!small.0.join("2026/one.wav").exists(), "the first part was brought over");
    assert_eq!(
        archive::repair(&file, &CenterKeys::default()).unwrap().sha256,
        sha256,
        "what was hashed lies on the disk"
    );
    story.world.end();
}

#[test]
fn an_encrypted_recording_hands_over_to_the_second_folder_too() {
    let Some(small) = Small::mount("secret", 96) else { return };
    let fallback = Scratch::new("fallback");
    let key = CenterKey::create(&fallback.join("key")).unwrap();
    let keys = Arc::new(CenterKeys::new(Some(key), Vec::new()));
    let change = |settings: &mut Settings| {
        small.before(fallback.path(), settings);
        settings.keys = keys.clone();
    };
    let mut story = Story::record(World::with(change, None), "2026/one.wav.enc");
    // 96 KiB are less than three seconds.
    story.talk_ms(6000);
    story.failed((Storage::Main, StorageTrouble::Full));
    let (duration_ms, sha256, gaps) = story.seal();
    let file = fallback.join("2026/one.wav.enc");
    assert!(duration_ms >= 5900 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    assert!(!small.0.join("2026/one.wav.enc").exists(), "the first part was brought over");
    assert!(!fs::read(&file).unwrap().windows(4).any(|bytes| bytes == b"RIFF"), "in the clear");
    let clear = archive::open(fs::File::open(&file).unwrap(), &file, &keys).unwrap();
    let mut bytes = vec![0; clear.length().unwrap() as usize];
    let mut at = 0;
    while at < bytes.len() {
        at += clear.read_at(at as u64, &mut bytes[at..]).unwrap();
    }
    let exported = fallback.join("exported.wav");
    fs::write(&exported, bytes).unwrap();
    assert!(is_heard(&exported, 300, 2500) && is_heard(&exported, 3000, 5800));
    assert_eq!(archive::repair(&file, &keys).unwrap().sha256, sha256, "what was hashed lies on the disk");
    story.world.end();
}

#[test]
fn a_full_disk_without_another_keeps_what_it_has_and_resumes_when_room_is_made() {
    let Some(small) = Small::mount("resume", 256) else { return };
    fs::write(small.0.join("ballast"), vec![1; 188 * 1024]).unwrap();
    let mut story =
        Story::new(World::with(|settings| settings.recordings_dir = small.0.path().to_owned(), None));
    story.talk_ms(4000);
    story.failed((Storage::Main, StorageTrouble::Full));
    fs::remove_file(small.0.join("ballast")).unwrap();
    // A hole costs no room: what was dropped need not be written.
    story.talk_ms(2400);
    let (duration_ms, _, gaps) = story.seal();
    let dropped = dropped_ms(&gaps);
    println!("{duration_ms} ms, {dropped} ms dropped");
    assert!(duration_ms >= 6300 && dropped > 1000, "{duration_ms}: {gaps:?}");
    assert!(is_heard(&small.0.join("2026/one.wav"), 5700, 6200));
    story.world.end();
}

#[test]
fn an_unmounted_disk_hands_over_to_the_second_folder() {
    let Some(small) = Small::mount("unmounted", 4096) else { return };
    let fallback = Scratch::new("fallback");
    let mut story = Story::new(World::with(|settings| small.before(fallback.path(), settings), None));
    story.talk_ms(2000);
    small.unmount();
    story.talk_ms(4000);
    story.failed((Storage::Main, StorageTrouble::Gone));
    let (duration_ms, _, gaps) = story.seal();
    let file = fallback.join("2026/one.wav");
    assert!(duration_ms >= 5900 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    assert!(is_heard(&file, 300, 1500) && is_heard(&file, 4000, 5800));
    assert!(!small.0.join("2026").exists(), "nothing is written below an unmounted disk");
    story.world.end();
}

#[test]
fn a_stalled_disk_is_told_and_costs_nothing_that_fits_into_the_ring() {
    let folder = Scratch::new("disk");
    let (disk, faults) = Faulty::open(folder.path());
    let mut story = Story::new(World::with(|_| {}, Some(disk)));
    story.talk_ms(1000);
    faults.stalled.store(true, Ordering::Relaxed);
    let began = Instant::now();
    story.talk_ms(4600);
    story.failed((Storage::Main, StorageTrouble::Stalled));
    assert!(began.elapsed() < Duration::from_secs(10));
    faults.stalled.store(false, Ordering::Relaxed);
    story.talk_ms(2000);
    story.restored(Storage::Main);
    let (duration_ms, _, gaps) = story.seal();
    assert!(duration_ms >= 7500 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    story.world.end();
}

#[test]
fn a_recording_that_begins_while_the_disk_stands_still_is_whole() {
    let folder = Scratch::new("disk");
    let (disk, faults) = Faulty::open(folder.path());
    let mut story = Story::new(World::with(|_| {}, Some(disk)));
    story.talk_ms(1000);
    faults.stalled.store(true, Ordering::Relaxed);
    story.talk_ms(4600);
    story.failed((Storage::Main, StorageTrouble::Stalled));
    story.recording = story.world.record(story.agent.leg, "2026/two.wav");
    story.talk_ms(1000);
    faults.stalled.store(false, Ordering::Relaxed);
    story.talk_ms(2000);
    story.restored(Storage::Main);
    let (duration_ms, _, gaps) = story.seal();
    assert!(duration_ms >= 2900 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    story.world.end();
}

#[test]
fn a_stalled_disk_hands_over_to_the_second_folder_and_is_waited_for_in_the_end() {
    let (main, fallback) = (Scratch::new("main"), Scratch::new("fallback"));
    let (disk, faults) = Faulty::open(main.path());
    let change = |settings: &mut Settings| settings.recordings_fallback = Some(fallback.path().to_owned());
    let mut story = Story::new(World::with(change, Some(disk)));
    story.talk_ms(2000);
    faults.stalled.store(true, Ordering::Relaxed);
    story.talk_ms(7000);
    story.failed((Storage::Main, StorageTrouble::Stalled));
    story.world.order(MediaOp::StopRecording { recording: story.recording });
    story.talk_ms(1500);
    assert_eq!(story.world.media.counters().open_recordings, 1, "its beginning cannot be had yet");
    faults.stalled.store(false, Ordering::Relaxed);
    let (duration_ms, _, gaps) = story.seal();
    assert!(duration_ms >= 8900 && dropped_ms(&gaps) == 0, "{duration_ms}: {gaps:?}");
    let file = fallback.join("2026/one.wav");
    assert!(is_heard(&file, 300, 1800) && is_heard(&file, 2200, 8800));
    assert!(!main.join("2026/one.wav").exists(), "the first part was brought over");
    story.world.end();
}
