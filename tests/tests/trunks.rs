//! Calls go out through carriers that other people's programs play: SIPp as gateway, Kamailio as provider.

use std::net::UdpSocket;

use hotline_tests::{
    Center, Gateway, Kamailio, NameServer, OUTSIDE as NUMBER, Phone, Sipp, THIRD_HZ, Voices, assert_heard,
    wait_for,
};
use serde_json::{Value, json};

const CUSTOMER: Voices = [true, false, false];
const AGENT: Voices = [false, true, false];
const OUTSIDE: Voices = [false, false, true];

/// Gives the customer of 1001 to the number outside; what came of it.
fn transfer(center: &Center) -> (u16, Value) {
    let contact = center.wait_for_contact("/agent", "1001");
    let path = format!("contacts/{}/transfer", contact["id"].as_str().expect("a contact has an id"));
    center.post_for(&path, &json!({ "number": NUMBER }).to_string())
}

/// The trunk, once it is as wanted.
fn wait_for_trunk(center: &Center, wanted: impl Fn(&Value) -> bool) -> Value {
    wait_for("the trunk to be so", || center.rows("trunks").into_iter().find(|trunk| wanted(trunk)))
}

#[test]
fn past_a_gateway_without_a_line_and_a_silent_one_the_third_takes_the_call() {
    let center = Center::start();
    let (mut full, first) = Sipp::gateway(&center, "has-no-line.xml", 1, THIRD_HZ);
    let silent = UdpSocket::bind("127.0.0.1:0").expect("a port is free");
    let second = silent.local_addr().expect("a bound socket has an address").to_string();
    let (mut taker, third) = Sipp::gateway(&center, "answers.xml", 1, THIRD_HZ);
    center.set_gateways(&[&first, &second, &third]);
    let (mut customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "done", "reason": null })));
    full.assert_all_calls_went_well();
    center.record_for_seconds(3);

    let trunk = &center.rows("trunks")[0];
    let states: Vec<&Value> =
        trunk["gateways"].as_array().expect("gateways").iter().map(|gateway| &gateway["state"]).collect();
    assert_eq!(states, ["resting", "resting", "up"], "{trunk}");
    assert_eq!(trunk["last_failure"]["what"], "timeout", "{trunk}");
    assert_eq!(trunk["calls"], 2, "the customer's, and the one that went out: {trunk}");
    assert_eq!(center.listing("trunks")[0]["gateways"], trunk["gateways"]);
    let metrics = center.metrics();
    assert!(metrics.contains("hotline_trunk_calls{trunk=\"carrier\"} 2"), "{metrics}");
    let printed = center.command("trunks").env("HOTLINE_LANG", "both").output().expect("hotline runs");
    let printed = String::from_utf8_lossy(&printed.stdout).into_owned();
    assert!(printed.contains("gateway_state 网关状态") && printed.contains("resting 暂缓使用"), "{printed}");

    customer.hang_up();
    taker.assert_all_calls_went_well();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], format!("tel:{NUMBER}"));
    assert_heard(&customer.heard(), 1, &[AGENT, OUTSIDE]);
    wait_for_trunk(&center, |trunk| trunk["calls"] == 0);
    center.assert_rows_and_files_agree();
}

#[test]
fn a_gateway_that_says_nothing_but_100_is_passed_over() {
    let center = Center::start();
    let (mut stuck, first) = Sipp::gateway(&center, "gets-stuck.xml", 1, THIRD_HZ);
    let (mut taker, second) = Sipp::gateway(&center, "answers.xml", 1, THIRD_HZ);
    let gateways = format!("gateways = [\"sip:{first}\", \"sip:{second}\"]\noptions_s = 0\nprogress_s = 1");
    center.set_trunk(&format!("sources = [\"127.0.0.0/8\"]\n{gateways}"));
    let (mut customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "done", "reason": null })));
    stuck.assert_all_calls_went_well();
    let trunk = &center.rows("trunks")[0];
    assert_eq!(trunk["last_failure"]["what"], "timeout", "{trunk}");
    customer.hang_up();
    taker.assert_all_calls_went_well();
    center.wait_for_contact("/end/class", "answered");
}

/// The records of carrier.test: two servers, the first preferred.
fn records(first: &str, second: &str) -> Vec<String> {
    let port = |address: &str| address.rsplit(':').next().unwrap_or_default().to_owned();
    let service = "_sip._udp.carrier.test";
    let mut records = vec![
        "--naptr-record=carrier.test,10,10,s,SIPS+D2T,,_sips._tcp.carrier.test".to_owned(),
        format!("--naptr-record=carrier.test,20,10,s,SIP+D2U,,{service}"),
        // What the name itself leads to takes no calls.
        "--host-record=carrier.test,127.0.0.9".to_owned(),
    ];
    for (nth, address) in [first, second].into_iter().enumerate() {
        records.push(format!("--host-record=gw{nth}.carrier.test,127.0.0.1"));
        records.push(format!("--srv-host={service},gw{nth}.carrier.test,{},{},5", port(address), 10 + nth));
    }
    records
}

