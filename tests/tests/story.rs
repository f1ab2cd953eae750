//! All that happened in one contact is read at once: by the API and at the command line.

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, wait_for};
use serde_json::Value;

/// A call that an agent answers; the contact's id and the recording.
fn a_talk(center: &Center) -> (String, Value) {
    let _agent = Phone::agent(center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(center, "alice", CUSTOMER_HZ);
    center.wait_for_seat("1001");
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    (contact["id"].as_str().expect("an id").to_owned(), recording)
}

fn show(center: &Center, contact: &str, arguments: &[&str], language: &str) -> (bool, String) {
    let mut command = center.command("contacts");
    command.args(["show", contact]).args(arguments).env("HOTLINE_LANG", language);
    let output = command.output().expect("hotline runs");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

fn types(records: &[Value]) -> Vec<&str> {
    records.iter().map(|record| record["event"]["type"].as_str().expect("a type")).collect()
}

#[test]
fn a_contact_is_one_story_from_its_first_ring_to_whoever_listened_later() {
    let center = Center::start();
    let (contact, recording) = a_talk(&center);
    assert_eq!(center.audio_with(&center.make_token("qa"), &recording, "", "").status, 200);
    let hold = center
        .command("legal-hold")
        .args(["set", &contact, "--reason", "case 7", "--person", "Lin"])
        .status();
    assert!(hold.expect("hotline runs").success());
    // The quality of the legs is measured when they are closed.
    let story = wait_for("the whole story", || {
        let Value::Array(story) = center.one(&format!("contacts/{contact}/events")) else { return None };
        let measured = types(&story).iter().filter(|kind| **kind == "quality_measured").count();
        (measured == 2).then_some(story)
    });
    let told = types(&story);
    let order = [
        "contact_started",
        "recording_opened",
        "contact_answered",
        "queue_entered",
        "offer_made",
        "offer_ended",
        "queue_left",
        "segment_started",
        "segment_ended",
        "contact_ended",
        "recording_listened",
        "legal_hold_set",
    ];
    let at: Vec<usize> = order
        .iter()
        .map(|kind| told.iter().position(|one| one == kind).unwrap_or_else(|| panic!("{kind} in {told:?}")))
        .collect();
    assert!(at.is_sorted(), "{told:?}");
    assert!(!told.contains(&"agent_changed"), "an agent's story is another one");
    let by = |kind: &str| story[told.iter().position(|one| *one == kind).unwrap()]["by"].clone();
    assert!(by("recording_listened")["token"].as_str().unwrap().starts_with("qa-"));
    assert!(by("legal_hold_set")["token"].as_str().unwrap().starts_with("command-line"));
    assert_eq!(by("contact_ended"), Value::Null);

    // No other number of the log is missing: what the API appended stands between what the center did.
    let seqs: Vec<u64> = center.events().iter().map(|record| record["seq"].as_u64().unwrap()).collect();
    assert_eq!(seqs, (1..=seqs.len() as u64).collect::<Vec<_>>());

    let (shown, text) = show(&center, &contact, &[], "zh");
    assert!(shown, "{text}");
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines.len(), story.len() + 1, "{text}");
    assert!(lines[0].starts_with("时间") && lines[0].contains("操作者"), "{text}");
    assert!(lines[1].contains("来电") && lines[1].contains("+08:00"), "{text}");
    assert!(
        text.contains("进入队列") && text.contains("队列 inquiry") && text.contains("原因 case 7"),
        "{text}"
    );
    let (_, text) = show(&center, &contact, &[], "en");
    assert!(text.contains("queue_entered") && text.contains("end caller/hung_up/answered"), "{text}");
    let (_, json) = show(&center, &contact, &["--json"], "en");
    assert_eq!(serde_json::from_str::<Vec<Value>>(&json).expect("JSON"), story);

    let unknown = "c0000000000000";
    assert_eq!(center.get_as("viewer", &format!("contacts/{unknown}/events")).0, 404);
    assert_eq!(center.get_as("agent", &format!("contacts/{contact}/events")).0, 403);
    let (shown, text) = show(&center, unknown, &[], "en");
    assert!(!shown && text.contains("there is no contact"), "{text}");
}
