//! A center that listens on IPv4 and on IPv6: peers of the two talk with each other.

use hotline_tests::{CUSTOMER_HZ, Center, Phone, Sipp, assert_each_on_its_channel};

/// The customer speaks IPv6, the agent's telephone IPv4.
#[test]
fn a_customer_by_ipv6_talks_to_an_agent_by_ipv4() {
    let center = Center::start_on_both(&[]);
    let _agent = Phone::agent(&center, "1001", 880);
    let customer = Sipp::talkers_v6(&center, 1);
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(3);
    customer.hang_up_all();
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["end"]["by"], "caller");
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
}

/// The other way round; the seat is rung where it registered, also after a restart.
#[test]
fn a_customer_by_ipv4_talks_to_an_agent_by_ipv6() {
    let mut center = Center::start_on_both(&[]);
    let mut seat = Sipp::seats_v6(&center, &["1001"], "answers.xml", 1);
    center.ask_to_end();
    assert!(center.wait_for_end().success());
    center.restart();
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(3);
    customer.hang_up();
    center.wait_for_contact("/end/class", "answered");
    seat.assert_all_calls_went_well();
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
}
