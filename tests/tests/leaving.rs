//! Callers who leave early, and agents who hang up.

use std::path::Path;

use hotline_tests::{Center, Phone, Sipp, likeness, samples, wait_for};
use serde_json::json;

#[test]
fn a_caller_who_leaves_in_the_menu_was_in_no_queue() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    wait_for("the menu", || {
        center.events_of_type("node_entered").iter().any(|event| event["node"] == "menu").then_some(())
    });
    center.record_for_seconds(1);
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "left_early");
    assert_eq!((&contact["end"]["by"], &contact["end"]["cause"]), (&json!("caller"), &json!("hung_up")));
    assert!(contact["queue"].is_null() && contact["agent"].is_null(), "{contact}");
    assert!(center.events_of_type("queue_entered").is_empty());
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

/// In the language that the number speaks.
#[test]
fn a_caller_who_ends_the_call_by_the_menu_hears_good_bye() {
    for (number, language, other) in [("8000", "zh-CN", "en-US"), ("8001", "en-US", "zh-CN")] {
        let center = Center::start();
        let mut customer = Phone::customer(&center, "alice", 440);
        customer.dial(number);
        customer.press('*');
        let contact = center.wait_for_contact("/end/class", "self_service");
        assert_eq!(
            (&contact["end"]["by"], &contact["end"]["cause"]),
            (&json!("center"), &json!("flow_finished"))
        );
        assert_eq!((&contact["node"], &contact["queue"]), (&json!("goodbye"), &json!(null)));
        customer.wait_for_log("terminated", 1);
        let heard = samples(&customer.heard(), 1);
        for (language, is_heard) in [(language, true), (other, false)] {
            let clip = format!("{}/../prompts/{language}/goodbye.wav", env!("CARGO_MANIFEST_DIR"));
            let likeness = likeness(&heard, &samples(Path::new(&clip), 1));
            assert_eq!(likeness > 0.9, is_heard, "{language} to {number}: {likeness:.3}");
        }
        center.wait_until_sealed(1);
    }
}

#[test]
fn a_caller_who_leaves_the_queue_has_abandoned() {
    let center = Center::start();
    let mut customer = Phone::customer(&center, "carol", 440);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/queue", "inquiry");
    customer.hang_up();

    let contact = center.wait_for_contact("/end/class", "abandoned");
    assert_eq!(contact["end"]["by"], "caller");
    assert!(contact["agent"].is_null(), "{contact}");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

#[test]
fn a_caller_who_leaves_while_an_agent_rings_stops_the_ringing() {
    let center = Center::start();
    let mut seat = Sipp::seats(&center, &["1001"], "rings-until-cancelled.xml", 1);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    wait_for("the seat to ring", || (center.agent("1001")["activity"] == "offered").then_some(()));
    customer.hang_up();

    // It saw a CANCEL, and its 487 was acknowledged.
    seat.assert_all_calls_went_well();
    let contact = center.wait_for_contact("/end/class", "abandoned");
    assert_eq!((&contact["queue"], &contact["end"]["by"]), (&json!("inquiry"), &json!("caller")));
    let offers = center.wait_for_events("offer_ended", 1);
    assert_eq!(offers[0]["outcome"], "caller_gone");
    // It was no fault of the agent.
    wait_for("the agent to be idle", || (center.agent("1001")["activity"] == "idle").then_some(()));
    assert_eq!(center.agent("1001")["shift"], "ready");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agent_who_hangs_up_ends_the_call_for_the_customer_too() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);
    agent.hang_up();

    customer.wait_for_log("session closed", 1);
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&contact["agent"], &contact["end"]["by"]), (&json!("1001"), &json!("agent")));
    wait_for("the agent to write up", || (center.agent("1001")["activity"] == "wrap_up").then_some(()));
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}
