//! Rows and files, compared both ways.

use model::{ContactEvent, Event, Gap, GapCause, RecordingEvent, RecordingState};
use sha2::{Digest as _, Sha256};

use crate::stories::PATIENCE;
use crate::stories::world::{World, call, contact, each_database, recording};
use crate::value::hexadecimal;
use crate::{Difference, verify};

#[test]
fn verify_names_every_difference_and_nothing_else() {
    each_database("verify", async |world: World| {
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
                Event::Recording(RecordingEvent::Opened { .. })
                    | Event::Recording(RecordingEvent::Closed { .. })
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
    });
}

#[test]
fn verify_names_answered_contacts_of_which_nothing_was_recorded() {
    each_database("unrecorded", async |world: World| {
        let journal = world.journal().await;
        let folder = world.data().join("recordings");
        std::fs::create_dir_all(folder.join("2026")).unwrap();
        // It could not be written at all.
        let mut failed = sealed(1, &[]);
        if let Some(Event::Recording(RecordingEvent::Closed {
            state,
            duration_ms,
            sha256,
            fault,
            gaps,
            ..
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
        if let Some(Event::Recording(RecordingEvent::Closed { state, duration_ms, fault, .. })) =
            short.last_mut()
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
            let is =
                |d: &&Difference| matches!(d, Difference::NotWritten { contact: c, .. } if *c == contact(n));
            differences.iter().filter(is).count()
        };
        assert_eq!([1, 2, 5].map(not_written), [1; 3], "{differences:#?}");
        let shorter = |d: &Difference| matches!(d, Difference::ShorterThanContact { recording: r, .. } if *r == recording(3));
        assert!(differences.iter().any(shorter), "{differences:#?}");
        assert!(differences.contains(&Difference::NotRecorded { contact: contact(4) }));
        assert_eq!(differences.len(), 5, "{differences:#?}");
        assert!(journal.close(PATIENCE));
    });
}

#[test]
fn a_path_that_leads_out_of_the_folder_is_never_opened() {
    each_database("outside", async |world: World| {
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
    });
}

#[test]
fn rules_find_what_is_due_and_a_legal_hold_keeps_it() {
    each_database("retention", async |world: World| {
        let journal = world.journal().await;
        for (n, queue) in [(0, "inquiry"), (1, "complaint"), (2, "inquiry")] {
            world.append(&journal, call(n, queue, "1001"));
        }
        let by = Some(model::Actor::CommandLine);
        let (person, reason) = (Some("Lin".to_owned()), "case 7".to_owned());
        let hold = Event::Contact(ContactEvent::LegalHoldSet {
            contact: contact(2),
            person,
            reason: reason.clone(),
        });
        world.append_by(&journal, by.clone(), [hold]);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let rule = |queue: Option<&str>, days| model::RetentionRule {
            name: format!("{queue:?}"),
            queue: queue.map(|queue| queue.parse().unwrap()),
            days,
        };
        let rules = [rule(None, 30), rule(Some("complaint"), 1000)];
        let due = async |days: u64| {
            let now = world.now() + std::time::Duration::from_secs(days * 86_400);
            let due = world.store.due_recordings(&rules, now).await.unwrap();
            due.into_iter().map(|due| (due.recording_id, due.held)).collect::<Vec<_>>()
        };
        assert_eq!(due(29).await, []);
        assert_eq!(due(31).await, [(recording(0), false), (recording(2), true)]);
        assert_eq!(due(1001).await.len(), 3);
        assert_eq!(world.store.legal_hold(contact(2)).await.unwrap().unwrap().reason, "case 7");
        let clear =
            Event::Contact(ContactEvent::LegalHoldCleared { contact: contact(2), person: None, reason });
        let (sha256, rule) = ("00".repeat(32), "all".to_owned());
        let erase = Event::Recording(RecordingEvent::Erased {
            recording: recording(0),
            contact: contact(0),
            rule,
            sha256,
        });
        world.append_by(&journal, by, [clear, erase]);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        assert_eq!(due(31).await, [(recording(2), false)]);
        let erased = world.store.recording(recording(0)).await.unwrap().unwrap();
        assert_eq!((erased.state, erased.sha256), (RecordingState::Erased, Some("00".repeat(32))));
        let before = world.all_tables().await;
        world.store.rebuild().await.unwrap();
        assert_eq!(world.all_tables().await, before);
        assert!(journal.close(PATIENCE));
    });
}

/// A call whose recording is sealed with the hash of these bytes.
fn sealed(n: u16, bytes: &[u8]) -> Vec<Event> {
    let mut events = call(n, "inquiry", "1001");
    for event in &mut events {
        if let Event::Recording(RecordingEvent::Opened { path, .. }) = event {
            *path = format!("2026/{n}.wav");
        } else if let Event::Recording(RecordingEvent::Closed { sha256, state, .. }) = event {
            assert_eq!(*state, RecordingState::Sealed);
            *sha256 = hexadecimal(&Sha256::digest(bytes));
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
