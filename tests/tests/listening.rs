//! A center that listens on IPv4 and on IPv6: peers of the two talk with each other.

use std::net::{Ipv6Addr, UdpSocket};

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

#[test]
fn doctor_names_the_one_address_of_several_that_is_taken() {
    let center = Center::start();
    let (v4, v6) = (center.sip(), center.sip_v6());
    let port = v6.rsplit(':').next().and_then(|port| port.parse::<u16>().ok()).expect("a port");
    let held = UdpSocket::bind((Ipv6Addr::LOCALHOST, port)).expect("the center listens on IPv4 alone");
    let http = center.http_address();
    let both = format!("{v4},{v6}");
    let output = center.command("doctor").args(["--json", "--sip", &both, "--http", &http]).output();
    let output = output.expect("hotline runs");
    assert!(!output.status.success(), "a stranger holds {v6}");
    let report: serde_json::Value = serde_json::from_slice(&output.stdout).expect("hotline prints JSON");
    let checks = report["checks"].as_array().expect("a list");
    let states = |address: &str, name: &str| {
        let about = |check: &&serde_json::Value| check["name"] == name && check.to_string().contains(address);
        checks.iter().find(about).map(|check| check["state"].to_string())
    };
    let state = |address, name| states(address, name).unwrap_or_else(|| panic!("{address} {name}: {report}"));
    assert_eq!(state(&v4, "sip_udp"), "\"ours\"");
    assert_eq!(state(&v6, "sip_udp"), "\"failed\"");
    assert_eq!(state(&v6, "sip_tcp"), "\"good\"");
    drop(held);
}
