//! Power cuts, shutdowns and strangers.

use std::time::Instant;

use hotline_tests::{Center, Phone, wait_for};

#[test]
fn a_recording_survives_a_power_cut_in_mid_call() {
    let mut center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    let recording = center.wait_for_recording("open");
    let recorded_since = Instant::now();
    center.wait_for_contact("/agent", "1001");
    let file = center.recording_file(&recording);
    // Ten seconds of two channels at 8 kHz and 16 bits.
    wait_for("ten seconds in the file", || (file.metadata().ok()?.len() > 320_000).then_some(()));
    let recorded_ms = recorded_since.elapsed().as_millis() as u64;
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
fn a_seat_with_a_wrong_password_stays_out() {
    let center = Center::start();
    let stranger = Phone::seat(&center, "1001", "guess", 880);
    // The telephone guesses on until its address is turned away for a while, whatever it says next.
    wait_for("the refusal", || stranger.log().contains("503 Service Unavailable").then_some(()));
    assert!(center.log().contains("wrong password"), "{}", center.log());
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
    wait_for("the drain", || center.log().contains("Draining").then_some(()));
    late.begin_to_dial("8000");
    wait_for("the late caller's refusal", || late.log().contains("503 ").then_some(()));
    customer.hang_up();

    assert!(center.wait_for_end().success(), "{}", center.log());
    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert!(center.recordings().iter().all(|row| row["state"] == "sealed"), "{:?}", center.recordings());
    center.assert_rows_and_files_agree();
}
