//! Reliable provisional answers (RFC 3262): PRACK from a caller to us, and from us to a seat.

use hotline_tests::{CUSTOMER_HZ, Center, Phone, Sipp, assert_each_on_its_channel};

#[test]
fn a_caller_who_requires_them_gets_180_with_rseq_and_200_for_its_prack() {
    let center = Center::start();
    let mut customer = Sipp::customer(&center, "requires-100rel.xml", "8000", &[]);
    customer.assert_all_calls_went_well();
    center.wait_for_contact("/end/cause", "hung_up");
}

/// The seat's only answer to our offer is in its 183.
#[test]
fn a_seat_that_rings_reliably_is_acknowledged_and_talks() {
    let center = Center::start_with(&[("hotline.toml", "# prack = true", "prack = true")]);
    let mut seat = Sipp::seats(&center, &["1001"], "rings-reliably.xml", 1);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.wait_for_contact("/agent", "1001");
    center.talk_for_seconds(3);
    customer.hang_up();
    seat.assert_all_calls_went_well();
    assert_each_on_its_channel(&center.recording_file(&center.wait_for_recording("sealed")));
}
