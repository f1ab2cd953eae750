//! Rows and files, compared both ways: the archive over a database.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use archive::{Difference, VerifyError};
use hotline::at_rest::ledger::Ledger;
use model::{Entry, Event, Gap, GapCause, RecordingEvent, RecordingState, Time};
use sha2::{Digest as _, Sha256};
use store::{Journal, Store};
use testing::{BEGAN, Call, PATIENCE, Scratch, call, contact, recording};

/// A new SQLite database; its statements are shown on PostgreSQL by the tests of the store.
struct World {
    store: Store,
    scratch: Scratch,
    seq: AtomicU64,
}

impl World {
    async fn open(name: &str) -> World {
        let scratch = Scratch::new(name);
        let store = Store::open(&format!("sqlite:{}/hotline.db", scratch.path().display())).await.unwrap();
        World { store, scratch, seq: AtomicU64::new(0) }
    }

    fn data(&self) -> &Path {
        self.scratch.path()
    }

    async fn journal(&self) -> Journal {
        Journal::start(&self.store, self.data()).await.unwrap()
    }

    /// Appends events, each 100 ms after the one before.
    fn append(&self, journal: &Journal, events: impl IntoIterator<Item = Event>) {
        for event in events {
            let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
            let at = Time::from_unix_ms(BEGAN + 100 * i64::try_from(seq).unwrap());
            journal.log().append(Entry { at, by: None, event }).unwrap();
        }
    }
}

async fn verify(store: &Store, folders: &[PathBuf]) -> Result<Vec<Difference>, VerifyError> {
    archive::verify(&Ledger(store.clone()), folders).await
}

#[tokio::test]
async fn verify_names_every_difference_and_nothing_else() {
    let world = World::open("verify").await;
    let journal = world.journal().await;
    let folder = world.data().join("recordings");
    std::fs::create_dir_all(folder.join("2026")).unwrap();
    let good = wav(1000);
    for n in 0..7 {
        world.append(&journal, sealed(n, &good));
        std::fs::write(folder.join(format!("2026/{n}.wav")), &good).unwrap();
    }
    let not_recorded = call(7, "inquiry", "1001").into_iter();
    let is_recording = |event: &Event| {
        matches!(
            event,
            Event::Recording(RecordingEvent::Opened { .. }) | Event::Recording(RecordingEvent::Closed { .. })
        )
    };
    assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
    assert_eq!(verify(&world.store, std::slice::from_ref(&folder)).await.unwrap(), []);

    // A file that its row knows, of a contact that went on for longer.
    let half = wav(200);
    let mut short = sealed(9, &half);
    if let Some(Event::Recording(RecordingEvent::Closed { duration_ms, .. })) = short.last_mut() {
        *duration_ms = 200;
    }
    world.append(&journal, short);
    std::fs::write(folder.join("2026/9.wav"), &half).unwrap();
    world.append(&journal, sealed(8, &good).into_iter().take(16));
    world.append(&journal, not_recorded.filter(|event| !is_recording(event)));
    std::fs::remove_file(folder.join("2026/1.wav")).unwrap();
    std::fs::write(folder.join("2026/2.wav"), wav(900)).unwrap();
    let mut flipped = good.clone();
    *flipped.last_mut().unwrap() ^= 1;
    std::fs::write(folder.join("2026/3.wav"), &flipped).unwrap();
    std::fs::write(folder.join("2026/4.wav"), &good[..30]).unwrap();
    std::fs::write(folder.join("stray.wav"), &good).unwrap();
    assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
    let differences = verify(&world.store, std::slice::from_ref(&folder)).await.unwrap();
    let named =
        |n: u16| differences.iter().filter(move |d| d.to_string().contains(&recording(n).to_string()));
    assert!(matches!(named(1).collect::<Vec<_>>()[..], [Difference::FileMissing { .. }]));
    let two: Vec<_> = named(2).collect();
    assert!(matches!(two[..], [Difference::LengthDiffers { .. }, Difference::HashDiffers { .. }]));
    assert!(matches!(named(3).collect::<Vec<_>>()[..], [Difference::HashDiffers { .. }]));
    let four: Vec<_> = named(4).collect();
    assert!(matches!(four[..], [Difference::HeaderInvalid { .. }, Difference::HashDiffers { .. }]));
    assert!(differences.contains(&Difference::RowMissing { path: "stray.wav".to_owned() }));
    assert!(differences.contains(&Difference::NotRecorded { contact: contact(7) }));
    let nine: Vec<_> = named(9).collect();
    let short = Difference::ShorterThanContact {
        recording: recording(9),
        path: "2026/9.wav".to_owned(),
        recorded_ms: 200,
        contact_ms: 1300,
    };
    assert_eq!(nine, [&short]);
    let still_open = Difference::StillOpen { recording: recording(8), contact: contact(8) };
    assert!(differences.contains(&still_open));
    assert_eq!(differences.len(), 10, "{differences:#?}");
    assert!(journal.close(PATIENCE));
}

