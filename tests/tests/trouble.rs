//! Sudden deaths, shutdowns and strangers.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use hotline_tests::{Center, Phone, wait_for};
use serde_json::Value;

#[test]
fn a_recording_survives_the_death_of_the_process_in_mid_call() {
    let mut center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    let recording = center.wait_for_recording("open");
    center.wait_for_contact("/agent", "1001");
    let file = center.recording_file(&recording);
    // Five seconds of two channels at 8 kHz and 16 bits.
    wait_for("five seconds in the file", || (file.metadata().ok()?.len() > 160_000).then_some(()));
    // A write has just happened; cut shortly before the next one that could show it.
    let written = Instant::now();
    wait_for("a bad moment", || (written.elapsed() >= Duration::from_millis(350)).then_some(()));
    let recorded_ms = ms_since(&recording["opened_at"]);
    center.kill();
    center.restart();

    let recording = center.wait_for_recording("damaged");
    let kept_ms = recording["duration_ms"].as_u64().unwrap();
    println!("{kept_ms} ms kept of {recorded_ms} ms");
    assert!(kept_ms + 1_500 >= recorded_ms, "{kept_ms} ms are left of {recorded_ms} ms");
    let contact = center.wait_for_contact("/end/cause", "crashed");
    assert_eq!(contact["agent"], "1001");
    center.assert_rows_and_files_agree();
}

#[test]
fn an_idle_center_ends_at_once_when_asked() {
    let mut center = Center::start();
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
    center.restart();
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
}

#[test]
fn a_seat_is_reachable_again_after_a_kill_and_after_a_restart() {
    let mut center = Center::start();
    let agent = Phone::agent(&center, "1001", 880);
    // What the disk took last is what comes back.
    let file = center.folder.join("data/registrations.json");
    let kept = || std::fs::read_to_string(&file).ok();
    wait_for("the registration on disk", || kept()?.contains("sip:1001").then_some(()));
    let online = |center: &Center, times: usize| {
        let lines = || center.log().matches("1001 online=true").count();
        wait_for("the seat", || (lines() == times).then_some(()));
    };
    online(&center, 1);
    // The telephone is killed and says nothing any more: what comes back is what was kept.
    drop(agent);
    center.kill();
    center.restart();
    online(&center, 2);
    center.ask_to_end();
    assert!(center.wait_for_end().success(), "{}", center.log());
    center.restart();
    online(&center, 3);
}

#[test]
fn a_seat_with_a_wrong_password_stays_out() {
    let center = Center::start();
    let stranger = Phone::seat(&center, "1001", "guess", 880);
    // The telephone guesses on until its address is turned away for a while, whatever it says next.
    wait_for("the refusal", || stranger.log().contains("503 Service Unavailable").then_some(()));
    center.wait_for_log("wrong password");
    assert!(!center.log().contains("online=true"), "{}", center.log());
}

#[test]
fn a_strangers_guesses_do_not_disturb_a_seat_that_is_known() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", 880);
    let stranger = Phone::seat(&center, "1002", "guess", 1_200);
    wait_for("the refusal", || stranger.log().contains("503 Service Unavailable").then_some(()));
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    agent.hang_up();
    center.wait_for_contact("/end/class", "answered");
}

#[test]
fn a_center_asked_to_end_lets_the_talk_finish_and_takes_no_other() {
    let mut center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    let mut late = Phone::customer(&center, "bob", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.ask_to_end();
    center.wait_for_log("Draining");
    late.begin_to_dial("8000");
    wait_for("the late caller's refusal", || late.log().contains("503 ").then_some(()));
    customer.hang_up();

    assert!(center.wait_for_end().success(), "{}", center.log());
    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert!(center.recordings().iter().all(|row| row["state"] == "sealed"), "{:?}", center.recordings());
    center.assert_rows_and_files_agree();
}

/// Milliseconds from a row's time (`2026-11-23T05:57:14.884Z`) until now; less than a day.
fn ms_since(time: &Value) -> u64 {
    const DAY_MS: u64 = 86_400_000;
    let (_, clock) =
        time.as_str().and_then(|text| text.trim_end_matches('Z').split_once('T')).expect("a row's time");
    let parts: Vec<f64> = clock.split(':').map(|part| part.parse().expect("a number")).collect();
    let [hours, minutes, seconds] = parts[..] else { panic!("not a time: {time}") };
    let then_ms = ((hours * 3_600.0 + minutes * 60.0 + seconds) * 1_000.0).round() as u64;
    let now_ms =
        SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_millis() as u64 % DAY_MS;
    (now_ms + DAY_MS - then_ms) % DAY_MS
}
