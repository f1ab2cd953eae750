//! The softphone of the command line: the first call of somebody who has no telephone and no sound card.

use std::io::Write;
use std::process::{Child, Command, Stdio};

use hotline_tests::{
    AGENT_HZ, CUSTOMER_HZ, Center, Phone, THIRD_HZ, assert_heard, loudness, samples, wait_for,
};
use serde_json::json;

/// A softphone that ends with the story.
struct Softphone(Child);

impl Drop for Softphone {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Softphone {
    /// Types a line.
    fn order(&mut self, line: &str) {
        let typed = self.0.stdin.as_mut().expect("its input is a pipe");
        writeln!(typed, "{line}").expect("the softphone reads");
    }
}

fn softphone(center: &Center, arguments: &[&str]) -> Softphone {
    softphone_with(center, arguments, Stdio::null())
}

fn softphone_with(center: &Center, arguments: &[&str], typed: Stdio) -> Softphone {
    let mut command: Command = center.command("phone");
    command.args(["--server", &center.sip()]).args(arguments);
    Softphone(command.stdin(typed).stdout(Stdio::null()).spawn().expect("hotline runs"))
}

/// Agent 1001 at a softphone talks with a customer.
fn agent_in_a_call(center: &Center) -> (Softphone, Phone) {
    let tone = format!("tone:{AGENT_HZ}");
    let arguments = ["--register", "1001", "--password", "sample-1001", "--answer", "--say", &tone];
    let agent = softphone_with(center, &arguments, Stdio::piped());
    center.wait_for_seat("1001");
    let mut customer = Phone::customer(center, "alice", CUSTOMER_HZ);
    customer.dial("8000");
    customer.press('1');
    center.talk_for_seconds(3);
    (agent, customer)
}

#[test]
fn two_softphones_without_a_sound_card_make_the_first_call() {
    let center = Center::start();
    let agent = ["--register", "1001", "--password", "sample-1001", "--answer", "--say", "tone:880"];
    let _agent = softphone(&center, &agent);
    center.wait_for_seat("1001");
    let heard = center.folder.join("heard.wav");
    let heard = heard.to_str().expect("a path in UTF-8");
    let customer = ["--dial", "8001", "--press", "1", "--say", "tone:440", "--seconds", "9", "--save", heard];
    let mut customer = softphone(&center, &customer);
    let ended =
        wait_for("the call to end", || customer.0.try_wait().expect("a process of ours can be asked"));
    assert!(ended.success(), "{ended}");
    let contact = center.wait_for_contact("/end/class", "answered");
    assert_eq!(contact["agent"], "1001");
    center.wait_until_sealed(1);
    center.assert_rows_and_files_agree();
}

#[test]
fn a_softphone_and_another_telephone_hear_each_other() {
    let center = Center::start();
    let _agent = Phone::agent(&center, "1001", AGENT_HZ);
    let heard = center.folder.join("heard.wav");
    let saved = heard.to_str().expect("a path in UTF-8");
    let tone = format!("tone:{CUSTOMER_HZ}");
    let arguments = ["--dial", "8000", "--press", "1", "--say", &tone, "--seconds", "12", "--save", saved];
    let mut customer = softphone(&center, &arguments);
    let ended =
        wait_for("the call to end", || customer.0.try_wait().expect("a process of ours can be asked"));
    assert!(ended.success(), "{ended}");
    let heard = samples(&heard, 1);
    let last = &heard[heard.len().saturating_sub(16_000)..];
    let loudness = loudness(last, AGENT_HZ);
    assert!(loudness > 1_000.0, "the agent is heard at the end: {loudness}");
    center.wait_until_sealed(1);
}

#[test]
fn a_softphone_gives_the_customer_away_blind() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (mut agent, customer) = agent_in_a_call(&center);
    agent.order("t 2001");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();
    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    assert_heard(&customer.heard(), 1, &[[false, true, false], [false, false, true]]);
    assert_eq!(center.events_of_type("transfer_ended")[0]["how"], "done");
    center.assert_rows_and_files_agree();
}

#[test]
fn a_softphone_consults_on_a_second_call_and_joins_the_two() {
    let center = Center::start();
    let mut colleague = Phone::agent(&center, "2001", THIRD_HZ);
    let (mut agent, customer) = agent_in_a_call(&center);
    agent.order("c 2001");
    center.wait_for_events("guest_joined", 1);
    center.record_for_seconds(3);
    agent.order("j");
    center.wait_for_events("segment_started", 2);
    center.record_for_seconds(3);
    colleague.hang_up();
    center.wait_for_contact("/end/class", "answered");
    center.wait_for_recording("sealed");
    // The consultation is not for the customer's ears.
    assert_heard(&customer.heard(), 1, &[[false, true, false], [false, false, true]]);
    assert_heard(&colleague.heard(), 1, &[[false, true, false], [true, false, false]]);
    let started = &center.events_of_type("transfer_started")[0];
    assert_eq!((&started["attended"], &started["to"]), (&json!(true), &json!({ "agent": "2001" })));
    assert_eq!(center.events_of_type("transfer_ended")[0]["how"], "done");
    center.assert_rows_and_files_agree();
}

/// A carrier that is known by a name: whatever the name leads to may call, and nobody else.
#[test]
fn a_trunk_may_be_known_by_name() {
    let sources = "sources = [\"127.0.0.0/8\", \"::1/128\"]";
    let center = Center::start_with(&[("trunks.toml", sources, "sources = [\"localhost\"]")]);
    let mut customer = softphone(&center, &["--dial", "8000", "--say", "silence", "--seconds", "2"]);
    let ended =
        wait_for("the call to end", || customer.0.try_wait().expect("a process of ours can be asked"));
    assert!(ended.success(), "{ended}");
    let nobody = "sources = [\"nobody.invalid\"]";
    let center = Center::start_with(&[("trunks.toml", sources, nobody)]);
    let mut customer = softphone(&center, &["--dial", "8000", "--say", "silence", "--seconds", "2"]);
    let ended =
        wait_for("the call to end", || customer.0.try_wait().expect("a process of ours can be asked"));
    assert!(!ended.success(), "{ended}");
    center.wait_for_log("leads nowhere");
}

#[test]
fn what_cannot_be_meant_is_said_in_a_line() {
    let center = Center::start();
    for arguments in [
        &["--register", "1001", "--password", "wrong"][..],
        &["--dial", "8000>"],
        &["--press", "x", "--dial", "8000"],
    ] {
        let mut command = center.command("phone");
        let output = command.args(["--server", &center.sip()]).args(arguments).stdin(Stdio::null()).output();
        let output = output.expect("hotline runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.lines().count() == 1, "{arguments:?}: {said}");
    }
}
