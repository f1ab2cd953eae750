//! What the archive asks: rows to compare with files, and what is due.

use model::{ContactEvent, Event, RecordingEvent, RecordingState};
use testing::{PATIENCE, call, contact, recording};

use crate::stories::world::{World, each_database};

#[test]
fn what_the_archive_compares_with_its_files_is_read() {
    each_database("archive", async |world: World| {
        let journal = world.journal().await;
        for n in 0..3 {
            world.append(&journal, call(n, "inquiry", "1001"));
        }
        let is_recording = |event: &Event| {
            matches!(event, Event::Recording(RecordingEvent::Opened { .. } | RecordingEvent::Closed { .. }))
        };
        world.append(&journal, call(7, "inquiry", "1001").into_iter().filter(|event| !is_recording(event)));
        let mut short = call(9, "inquiry", "1001");
        if let Some(Event::Recording(RecordingEvent::Closed { duration_ms, .. })) = short.last_mut() {
            *duration_ms = 200;
        }
        world.append(&journal, short);
        assert!(world.store.wait_committed(journal.last_seq(), PATIENCE).await);
        let page = async |after: i64| {
            let rows = world.store.recordings_after(after, 2).await.unwrap();
            rows.into_iter().map(|row| row.id).collect::<Vec<_>>()
        };
        assert_eq!(page(-1).await, [recording(0), recording(1)]);
        assert_eq!(page(recording(1).number()).await, [recording(2), recording(9)]);
        assert_eq!(world.store.unrecorded().await.unwrap(), [contact(7)]);
        let short = world.store.short_recordings(500).await.unwrap();
        let [short] = short.as_slice() else { panic!("{short:?}") };
        assert_eq!((short.id, short.recorded_ms, short.path.as_str()), (recording(9), 200, "9.wav"));
        assert!(short.contact_ms > 700);
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
