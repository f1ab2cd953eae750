//! Recordings at rest: encrypted, copied, and erased at their hour.

#![allow(clippy::unwrap_used, reason = "all of this is test code")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use hotline_tests::Heard::Tone;
use hotline_tests::{Center, Phone, assert_each_on_its_channel, heard, wait_for};
use serde_json::Value;

/// Starts a center with a key of its own, made as an operator makes it, and these lines below `[recordings]`.
fn encrypting(more: &str) -> Center {
    let mut center = Center::start();
    let made = center.command("keys").arg("new").arg(key_of(&center)).output().unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    center.kill();
    let line = format!("encryption_key = \"{}\"\n{more}", key_of(&center).display());
    configure(&center, &line);
    center.restart();
    center
}

fn key_of(center: &Center) -> PathBuf {
    center.folder.join("center.key")
}

/// Writes lines below `[recordings]`.
fn configure(center: &Center, lines: &str) {
    let file = center.folder.join("config/hotline.toml");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(file, text.replace("[recordings]\n", &format!("[recordings]\n{lines}"))).unwrap();
}

fn is_within(needle: &[u8], file: &Path) -> bool {
    fs::read(file).unwrap().windows(needle.len()).any(|bytes| bytes == needle)
}

fn export(center: &Center, recording: &Value) -> PathBuf {
    let file = center.folder.join("exported.wav");
    let id = recording["id"].as_str().unwrap();
    let output = center.command("recordings").args(["export", id, "--to"]).arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    file
}

/// The manifests prove the folder with nothing but the public key.
fn assert_proven(center: &Center, entries: &str) {
    let key = center.command("recordings").arg("key").output().unwrap();
    let file = center.folder.join("public.pem");
    fs::write(&file, &key.stdout).unwrap();
    let prove = || {
        let mut command = center.command("verify");
        command.arg("--folder").arg(center.folder.join("recordings")).arg("--public-key").arg(&file);
        command.output().unwrap()
    };
    wait_for("the manifest", || {
        let output = prove();
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        println!("{said}");
        (output.status.success() && said.contains(entries)).then_some(())
    });
}

#[test]
fn an_encrypted_call_is_never_in_the_clear_on_the_disk_and_is_heard_by_who_may() {
    let center = encrypting("copy = \"flac\"\n");
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(4);
    let open = center.wait_for_recording("open");
    let file = center.recording_file(&open);
    assert!(open["path"].as_str().unwrap().ends_with(".wav.enc") && open["encrypted"] == true, "{open}");
    assert!(!is_within(b"RIFF", &file) && !is_within(b"WAVE", &file), "also while the call goes on");
    customer.hang_up();
    let recording = center.wait_for_recording("sealed");
    center.assert_rows_and_files_agree();
    assert_proven(&center, "1 entries");

    let exported = export(&center, &recording);
    assert_each_on_its_channel(&exported);
    let clear = fs::read(&exported).unwrap();
    let loud = clear.len() - 40_000;
    assert!(!is_within(&clear[loud..loud + 64], &file), "no sample is readable");

    let whole = center.audio(&recording, "", "");
    assert!(whole.status == 200 && whole.body == clear, "{}", whole.head);
    let part = center.audio(&recording, "", "bytes=1001-5010");
    assert!(part.status == 206 && part.body == clear[1001..=5010], "{}", part.head);

    let copy = wait_for("the copy", || {
        Some(center.audio(&recording, "?format=flac", "")).filter(|fetched| fetched.status == 200)
    });
    assert!(copy.body.starts_with(b"fLaC") && copy.body.len() < clear.len(), "{}", copy.head);
    let stored = file.to_str().unwrap().replace(".wav.enc", ".flac.enc");
    assert!(!is_within(b"fLaC", Path::new(&stored)), "the copy is encrypted too");
    let flac = center.folder.join("copy.flac");
    fs::write(&flac, &copy.body).unwrap();
    let decode =
        Command::new("ffmpeg").args(["-v", "error", "-i"]).arg(&flac).args(["-f", "s16le", "-"]).output();
    assert!(decode.unwrap().stdout == clear[80..], "another decoder hears every sample");
    center.assert_rows_and_files_agree();
}

