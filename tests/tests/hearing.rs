//! Supervisors and recordings.

use hotline_tests::{Center, Phone};
use serde_json::Value;

/// A sealed recording of a talk with agent 1001, whose contact came by the queue `inquiry`.
fn a_talk(center: &Center) -> Value {
    let _agent = Phone::agent(center, "1001", 880);
    center.wait_for_seat("1001");
    let mut customer = Phone::customer(center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    customer.hang_up();
    center.wait_until_sealed(1).remove(0)
}

/// A new token of a supervisor who leads the queues of this agent.
fn leader(center: &Center, agent: &str) -> String {
    let mut command = center.command("token");
    let output =
        command.args(["create", "--role", "supervisor", "--agent", agent]).output().expect("hotline runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

#[test]
fn supervisors_hear_nothing_unless_the_configuration_says_so() {
    let center = Center::start();
    let recording = a_talk(&center);
    assert_eq!(center.audio_with(&leader(&center, "1001"), &recording, "", "").status, 403);
    assert!(center.events_of_type("recording_listened").is_empty());
}

#[test]
fn supervisors_hear_their_own_queues_and_each_listening_is_an_event() {
    let policy = ("hotline.toml", "# supervisors_hear = \"nothing\" ", "supervisors_hear = \"own_queues\" ");
    let stranger = ("agents.toml", "[[agent]]\nid = \"1001\"", STRANGER);
    let center = Center::start_with(&[policy, stranger]);
    let recording = a_talk(&center);
    let heard = center.audio_with(&leader(&center, "1001"), &recording, "", "");
    assert_eq!((heard.status, heard.body.get(..4)), (200, Some(&b"RIFF"[..])), "{}", heard.head);
    center.wait_for_events("recording_listened", 1);
    let records = center.records_of_type("recording_listened");
    let by = records[0]["by"]["token"].as_str().expect("a token's name");
    assert!(by.starts_with("supervisor-"), "{by}");
    assert_eq!(center.audio_with(&leader(&center, "5001"), &recording, "", "").status, 403);
    assert_eq!(center.audio_with(&center.make_token("supervisor"), &recording, "", "").status, 403);
}

/// An agent of another queue, and the head of the one it is put before.
const STRANGER: &str = "[[agent]]\nid = \"5001\"\npassword = \"sample-5001\"\nqueues = [\"complaint\"]\n\n[[agent]]\nid = \"1001\"";
