//! Agents' phones transfer by themselves: REFER, blind and attended, to somebody who answers and to somebody who does not.

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Linphone, Phone, Sipp, THIRD_HZ, Voices, assert_heard};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const COLLEAGUE: Voices = [false, false, true];

fn agents(center: &Center) -> Vec<Value> {
    center.events_of_type("segment_started").iter().map(|event| event["agent"].clone()).collect()
}

#[test]
fn baresip_gives_the_customer_to_a_colleague() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.transfer("2001");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    let trace = center.command("sip").args(["trace", "--last", "1000"]).output().expect("the program runs");
    let trace = String::from_utf8_lossy(&trace.stdout).into_owned();
    assert!(trace.contains("Diversion: <sip:1001@127.0.0.1>;reason=deflection"), "{trace}");

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_heard(&colleague.heard(), 1, &[CUSTOMER]);
    assert_heard(&center.recording_file(&recording), 2, &[AGENT, COLLEAGUE]);
    let ended = center.events_of_type("transfer_ended");
    assert_eq!((&ended[0]["how"], &ended[0]["agent"]), (&json!("done"), &json!("1001")));
    assert_eq!(agents(&center), ["1001", "2001"]);
    center.assert_rows_and_files_agree();
}

#[test]
fn baresip_gives_the_customer_to_a_queue_by_its_extension() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.transfer("7002");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&contact["queue"], &contact["agent"]), (&json!("complaint"), &json!("2001")));
    center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
}

#[test]
fn a_colleague_who_is_busy_leaves_the_customer_with_the_agent() {
    let center = Center::start();
    let _busy = Sipp::seats(&center, &["2001"], "is-busy.xml", 1);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.transfer("2001");
    let ended = center.wait_for_events("transfer_ended", 1);
    assert_eq!(ended[0]["how"], json!({ "returned": "busy" }));
    // It hangs up when its transfer has failed, and is rung again: the agent wanted to be rid of nobody.
    center.wait_for_events("segment_started", 3);
    center.record_for_seconds(3);
    agent.hang_up();

    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT]);
    assert_eq!(agents(&center), ["1001", "1001", "1001"]);
    center.assert_rows_and_files_agree();
}

#[test]
fn linphone_consults_on_a_second_call_and_joins_the_two() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let mut agent = Linphone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    agent.speak();
    center.talk_for_seconds(3);
    agent.pause();
    center.wait_for_events("hold_started", 1);
    agent.call("2001");
    center.wait_for_events("guest_joined", 1);
    agent.speak();
    center.record_for_seconds(3);
    agent.join(1, 2);
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[COLLEAGUE]);
    assert_heard(&colleague.heard(), 1, &[CUSTOMER]);
    assert_heard(&center.recording_file(&recording), 1, &[CUSTOMER]);
    let started = &center.events_of_type("transfer_started")[0];
    assert_eq!((&started["attended"], &started["to"]), (&json!(true), &json!({ "agent": "2001" })));
    assert_eq!(center.events_of_type("transfer_ended")[0]["how"], "done");
    assert_eq!(agents(&center), ["1001", "2001"]);
    center.assert_rows_and_files_agree();
}

/// A carrier with a dead gateway before the one that leads to this phone; numbers that begin with 021 may be called.
fn carrier(center: &Center, callee: &Phone) {
    let gateways = format!(
        "sources = [\"127.0.0.0/8\", \"::1/128\"]\ngateways = [\"sip:127.0.0.1:9\", \"sip:{}\"]\ncaller_id = \"8000\"",
        callee.address()
    );
    center.edit("trunks.toml", "sources = [\"127.0.0.0/8\", \"::1/128\"]", &gateways);
    let rules = "[[rule]]\nprefix = \"021\"\nallow = true\ntrunks = [\"loopback\"]\n";
    std::fs::write(center.folder.join("config/dialling.toml"), rules)
        .expect("the story's folder can be written");
    let (is_well, said) = center.reload(&[]);
    assert!(is_well, "{said}");
}

#[test]
fn an_agent_gives_the_customer_to_a_number_outside_by_the_second_gateway() {
    const NUMBER: &str = "02155550100";
    let center = Center::start();
    let mut outside = Phone::outside(&center, NUMBER, THIRD_HZ);
    carrier(&center, &outside);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.transfer("03155550100");
    // Not to be called; the phone hangs up, and is rung for the customer again.
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(2);
    agent.transfer(NUMBER);
    center.wait_for_events("segment_started", 3);
    center.record_for_seconds(3);
    let metrics = center.metrics();
    let dead = "hotline_trunk_gateway_up{gateway=\"sip:127.0.0.1:9\",trunk=\"loopback\"} 0";
    let calls = "hotline_trunk_calls{trunk=\"loopback\"} 2";
    assert!(metrics.contains(dead) && metrics.contains(calls), "{metrics}");
    outside.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], format!("tel:{NUMBER}"));
    let recording = center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_heard(&outside.heard(), 1, &[CUSTOMER]);
    assert_heard(&center.recording_file(&recording), 2, &[AGENT, COLLEAGUE]);
    assert!(outside.log().contains("8000@"), "the caller id of the trunk: {}", outside.log());
    center.assert_rows_and_files_agree();
}