#[test]
fn an_encrypted_recording_survives_a_kill_and_needs_its_key() {
    let mut center = encrypting("");
    let agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(4);
    center.kill();
    drop(agent);
    center.restart();
    let recording = center.wait_for_recording("damaged");
    assert!(!is_within(b"RIFF", &center.recording_file(&recording)));
    let exported = export(&center, &recording);
    assert_eq!(heard(&exported, 1, 440), [Tone], "{recording}");
    let fetched = center.audio(&recording, "", "");
    assert!(fetched.body == fs::read(&exported).unwrap(), "{}", fetched.head);
    center.assert_rows_and_files_agree();
    assert_proven(&center, "1 entries");

    // The key is replaced by another one, and the old one forgotten.
    center.kill();
    fs::remove_file(key_of(&center)).unwrap();
    let refused = center.command("serve").output().unwrap();
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(!refused.status.success() && said.contains("center.key"), "{said}");
    let made = center.command("keys").arg("new").arg(key_of(&center)).output().unwrap();
    assert!(made.status.success());
    center.restart();
    let refused = center.audio(&recording, "", "");
    let said = String::from_utf8_lossy(&refused.body).into_owned();
    assert!(refused.status == 409 && said.contains("needs the encryption key"), "{said}");
    assert!(refused.head.contains("application/problem+json"), "{}", refused.head);
}

#[test]
fn a_missed_erasing_is_made_up_for_at_the_next_start_and_a_failed_one_by_the_next_run() {
    let mut center = Center::start();
    center.kill();
    let rules =
        "copy = \"flac\"\nretention_at = \"03:30\"\n[[recordings.retention]]\nname = \"short\"\ndays = 1\n";
    configure(&center, rules);
    center.restart();
    let mut customer = Phone::customer(&center, "alice", 440);
    for calls in 1..=2 {
        customer.dial("8000");
        center.record_for_seconds(1);
        customer.hang_up();
        center.wait_until_sealed(calls);
    }
    let files: Vec<PathBuf> = center.recordings().iter().map(|row| center.recording_file(row)).collect();
    let copies: Vec<PathBuf> = files.iter().map(|file| file.with_extension("flac")).collect();
    wait_for("the copies", || copies.iter().all(|copy| copy.is_file()).then_some(()));
    center.kill();
    if !center.age_recordings() {
        return;
    }
    // A folder with something in it stands where one copy was: it cannot be removed as a file.
    fs::remove_file(&copies[0]).unwrap();
    fs::create_dir_all(copies[0].join("in the way")).unwrap();
    fs::write(center.folder.join("data/retention.last"), "2026-01-01T00:00:00Z\n").unwrap();
    center.restart();
    center.wait_for_events("recording_erased", 2);
    let erased = center.records_of_type("recording_erased");
    let by_rule = |record: &Value| record["by"] == "schedule" && record["event"]["rule"] == "short";
    assert!(erased.iter().all(by_rule), "{erased:?}");
    center.wait_for_log("some files could not be erased");
    assert!(!files[0].exists() && !files[1].exists() && !copies[1].exists());
    let last = fs::read_to_string(center.folder.join("data/retention.last")).unwrap();
    assert!(!last.starts_with("2026-01-01"), "the run is remembered: {last}");

    let run = |dry: &[&str]| {
        let output = center.command("retention").arg("--json").args(dry).output().unwrap();
        serde_json::from_slice::<Vec<Value>>(&output.stdout).unwrap()
    };
    let listed = run(&["--dry-run"]);
    assert!(listed.len() == 1 && listed[0]["again"] == true && listed[0]["erased"] == false, "{listed:?}");
    fs::remove_dir_all(&copies[0]).unwrap();
    fs::write(&copies[0], "what is left of a copy").unwrap();
    let retried = run(&[]);
    assert!(retried.len() == 1 && retried[0]["again"] == true && retried[0]["erased"] == true, "{retried:?}");
    assert!(!copies[0].exists() && run(&["--dry-run"]).is_empty());
    center.assert_rows_and_files_agree();
}
