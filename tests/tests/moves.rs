//! Calls that move, with baresip as everybody's telephone: who hears whom, and what the recording holds.

use hotline_tests::{Center, Phone, THIRD_HZ, Voices, assert_heard};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const COLLEAGUE: Voices = [false, false, true];

/// Orders about the one contact.
fn order(center: &Center, verb: &str, body: &Value) -> (u16, Value) {
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/{verb}", contact["id"].as_str().expect("a contact has an id"));
    let body = if body.is_null() { String::new() } else { body.to_string() };
    center.post_for(&path, &body)
}

fn done() -> Value {
    json!({ "outcome": "done", "reason": null })
}

/// The contact is over, its one recording holds what the customer heard all the time, and all agrees.
fn assert_whole(center: &Center, others: &[Voices]) {
    let contact = center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let file = center.recording_file(&recording);
    assert_heard(&file, 1, &[CUSTOMER]);
    assert_heard(&file, 2, others);
    let whole = center.one(&format!("contacts/{}", contact["id"].as_str().expect("an id")));
    assert_eq!(whole["coverage"]["ratio"], 1.0, "{whole}");
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agent_consults_in_private_swaps_and_gives_the_customer_to_the_colleague() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, agent) = Phone::customer_and_agent(&center);
    assert_eq!(order(&center, "consult", &json!({ "agent": "2001" })), (204, Value::Null));
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    assert_eq!(order(&center, "swap", &Value::Null).0, 204);
    center.record_for_seconds(3);
    assert_eq!(order(&center, "complete", &Value::Null), (200, done()));
    center.record_for_seconds(3);
    colleague.hang_up();

    assert_whole(&center, &[AGENT, COLLEAGUE]);
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_heard(&agent.heard(), 1, &[CUSTOMER, COLLEAGUE, CUSTOMER]);
    assert_heard(&colleague.heard(), 1, &[AGENT, CUSTOMER]);
    let transfer = &center.events_of_type("transfer_started")[0];
    assert_eq!((&transfer["attended"], &transfer["to"]), (&json!(true), &json!({ "agent": "2001" })));
}

#[test]
fn all_three_speak_and_the_agent_leaves_them() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    assert_eq!(order(&center, "consult", &json!({ "queue": "complaint" })).0, 204);
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    assert_eq!(order(&center, "join", &Value::Null).0, 204);
    center.record_for_seconds(3);
    agent.hang_up();
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    let whole = [AGENT, [false, true, true], COLLEAGUE];
    assert_whole(&center, &whole);
    assert_heard(&customer.heard(), 1, &whole);
    assert_heard(&colleague.heard(), 1, &[AGENT, [true, true, false], CUSTOMER]);
}

#[test]
fn a_customer_whom_a_colleague_declines_comes_back_and_the_next_one_answers() {
    let center = Center::start();
    let mut colleague = Phone::ringing_agent(&center, "2001", THIRD_HZ);
    let (customer, _agent) = Phone::customer_and_agent(&center);
    let target = json!({ "agent": "2001" });
    let transfer = |colleague: &mut Phone, answer: fn(&mut Phone), times| {
        std::thread::scope(|scope| {
            let ended = scope.spawn(|| order(&center, "transfer", &target));
            colleague.wait_for_log("Incoming call from", times);
            answer(colleague);
            ended.join().expect("the center answers")
        })
    };
    // baresip declines by 486.
    let returned = json!({ "outcome": "returned", "reason": "busy" });
    assert_eq!(transfer(&mut colleague, Phone::hang_up, 1), (200, returned));
    center.record_for_seconds(3);
    assert_eq!(transfer(&mut colleague, Phone::accept, 2), (200, done()));
    center.record_for_seconds(3);
    colleague.hang_up();

    assert_whole(&center, &[AGENT, COLLEAGUE]);
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    let agents: Vec<Value> =
        center.events_of_type("segment_started").iter().map(|event| event["agent"].clone()).collect();
    assert_eq!(agents, ["1001", "1001", "2001"]);
}

#[test]
fn a_customer_goes_to_another_queue_and_to_the_end_of_the_flow() {
    let center = Center::start();
    let _colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(order(&center, "transfer", &json!({ "queue": "complaint" })), (200, done()));
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    let contact = center.wait_for_contact("/agent", "2001");
    let path = format!("contacts/{}/transfer", contact["id"].as_str().expect("an id"));
    assert_eq!(center.post_for(&path, &json!({ "node": "goodbye" }).to_string()), (200, done()));

    let ended = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&ended["queue"], &ended["end"]["cause"]), (&json!("complaint"), &json!("flow_finished")));
    assert_whole(&center, &[AGENT, COLLEAGUE]);
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
}

#[test]
fn a_parked_customer_is_picked_up_from_another_phone() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(order(&center, "park", &Value::Null), (200, json!({ "slot": 701 })));
    colleague.dial("701");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();

    assert_whole(&center, &[AGENT, COLLEAGUE]);
    assert_heard(&customer.heard(), 1, &[AGENT, COLLEAGUE]);
    assert_heard(&colleague.heard(), 1, &[CUSTOMER]);
    assert_eq!(center.events_of_type("unparked")[0]["how"], "picked_up");
}

#[test]
fn a_phone_consults_by_a_second_call_and_comes_back_to_the_customer() {
    let center = Center::start();
    let _colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (customer, mut agent) = Phone::customer_and_agent(&center);
    agent.hold();
    center.wait_for_events("hold_started", 1);
    agent.begin_to_dial("2001");
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    agent.hang_up();
    center.wait_for_events("guest_left", 1);
    agent.resume();
    center.wait_for_events("hold_ended", 1);
    center.record_for_seconds(3);
    agent.hang_up();

    assert_whole(&center, &[AGENT]);
    assert_heard(&customer.heard(), 1, &[AGENT]);
    assert_eq!(center.events_of_type("segment_started").len(), 1);
}

#[test]
fn whoever_was_on_the_way_when_the_process_died_has_arrived_nowhere_in_the_log() {
    let mut center = Center::start();
    let colleague = Phone::ringing_agent(&center, "2001", THIRD_HZ);
    let (_customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(order(&center, "consult", &json!({ "agent": "2001" })).0, 204);
    colleague.wait_for_log("Incoming call from", 1);
    // Whom the agent consults rings on, and is to have the customer.
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/complete", contact["id"].as_str().expect("an id"));
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| center.try_to_post(&path));
        center.wait_for_events("transfer_started", 1);
        center.signal("KILL");
        assert_eq!(asking.join().expect("a thread of ours"), None, "nobody is left to answer");
    });
    center.wait_for_end();
    center.restart();

    center.wait_for_contact("/end/cause", "crashed");
    assert_eq!(center.wait_for_events("transfer_ended", 1)[0]["how"], "customer_gone");
    center.assert_rows_and_files_agree();
}
