//! Customers are called: an agent's phone (baresip) dials, or it is ordered. SIPp and baresip are the carrier's side.

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Center, Gateway, OUTSIDE, Phone, Sipp, Voices, assert_each_on_its_channel,
    assert_hear_each_other, assert_heard, wait_for,
};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];

/// A center that agents call a customer by, the customer's telephone, and agent 1001.
fn with_customer() -> (Center, Phone, Phone) {
    let center = Center::start();
    let customer = Phone::outside(&center, OUTSIDE, CUSTOMER_HZ);
    center.set_gateways(&[customer.address()]);
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    (center, customer, agent)
}

fn wait_for_activity(center: &Center, agent: &str, activity: &str) {
    wait_for(&format!("agent {agent} to be {activity}"), || {
        (center.agent(agent)["activity"] == activity).then_some(())
    });
}

/// The contact of a call that nobody answered, for this reason; there is no recording of it.
fn assert_unanswered(center: &Center, cause: &str, by: &str) {
    let contact = center.wait_for_contact("/end/class", "unanswered");
    assert_eq!((&contact["end"]["cause"], &contact["end"]["by"]), (&json!(cause), &json!(by)), "{contact}");
    assert_eq!((&contact["answered_at"], &contact["recording_id"]), (&Value::Null, &Value::Null));
    assert!(center.recordings().is_empty());
    wait_for_activity(center, "1001", "idle");
}

#[test]
fn an_agent_dials_a_customer_and_each_is_on_its_channel() {
    let (center, mut customer, mut agent) = with_customer();
    agent.begin_to_dial(OUTSIDE);
    center.talk_for_seconds(4);
    wait_for_activity(&center, "1001", "talking");
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["direction"], "outbound", "{contact}");
    assert_eq!((&contact["caller"], &contact["agent"]), (&json!(OUTSIDE), &json!("1001")), "{contact}");
    wait_for_activity(&center, "1001", "wrap_up");
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
    assert_hear_each_other(&customer, &agent);
    let events = ["contact_placed", "contact_answered", "segment_started", "segment_ended", "contact_ended"];
    for event in events {
        assert_eq!(center.events_of_type(event).len(), 1, "{event}");
    }
    assert_eq!(center.rows("contacts?direction=outbound").len(), 1);
    assert!(center.rows("contacts?direction=inbound").is_empty());
    center.assert_rows_and_files_agree();
}

#[test]
fn a_busy_customer_is_busy_on_the_agents_phone() {
    let center = Center::start();
    let (mut busy, gateway) = Sipp::gateway(&center, "is-busy.xml", 1, CUSTOMER_HZ);
    center.set_gateways(&[&gateway]);
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    agent.begin_to_dial(OUTSIDE);
    busy.assert_all_calls_went_well();
    agent.wait_for_log("486 Busy Here", 1);
    assert_unanswered(&center, "busy", "caller");
    assert_eq!(center.events_of_type("contact_ringing").len(), 1);
}

#[test]
fn what_the_carrier_says_before_the_answer_is_for_the_agent_and_recorded_nowhere() {
    let center = Center::start();
    let (mut announces, gateway) = Sipp::gateway(&center, "announces.xml", 1, CUSTOMER_HZ);
    center.set_gateways(&[&gateway]);
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    agent.begin_to_dial(OUTSIDE);
    announces.assert_all_calls_went_well();
    agent.wait_for_log("480 Temporarily Unavailable", 1);
    assert_unanswered(&center, "unreachable", "network");
    assert_heard(&agent.heard(), 1, &[CUSTOMER]);
}

#[test]
fn an_agent_who_hangs_up_while_it_rings_has_the_carrier_told() {
    let center = Center::start();
    let (mut rings, gateway) = Sipp::gateway(&center, "rings-until-cancelled.xml", 1, CUSTOMER_HZ);
    center.set_gateways(&[&gateway]);
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    agent.begin_to_dial(OUTSIDE);
    center.wait_for_events("contact_ringing", 1);
    agent.hang_up();
    rings.assert_all_calls_went_well();
    assert_unanswered(&center, "cancelled", "agent");
}

