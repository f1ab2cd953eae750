//! Calls from the first ring to the sealed recording, with telephones that others made.

use std::path::Path;

use hotline_tests::{Center, Phone, Sipp, loudness, samples, wait_for};
use serde_json::Value;

const CUSTOMER_HZ: u32 = 440;
const AGENT_HZ: u32 = 880;

/// Samples in a second of every recording here.
const SECOND: usize = 8_000;

#[test]
fn an_inquiry_reaches_its_agent_and_each_voice_has_its_channel() {
    let center = Center::start();
    let _other = Phone::agent(&center, "2001", 1_200);
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    talk_for_seconds(&center, 4);
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "inquiry");
    assert_eq!(contact["end"]["by"], "caller");
    let recording = center.wait_for_recording("sealed");
    assert_eq!(recording["gaps"].as_array().map(Vec::len), Some(0), "{recording}");
    let file = center.recording_file(&recording);
    assert_only_tone(&file, 1, CUSTOMER_HZ, AGENT_HZ);
    assert_only_tone(&file, 2, AGENT_HZ, CUSTOMER_HZ);
    assert_only_tone(&customer.heard(), 1, AGENT_HZ, CUSTOMER_HZ);
    assert_only_tone(&agent.heard(), 1, CUSTOMER_HZ, AGENT_HZ);
    center.assert_rows_and_files_agree();
}

#[test]
fn a_complaint_by_key_two_reaches_the_complaint_seat() {
    let center = Center::start();
    let _other = Phone::agent(&center, "1001", 1_200);
    let mut agent = Phone::agent(&center, "2001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "bob", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('2');
    center.wait_for_contact("/agent", "2001");
    talk_for_seconds(&center, 1);
    agent.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "complaint");
    assert_eq!(contact["end"]["by"], "agent");
    center.wait_for_recording("sealed");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_caller_who_leaves_the_queue_has_abandoned() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "carol", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/queue", "inquiry");
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "abandoned");
    assert_eq!(contact["end"]["by"], "caller");
    assert!(contact["agent"].is_null(), "{contact}");
    center.wait_for_recording("sealed");
    center.assert_rows_and_files_agree();
}

#[test]
fn the_second_caller_waits_and_gets_the_agent_after_the_first() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut first = Phone::customer(&center, "first", CUSTOMER_HZ);
    first.dial("8000");
    first.press('1');
    talk_for_seconds(&center, 1);
    let mut second = Phone::customer(&center, "second", CUSTOMER_HZ);
    second.dial("8000");
    second.press('1');
    wait_for("the second caller in the queue", || {
        contact_of(&center, "second").filter(|contact| contact["queue"] == "inquiry")
    });
    first.hang_up();
    // The agent writes up the first call before the second rings.
    let served = wait_for("the second talk", || {
        contact_of(&center, "second").filter(|contact| contact["talked_at"].is_string())
    });
    let ended = contact_of(&center, "first").unwrap();
    assert_eq!(ended["end"]["class"], "answered");
    // RFC 3339 in UTC sorts as text.
    assert!(served["talked_at"].as_str() > ended["ended_at"].as_str(), "{served} {ended}");
    second.hang_up();
    wait_for("two sealed recordings", || {
        (center.recordings().iter().filter(|row| row["state"] == "sealed").count() == 2).then_some(())
    });
    center.assert_rows_and_files_agree();
}

#[test]
fn a_key_by_sip_info_counts() {
    complaint_by_info("u1");
}

#[test]
fn a_customer_may_call_over_tcp() {
    complaint_by_info("t1");
}

#[test]
fn thirty_customers_at_once_are_all_answered_and_recorded() {
    const CUSTOMERS: usize = 30;
    let center = Center::start();
    Sipp::start(&center, "listens-and-leaves.xml", "u1", 30).assert_all_calls_went_well();

    let recordings = wait_for("30 sealed recordings", || {
        let rows = center.recordings();
        let sealed = rows.iter().filter(|row| row["state"] == "sealed").count();
        (sealed == CUSTOMERS).then_some(rows)
    });
    for recording in &recordings {
        let duration_ms = recording["duration_ms"].as_u64().unwrap();
        assert!((3_800..8_000).contains(&duration_ms), "a call of 4 s has {duration_ms} ms: {recording}");
    }
    let contacts = center.contacts();
    assert_eq!(contacts.len(), CUSTOMERS);
    assert!(contacts.iter().all(|contact| contact["answered_at"].is_string()), "{contacts:?}");
    center.assert_rows_and_files_agree();
}

fn complaint_by_info(transport: &str) {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "2001", AGENT_HZ);
    let mut customer = Sipp::start(&center, "complains-by-info.xml", transport, 1);
    center.wait_for_contact("/agent", "2001");
    talk_for_seconds(&center, 1);
    agent.hang_up();
    customer.assert_all_calls_went_well();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "complaint");
    center.wait_for_recording("sealed");
    center.assert_rows_and_files_agree();
}

fn contact_of(center: &Center, caller: &str) -> Option<Value> {
    center.contacts().into_iter().find(|contact| contact["caller"] == caller)
}

/// Returns when the talk was recorded for so long.
fn talk_for_seconds(center: &Center, seconds: usize) {
    wait_for("the talk to begin", || {
        center.contacts().iter().any(|row| row["talked_at"].is_string()).then_some(())
    });
    let recording = center.wait_for_recording("open");
    let size = || std::fs::metadata(center.recording_file(&recording)).map_or(0, |file| file.len());
    let before = size();
    // Two channels of 16 bits.
    let more = (seconds * SECOND * 4) as u64;
    wait_for("the recording to grow", || (size() >= before + more).then_some(()));
}

/// The channel holds the one tone, and less than a hundredth of the other, in the last but one second.
fn assert_only_tone(file: &Path, channel: u16, present_hz: u32, absent_hz: u32) {
    let sound = samples(file, channel);
    assert!(sound.len() > 3 * SECOND, "{} holds only {} samples", file.display(), sound.len());
    let part = &sound[sound.len() - 2 * SECOND..sound.len() - SECOND];
    let (present, absent) = (loudness(part, present_hz), loudness(part, absent_hz));
    println!("channel {channel}: {present_hz} Hz at {present:.1}, {absent_hz} Hz at {absent:.1}");
    assert!(
        present > 5_000.0 && absent < present / 100.0,
        "{} channel {channel}: {present_hz} Hz at {present:.0}, {absent_hz} Hz at {absent:.0}",
        file.display()
    );
}
