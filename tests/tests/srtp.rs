//! Encrypted calls, with telephones that others made.

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Center, Phone, Sipp, assert_each_on_its_channel, assert_hear_each_other,
};

const OFF: &str = "srtp = \"off\"";
const REQUIRED: &str = "srtp = \"required\"";
const OPTIONAL: &str = "srtp = \"optional\"";

#[test]
fn an_encrypted_customer_and_an_encrypted_agent_talk_and_are_recorded() {
    let center = Center::start_with(&[("hotline.toml", OFF, REQUIRED)]);
    let agent = Phone::encrypted_agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::encrypted_customer(&center, "alice", CUSTOMER_HZ);
    inquiry(&center, &agent, &mut customer);
    agent.wait_for_log("SRTP is Enabled", 1);
    customer.wait_for_log("SRTP is Enabled", 1);
}

#[test]
fn an_encrypted_customer_talks_with_a_plain_agent() {
    let center = Center::start_with(&[("trunks.toml", "name = \"loopback\"", &required_trunk())]);
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::encrypted_customer(&center, "alice", CUSTOMER_HZ);
    inquiry(&center, &agent, &mut customer);
}

#[test]
fn a_plain_customer_talks_with_an_encrypted_agent() {
    let password = "password = \"sample-1001\"";
    let center = Center::start_with(&[("agents.toml", password, &format!("{password}\n{REQUIRED}"))]);
    let agent = Phone::encrypted_agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    inquiry(&center, &agent, &mut customer);
}

#[test]
fn where_it_is_optional_each_telephone_gets_what_it_wants() {
    let center = Center::start_with(&[("hotline.toml", OFF, OPTIONAL)]);
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::encrypted_customer(&center, "alice", CUSTOMER_HZ);
    inquiry(&center, &agent, &mut customer);
}

#[test]
fn a_hold_keeps_an_encrypted_call_alive() {
    let center = Center::start_with(&[("hotline.toml", OFF, REQUIRED)]);
    let mut agent = Phone::encrypted_agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::encrypted_customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);
    agent.hold();
    center.wait_for_events("hold_started", 1);
    center.record_for_seconds(2);
    agent.resume();
    center.wait_for_events("hold_ended", 1);
    center.record_for_seconds(2);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let heard = hotline_tests::heard(&center.recording_file(&recording), 2, AGENT_HZ);
    assert_eq!(heard.last(), Some(&hotline_tests::Heard::Tone), "the agent is back: {heard:?}");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_plain_customer_is_told_488_where_encryption_is_required() {
    let center = Center::start_with(&[("trunks.toml", "name = \"loopback\"", &required_trunk())]);
    let mut customers = Sipp::start(&center, "is-told-488.xml", "u1", 3);
    customers.assert_all_calls_went_well();
    assert!(center.rows("contacts").is_empty(), "nobody came in");
}

fn required_trunk() -> String {
    format!("name = \"loopback\"\n{REQUIRED}")
}

fn inquiry(center: &Center, agent: &Phone, customer: &mut Phone) {
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(4);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_each_on_its_channel(&center.recording_file(&recording));
    assert_hear_each_other(customer, agent);
    center.assert_rows_and_files_agree();
    assert!(!center.log().contains("inline:"), "a key in the log");
}
