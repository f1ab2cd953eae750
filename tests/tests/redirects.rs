//! A seat's telephone that forwards an offer (302): to a colleague, and to where nobody may send a customer.

use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, Sipp, assert_hear_each_other};
use serde_json::json;

/// A colleague's telephone that rings for nothing but a redirect: its agent has a break.
fn colleague(center: &Center) -> Phone {
    let phone = Phone::agent(center, "1002", AGENT_HZ);
    center.order("break", "1002");
    phone
}

fn call_the_inquiry(center: &Center) -> Phone {
    let mut customer = Phone::customer(center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    customer
}

#[test]
fn an_offer_follows_a_telephone_that_forwards_to_a_colleague() {
    let center = Center::start();
    let colleague = colleague(&center);
    let targets = [("targets", "<sip:13800138000@127.0.0.1>, <sip:1002@127.0.0.1>;q=0.5")];
    let mut seat = Sipp::seats_with(&center, &["1001"], "redirects.xml", 1, &targets);
    let mut customer = call_the_inquiry(&center);
    let contact = center.wait_for_contact("/agent", "1001");
    assert_eq!(contact["queue"], "inquiry");
    center.talk_for_seconds(3);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    seat.assert_all_calls_went_well();
    assert_hear_each_other(&customer, &colleague);
    colleague.wait_for_log("Call established", 1);
    center.wait_for_log("follows a phone's redirect");
    assert!(!center.log().contains("13800138000"), "numbers are personal");
}

#[test]
fn nobody_is_sent_to_numbers_or_hosts_that_are_not_ours() {
    let center = Center::start();
    let colleague = colleague(&center);
    let targets = "<sip:13800138000@127.0.0.1>, <sip:1002@192.0.2.1>, <tel:1002>, <sip:1001@127.0.0.1>";
    let mut seat = Sipp::seats_with(&center, &["1001"], "redirects.xml", 1, &[("targets", targets)]);
    let _customer = call_the_inquiry(&center);
    assert_eq!(center.wait_for_events("offer_ended", 1)[0]["outcome"], json!({"refused": "declined"}));
    seat.assert_all_calls_went_well();
    center.wait_for_log("redirects to none of the other agents");
    assert!(!colleague.log().contains("Call established"), "the colleague's telephone answered");
}

#[test]
fn two_telephones_that_forward_to_each_other_are_each_asked_once() {
    let center = Center::start();
    let forwards = |from, to| Sipp::seats_with(&center, &[from], "redirects.xml", 1, &[("targets", to)]);
    let mut second = forwards("1002", "<sip:1001@127.0.0.1>");
    center.order("break", "1002");
    let mut first = forwards("1001", "<sip:1002@127.0.0.1>");
    let _customer = call_the_inquiry(&center);
    assert_eq!(center.wait_for_events("offer_ended", 1)[0]["outcome"], json!({"refused": "declined"}));
    first.assert_all_calls_went_well();
    second.assert_all_calls_went_well();
}

#[test]
fn with_no_redirects_allowed_a_302_is_a_refusal() {
    let center = Center::start_with(&[("hotline.toml", "# redirects = 3", "redirects = 0")]);
    let _colleague = colleague(&center);
    let targets = [("targets", "<sip:1002@127.0.0.1>")];
    let mut seat = Sipp::seats_with(&center, &["1001"], "redirects.xml", 1, &targets);
    let _customer = call_the_inquiry(&center);
    assert_eq!(center.wait_for_events("offer_ended", 1)[0]["outcome"], json!({"refused": "declined"}));
    seat.assert_all_calls_went_well();
    center.wait_for_log("one too many");
}
