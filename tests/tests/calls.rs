//! Calls from the first ring to the sealed recording, with telephones that others made.

use std::path::{Path, PathBuf};

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Center, Database, Phone, Sipp, assert_each_on_its_channel, assert_hear_each_other,
    likeness, samples, wait_for,
};
use serde_json::Value;

#[test]
fn an_inquiry_reaches_its_agent_and_each_voice_has_its_channel() {
    inquiry(&Center::start());
}

#[test]
fn an_inquiry_reaches_its_agent_on_postgresql() {
    let Some(database) = Database::create() else {
        println!("told to SQLite only: HOTLINE_TEST_POSTGRES is not set");
        return;
    };
    let (file, old, new) = database.change();
    let center = Center::start_with(&[(file, old, &new)]);
    inquiry(&center);
    assert_eq!(database.query("SELECT agent FROM segments"), "1001");
}

#[test]
fn a_caller_of_the_english_number_is_spoken_to_in_english() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8001");
    wait_for("the menu", || {
        center.events_of_type("node_entered").iter().any(|event| event["node"] == "menu").then_some(())
    });
    center.record_for_seconds(3);
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "left_early");
    assert_eq!((&contact["number"], &contact["language"]), (&"8001".into(), &"en-US".into()));
    let heard = samples(&customer.heard(), 1);
    for (clip, is_heard) in
        [("en-US/welcome", true), ("en-US/menu", true), ("zh-CN/welcome", false), ("zh-CN/menu", false)]
    {
        let likeness = likeness(&heard, &samples(&prompt(clip), 1));
        println!("{clip}: {likeness:.3}");
        assert_eq!(likeness > 0.9, is_heard, "{clip}: {likeness:.3}");
    }
    center.wait_until_sealed(1);
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
    center.talk_for_seconds(1);
    agent.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "complaint");
    assert_eq!(contact["end"]["by"], "agent");
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
    center.talk_for_seconds(1);
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
    center.wait_until_sealed(2);
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

fn inquiry(center: &Center) {
    let _other = Phone::agent(center, "2001", 1_200);
    let agent = Phone::agent(center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(4);
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "inquiry");
    assert_eq!(contact["end"]["by"], "caller");
    let recording = center.wait_for_recording("sealed");
    assert_eq!(recording["gaps"].as_array().map(Vec::len), Some(0), "{recording}");
    assert_each_on_its_channel(&center.recording_file(&recording));
    assert_hear_each_other(&customer, &agent);
    for list in ["contacts", "recordings"] {
        assert_eq!(
            center.listing(list),
            center.rows(list),
            "the command line and the API tell the same {list}"
        );
    }
    center.assert_rows_and_files_agree();
}

fn complaint_by_info(transport: &str) {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "2001", AGENT_HZ);
    let mut customer = Sipp::start(&center, "complains-by-info.xml", transport, 1);
    center.wait_for_contact("/agent", "2001");
    center.talk_for_seconds(1);
    agent.hang_up();
    customer.assert_all_calls_went_well();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["queue"], "complaint");
    center.wait_for_recording("sealed");
    center.assert_rows_and_files_agree();
}

fn prompt(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../prompts").join(name).with_extension("wav")
}

fn contact_of(center: &Center, caller: &str) -> Option<Value> {
    center.contacts().into_iter().find(|contact| contact["caller"] == caller)
}
