//! A supervisor listens, whispers, barges in and takes over: who hears whom, and what the recording holds.

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, THIRD_HZ, Voices, assert_heard};
use serde_json::json;

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const BOSS: Voices = [false, false, true];

#[test]
fn a_supervisor_listens_whispers_barges_in_and_takes_over() {
    let center = Center::start();
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut boss = Phone::agent(&center, "2001", THIRD_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(3);
    for mode in ["listen", "whisper", "barge", "take_over"] {
        let body = json!({ "seat": "2001", "mode": mode, "agent": "1001" }).to_string();
        assert_eq!(center.post("supervisions", &body), 204, "{mode}");
        center.wait_for_events("guest_joined", 1);
        center.record_for_seconds(3);
    }
    boss.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "2001");
    let recording = center.wait_for_recording("sealed");
    let both = |one: Voices, other: Voices| [0, 1, 2].map(|index: usize| one[index] || other[index]);
    let whole = [AGENT, both(AGENT, BOSS), BOSS];
    assert_heard(&customer.heard(), 1, &whole);
    assert_heard(&agent.heard(), 1, &[CUSTOMER, both(CUSTOMER, BOSS)]);
    assert_heard(&boss.heard(), 1, &[both(CUSTOMER, AGENT), CUSTOMER]);
    let file = center.recording_file(&recording);
    assert_heard(&file, 1, &[CUSTOMER]);
    assert_heard(&file, 2, &whole);
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agent_asks_a_colleague_in_and_leaves_and_the_call_goes_on() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(3);
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/parties", contact["id"].as_str().expect("a contact has an id"));
    assert_eq!(center.post(&path, &json!({ "seat": "2001" }).to_string()), 204);
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    agent.hang_up();
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let whole = [AGENT, [false, true, true], BOSS];
    assert_heard(&customer.heard(), 1, &whole);
    assert_heard(&center.recording_file(&recording), 2, &whole);
    center.assert_rows_and_files_agree();
}

#[test]
fn whoever_was_in_a_conversation_when_the_process_died_has_left_it_in_the_log() {
    let mut center = Center::start();
    let _agent = Phone::agent(&center, "1001", AGENT_HZ);
    let _boss = Phone::agent(&center, "2001", THIRD_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    let body = json!({ "seat": "2001", "mode": "listen", "agent": "1001" }).to_string();
    assert_eq!(center.post("supervisions", &body), 204);
    center.wait_for_events("guest_joined", 1);
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/secure-input", contact["id"].as_str().expect("a contact has an id"));
    assert_eq!(center.post(&path, ""), 204);
    center.wait_for_events("secure_input_started", 1);
    center.kill();
    center.restart();

    center.wait_for_contact("/end/cause", "crashed");
    let left = center.wait_for_events("guest_left", 1);
    assert_eq!((&left[0]["guest"], &left[0]["how"]), (&json!("2001"), &json!("call_ended")));
    let ended = center.wait_for_events("secure_input_ended", 1);
    assert_eq!(ended[0]["how"], "call_ended");
    center.assert_rows_and_files_agree();
}