#[tokio::test]
async fn verify_names_answered_contacts_of_which_nothing_was_recorded() {
    let world = World::open("unrecorded").await;
    let journal = world.journal().await;
    let folder = world.data().join("recordings");
    std::fs::create_dir_all(folder.join("2026")).unwrap();
    // It could not be written at all.
    let mut failed = sealed(1, &[]);
    if let Some(Event::Recording(RecordingEvent::Closed {
        state, duration_ms, sha256, fault, gaps, ..
    })) = failed.last_mut()
    {
        (*state, *duration_ms, *gaps) = (RecordingState::Damaged, 0, Vec::new());
        (*sha256, *fault) = (String::new(), Some("no space left".to_owned()));
    }
    // The folder came back for the seal alone: a file of silence.
    let silent = wav(1000);
    let mut dropped = sealed(2, &silent);
    if let Some(Event::Recording(RecordingEvent::Closed { gaps, .. })) = dropped.last_mut() {
        let gap = |channel| Gap { channel, from_ms: 0, length_ms: 1000, cause: GapCause::Dropped };
        *gaps = vec![gap(0), gap(1)];
    }
    std::fs::write(folder.join("2026/2.wav"), &silent).unwrap();
    // It failed after its start.
    let half = wav(200);
    let mut short = sealed(3, &half);
    if let Some(Event::Recording(RecordingEvent::Closed { state, duration_ms, fault, .. })) = short.last_mut()
    {
        (*state, *duration_ms, *fault) = (RecordingState::Damaged, 200, Some("it failed".to_owned()));
    }
    std::fs::write(folder.join("2026/3.wav"), &half).unwrap();
    // In progress: one without a recording, one whose file was never made.
    let in_call = |n: u16, from: usize| sealed(n, &[]).into_iter().take(8).skip(from);
    let unrecorded =
        in_call(4, 0).filter(|event| !matches!(event, Event::Recording(RecordingEvent::Opened { .. })));
    for events in [failed, dropped, short, unrecorded.collect(), in_call(5, 0).collect()] {
        world.append(&journal, events);
    }
    assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
    let differences = verify(&world.store, std::slice::from_ref(&folder)).await.unwrap();
    let not_written = |n: u16| {
        let is = |d: &&Difference| matches!(d, Difference::NotWritten { contact: c, .. } if *c == contact(n));
        differences.iter().filter(is).count()
    };
    assert_eq!([1, 2, 5].map(not_written), [1; 3], "{differences:#?}");
    let shorter = |d: &Difference| matches!(d, Difference::ShorterThanContact { recording: r, .. } if *r == recording(3));
    assert!(differences.iter().any(shorter), "{differences:#?}");
    assert!(differences.contains(&Difference::NotRecorded { contact: contact(4) }));
    assert_eq!(differences.len(), 5, "{differences:#?}");
    assert!(journal.close(PATIENCE));
}

#[tokio::test]
async fn a_path_that_leads_out_of_the_folder_is_never_opened() {
    let world = World::open("outside").await;
    let journal = world.journal().await;
    let mut events = sealed(0, &wav(1000));
    if let Some(Event::Recording(RecordingEvent::Opened { path, .. })) = events.get_mut(1) {
        *path = "../../etc/passwd".to_owned();
    }
    world.append(&journal, events);
    assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
    let differences = verify(&world.store, &[world.data().to_owned()]).await.unwrap();
    assert!(matches!(differences[..], [Difference::PathOutside { .. }]));
    assert!(journal.close(PATIENCE));
}

/// A call whose recording is sealed with the hash of these bytes.
fn sealed(n: u16, bytes: &[u8]) -> Vec<Event> {
    let sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
    Call { path: format!("2026/{n}.wav"), sha256, ..Call::new(n, "inquiry", "1001") }.events()
}

/// A silent stereo file of `ms` milliseconds.
fn wav(ms: u32) -> Vec<u8> {
    let length = ms * 32;
    let mut bytes = b"RIFF".to_vec();
    bytes.extend((36 + length).to_le_bytes());
    bytes.extend(b"WAVEfmt \x10\0\0\0\x01\0\x02\0");
    bytes.extend(8000_u32.to_le_bytes());
    bytes.extend(32_000_u32.to_le_bytes());
    bytes.extend(b"\x04\0\x10\0data");
    bytes.extend(length.to_le_bytes());
    bytes.resize(44 + length as usize, 0);
    bytes
}
