//! Recordings as evidence: through trouble with the disk, paused, and proven.

use std::fs;
use std::process::Output;

use hotline_tests::Heard::{Silence, Tone};
use hotline_tests::{Center, Phone, heard, wait_for};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

#[test]
fn a_recordings_folder_that_is_removed_in_mid_call_costs_nothing_and_is_told() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(3);
    fs::remove_dir_all(center.folder.join("recordings")).unwrap();
    let failed = center.wait_for_events("storage_failed", 1);
    assert_eq!((&failed[0]["storage"], &failed[0]["trouble"]), (&"main".into(), &"gone".into()));
    center.wait_for_events("storage_restored", 1);
    center.record_for_seconds(2);
    customer.hang_up();
    let recording = center.wait_for_recording("sealed");
    assert_eq!(heard(&center.recording_file(&recording), 1, 440), [Tone], "{recording}");
    let contact = center.one(&format!("contacts/{}", recording["contact_id"].as_str().unwrap()));
    let coverage = contact["coverage"]["ratio"].as_f64().unwrap();
    assert!(coverage > 0.99 && contact["coverage"]["dropped_ms"] == 0, "{contact}");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_paused_recording_is_silent_keeps_its_time_and_says_who_and_why() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);
    let contact = center.contacts()[0]["id"].as_str().unwrap().to_owned();
    let pause = format!("contacts/{contact}/recording/pause");
    assert_eq!(center.post(&pause, "{}"), 422, "a reason is needed");
    assert_eq!(center.post(&pause, r#"{"reason":"card number"}"#), 204);
    center.record_for_seconds(3);
    assert_eq!(center.post(&format!("contacts/{contact}/recording/resume"), ""), 204);
    center.record_for_seconds(2);
    customer.hang_up();
    let recording = center.wait_for_recording("sealed");
    let file = center.recording_file(&recording);
    assert_eq!(heard(&file, 1, 440), [Tone, Silence, Tone], "{recording}");
    let gaps = recording["gaps"].as_array().unwrap();
    let masked: Vec<_> = gaps.iter().filter(|gap| gap["cause"]["masked"].is_object()).collect();
    assert_eq!(masked.len(), 2, "{recording}");
    assert_eq!(masked[0]["cause"]["masked"]["reason"], "card number");
    assert!(masked[0]["cause"]["masked"]["by"]["token"].is_string(), "{recording}");
    let masked_ms = masked[0]["length_ms"].as_u64().unwrap();
    assert!((2_900..6_000).contains(&masked_ms), "{masked_ms} ms");
    assert_eq!(center.events_of_type("recording_paused").len(), 1);
    assert_eq!(center.events_of_type("recording_resumed").len(), 1);
    let whole = center.one(&format!("contacts/{contact}"));
    assert_eq!(whole["coverage"]["masked_ms"], masked_ms, "{whole}");
    assert_eq!(center.post(&pause, r#"{"reason":"card number"}"#), 404, "it is over");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_folder_is_proven_offline_with_the_public_key_alone() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    for calls in 1..=2 {
        customer.dial("8000");
        customer.press('1');
        center.record_for_seconds(2);
        customer.hang_up();
        center.wait_until_sealed(calls);
    }
    let key = center.command("recordings").arg("key").output().unwrap();
    assert!(key.status.success(), "{}", said(&key));
    let file = center.folder.join("public.pem");
    fs::write(&file, &key.stdout).unwrap();
    let recordings = center.folder.join("recordings");
    let prove = || {
        let mut command = center.command("verify");
        command.arg("--folder").arg(&recordings).arg("--public-key").arg(&file).output().unwrap()
    };
    wait_for("the manifest", || said(&prove()).contains("2 entries").then_some(()));
    assert!(prove().status.success());
    let row = &center.recordings()[0];
    let path = center.recording_file(row);
    let mut bytes = fs::read(&path).unwrap();
    bytes[1000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let output = prove();
    assert!(!output.status.success());
    let expected = format!("{}: altered", row["path"].as_str().unwrap());
    assert!(said(&output).contains(&expected), "{}", said(&output));
}

#[test]
fn a_rule_erases_what_no_legal_hold_keeps_and_the_manifest_says_so() {
    // The youngest that a rule knows is a day; the recordings are made older in the database.
    let rule = "[recordings]\n[[recordings.retention]]\nname = \"short\"\ndays = 1\n";
    let center = Center::start_with(&[("hotline.toml", "[recordings]\n", rule)]);
    let mut customer = Phone::customer(&center, "alice", 440);
    for calls in 1..=2 {
        customer.dial("8000");
        center.record_for_seconds(1);
        customer.hang_up();
        center.wait_until_sealed(calls);
    }
    let rows = center.recordings();
    let (kept, erased) = (&rows[0], &rows[1]);
    let held = kept["contact_id"].as_str().unwrap();
    let word = ["--reason", "case 7", "--person", "Lin"];
    let output = center.command("legal-hold").args(["set", held]).args(word).output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    let hold = center.one(&format!("contacts/{held}"))["legal_hold"].clone();
    assert_eq!((&hold["reason"], &hold["person"]), (&"case 7".into(), &"Lin".into()));
    let apply = |dry: &[&str]| {
        let output = center.command("retention").arg("--json").args(dry).output().unwrap();
        assert!(output.status.success(), "{}", said(&output));
        serde_json::from_slice::<Vec<serde_json::Value>>(&output.stdout).unwrap()
    };
    assert!(apply(&[]).is_empty(), "nothing is a day old");
    if !center.age_recordings() {
        return;
    }
    let due = apply(&["--dry-run"]);
    assert!(due.len() == 2 && due.iter().all(|row| row["erased"] == false), "{due:?}");
    assert!(center.recording_file(erased).exists(), "a dry run erases nothing");
    let flags = |row: &serde_json::Value| (row["held"] == true, row["erased"] == true);
    assert_eq!(apply(&[]).iter().map(flags).collect::<Vec<_>>(), [(false, true), (true, false)]);
    assert!(!center.recording_file(erased).exists() && center.recording_file(kept).exists());
    let told = center.wait_for_events("recording_erased", 1);
    assert_eq!((&told[0]["rule"], &told[0]["sha256"]), (&"short".into(), &erased["sha256"]));
    center.wait_for_recording("erased");
    center.assert_rows_and_files_agree();
    let manifest = center.recording_file(erased).with_file_name("manifest.jsonl");
    wait_for("the manifest", || {
        fs::read_to_string(&manifest).ok()?.contains(r#""fate":"erased""#).then_some(())
    });
}
