//! Peers that vanish, that are mute, and that are early.

use hotline_tests::{Caller, Center, Phone, wait_for};
use serde_json::Value;

const SOON: (&str, &str, &str) = ("hotline.toml", "silence_s = 60", "silence_s = 5");

fn causes(center: &Center) -> Vec<String> {
    let cause = |row: Value| row.pointer("/end/cause").and_then(Value::as_str).map(str::to_owned);
    center.contacts().into_iter().filter_map(cause).collect()
}

/// A full center of callers of whom nothing is left is open again when they were asked.
#[test]
fn twenty_callers_who_vanish_do_not_close_the_center() {
    let center = Center::start_with(&[SOON, ("hotline.toml", "max_calls = 2000", "max_calls = 20")]);
    for nth in 0..20 {
        let caller = Caller::call(&center, "8000");
        if nth % 2 == 0 {
            caller.press_by_info(2, '1');
        }
    }
    assert!(Caller::answer_to_a_call(&center, "8000").starts_with("SIP/2.0 503"));
    let all = wait_for("all to be gone", || {
        let causes = causes(&center);
        (causes.len() == 20).then_some(causes)
    });
    assert!(all.iter().all(|cause| cause == "signalling_timeout"), "{all:?}");
    let _next = Caller::call(&center, "8000");
    center.assert_rows_and_files_agree();
}

/// Nobody tells that they are gone: their sockets are open, and nothing reads them.
#[test]
fn callers_who_answer_nothing_are_gone_in_the_menu_and_in_the_queue() {
    let center = Center::start_with(&[SOON]);
    let callers = [Caller::call(&center, "8000"), Caller::call(&center, "8000")];
    callers[0].press_by_info(2, '1');
    let all = wait_for("both to be gone", || {
        let causes = causes(&center);
        (causes.len() == 2).then_some(causes)
    });
    assert_eq!(all, ["signalling_timeout", "signalling_timeout"]);
    center.wait_until_sealed(2);
    center.assert_rows_and_files_agree();
}

#[test]
fn telephones_that_are_killed_are_gone_and_do_not_hold_up_the_end() {
    let mut center = Center::start_with(&[SOON]);
    let agent = Phone::agent(&center, "1001", 880);
    let mut phones = Vec::new();
    for name in ["alice", "bob", "carol", "dora", "erna"] {
        let mut phone = Phone::customer(&center, name, 440);
        phone.dial("8000");
        phone.press('1');
        phones.push(phone);
    }
    wait_for("one to talk and four to wait", || {
        let contacts = center.contacts();
        let count = |field: &str| contacts.iter().filter(|row| row[field].is_string()).count();
        (count("talked_at") == 1 && count("queue") == 5).then_some(())
    });
    // SIGKILL, as dropping a phone always is.
    drop(phones);
    drop(agent);
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    center.restart();
    let all = causes(&center);
    assert_eq!(all.len(), 5);
    // Nobody was still there when the drain's limit would have come.
    assert!(
        all.iter().all(|cause| ["signalling_timeout", "media_timeout"].contains(&cause.as_str())),
        "{all:?}"
    );
}

#[test]
fn a_mute_caller_who_answers_waits_on_and_has_to_be_heard_by_the_agent() {
    let center = Center::start_with(&[SOON]);
    let caller = Caller::call(&center, "8000");
    caller.press_by_info(2, '1');
    let caller = caller.mute(false);
    center.wait_for_contact("/queue", "inquiry");
    // Three times as long as anybody may be silent.
    center.record_for_seconds(15);
    assert!(causes(&center).is_empty() && !caller.was_hung_up());
    let _agent = Phone::agent(&center, "1001", 880);
    let contact = center.wait_for_contact("/end/cause", "media_timeout");
    assert_eq!((&contact["end"]["by"], &contact["agent"]), (&"network".into(), &"1001".into()));
    wait_for("the caller to be hung up", || caller.was_hung_up().then_some(()));
}

