//! One address does its worst while others talk.

use hotline_tests::{Center, Flood, Load, Sipp, wait_for};
use serde_json::Value;

/// Requests and RTP packets that the flood has sent before the story goes on.
const FLOODED: u64 = 3_000;

#[test]
fn a_talk_in_progress_loses_nothing_while_one_address_floods_sip_and_rtp_and_twelve_more_calls_are_taken() {
    let trunk = ("trunks.toml", "\"127.0.0.0/8\"", "\"127.0.0.1/32\"");
    let center = Center::start_with(&[trunk]);
    let (run, dropped) = std::thread::scope(|scope| {
        let talks =
            Load::at(&center).with(&["--calls", "2", "--rate", "2", "--seconds", "1", "--hold", "15"]);
        let run = scope.spawn(|| talks.run());
        wait_for("two to talk", || (talking(&center) == 2).then_some(()));
        let flood = Flood::begin(&center);
        flood.wait_for(FLOODED);
        assert_eq!(talking(&center), 2, "both talk on");
        Sipp::start(&center, "listens-and-leaves.xml", "u1", 12).assert_all_calls_went_well();
        flood.wait_for(2 * FLOODED);
        (run.join().expect("the load generator ends"), center.log().contains("SIP messages dropped"))
    });
    assert!(dropped, "the flood met its limits");
    assert!(run.succeeded, "{}", run.said);
    assert_eq!(run.number("/calls/completed"), 2.0, "{}", run.report);
    // Two calls of two ears. By sequence number: how late a starved machine delivers does not count.
    assert!(run.number("/media/packets_received") > 1_000.0, "{}", run.report);
    for none in ["lost_by_target", "foreign", "changed"] {
        assert_eq!(run.number(&format!("/media/{none}")), 0.0, "{none} in {}", run.report);
    }
    // Two talks and the twelve.
    for recording in center.wait_until_sealed(14) {
        assert_eq!(recording["gaps"], Value::Array(Vec::new()), "{recording}");
    }
    center.assert_rows_and_files_agree();
}

fn talking(center: &Center) -> usize {
    let talks = |row: &&Value| row["talked_at"].is_string() && row["ended_at"].is_null();
    center.contacts().iter().filter(talks).count()
}