#[test]
fn a_carrier_known_by_name_is_found_by_its_service_records() {
    let center = Center::start();
    let (mut full, first) = Sipp::gateway(&center, "has-no-line.xml", 1, THIRD_HZ);
    let (mut taker, second) = Sipp::gateway(&center, "answers.xml", 1, THIRD_HZ);
    let names = NameServer::start(&records(&first, &second));
    center.edit("hotline.toml", "[sip]\n", &format!("[sip]\nname_servers = [\"{}\"]\n", names.address()));
    center.set_gateways(&["carrier.test"]);
    let trunk = wait_for_trunk(&center, |trunk| trunk["gateways"][0]["state"] == "up");
    let addresses = [first.as_str(), second.as_str()];
    assert_eq!(trunk["gateways"][0]["addresses"], json!(addresses), "{trunk}");
    let (mut customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "done", "reason": null })));
    full.assert_all_calls_went_well();
    customer.hang_up();
    taker.assert_all_calls_went_well();
    center.wait_for_contact("/end/class", "answered");
}

#[test]
fn who_is_busy_outside_is_called_once_and_the_customer_comes_back() {
    let center = Center::start();
    let (mut busy, first) = Sipp::gateway(&center, "is-busy.xml", 1, THIRD_HZ);
    let other = Gateway::new();
    center.set_gateways(&[&first, other.address()]);
    let (mut customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "returned", "reason": "busy" })));
    busy.assert_all_calls_went_well();
    assert_eq!(other.calls(), 0, "who is busy here is busy there");
    center.record_for_seconds(2);
    customer.hang_up();
    assert_eq!(center.wait_for_contact("/end/class", "answered")["agent"], "1001");
}

#[test]
fn what_a_carrier_says_before_the_answer_is_heard_and_costs_no_second_try() {
    let center = Center::start();
    let (mut announces, first) = Sipp::gateway(&center, "announces.xml", 1, THIRD_HZ);
    let other = Gateway::new();
    center.set_gateways(&[&first, other.address()]);
    let (mut customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "returned", "reason": "unreachable" })));
    announces.assert_all_calls_went_well();
    assert_eq!(other.calls(), 0);
    center.record_for_seconds(2);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    assert_heard(&customer.heard(), 1, &[AGENT, OUTSIDE, AGENT]);
}

#[test]
fn kamailio_registers_the_trunk_carries_its_calls_and_brings_it_calls() {
    let center = Center::start();
    let mut outside = Phone::outside(&center, NUMBER, THIRD_HZ);
    let kamailio = Kamailio::provider(&center, &outside);
    let provider = kamailio.sip();
    let lines = format!(
        "gateways = [\"sip:{provider}\"]\nusername = \"12345\"\npassword = \"provider-secret\"\n\
         register = \"sip:{provider}\"\noptions_s = 1"
    );
    center.set_trunk(&lines);
    let trunk = wait_for_trunk(&center, |trunk| trunk["registration"]["state"] == "registered");
    assert_eq!(trunk["gateways"][0]["state"], "up", "{trunk}");
    assert_eq!(trunk["last_failure"], Value::Null, "{trunk}");

    // In: the provider calls the account; what the customer dialled stands in To.
    let mut caller = Sipp::customer_of(&center, &kamailio, "listens-and-leaves.xml", "8000");
    let contact = center.wait_for_contact("/number", "8000");
    assert_eq!(contact["trunk"], "carrier");
    caller.assert_all_calls_went_well();
    center.wait_for_contact("/end/by", "caller");

    // Out: the provider wants to know whose call it is (407).
    let (customer, _agent) = Phone::customer_and_agent(&center);
    assert_eq!(transfer(&center), (200, json!({ "outcome": "done", "reason": null })));
    center.record_for_seconds(3);
    outside.hang_up();
    center.wait_for_contact("/agent", &format!("tel:{NUMBER}"));
    assert_heard(&customer.heard(), 1, &[AGENT, OUTSIDE]);
    assert_heard(&outside.heard(), 1, &[CUSTOMER]);

    // A wrong password is said as such.
    center.edit("trunks.toml", "provider-secret", "another");
    let (is_well, said) = center.reload(&[]);
    assert!(is_well && said.contains("***") && !said.contains("another"), "{said}");
    let trunk = wait_for_trunk(&center, |trunk| trunk["registration"]["state"] == "rejected");
    assert_eq!(trunk["registration"]["status"], 401, "{trunk}");
    center.wait_for_log("a provider refuses our registration");
}
