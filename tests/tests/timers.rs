//! Session timers (RFC 4028) with a peer that others wrote. The least interval is 90 s, so these stories take a minute.

use std::time::Duration;

use hotline_tests::{Center, Sipp, wait_for_within};
use serde_json::Value;

/// The least interval, and callers who may be silent for longer than any story lasts.
const TIMERS: [(&str, &str, &str); 2] = [
    ("hotline.toml", "# session_expires_s = 1800", "session_expires_s = 90"),
    ("hotline.toml", "silence_s = 60", "silence_s = 600"),
];

/// Waits until so many contacts ended; how each did. A refresh is due after 45 s, and answered within 16 s or not at
/// all.
fn wait_for_ends(center: &Center, count: usize) -> Vec<Value> {
    wait_for_within(Duration::from_secs(180), &format!("{count} contacts to end"), || {
        let mut ended = center.contacts();
        ended.retain(|contact| contact["end"].is_object());
        (ended.len() == count).then_some(ended)
    })
}

#[test]
fn we_refresh_by_update_where_it_is_taken_and_else_by_reinvite() {
    let center = Center::start_with(&TIMERS);
    let methods = ["INVITE, ACK, CANCEL, BYE, INFO, UPDATE", "INVITE, ACK, CANCEL, BYE, INFO"];
    let mut customers =
        methods.map(|methods| Sipp::customer(&center, "is-refreshed.xml", "8000", &[("methods", methods)]));
    for contact in wait_for_ends(&center, 2) {
        assert_eq!((&contact["end"]["by"], &contact["end"]["cause"]), (&"caller".into(), &"hung_up".into()));
    }
    customers.iter_mut().for_each(Sipp::assert_all_calls_went_well);
}

/// Neither an answer to our refresh nor, where that was agreed, a refresh of their own.
#[test]
fn a_session_that_is_not_refreshed_ends_by_the_network() {
    let center = Center::start_with(&TIMERS);
    let refreshers = ["uas", "uac"];
    let mut customers = refreshers
        .map(|refresher| Sipp::customer(&center, "falls-silent.xml", "8000", &[("refresher", refresher)]));
    for contact in wait_for_ends(&center, 2) {
        let end = (&contact["end"]["by"], &contact["end"]["cause"]);
        assert_eq!(end, (&"network".into(), &"signalling_timeout".into()));
    }
    customers.iter_mut().for_each(Sipp::assert_all_calls_went_well);
    center.assert_rows_and_files_agree();
}

#[test]
fn an_interval_that_is_too_small_gets_422_with_the_least_one() {
    let center = Center::start();
    let mut customer = Sipp::customer(&center, "asks-too-often.xml", "8000", &[]);
    customer.assert_all_calls_went_well();
    center.wait_for_contact("/end/cause", "hung_up");
}
