//! Two centers on one thing: the second is refused and says who has it; the first goes on. And an end that loses no
//! seal.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::path::Path;
use std::process::{Command, Output};

use hotline_tests::{Center, Database, Phone, Sipp, wait_for};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

/// Runs a second center, which must be refused with the first one's process and data folder.
fn assert_refused(center: &Center, mut rival: Command) {
    let output = rival.output().unwrap();
    let said = said(&output);
    assert!(!output.status.success(), "{said}");
    let data = center.folder.join("data").display().to_string();
    for part in [
        "in use by another center",
        "正被另一个呼叫中心占用",
        data.as_str(),
        &center.process_id().to_string(),
    ] {
        assert!(said.contains(part), "{said} lacks {part}");
    }
}

#[test]
fn a_second_center_on_a_data_or_recordings_folder_is_refused() {
    let center = Center::start();
    let (data, recordings) = (center.folder.join("data"), center.folder.join("recordings"));
    let (other_data, other_recordings) = (center.folder.join("data-2"), center.folder.join("recordings-2"));
    // The check of the data folder finds the center itself, and says where it answers.
    let output = center.rival(&data, &other_recordings).output().unwrap();
    assert!(!output.status.success() && said(&output).contains("a center runs on"), "{}", said(&output));
    assert_refused(&center, center.rival(&other_data, &recordings));
    // By another name, as a relative path or a link has one.
    let link = center.folder.join("link");
    std::os::unix::fs::symlink(&recordings, &link).unwrap();
    assert_refused(&center, center.rival(&other_data, &link));
    call_and_prove(&center);
}

#[test]
fn a_second_center_on_a_fallback_folder_is_refused() {
    let shared = testing::Scratch::new("fallback");
    let fallback = format!("[recordings]\nfallback = \"{}\"\n", shared.path().display());
    let center = Center::start_with(&[("hotline.toml", "[recordings]\n", &fallback)]);
    let (data, recordings) = (center.folder.join("data-2"), center.folder.join("recordings-2"));
    assert_refused(&center, center.rival(&data, &recordings));
    // One center's fallback is no other one's main folder either.
    assert_refused(&center, center.rival(&data, shared.path()));
}

#[test]
fn a_second_center_on_a_database_is_refused_and_lists_go_on() {
    let shared = testing::Scratch::new("shared");
    let url = format!("url = \"sqlite:{}\"", shared.join("shared.db").display());
    refuse_on(&("hotline.toml", "# url = \"postgres://hotline:password@127.0.0.1/hotline\"", url));
    if let Some(database) = Database::create() {
        refuse_on(&database.change());
    }
}

fn refuse_on((file, old, new): &(&str, &str, String)) {
    let mut center = Center::start_with(&[(file, old, new)]);
    let rival =
        |center: &Center| center.rival(&center.folder.join("data-2"), &center.folder.join("recordings-2"));
    assert_refused(&center, rival(&center));
    call_and_prove(&center);
    // A sudden death holds no lock: the next start has it, and keeps it from others.
    center.kill();
    center.restart();
    assert_refused(&center, rival(&center));
}

#[test]
fn a_database_that_was_taken_under_a_running_center_costs_no_event() {
    let Some(database) = Database::create() else { return };
    let change = database.change();
    let mut center = Center::start_with(&[(change.0, change.1, &change.2)]);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    wait_for("the recording", || (center.recordings().len() == 1).then_some(()));
    // Another center claims it, and writes three events under the next numbers.
    database.query(
        "BEGIN; UPDATE owner SET token = 'another', host = 'elsewhere', pid = 7;
         INSERT INTO journal (node, seq, subject, at_ms, event)
             SELECT 1, seq + n, 'center', 1, '{\"about\":\"center\",\"type\":\"drain_started\"}'
             FROM projection_state, generate_series(1, 3) AS n;
         UPDATE projection_state SET seq = seq + 3; COMMIT",
    );
    customer.hang_up();
    center.wait_for_log("was taken by another center");
    center.wait_for_log("elsewhere");
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
    assert_eq!(database.query("SELECT COUNT(*) FROM contacts WHERE ended_ms IS NOT NULL"), "0");
    center.restart();
    center.wait_until_sealed(1);
    assert_eq!(center.wait_for_contact("/end/by", "caller")["end"]["cause"], "hung_up");
    let gaps = "SELECT MAX(seq) - COUNT(*) FROM journal";
    assert_eq!(database.query(gaps), "0", "no number is missing, none stands for two");
    center.assert_rows_and_files_agree();
}

/// A call is recorded, listed, and agrees with its row.
fn call_and_prove(center: &Center) {
    let mut customer = Phone::customer(center, "alice", 440);
    customer.dial("8000");
    center.record_for_seconds(1);
    customer.hang_up();
    center.wait_until_sealed(1);
    assert_eq!(center.listing("contacts").len(), 1);
    center.assert_rows_and_files_agree();
}

#[test]
fn calls_that_are_ended_by_the_shutdown_are_sealed_in_the_log_and_in_the_manifest() {
    let mut center = Center::start();
    let key = center.command("recordings").arg("key").output().unwrap();
    let public = center.folder.join("public.pem");
    std::fs::write(&public, key.stdout).unwrap();
    let talkers = Sipp::talkers(&center, 12);
    wait_for("twelve recordings", || (center.recordings().len() == 12).then_some(()));
    center.record_each_for_seconds(2);
    center.ask_to_end();
    wait_for("no new calls", || center.is_draining().then_some(()));
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
    let states: Vec<_> = center.listing("recordings").iter().map(|row| row["state"].clone()).collect();
    assert_eq!(states, ["sealed"; 12], "{}", center.log());
    assert_proven(&center, &public);
    drop(talkers);
    center.restart();
    assert!(center.recordings().iter().all(|row| row["state"] == "sealed"), "{:?}", center.recordings());
}

/// The recordings folder agrees with its manifests, as it stands.
fn assert_proven(center: &Center, public: &Path) {
    let mut verify = center.command("verify");
    let output = verify.arg("--folder").arg(center.folder.join("recordings")).arg("--public-key").arg(public);
    let output = output.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
}
