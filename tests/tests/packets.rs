//! Telephones that ask for packets of other lengths than 20 ms, or send such ones.

use hotline_tests::{
    AGENT_HZ, AudioPacket, CUSTOMER_HZ, Caller, Center, Phone, assert_each_on_its_channel,
    assert_hear_each_other,
};

#[test]
fn a_caller_gets_packets_of_the_length_that_it_asks_for_and_is_told_so() {
    let center = Center::start();
    for (asked, ms) in [
        ("", 20),
        ("a=ptime:10\r\n", 10),
        ("a=ptime:30\r\n", 30),
        ("a=ptime:40\r\n", 40),
        ("a=ptime:60\r\na=maxptime:40\r\n", 40),
        ("a=ptime:60\r\n", 60),
    ] {
        let caller = Caller::asking(&center, "8000", asked);
        let answered = format!("a=ptime:{ms}\r\n");
        assert!(caller.accepted().contains(&answered), "{asked}: {}", caller.accepted());
        // The welcome. G.711: 8 bytes and 8 units of the timestamp a millisecond.
        let packets = caller.audio(20);
        let is_right = |pair: &&[AudioPacket]| {
            pair[0].bytes == ms * 8
                && pair[1].timestamp.wrapping_sub(pair[0].timestamp) as usize == ms * 8
                && pair[1].sequence == pair[0].sequence.wrapping_add(1)
        };
        let right = packets.windows(2).filter(is_right).count();
        assert!(packets.iter().all(|packet| packet.bytes <= ms * 8), "{asked}: {packets:?}");
        // Silence before the welcome may end within a packet, and a stall of the machine passes over time.
        assert!(right >= 15, "{asked}: {packets:?}");
        caller.hang_up();
    }
}

#[test]
fn a_customer_with_packets_of_40_ms_talks_with_an_agent_of_20() {
    talk(40, 20);
}

#[test]
fn a_customer_with_packets_of_30_ms_talks_with_an_agent_who_asks_for_10() {
    talk(30, 10);
}

/// Both hear each other and are recorded, whatever the lengths of the packets that they ask for.
fn talk(customers_ms: u8, agents_ms: u8) {
    let center = Center::start();
    let agent = Phone::agent_with_packets(&center, "1001", agents_ms, AGENT_HZ);
    let mut customer = Phone::customer_with_packets(&center, "alice", customers_ms, CUSTOMER_HZ);
    customer.dial("8000");
    // Our answer leaves it the length that it wants to send.
    customer.wait_for_log(&format!("audio ptime={customers_ms} "), 1);
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(5);
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    assert_hear_each_other(&customer, &agent);
    assert_each_on_its_channel(&center.recording_file(&recording));
    center.assert_rows_and_files_agree();
}
