//! The load generator against a center: it must say what is, in numbers that can be compared.

use hotline_tests::{Center, Load};

#[test]
fn every_call_hears_its_own_counterpart() {
    let center = Center::start();
    let run = Load::at(&center).with(&["--calls", "3", "--rate", "3", "--seconds", "1", "--hold", "2"]).run();
    assert!(run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/begun"), 3.0, "{}", run.report);
    assert_eq!(run.number("/calls/completed"), 3.0);
    assert_eq!(run.number("/calls/most_talking"), 3.0);
    assert_eq!(run.number("/calls/seats_registered"), 3.0);
    assert_eq!(run.number("/signalling/SER_percent"), 100.0);
    assert_eq!(run.number("/signalling/SEER_percent"), 100.0);
    for (times, count) in [("RRD_us", 3.0), ("SRD_us", 3.0), ("SDD_us", 3.0)] {
        assert_eq!(run.number(&format!("/signalling/{times}/count")), count, "{}", run.report);
        assert!(run.number(&format!("/signalling/{times}/p50")) > 0.0);
    }
    // Three calls of 2 s, two ears each, 50 packets a second.
    assert!(run.number("/media/packets_received") > 500.0, "{}", run.report);
    assert_eq!(run.number("/media/lost_by_target"), 0.0);
    assert_eq!(run.number("/media/foreign"), 0.0);
    assert_eq!(run.number("/media/changed"), 0.0, "one law on both sides is forwarded as it is");
    assert!(run.number("/media/delay_us/p99.9") >= run.number("/media/delay_us/p50"));
    assert!(run.number("/media/spacing_error_us/count") > 100.0, "the welcome was heard");
    assert!(run.page.contains("<svg"), "the page has plots");
    center.wait_until_sealed(3);
    center.assert_rows_and_files_agree();
}

#[test]
fn injected_loss_is_told_and_is_not_laid_at_the_centers_door() {
    let center = Center::start();
    let bad_network = ["--loss", "10", "--jitter", "10", "--reorder", "2", "--agent-codec", "pcmu"];
    let run = Load::at(&center)
        .with(&["--calls", "2", "--rate", "2", "--seconds", "1", "--hold", "4"])
        .with(&bad_network)
        .run();
    assert!(run.succeeded, "{}", run.said);
    let loss = run.number("/media/loss_percent");
    assert!((5.0..15.0).contains(&loss), "{}", run.report);
    assert!(run.number("/media/injected_loss") > 0.0);
    assert_eq!(run.number("/media/lost_by_target"), 0.0, "{}", run.report);
    assert!(run.number("/media/reordered") > 0.0);
    assert_eq!(run.number("/media/changed"), run.number("/media/packets_received"), "another law there");
}

#[test]
fn phones_that_encrypt_hear_each_other_and_their_suite_is_used() {
    let center = Center::start_with(&[("hotline.toml", "srtp = \"off\"", "srtp = \"required\"")]);
    for suite in ["AES_CM_128_HMAC_SHA1_80", "AEAD_AES_256_GCM"] {
        let run = Load::at(&center)
            .with(&["--calls", "2", "--rate", "2", "--seconds", "1", "--hold", "1"])
            .with(&[&format!("--srtp={suite}")])
            .run();
        assert!(run.succeeded, "{}", run.said);
        assert_eq!(run.report["plan"]["srtp"], suite);
        assert!(run.number("/media/packets_received") > 100.0, "{}", run.report);
        for none in ["lost_by_target", "foreign", "changed", "not_authentic"] {
            assert_eq!(run.number(&format!("/media/{none}")), 0.0, "{none} in {}", run.report);
        }
    }
    let plain = Load::at(&center).with(&["--calls", "1", "--seconds", "1", "--hold", "1"]).run();
    assert_eq!(
        plain.number("/calls/by_outcome/refused 488"),
        plain.number("/calls/begun"),
        "{}",
        plain.report
    );
}

#[test]
fn phones_of_one_codec_are_told_apart_packet_by_packet() {
    let center = Center::start_with(&[("hotline.toml", "srtp = \"off\"", "srtp = \"optional\"")]);
    for (codec, srtp) in [("g722", &[][..]), ("opus", &["--srtp"]), ("l16", &["--srtp"])] {
        let run = Load::at(&center)
            .with(&["--codec", codec, "--calls", "3", "--rate", "3", "--seconds", "1", "--hold", "2"])
            .with(srtp)
            .run();
        assert!(run.succeeded, "{}", run.said);
        assert_eq!(run.number("/calls/completed"), 3.0, "{}", run.report);
        for side in ["codec", "agent_codec"] {
            assert_eq!(run.report["plan"][side], codec);
        }
        assert!(run.number("/media/packets_received") > 500.0, "{}", run.report);
        for none in ["lost_by_target", "foreign", "changed", "ears_by_name"] {
            assert_eq!(run.number(&format!("/media/{none}")), 0.0, "{none} in {}", run.report);
        }
        let received = run.number("/media/packets_received");
        assert_eq!(run.number("/media/delay_us/count"), received, "every packet was timed");
    }
    let recordings = center.wait_until_sealed(9);
    assert!(recordings.iter().all(|recording| recording["rate"] == 16_000), "{recordings:?}");
}

#[test]
fn opus_customers_and_g711_agents_know_each_other_by_ear() {
    let center = Center::start();
    let run = Load::at(&center)
        .with(&["--codec", "opus", "--agent-codec", "pcma"])
        .with(&["--calls", "3", "--rate", "3", "--seconds", "1", "--hold", "3"])
        .run();
    assert!(run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/completed"), 3.0, "{}", run.report);
    assert_eq!(run.number("/media/ears_by_name"), 6.0, "{}", run.report);
    assert!(run.number("/media/names_heard") >= 6.0, "{}", run.report);
    assert_eq!(run.number("/media/foreign"), 0.0);
    // What the center encoded anew has no stamp: nothing is claimed of it.
    assert_eq!(run.number("/media/packets_expected"), 0.0);
    assert!(run.report["media"]["loss_percent"].is_null(), "{}", run.report);
    assert_eq!(run.number("/media/delay_us/count"), 0.0);
    for told in ["6 phones knew their counterpart by ear 靠听辨认", "neither loss nor delay can be measured"]
    {
        assert!(run.said.contains(told), "{}", run.said);
    }
    assert!(run.page.contains("not measurable 其丢包与时延无法测量"), "{}", run.page);
}

#[test]
fn a_call_without_an_agent_fails_the_run() {
    let center = Center::start();
    let run = Load::at(&center)
        .with(&["--calls", "2", "--rate", "2", "--seconds", "1", "--agents", "1001-1001", "--patience", "3"])
        .with(&["--hold", "6"])
        .run();
    assert!(!run.succeeded, "{}", run.said);
    assert_eq!((run.number("/calls/completed"), run.number("/calls/failed")), (1.0, 1.0), "{}", run.report);
    assert_eq!(run.number("/calls/by_outcome/nobody came"), 1.0);
}

#[test]
fn a_stranger_is_not_called() {
    let center = Center::start();
    let run = Load::at(&center).with(&["--target", "192.0.2.1:5060"]).refused();
    assert!(run.contains("--anywhere"), "{run}");
}
