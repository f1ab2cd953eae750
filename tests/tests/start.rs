//! A start that cannot do its job says so: each failure is one line with its name, its reason and the next step, in
//! both languages, all at once; and what is missing later is named by `/readyz`.

use std::fs;
use std::net::{TcpListener, UdpSocket};
use std::path::Path;
use std::process::Command;

use hotline_tests::{Center, Phone, wait_for};
use serde_json::{Value, json};

const LOOPBACK: &str = "127.0.0.1";

/// Asserts that the center ended with 1, without a panic, and that one line begins with each of these names and holds
/// the text and something in Chinese.
fn assert_refused((code, said): (Option<i32>, String), failures: &[(&str, &str)]) {
    assert_eq!(code, Some(1), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    for (name, text) in failures {
        let lines: Vec<_> = said.lines().filter(|line| line.starts_with(&format!("{name}: "))).collect();
        let [line] = lines[..] else { panic!("{} lines of {name}: {said}", lines.len()) };
        assert!(line.contains(text), "{text}: {line}");
        assert!(line.chars().any(|sign| ('\u{4e00}'..='\u{9fff}').contains(&sign)), "{line}");
    }
    // A warning is a line of the log: another program may hold one of the ports.
    let is_failure = |line: &&str| line.contains(": ") && line.contains('；') && !line.contains(" WARN ");
    assert_eq!(said.lines().filter(is_failure).count(), failures.len(), "{said}");
}

/// A file system in memory, until it is dropped.
struct Mounted(std::path::PathBuf);

impl Mounted {
    /// `None` where this user may not mount.
    fn tmpfs(options: &str, folder: &Path) -> Option<Mounted> {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(folder).output();
        let mounted = mount.is_ok_and(|output| output.status.success());
        mounted.then(|| Mounted(folder.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn a_recordings_folder_that_takes_nothing_is_refused() {
    let refused = Center::refused(&[], |folder, _| fs::write(folder.join("recordings"), "").expect("a file"));
    assert_refused(refused, &[("recordings", "recordings cannot be written: a file stands in its place")]);
    // Nobody, root neither, makes a folder in /proc.
    let refused = Center::refused(&[], |folder, _| {
        std::os::unix::fs::symlink("/proc/self/none", folder.join("recordings")).expect("a link");
    });
    assert_refused(refused, &[("recordings", "it cannot be made")]);
}

#[test]
fn a_recordings_folder_on_a_disk_that_is_mounted_to_be_read_is_refused() {
    let mut mounted = false;
    let refused = Center::refused(&[], |folder, _| {
        let recordings = folder.join("recordings");
        fs::create_dir_all(&recordings).expect("a folder");
        let mount = Mounted::tmpfs("ro", &recordings);
        mounted = mount.is_some();
        if !mounted {
            eprintln!(
                "this user may not mount: the story is about a file in the place of the folder instead"
            );
            fs::remove_dir(&recordings).and_then(|()| fs::write(&recordings, "")).expect("a file");
        }
        mount
    });
    let reason = if mounted { "Read-only file system" } else { "a file stands in its place" };
    assert_refused(refused, &[("recordings", reason)]);
}

#[test]
fn ports_that_are_taken_are_all_named() {
    let refused = Center::refused(&[], |_, [sip, http, rtp]| {
        let tcp = [sip, http].map(|port| TcpListener::bind((LOOPBACK, port)).expect("a port"));
        let udp: Vec<_> = (sip..=sip)
            .chain(rtp..rtp + 300)
            .map(|port| UdpSocket::bind((LOOPBACK, port)).expect("a port"))
            .collect();
        (tcp, udp)
    });
    let in_use = "Address already in use";
    assert_refused(refused, &[("sip_udp", in_use), ("sip_tcp", in_use), ("http", in_use), ("rtp", in_use)]);
}

#[test]
fn a_database_that_cannot_be_used_is_named_with_its_cause() {
    type Prepare = fn(&Path);
    let cases: [(&str, Prepare, &str); 4] = [
        ("", |data| fs::write(data.join("hotline.db"), vec![0x5a; 8_192]).expect("a file"), "damaged"),
        ("", |data| fs::create_dir(data.join("hotline.db")).expect("a folder"), "Is a directory"),
        ("mysql://root:secret@db/hotline", |_| {}, "sqlite:"),
        ("postgres://hotline:secret@127.0.0.1:1/calls", |_| {}, "PostgreSQL 127.0.0.1:1/calls: "),
    ];
    for (url, prepare, reason) in cases {
        let refused = Center::refused(&[], |folder, _| {
            fs::create_dir_all(folder.join("data")).expect("a folder");
            prepare(&folder.join("data"));
            if !url.is_empty() {
                let file = folder.join("config/hotline.toml");
                let text = fs::read_to_string(&file).expect("the sample");
                let text = text.replace("[store]", &format!("[store]\nurl = \"{url}\""));
                fs::write(&file, text).expect("a file");
            }
        });
        assert!(!refused.1.contains("secret"), "{}", refused.1);
        // The configuration's own check may name an unknown kind before.
        if url.starts_with("mysql") && refused.1.contains("hotline.toml:") {
            assert_eq!(refused.0, Some(1));
            continue;
        }
        assert_refused(refused, &[("database", reason)]);
    }
}

#[test]
fn a_database_of_a_later_version_is_left_alone() {
    let mut center = Center::start();
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    let database = center.folder.join("data/hotline.db");
    let script = "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1])\n\
                  c.execute(\"INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
                  VALUES (9999, 'later', 1, x'00', 0)\")\nc.commit()";
    let made = Command::new("python3").args(["-c", script]).arg(&database).status();
    if !made.is_ok_and(|status| status.success()) {
        return eprintln!("python3 with sqlite3 is missing: the story is left out");
    }
    let output = center.command("serve").args(["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]).output();
    let output = output.expect("hotline runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_refused((output.status.code(), said), &[("database", "schema 9999")]);
}

#[test]
fn every_failure_is_said_at_once() {
    let refused = Center::refused(&[], |folder, [_, http, _]| {
        fs::write(folder.join("recordings"), "").expect("a file");
        fs::create_dir_all(folder.join("data")).expect("a folder");
        fs::write(folder.join("data/hotline.db"), "no database at all, of whatever length").expect("a file");
        TcpListener::bind((LOOPBACK, http)).expect("a port")
    });
    assert_refused(
        refused,
        &[("recordings", "a file"), ("database", "hotline.db"), ("http", "already in use")],
    );
}

#[test]
fn a_second_center_on_the_same_data_folder_names_the_first() {
    let center = Center::start();
    let output = center.command("serve").args(["--sip", "127.0.0.1:0", "--http", "127.0.0.1:0"]).output();
    let output = output.expect("hotline runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_refused((output.status.code(), said), &[("data_folder", "a center runs on")]);
}

#[test]
fn readiness_names_the_folder_that_fails_and_is_well_again_with_it() {
    let center = Center::start();
    let (recordings, aside) = (center.folder.join("recordings"), center.folder.join("aside"));
    fs::rename(&recordings, &aside).expect("the folder is there");
    fs::write(&recordings, "").expect("a file");
    let not_ready = |names: Value| {
        wait_for(&format!("{names} to be not ready"), || {
            let (status, told) = center.readiness();
            (told["not_ready"] == names && (status == 200) == told["ready"].as_bool()?).then_some(told)
        })
    };
    let told = not_ready(json!(["recordings"]));
    let check = told["checks"]
        .as_array()
        .and_then(|all| all.iter().find(|check| check["name"] == "recordings").cloned());
    let check = check.expect("it is listed");
    assert!(
        check["reason_en"].as_str().is_some_and(|reason| reason.contains("cannot be written")),
        "{check}"
    );
    assert!(check["reason_zh"].as_str().is_some_and(|reason| reason.contains("无法写入")), "{check}");
    fs::remove_file(&recordings).and_then(|()| fs::rename(&aside, &recordings)).expect("ours");
    not_ready(json!([]));
}

#[test]
fn readiness_names_the_database_that_is_away_and_each_part_that_lives() {
    let center = Center::start();
    let (status, told) = center.readiness();
    assert_eq!(status, 200, "{told}");
    let names: Vec<_> =
        told["checks"].as_array().expect("a list").iter().map(|check| check["name"].clone()).collect();
    for name in
        ["sip_shard_0", "sip_shard_1", "registrar", "center", "media_0", "database", "recordings", "data"]
    {
        assert!(names.contains(&json!(name)), "{name}: {told}");
    }
    let database = center.folder.join("data/hotline.db");
    fs::rename(&database, center.folder.join("data/away.db")).expect("the file is there");
    wait_for("the database to be missed", || {
        (center.readiness().1["not_ready"] == json!(["database"])).then_some(())
    });
    fs::rename(center.folder.join("data/away.db"), &database).expect("ours");
    wait_for("the database to be back", || (center.readiness().0 == 200).then_some(()));
}

#[test]
fn doctor_finds_the_ports_of_the_running_center_ours_and_estimates() {
    let center = Center::start();
    let (sip, http) = (center.sip(), center.http_address());
    let doctor = |http: &str| {
        let output = center.command("doctor").args(["--json", "--sip", &sip, "--http", http]).output();
        let output = output.expect("hotline runs");
        (
            output.status.success(),
            serde_json::from_slice::<Value>(&output.stdout).expect("hotline prints JSON"),
        )
    };
    let (sound, report) = doctor(&http);
    assert!(sound, "{report}");
    for name in ["sip_udp", "sip_tcp", "http"] {
        let check = report["checks"]
            .as_array()
            .and_then(|all| all.iter().find(|check| check["name"] == name).cloned());
        assert_eq!(check.expect("it is listed")["state"], "ours", "{report}");
    }
    let calls: Vec<_> = report["limits"]
        .as_array()
        .expect("a list")
        .iter()
        .filter_map(|limit| limit["calls"].as_u64())
        .collect();
    assert_eq!(report["recorded_calls"].as_u64(), calls.iter().min().copied(), "{report}");
    let held = TcpListener::bind((LOOPBACK, 0)).expect("a port");
    let other = held.local_addr().expect("it is bound").to_string();
    let (sound, report) = doctor(&other);
    assert!(!sound, "a stranger holds it: {report}");
}

#[test]
fn the_first_request_to_stop_says_for_how_many_calls_it_waits_and_how_long() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    center.record_for_seconds(1);
    center.ask_to_end();
    center.wait_for_log("waits for 1 call, at most 60 s");
    center.wait_for_log("calls=1 limit_s=60");
    customer.hang_up();
}

#[test]
fn a_full_disk_is_refused_at_the_start_and_named_later() {
    let mut mounted = false;
    let refused = Center::refused(&[], |folder, _| {
        let recordings = folder.join("recordings");
        fs::create_dir_all(&recordings).expect("a folder");
        let mount = Mounted::tmpfs("size=4m", &recordings);
        mounted = mount.is_some();
        mount.ok_or_else(|| fs::remove_dir(&recordings).and_then(|()| fs::write(&recordings, "")))
    });
    assert_refused(refused, &[("recordings", if mounted { "4 MB are free" } else { "a file stands" })]);
    if !mounted {
        return eprintln!("this user may not mount: the rest of the story is left out");
    }

    let mut center = Center::start();
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    let _disk = Mounted::tmpfs("size=40m", &center.folder.join("recordings")).expect("as before");
    center.restart();
    let said = |state: &str, name: &str| center.readiness().1[state] == json!([name]);
    wait_for("a warning of little room", || said("warnings", "recordings").then_some(()));
    fs::write(center.folder.join("recordings/other"), vec![0; 30 << 20]).expect("it has room");
    wait_for("too little room", || said("not_ready", "recordings").then_some(()));
    fs::remove_file(center.folder.join("recordings/other")).expect("ours");
    wait_for("room again", || (center.readiness().0 == 200).then_some(()));
}

#[test]
fn a_privileged_port_is_named_to_whom_may_not_have_it() {
    let center = Center::start();
    let mut serve = center.command("serve");
    serve.args(["--sip", "127.0.0.1:0", "--http", "127.0.0.1:1"]);
    let arguments: Vec<_> = serve.get_args().map(ToOwned::to_owned).collect();
    let mut nobody = Command::new("setpriv");
    nobody.args(["--reuid", "65534", "--clear-groups", "--inh-caps=-all", "--bounding-set=-all"]);
    nobody.arg(serve.get_program()).args(arguments).current_dir(serve.get_current_dir().expect("it has one"));
    let Ok(output) = nobody.output() else { return eprintln!("setpriv is missing: the story is left out") };
    let said = String::from_utf8_lossy(&output.stderr);
    if said.contains("setpriv: ") {
        return eprintln!("this user may not become another: the story is left out\n{said}");
    }
    assert!(said.contains("http: cannot listen for HTTP on 127.0.0.1:1: Permission denied"), "{said}");
    assert_eq!(output.status.code(), Some(1), "{said}");
}
