//! Who may not call numbers outside: each way in is tried against a carrier's gateway that counts the calls it gets. Somebody
//! else's telephone bill is what strangers look for in a telephone system.

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Caller, Center, Gateway, Phone, Sipp, wait_for};
use serde_json::{Value, json};

/// The rules of the story allow it to agent 1001.
const ALLOWED: &str = "02155550100";
/// No rule is about it.
const OTHER: &str = "03155550100";

/// A center whose trunk is of this network and leads to the gateway; agent 1001 may call numbers that begin with 021.
fn center(gateway: &Gateway, sources: &str) -> Center {
    let trunk = format!(
        "sources = [{sources}]\ngateways = [\"sip:{}\"]\ncaller_id = \"8000\"\noptions_s = 0",
        gateway.address()
    );
    let center =
        Center::start_with(&[("trunks.toml", "sources = [\"127.0.0.0/8\", \"::1/128\"]", trunk.as_str())]);
    let rule = "[[rule]]\nprefix = \"021\"\nagents = [\"1001\"]\nallow = true\ntrunks = [\"loopback\"]\n";
    std::fs::write(center.folder.join("config/dialling.toml"), rule)
        .expect("the story's folder can be written");
    let (is_well, said) = center.reload(&[]);
    assert!(is_well, "{said}");
    center
}

/// Asks, by program, that the customer of this agent gets a number.
fn transfer(center: &Center, agent: &str, number: &str) -> (u16, Value) {
    let contact = center.wait_for_contact("/agent", agent);
    let path = format!("contacts/{}/transfer", contact["id"].as_str().expect("a contact has an id"));
    center.post_for(&path, &json!({ "number": number }).to_string())
}

fn assert_answer(answer: &str, status: &str, what: &str) {
    assert!(answer.starts_with(&format!("SIP/2.0 {status}")), "{what}: {answer}");
}

#[test]
fn who_calls_by_a_trunk_reaches_numbers_of_ours_and_no_other() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.0/8\"");
    for number in [ALLOWED, OTHER, "110", "+862155550100", "8000%40192.0.2.1"] {
        assert_answer(&Caller::answer_to_a_call(&center, number), "404", number);
    }
    // An agent's name proves nothing, nor does an agent's number or a slot of the house lead anybody in.
    assert_answer(&Caller::answer_to_a_call_as(&center, "1001", ALLOWED), "401", "an agent's name");
    for number in ["1001", "7001", "701", "*70"] {
        assert_answer(&Caller::answer_to_a_call(&center, number), "401", number);
    }
    // Let in, the customer still cannot send the call elsewhere.
    let customer = Caller::call(&center, "8000");
    for number in [ALLOWED, "110"] {
        assert_answer(&customer.refer(number), "4", number);
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn a_stranger_is_asked_who_it_is_whatever_it_dials() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.2\"");
    for number in [ALLOWED, OTHER, "110", "8000", "1001"] {
        assert_answer(&Caller::answer_to_a_call(&center, number), "401", number);
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn an_offer_forwarded_to_a_number_outside_is_declined() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.0/8\"");
    let targets =
        format!("<sip:{ALLOWED}@{}>, <tel:{ALLOWED}>, <sip:{ALLOWED}@127.0.0.1>", gateway.address());
    let mut seat = Sipp::seats_with(&center, &["1001"], "redirects.xml", 1, &[("targets", &targets)]);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    assert_eq!(center.wait_for_events("offer_ended", 1)[0]["outcome"], json!({"refused": "declined"}));
    seat.assert_all_calls_went_well();
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn an_agent_calls_what_the_rules_allow_to_that_agent_and_nothing_else() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.0/8\"");
    let mut colleague = Phone::agent(&center, "1002", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    // No rule is about 1002, nor about other numbers.
    for number in [ALLOWED, OTHER] {
        let (status, problem) = transfer(&center, "1002", number);
        assert_eq!(status, 409, "{problem}");
    }
    for (nth, number) in (1..).zip([ALLOWED, OTHER]) {
        colleague.transfer(number);
        center.wait_for_events("segment_started", 1 + nth);
    }
    assert_eq!(gateway.calls(), 0);
    colleague.hang_up();
    center.wait_for_contact("/end/class", "answered");
    drop(colleague);

    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "bob", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    // The rule is about the agent: who orders in the place of the agent is somebody else.
    assert_eq!(transfer(&center, "1001", ALLOWED).0, 409);
    assert_eq!(gateway.calls(), 0);
    agent.transfer(ALLOWED);
    let ended = wait_for("the end of the transfer", || {
        center.events_of_type("transfer_ended").into_iter().find(|ended| ended["agent"] == "1001")
    });
    assert_eq!((&ended["how"], gateway.calls()), (&json!({ "returned": "busy" }), 1));
}
