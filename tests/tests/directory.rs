//! Departments: their members ring in turn, by order, by the agent's transfer key and by the flow; closed ones are refused.

use std::fs;

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, THIRD_HZ, Voices, assert_heard, wait_for};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const COLLEAGUE: Voices = [false, false, true];

const DIRECTORY: &str = r#"
[[department]]
extension = "6001"
zh = "销售部"
en = "Sales"
members = ["1002", "2001"]
ring_s = 5
public = true

[[department]]
extension = "6002"
zh = "夜班"
en = "Night shift"
members = ["2001"]
hours = "never"
"#;

/// Dials Sales at once; when nobody takes the call, a number that is pressed.
const FLOW: &str = r#"
name = "sales"
version = "1"
start = "sales"
[nodes.sales]
kind = "dial"
extension = "6002"
queue = "inquiry"
otherwise = "ask"
[nodes.ask]
kind = "collect"
prompts = ["menu"]
min_digits = 4
next = "pressed"
otherwise = "inquiry"
[nodes.pressed]
kind = "dial"
collected = "ask"
queue = "inquiry"
otherwise = "inquiry"
[nodes.inquiry]
kind = "queue"
queue = "inquiry"
"#;

/// A center with the two departments, which it learns of while it runs, and a number that leads to the flow above.
fn center() -> Center {
    let center = Center::start();
    let config = center.folder.join("config");
    let write =
        |file: &str, text: &str| fs::write(config.join(file), text).expect("the folder can be written");
    write("directory.toml", DIRECTORY);
    write("hours.toml", "[[hours]]\nname = \"never\"\n");
    write("flows/sales.toml", FLOW);
    let number =
        "[[number]]\nnumber = \"8009\"\nflow = \"sales\"\nlanguage = \"zh-CN\"\n\n# Dialled by agents";
    center.edit("numbers.toml", "# Dialled by agents", number);
    let (is_well, said) = center.reload(&[]);
    assert!(is_well && said.contains("department[6001].members"), "{said}");
    center
}

fn agents(center: &Center) -> Vec<Value> {
    center.events_of_type("segment_started").iter().map(|event| event["agent"].clone()).collect()
}

#[test]
fn a_department_is_seen_and_its_second_member_takes_the_customer() {
    let center = center();
    let mut member = Phone::agent(&center, "2001", THIRD_HZ);
    let rings = Phone::ringing_agent(&center, "1002", THIRD_HZ);
    let listed = center.one("directory");
    let [sales, night] = &listed.as_array().expect("a list")[..] else { panic!("{listed}") };
    assert_eq!((&sales["open"], &night["open"]), (&json!(true), &json!(false)));
    assert_eq!(sales["members"][1]["state"]["activity"], "idle");
    let typed = center.command("directory").output().expect("the program runs");
    let typed = String::from_utf8_lossy(&typed.stdout).into_owned();
    assert!(typed.contains("销售部") && typed.contains("1002 idle"), "{typed}");

    let (customer, _agent) = Phone::customer_and_agent(&center);
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/transfer", contact["id"].as_str().expect("an id"));
    let transfer = |extension: &str| center.post_for(&path, &json!({ "extension": extension }).to_string());
    let (status, said) = transfer("6002");
    assert_eq!((status, &said["detail_en"]), (409, &json!("it is outside of the extension's hours")));
    assert_eq!(transfer("6009").0, 422);
    assert_eq!(transfer("6001"), (200, json!({ "outcome": "done", "reason": null })));
    rings.wait_for_log("Incoming call from", 1);
    center.record_for_seconds(3);
    member.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_heard(&member.heard(), 1, &[CUSTOMER]);
    assert_heard(&center.recording_file(&recording), 2, &[AGENT, COLLEAGUE]);
    assert_eq!(agents(&center), ["1001", "2001"]);
    assert_eq!(center.events_of_type("transfer_started")[0]["to"], json!({ "extension": "6001" }));
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agents_phone_transfers_to_a_department_by_its_own_key() {
    let center = center();
    let mut member = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.transfer("6001");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    member.hang_up();

    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_eq!(agents(&center), ["1001", "2001"]);
}

#[test]
fn an_agent_types_a_code_and_the_customer_hears_none_of_its_keys() {
    let center = center();
    let mut member = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    // A key that begins no code is for the customer.
    agent.press('8');
    customer.wait_for_log("received event: '8'", 1);
    "*26001#".chars().for_each(|key| agent.press(key));
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    "*3".chars().for_each(|key| agent.press(key));
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    member.hang_up();

    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert_heard(&member.heard(), 1, &[AGENT, CUSTOMER]);
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_eq!(agents(&center), ["1001", "2001"]);
    // The star may begin before the center has heard it; nothing that follows gets through.
    let log = customer.log();
    let heard: Vec<char> =
        "0123456789#".chars().filter(|key| log.contains(&format!("received event: '{key}'"))).collect();
    assert_eq!(heard, ['8'], "{log}");
    let started = &center.events_of_type("transfer_started")[0];
    assert_eq!((&started["attended"], &started["to"]), (&json!(true), &json!({ "agent": "2001" })));
}

#[test]
fn a_caller_reaches_a_department_by_the_flow_and_by_keys() {
    let center = center();
    let mut member = Phone::agent(&center, "2001", THIRD_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8009");
    // The department that the flow dials is closed; then an extension is asked for.
    let ended = center.wait_for_events("extension_ended", 1);
    assert_eq!((&ended[0]["extension"], &ended[0]["how"]), (&json!("6002"), &json!("closed")));
    "6001".chars().for_each(|key| customer.press(key));
    center.wait_for_events("segment_started", 1);
    center.record_for_seconds(3);
    member.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&contact["agent"], &contact["queue"]), (&json!("2001"), &json!("inquiry")));
    center.wait_for_recording("sealed");
    assert_heard(&member.heard(), 1, &[CUSTOMER]);
    let dialled = center.events_of_type("extension_dialled");
    assert_eq!(dialled[1]["extension"], "6001");
    assert_eq!(center.events_of_type("extension_ended")[1]["how"], "answered");
    center.assert_rows_and_files_agree();
}

#[test]
fn agents_call_each_other_and_a_department_without_a_customer() {
    let center = center();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    for number in ["2001", "*86001"] {
        agent.begin_to_dial(number);
        wait_until_talking(&center, "talking");
        // Both hear each other for a while, as long as no contact has a recording to measure it by.
        colleague.wait_for_log("Call established", 1);
        agent.wait_for_log("[0:00:03]", 1);
        agent.hang_up();
        wait_until_talking(&center, "idle");
        assert_heard(&agent.heard(), 1, &[COLLEAGUE]);
        assert_heard(&colleague.heard(), 1, &[AGENT]);
        assert_eq!(center.contacts(), [Value::Null; 0], "no customer is in it");
        colleague = Phone::agent(&center, "2001", THIRD_HZ);
        agent = Phone::agent(&center, "1001", AGENT_HZ);
    }
}

/// Waits until agents 1001 and 2001 both do this.
fn wait_until_talking(center: &Center, activity: &str) {
    for agent in ["1001", "2001"] {
        wait_for(&format!("{agent} to be {activity}"), || {
            (center.agent(agent)["activity"] == activity).then_some(())
        });
    }
}
