//! Agents who come late, say no, do not answer, or go for a break.

use hotline_tests::{Center, Phone, Sipp};
use serde_json::{Value, json};

#[test]
fn a_caller_who_finds_no_agent_gets_the_first_who_registers() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/queue", "inquiry");
    // Past the greeting: the caller is told the place and hears music.
    center.record_for_seconds(8);
    assert!(center.events_of_type("offer_made").is_empty());

    let mut agent = Phone::agent(&center, "1003", 880);
    center.talk_for_seconds(2);
    agent.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&contact["agent"], &contact["end"]["by"]), (&json!("1003"), &json!("agent")));
    let left = center.wait_for_events("queue_left", 1);
    assert_eq!(left[0]["reason"], "answered");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

/// A password that is kept as hashes alone proves a phone as well as one in clear.
#[test]
fn a_seat_registers_with_a_password_that_is_nowhere_in_clear() {
    let mut center = Center::start();
    let output = center.command("agents").args(["set-password", "1001", "--generate"]).output();
    let output = output.expect("hotline runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout);
    let password = said.lines().last().expect("the password stands in the last line").to_owned();
    let file = std::fs::read_to_string(center.folder.join("config/agents.toml")).expect("the file is there");
    assert!(file.contains("password_sha256 = \"hotline:") && !file.contains(&password), "{file}");
    assert!(!file.contains("sample-1001") && file.contains("sample-1002"));
    center.kill();
    center.restart();
    let _seat = Phone::seat(&center, "1001", &password, 880);
    center.wait_for_seat("1001");
}

#[test]
fn a_caller_whom_a_busy_agent_declines_is_given_to_another() {
    declined("is-busy.xml", "busy");
}

#[test]
fn a_caller_whom_an_agent_declines_for_good_is_given_to_another() {
    declined("declines.xml", "declined");
}

#[test]
fn an_agent_who_leaves_three_calls_unanswered_is_not_ready_until_told() {
    let center = Center::start_with(&[
        ("queues.toml", "offer_s = 15", "offer_s = 2"),
        ("agents.toml", "rest_s = 5", "rest_s = 1"),
    ]);
    let mut absent = Sipp::seats(&center, &["1001"], "rings-until-cancelled.xml", 4);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_shift("1001", &json!({"not_ready": "no_answer"}));
    let outcomes = center.wait_for_events("offer_ended", 3);
    assert!(outcomes.iter().all(|offer| offer["outcome"] == "timed_out"), "{outcomes:?}");
    // The caller still waits, and nobody else is there.
    center.record_for_seconds(3);
    assert_eq!(center.events_of_type("offer_made").len(), 3);

    let _present = Phone::agent(&center, "1002", 880);
    center.talk_for_seconds(1);
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1002");
    assert_eq!(center.events_of_type("queue_entered").len(), 1, "the place was never lost");

    center.order("ready", "1001");
    center.wait_for_shift("1001", &json!("ready"));
    let mut next = Phone::customer(&center, "bob", 440);
    next.dial("8000");
    next.press('1');
    assert_eq!(center.wait_for_events("offer_made", 5)[4]["agent"], "1001", "who is back rings again");
    next.hang_up();
    absent.assert_all_calls_went_well();
    center.wait_for_contact("/end/class", "abandoned");
    center.wait_until_sealed(2);
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agent_takes_a_break_and_comes_back_by_feature_code() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", 880);
    agent.dial("*71");
    center.wait_for_shift("1001", &json!({"not_ready": "break"}));
    // A clip says so, then the call is over by itself.
    agent.wait_for_log("session closed", 1);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/queue", "inquiry");
    center.record_for_seconds(3);
    assert!(center.events_of_type("offer_made").is_empty());

    agent.begin_to_dial("*70");
    center.talk_for_seconds(1);
    assert_eq!(shifts_chosen_by(&center, "1001"), [json!({"not_ready": "break"}), json!("ready")]);
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1001");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

#[test]
fn a_feature_code_without_the_password_changes_nothing() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut impostor = Phone::customer(&center, "1001", 440);
    impostor.begin_to_dial("*71");
    impostor.wait_for_log("session closed: 401 Unauthorized", 1);

    // The agent is given a call all the same; by then the log holds whatever the code had changed.
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    assert_eq!(shifts_chosen_by(&center, "1001"), Vec::<Value>::new());
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1001");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

/// What an agent commanded about the own shift, in order.
fn shifts_chosen_by(center: &Center, agent: &str) -> Vec<Value> {
    let changes = center.records_of_type("agent_changed").into_iter();
    changes
        .filter(|record| record["by"] == json!({"agent": agent}))
        .map(|record| record["event"]["shift"].clone())
        .collect()
}

/// The agent idle for longest says no; the caller goes to the next, from the head of the queue.
fn declined(scenario: &str, refusal: &str) {
    let center = Center::start();
    let mut unwilling = Sipp::seats(&center, &["1001"], scenario, 1);
    let _willing = Phone::agent(&center, "1002", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    unwilling.assert_all_calls_went_well();
    center.talk_for_seconds(1);
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1002");
    let outcomes: Vec<Value> =
        center.wait_for_events("offer_ended", 2).into_iter().map(|offer| offer["outcome"].clone()).collect();
    assert_eq!(outcomes, [json!({"refused": refusal}), json!("accepted")]);
    assert_eq!(center.events_of_type("queue_entered").len(), 1, "the place was never lost");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}
