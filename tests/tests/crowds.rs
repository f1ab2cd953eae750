//! Many at once.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use hotline_tests::{Center, Sipp, assert_each_on_its_channel, wait_for};
use serde_json::Value;

#[test]
fn thirty_customers_at_once_are_all_answered_and_recorded() {
    const CUSTOMERS: usize = 30;
    let center = Center::start();
    Sipp::start(&center, "listens-and-leaves.xml", "u1", 30).assert_all_calls_went_well();

    for recording in &center.wait_until_sealed(CUSTOMERS) {
        let duration_ms = recording["duration_ms"].as_u64().unwrap();
        assert!((3_800..8_000).contains(&duration_ms), "a call of 4 s has {duration_ms} ms: {recording}");
    }
    let contacts = center.contacts();
    assert_eq!(contacts.len(), CUSTOMERS);
    assert!(contacts.iter().all(|contact| contact["answered_at"].is_string()), "{contacts:?}");
    center.assert_rows_and_files_agree();
}

#[test]
fn fifty_calls_at_once_are_talked_recorded_and_sealed() {
    const CALLS: usize = 50;
    let agents: Vec<String> = (0..CALLS).map(|nth| format!("{}", 5_000 + nth)).collect();
    let center = Center::start_with(&[("agents.toml", "[[agent]]\nid = \"1001\"", &also(&agents))]);
    let agents: Vec<&str> = agents.iter().map(String::as_str).collect();
    let mut seats = Sipp::seats(&center, &agents, "answers.xml", 50);
    let customers = Sipp::talkers(&center, 50);
    wait_for("fifty talks at once", || (talking(&center) == CALLS).then_some(()));
    center.record_each_for_seconds(3);
    assert_eq!(talking(&center), CALLS, "all of them still talk");
    customers.hang_up_all();

    let recordings = center.wait_until_sealed(CALLS);
    seats.assert_all_calls_went_well();
    let contacts = center.contacts();
    assert_eq!(contacts.len(), CALLS);
    for contact in &contacts {
        assert_eq!((&contact["end"]["class"], &contact["end"]["by"]), (&"answered".into(), &"caller".into()));
    }
    let served: BTreeSet<&str> = contacts.iter().filter_map(|contact| contact["agent"].as_str()).collect();
    assert_eq!(served.len(), CALLS, "each has an agent of its own");
    for recording in &recordings {
        assert_each_on_its_channel(&center.recording_file(recording));
    }
    center.assert_rows_and_files_agree();
}

fn talking(center: &Center) -> usize {
    let talks = |row: &&Value| row["talked_at"].is_string() && row["ended_at"].is_null();
    center.contacts().iter().filter(talks).count()
}

/// Agents for the inquiry, and the head of the one they are put before.
fn also(agents: &[String]) -> String {
    let mut text = String::new();
    for id in agents {
        let _ =
            writeln!(text, "[[agent]]\nid = \"{id}\"\npassword = \"sample-{id}\"\nqueues = [\"inquiry\"]\n");
    }
    text + "[[agent]]\nid = \"1001\""
}