#[test]
fn a_customer_hears_the_notice_that_the_number_asks_for_before_the_agent() {
    let (center, mut customer, mut agent) = with_customer();
    let plan = "[[rule]]\nprefix = \"021\"\nallow = true\ntrunks = [\"carrier\"]\n\
                [[notice]]\nprefix = \"021\"\nprompt = \"welcome\"\n";
    center.set_dial_plan(plan);
    agent.begin_to_dial(OUTSIDE);
    center.wait_for_events("contact_answered", 1);
    assert!(center.events_of_type("segment_started").is_empty(), "the notice is being said");
    center.talk_for_seconds(3);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
}

#[test]
fn a_call_is_ordered_once_for_each_key_and_the_agents_phone_rings_first() {
    let (center, mut customer, agent) = with_customer();
    let order = json!({ "number": OUTSIDE, "agent": "1001" }).to_string();
    let placed = center.post_once("calls", &order, "k1");
    assert_eq!(placed.0, 201, "{placed:?}");
    assert_eq!(center.post_once("calls", &order, "k1"), placed, "the same call");
    center.talk_for_seconds(3);
    let busy = center.post_for("calls", &order);
    assert_eq!(busy.0, 409, "the agent talks: {busy:?}");
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["id"], placed.1["contact"]);
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
    assert_hear_each_other(&customer, &agent);
}

#[test]
fn at_the_command_line_the_customer_may_be_called_first() {
    let (center, mut customer, agent) = with_customer();
    let call = center.command("call").args(["1001", OUTSIDE, "--customer-first"]).output();
    let call = call.expect("hotline runs");
    assert!(call.status.success(), "{}", String::from_utf8_lossy(&call.stderr));
    let said: Value = serde_json::from_slice(&call.stdout).expect("it prints JSON");
    center.talk_for_seconds(3);
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["id"], said["contact"]);
    let placed = &center.events_of_type("contact_placed")[0];
    assert_eq!(placed["first"], "customer", "{placed}");
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
    assert_hear_each_other(&customer, &agent);
}

#[test]
fn a_called_customer_is_transferred_like_any_other() {
    let (center, mut customer, mut agent) = with_customer();
    agent.begin_to_dial(OUTSIDE);
    center.talk_for_seconds(2);
    let colleague = Phone::agent(&center, "1003", AGENT_HZ);
    agent.transfer("1003");
    center.wait_for_contact("/agent", "1003");
    center.record_for_seconds(2);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    assert_heard(&colleague.heard(), 1, &[CUSTOMER]);
}

#[test]
fn numbers_outside_the_plan_are_forbidden_and_those_of_emergency_are_not() {
    let center = Center::start();
    let help = Gateway::new();
    center.set_gateways(&[help.address()]);
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    agent.begin_to_dial("13800138000");
    agent.wait_for_log("403 Forbidden", 1);
    assert_eq!(help.calls(), 0);
    assert!(center.contacts().is_empty(), "a call that may not be is no contact");
    agent.begin_to_dial("110");
    agent.wait_for_log("486 Busy Here", 1);
    assert_eq!(help.calls(), 1);
}

#[test]
fn what_the_rules_forbid_is_refused_by_every_way_in_with_the_reason() {
    let (center, mut customer, mut agent) = with_customer();
    let plan = "[[rule]]\nprefix = \"021\"\nallow = true\ntrunks = [\"carrier\"]\n\
                [outbound]\npause_min = 10\ndo_not_call = [\"0219*\"]\n";
    center.set_dial_plan(plan);
    agent.begin_to_dial(OUTSIDE);
    center.talk_for_seconds(2);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    wait_for_activity(&center, "1001", "wrap_up");
    let order = json!({ "number": OUTSIDE, "agent": "1001" }).to_string();
    let (status, problem) = center.post_for("calls", &order);
    assert_eq!(status, 409, "{problem}");
    let detail = problem["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("called a short time ago; it may be from 20"), "{problem}");
    let call = center.command("call").args(["1001", "02199999999"]).output().expect("hotline runs");
    let said = String::from_utf8_lossy(&call.stderr).into_owned();
    assert!(!call.status.success() && said.contains("do-not-call list"), "{said}");
    agent.begin_to_dial(OUTSIDE);
    agent.wait_for_log("480 Temporarily Unavailable", 1);
    assert_eq!(center.contacts().len(), 1, "what may not be now is no contact");
}
