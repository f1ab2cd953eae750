//! Customers press what nobody may see: a telephone's keys are found nowhere.

use std::fs;
use std::path::{Path, PathBuf};

use hotline_tests::Heard::{Silence, Tone};
use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, heard};
use serde_json::{Value, json};

const CARD: &str = "72946183";

#[test]
fn a_card_number_pressed_for_an_agent_is_handed_over_once_and_is_nowhere_else() {
    let center = Center::start();
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(3);
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/secure-input", contact["id"].as_str().expect("a contact has an id"));
    assert_eq!(center.post(&path, ""), 204);
    press_all(&center, &mut customer, CARD);
    assert_eq!(center.get_as("payment", &path).0, 409, "it goes on");
    customer.press('#');
    let ended = center.wait_for_events("secure_input_ended", 1);
    assert_eq!((&ended[0]["digits"], &ended[0]["how"]), (&json!(CARD.len()), &json!("complete")));
    assert_eq!(center.get_as("supervisor", &path).0, 403);
    let (status, body) = center.get_as("payment", &path);
    let body: Value = serde_json::from_str(&body).expect("the center prints JSON");
    assert_eq!((status, &body["keys"]), (200, &json!(CARD)));
    assert_eq!(center.get_as("payment", &path).0, 409, "it is forgotten");
    center.record_for_seconds(4);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let masked = heard(&center.recording_file(&recording), 1, CUSTOMER_HZ);
    assert!(masked.ends_with(&[Tone, Silence, Tone]), "{masked:?}");
    let shielded = heard(&agent.heard(), 1, CUSTOMER_HZ);
    assert!(shielded.ends_with(&[Tone, Silence, Tone]), "{shielded:?}");
    assert_pressed_nowhere(&center, 1);
    let gaps = recording["gaps"].as_array().expect("a recording has gaps");
    assert!(gaps.iter().any(|gap| gap.to_string().contains("secure input")), "{gaps:?}");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_secret_node_of_a_flow_counts_keys_and_tells_none() {
    let node = "next = \"card\"\n\n[nodes.card]\nkind = \"collect\"\nsecret = true\nprompts = [\"menu\"]\n\
                min_digits = 8\nmax_digits = 19\nnext = \"menu\"\notherwise = \"inquiry\"\n";
    let center = Center::start_with(&[("flows/main.toml", "next = \"menu\"\n", node)]);
    let _agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    center.wait_for_events("secure_input_started", 1);
    press_all(&center, &mut customer, CARD);
    customer.press('#');
    let ended = center.wait_for_events("secure_input_ended", 1);
    assert_eq!((&ended[0]["node"], &ended[0]["digits"]), (&json!("card"), &json!(CARD.len())));
    center.record_for_seconds(2);
    customer.press('1');
    center.talk_for_seconds(3);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let left = heard(&center.recording_file(&recording), 1, CUSTOMER_HZ);
    assert!(left.ends_with(&[Silence, Tone]), "{left:?}");
    assert_pressed_nowhere(&center, 1);
    center.assert_rows_and_files_agree();
}

/// Presses keys a second of the recording apart, as people do.
fn press_all(center: &Center, customer: &mut Phone, keys: &str) {
    for key in keys.chars() {
        customer.press(key);
        center.record_for_seconds(1);
    }
}

/// Events, journal, spool, database, recordings and log hold the number nowhere, and but `others` keys at all.
fn assert_pressed_nowhere(center: &Center, others: usize) {
    assert_eq!(center.events_of_type("digit_pressed").len(), others);
    let mut files = vec![center.folder.join("center.log")];
    files.extend(files_in(&center.folder.join("data")));
    files.extend(files_in(&center.folder.join("recordings")));
    assert!(files.len() >= 4, "{files:?}");
    for file in files {
        let bytes = fs::read(&file).expect("a file of the story can be read");
        let found = bytes.windows(CARD.len()).any(|part| part == CARD.as_bytes());
        assert!(!found, "{} holds the number", file.display());
    }
}

fn files_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).expect("a folder of the story can be read");
    let paths = entries.map(|entry| entry.expect("an entry can be read").path());
    paths.flat_map(|path| if path.is_dir() { files_in(&path) } else { vec![path] }).collect()
}
