//! Rows and files, compared both ways: the archive over a database.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use archive::{Difference, VerifyError};
use hotline::ledger::Ledger;
use model::{
    Activity, AgentEvent, Cause, ContactEvent, ContactId, End, EndedBy, Entry, Event, Gap, GapCause, Ids,
    Language, LeaveReason, OfferId, OfferOutcome, QueueEvent, RecordingEvent, RecordingId, RecordingState,
    SegmentEnd, SegmentId, Shift, Side, Time,
};
use sha2::{Digest as _, Sha256};
use store::{Journal, Store};

const PATIENCE: Duration = Duration::from_secs(40);
/// In 2023: long ago for whoever compares it with the clock.
const BEGAN: i64 = 1_700_000_000_000;

/// A new SQLite database; its statements are shown on PostgreSQL by the tests of the store.
struct World {
    store: Store,
    folder: PathBuf,
    seq: AtomicU64,
}

impl World {
    async fn open(name: &str) -> World {
        let folder = std::env::temp_dir().join(format!("hotline-verified-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&folder);
        std::fs::create_dir_all(&folder).unwrap();
        let store = Store::open(&format!("sqlite:{}/hotline.db", folder.display())).await.unwrap();
        World { store, folder, seq: AtomicU64::new(0) }
    }

    fn data(&self) -> &Path {
        &self.folder
    }

    async fn journal(&self) -> Journal {
        Journal::start(&self.store, &self.folder).await.unwrap()
    }

    /// Each a hundred milliseconds after the one before.
    fn append(&self, journal: &Journal, events: impl IntoIterator<Item = Event>) {
        for event in events {
            let seq = self.seq.fetch_add(1, Ordering::Relaxed) + 1;
            let at = Time::from_unix_ms(BEGAN + 100 * i64::try_from(seq).unwrap());
            journal.log().append(Entry { at, by: None, event }).unwrap();
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
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
    let mut events = call(n, "inquiry", "1001");
    for event in &mut events {
        if let Event::Recording(RecordingEvent::Opened { path, .. }) = event {
            *path = format!("2026/{n}.wav");
        } else if let Event::Recording(RecordingEvent::Closed { sha256, state, .. }) = event {
            assert_eq!(*state, RecordingState::Sealed);
            *sha256 = Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        }
    }
    events
}

/// A silent stereo file of so many milliseconds.
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

fn contact(n: u16) -> ContactId {
    ContactId::new(&mut Ids::new(n), Time::from_unix_ms(BEGAN + i64::from(n)))
}

fn recording(n: u16) -> RecordingId {
    RecordingId::new(&mut Ids::new(n), Time::from_unix_ms(BEGAN + i64::from(n)))
}

/// Call number `n` from its start to its end.
fn call(n: u16, queue: &str, agent: &str) -> Vec<Event> {
    let mut ids = Ids::new(n);
    let at = Time::from_unix_ms(BEGAN + i64::from(n));
    let (contact, recording) = (contact(n), recording(n));
    let (offer, segment) = (OfferId::new(&mut ids, at), SegmentId::new(&mut ids, at));
    let (queue, agent) =
        (queue.parse::<model::QueueName>().unwrap(), agent.parse::<model::AgentId>().unwrap());
    let changed = |activity| {
        Event::Agent(AgentEvent::Changed {
            agent: agent.clone(),
            shift: Shift::Ready,
            activity,
            seat_online: true,
        })
    };
    vec![
        Event::Contact(ContactEvent::Started {
            contact,
            caller: Some("13800000000".parse().unwrap()),
            diversions: Vec::new(),
            caller_name: Some("<b>'; DROP TABLE contacts; --\0 张".to_owned().into()),
            number: "8000".parse().unwrap(),
            trunk: "local".to_owned(),
            language: Language::ZhCn,
            flow: "main@1".to_owned(),
            sip_call_id: None,
        }),
        Event::Recording(RecordingEvent::Opened {
            recording,
            contact,
            path: format!("{n}.wav"),
            channels: 2,
            rate: 8000,
        }),
        Event::Contact(ContactEvent::Answered { contact }),
        Event::Queue(QueueEvent::Entered { contact, queue: queue.clone(), bonus_s: 0, position: 1 }),
        Event::Queue(QueueEvent::OfferMade {
            offer,
            contact,
            queue: queue.clone(),
            agent: agent.clone(),
            score_s: 3,
            idle_ms: 9,
        }),
        Event::Queue(QueueEvent::OfferEnded {
            offer,
            contact,
            agent: agent.clone(),
            outcome: OfferOutcome::Accepted,
        }),
        Event::Queue(QueueEvent::Left {
            contact,
            queue: queue.clone(),
            reason: LeaveReason::Answered,
            waited_ms: 1000,
        }),
        Event::Contact(ContactEvent::SegmentStarted { segment, contact, agent: agent.clone().into(), queue }),
        changed(Activity::Talking),
        Event::Contact(ContactEvent::HoldStarted { segment, contact, by: Side::Company }),
        Event::Contact(ContactEvent::HoldStarted { segment, contact, by: Side::Customer }),
        Event::Contact(ContactEvent::HoldEnded { segment, contact, by: Side::Company }),
        Event::Contact(ContactEvent::HoldEnded { segment, contact, by: Side::Customer }),
        Event::Contact(ContactEvent::SegmentEnded {
            segment,
            contact,
            agent: agent.clone().into(),
            end: SegmentEnd { by: EndedBy::Caller, cause: Cause::HungUp },
        }),
        changed(Activity::WrapUp),
        Event::Contact(ContactEvent::Ended {
            contact,
            end: End::new(Cause::HungUp, EndedBy::Caller, model::Reached::Person),
        }),
        Event::Recording(RecordingEvent::Closed {
            recording,
            contact,
            state: RecordingState::Sealed,
            duration_ms: 1000,
            sha256: "00".repeat(32),
            gaps: vec![model::Gap { channel: 0, from_ms: 20, length_ms: 20, cause: model::GapCause::Lost }],
            fault: None,
        }),
    ]
}
