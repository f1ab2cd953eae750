//! A database from an older copy: said, numbered on, signed, and its lost recordings brought back.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::process::Output;

use hotline_tests::{Center, Phone, wait_for};
use serde_json::Value;

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn run(center: &Center, name: &str, arguments: &[&str]) -> Output {
    center.command(name).args(arguments).output().unwrap()
}

/// Calls, each recorded and sealed; the center has then `sealed` of them in all.
fn call(center: &Center, customer: &mut Phone, sealed: usize) {
    customer.dial("8000");
    center.record_for_seconds(1);
    customer.hang_up();
    center.wait_until_sealed(sealed);
}

fn stop(center: &mut Center) {
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
}

fn prove(center: &Center) -> Output {
    let folder = center.folder.join("recordings").display().to_string();
    let key = center.folder.join("public.pem").display().to_string();
    run(center, "verify", &["--folder", &folder, "--public-key", &key])
}

#[test]
fn a_database_from_an_older_copy_signs_what_is_new_and_gets_back_what_it_lost() {
    let mut center = Center::start();
    fs::write(center.folder.join("public.pem"), run(&center, "recordings", &["key"]).stdout).unwrap();
    let mut customer = Phone::customer(&center, "alice", 440);
    call(&center, &mut customer, 1);
    stop(&mut center);
    let (database, copy) = (center.folder.join("data/hotline.db"), center.folder.join("copy.db"));
    fs::copy(&database, &copy).unwrap();
    center.restart();
    call(&center, &mut customer, 2);
    call(&center, &mut customer, 3);
    let newest = newest_event(&center);
    stop(&mut center);
    fs::copy(&copy, &database).unwrap();
    for ending in ["-wal", "-shm"] {
        let _ = fs::remove_file(format!("{}{ending}", database.display()));
    }
    // Nothing but the manifests knows of the newest numbers.
    let _ = fs::remove_file(center.folder.join("data/journal.reached"));
    center.restart();
    for part in ["restored from an older copy", "hotline recordings adopt"] {
        center.wait_for_log(part);
    }
    call(&center, &mut customer, 2);
    wait_for("the new recording in the manifest", || prove(&center).status.success().then_some(()));
    assert!(said(&prove(&center)).contains("4 entries"), "{}", said(&prove(&center)));
    assert!(newest_event(&center) > newest, "numbers go on above the highest");
    let differing = run(&center, "verify", &[]);
    assert_eq!(said(&differing).matches("no recording has this file").count(), 2, "{}", said(&differing));
    let running = run(&center, "recordings", &["adopt"]);
    assert!(
        !running.status.success() && said(&running).contains("in use by another center"),
        "{}",
        said(&running)
    );
    stop(&mut center);
    adopt_and_prove(&mut center);
}

fn adopt_and_prove(center: &mut Center) {
    let listed = run(center, "recordings", &["adopt", "--dry-run", "--json"]);
    let rows: Vec<Value> =
        serde_json::from_slice(&listed.stdout).unwrap_or_else(|_| panic!("{}", said(&listed)));
    assert_eq!(rows.iter().map(|row| row["from"].clone()).collect::<Vec<_>>(), ["manifest"; 2], "{rows:?}");
    assert!(!run(center, "verify", &[]).status.success(), "a dry run changes nothing");
    let adopted = run(center, "recordings", &["adopt"]);
    assert!(adopted.status.success(), "{}", said(&adopted));
    center.assert_rows_and_files_agree();
    assert!(center.listing("recordings").iter().all(|row| row["state"] == "sealed"));
    let again = run(center, "recordings", &["adopt", "--json"]);
    assert_eq!(String::from_utf8_lossy(&again.stdout).trim(), "[]");
    center.restart();
    wait_for("the adopted in the manifest", || {
        let proven = prove(center);
        (proven.status.success() && said(&proven).contains("6 entries")).then_some(())
    });
}

#[test]
fn a_file_that_no_row_and_no_manifest_knows_is_adopted_as_not_proven() {
    let mut center = Center::start();
    let mut customer = Phone::customer(&center, "alice", 440);
    call(&center, &mut customer, 1);
    let row = center.recordings().remove(0);
    stop(&mut center);
    // The whole database is lost, and the manifests are.
    fs::remove_dir_all(center.folder.join("data")).unwrap();
    let file = center.recording_file(&row);
    fs::remove_file(file.with_file_name("manifest.jsonl")).unwrap();
    fs::remove_file(center.folder.join("recordings/manifest.head")).unwrap();
    fs::copy(&file, center.folder.join("recordings/holiday.wav")).unwrap();
    let adopted = run(&center, "recordings", &["adopt"]);
    assert!(!adopted.status.success(), "one was left alone: {}", said(&adopted));
    assert!(said(&adopted).contains("holiday.wav"), "{}", said(&adopted));
    let back = center.listing("recordings").remove(0);
    assert_eq!((&back["state"], &back["sha256"]), (&"damaged".into(), &row["sha256"]), "{back}");
    assert_eq!((&back["contact_id"], &back["duration_ms"]), (&row["contact_id"], &row["duration_ms"]));
}

fn newest_event(center: &Center) -> u64 {
    center.events().last().and_then(|event| event["seq"].as_u64()).expect("there are events")
}
