//! The load generator against systems that others made: what it says of a center it can say of any peer.

use hotline_tests::{Echo, Kamailio, Load};

#[test]
fn calls_through_kamailio_hear_their_own_counterparts() {
    let kamailio = Kamailio::start(3);
    let run = Load::at_kamailio(&kamailio)
        .with(&["--calls", "3", "--rate", "3", "--seconds", "4", "--hold", "1"])
        .run();
    assert!(run.succeeded, "{}", run.said);
    let begun = run.number("/calls/begun");
    assert!(begun >= 4.0, "phones are used again: {}", run.report);
    assert_eq!(run.number("/calls/completed"), begun, "{}", run.report);
    assert_eq!(run.number("/calls/seats_registered"), 3.0);
    assert_eq!(run.number("/calls/most_talking"), 3.0);
    assert_eq!(run.number("/signalling/SER_percent"), 100.0);
    for (times, count) in [("RRD_us", 3.0), ("SRD_us", begun), ("SDD_us", begun)] {
        assert_eq!(run.number(&format!("/signalling/{times}/count")), count, "{}", run.report);
    }
    // Two ears a call, 50 packets a second, for a second.
    assert!(run.number("/media/packets_received") > 80.0 * begun, "{}", run.report);
    for none in ["lost_by_target", "foreign", "changed", "made_by_target", "ears_by_name"] {
        assert_eq!(run.number(&format!("/media/{none}")), 0.0, "{none} in {}", run.report);
    }
    assert_eq!(run.number("/media/delay_us/count"), run.number("/media/packets_received"));
}

#[test]
fn opus_phones_that_encrypt_talk_through_kamailio() {
    let kamailio = Kamailio::start(3);
    let run = Load::at_kamailio(&kamailio)
        .with(&["--codec", "opus", "--srtp=AEAD_AES_128_GCM"])
        .with(&["--calls", "2", "--rate", "2", "--seconds", "1", "--hold", "1"])
        .run();
    assert!(run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/completed"), 2.0, "{}", run.report);
    assert!(run.number("/media/packets_received") > 150.0, "{}", run.report);
    assert_eq!(run.number("/media/not_authentic"), 0.0, "{}", run.report);
}

#[test]
fn kamailio_passes_over_the_busy_and_a_customer_too_many_fails_the_run() {
    // Of the four whose turn comes, 1004 is never there.
    let kamailio = Kamailio::start(4);
    let run = Load::at_kamailio(&kamailio)
        .with(&["--calls", "4", "--rate", "4", "--seconds", "1", "--hold", "4"])
        .run();
    assert!(!run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/completed"), 3.0, "{}", run.report);
    assert_eq!(run.number("/calls/by_outcome/refused 480"), run.number("/calls/failed"), "{}", run.report);
}

#[test]
fn each_customer_of_sipp_hears_the_own_voice() {
    let echo = Echo::start();
    let run =
        Load::at_echo(&echo).with(&["--calls", "3", "--rate", "3", "--seconds", "1", "--hold", "2"]).run();
    assert!(run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/completed"), 3.0, "{}", run.report);
    assert!(run.number("/media/packets_received") > 250.0, "{}", run.report);
    for none in ["lost_by_target", "foreign", "changed"] {
        assert_eq!(run.number(&format!("/media/{none}")), 0.0, "{none} in {}", run.report);
    }
}
