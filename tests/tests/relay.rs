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
        "sources = [{sources}]\ntrust_identity = true\nentry_by_diversion = true\ngateways = [\"sip:{}\"]\ncaller_id = \"8000\"\noptions_s = 0",
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

/// What is said in headers, and in addresses that are not plain numbers of ours, leads nobody out: each row is a request
/// from a trunk's address, and how its answer begins. Who names 8000 reaches 8000.
#[test]
fn no_header_and_no_way_to_write_a_number_leads_out() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.0/8\"");
    let (ours, theirs) = (center.sip(), gateway.address());
    let at = |user: &str, host: &str| format!("sip:{user}@{host}");
    let route = format!("Route: <sip:{theirs};lr>\r\n");
    let diversion = format!("Diversion: <sip:{ALLOWED}@{theirs}>;reason=unconditional\r\n");
    let history = format!("History-Info: <sip:{ALLOWED}@{theirs}>;index=1, <sip:8000@{ours}>;index=1.1\r\n");
    let identity = "P-Asserted-Identity: <sip:1001@127.0.0.1>\r\n";
    let replaces = "Replaces: caller-1;to-tag=a;from-tag=b\r\n";
    let refer = format!("Refer-To: <sip:{ALLOWED}@{theirs}>\r\nReferred-By: <sip:1001@{ours}>\r\n");
    let phone_context = format!("{ALLOWED};phone-context=example.com");
    for (method, user, uri, headers, expected) in [
        ("INVITE", "138", at(ALLOWED, theirs), "", "404"),
        ("INVITE", "138", at(ALLOWED, "carrier.example.com"), "", "404"),
        ("INVITE", "138", at("8000", theirs), "", "200"),
        ("INVITE", "138", at(ALLOWED, &ours), route.as_str(), "404"),
        ("INVITE", "138", at("8000", &ours), route.as_str(), "200"),
        ("INVITE", "138", format!("tel:{ALLOWED}"), "", "404"),
        ("INVITE", "138", "tel:2155550100;phone-context=+860".to_owned(), "", "404"),
        ("INVITE", "138", at("%2B862155550100", &ours), "", "404"),
        ("INVITE", "138", at("%30215555%30100", &ours), "", "404"),
        ("INVITE", "138", at(&phone_context, &ours) + ";user=phone", "", "404"),
        ("INVITE", "138", at(&format!("*70{ALLOWED}"), &ours), "", "404"),
        ("INVITE", "138", at(&format!("8000{ALLOWED}"), &ours), "", "404"),
        ("INVITE", "138", at(ALLOWED, &ours), diversion.as_str(), "404"),
        ("INVITE", "138", at("8000", &ours), diversion.as_str(), "200"),
        ("INVITE", "138", at(ALLOWED, &ours), history.as_str(), "404"),
        ("INVITE", "138", at("8000", &ours), history.as_str(), "200"),
        ("INVITE", "1001", at(ALLOWED, &ours), identity, "401"),
        ("INVITE", "138", at("8000", &ours), replaces, "4"),
        ("REFER", "138", at("8000", &ours), refer.as_str(), "4"),
        ("REFER", "1001", at("1001", &ours), refer.as_str(), "4"),
        ("MESSAGE", "138", at(ALLOWED, &ours), "", "4"),
        ("SUBSCRIBE", "138", at(ALLOWED, &ours), "Event: refer\r\n", "4"),
    ] {
        let answer = Caller::answer_to_a_request(&center, (method, user), &uri, headers);
        assert_answer(&answer, expected, &format!("{method} {uri} {headers}"));
    }
    assert_eq!(gateway.calls(), 0);
}

#[test]
fn an_agents_phone_dials_no_number_outside_past_the_rules() {
    let gateway = Gateway::new();
    let center = center(&gateway, "\"127.0.0.2\"");
    let mut phone = Phone::agent(&center, "1002", AGENT_HZ);
    for (nth, number) in (1..).zip([ALLOWED, OTHER, &format!("*70{ALLOWED}"), &format!("1001{ALLOWED}")]) {
        phone.begin_to_dial(number);
        phone.wait_for_log("session closed", nth);
    }
    assert_eq!(gateway.calls(), 0, "{}", phone.log());
}

#[test]
fn where_a_gateway_sends_a_call_on_to_nobody_is_called() {
    let elsewhere = Gateway::new();
    let gateway = Gateway::redirecting(&format!("sip:{OTHER}@{}", elsewhere.address()));
    let center = center(&gateway, "\"127.0.0.0/8\"");
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "bob", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    agent.transfer(ALLOWED);
    let ended = center.wait_for_events("transfer_ended", 1);
    assert_eq!(ended[0]["how"], json!({ "returned": "declined" }));
    assert_eq!((gateway.calls(), elsewhere.calls()), (1, 0));
}