#[test]
fn a_muted_telephone_that_sends_rtcp_alone_stays_in_the_conversation() {
    let center = Center::start_with(&[SOON]);
    let _agent = Phone::agent(&center, "1001", 880);
    let caller = Caller::call(&center, "8000");
    caller.press_by_info(2, '1');
    let caller = caller.mute(true);
    center.talk_for_seconds(16);
    assert!(causes(&center).is_empty() && !caller.was_hung_up());
    drop(caller);
    center.wait_for_contact("/end/class", "answered");
}

/// Our 200 is all that a caller waits for before pressing: the ACK may be late.
#[test]
fn what_is_pressed_before_the_ack_counts() {
    let center = Center::start();
    type Press = fn(&Caller);
    let ways: [Press; 2] = [|caller| caller.press_by_rtp(2), |caller| caller.press_by_info(2, '2')];
    for (nth, press) in (1..).zip(ways) {
        let caller = Caller::unacknowledged(&center, "8000");
        press(&caller);
        // Long enough for the key to be heard before the ACK.
        center.record_for_seconds(1);
        caller.acknowledge();
        let entered = center.wait_for_events("queue_entered", nth);
        assert_eq!(entered[nth - 1]["queue"], "complaint");
        caller.hang_up();
        center.wait_until_sealed(nth);
    }
    assert_eq!(center.events_of_type("digit_pressed").len(), 2);
}

#[test]
fn a_seat_whose_telephone_is_dead_costs_the_caller_nothing() {
    let center = Center::start();
    drop(Phone::agent(&center, "1001", 880));
    let _other = Phone::agent(&center, "1002", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    let ended = center.wait_for_events("offer_ended", 2);
    assert_eq!(ended[0]["outcome"], serde_json::json!({"refused": "unreachable"}), "its port was closed");
    assert_eq!(ended[1]["outcome"], "accepted");
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1002");
}

#[test]
fn an_address_that_has_all_its_calls_gets_no_further_one_and_the_log_says_why() {
    let limit = ("trunks.toml", "name = \"loopback\"", "name = \"loopback\"\nmax_calls_per_source = 2");
    let center = Center::start_with(&[limit]);
    let calls = [Caller::call(&center, "8000"), Caller::call(&center, "8000")];
    assert!(Caller::answer_to_a_call(&center, "8000").starts_with("SIP/2.0 503"));
    wait_for("a line with the reason and the address", || {
        let log = center.log();
        log.lines().any(|line| line.contains("source_full") && line.contains("127.0.0.1")).then_some(())
    });
    calls[0].hang_up();
    center.wait_for_contact("/end/cause", "hung_up");
    let next = Caller::call(&center, "8000");
    next.hang_up();
    calls[1].hang_up();
}

#[test]
fn a_caller_who_waited_for_as_long_as_is_allowed_hears_why_and_is_let_go() {
    let limit = ("queues.toml", "name = \"inquiry\"", "longest_wait_s = 10\nname = \"inquiry\"");
    let center = Center::start_with(&[limit]);
    let caller = Caller::call(&center, "8000");
    caller.press_by_info(2, '1');
    let caller = caller.mute(false);
    let contact = center.wait_for_contact("/end/cause", "waited_out");
    assert_eq!((&contact["end"]["by"], &contact["end"]["class"]), (&"center".into(), &"refused".into()));
    assert_eq!(center.wait_for_events("queue_left", 1)[0]["reason"], "redirected");
    wait_for("the caller to be hung up", || caller.was_hung_up().then_some(()));
}

#[test]
fn a_customer_whose_agents_telephone_dies_waits_again_and_is_answered_by_another() {
    let center = Center::start_with(&[SOON]);
    let agent = Phone::agent(&center, "1001", 880);
    let mut customer = Phone::customer(&center, "alice", 440);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(1);
    drop(agent);
    let entered = center.wait_for_events("queue_entered", 2);
    assert_eq!(entered[1]["queue"], "inquiry");
    let ended = center.wait_for_events("segment_ended", 1);
    assert_eq!(ended[0]["end"]["by"], "network");
    let _other = Phone::agent(&center, "1002", 660);
    let talks = center.wait_for_events("segment_started", 2);
    assert_eq!(talks[1]["agent"], "1002");
    customer.hang_up();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!((&contact["agent"], &contact["end"]["by"]), (&"1002".into(), &"caller".into()));
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}
