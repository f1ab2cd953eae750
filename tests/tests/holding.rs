//! Holding and coming back, by either side.

use hotline_tests::Heard::{Other, Silence, Tone};
use hotline_tests::{AGENT_HZ, CUSTOMER_HZ, Center, Phone, heard};

#[test]
fn a_customer_held_by_the_agent_hears_music_and_then_the_agent_again() {
    let center = Center::start();
    let mut agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);
    hold_and_resume(&center, &mut agent, "agent");
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    let file = center.recording_file(&recording);
    assert_eq!(heard(&file, 1, CUSTOMER_HZ), [Tone], "the customer's voice is recorded throughout");
    assert!(heard(&file, 2, AGENT_HZ).ends_with(&[Tone, Other, Tone]));
    assert!(heard(&customer.heard(), 1, AGENT_HZ).ends_with(&[Tone, Other, Tone]));
    center.assert_rows_and_files_agree();
}

#[test]
fn an_agent_held_by_the_customer_hears_music_and_then_the_customer_again() {
    let center = Center::start();
    let agent = Phone::agent(&center, "1001", AGENT_HZ);
    let mut customer = Phone::customer(&center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(2);
    hold_and_resume(&center, &mut customer, "caller");
    customer.hang_up();

    center.wait_for_contact("/end/class", "answered");
    let recording = center.wait_for_recording("sealed");
    // A customer who holds is sent nothing, and the agent does not hear what a holding customer sends.
    assert!(heard(&center.recording_file(&recording), 2, AGENT_HZ).ends_with(&[Tone, Silence, Tone]));
    assert!(heard(&agent.heard(), 1, CUSTOMER_HZ).ends_with(&[Tone, Other, Tone]));
    center.assert_rows_and_files_agree();
}

/// Holds for three seconds of the recording, which goes on, and talks for three more.
fn hold_and_resume(center: &Center, holder: &mut Phone, by: &str) {
    holder.hold();
    let started = center.wait_for_events("hold_started", 1);
    center.record_for_seconds(3);
    assert!(center.events_of_type("hold_ended").is_empty());
    holder.resume();
    let ended = center.wait_for_events("hold_ended", 1);
    center.record_for_seconds(3);
    assert_eq!((started.len(), ended.len()), (1, 1), "{started:?} {ended:?}");
    assert_eq!((&started[0]["by"], &ended[0]["by"]), (&by.into(), &by.into()));
}
