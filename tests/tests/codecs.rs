//! Telephones of different codecs, made by others, talk to each other through a center.

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Center, Phone, assert_each_on_its_channel, assert_hear_each_other,
};

#[test]
fn an_opus_customer_talks_to_a_g711_agent() {
    talk("opus/48000/2", "PCMU/8000/1", 16_000);
}

#[test]
fn a_g711_customer_talks_to_a_g722_agent() {
    talk("PCMA/8000/1", "G722/16000/1", 8000);
}

#[test]
fn two_opus_telephones_talk() {
    talk("opus/48000/2", "opus/48000/2", 16_000);
}

#[test]
fn a_trunk_that_speaks_pcmu_alone_refuses_a_g722_customer() {
    let center = Center::start_with(&[(
        "trunks.toml",
        "name = \"loopback\"",
        "name = \"loopback\"\ncodecs = [\"PCMU\"]",
    )]);
    let mut customer = Phone::customer_with_codec(&center, "alice", "G722/16000/1", CUSTOMER_HZ);
    customer.begin_to_dial("8000");
    customer.wait_for_log("488 Not Acceptable Here", 1);
    assert_eq!(center.contacts().len(), 0);
    let mut other = Phone::customer_with_codec(&center, "bob", "PCMU/8000/1", CUSTOMER_HZ);
    other.dial("8000");
}

/// The customer hears the menu well enough to press a key, then both hear each other and are recorded.
fn talk(customers: &str, agents: &str, rate: u64) {
    let center = Center::start();
    let agent = Phone::agent_with_codec(&center, "1001", agents, AGENT_HZ);
    let mut customer = Phone::customer_with_codec(&center, "alice", customers, CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(5);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_eq!(recording["rate"], rate);
    assert_hear_each_other(&customer, &agent);
    assert_each_on_its_channel(&center.recording_file(&recording));
    center.assert_rows_and_files_agree();
}
