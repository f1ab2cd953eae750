//! A backup of a running center, put back elsewhere, is a center.

// A failure here is a failure of the test; clippy sees tests only where `#[test]` is.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use hotline_tests::{Center, Database, Phone, wait_for};

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn well(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", said(&output));
    said(&output)
}

fn refused(mut command: Command) -> String {
    let output = command.output().unwrap();
    assert!(!output.status.success(), "{}", said(&output));
    said(&output)
}

fn call(center: &Center, customer: &mut Phone, sealed: usize) {
    customer.dial("8000");
    center.record_for_seconds(1);
    customer.hang_up();
    center.wait_until_sealed(sealed);
}

fn backup(center: &Center, to: &Path, recordings: bool) -> Command {
    let mut command = center.command("backup");
    command.arg(to).args(recordings.then_some("--with-recordings"));
    command
}

/// `hotline restore --verify` into folders of their own.
fn restore(center: &Center, from: &Path, to: &Path) -> Command {
    let mut command = center.bare_command("restore");
    command
        .arg(from)
        .arg("--verify")
        .arg("--config")
        .arg(to.join("config"))
        .arg("--prompts")
        .arg(to.join("prompts"));
    command.arg("--data").arg(to.join("data")).arg("--recordings").arg(to.join("recordings"));
    command
}

#[test]
fn a_backup_of_a_running_center_is_restored_elsewhere_and_verified() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "alice", 440);
    call(&center, &mut customer, 1);
    // One that goes on during the backup.
    customer.dial("8000");
    wait_for("two recordings", || (center.recordings().len() == 2).then_some(()));
    let saved = center.folder.join("saved");
    well(backup(&center, &saved, true));
    assert!(refused(backup(&center, &saved, true)).contains("not empty"));
    let mode = std::os::unix::fs::PermissionsExt::mode(&fs::metadata(&saved).unwrap().permissions());
    assert_eq!(mode & 0o077, 0, "{mode:o}: it holds keys");
    customer.hang_up();
    center.wait_until_sealed(2);
    let to = center.folder.join("elsewhere");
    assert!(well(restore(&center, &saved, &to)).contains("Verified"));
    assert!(refused(restore(&center, &saved, &to)).contains("there already"), "nothing is overwritten");
    for file in ["data/recordings.key", "data/hotline.db", "config/hotline.toml", "prompts/README.md"] {
        assert!(to.join(file).exists(), "{file}");
    }
    let same_key = fs::read(to.join("data/recordings.key")).unwrap();
    assert_eq!(same_key, fs::read(center.folder.join("data/recordings.key")).unwrap());
    // Into the folders of the center itself, which runs.
    let mut own = center.command("restore");
    own.arg(&saved);
    assert!(refused(own).contains("in use by another center"));
}

#[test]
fn a_damaged_or_unfinished_backup_restores_nothing() {
    let center = Center::start();
    let saved = center.folder.join("saved");
    well(backup(&center, &saved, false));
    let to = center.folder.join("elsewhere");
    let agents = saved.join("config/agents.toml");
    let before = fs::read(&agents).unwrap();
    fs::write(&agents, [before.as_slice(), b"#"].concat()).unwrap();
    let text = refused(restore(&center, &saved, &to));
    assert!(text.contains("agents.toml: altered"), "{text}");
    assert!(!to.join("config").exists(), "nothing was restored");
    fs::write(&agents, before).unwrap();
    fs::rename(saved.join("backup.json"), saved.join("away.json")).unwrap();
    assert!(refused(restore(&center, &saved, &to)).contains("no whole backup"));
    fs::rename(saved.join("away.json"), saved.join("backup.json")).unwrap();
    let text = well(restore(&center, &saved, &to));
    assert!(text.contains("no recordings are here"), "{text}");
}

#[test]
fn a_postgres_database_is_dumped_and_filled() {
    let (Some(database), Some(other)) = (Database::create(), Database::create()) else { return };
    let change = database.change();
    let center = Center::start_with(&[(change.0, change.1, &change.2)]);
    let mut customer = Phone::customer(&center, "alice", 440);
    call(&center, &mut customer, 1);
    let saved = center.folder.join("saved");
    well(backup(&center, &saved, false));
    // The same configuration with another database, as after a move.
    let file = saved.join("config/hotline.toml");
    let text = fs::read_to_string(&file).unwrap().replace(&change.2, &other.change().2);
    relist(&saved, &file, &text);
    let to = center.folder.join("elsewhere");
    well(restore(&center, &saved, &to));
    assert_eq!(other.query("SELECT COUNT(*) FROM recordings"), "1");
    let again = center.folder.join("again");
    assert!(refused(restore(&center, &saved, &again)).contains("pg_restore failed"));
}

/// Changes a file of a backup and its line in the listing.
fn relist(saved: &Path, file: &Path, text: &str) {
    fs::write(file, text).unwrap();
    let listing = saved.join("backup.json");
    let mut json: serde_json::Value = serde_json::from_str(&fs::read_to_string(&listing).unwrap()).unwrap();
    let sum = Command::new("sha256sum").arg(file).output().unwrap();
    let sum = String::from_utf8_lossy(&sum.stdout).split(' ').next().unwrap().to_owned();
    let files = json["files"].as_array_mut().unwrap();
    let entry = files.iter_mut().find(|entry| entry["name"] == "hotline.toml").unwrap();
    entry["sha256"] = sum.into();
    fs::write(&listing, json.to_string()).unwrap();
}
